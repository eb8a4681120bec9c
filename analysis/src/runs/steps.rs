//! Where the level of a history of runs changed, and by how much.

use statrs::distribution::{ContinuousCDF, Normal};

use super::scale::Scale;
use crate::estimate::Estimate;
use crate::stats::order::{MAD_TO_SIGMA, median};
use crate::stats::student;

/// A level holds for this many runs at least: one run that is far off is no change of level.
const SHORTEST: usize = 3;

/// What one more change costs, in units of the noise's variance times the logarithm of the number of runs. Three
/// parameters come with it, two levels and a place (Zhang & Siegmund 2007, Biometrics 63, 22-32,
/// doi:10.1111/j.1541-0420.2006.00662.x); the rest covers that noise and memory are estimated from few runs.
const PENALTY: f64 = 5.5;

/// Runs on each side of one to which it is held, and how far off it counts, in standard deviations of the noise: a few
/// runs that are far off change no level.
const BESIDE: usize = 3;
const CLIPPED_AT: f64 = 2.0;

/// The most memory from run to run that is reckoned with: 1 - 2.2/√n, and never more than 0.8. In few runs more could not be
/// told from changes of level, and would hide them all.
const MOST_MEMORY: f64 = 0.8;
const MEMORY_UNSEEN: f64 = 2.2;

/// One in so many squared differences is left out, the largest, since they are outliers or steps; and what the mean of the
/// others is for normal noise of variance 1: 1 - 2 x φ(x) / 0.8 with x = 1.2816, the quantile at 0.9.
const LEFT_OUT: usize = 5;
const REST_OF_NORMAL: f64 = 0.4377;

/// A lasting change of level between two runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Place of the first run after it, from 0; the change lies between that run and the one before.
    pub at: usize,
    /// Level before it.
    pub before: f64,
    /// Level after it.
    pub after: f64,
    /// The change as a share, with its interval.
    pub change: Estimate,
}

/// The steps in `values`, one for each run in their order, that come to at least `smallest` (a share) and are beyond
/// chance at `confidence`. Values that cannot be compared on `scale` are passed over.
///
/// The best way to cut the history into levels, by dynamic programming (Jackson et al. 2005, IEEE Signal Process. Lett.
/// 12, 105-108, doi:10.1109/LSP.2001.838216): O(n²) time for n runs, which for a thousand is a few milliseconds. Three
/// things keep noise from being told as steps. Runs that are far off their neighbours are drawn in, since one is no
/// level. What a cut costs grows with the memory from run to run, in which an unchanged history wanders; both are estimated
/// from differences, in which steps hardly count (Tecuapetla-Gómez & Munk 2017, Scand. J. Stat. 44, 346-368,
/// doi:10.1111/sjos.12256). And by their ranks in the whole history the two levels have to explain at least 1/√n of its sum
/// of squares, to which a handful of runs add little, however far off they are. `cargo run --example step_noise` measures what that reaches.
#[must_use]
pub fn steps(values: &[f64], scale: Scale, smallest: f64, confidence: f64) -> Vec<Step> {
    let known: Vec<(usize, f64)> =
        values.iter().enumerate().filter_map(|(at, value)| Some((at, scale.place(*value)?))).collect();
    let places: Vec<f64> = known.iter().map(|(_, place)| *place).collect();
    if places.len() < 2 * SHORTEST {
        return Vec::new();
    }
    let clipped = clipped(&places);
    let noise = Noise::of(&clipped);
    let cuts = cuts(&clipped, PENALTY * (places.len() as f64).ln() * noise.long_run_variance);
    let scores = normal_scores(&places);
    let ends = cuts.iter().skip(1).copied().chain([places.len()]);
    let levels: Vec<std::ops::Range<usize>> = cuts.iter().zip(ends).map(|(from, to)| *from..to).collect();
    let steps = levels.windows(2).filter_map(|pair| {
        let (before, after) = (mean(&places[pair[0].clone()]), mean(&places[pair[1].clone()]));
        let distance = after - before;
        let half = noise.widening() * half_width(&places[pair[0].clone()], &places[pair[1].clone()], confidence);
        let is_large = scale.change(distance).abs() >= smallest && distance.abs() > half;
        let by_rank = explained(&scores[pair[0].clone()], &scores[pair[1].clone()]);
        (is_large && by_rank >= (places.len() as f64).sqrt()).then(|| Step {
            at: known[pair[1].start].0,
            before: scale.value(before),
            after: scale.value(after),
            change: Estimate {
                value: scale.change(distance),
                low: Some(scale.change(distance - half)),
                high: Some(scale.change(distance + half)),
                confidence,
            },
        })
    });
    steps.collect()
}

/// The places, with those that are far off their neighbours drawn in.
fn clipped(places: &[f64]) -> Vec<f64> {
    let mut differences: Vec<f64> = places.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    let sigma = MAD_TO_SIGMA * median(&mut differences) / std::f64::consts::SQRT_2;
    let near = |at: usize| {
        let beside = &places[at.saturating_sub(BESIDE)..(at + BESIDE + 1).min(places.len())];
        let middle = median(&mut beside.to_vec());
        places[at].max(middle - CLIPPED_AT * sigma).min(middle + CLIPPED_AT * sigma)
    };
    (0..places.len()).map(near).collect()
}

/// Noise between runs in which each keeps a share of what the one before was off: AR(1).
#[derive(Debug, Clone, Copy)]
struct Noise {
    /// That share.
    memory: f64,
    /// Variance of a mean of many runs, times their number.
    long_run_variance: f64,
}

impl Noise {
    /// From differences between runs that are one and two apart: half their mean square is the variance times
    /// 1 - memory, and times 1 - memory².
    fn of(places: &[f64]) -> Self {
        let half_square = |apart: usize| {
            let pairs = places.iter().zip(places.iter().skip(apart));
            let mut squares: Vec<f64> = pairs.map(|(a, b)| (b - a).powi(2) / 2.0).collect();
            squares.sort_by(f64::total_cmp);
            squares.truncate(squares.len() - squares.len().div_ceil(LEFT_OUT));
            mean(&squares) / REST_OF_NORMAL
        };
        let (one, two) = (half_square(1), half_square(2));
        let most = (1.0 - MEMORY_UNSEEN / (places.len() as f64).sqrt()).min(MOST_MEMORY);
        let memory = if one > 0.0 { (two / one - 1.0).min(most).max(0.0) } else { 0.0 };
        let variance = one / (1.0 - memory);
        // At least the rounding of the numbers.
        let largest = places.iter().fold(0.0_f64, |largest, place| largest.max(place.abs()));
        let rounding = (1e-9 * largest).max(1e-12).powi(2);
        Self { memory, long_run_variance: (variance * (1.0 + memory) / (1.0 - memory)).max(rounding) }
    }

    /// How much wider the interval of a mean is than without memory.
    fn widening(&self) -> f64 {
        ((1.0 + self.memory) / (1.0 - self.memory)).sqrt()
    }
}

/// Where each place would be if they were normal, by its rank; equal ones share theirs (van der Waerden 1952).
fn normal_scores(places: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|a, b| places[*a].total_cmp(&places[*b]));
    let mut scores = vec![0.0; places.len()];
    let mut from = 0;
    for equal in order.chunk_by(|a, b| places[*a] == places[*b]) {
        let rank = from as f64 + 0.5 * equal.len() as f64;
        let score = Normal::standard().inverse_cdf(rank / places.len() as f64);
        equal.iter().for_each(|place| scores[*place] = score);
        from += equal.len();
    }
    scores
}

/// What a level of its own for each part explains of the sum of squares.
fn explained(a: &[f64], b: &[f64]) -> f64 {
    let (count, other) = (a.len() as f64, b.len() as f64);
    count * other / (count + other) * (mean(a) - mean(b)).powi(2)
}

/// Where each level begins, the first at 0.
fn cuts(places: &[f64], penalty: f64) -> Vec<usize> {
    let count = places.len();
    // Sums from the centre, so that squares do not swallow small differences.
    let centre = mean(places);
    let mut sums = vec![(0.0, 0.0)];
    for place in places {
        let (sum, squares) = sums[sums.len() - 1];
        let from_centre = place - centre;
        sums.push((sum + from_centre, squares + from_centre * from_centre));
    }
    let cost = |from: usize, to: usize| {
        let (sum, squares) = (sums[to].0 - sums[from].0, sums[to].1 - sums[from].1);
        (squares - sum * sum / (to - from) as f64).max(0.0)
    };
    let mut best = vec![f64::INFINITY; count + 1];
    let mut begins = vec![0; count + 1];
    best[0] = -penalty;
    for to in SHORTEST..=count {
        for from in 0..=to - SHORTEST {
            let total = best[from] + penalty + cost(from, to);
            if total < best[to] {
                best[to] = total;
                begins[to] = from;
            }
        }
    }
    let mut cuts = Vec::new();
    let mut to = count;
    while to > 0 {
        to = begins[to];
        cuts.push(to);
    }
    cuts.reverse();
    cuts
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Half the width of the interval of the difference of two means whose noise is alike.
fn half_width(a: &[f64], b: &[f64], confidence: f64) -> f64 {
    let squares = |values: &[f64]| {
        let mean = mean(values);
        values.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
    };
    let freedom = (a.len() + b.len()) as f64 - 2.0;
    let variance = (squares(a) + squares(b)) / freedom;
    let error = (variance * (1.0 / a.len() as f64 + 1.0 / b.len() as f64)).sqrt();
    student::two_sided(1.0 - confidence, freedom) * error
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    use super::*;

    /// Noise of up to 2 %.
    fn noisy(level: f64, count: usize, seed: u64) -> Vec<f64> {
        let mut random = Pcg64::seed_from_u64(seed);
        (0..count).map(|_| level * (1.0 + 0.02 * (2.0 * random.random::<f64>() - 1.0))).collect()
    }

    #[test]
    fn a_step_is_found_where_it_is() {
        let values = [noisy(100.0, 12, 1), noisy(112.0, 9, 2), noisy(90.0, 6, 3)].concat();
        let found = steps(&values, Scale::Ratio, 0.05, 0.95);
        assert_eq!(found.iter().map(|step| step.at).collect::<Vec<_>>(), [12, 21], "{found:?}");
        let change = found[0].change;
        assert!((change.value - 0.12).abs() < 0.02 && change.low.unwrap() > 0.05, "{change:?}");
        assert!(found[1].change.value < -0.15);
    }

    #[test]
    fn noise_single_outliers_and_constants_are_no_steps() {
        assert_eq!(steps(&noisy(100.0, 40, 5), Scale::Ratio, 0.01, 0.95), []);
        let mut outlier = noisy(100.0, 20, 6);
        outlier[10] = 130.0;
        assert_eq!(steps(&outlier, Scale::Ratio, 0.05, 0.95), []);
        assert_eq!(steps(&[7.0; 30], Scale::Ratio, 0.01, 0.95), []);
        assert_eq!(steps(&[1.0, 2.0, 3.0], Scale::Ratio, 0.01, 0.95), []);
        assert_eq!(steps(&[f64::NAN; 30], Scale::Share, 0.01, 0.95), []);
    }

    #[test]
    fn a_history_that_wanders_has_no_steps() {
        // Each run keeps half of what the one before was off.
        let mut off = 0.0;
        let wandering: Vec<f64> = noisy(1.0, 200, 3)
            .into_iter()
            .map(|value| {
                off = 0.5 * off + 3.0 * (value - 1.0);
                100.0 * (1.0 + off)
            })
            .collect();
        assert_eq!(steps(&wandering, Scale::Ratio, 0.01, 0.95), []);
        let memory = |values: &[f64]| Noise::of(&values.iter().map(|value| value.ln()).collect::<Vec<f64>>()).memory;
        assert!((0.3..0.7).contains(&memory(&wandering)), "{}", memory(&wandering));
        assert!(memory(&noisy(100.0, 200, 4)) < 0.2);
        let stepped = [noisy(100.0, 100, 4), noisy(200.0, 100, 5)].concat();
        assert!(memory(&stepped) < 0.3, "a step is no memory: {}", memory(&stepped));
    }

    #[test]
    fn a_few_runs_that_are_far_off_are_no_level() {
        let mut runs = noisy(100.0, 100, 8);
        for run in [40, 41, 43, 60, 70, 71] {
            runs[run] *= 1.3;
        }
        assert_eq!(steps(&runs, Scale::Ratio, 0.05, 0.95), []);
        // As many in a history of which they are a large part are one.
        assert_eq!(steps(&[noisy(100.0, 6, 1), noisy(130.0, 6, 2)].concat(), Scale::Ratio, 0.05, 0.95).len(), 1);
    }

    #[test]
    fn scores_go_by_rank() {
        let scores = normal_scores(&[3.0, 1.0, 1.0, 100.0]);
        assert_eq!(scores[1], scores[2]);
        assert!(scores[1] < scores[0] && scores[0] < scores[3]);
        // The quantile of the normal distribution at 7/8.
        assert!((scores[3] - 1.150_349).abs() < 1e-6);
    }

    #[test]
    fn counts_that_change_exactly_once_are_a_step() {
        let values = [vec![12.0; 8], vec![13.0; 8]].concat();
        let found = steps(&values, Scale::Ratio, 0.05, 0.95);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].at, found[0].before.round(), found[0].after.round()), (8, 12.0, 13.0));
    }
}
