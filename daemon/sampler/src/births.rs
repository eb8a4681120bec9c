//! Learns cheaply who was born since the last look, once for all trees of this process.
//!
//! `/proc/loadavg` ends in the pid that was given out last. While it stands still nothing was born, so a steady
//! tree needs no search at all: one `pread` a tick. Once it moved, the new process has one of the pids between. Most of these
//! have ended by then on a host where compilers run, which [`is_there`] finds out at a tenth of the price of opening a file.
//!
//! A new pid belongs to one tree at most, and would be tried by each of a hundred. So they share a [`BirthWatch`]: whoever looks first
//! tries it, and the others are told who was there.

use std::os::fd::OwnedFd;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, getpriority_process};

use crate::birth_record::{BirthRecord, Newcomer, Onlooker, Told};
use crate::fields::{number, whole_lines, words};
use crate::proc_root::ProcRoot;
use crate::process_id::read_stat;
use crate::shared_listing::SharedListing;

/// What is known of births since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Births {
    /// Who has come was told, nobody in most cases.
    Told,
    /// Anybody may have come: too much was born, or the count of pids started again from below.
    Unknown,
    /// This `/proc` does not tell of births.
    Unwatched,
}

/// Watches births on this host, for all trees that hold a clone of it.
#[derive(Debug, Clone)]
pub struct BirthWatch(Arc<Watch>);

#[derive(Debug)]
struct Watch {
    root: ProcRoot,
    shared: Mutex<Shared>,
    listing: SharedListing,
}

#[derive(Debug)]
struct Shared {
    loadavg: Option<OwnedFd>,
    record: BirthRecord,
}

/// So many new pids are tried on any host; on one with many processes more, see [`BirthWatch::look`].
const LEAST_PIDS_TRIED: u32 = 128;
/// Also where many trees share them, a look tries no more for the sake of the others: some milliseconds.
const MOST_PIDS_TRIED_FOR_OTHERS: u32 = 4096;

static OF_THIS_PROCESS: LazyLock<BirthWatch> = LazyLock::new(|| BirthWatch::of(ProcRoot::default()));

impl Default for BirthWatch {
    /// That of this process: see [`BirthWatch::of_this_process`].
    fn default() -> Self {
        Self::of_this_process()
    }
}

impl BirthWatch {
    /// The one that all trees below `/proc` share unless they are handed another.
    #[must_use]
    pub fn of_this_process() -> Self {
        OF_THIS_PROCESS.clone()
    }

    /// One for all trees below `root` that are handed a clone. It watches if the pids of `root` are those of the caller's namespace; else
    /// trees search for newcomers once in a while.
    #[must_use]
    pub fn of(root: ProcRoot) -> Self {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let loadavg = root
            .is_own_namespace()
            .then(|| rustix::fs::open(root.path().join("loadavg"), flags, Mode::empty()).ok())
            .flatten()
            // A container may have its own idea of `loadavg` mounted over the kernel's.
            .filter(|file| rustix::fs::fstatfs(file).is_ok_and(|facts| facts.f_type == rustix::fs::PROC_SUPER_MAGIC));
        let shared = Shared { loadavg, record: BirthRecord::new() };
        Self(Arc::new(Watch { root, shared: Mutex::new(shared), listing: SharedListing::new() }))
    }

    /// The list of all processes that its trees share as well.
    pub(crate) fn listing(&self) -> SharedListing {
        self.0.listing.clone()
    }

    /// This one, if it is for `root`, else one of its own.
    pub(crate) fn or_of(self, root: &ProcRoot) -> Self {
        if self.0.root == *root { self } else { Self::of(root.clone()) }
    }

    /// Puts into `newcomers` who was born since the last look of this `onlooker`, on a host with about `processes_count`
    /// processes. `now` is time on the onlooker's own clock.
    ///
    /// Most new pids are gone already, which is found out at half the price of reading a process. So up to twice as many
    /// as there are processes are tried for each tree, before a search of all is the cheaper way.
    pub(crate) fn look(
        &self,
        onlooker: &mut Onlooker,
        now: Duration,
        processes_count: usize,
        newcomers: &mut Vec<Newcomer>,
    ) -> Births {
        newcomers.clear();
        // Whoever panicked has left a record that is whole: a pid was tried, or it was not.
        let mut shared = self.0.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let Shared { loadavg, record } = &mut *shared;
        let Some(file) = loadavg else { return Births::Unwatched };
        let mut buffer = [0; 128];
        let last_pid = rustix::io::pread(file, &mut buffer, 0).ok().and_then(|length| last_pid(&buffer[..length]));
        let Some(last_pid) = last_pid else {
            *loadavg = None;
            return Births::Unwatched;
        };
        let most_tried = most_tried(processes_count, Arc::strong_count(&self.0));
        let mut try_pid = |pid| parent_of(&self.0.root, pid);
        match record.look(onlooker, now, (last_pid, most_tried), &mut try_pid, newcomers) {
            Told::All => Births::Told,
            Told::Unknown => Births::Unknown,
        }
    }
}

/// So many pids are tried in one look where about `trees_count` trees share what it finds.
fn most_tried(processes_count: usize, trees_count: usize) -> u32 {
    let tried = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let for_one = processes_count.saturating_mul(2).max(LEAST_PIDS_TRIED as usize);
    tried(for_one).max(tried(for_one.saturating_mul(trees_count)).min(MOST_PIDS_TRIED_FOR_OTHERS))
}

/// The parent of the process or thread that has `pid`; `None` where none has it, or it has ended, or cannot be read.
fn parent_of(root: &ProcRoot, pid: u32) -> Option<u32> {
    // Births are watched in the caller's own namespace alone, so pids mean the same to the kernel.
    let stat = is_there(pid).then(|| read_stat(root, pid).ok()).flatten()?;
    (!stat.has_ended()).then_some(stat.parent_pid)
}

/// Whether a process or thread of the caller's pid namespace may have `pid`: `false` only where the kernel says that none has.
///
/// Asked by its priority, which needs no right over the process and looks nothing up but the pid.
fn is_there(pid: u32) -> bool {
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
    fn more_is_tried_for_many_trees_but_not_without_end() {
        assert_eq!(most_tried(10, 1), 128);
        assert_eq!(most_tried(1000, 1), 2000);
        assert_eq!(most_tried(100, 10), 2000);
        assert_eq!(most_tried(1000, 100), 4096);
        assert_eq!(most_tried(10_000, 100), 20_000);
        assert_eq!(most_tried(usize::MAX, usize::MAX), u32::MAX);
    }

    #[test]
    fn a_child_of_this_process_is_told_to_all_who_look() {
        let watch = BirthWatch::of(ProcRoot::default());
        let mut onlookers = [Onlooker::default(), Onlooker::default()];
        let mut newcomers = Vec::new();
        for onlooker in &mut onlookers {
            assert_eq!(watch.look(onlooker, Duration::ZERO, 1000, &mut newcomers), Births::Unknown);
        }
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let expected = Newcomer { pid: child.id(), parent_pid: std::process::id(), parent_was_found: false };
        for onlooker in &mut onlookers {
            match watch.look(onlooker, Duration::ZERO, 1000, &mut newcomers) {
                Births::Told => assert!(newcomers.contains(&expected), "{newcomers:?}"),
                // Others may have started many processes meanwhile.
                Births::Unknown => {}
                Births::Unwatched => panic!("this `/proc` is that of the kernel"),
            }
        }
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn a_folder_that_is_no_proc_is_not_watched() {
        let folder = tempfile::tempdir().unwrap();
        let root = ProcRoot::new(folder.path());
        let watch = BirthWatch::of_this_process().or_of(&root);
        let births = watch.look(&mut Onlooker::default(), Duration::ZERO, 10, &mut Vec::new());
        assert_eq!(births, Births::Unwatched);
    }
}
