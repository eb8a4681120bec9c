//! What happens to a target, and how it ended.
//!
//! No event carries a time: the run stamps it when it takes it.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ProcessId;
use super::error::TargetError;

/// Something that happened to a target.
#[derive(Debug)]
pub enum TargetEvent {
    /// It is ready, after its start or after a restart.
    Ready {
        /// Its main process.
        process: ProcessId,
    },
    /// It ended before it was ready, was not ready in time, or could not be started again. No further event but
    /// [`TargetEvent::Exited`] and [`TargetEvent::Gone`] follows; stop it.
    Failed(TargetError),
    /// Its main process ended.
    Exited {
        /// Which.
        process: ProcessId,
        /// How. [`ExitStatus::Unknown`] for an attached one: only a parent is told.
        status: ExitStatus,
        /// Processes of its tree that go on: of a daemon that forked away, or orphans.
        left_running_count: u32,
        /// What the restart policy does about it.
        next: AfterExit,
    },
    /// It was started again, or its successor was found.
    Restarted {
        /// The last main process.
        old: ProcessId,
        /// The one from now on. The target's membership has already changed to it.
        new: ProcessId,
        /// How many restarts this makes.
        restart_count: u32,
    },
    /// No process of it is left, and none will be started. The last event.
    Gone,
    /// Some of its output was dropped, since it is more than the limit. Comes once.
    OutputTruncated {
        /// The file, of which the beginning and the most recent part are kept.
        file: PathBuf,
    },
    /// Its output could not be written any more; it is read and watched all the same. Comes once.
    OutputFailed {
        /// The file.
        file: PathBuf,
        /// The answer of the kernel.
        reason: std::io::Error,
    },
}

/// What follows an exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterExit {
    /// Nothing: the target is done, once what is left of its tree has ended.
    End,
    /// The main process left with status 0 and its tree goes on without it: a daemon that forked away.
    /// It counts as running until its last process ends.
    GoesOn,
    /// It will be started again.
    Restart,
    /// It would be started again, but has been as often as allowed.
    RestartsUsedUp,
    /// A successor is waited for.
    Follow,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitStatus {
    /// By itself, with this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Not known: it was no child of ours.
    Unknown,
}

impl ExitStatus {
    /// Whether it ended by itself with status 0.
    #[must_use]
    pub fn is_success(self) -> bool {
        self == Self::Code(0)
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "status {code}"),
            Self::Signal(signal) => match signal_name(*signal) {
                Some(name) => write!(f, "signal {name}"),
                None => write!(f, "signal {signal}"),
            },
            Self::Unknown => write!(f, "a status that only its parent knows"),
        }
    }
}

/// The name of a signal that ends programs.
fn signal_name(signal: i32) -> Option<&'static str> {
    signal_hook::low_level::signal_name(signal)
}

/// How a target was brought to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopReport {
    /// What it took.
    pub took: StopTook,
    /// Which processes had to be killed, at most the first 32.
    pub killed: Vec<Leftover>,
    /// The status of its main process, where that was still running.
    pub status: Option<ExitStatus>,
    /// What `stop` could not clean up, in words; nothing is left running all the same.
    pub remarks: Vec<String>,
}

/// What it took to stop a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopTook {
    /// Nothing: it had ended.
    Nothing,
    /// It ended at the signal that asked it to.
    Signal,
    /// Some of it ignored the signal for the whole grace period and was killed.
    Kill,
    /// The grace period was cut short, and what was left was killed.
    KillAtOnce,
    /// It was attached to and has been let go, unharmed.
    LetGo,
}

/// A process that was left when the others had ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// Its pid.
    pub pid: u32,
    /// Its short name.
    pub name: String,
    /// One letter as in `/proc/PID/stat`: `D` waits for a device, `Z` has ended and was not reaped.
    pub state: char,
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}` (state {})", self.pid, self.name, self.state)
    }
}

/// Where a spawned target was put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The folder of its own cgroup in the v2 hierarchy.
    pub cgroup_v2: Option<PathBuf>,
    /// The folder of its own cgroup under the v1 memory controller.
    pub cgroup_v1_memory: Option<PathBuf>,
    /// What became of the memory limit; `None` if there was none to set.
    pub memory_limit: Option<LimitOutcome>,
    /// Why there is no cgroup of its own, or why one lacks something.
    pub remarks: Vec<String>,
}

/// What became of a memory limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitOutcome {
    /// The kernel holds the tree to it.
    Set,
    /// It holds nobody.
    NotSet {
        /// Why.
        why: String,
    },
}
