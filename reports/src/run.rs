//! Which run a verdict is about: what was soaked, where, for how long, why it ended.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The run that a verdict is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Name of the run; `soakd report ID` finds it.
    pub id: String,
    /// Version of the soakd that judged it.
    pub soakd_version: String,
    /// Name of the profile.
    pub profile: String,
    /// Size and length of the load, where the profile names one.
    pub scenario: Option<String>,
    /// Gate of the delivery pipeline.
    pub stage: Option<String>,
    /// Whose budgets apply.
    pub environment: Option<String>,
    /// Program and arguments of the target; empty where it was attached to.
    pub command: Vec<String>,
    /// How an attached target was named (`pid 4711`, `unit nginx.service`); `None` where it was spawned.
    pub attached: Option<String>,
    /// The host it ran on.
    pub host: Host,
    /// Commit of the target, where known.
    pub commit: Option<String>,
    /// Branch of that commit, where known.
    pub branch: Option<String>,
    /// When the run started.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub start: Timestamp,
    /// When it ended.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub end: Timestamp,
    /// How long it lasted, by the monotonic clock, in seconds.
    pub duration_s: f64,
    /// How long it was planned to last, in seconds.
    pub planned_s: f64,
    /// Why it ended.
    pub ended: Ended,
}

/// Facts about a host. What could not be read is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// Host name.
    pub name: Option<String>,
    /// Operating system and its version.
    pub os: Option<String>,
    /// Version of the kernel.
    pub kernel: Option<String>,
    /// Processor architecture: `x86_64`, `aarch64`, …
    pub arch: Option<String>,
    /// Number of processors that are online.
    pub cpus_count: Option<u32>,
    /// Memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// Swap, in bytes.
    pub swap_bytes: Option<u64>,
}

/// Why a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Ended {
    /// It came to its planned end.
    PlannedEnd,
    /// The evidence decided every judged series before.
    DecidedEarly,
    /// The planned number of operations was done.
    OperationsDone {
        /// How many.
        operations: u64,
    },
    /// The target ended by itself, or was ended by somebody else.
    TargetExited {
        /// Its exit status; `None` where a signal ended it, or nobody could tell (an attached target).
        status: Option<i32>,
        /// The signal that ended it.
        signal: Option<i32>,
    },
    /// The load ended before its time.
    LoadEnded {
        /// The driver's exit status; `None` where a signal ended it.
        status: Option<i32>,
        /// The signal that ended it.
        signal: Option<i32>,
    },
    /// soakd was told to stop.
    Interrupted {
        /// The signal that told it: 2 (INT), 15 (TERM), …
        signal: i32,
    },
    /// The daemon ended it: somebody took it back, its time limit was reached, the daemon was stopped.
    Stopped {
        /// The reason, in words.
        reason: String,
    },
    /// soakd itself was killed, or its host lost power; the run was judged afterwards from what it had recorded.
    SoakdKilled,
    /// Samples could not be recorded any more.
    RecordingFailed {
        /// What went wrong.
        error: String,
    },
    /// It could not go on for another reason, such as a target that was never ready.
    Failed {
        /// What went wrong.
        error: String,
    },
}

impl Ended {
    /// Whether the run was cut short by something that says nothing about the target, so that a pass would claim
    /// more than was seen.
    #[must_use]
    pub fn cut_short(&self) -> bool {
        match self {
            Self::PlannedEnd | Self::DecidedEarly | Self::OperationsDone { .. } | Self::TargetExited { .. } => false,
            Self::LoadEnded { .. }
            | Self::Interrupted { .. }
            | Self::Stopped { .. }
            | Self::SoakdKilled
            | Self::RecordingFailed { .. }
            | Self::Failed { .. } => true,
        }
    }

    /// Whether the target died in the run: a signal or a status other than 0. A status that nobody could learn is
    /// not counted as a death.
    #[must_use]
    pub fn target_died(&self) -> bool {
        matches!(
            self,
            Self::TargetExited { signal: Some(_), .. } | Self::TargetExited { status: Some(1.. | ..=-1), .. }
        )
    }
}
