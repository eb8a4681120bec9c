//! Moments at which the load pauses, the target collects its garbage and a settled sample is taken: `[checkpoint]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `[checkpoint]`: when checkpoints are taken, and how the target is made to settle at them.
///
/// The cleanup check of a budget settles the target in the same way, also where `when` is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// When they are taken; `None`: never while the load runs.
    pub when: Option<CheckpointWhen>,
    /// How the target is asked to collect its garbage; `None`: it is not asked.
    pub collect: Option<Collect>,
    /// How long the target has to come to rest before the settled sample is taken.
    pub settle: Settle,
}

impl Checkpoint {
    /// The default of `settle`.
    pub const DEFAULT_SETTLE: Duration = Duration::from_secs(2);
    /// The shortest `every` there is.
    pub const SHORTEST_EVERY: Duration = Duration::from_secs(1);
    /// The most checkpoints of a run.
    pub const MOST: u32 = 10_000;
}

impl Default for Checkpoint {
    fn default() -> Self {
        Self { when: None, collect: None, settle: Settle::For(Self::DEFAULT_SETTLE) }
    }
}

/// When checkpoints are taken, counted from the start of the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointWhen {
    /// Again and again after this time.
    Every(Duration),
    /// So many in the planned length, evenly; at least 1.
    Count(u32),
}

/// How the target is asked to collect its garbage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collect {
    /// By what.
    pub by: CollectBy,
    /// Which processes are asked, by signal or command.
    pub of: CollectOf,
    /// How long each of them has before the checkpoint is given up.
    pub timeout: Duration,
}

impl Collect {
    /// The default of `timeout`.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
    /// What stands for the pid in the words of a command.
    pub const PID: &str = "{pid}";
}

/// By what the target is asked to collect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CollectBy {
    /// A command that has done it when it ends with status 0. `{pid}` in its words is the process, and so is the variable
    /// `SOAKD_TARGET_PID`.
    Command(Vec<String>),
    /// A signal that the target handles.
    Signal(CollectSignal),
    /// A request that is answered with a status of 2xx when it is done.
    Http {
        /// An `http://` address.
        url: String,
        /// Its method.
        method: CollectMethod,
    },
}

/// Which processes are asked to collect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CollectOf {
    /// The main process.
    #[default]
    Main,
    /// Every process of the target, one after the other.
    All,
}

impl CollectOf {
    /// Every choice with its name in a file.
    pub const ALL: &[(&str, Self)] = &[("main", Self::Main), ("all", Self::All)];
}

/// A signal that can ask a target to collect: none that is meant to end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CollectSignal {
    /// `SIGUSR1`
    Usr1,
    /// `SIGUSR2`
    Usr2,
    /// `SIGHUP`
    Hup,
    /// `SIGWINCH`
    Winch,
}

impl CollectSignal {
    /// Every signal with its name in a file.
    pub const ALL: &[(&str, Self)] =
        &[("USR1", Self::Usr1), ("USR2", Self::Usr2), ("HUP", Self::Hup), ("WINCH", Self::Winch)];
}

/// The method of a request that asks a target to collect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CollectMethod {
    /// `GET`
    Get,
    /// `POST`, with an empty body.
    #[default]
    Post,
}

impl CollectMethod {
    /// Every method with its name in a file.
    pub const ALL: &[(&str, Self)] = &[("GET", Self::Get), ("POST", Self::Post)];
}

/// How long the target has to come to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settle {
    /// This long.
    For(Duration),
    /// Until its memory stands still, at most [`Settle::QUIET_WITHIN`].
    Quiet,
}

impl Settle {
    /// How long a target may take to become quiet; what is sampled then is said to be not quiet.
    pub const QUIET_WITHIN: Duration = Duration::from_secs(30);
    /// The word for [`Settle::Quiet`] in a file.
    pub const QUIET: &str = "quiet";

    /// The longest that it takes.
    #[must_use]
    pub fn at_most(self) -> Duration {
        match self {
            Self::For(time) => time,
            Self::Quiet => Self::QUIET_WITHIN,
        }
    }
}
