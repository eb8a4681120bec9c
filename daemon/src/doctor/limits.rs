//! Limits of this process, which targets inherit.

use soakd_analysis::Quantity;

use super::{Finding, Host};

/// Enough for a tree of hundreds of processes, of which several files each are kept open.
const OPEN_FILES: u64 = 1024;

/// Enough for soakd, a target with its workers, and a load driver.
const PROCESSES: u64 = 256;

/// The soft limit of that name in `/proc/self/limits`; `None` where there is none.
fn soft_limit(host: &Host, name: &str) -> Option<u64> {
    let text = host.read("/proc/self/limits").ok()?;
    let values = text.lines().find_map(|line| line.strip_prefix(name))?;
    values.split_ascii_whitespace().next()?.parse().ok()
}

pub(super) fn open_files(host: &Host) -> Finding {
    match soft_limit(host, "Max open files") {
        Some(limit) if limit < OPEN_FILES => Finding::limited(
            format!("{limit} files may be open"),
            "soakd keeps several open for each process of a target: of a large tree some would not be measured",
        )
        .action("`ulimit -n 4096`, or `LimitNOFILE=` in the unit"),
        Some(limit) => Finding::ok(format!("{limit} files may be open")),
        None => Finding::ok("any number of files may be open"),
    }
}

pub(super) fn processes(host: &Host) -> Finding {
    match soft_limit(host, "Max processes") {
        Some(limit) if limit < PROCESSES => Finding::limited(
            format!("this user may have {limit} processes and threads"),
            "a target inherits the limit and may fail to start its workers",
        )
        .action("`ulimit -u 4096`, or `LimitNPROC=` in the unit"),
        Some(limit) => Finding::ok(format!("this user may have {limit} processes and threads")),
        None => Finding::ok("this user may have any number of processes and threads"),
    }
}

pub(super) fn file_size(host: &Host) -> Finding {
    match soft_limit(host, "Max file size") {
        Some(bytes) => Finding::limited(
            format!("a file may not exceed {}", Quantity::Bytes.show(bytes as f64)),
            "the store stops taking samples when it reaches that; a target inherits the limit",
        )
        .action("`ulimit -f unlimited`, or `LimitFSIZE=infinity` in the unit"),
        None => Finding::ok("files may have any size"),
    }
}
