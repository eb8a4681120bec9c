//! What is tolerated: `[judge]`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::tolerance::Tolerance;

/// `[judge]`: how long the run is, what is judged and what is tolerated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judge {
    /// Planned length of the run, warm-up included.
    pub duration: Duration,
    /// What is left out at the start.
    pub warmup: Warmup,
    /// Growth that is accepted, where [`Judge::tolerances`] has none for a metric. `None`: the default of the analysis.
    pub tolerance: Option<Tolerance>,
    /// Growth that is accepted, by metric.
    pub tolerances: BTreeMap<String, Tolerance>,
    /// Names of the metrics that are judged; empty means the witnesses of a leak.
    pub metrics: Vec<String>,
    /// Confidence of the reported intervals, above 0.5 and below 1.
    pub confidence: f64,
    /// How far ahead growth is projected for its severity.
    pub horizon: Duration,
    /// A leak is `fail` from this severity on; below it, it is `warn`.
    pub fail_on: Severity,
    /// A leak is `block` from this severity on; never below `fail_on`.
    pub block_on: Severity,
    /// What becomes of an inconclusive run.
    pub inconclusive: InconclusiveAs,
    /// Whether the run ends as soon as the evidence decides.
    pub early_stop: EarlyStop,
    /// Memory of the whole target that must not be reached, in bytes, for the time to the limit. `None`: the limit that
    /// holds for the target (control group, resource limit), where there is one.
    pub memory_limit_bytes: Option<u64>,
    /// Whether the run is held against earlier ones of the profile; a regression then fails it like a violated budget.
    #[serde(default)]
    pub regressions: bool,
    /// The least change, as a share, that is a regression.
    #[serde(default = "usual_threshold")]
    pub regression_threshold: f64,
}

/// The least change that is a regression, where nobody says otherwise.
const USUAL_THRESHOLD: f64 = 0.1;

fn usual_threshold() -> f64 {
    USUAL_THRESHOLD
}

impl Judge {
    /// A run holds at least this many intervals.
    pub const FEWEST_INTERVALS: u32 = 20;

    /// The tolerance of a metric: its own, or the general one if that has the metric's unit. `None`: the default of the
    /// analysis.
    #[must_use]
    pub fn tolerance_of(&self, metric: &str) -> Option<Tolerance> {
        self.tolerances.get(metric).copied().or(self.tolerance.filter(|tolerance| tolerance.fits(metric)))
    }
}

impl Default for Judge {
    fn default() -> Self {
        const DAY_S: u64 = 86_400;
        Self {
            duration: Duration::from_secs(600),
            warmup: Warmup::Auto,
            tolerance: None,
            tolerances: BTreeMap::new(),
            metrics: Vec::new(),
            confidence: 0.95,
            horizon: Duration::from_secs(7 * DAY_S),
            fail_on: Severity::Low,
            block_on: Severity::Critical,
            inconclusive: InconclusiveAs::Inconclusive,
            early_stop: EarlyStop::Auto,
            memory_limit_bytes: None,
            regressions: false,
            regression_threshold: USUAL_THRESHOLD,
        }
    }
}

/// What is left out at the start of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Warmup {
    /// As much as the analysis finds.
    #[default]
    Auto,
    /// This much.
    Fixed(Duration),
}

/// How bad growth is: what it would add to the settled baseline over the horizon. A leak is at least [`Severity::Low`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// 5 to 15 %, and less if it is a leak.
    Low,
    /// 15 to 30 %.
    Medium,
    /// 30 to 50 %.
    High,
    /// More, or a limit that is reached within the horizon.
    Critical,
}

impl Severity {
    /// Every severity with its name in a file, the least first.
    pub const ALL: &[(&str, Self)] =
        &[("low", Self::Low), ("medium", Self::Medium), ("high", Self::High), ("critical", Self::Critical)];
}

/// What becomes of an inconclusive run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InconclusiveAs {
    /// It is called what it is, with an exit code of its own.
    #[default]
    Inconclusive,
    /// It passes.
    Pass,
    /// It warns.
    Warn,
    /// It fails.
    Fail,
}

impl InconclusiveAs {
    /// Every choice with its name in a file.
    pub const ALL: &[(&str, Self)] =
        &[("inconclusive", Self::Inconclusive), ("pass", Self::Pass), ("warn", Self::Warn), ("fail", Self::Fail)];
}

/// Whether a run ends as soon as the evidence decides. In a file: `"auto"`, `true`, `false`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarlyStop {
    /// `soakd check` does, the other commands do not.
    #[default]
    Auto,
    /// It does.
    Always,
    /// It runs for its whole length.
    Never,
}
