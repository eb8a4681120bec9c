//! The judge for a run that is still going: one sample at a time, bounded memory, early decisions.
//!
//! Samples go into the same digest of a few thousand cells that [`judge`](crate::judge()) makes of a
//! finished series, so what the monitor says at the end is what the judge says of the whole series.
//!
//! # Early decisions
//! The evidence is looked at a few times that the plan of the run fixes in advance; each look has its share of the error
//! rate (Bonferroni, which holds under any dependence), and what it says must have been true already when a sixth less
//! of the time had passed. Only `leak` ends a run early: growth may start late. A fill that is still filling cannot be
//! told from a leak, so without a named warm-up no run ends before it is too late for its growth to count as one that
//! stopped.
//!
//! # What it costs
//! A look fits all shapes and costs as much as thousands of samples. So looks are few, each comes when the run is half
//! as long again, they work on coarse blocks, and the earlier time is looked at only where the later one says `leak`. A look
//! also waits until there are samples enough to pay for it: its time is a small share of theirs, in a run of any length.

use crate::assess::{Depth, Rigour};
use crate::digest::Digest;
use crate::estimate::Estimate;
use crate::judge::{judge_digest, leak_until};
use crate::judgement::Judgement;
use crate::level;
use crate::lives::{Life, Lives};
use crate::quantity::Quantity;
use crate::question::Question;
use crate::series::SeriesError;
use crate::trace::Trace;

/// A leak at a look must have been one already when this share of the time had passed.
const BEFORE: f64 = 1.0 / 1.2;
/// Each look comes when this much more of the run has passed than at the one before, so that no look tells of a time that
/// another one does.
const SPACING: f64 = 1.44;
/// The only look without a named warm-up, as a share of the planned run: growth that stops before 0.82 of a run is bounded by
/// definition, and what has stopped must show it.
const ONLY: f64 = 0.9;
/// Shortest plan that has looks, in seconds.
const SHORTEST_PLAN_S: f64 = 1e-6;
/// First look after a named warm-up, as a share of what is left of the run.
const FIRST_AFTER_WARM_UP: f64 = 0.18;
/// A look waits until so many samples came for each of its two times, and for each time that was looked at before; after a named
/// warm-up where there is one. A time costs up to nine tenths of a millisecond, a sample by itself about half a microsecond, so
/// that a run of any length comes to less than five on average. A look in a shorter run could save little of it.
const SAMPLES_FOR_A_LOOK: usize = 200;
/// Most blocks of a look, and the samples that there are at least for each of them.
const BLOCKS: usize = 48;
const SAMPLES_IN_A_BLOCK: usize = 4;
/// The live estimate is renewed when the series has grown by this share.
const RENEWED: f64 = 0.2;
/// Samples that a live estimate needs.
const FEWEST_FOR_RATE: usize = 20;

const S_PER_HOUR: f64 = 3600.0;

/// Follows one series while it is recorded, and may be asked after every sample.
///
/// Looking often does not inflate the error rate: decisions fall only at looks whose number is fixed by the plan.
/// Memory is bounded at any length: 25 KiB where nothing moves and 75 KiB for noise of a thousand pages, where times have a
/// resolution of 2^-20 s (55 and 100 KiB with nanoseconds). A sample costs about a
/// microsecond where runs are short, and well under one in long ones, beside its share of the looks.
#[derive(Debug)]
pub struct Monitor {
    quantity: Quantity,
    question: Question,
    digest: Digest,
    /// Times of the looks, in seconds since the first sample.
    looks_s: Vec<f64>,
    next_look: usize,
    /// Times that were looked at so far.
    looked: usize,
    warm_samples: usize,
    /// When the process began that runs now, where it took the place of another one.
    restarted_s: Option<f64>,
    rate: Option<Estimate>,
    renew_at: usize,
}

/// The times of the looks before the end of the run, in seconds since the first sample.
fn plan(question: &Question) -> Vec<f64> {
    let planned_s = question.planned_s;
    // Too short for a look at a time of its own, or no length at all.
    if !(planned_s >= SHORTEST_PLAN_S) {
        return Vec::new();
    }
    let warmup_s = question.warmup_s.map_or(0.0, |warmup_s| warmup_s.clamp(0.0, planned_s));
    let (mut look_s, from_s) = match question.warmup_s {
        Some(_) => (FIRST_AFTER_WARM_UP * (planned_s - warmup_s), warmup_s),
        None => (ONLY * planned_s, 0.0),
    };
    let mut looks_s = Vec::new();
    // After a warm-up as long as the plan there is no look.
    while look_s > 0.0 && from_s + look_s < 0.99 * planned_s {
        looks_s.push(from_s + look_s);
        look_s *= SPACING;
    }
    looks_s
}

impl Monitor {
    /// A monitor for one series of the given quantity.
    #[must_use]
    pub fn new(quantity: Quantity, question: Question) -> Self {
        let looks_s = plan(&question);
        Self {
            quantity,
            question,
            digest: Digest::default(),
            looks_s,
            next_look: 0,
            looked: 0,
            warm_samples: 0,
            restarted_s: None,
            rate: None,
            renew_at: FEWEST_FOR_RATE,
        }
    }

    /// Takes one sample: time in seconds since the start of the run, value, cumulative operations where counted.
    ///
    /// # Errors
    /// [`SeriesError`] for a number that is not finite or a time that is not later than the last; the sample is
    /// left out and the monitor stays usable.
    pub fn push(&mut self, t_s: f64, value: f64, ops: Option<f64>) -> Result<(), SeriesError> {
        self.digest.push(t_s, value, ops)?;
        let warm = self.question.warmup_s.is_none_or(|warmup_s| t_s - self.digest.first_t_s() >= warmup_s);
        self.warm_samples += usize::from(warm);
        if self.digest.points() >= self.renew_at {
            self.renew_at = self.digest.points() + 1 + (self.digest.points() as f64 * RENEWED) as usize;
            self.rate = self.estimate();
        }
        Ok(())
    }

    /// The target was replaced at `t_s`: what follows is another process.
    pub fn restart(&mut self, t_s: f64) {
        self.digest.restart();
        self.restarted_s = Some(t_s);
    }

    /// The current estimate of the growth per hour, for display; `None` while there are too few samples.
    ///
    /// A line through the quietest blocks of the last 60 % of the samples, at most a sixth of the run old. It takes a fill
    /// that is going on for growth: it is no judgement.
    #[must_use]
    pub fn rate_per_hour(&self) -> Option<Estimate> {
        self.rate
    }

    /// The judgement on which the run may end now, if the evidence decides; computed only when a planned look
    /// is due, else `None` at the cost of a comparison.
    pub fn decision(&mut self) -> Option<Judgement> {
        let due_s = *self.looks_s.get(self.next_look)?;
        let first_t_s = self.digest.first_t_s();
        let now_s = self.digest.last_t_s();
        let elapsed_s = now_s - first_t_s;
        if elapsed_s < due_s || self.warm_samples < SAMPLES_FOR_A_LOOK * (self.looked + 2) {
            return None;
        }
        // Looks that were missed, in a gap or for want of samples, are not made up for.
        while self.looks_s.get(self.next_look).is_some_and(|look_s| *look_s <= elapsed_s) {
            self.next_look += 1;
        }
        // A process that took the place of another one has a plan of its own, the rest of the run: no look before its end
        // comes late enough for a fill in it to have stopped.
        if self.digest.has_restarted() && self.question.warmup_s.is_none() {
            return None;
        }
        let warm_s = self.question.warmup_s.map_or(first_t_s, |warmup_s| first_t_s + warmup_s.max(0.0));
        let before_s = warm_s + BEFORE * (now_s - warm_s);
        // What another process showed says nothing of this one.
        if self.restarted_s.is_some_and(|restarted_s| restarted_s > before_s) {
            return None;
        }
        // Each look of the plan has its share of the error rate, and the end of the run has one. The two times of a look share
        // theirs, since both must say `leak`.
        let decisions = (self.looks_s.len() + 1) * self.question.family.max(1);
        let blocks = (self.warm_samples / SAMPLES_IN_A_BLOCK).min(BLOCKS);
        let shared = Rigour::shared(decisions, self.question.confidence);
        let rigour = Rigour { depth: Depth::Look { blocks }, ..shared };
        let look = |until_s| leak_until(&self.digest, until_s, self.quantity, &self.question, &rigour);
        self.looked += 1;
        let _leak_before = look(before_s)?;
        self.looked += 1;
        // Only the answer on which the run may end is put into words.
        look(now_s).map(|leak| leak.judgement(&self.digest, self.quantity, &self.question, &rigour))
    }

    /// The judgement of what was taken so far, as [`judge`](crate::judge()) gives it of a finished series.
    #[must_use]
    pub fn judgement(&self) -> Judgement {
        let rigour = Rigour::shared(self.question.family, self.question.confidence);
        judge_digest(&self.digest, self.quantity, &self.question, &rigour)
    }

    fn estimate(&self) -> Option<Estimate> {
        let cells = self.digest.segments().pop()?.cells;
        let (first, last) = (cells.first()?, cells.last()?);
        if cells.len() < FEWEST_FOR_RATE || last.t_s - first.t_s < 1e-6 {
            return None;
        }
        let trace = Trace::new(&cells, first.t_s, first.middle);
        let running = Lives::new(vec![Life { trace, start_s: first.t_s, level: first.middle }])?;
        let quantum = self.quantity.quantum();
        let line = level::recent(&running, quantum * quantum / 12.0, 1.0 - self.question.confidence)?;
        let estimate = Estimate {
            value: line.rate,
            low: Some(line.rate - line.half_width),
            high: Some(line.rate + line.half_width),
            confidence: self.question.confidence,
        };
        let hourly = estimate.scaled(S_PER_HOUR);
        let finite = [Some(hourly.value), hourly.low, hourly.high].into_iter().flatten().all(f64::is_finite);
        finite.then_some(hourly)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge;
    use crate::judgement::JudgementKind;
    use crate::series::Series;

    fn noise(i: usize) -> f64 {
        ((i * 7919 + i / 3 * 104_729) % 31) as f64 * 4096.0
    }

    /// Where the run would have ended, as a sample index.
    fn stop(question: Question, samples: usize, value: impl Fn(usize) -> f64) -> Option<usize> {
        let mut monitor = Monitor::new(Quantity::Bytes, question);
        (0..samples).find(|&i| {
            monitor.push(i as f64, value(i), None).unwrap();
            monitor.decision().is_some()
        })
    }

    #[test]
    fn a_leak_ends_a_run_early_but_never_before_half_of_it() {
        let leak = |i: usize| 1e8 + 50_000.0 * i as f64 + noise(i);
        let at = stop(Question::new(1000.0), 1000, leak).unwrap();
        assert!((500..1000).contains(&at), "stopped at {at}");
    }

    #[test]
    fn a_named_warm_up_lets_a_leak_end_a_run_sooner() {
        let leak = |i: usize| 1e8 + 50_000.0 * i as f64 + noise(i);
        let mut question = Question::new(1000.0);
        question.warmup_s = Some(100.0);
        let at = stop(question, 1000, leak).unwrap();
        assert!((140..500).contains(&at), "stopped at {at}");
    }

    #[test]
    fn a_look_waits_for_the_samples_that_pay_for_it() {
        let leak = |i: usize| 1e8 + 50_000.0 * i as f64 + noise(i);
        let question = |samples: f64| Question { warmup_s: Some(0.0), ..Question::new(samples) };
        let fewest = 2 * SAMPLES_FOR_A_LOOK;
        assert_eq!(stop(question(fewest as f64 - 1.0), fewest - 1, leak), None);
        assert_eq!(stop(question(1000.0), 1000, leak), Some(fewest - 1));
        // What shows no leak is looked at once for so many samples, however long it goes on.
        let mut monitor = Monitor::new(Quantity::Bytes, question(2000.0));
        for i in 0..2000 {
            monitor.push(i as f64, 1e8 + noise(i), None).unwrap();
            assert_eq!(monitor.decision(), None);
            assert!(monitor.looked * SAMPLES_FOR_A_LOOK <= i);
        }
        assert!(monitor.looked >= 4);
    }

    #[test]
    fn level_and_saturating_series_never_end_a_run() {
        assert_eq!(stop(Question::new(1000.0), 1000, |i| 1e8 + noise(i)), None);
        let fill = |i: usize| 1e8 + 1e7 * (1.0 - (-(i as f64) / 100.0).exp()) + noise(i);
        assert_eq!(stop(Question::new(1000.0), 1000, fill), None);
    }

    #[test]
    fn at_the_end_the_monitor_says_what_the_judge_says() {
        let t_s: Vec<f64> = (0..20_000).map(|i| i as f64).collect();
        let values: Vec<f64> = (0..20_000).map(|i| 1e8 + 500.0 * i as f64 + noise(i)).collect();
        let mut monitor = Monitor::new(Quantity::Bytes, Question::new(20_000.0));
        for (t_s, value) in t_s.iter().zip(&values) {
            monitor.push(*t_s, *value, None).unwrap();
        }
        let series = Series::new(Quantity::Bytes, t_s, values).unwrap();
        assert_eq!(monitor.judgement(), judge(&series, &Question::new(20_000.0)));
        let rate = monitor.rate_per_hour().unwrap();
        assert!((rate.value / 3600.0 - 500.0).abs() < 10.0);
    }

    #[test]
    fn restarts_are_judged_as_in_the_finished_series_and_without_a_named_warm_up_end_no_run_early() {
        let value = |i: usize| 1e8 + 50_000.0 * (i % 250) as f64 + noise(i);
        let mut question = Question::new(1000.0);
        for warmup_s in [None, Some(20.0)] {
            question.warmup_s = warmup_s;
            let mut monitor = Monitor::new(Quantity::Bytes, question.clone());
            let mut stopped = false;
            for i in 0..1000 {
                if i % 250 == 0 {
                    monitor.restart(i as f64);
                }
                monitor.push(i as f64, value(i), None).unwrap();
                stopped |= monitor.decision().is_some();
            }
            assert_eq!(stopped, warmup_s.is_some());
            let series =
                Series::new(Quantity::Bytes, (0..1000).map(f64::from).collect(), (0..1000).map(value).collect());
            let series = series.and_then(|series| series.with_restarts(vec![250.0, 500.0, 750.0])).unwrap();
            let judgement = monitor.judgement();
            assert_eq!(judgement, judge(&series, &question));
            assert_eq!(judgement.judgement, JudgementKind::Leak);
        }
    }

    #[test]
    fn refused_samples_leave_the_monitor_usable() {
        let mut monitor = Monitor::new(Quantity::Count, Question::new(60.0));
        assert!(monitor.push(f64::NAN, 1.0, None).is_err());
        monitor.push(0.0, 1.0, None).unwrap();
        assert!(monitor.push(0.0, 1.0, None).is_err());
        assert!(monitor.push(1.0, f64::INFINITY, None).is_err());
        monitor.push(1.0, 1.0, None).unwrap();
        assert_eq!(monitor.rate_per_hour(), None);
        assert_eq!(monitor.decision(), None);
    }

    #[test]
    fn a_plan_without_length_has_no_looks() {
        for planned_s in [0.0, -1.0, f64::NAN, 5e-324, f64::MIN_POSITIVE, f64::NEG_INFINITY, f64::INFINITY] {
            for warmup_s in [None, Some(0.0), Some(5e-324), Some(1.0), Some(f64::NAN), Some(f64::INFINITY)] {
                assert!(
                    plan(&Question { warmup_s, ..Question::new(planned_s) }).is_empty(),
                    "{planned_s} {warmup_s:?}"
                );
            }
        }
        for warmup_s in [10.0, 11.0, f64::NAN, f64::INFINITY] {
            assert!(plan(&Question { warmup_s: Some(warmup_s), ..Question::new(10.0) }).is_empty(), "{warmup_s}");
        }
    }
}
