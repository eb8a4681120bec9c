//! A run held against earlier ones: within its limit, beyond it for the first time, or a regression that was confirmed.
//!
//! One run that is far off is no regression, however far: in noise with outliers or heavy tails an unchanged program makes
//! such runs now and then, and no interval from a dozen earlier ones tells them from a change. A change is there in the next
//! run too. So what is beyond its limit is *unconfirmed* until as many runs in a row are as chance does not make
//! (verification resampling of groundwater statistics: Davis & McNichols 1999, Technometrics 41, 89-101,
//! doi:10.1080/00401706.1999.10485627; US EPA 2009, EPA 530/R-09-007, chapter 19).

use super::baseline::Baseline;
use super::scale::{Scale, Worse};

/// What is asked of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Question {
    /// In which direction it gets worse.
    pub worse: Worse,
    /// The least change that matters, as a share.
    pub threshold: f64,
    /// Chance that an unchanged run is called a regression, for all of its numbers together (0 to 1).
    pub chance: f64,
    /// How many numbers of the run are compared, this one included.
    pub numbers: usize,
}

/// What a number comes to beside earlier runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not beyond its limit.
    Within,
    /// Beyond it, and not yet in as many runs in a row as it takes: chance may have made it.
    Unconfirmed,
    /// Beyond it in as many runs in a row as it takes.
    Regression,
}

/// A number held against earlier runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The runs that it is held against.
    pub baseline: Baseline,
    /// The value that is still within.
    pub limit: f64,
    /// What it comes to.
    pub standing: Standing,
    /// Runs in a row that are beyond, this one included.
    pub in_a_row: usize,
    /// Runs in a row that it takes.
    pub needed: usize,
}

/// Holds `value` against the good runs before it. `None` where fewer than [`FEWEST_RUNS`](super::FEWEST_RUNS) can be compared.
///
/// `waiting` runs just before it were beyond their limits and wait for it; `good` must not hold them, or a change would
/// hide itself. A run that was beyond and was followed by one that is not was chance, and belongs to `good`: without its
/// outliers noise looks smaller than it is. The level is that of `fixed` where that holds any.
#[must_use]
pub fn hold(
    value: f64,
    good: &[f64],
    fixed: &[f64],
    waiting: usize,
    scale: Scale,
    question: &Question,
) -> Option<Held> {
    let baseline = Baseline::of(good, scale)?;
    let Question { worse, threshold, chance, numbers } = *question;
    let each = chance / numbers.max(1) as f64;
    let limit = match fixed {
        [] => baseline.limit(worse, threshold, each),
        fixed => baseline.limit_beside(fixed, worse, threshold, each)?,
    };
    let without_memory = needed(baseline.count() as f64, chance, numbers);
    // A level that changed among the earlier runs looks like memory as well, which must not blind for long: one run more at most.
    let needed = needed(baseline.effective_count(), chance, numbers).min(without_memory + 1);
    let is_beyond = match worse {
        Worse::Up => value > limit,
        Worse::Down => value < limit,
    };
    let in_a_row = if is_beyond { waiting.saturating_add(1) } else { 0 };
    let standing = match in_a_row {
        0 => Standing::Within,
        runs if runs >= needed => Standing::Regression,
        _ => Standing::Unconfirmed,
    };
    Some(Held { baseline, limit, standing, in_a_row, needed })
}

/// The most runs in a row that are ever asked for.
const MOST_IN_A_ROW: usize = 5;

/// How many runs in a row have to be beyond all of `count` earlier ones, two at least, so that chance does it no more often
/// than asked. Of runs that differ by chance alone, whatever its distribution, every order is as likely as any other: the last
/// k are the k worst with a chance of 1 in (count + k choose k). Where a run remembers the one before, `count` is that of as many
/// independent ones.
fn needed(count: f64, chance: f64, numbers: usize) -> usize {
    let is_rare = |runs: usize| {
        let by_chance: f64 = (1..=runs).map(|run| run as f64 / (count + run as f64)).product();
        numbers.max(1) as f64 * by_chance <= chance
    };
    (2..MOST_IN_A_ROW).find(|runs| is_rare(*runs)).unwrap_or(MOST_IN_A_ROW)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTION: Question = Question { worse: Worse::Up, threshold: 0.1, chance: 0.05, numbers: 5 };

    fn good(count: usize) -> Vec<f64> {
        (0..count).map(|run| 100.0 + (run % 5) as f64).collect()
    }

    fn standing(value: f64, waiting: usize, worse: Worse) -> Standing {
        let question = Question { worse, ..QUESTION };
        hold(value, &good(20), &[], waiting, Scale::Ratio, &question).unwrap().standing
    }

    #[test]
    fn a_regression_is_there_in_the_next_run_too() {
        assert_eq!(standing(105.0, 0, Worse::Up), Standing::Within);
        assert_eq!(standing(150.0, 0, Worse::Up), Standing::Unconfirmed);
        assert_eq!(standing(150.0, 1, Worse::Up), Standing::Regression);
        assert_eq!(standing(150.0, 7, Worse::Up), Standing::Regression);
        assert_eq!(standing(105.0, 1, Worse::Up), Standing::Within, "the one before was chance");
        assert_eq!(standing(70.0, 1, Worse::Up), Standing::Within, "better is no regression");
        assert_eq!(standing(70.0, 1, Worse::Down), Standing::Regression);
    }

    #[test]
    fn few_runs_and_many_numbers_take_more_in_a_row() {
        // 5 / (12 choose 2) = 0.076, 5 / (13 choose 3) = 0.017; 5 / (22 choose 2) = 0.022.
        assert_eq!((needed(10.0, 0.05, 5), needed(20.0, 0.05, 5)), (3, 2));
        assert_eq!((needed(20.0, 0.05, 11), needed(20.0, 0.05, 12)), (2, 3));
        assert_eq!((needed(1000.0, 0.05, 1), needed(10.0, 1e-9, 100)), (2, MOST_IN_A_ROW));
    }

    #[test]
    fn a_fixed_level_is_what_counts_where_there_is_one() {
        let held = |value| hold(value, &good(20), &[200.0], 1, Scale::Ratio, &QUESTION).unwrap();
        assert_eq!(held(205.0).standing, Standing::Within);
        assert_eq!(held(250.0).standing, Standing::Regression);
        assert_eq!(hold(1.0, &good(20), &[-1.0], 1, Scale::Ratio, &QUESTION), None);
        assert_eq!(hold(1.0, &good(9), &[], 1, Scale::Ratio, &QUESTION), None);
    }

    #[test]
    fn what_is_no_number_is_not_beyond() {
        assert_eq!(standing(f64::NAN, 3, Worse::Up), Standing::Within);
    }
}
