//! What is asked of a run: kept with it in the store, so that it can be judged again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use soakd_analysis::{Question, Tolerance};
use soakd_profiles::{Per, Plan, Warmup};
use soakd_sampler::{METRICS, Metric, MetricId};

/// What a run was asked, and what was found out about its limits when it began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunPolicy {
    /// The profile with scenario, stage, environment and command line applied.
    pub plan: Plan,
    /// Levels that must not be reached, by metric, in units of the metric.
    pub limits: BTreeMap<String, f64>,
    /// How an attached target was named; `None` where it was started.
    pub attached: Option<String>,
    /// Commit of the target, where the environment tells.
    pub commit: Option<String>,
}

impl RunPolicy {
    /// Names of the metrics whose judgement counts, in the order of [`METRICS`].
    ///
    /// Those that the profile names count whether they were recorded or not: what was asked for and is missing is no
    /// pass. Where it names none these are the witnesses of a leak, as far as `is_known` says that there are samples
    /// enough to judge them by; resident memory takes the place of anonymous memory where the latter could not be read.
    #[must_use]
    pub fn judged(&self, is_known: impl Fn(&'static Metric) -> bool) -> Vec<&'static str> {
        let named = &self.plan.profile.judge.metrics;
        if !named.is_empty() {
            return METRICS.iter().map(|row| row.name).filter(|row| named.iter().any(|name| name == row)).collect();
        }
        let mut judged: Vec<&'static str> =
            METRICS.iter().filter(|row| row.judged_by_default && is_known(row)).map(|row| row.name).collect();
        let rss = MetricId::Rss.row();
        if !judged.iter().any(|name| name.ends_with("_bytes")) && is_known(rss) {
            judged.insert(0, rss.name);
        }
        judged
    }

    /// The question asked of the series of `metric`, one of `family` that are judged together.
    #[must_use]
    pub fn question(&self, metric: &str, family: usize) -> Question {
        let judge = &self.plan.profile.judge;
        let tolerance = judge.tolerance_of(metric).map_or(Tolerance::Default, |tolerance| match tolerance.per {
            Per::Hour => Tolerance::PerHour(tolerance.amount),
            Per::Operation => Tolerance::PerOp(tolerance.amount),
            Per::Run => Tolerance::PerRun(tolerance.amount),
        });
        Question {
            tolerance,
            confidence: judge.confidence,
            warmup_s: match judge.warmup {
                Warmup::Auto => None,
                Warmup::Fixed(warmup) => Some(warmup.as_secs_f64()),
            },
            limit: self.limits.get(metric).copied(),
            horizon_s: judge.horizon.as_secs_f64(),
            family: family.max(1),
            ..Question::new(judge.duration.as_secs_f64())
        }
    }
}
