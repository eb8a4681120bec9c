//! Where the level of a history of runs changed, and by how much.

use super::scale::Scale;
use crate::estimate::Estimate;
use crate::stats::order::{MAD_TO_SIGMA, median};
use crate::stats::student;

/// A level holds for this many runs at least: one run that is far off is no change of level.
const SHORTEST: usize = 3;

/// What one more change costs, in units of the noise's variance times the logarithm of the number of runs. Three
/// parameters come with it, two levels and a place (Zhang & Siegmund 2007, Biometrics 63, 22-32,
/// doi:10.1111/j.1541-0420.2006.00662.x); half as much again covers that the noise is estimated from few runs.
const PENALTY: f64 = 4.5;

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
/// 12, 105-108, doi:10.1109/LSP.2001.838216): O(n²) time for n runs, which for a thousand is a few milliseconds. The noise
/// is estimated from neighbours, so that the steps themselves do not count as noise.
#[must_use]
pub fn steps(values: &[f64], scale: Scale, smallest: f64, confidence: f64) -> Vec<Step> {
    let known: Vec<(usize, f64)> =
        values.iter().enumerate().filter_map(|(at, value)| Some((at, scale.place(*value)?))).collect();
    let places: Vec<f64> = known.iter().map(|(_, place)| *place).collect();
    if places.len() < 2 * SHORTEST {
        return Vec::new();
    }
    let cuts = cuts(&places, PENALTY * noise(&places).powi(2) * (places.len() as f64).ln());
    let ends = cuts.iter().skip(1).copied().chain([places.len()]);
    let levels: Vec<&[f64]> = cuts.iter().zip(ends).map(|(from, to)| &places[*from..to]).collect();
    let steps = levels.windows(2).zip(cuts.iter().skip(1)).filter_map(|(pair, cut)| {
        let (before, after) = (mean(pair[0]), mean(pair[1]));
        let distance = after - before;
        let half = half_width(pair[0], pair[1], confidence);
        let is_large = scale.change(distance).abs() >= smallest && distance.abs() > half;
        is_large.then(|| Step {
            at: known[*cut].0,
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

/// Standard deviation of the noise, from differences of neighbours, and at least the rounding of the numbers.
fn noise(places: &[f64]) -> f64 {
    let mut differences: Vec<f64> = places.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    let by_median = MAD_TO_SIGMA * median(&mut differences) / std::f64::consts::SQRT_2;
    let largest = places.iter().fold(0.0_f64, |largest, place| largest.max(place.abs()));
    by_median.max(1e-9 * largest).max(1e-12)
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
    use super::*;

    /// Noise of about 2 % that is the same each time.
    fn noisy(level: f64, count: usize, seed: usize) -> Vec<f64> {
        (0..count)
            .map(|k| level * (1.0 + 0.02 * (((k * 7 + seed) * 2_654_435_761 % 1000) as f64 / 500.0 - 1.0)))
            .collect()
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
    fn counts_that_change_exactly_once_are_a_step() {
        let values = [vec![12.0; 8], vec![13.0; 8]].concat();
        let found = steps(&values, Scale::Ratio, 0.05, 0.95);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].at, found[0].before.round(), found[0].after.round()), (8, 12.0, 13.0));
    }
}
