//! From a finished series to its judgement.

use crate::assess::{self, Assessment, BURN_IN, Rigour};
use crate::digest::{Cell, Digest, Stretch};
use crate::estimate::Estimate;
use crate::judgement::{Judgement, JudgementKind};
use crate::lives::{FEWEST_POINTS, Judged, Life, Lives, span};
use crate::quantity::Quantity;
use crate::question::Question;
use crate::series::Series;
use crate::stats::order;
use crate::tolerance::{self, Tolerated};
use crate::trace::Trace;
use crate::{agreement, evidence, label, projection};

const S_PER_HOUR: f64 = 3600.0;
/// Judges a finished series.
#[must_use]
pub fn judge(series: &Series, question: &Question) -> Judgement {
    let rigour = Rigour::shared(question.family, question.confidence);
    judge_digest(&Digest::of(series), series.quantity(), question, &rigour)
}

/// [`judge`] for a digest.
pub(crate) fn judge_digest(digest: &Digest, quantity: Quantity, question: &Question, rigour: &Rigour) -> Judgement {
    match examine(digest, digest.segments(), quantity, question, rigour) {
        Ok(settled) => settled.judgement(digest, quantity, question, rigour),
        Err(why) => undecided(digest, quantity, question, why),
    }
}

/// What the samples until `until_s` show at the depth of `rigour`, where it is a leak.
pub(crate) fn leak_until(
    digest: &Digest,
    until_s: f64,
    quantity: Quantity,
    question: &Question,
    rigour: &Rigour,
) -> Option<Settled> {
    let mut segments = digest.segments();
    for segment in &mut segments {
        segment.cells.truncate(segment.cells.partition_point(|cell| cell.t_s <= until_s));
    }
    segments.retain(|segment| !segment.cells.is_empty());
    let settled = examine(digest, segments, quantity, question, rigour).ok()?;
    (settled.found.kind == JudgementKind::Leak).then_some(settled)
}

/// Values and times beyond these powers of ten cannot be squared and summed.
const LARGEST: f64 = 1e120;
const SHORTEST_S: f64 = 1e-6;
const LONGEST_S: f64 = 1e12;

/// The mean of several lives is noisier than one of them by chance, but not by so much.
const CLEARLY_QUIETER: f64 = 2.0;

/// Assesses `segments`, which are those of the digest or the first of them.
fn examine(
    digest: &Digest,
    segments: Vec<Stretch>,
    quantity: Quantity,
    question: &Question,
    rigour: &Rigour,
) -> Result<Settled, String> {
    let judged = Judged::among(segments, quantity, question.warmup_s);
    let points = judged.lives.iter().map(Vec::len).max().unwrap_or(0);
    if points < FEWEST_POINTS {
        let of = if points < digest.points() { " between restarts and after the warm-up" } else { "" };
        return Err(format!("{points} points{of}, {FEWEST_POINTS} are needed for a judgement"));
    }
    let common_s = judged.common_s();
    // A warm-up that is named holds the first moments already.
    let burn_in_s = if question.warmup_s.is_some() { 0.0 } else { BURN_IN * common_s };
    let (mut whole, mut common, mut early) = (Vec::new(), Vec::new(), 0.0);
    for cells in &judged.lives {
        let start_s = cells.first().map_or(0.0, |cell| cell.t_s);
        let cells = &cells[cells.partition_point(|cell| cell.t_s < start_s + burn_in_s)..];
        let length_s = span(cells);
        let first = cells.first().filter(|_| (SHORTEST_S..LONGEST_S).contains(&length_s));
        let Some(&Cell { t_s: origin_t_s, middle: origin, .. }) = first else {
            return Err(format!("the points span {length_s:e} s, for which no rate can be given"));
        };
        if cells.iter().any(|cell| !((cell.low - origin).abs() < LARGEST && (cell.peak - origin).abs() < LARGEST)) {
            return Err(format!("the values differ by more than {LARGEST:e}, for which no rate can be given"));
        }
        let life = Life { trace: Trace::new(cells, origin_t_s, origin), start_s: origin_t_s, level: origin };
        if judged.lives.len() > 1 {
            // To the age that the shortest life has reached.
            let trace = life.trace.filtered(|age| origin_t_s + age <= start_s + common_s);
            common.push(Life { trace, ..life });
        }
        let tenth = life.trace.len().div_ceil(10);
        early += (origin + order::median_of(&life.trace.middle[..tenth])) / judged.lives.len() as f64;
        whole.push(life);
    }
    let has_ops = digest.has_ops() && judged.lives.iter().flatten().all(|cell| cell.ops.abs() < LARGEST);
    let ops_per_s = has_ops.then(|| mean_ops_per_s(&judged.lives)).filter(|rate| *rate > 0.0);
    let tolerated = tolerance::resolve(question, quantity, early, ops_per_s)
        .ok_or_else(|| "the tolerance is per operation, and no operations were counted".to_owned())?;
    let rounding = quantity.quantum() * quantity.quantum() / 12.0;
    let assess = |lives: Lives| assess::assess(lives, has_ops, &tolerated, rounding, rigour, ops_per_s);
    let together = Lives::new(common).and_then(assess);
    // A collector that is in step in all lives at first and later is not may be quieter in one of them than in their mean.
    let longest = whole.iter().max_by(|a, b| a.trace.length().total_cmp(&b.trace.length()));
    let alone = longest.and_then(|life| Lives::new(vec![life.clone()])).and_then(assess);
    // Without the steps that were taken out of it any life is quiet.
    let quieter = |one: &Assessment, other: &Assessment| {
        one.jumps.is_empty() && CLEARLY_QUIETER * one.line_half_width_per_s() < other.line_half_width_per_s()
    };
    let mut found = match (together, alone) {
        (Some(together), Some(alone)) => Some(if quieter(&alone, &together) { alone } else { together }),
        (together, alone) => together.or(alone),
    }
    .ok_or_else(|| "the points lie too unevenly in time for blocks of equal length".to_owned())?;
    if let Some(contradiction) = agreement::contradiction(&whole, rounding, rigour.alpha_level) {
        found.is_contradicted_by(contradiction, &tolerated);
    }
    Ok(Settled { found, tolerated, left_out_s: burn_in_s, of: judged.of })
}

/// Operations per second over all that some lives did.
fn mean_ops_per_s(lives: &[Vec<Cell>]) -> f64 {
    let done = lives.iter().filter_map(|cells| Some(cells.last()?.ops - cells.first()?.ops));
    done.sum::<f64>() / lives.iter().map(|cells| span(cells)).sum::<f64>()
}

/// What is tolerated where nothing could be judged, by all the points that there are.
fn tolerated_roughly(digest: &Digest, quantity: Quantity, question: &Question) -> Option<Tolerated> {
    let segments = digest.segments();
    let mut levels: Vec<f64> = segments.iter().flat_map(|segment| &segment.cells).map(|cell| cell.middle).collect();
    let ops_per_s = segments.last().filter(|_| digest.has_ops()).and_then(|segment| {
        let (first, last) = (segment.cells.first()?, segment.cells.last()?);
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
        time_to_stop_s: None,
        growth_over_horizon_ratio: None,
        events: Vec::new(),
        points: digest.points(),
        evidence: vec![why],
    }
}

/// What was assessed and where it lies.
pub(crate) struct Settled {
    found: Assessment,
    tolerated: Tolerated,
    /// Seconds that were left out at the start of each life.
    left_out_s: f64,
    /// Lives that there were to choose from.
    of: usize,
}

/// An estimate whose numbers are all finite.
fn finite(estimate: Estimate) -> Option<Estimate> {
    let bounded = |bound: Option<f64>| bound.filter(|bound| bound.is_finite());
    let estimate = Estimate { low: bounded(estimate.low), high: bounded(estimate.high), ..estimate };
    estimate.value.is_finite().then_some(estimate)
}

impl Settled {
    /// Puts it into words.
    pub(crate) fn judgement(
        self,
        digest: &Digest,
        quantity: Quantity,
        question: &Question,
        rigour: &Rigour,
    ) -> Judgement {
        let Self { found, tolerated, left_out_s, of } = self;
        let length_s = found.length;
        let Life { trace: newest, start_s: origin_t_s, level: origin } = found.lives.newest();
        let (origin_t_s, origin) = (*origin_t_s, *origin);
        let rate = found.rate;
        let per_s = finite(Estimate {
            value: rate.value,
            low: Some(rate.low),
            high: Some(rate.high),
            confidence: rigour.confidence,
        });
        let mde_per_s = found.detectable_per_s().filter(|mde| mde.is_finite());
        let warm_s = found.warm_up_share() * length_s;
        let settled = newest.after((warm_s / length_s).min(0.9));
        let tenth = (newest.len().div_ceil(10)).min(settled.len());
        let baseline = origin + order::median_of(&settled.middle[..tenth]);
        let leak = found.kind == JudgementKind::Leak;
        let growth = (baseline > 0.0).then(|| per_s.map(|rate| rate.scaled(question.horizon_s / baseline))).flatten();
        let time_to = |level: Option<f64>| {
            let level = level.filter(|_| leak)?;
            projection::time_to_limit(&found, level, rigour.confidence).and_then(finite)
        };
        let nearest = question.limit.into_iter().chain(question.budget).reduce(f64::min);
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
            final_level: Some(origin + order::median_of(&newest.after(0.9).middle)).filter(|level| level.is_finite()),
            warmup_s: match found.lives.count() {
                1 => (origin_t_s - digest.first_t_s() + warm_s).max(0.0),
                _ => question.warmup_s.unwrap_or(0.0).max(0.0) + left_out_s + warm_s,
            },
            onset_s: leak.then(|| origin_t_s + found.onset_share() * length_s),
            time_to_limit_s: time_to(nearest),
            time_to_stop_s: time_to(question.limit),
            growth_over_horizon_ratio: growth.and_then(finite),
            events: found
                .jumps
                .iter()
                .chain(found.level.iter().flat_map(|level| &level.line.jumps).filter(|_| found.jumps.is_empty()))
                .map(|jump| found.lives.event(jump))
                .collect(),
            points: digest.points(),
            evidence: Vec::new(),
        };
        judgement.evidence =
            evidence::sentences(&judgement, &found, quantity, &tolerated, of, 1.0 - rigour.alpha_level);
        judgement
    }
}
