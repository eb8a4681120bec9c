//! What keeps the target busy: `[load]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `[load]`: what keeps the target busy, and how its operations are counted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Load {
    /// Who makes the load.
    pub driver: LoadDriver,
    /// Time between the target being ready and the start of the load.
    pub start_delay: Duration,
    /// Where the number of operations is read; `None`: nobody counts.
    pub counter: Option<Counter>,
}

/// Who makes the load.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadDriver {
    /// Nobody: the target has traffic of its own, or none.
    #[default]
    None,
    /// A command that is started with the load and stopped with it. If it ends before the run with a status other than 0,
    /// the load has failed.
    Command {
        /// Program and arguments; never empty.
        command: Vec<String>,
    },
    /// A command that is run again and again. Each run is one operation.
    Repeat {
        /// Program and arguments; never empty.
        command: Vec<String>,
        /// How often, over all workers; 0 means until the end of the run.
        times: u64,
        /// Pause between the end of one run and the start of the next, of each worker.
        pause: Duration,
        /// How many are run at the same time; at least 1.
        parallel: u32,
    },
    /// Operations of the bundled reference service, sent to the target.
    Reference {
        /// Name of the operation (`evaluate`, …).
        operation: String,
        /// How many; 0 means until the end of the run.
        operations: u64,
        /// Operations per second; `None`: as fast as the target answers.
        rate_per_s: Option<f64>,
        /// How many are under way at the same time; at least 1.
        parallel: u32,
        /// Address of the service, `http://host:port`; `None`: what the target announces (`listening on http://…`).
        url: Option<String>,
    },
}

impl LoadDriver {
    /// The operation of the driver `reference` in a file that names none.
    pub const DEFAULT_OPERATION: &str = "evaluate";
    /// The names of all drivers in a file.
    pub const NAMES: &[&str] = &["none", "command", "repeat", "reference"];

    /// The driver's name in a file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Command { .. } => "command",
            Self::Repeat { .. } => "repeat",
            Self::Reference { .. } => "reference",
        }
    }
}

/// Where the number of operations is read: `[load.counter]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counter {
    /// Lines of the target's output that match.
    Line {
        /// The regular expression, which has been checked.
        pattern: String,
        /// Which output is read.
        stream: OutputStream,
    },
    /// A file whose first word is the number; resolved against the folder of the profile.
    File(PathBuf),
    /// A counter of a Prometheus endpoint.
    Prometheus {
        /// An `http://` address.
        url: String,
        /// Name of the metric; all its series that have `labels` are added up.
        metric: String,
        /// Labels that a series must have.
        labels: BTreeMap<String, String>,
    },
    /// The driver's own count; the default of the drivers `repeat` and `reference`.
    Driver,
}

/// An output of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputStream {
    /// Standard output and standard error.
    #[default]
    Both,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl OutputStream {
    /// Every stream with its name in a file.
    pub const ALL: &[(&str, Self)] = &[("both", Self::Both), ("stdout", Self::Stdout), ("stderr", Self::Stderr)];
}
