//! What is asked of a series.

use serde::{Deserialize, Serialize};

/// The growth that is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tolerance {
    /// The default of the quantity: for bytes max(0.5 % of the settled baseline, 256 KiB) over the planned run.
    #[default]
    Default,
    /// Units of the series per hour.
    PerHour(f64),
    /// Units of the series per operation; needs a series with operations.
    PerOp(f64),
    /// Units of the series over the whole planned run.
    PerRun(f64),
}

/// What is asked of one series. [`Question::new`] fills in the defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// The growth that is accepted.
    pub tolerance: Tolerance,
    /// Length of the run as planned, in seconds, warm-up included. The default tolerance and the early looks
    /// are measured in it; a run that ended early keeps its plan.
    pub planned_s: f64,
    /// Confidence of the reported intervals (0.95). Decisions use 0.99, as statistics.md explains.
    pub confidence: f64,
    /// A warm-up that the user names, in seconds from the start of the series. It is left out. `None`: found by the
    /// engine.
    pub warmup_s: Option<f64>,
    /// A level at which the target is stopped or refused (limit of memory, of its cgroup, of descriptors), in units of the series.
    pub limit: Option<f64>,
    /// A level that somebody wants kept, though nothing happens at it (budget of a profile), in units of the series.
    #[serde(default)]
    pub budget: Option<f64>,
    /// How far ahead growth is projected for its severity, in seconds.
    pub horizon_s: f64,
    /// How many series of the run are judged; the error rate is shared among them. At least 1.
    pub family: usize,
    /// Growth over the whole planned run, in units of the series, that a `no_leak` need not be finer than. A leak is
    /// held to the tolerance all the same, and the bound that was shown is reported. `None`: 1 MiB where the tolerance
    /// is the default for bytes, since small processes wander by that much, else no more than the tolerance.
    pub confirm_per_run: Option<f64>,
}

impl Question {
    /// The question with every default, for a run planned to last `planned_s` seconds.
    #[must_use]
    pub fn new(planned_s: f64) -> Self {
        Self {
            tolerance: Tolerance::Default,
            planned_s,
            confidence: 0.95,
            warmup_s: None,
            limit: None,
            budget: None,
            horizon_s: 7.0 * 86_400.0,
            family: 1,
            confirm_per_run: None,
        }
    }
}
