//! From a finished series to its judgement.

use crate::assess::{self, Assessment, BURN_IN, Reason, Rigour};
use crate::digest::{Cell, Digest};
use crate::estimate::Estimate;
use crate::judgement::{Judgement, JudgementKind, LevelEvent, ModelChoice, ModelScore};
use crate::quantity::Quantity;
use crate::question::Question;
use crate::series::Series;
use crate::stats::order;
use crate::tolerance::{self, Tolerated};
use crate::trace::Trace;

const S_PER_HOUR: f64 = 3600.0;
/// Below this no shape can be told from another.
const FEWEST_POINTS: usize = 36;

/// Judges a finished series.
#[must_use]
pub fn judge(series: &Series, question: &Question) -> Judgement {
    let rigour = Rigour::shared(question.family, question.confidence);
    judge_digest(&Digest::of(series), series.quantity(), question, &rigour)
}

/// Cells between stretches of time in which the target was down: a value of zero or less in the middle of memory.
fn alive(cells: Vec<Cell>, quantity: Quantity) -> Vec<Vec<Cell>> {
    if quantity != Quantity::Bytes {
        return vec![cells];
    }
    cells.split(|cell| cell.low <= 0.0).filter(|part| !part.is_empty()).map(<[Cell]>::to_vec).collect()
}

/// [`judge`] for a digest.
pub(crate) fn judge_digest(digest: &Digest, quantity: Quantity, question: &Question, rigour: &Rigour) -> Judgement {
    let mut judgement = undecided(digest);
    let warmup_end = question.warmup_s.map(|warmup_s| digest.first_t_s() + warmup_s);
    let longest = digest
        .segments()
        .into_iter()
        .flat_map(|(cells, _)| alive(cells, quantity))
        .map(|cells| cells.into_iter().filter(|cell| warmup_end.is_none_or(|end| cell.t_s >= end)).collect::<Vec<_>>())
        .max_by(|a, b| span(a).total_cmp(&span(b)).then(b.len().cmp(&a.len())));
    let Some(cells) = longest.filter(|cells| cells.len() >= FEWEST_POINTS) else {
        judgement.evidence.push(format!("{} points, {FEWEST_POINTS} are needed", digest.points()));
        return judgement;
    };
    let start = cells[0].t_s;
    let burn_in_s = if warmup_end.is_some() { 0.0 } else { BURN_IN * span(&cells) };
    let first = cells.partition_point(|cell| cell.t_s < start + burn_in_s);
    let origin = cells[first].middle;
    let trace = Trace::new(&cells[first..], cells[first].t_s, origin);
    let origin_t_s = cells[first].t_s;
    let tenth = trace.len().div_ceil(10);
    let early = origin + order::median_of(&trace.middle[..tenth]);
    let ops_per_s = digest.has_ops().then(|| (trace.ops[trace.len() - 1] - trace.ops[0]) / trace.length());
    let Some(tolerated) = tolerance::resolve(question, quantity, early, ops_per_s) else {
        judgement.evidence.push("the tolerance is per operation, and no operations were counted".to_owned());
        return judgement;
    };
    judgement.tolerance_per_hour = tolerated.per_s * S_PER_HOUR;
    judgement.tolerance_per_op = tolerated.per_op;
    judgement.warmup_s = origin_t_s - digest.first_t_s();
    judgement.settled_baseline = Some(early);
    judgement.final_level = Some(origin + order::median_of(&trace.middle[trace.len() - tenth..]));
    let quantum = quantity.quantum();
    let found = assess::assess(trace, digest.has_ops(), &tolerated, quantum * quantum / 12.0, rigour);
    let Some(found) = found else {
        judgement.evidence.push("the points lie too close together in time for a rate".to_owned());
        return judgement;
    };
    report(&mut judgement, &found, quantity, question, &tolerated, rigour, origin_t_s);
    judgement
}

fn span(cells: &[Cell]) -> f64 {
    match (cells.first(), cells.last()) {
        (Some(first), Some(last)) => last.t_s - first.t_s,
        _ => 0.0,
    }
}

fn undecided(digest: &Digest) -> Judgement {
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
        points: digest.points(),
        evidence: Vec::new(),
    }
}

fn report(
    judgement: &mut Judgement,
    found: &Assessment,
    quantity: Quantity,
    _question: &Question,
    _tolerated: &Tolerated,
    rigour: &Rigour,
    origin_t_s: f64,
) {
    let rate = Estimate {
        value: found.rate.value,
        low: Some(found.rate.low),
        high: Some(found.rate.high),
        confidence: rigour.confidence,
    };
    judgement.judgement = found.kind;
    judgement.rate_per_hour = Some(rate.scaled(S_PER_HOUR));
    judgement.rate_per_op = found.ops_per_s.map(|ops_per_s| rate.scaled(1.0 / ops_per_s));
    let mut scores: Vec<ModelScore> = Vec::new();
    let mut fits: Vec<_> = found.selection.fits.iter().collect();
    fits.sort_by(|a, b| a.score.total_cmp(&b.score));
    for fit in &fits {
        if !scores.iter().any(|score| score.name == fit.name()) {
            scores.push(ModelScore { name: fit.name().to_owned(), behind: fit.score - fits[0].score });
        }
    }
    judgement.model = scores.first().map(|best| best.name.clone()).map(|name| ModelChoice {
        name,
        parameters: std::collections::BTreeMap::new(),
        scores,
    });
    judgement.events =
        found.jumps.iter().map(|jump| LevelEvent { t_s: origin_t_s + jump.to, change: jump.height }).collect();
    let shown = quantity.show(rate.value * S_PER_HOUR);
    judgement.evidence.push(match found.reason {
        Reason::NewFloors => format!("it grows {shown}/h, and new floors keep coming at the pace of before"),
        Reason::ShapeAlone => format!("it grows {shown}/h, and no shape that slows down fits nearly as well"),
        Reason::RateBelow => "the upper bound of the rate is below the tolerance".to_owned(),
        Reason::LevelSince => "a part of the run is shown to be level".to_owned(),
        Reason::Ambiguous => "it grows, but a shape that slows down explains it about as well".to_owned(),
        Reason::GivenBack => "it grew and gave back at least half".to_owned(),
        Reason::TooWide => "the interval of the rate holds the tolerance".to_owned(),
    });
}
