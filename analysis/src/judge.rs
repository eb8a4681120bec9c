//! From a finished series to its judgement.

use crate::assess::{self, Assessment, BURN_IN, Rigour};
use crate::digest::{Cell, Digest};
use crate::estimate::Estimate;
use crate::judgement::{Judgement, JudgementKind, LevelEvent};
use crate::quantity::Quantity;
use crate::question::Question;
use crate::series::Series;
use crate::stats::order;
use crate::tolerance::{self, Tolerated};
use crate::trace::Trace;
use crate::{evidence, label, projection};

const S_PER_HOUR: f64 = 3600.0;
/// Below this no shape can be told from another.
const FEWEST_POINTS: usize = 36;

/// Judges a finished series.
#[must_use]
pub fn judge(series: &Series, question: &Question) -> Judgement {
    let rigour = Rigour::shared(question.family, question.confidence);
    judge_digest(&Digest::of(series), series.quantity(), question, &rigour)
}

/// The parts of a segment in which the target was up.
///
/// Zeros in the middle of memory that is there otherwise are a target that was down; swap that is empty most
/// of the time is not.
fn alive(cells: Vec<Cell>, quantity: Quantity) -> Vec<Vec<Cell>> {
    let zeros = cells.iter().filter(|cell| cell.low <= 0.0).count();
    if quantity != Quantity::Bytes || zeros == 0 || 2 * zeros > cells.len() {
        return vec![cells];
    }
    let mut positive: Vec<f64> = cells.iter().filter(|cell| cell.low > 0.0).map(|cell| cell.middle).collect();
    let usual = 0.5 * order::median(&mut positive);
    let sudden = cells.windows(2).any(|pair| {
        let (first, second) = (pair[0], pair[1]);
        (first.low <= 0.0 && second.low > usual) || (second.low <= 0.0 && first.low > usual)
    });
    if !sudden {
        return vec![cells];
    }
    cells.split(|cell| cell.low <= 0.0).filter(|part| !part.is_empty()).map(<[Cell]>::to_vec).collect()
}

/// [`judge`] for a digest.
pub(crate) fn judge_digest(digest: &Digest, quantity: Quantity, question: &Question, rigour: &Rigour) -> Judgement {
    match examine(digest, quantity, question, rigour) {
        Ok(judgement) => judgement,
        Err(why) => undecided(digest, quantity, question, why),
    }
}

/// Values and times beyond these powers of ten cannot be squared and summed.
const LARGEST: f64 = 1e120;
const SHORTEST_S: f64 = 1e-6;
const LONGEST_S: f64 = 1e12;

fn examine(digest: &Digest, quantity: Quantity, question: &Question, rigour: &Rigour) -> Result<Judgement, String> {
    let warmup_end_s = question.warmup_s.map(|warmup_s| digest.first_t_s() + warmup_s.max(0.0));
    let longest = digest
        .segments()
        .into_iter()
        .flat_map(|cells| alive(cells, quantity))
        .map(|cells| {
            cells.into_iter().filter(|cell| warmup_end_s.is_none_or(|end| cell.t_s >= end)).collect::<Vec<_>>()
        })
        .max_by(|a, b| span(a).total_cmp(&span(b)).then(a.len().cmp(&b.len())))
        .unwrap_or_default();
    if longest.len() < FEWEST_POINTS {
        let of = if longest.len() < digest.points() { " between restarts and after the warm-up" } else { "" };
        return Err(format!("{} points{of}, {FEWEST_POINTS} are needed for a judgement", longest.len()));
    }
    let start_s = longest[0].t_s;
    // A warm-up that is named holds the first moments already.
    let burn_in_s = if warmup_end_s.is_some() { 0.0 } else { BURN_IN * span(&longest) };
    let cells = &longest[longest.partition_point(|cell| cell.t_s < start_s + burn_in_s)..];
    let (origin_t_s, origin) = (cells[0].t_s, cells[0].middle);
    let length_s = span(cells);
    if !(SHORTEST_S..LONGEST_S).contains(&length_s) {
        return Err(format!("the points span {length_s:e} s, for which no rate can be given"));
    }
    if cells.iter().any(|cell| !((cell.low - origin).abs() < LARGEST && (cell.peak - origin).abs() < LARGEST)) {
        return Err(format!("the values differ by more than {LARGEST:e}, for which no rate can be given"));
    }
    let has_ops = digest.has_ops() && cells.iter().all(|cell| cell.ops.abs() < LARGEST);
    let trace = Trace::new(cells, origin_t_s, origin);
    let tenth = trace.len().div_ceil(10);
    let early = origin + order::median_of(&trace.middle[..tenth]);
    let (first, last) = (longest[0], longest[longest.len() - 1]);
    let ops_per_s = has_ops.then(|| (last.ops - first.ops) / span(&longest)).filter(|rate| *rate > 0.0);
    let tolerated = tolerance::resolve(question, quantity, early, ops_per_s)
        .ok_or_else(|| "the tolerance is per operation, and no operations were counted".to_owned())?;
    let rounding = quantity.quantum() * quantity.quantum() / 12.0;
    let found = assess::assess(trace, has_ops, &tolerated, rounding, rigour, ops_per_s)
        .ok_or_else(|| "the points lie too unevenly in time for blocks of equal length".to_owned())?;
    let settled = Settled { found, tolerated, origin, origin_t_s };
    Ok(settled.judgement(digest, quantity, question, rigour))
}

fn span(cells: &[Cell]) -> f64 {
    match (cells.first(), cells.last()) {
        (Some(first), Some(last)) => last.t_s - first.t_s,
        _ => 0.0,
    }
}

/// What is tolerated where nothing could be judged, by all the points that there are.
fn tolerated_roughly(digest: &Digest, quantity: Quantity, question: &Question) -> Option<Tolerated> {
    let segments = digest.segments();
    let mut levels: Vec<f64> = segments.iter().flatten().map(|cell| cell.middle).collect();
    let ops_per_s = segments.last().filter(|_| digest.has_ops()).and_then(|cells| {
        let (first, last) = (cells.first()?, cells.last()?);
        Some((last.ops - first.ops) / (last.t_s - first.t_s)).filter(|rate| rate.is_finite())
    });
    tolerance::resolve(question, quantity, order::median(&mut levels), ops_per_s)
        .filter(|tolerated| (tolerated.per_s * S_PER_HOUR).is_finite())
}

fn undecided(digest: &Digest, quantity: Quantity, question: &Question, why: String) -> Judgement {
    let tolerated = tolerated_roughly(digest, quantity, question);
    Judgement {
        judgement: JudgementKind::Inconclusive,
        rate_per_hour: None,
        rate_per_op: None,
        tolerance_per_hour: tolerated.map_or(0.0, |tolerated| tolerated.per_s * S_PER_HOUR),
        tolerance_per_op: tolerated.and_then(|tolerated| tolerated.per_op),
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
        evidence: vec![why],
    }
}

/// An assessed segment and where it lies.
struct Settled {
    found: Assessment,
    tolerated: Tolerated,
    /// Added to the values of the trace.
    origin: f64,
    /// Added to its times.
    origin_t_s: f64,
}

/// An estimate whose numbers are all finite.
fn finite(estimate: Estimate) -> Option<Estimate> {
    let bounded = |bound: Option<f64>| bound.filter(|bound| bound.is_finite());
    let estimate = Estimate { low: bounded(estimate.low), high: bounded(estimate.high), ..estimate };
    estimate.value.is_finite().then_some(estimate)
}

impl Settled {
    fn judgement(self, digest: &Digest, quantity: Quantity, question: &Question, rigour: &Rigour) -> Judgement {
        let Self { found, tolerated, origin, origin_t_s } = self;
        let length_s = found.trace.length();
        let rate = found.rate;
        let per_s = finite(Estimate {
            value: rate.value,
            low: Some(rate.low),
            high: Some(rate.high),
            confidence: rigour.confidence,
        });
        let mde_per_s = found.detectable_per_s().filter(|mde| mde.is_finite());
        let warm_s = found.warm_up_share() * length_s;
        let settled = found.trace.after((warm_s / length_s).min(0.9));
        let tenth = (found.trace.len().div_ceil(10)).min(settled.len());
        let baseline = origin + order::median_of(&settled.middle[..tenth]);
        let leak = found.kind == JudgementKind::Leak;
        let growth = (baseline > 0.0).then(|| per_s.map(|rate| rate.scaled(question.horizon_s / baseline))).flatten();
        let limit = question.limit.filter(|_| leak);
        let mut judgement = Judgement {
            judgement: found.kind,
            rate_per_hour: per_s.map(|rate| rate.scaled(S_PER_HOUR)).and_then(finite),
            rate_per_op: found.ops_per_s.and_then(|ops| per_s.map(|rate| rate.scaled(1.0 / ops))).and_then(finite),
            tolerance_per_hour: tolerated.per_s * S_PER_HOUR,
            tolerance_per_op: tolerated.per_op,
            mde_per_hour: mde_per_s.map(|mde| mde * S_PER_HOUR),
            mde_per_op: mde_per_s.zip(found.ops_per_s).map(|(mde, ops)| mde / ops),
            needed_s: found.needed_s(&tolerated),
            model: label::choose(&found, quantity, origin_t_s, rigour.confidence),
            settled_baseline: Some(baseline).filter(|level| level.is_finite()),
            final_level: Some(origin + order::median_of(&found.trace.after(0.9).middle))
                .filter(|level| level.is_finite()),
            warmup_s: (origin_t_s - digest.first_t_s() + warm_s).max(0.0),
            onset_s: leak.then(|| origin_t_s + found.onset_share() * length_s),
            time_to_limit_s: limit
                .and_then(|limit| projection::time_to_limit(&found, origin, limit, rigour.confidence))
                .and_then(finite),
            growth_over_horizon_ratio: growth.and_then(finite),
            events: found
                .jumps
                .iter()
                .chain(found.level.iter().flat_map(|level| &level.line.jumps).filter(|_| found.jumps.is_empty()))
                .map(|jump| LevelEvent { t_s: origin_t_s + jump.to, change: jump.height })
                .collect(),
            points: digest.points(),
            evidence: Vec::new(),
        };
        judgement.evidence =
            evidence::sentences(&judgement, &found, quantity, &tolerated, origin_t_s, 1.0 - rigour.alpha_level);
        judgement
    }
}
