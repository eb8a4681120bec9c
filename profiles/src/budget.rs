//! Limits that a run must keep: `[budget.ENV]`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The budgets of one environment, by name.
pub type Budgets = BTreeMap<String, Budget>;

/// One limit on one metric of the whole target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Name of the metric; [`Budget::DEFAULT_METRIC`] if the file names none.
    pub metric: String,
    /// What it must keep.
    pub limit: BudgetLimit,
}

impl Budget {
    /// The metric of a budget that names none: anonymous memory, resident and swapped.
    pub const DEFAULT_METRIC: &str = "anon_swap_bytes";
}

/// What a metric must keep. Amounts are in units of the metric, finite and at least 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetLimit {
    /// Growth from the settled baseline to the end of the run (`growth = "50MB"`), or, with `per_operations`, growth for
    /// every so many operations, whatever number the run made (`growth = "50MB", per_operations = 100000`).
    Growth {
        /// The most that it may grow.
        max: f64,
        /// For how many operations; at least 1.
        per_operations: Option<u64>,
    },
    /// Growth per hour (`rate = "1MB/h"`).
    Rate {
        /// The most that it may grow in an hour.
        max_per_hour: f64,
    },
    /// The highest sample of the run, warm-up included (`peak = "100MB"`).
    Peak {
        /// The most that it may be.
        max: f64,
    },
    /// The level at the end of the run: the median of its last part (`level = "80MB"`).
    Level {
        /// The most that it may be.
        max: f64,
    },
    /// The level after the load has ended and the target has cleaned up, against the level before the load
    /// (`cleanup = "10MB", settle = "30s"`).
    Cleanup {
        /// How far above the level before the load it may stay.
        within: f64,
        /// How long the target has to clean up after the load.
        settle: Duration,
    },
}

impl BudgetLimit {
    /// The default of `settle`.
    pub const DEFAULT_SETTLE: Duration = Duration::from_secs(30);

    /// The key that chooses this limit in a file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Growth { .. } => "growth",
            Self::Rate { .. } => "rate",
            Self::Peak { .. } => "peak",
            Self::Level { .. } => "level",
            Self::Cleanup { .. } => "cleanup",
        }
    }
}
