//! The descendants of a process, and how to signal them without hitting a stranger.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::target::Leftover;

/// What is needed of `/proc/PID/stat` to find a family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relative {
    pub(crate) pid: u32,
    pub(crate) name: String,
    pub(crate) state: char,
    pub(crate) parent: u32,
    pub(crate) session: u32,
    pub(crate) start_ticks: u64,
}

impl Relative {
    /// Parses a line of `/proc/PID/stat`.
    pub(crate) fn parse(stat: &[u8]) -> Option<Self> {
        // The name may hold anything, also parentheses: it ends at the last one.
        let open = stat.iter().position(|byte| *byte == b'(')?;
        let close = stat.iter().rposition(|byte| *byte == b')')?;
        let number = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.trim().parse::<u64>().ok();
        let short = |bytes: &[u8]| u32::try_from(number(bytes)?).ok();
        let mut fields = stat.get(close + 1..)?.trim_ascii().split(|byte| *byte == b' ');
        // Counted as in proc(5), where the state is field 3.
        let state = char::from(*fields.next()?.first()?);
        let parent = short(fields.next()?)?;
        let session = short(fields.nth(1)?)?;
        let start_ticks = number(fields.nth(15)?)?;
        let name = String::from_utf8_lossy(stat.get(open + 1..close)?).into_owned();
        Some(Self { pid: short(&stat[..open])?, name, state, parent, session, start_ticks })
    }

    /// The process that has this pid now.
    pub(crate) fn read(pid: u32) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// As [`Relative::read`], where a process that cannot be read for want of descriptors must not be taken for one that has gone.
    ///
    /// # Errors
    /// When no descriptor is free.
    pub(crate) fn try_read(pid: u32) -> io::Result<Option<Self>> {
        match fs::read(format!("/proc/{pid}/stat")) {
            Ok(stat) => Ok(Self::parse(&stat)),
            Err(error) => match Errno::from_io_error(&error) {
                Some(Errno::MFILE | Errno::NFILE) => Err(error),
                _ => Ok(None),
            },
        }
    }

    /// Whether it has ended and waits to be reaped.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }

    /// Sends `signal`, if the process is still the one that was read.
    ///
    /// The descriptor is opened first and the start time compared after, so that a pid that was given to another
    /// process in between is noticed.
    ///
    /// # Errors
    /// When it may not be signalled. That it has gone is no error.
    pub(crate) fn signal(&self, signal: Signal) -> rustix::io::Result<()> {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
        let process = match pidfd_open(pid, PidfdFlags::empty()) {
            Err(Errno::SRCH) => return Ok(()),
            process => process?,
        };
        if Self::read(self.pid).is_none_or(|now| now.start_ticks != self.start_ticks) {
            return Ok(());
        }
        match pidfd_send_signal(&process, signal) {
            Err(Errno::SRCH) => Ok(()),
            sent => sent,
        }
    }
}

impl From<&Relative> for Leftover {
    fn from(relative: &Relative) -> Self {
        Self { pid: relative.pid, name: relative.name.clone(), state: relative.state }
    }
}

/// Every process that can be seen now.
pub(crate) fn all_processes() -> Vec<Relative> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter_map(Relative::read).collect()
}

/// Those of `processes` that descend from `ancestor`, without it.
pub(crate) fn descendants_among(processes: Vec<Relative>, ancestor: u32) -> Vec<Relative> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for process in &processes {
        children.entry(process.parent).or_default().push(process.pid);
    }
    let mut family = BTreeSet::new();
    let mut open = vec![ancestor];
    while let Some(pid) = open.pop() {
        // A list that was read while pids came and went may hold a loop: each pid is followed once.
        let new = children.remove(&pid).unwrap_or_default();
        open.extend(new.iter().copied().filter(|child| family.insert(*child)));
    }
    family.remove(&ancestor);
    processes.into_iter().filter(|process| family.contains(&process.pid)).collect()
}

/// The descendants of `ancestor` now.
pub(crate) fn descendants_of(ancestor: u32) -> Vec<Relative> {
    descendants_among(all_processes(), ancestor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn relative(pid: u32, parent: u32) -> Relative {
        Relative { pid, name: "x".to_owned(), state: 'S', parent, session: 1, start_ticks: 5 }
    }

    #[test]
    fn a_stat_line_is_read_also_with_a_nasty_name() {
        let line = b"4711 (a) b (c) S 12 4710 4709 0 -1 4194304 10 0 0 0 1 2 0 0 20 0 1 0 987654 4096 1 18446744073709551615 0\n";
        let expected = Relative {
            pid: 4711,
            name: "a) b (c".to_owned(),
            state: 'S',
            parent: 12,
            session: 4709,
            start_ticks: 987_654,
        };
        assert_eq!(Relative::parse(line), Some(expected));
    }

    #[test]
    fn the_own_process_is_read_as_it_is() {
        let own = Relative::read(std::process::id()).unwrap();
        assert_eq!(own.parent, std::os::unix::process::parent_id());
        // The kernel's own word for it in this namespace: 0 where the session's leader is outside.
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let session = stat.rsplit_once(") ").and_then(|(_, fields)| fields.split(' ').nth(3)).unwrap();
        assert_eq!(own.session.to_string(), session);
        assert!(own.start_ticks > 0);
    }

    #[test]
    fn a_family_has_grandchildren_and_no_strangers() {
        let processes = vec![relative(2, 1), relative(3, 2), relative(4, 3), relative(5, 1), relative(1, 0)];
        let family: Vec<u32> = descendants_among(processes, 2).iter().map(|process| process.pid).collect();
        assert_eq!(family, [3, 4]);
    }

    #[test]
    fn a_loop_of_parents_ends() {
        let family = descendants_among(vec![relative(2, 3), relative(3, 2)], 2);
        assert_eq!(family.len(), 1);
    }

    #[test]
    fn a_process_with_another_start_time_is_not_signalled() {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let real = Relative::read(child.id()).unwrap();
        Relative { start_ticks: real.start_ticks + 1, ..real.clone() }.signal(Signal::KILL).unwrap();
        assert!(child.try_wait().unwrap().is_none(), "a stranger was killed");
        real.signal(Signal::KILL).unwrap();
        assert!(!child.wait().unwrap().success());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Relative::parse(&bytes);
        }
    }
}
