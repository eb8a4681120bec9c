//! Judges simulated cases and counts how often the answer was wrong.

use soakd_analysis::{JudgementKind, Monitor, Quantity, Question, Series, SeriesError, Tolerance, judge};
use soakd_simulate::{Case, Label};

const S_PER_HOUR: f64 = 3600.0;

/// Times the tolerance from which a leak has to be found where the run could have seen it.
const CLEAR: f64 = 2.0;

/// How often something happened among how many.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Share {
    /// How often it happened.
    pub(crate) hits: usize,
    /// How often it could have.
    pub(crate) of: usize,
}

impl Share {
    fn add(&mut self, hit: bool) {
        self.hits += usize::from(hit);
        self.of += 1;
    }

    fn plus(&mut self, other: Self) {
        self.hits += other.hits;
        self.of += other.of;
    }

    /// The share itself; 0 of nothing is 0.
    pub(crate) fn ratio(self) -> f64 {
        self.hits as f64 / self.of.max(1) as f64
    }

    /// The 95 % interval of Wilson (1927), J. Am. Stat. Assoc. 22, 209–212.
    pub(crate) fn interval(self) -> (f64, f64) {
        if self.of == 0 {
            return (0.0, 1.0);
        }
        let (n, z2) = (self.of as f64, 1.96 * 1.96);
        let centre = (self.ratio() + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = 1.96 / (1.0 + z2 / n) * (self.ratio() * (1.0 - self.ratio()) / n + z2 / (4.0 * n * n)).sqrt();
        ((centre - half).max(0.0), (centre + half).min(1.0))
    }
}

/// The counts over some cases.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Bounded, or growing within the tolerance, and called `leak`.
    pub(crate) false_leaks: Share,
    /// Leaks of at least twice the tolerance, in runs that could have seen half their rate, that were found.
    pub(crate) clear_found: Share,
    /// Leaks above the tolerance that were found, whether or not the run could see them.
    pub(crate) found: Share,
    /// Leaks above the tolerance that were called `no_leak`.
    pub(crate) missed: Share,
    /// Bounded series that were called `no_leak`.
    pub(crate) confirmed: Share,
    /// Growing series whose rate is inside its interval.
    pub(crate) covered: Share,
    /// Bounded series at which a run that is watched would have stopped with `leak`.
    pub(crate) false_stops: Share,
}

impl Tally {
    /// Adds another count to this one.
    pub(crate) fn plus(&mut self, other: &Self) {
        self.false_leaks.plus(other.false_leaks);
        self.clear_found.plus(other.clear_found);
        self.found.plus(other.found);
        self.missed.plus(other.missed);
        self.confirmed.plus(other.confirmed);
        self.covered.plus(other.covered);
        self.false_stops.plus(other.false_stops);
    }
}

/// The case as the judge sees it.
pub(crate) fn series(case: &Case) -> Result<Series, SeriesError> {
    let series = Series::new(Quantity::of_metric(case.metric), case.t_s.clone(), case.values.clone())?
        .with_restarts(case.restarts_s.clone())?;
    match &case.ops {
        Some(ops) => series.with_ops(ops.clone()),
        None => Ok(series),
    }
}

/// What is asked about a case: bytes with the tolerance of the truth, counts with the default.
pub(crate) fn question(case: &Case) -> Question {
    let mut question = Question::new(case.planned_s);
    if case.metric.ends_with("_bytes") {
        question.tolerance = Tolerance::PerRun(case.truth.tolerance_per_s * case.planned_s);
    }
    question
}

/// When a run that is watched would have stopped with `leak`, in seconds; looks before the end only.
pub(crate) fn stopped_s(case: &Case, question: &Question) -> Result<Option<f64>, SeriesError> {
    let mut monitor = Monitor::new(Quantity::of_metric(case.metric), question.clone());
    let last = case.t_s.len() - 1;
    for (index, (t_s, value)) in case.t_s.iter().zip(&case.values).enumerate().take(last) {
        if case.restarts_s.contains(t_s) {
            monitor.restart(*t_s);
        }
        monitor.push(*t_s, *value, case.ops.as_ref().map(|ops| ops[index]))?;
        if monitor.decision().is_some_and(|judgement| judgement.judgement == JudgementKind::Leak) {
            return Ok(Some(*t_s));
        }
    }
    Ok(None)
}

/// Judges a case. What was wrong comes back as sentences.
pub(crate) fn assess(case: &Case) -> Result<(Tally, Vec<String>), SeriesError> {
    let question = question(case);
    let judgement = judge(&series(case)?, &question);
    let rate = case.truth.rate_per_s * S_PER_HOUR;
    let ratio = rate / judgement.tolerance_per_hour;
    // The tolerance of counts is the engine's own: only what is above that one has to be found.
    let leaks = match case.metric.ends_with("_bytes") {
        true => case.truth.label == Label::Leak,
        false => case.truth.label != Label::NoLeak && ratio > 1.0,
    };
    let kind = judgement.judgement;
    let mut tally = Tally::default();
    let mut wrong = Vec::new();
    let place = format!("{} seed {}, {} points", case.mechanism, case.seed, case.t_s.len());

    if leaks {
        tally.found.add(kind == JudgementKind::Leak);
        tally.missed.add(kind == JudgementKind::NoLeak);
        if kind == JudgementKind::NoLeak {
            wrong.push(format!("{place}: leak of {ratio:.2} tolerances called no_leak"));
        }
        if ratio >= CLEAR && judgement.mde_per_hour.is_some_and(|mde| mde < rate / 2.0) {
            tally.clear_found.add(kind == JudgementKind::Leak);
            if kind != JudgementKind::Leak {
                let mde = judgement.mde_per_hour.unwrap_or_default() / judgement.tolerance_per_hour;
                wrong.push(format!("{place}: leak of {ratio:.2} tolerances, mde {mde:.2}, called {kind:?}"));
            }
        }
    } else {
        tally.false_leaks.add(kind == JudgementKind::Leak);
        if kind == JudgementKind::Leak {
            wrong.push(format!("{place}: called leak, truly {ratio:.2} tolerances"));
        }
    }
    if case.truth.label == Label::NoLeak {
        tally.confirmed.add(kind == JudgementKind::NoLeak);
        let stopped_s = stopped_s(case, &question)?;
        tally.false_stops.add(stopped_s.is_some());
        if let Some(stopped_s) = stopped_s {
            let fills = match case.truth.fills_until_s {
                Some(until_s) => format!(", fills until {:.2}", until_s / case.planned_s),
                None => String::new(),
            };
            wrong.push(format!("{place}: stopped early at {:.2} of the run{fills}", stopped_s / case.planned_s));
        }
    } else if let Some(estimate) = judgement.rate_per_hour {
        let inside = estimate.low.is_none_or(|low| low <= rate) && estimate.high.is_none_or(|high| rate <= high);
        tally.covered.add(inside);
        if !inside {
            let show = |bound: Option<f64>| bound.map_or("-".to_owned(), |bound| format!("{:.3}", bound / rate));
            wrong.push(format!(
                "{place}: rate outside its interval, {} to {} of the truth ({ratio:.2} tolerances)",
                show(estimate.low),
                show(estimate.high)
            ));
        }
    }
    Ok((tally, wrong))
}
