//! Which process: a pid **and** its start time, since pids are used again.

use std::fmt;

use crate::error::SampleError;
use crate::proc_root::ProcRoot;
use crate::stat::Stat;

/// A process. The pid alone would not do: the kernel gives it to another process later on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessId {
    /// When it started, in clock ticks since the host booted. First, so that the older process sorts first.
    pub start_ticks: u64,
    /// The pid as its `/proc` shows it.
    pub pid: u32,
}

/// What has become of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// It runs, sleeps, or is stopped.
    Alive,
    /// It has ended, and its parent has not taken its exit status yet.
    Zombie,
    /// It is not there any more; its pid may belong to another process.
    Gone,
}

impl ProcessId {
    /// The process that has `pid` now.
    ///
    /// # Errors
    /// [`SampleError::Vanished`] when no process has it, [`SampleError::PermissionDenied`] under `hidepid`,
    /// [`SampleError::Garbled`] when its `stat` makes no sense.
    pub fn of(root: &ProcRoot, pid: u32) -> Result<Self, SampleError> {
        Ok(Self::from_stat(&read_stat(root, pid)?))
    }

    /// The process that `stat` describes.
    #[must_use]
    pub fn from_stat(stat: &Stat) -> Self {
        Self { pid: stat.pid, start_ticks: stat.start_ticks }
    }

    /// What has become of it.
    ///
    /// # Errors
    /// As [`ProcessId::of`], without [`SampleError::Vanished`], which is the answer [`Liveness::Gone`].
    pub fn liveness(self, root: &ProcRoot) -> Result<Liveness, SampleError> {
        match read_stat(root, self.pid) {
            Ok(stat) if stat.start_ticks != self.start_ticks => Ok(Liveness::Gone),
            Ok(stat) if stat.has_ended() => Ok(Liveness::Zombie),
            Ok(_) => Ok(Liveness::Alive),
            Err(SampleError::Vanished) => Ok(Liveness::Gone),
            Err(error) => Err(error),
        }
    }

    /// Whether it is there and has not ended. `false` also where that cannot be read.
    #[must_use]
    pub fn is_alive(self, root: &ProcRoot) -> bool {
        self.liveness(root) == Ok(Liveness::Alive)
    }
}

impl fmt::Display for ProcessId {
    /// The pid, as people know it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.pid)
    }
}

/// Long enough for 52 numbers of 20 digits each and the name.
pub(crate) const STAT_BYTES: usize = 1280;

/// Reads `stat` of the process that has `pid` now, opening and closing it.
pub(crate) fn read_stat(root: &ProcRoot, pid: u32) -> Result<Stat, SampleError> {
    let file = root.open_file(pid, "stat")?;
    let mut buffer = [0; STAT_BYTES];
    let length = rustix::io::pread(&file, &mut buffer, 0)?;
    Stat::parse(&buffer[..length])
}
