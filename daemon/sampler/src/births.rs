//! Learns cheaply whether any process was born since the last look, and which pids it can have.
//!
//! `/proc/loadavg` ends in the pid that was given out last. While it stands still nothing was born, so a steady
//! tree needs no search at all: one `pread` a tick. Once it moved, the new process has one of the pids between. Most of these
//! have ended by then on a host where compilers run, which [`is_there`] finds out at a tenth of the price of opening a file.

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, getpriority_process};

use crate::fields::{number, whole_lines, words};
use crate::proc_root::ProcRoot;

/// What may have been born since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Births {
    /// Nothing.
    None,
    /// Only processes with a pid in this range, both ends included.
    Within {
        /// The lowest pid.
        first: u32,
        /// The highest pid.
        last: u32,
    },
    /// Anything: too much was born, the count of pids started again from below, or this `/proc` does not tell.
    Unknown,
}

/// Remembers the last pids that were given out.
#[derive(Debug)]
pub(crate) struct BirthWatch {
    loadavg: Option<OwnedFd>,
    /// The pid at the last look, and the one from which on the next look begins.
    ///
    /// A pid is given out shortly before its process can be seen. So the last few pids of each range are looked at
    /// twice: what was not visible the first time is found on the next tick.
    seen: Option<(u32, u32)>,
}

/// So many new pids are tried on any host; on one with many processes more, see [`BirthWatch::look`].
const LEAST_PIDS_TRIED: u32 = 128;

/// So many births may be under way at a time, given out and not visible yet; each holds a CPU for some microseconds.
const PIDS_LOOKED_AT_TWICE: u32 = 64;

impl BirthWatch {
    /// Watches `root`, if its pids are those of the caller's namespace; else every look is [`Births::Unknown`].
    pub(crate) fn new(root: &ProcRoot) -> Self {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let loadavg = root
            .is_own_namespace()
            .then(|| rustix::fs::open(root.path().join("loadavg"), flags, Mode::empty()).ok())
            .flatten()
            // A container may have its own idea of `loadavg` mounted over the kernel's.
            .filter(|file| rustix::fs::fstatfs(file).is_ok_and(|facts| facts.f_type == rustix::fs::PROC_SUPER_MAGIC));
        Self { loadavg, seen: None }
    }

    /// Whether births are seen at all.
    pub(crate) fn is_watching(&self) -> bool {
        self.loadavg.is_some()
    }

    /// What may have been born since the last call, on a host with about `processes_count` processes.
    ///
    /// Most new pids are gone already, which is found out at half the price of reading a process. So up to twice as many
    /// as there are processes are tried, before a search of all is the cheaper way.
    pub(crate) fn look(&mut self, processes_count: usize) -> Births {
        let Some(file) = &self.loadavg else { return Births::Unknown };
        let mut buffer = [0; 128];
        let last_pid = rustix::io::pread(file, &mut buffer, 0).ok().and_then(|length| last_pid(&buffer[..length]));
        let Some(last_pid) = last_pid else {
            self.loadavg = None;
            return Births::Unknown;
        };
        let most = u32::try_from(processes_count.saturating_mul(2)).unwrap_or(u32::MAX);
        self.advance(last_pid, most.max(LEAST_PIDS_TRIED))
    }

    fn advance(&mut self, last_pid: u32, most_tried: u32) -> Births {
        let before = self.seen;
        let begin = match before {
            None => last_pid,
            Some((last, _)) if last <= last_pid => last.max(last_pid.saturating_sub(PIDS_LOOKED_AT_TWICE)),
            // The count of pids started again from below.
            Some(_) => last_pid.saturating_sub(PIDS_LOOKED_AT_TWICE),
        };
        self.seen = Some((last_pid, begin));
        match before {
            None => Births::Unknown,
            Some((last, oldest)) if last == last_pid && oldest == last_pid => Births::None,
            Some((_, oldest)) if oldest < last_pid && last_pid - oldest <= most_tried => {
                Births::Within { first: oldest + 1, last: last_pid }
            }
            Some(_) => Births::Unknown,
        }
    }
}

/// Whether a process or thread of the caller's pid namespace may have `pid`: `false` only where the kernel says that none has.
///
/// Asked by its priority, which needs no right over the process and looks nothing up but the pid.
pub(crate) fn is_there(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_none_or(|pid| getpriority_process(Some(pid)) != Err(Errno::SRCH))
}

/// The pid given out last, from the text of `/proc/loadavg`. Zero is no pid: some sandboxes write it.
fn last_pid(text: &[u8]) -> Option<u32> {
    let line = whole_lines(text).next()?;
    let last = number(words(line).nth(4)?)?;
    u32::try_from(last).ok().filter(|pid| *pid > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unopened() -> BirthWatch {
        BirthWatch { loadavg: None, seen: None }
    }

    #[test]
    fn the_last_pid_is_the_fifth_word() {
        assert_eq!(last_pid(b"0.01 0.03 0.10 1/94 14749\n"), Some(14749));
        for bad in [&b""[..], b"0.01 0.03 0.10 1/94 14749", b"0.01 0.03 0.10 1/94\n", b"0 0 0 0/0 0\n", b"a b c d e\n"]
        {
            assert_eq!(last_pid(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_pid_is_there_until_its_process_was_waited_for() {
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        assert!(is_there(child.id()) && is_there(std::process::id()) && is_there(0) && is_there(u32::MAX));
        drop(child.stdin.take());
        child.wait().unwrap();
        // Unless it was given out again meanwhile.
        let is_free = || !std::path::Path::new(&format!("/proc/{}", child.id())).exists();
        assert!(!is_there(child.id()) || !is_free());
    }

    #[test]
    fn nothing_is_born_while_the_last_pid_stands_still() {
        let mut watch = unopened();
        assert_eq!(watch.advance(100, 256), Births::Unknown);
        assert_eq!(watch.advance(100, 256), Births::None);
        assert_eq!(watch.advance(100, 256), Births::None);
    }

    #[test]
    fn the_last_new_pids_are_looked_at_twice() {
        let mut watch = unopened();
        watch.advance(100, 256);
        assert_eq!(watch.advance(102, 256), Births::Within { first: 101, last: 102 });
        assert_eq!(watch.advance(103, 256), Births::Within { first: 101, last: 103 });
        assert_eq!(watch.advance(103, 256), Births::Within { first: 103, last: 103 });
        assert_eq!(watch.advance(103, 256), Births::None);
        assert_eq!(watch.advance(303, 256), Births::Within { first: 104, last: 303 });
        assert_eq!(watch.advance(303, 256), Births::Within { first: 240, last: 303 });
    }

    #[test]
    fn pids_that_start_again_or_jump_far_need_a_full_search() {
        let mut watch = unopened();
        watch.advance(32_000, 256);
        assert_eq!(watch.advance(400, 256), Births::Unknown);
        assert_eq!(watch.advance(400, 256), Births::Within { first: 337, last: 400 });
        assert_eq!(watch.advance(400, 256), Births::None);
        assert_eq!(watch.advance(4000, 256), Births::Unknown);
    }

    #[test]
    fn a_child_of_this_process_moves_the_watch() {
        let root = ProcRoot::default();
        let mut watch = BirthWatch::new(&root);
        assert!(watch.is_watching());
        watch.look(100);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let births = watch.look(100);
        child.wait().unwrap();
        match births {
            Births::Within { first, last } => assert!((first..=last).contains(&child.id())),
            // Others may have started many processes meanwhile.
            Births::Unknown => {}
            Births::None => panic!("a child was born unseen"),
        }
    }
}
