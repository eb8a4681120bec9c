//! Limits of this process, which targets inherit.

use soakd_analysis::Quantity;
use soakd_sampler::FileBudget;

use super::{Finding, Host};

/// A tree of as many processes is nothing unusual.
const KEPT_PROCESSES: usize = 100;

/// Enough for soakd, a target with its workers, and a load driver.
const PROCESSES: u64 = 256;

/// Soft or hard limit of that name in `/proc/self/limits`; `None` where there is none.
fn limit(host: &Host, name: &str, column: usize) -> Option<u64> {
    let text = host.read("/proc/self/limits").ok()?;
    let values = text.lines().find_map(|line| line.strip_prefix(name))?;
    values.split_ascii_whitespace().nth(column)?.parse().ok()
}

fn soft_limit(host: &Host, name: &str) -> Option<u64> {
    limit(host, name, 0)
}

fn hard_limit(host: &Host, name: &str) -> Option<u64> {
    limit(host, name, 1)
}

/// soakd raises its own soft limit to the hard one; targets get the soft one back.
pub(super) fn open_files(host: &Host) -> Finding {
    let Some(limit) = hard_limit(host, "Max open files") else {
        return Finding::ok("any number of files may be open");
    };
    let kept = FileBudget::members_kept_within(limit);
    let found = format!("{limit} files may be open: soakd keeps open those of up to {kept} processes");
    if kept >= KEPT_PROCESSES {
        return Finding::ok(found);
    }
    Finding::limited(
        found,
        "those of any more processes are opened at each sample, which costs some ten times as much: a large tree may be \
         sampled less often than asked for",
    )
    .action("`ulimit -Hn 65536` as root, or `LimitNOFILE=65536` in the unit")
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
