//! Whether the host has room for one more soak.

use std::fs;
use std::path::Path;

/// What a soak is started with at least.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted {
    /// Memory that is available, in bytes.
    pub memory_bytes: u64,
    /// Share of the processors that is idle, 0 to 1.
    pub cpu_ratio: f64,
}

/// What the host has now; what it does not tell is `None` and holds nothing back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Room {
    /// Memory that can be had without swapping, in bytes.
    pub memory_bytes: Option<u64>,
    /// Share of the processors that was idle over the last minute.
    pub cpu_ratio: Option<f64>,
}

impl Room {
    /// Reads it below `proc`, usually `/proc`.
    #[must_use]
    pub fn read(proc: &Path) -> Self {
        let text = |name: &str| fs::read_to_string(proc.join(name)).ok();
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            memory_bytes: text("meminfo").as_deref().and_then(available),
            cpu_ratio: text("loadavg").as_deref().and_then(|text| idle(text, cpus)),
        }
    }

    /// Why nothing is started now; `None` where there is room.
    #[must_use]
    pub fn lacks(&self, wanted: &Wanted) -> Option<String> {
        let mib = |bytes: u64| bytes >> 20;
        match (self.memory_bytes, self.cpu_ratio) {
            (Some(bytes), _) if bytes < wanted.memory_bytes => Some(format!(
                "{} MiB of memory are available, {} MiB are to be kept",
                mib(bytes),
                mib(wanted.memory_bytes)
            )),
            (_, Some(idle)) if idle < wanted.cpu_ratio => Some(format!(
                "{:.0} % of the processors are idle, {:.0} % are to be kept",
                idle * 100.0,
                wanted.cpu_ratio * 100.0
            )),
            _ => None,
        }
    }
}

/// `MemAvailable:   123 kB` of `/proc/meminfo`, in bytes.
fn available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}

/// What the load of the last minute, the first number of `/proc/loadavg`, leaves of `cpus` processors.
fn idle(text: &str, cpus: usize) -> Option<f64> {
    let load: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some((1.0 - load / cpus as f64).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Wanted = Wanted { memory_bytes: 256 << 20, cpu_ratio: 0.25 };

    #[test]
    fn a_host_with_room_holds_nothing_back() {
        let room = Room { memory_bytes: Some(1 << 30), cpu_ratio: Some(0.5) };
        assert_eq!(room.lacks(&WANTED), None);
        // Nor does one that does not tell.
        assert_eq!(Room { memory_bytes: None, cpu_ratio: None }.lacks(&WANTED), None);
    }

    #[test]
    fn what_is_lacking_is_told() {
        let little = Room { memory_bytes: Some(100 << 20), cpu_ratio: Some(0.5) };
        assert_eq!(little.lacks(&WANTED).as_deref(), Some("100 MiB of memory are available, 256 MiB are to be kept"));
        let busy = Room { memory_bytes: Some(1 << 30), cpu_ratio: Some(0.1) };
        assert_eq!(busy.lacks(&WANTED).as_deref(), Some("10 % of the processors are idle, 25 % are to be kept"));
    }

    #[test]
    fn the_kernel_is_read() {
        assert_eq!(available("MemTotal: 9 kB\nMemAvailable:    2048 kB\n"), Some(2 << 20));
        assert_eq!(available("MemTotal: 9 kB\n"), None);
        assert_eq!(idle("0.50 0.10 0.05 1/200 4711\n", 2), Some(0.75));
        assert_eq!(idle("9.00 0.10 0.05 1/200 4711\n", 2), Some(0.0));
        assert_eq!(idle("", 2), None);
        assert!(Room::read(Path::new("/proc")).memory_bytes.is_some());
    }
}
