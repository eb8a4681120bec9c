//! Processes that carry the mark of one test in their environment, so that none of them is left behind unseen.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// The variable that carries it. Whatever soakd starts inherits it.
pub(crate) const VARIABLE: &str = "SOAKD_TEST_MARK";

/// The processes that carry `mark` and have not ended: pid and command line.
pub(crate) fn living(mark: &str) -> Vec<(u32, String)> {
    let wanted = format!("{VARIABLE}={mark}");
    let folders = fs::read_dir("/proc").expect("/proc can be listed").flatten();
    let pids = folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok());
    pids.filter(|pid| carries(*pid, wanted.as_bytes())).map(|pid| (pid, command_line(pid))).collect()
}

/// Ends what still carries `mark`; what it starts in the meantime too.
pub(crate) fn end(mark: &str) {
    for (pid, _) in living(mark) {
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            // That it has ended in the meantime is as well.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// A process that has ended and waits to be reaped has no environment any more.
fn carries(pid: u32, wanted: &[u8]) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == wanted)
}

fn command_line(pid: u32) -> String {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&words).replace('\0', " ")
}
