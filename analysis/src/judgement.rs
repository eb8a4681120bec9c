//! The answer to a question about one series.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::estimate::Estimate;

/// What a series was found to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JudgementKind {
    /// It grows faster than tolerated, and no bounded explanation fits about as well.
    Leak,
    /// Its growth is below the tolerance at the stated confidence.
    NoLeak,
    /// The evidence decides neither way.
    Inconclusive,
    /// Resident memory grows while the live heap does not: the allocator keeps what the program gave back.
    Retention,
}

/// One growth model and how well it explains the series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelScore {
    /// Name of the growth model.
    pub name: String,
    /// Information criterion less that of the best model: 0 for the best, larger is worse.
    pub behind: f64,
}

/// The growth model that explains the series best. It labels; the interval of the rate decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelChoice {
    /// Name of the growth model: `constant`, `linear`, `exponential`, …
    pub name: String,
    /// Its parameters with their intervals, by name with unit suffix.
    pub parameters: BTreeMap<String, Estimate>,
    /// Where its curve changes suddenly: falls of a sawtooth, steps, beginnings and ends of bursts. Not told where there are
    /// more than 256.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<LevelEvent>,
    /// Every model that was fitted, best first.
    pub scores: Vec<ModelScore>,
}

/// A lasting change of level that is not growth by itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LevelEvent {
    /// When, in seconds of the series' time.
    pub t_s: f64,
    /// Change of level, in units of the series.
    pub change: f64,
}

/// What is known about one series, and how well. Units are those of the series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// The answer.
    pub judgement: JudgementKind,
    /// Growth per hour at the end of the series; `None` where there are too few points for an interval.
    pub rate_per_hour: Option<Estimate>,
    /// Growth per operation, where operations were counted.
    pub rate_per_op: Option<Estimate>,
    /// The tolerated growth per hour; 0 where it cannot be told (a tolerance per operation without operations).
    pub tolerance_per_hour: f64,
    /// The tolerated growth per operation, where the tolerance was given so.
    pub tolerance_per_op: Option<f64>,
    /// The smallest leak that this series could have shown, per hour.
    pub mde_per_hour: Option<f64>,
    /// The smallest leak that this series could have shown, per operation.
    pub mde_per_op: Option<f64>,
    /// Further run time after which a decision can be expected, in seconds; only where undecided.
    pub needed_s: Option<f64>,
    /// The growth model that explains the series best.
    pub model: Option<ModelChoice>,
    /// Level after warm-up.
    pub settled_baseline: Option<f64>,
    /// Level at the end (median of the last part).
    pub final_level: Option<f64>,
    /// How much of the start was left out as warm-up, in seconds.
    pub warmup_s: f64,
    /// When the growth began, in seconds of the series' time, where it is a leak.
    pub onset_s: Option<f64>,
    /// Seconds from the end of the series until the nearest level that was asked about is reached at this rate, limit or budget.
    pub time_to_limit_s: Option<Estimate>,
    /// Seconds from the end of the series until the limit is reached at which the target is stopped or refused.
    #[serde(default)]
    pub time_to_stop_s: Option<Estimate>,
    /// Growth over the horizon as a share of the settled baseline (0.05 = 5 %).
    pub growth_over_horizon_ratio: Option<Estimate>,
    /// Lasting changes of level.
    pub events: Vec<LevelEvent>,
    /// Number of points that were judged.
    pub points: usize,
    /// What led to the answer, in sentences for people.
    pub evidence: Vec<String>,
}
