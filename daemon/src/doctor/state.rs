//! The state folder and the disk below it.

use std::fs;
use std::path::Path;

use soakd_analysis::Quantity;

use super::{Disk, Finding, Host};

/// A run could not even begin.
const TOO_LITTLE_BYTES: u64 = 1024 * 1024;

/// A day of 100 series at 1 s, with room for the write-ahead log.
const ENOUGH_BYTES: u64 = 128 * 1024 * 1024;

const ELSEWHERE: &str = "give a folder that you may write to with `--state DIR`, or set `STATE_DIRECTORY`";

/// The state folder, or what there is of the way to it.
fn nearest(host: &Host) -> Option<&Path> {
    host.state.ancestors().find(|folder| folder.exists())
}

pub(super) fn state_folder(host: &Host) -> Finding {
    let shown = host.state.display();
    let Some(nearest) = nearest(host) else {
        return Finding::missing(format!("`{shown}` cannot be made"), "no run can be recorded").action(ELSEWHERE);
    };
    // Only trying tells: root, read-only file systems and quotas all differ from what the permission bits say.
    let probe = nearest.join(format!(".soakd-doctor-{}", std::process::id()));
    match fs::create_dir(&probe).and_then(|()| fs::remove_dir(&probe)) {
        Ok(()) if nearest == host.state => Finding::ok(format!("`{shown}` can be written")),
        Ok(()) => Finding::ok(format!("`{shown}` can be made")),
        Err(error) => Finding::missing(format!("`{shown}` cannot be written: {error}"), "no run can be recorded")
            .action(ELSEWHERE),
    }
}

pub(super) fn disk(host: &Host) -> Finding {
    let answer = nearest(host).map(host.kernel.disk);
    let Some(Ok(Disk { free_bytes, total_bytes })) = answer else {
        return Finding::limited(
            "free space below the state folder is unknown",
            "a disk that fills is only noticed when a sample cannot be written; the run goes on and says so",
        );
    };
    let shown = |bytes: u64| Quantity::Bytes.show(bytes as f64).to_string();
    let found = format!("{} of {} free below the state folder", shown(free_bytes), shown(total_bytes));
    let action = "free some space, or give a folder on another disk with `--state DIR`";
    match free_bytes {
        0..TOO_LITTLE_BYTES => Finding::missing(found, "no run can be recorded").action(action),
        TOO_LITTLE_BYTES..ENOUGH_BYTES => Finding::limited(
            found,
            "a long run of many series may fill it; about 10 MB go for 20 series at 1 s for a day",
        )
        .action(action),
        _ => Finding::ok(found),
    }
}
