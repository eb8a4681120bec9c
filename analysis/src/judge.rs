//! From a finished series to its judgement.

use crate::judgement::{Judgement, JudgementKind};
use crate::question::Question;
use crate::series::Series;

/// Judges a finished series.
#[must_use]
pub fn judge(series: &Series, _question: &Question) -> Judgement {
    Judgement {
        judgement: JudgementKind::Inconclusive,
        rate_per_hour: None,
        rate_per_op: None,
        tolerance_per_hour: 0.0,
        tolerance_per_op: None,
        mde_per_hour: None,
        mde_per_op: None,
        needed_s: None,
        model: None,
        settled_baseline: None,
        final_level: None,
        warmup_s: 0.0,
        onset_s: None,
        time_to_limit_s: None,
        growth_over_horizon_ratio: None,
        events: Vec::new(),
        points: series.len(),
        evidence: vec!["no growth model is fitted yet".to_owned()],
    }
}
