//! What the daemon itself costs.

use std::fs;
use std::path::Path;

use super::status::DaemonStatus;
use crate::store::Store;

/// Reads it anew: own memory, processor time, files, store.
pub fn refresh(status: &mut DaemonStatus, store: &Store) {
    let own = Path::new("/proc/self");
    status.rss_bytes = fs::read_to_string(own.join("statm")).ok().as_deref().and_then(resident);
    status.cpu_s = Some(cpu_s());
    // The folder itself is open while it is listed.
    status.open_files_count = fs::read_dir(own.join("fd")).ok().map(|files| (files.count() as u64).saturating_sub(1));
    status.store_bytes = store.size_bytes().ok();
}

/// The second number of `statm`, in bytes.
fn resident(text: &str) -> Option<u64> {
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(rustix::param::page_size() as u64)
}

/// Processor time of all threads of this process.
fn cpu_s() -> f64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 * 1e-9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_told_in_bytes() {
        assert_eq!(resident("100 25 3 1 0 9 0\n"), Some(25 * rustix::param::page_size() as u64));
        assert_eq!(resident(""), None);
    }

    #[test]
    fn this_process_has_taken_some_time() {
        assert!(cpu_s() > 0.0);
    }
}
