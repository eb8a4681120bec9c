//! Growth per time, per operation or per run: `1MiB/h`, `64B/op`, `10/h`, `1MiB`.

use serde::{Deserialize, Serialize};

/// Growth that is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// How much, in `unit`s for each `per`; finite and at least 0.
    pub amount: f64,
    /// What is counted.
    pub unit: Unit,
    /// For how much of what.
    pub per: Per,
}

/// What a growth counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Bytes, for metrics that end in `_bytes`.
    Bytes,
    /// Things, or the metric's own unit, for all other metrics.
    Count,
}

/// For how much of what a growth is meant. Times other than an hour are converted when they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// For each hour.
    Hour,
    /// For each operation.
    Operation,
    /// For the whole planned run.
    Run,
}

impl Unit {
    /// The unit in which growth of this metric is written.
    #[must_use]
    pub fn of_metric(metric: &str) -> Self {
        if metric.ends_with("_bytes") { Self::Bytes } else { Self::Count }
    }
}

impl Tolerance {
    /// Whether it has the unit of this metric.
    #[must_use]
    pub fn fits(&self, metric: &str) -> bool {
        self.unit == Unit::of_metric(metric)
    }
}
