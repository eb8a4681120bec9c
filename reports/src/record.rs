//! What was recorded beside the series: load, samples, what soakd cost, warnings, events, who grew.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the load did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Load {
    /// What drove the target: `none` (its own traffic), `command`, `repeat`, `reference`, …
    pub driver: String,
    /// Operations counted; `None` where nothing counts them.
    pub operations: Option<u64>,
    /// Operations that failed; `None` where nothing counts them.
    pub errors: Option<u64>,
    /// Operations per second over the run.
    pub throughput_per_s: Option<f64>,
}

/// A part of the growth, and who it belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attribution {
    /// Call stack, mapping, process or class.
    pub what: String,
    /// Its share of the growth, 0 to 1.
    pub share: f64,
}

/// What soakd itself cost. What was not measured is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Overhead {
    /// Processor time of soakd, in seconds.
    pub cpu_s: Option<f64>,
    /// The same as a share of one processor over the run (0.01 = 1 %).
    pub cpu_ratio: Option<f64>,
    /// Highest resident memory of soakd, in bytes.
    pub rss_peak_bytes: Option<u64>,
    /// How long one reading of the whole target took: the median, in seconds.
    pub read_p50_s: Option<f64>,
    /// The slowest of 100 readings, in seconds.
    pub read_p99_s: Option<f64>,
    /// The slowest reading, in seconds.
    pub read_max_s: Option<f64>,
    /// Ticks that were taken, but late.
    pub late_ticks_count: u64,
}

/// What was sampled.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Samples {
    /// Number of samples.
    pub count: u64,
    /// Time between two samples, in seconds.
    pub interval_s: f64,
    /// Ticks at which no sample was taken.
    pub missed_ticks_count: u64,
    /// Times without data.
    pub gaps: Vec<Gap>,
    /// The file or store that holds the samples.
    pub file: Option<String>,
}

/// A time without data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// Last sample before it, in seconds of the run.
    pub from_s: f64,
    /// First sample after it, in seconds of the run.
    pub to_s: f64,
    /// Why: `the host was suspended`, `the target was restarted`, …
    pub why: String,
}

/// Something that makes the answer weaker than was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// What happened.
    pub text: String,
    /// Something to do about it.
    pub hint: Option<String>,
}

/// Something that happened in the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// When, in seconds of the run.
    pub t_s: f64,
    /// What kind: `ready`, `restart`, `exit`, `member_arrived`, …
    pub kind: String,
    /// What happened, for people.
    pub text: String,
}
