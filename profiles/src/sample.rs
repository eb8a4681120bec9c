//! What is measured, and how often: `[sample]`.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `[sample]`: what is measured, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Time from one sample to the next, from [`Sample::SHORTEST_INTERVAL`] to [`Sample::LONGEST_INTERVAL`].
    pub interval: Duration,
    /// Time from one expensive reading (PSS and USS, kinds of descriptors, sockets) to the next; never below `interval`.
    pub slow_interval: Duration,
    /// Names of the metrics to record; empty means all.
    pub metrics: Vec<String>,
    /// Whether each process has series of its own besides the sum over the tree.
    pub per_process: bool,
    /// Whether the expensive look at mappings, descriptors and threads is taken where it is due.
    #[serde(default = "yes")]
    pub looks: bool,
    /// Whether a look may clear the referenced bits of the target, to tell what is touched.
    #[serde(default = "yes")]
    pub touched: bool,
    /// Files and folders whose disk space is measured, and judged: logs, temporary files.
    #[serde(default)]
    pub disk: Vec<PathBuf>,
}

/// What holds for a profile that was stored before there was a choice.
fn yes() -> bool {
    true
}

impl Sample {
    /// The shortest `interval` there is.
    pub const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);
    /// The longest `interval` and `slow_interval` there is.
    pub const LONGEST_INTERVAL: Duration = Duration::from_secs(600);
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            slow_interval: Duration::from_secs(30),
            metrics: Vec::new(),
            per_process: true,
            looks: true,
            touched: true,
            disk: Vec::new(),
        }
    }
}
