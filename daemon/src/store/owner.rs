//! Which process records a run, and whether it still lives.

use std::fs;
use std::path::Path;

/// Identity of a process on this host: a pid alone would be mistaken for a later process that was given the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner {
    /// Process id.
    pub pid: u32,
    /// Start time in clock ticks since boot; 0 where it could not be read.
    pub start_ticks: u64,
    /// The kernel's id of this boot; empty where it could not be read.
    pub boot_id: String,
}

impl Owner {
    /// This process, as the folder `proc` (usually `/proc`) describes it.
    #[must_use]
    pub fn current(proc: &Path) -> Self {
        Self::of(proc, std::process::id())
    }

    /// The process of this number, as the folder `proc` describes it.
    #[must_use]
    pub fn of(proc: &Path, pid: u32) -> Self {
        Self {
            pid,
            start_ticks: stat(proc, pid).map_or(0, |stat| stat.start_ticks),
            boot_id: boot_id(proc).unwrap_or_default(),
        }
    }

    /// The process of this number that started then, on the host as it runs now.
    #[must_use]
    pub fn process(pid: u32, start_ticks: u64) -> Self {
        Self { pid, start_ticks, boot_id: boot_id(Path::new("/proc")).unwrap_or_default() }
    }

    /// Whether this process still runs. A zombie does not: it writes nothing more.
    ///
    /// Where the kernel does not tell (no `/proc`), the owner counts as alive: a live run is never taken from its owner.
    /// A process in another pid namespace cannot be seen and counts as gone. If it lives after all, the end that it
    /// gives its run replaces the mark.
    #[must_use]
    pub fn is_alive(&self, proc: &Path) -> bool {
        match boot_id(proc) {
            Some(boot_id) if boot_id == self.boot_id => {}
            Some(_) => return false,
            None => return true,
        }
        stat(proc, self.pid).is_some_and(|stat| !stat.dead && stat.start_ticks == self.start_ticks)
    }
}

fn boot_id(proc: &Path) -> Option<String> {
    let text = fs::read_to_string(proc.join("sys/kernel/random/boot_id")).ok()?;
    Some(text.trim().to_owned())
}

/// What is needed of `/proc/PID/stat`.
struct Stat {
    dead: bool,
    start_ticks: u64,
}

fn stat(proc: &Path, pid: u32) -> Option<Stat> {
    // The name in parentheses may hold anything, invalid UTF-8 included.
    let bytes = fs::read(proc.join(pid.to_string()).join("stat")).ok()?;
    parse_stat(&String::from_utf8_lossy(&bytes))
}

/// `pid (comm) state ppid … starttime …`: the name may hold spaces and parentheses, so the last one ends it.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let dead = matches!(fields.next()?, "Z" | "X" | "x");
    // State is field 3 of proc(5), the start time field 22.
    let start_ticks = fields.nth(18)?.parse().ok()?;
    Some(Stat { dead, start_ticks })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROC: &str = "/proc";

    #[test]
    fn this_process_is_alive() {
        let owner = Owner::current(Path::new(PROC));
        assert_ne!(owner.start_ticks, 0);
        assert!(owner.is_alive(Path::new(PROC)));
    }

    #[test]
    fn another_start_time_or_boot_is_another_process() {
        let owner = Owner::current(Path::new(PROC));
        let earlier = Owner { start_ticks: owner.start_ticks - 1, ..owner.clone() };
        assert!(!earlier.is_alive(Path::new(PROC)));
        let other_boot = Owner { boot_id: "b".to_owned(), ..owner };
        assert!(!other_boot.is_alive(Path::new(PROC)));
    }

    #[test]
    fn a_zombie_is_not_alive_and_a_name_may_hold_anything() {
        let line =
            |state: &str| format!("7 (a) (b c) {state} 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 {} 0 0", 4242);
        let running = parse_stat(&line("S")).unwrap();
        assert_eq!(running.start_ticks, 4242);
        assert!(!running.dead);
        assert!(parse_stat(&line("Z")).unwrap().dead);
        assert!(parse_stat("7 (a) S 1").is_none());
        assert!(parse_stat("").is_none());
    }

    #[test]
    fn an_owner_counts_as_alive_where_the_kernel_does_not_tell() {
        let empty = tempfile::tempdir().unwrap();
        assert!(Owner::current(Path::new(PROC)).is_alive(empty.path()));
    }
}
