//! Two builds of one program: by how much they differ, and whether that is beyond chance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scale::Scale;
use crate::estimate::Estimate;
use crate::stats::student;

/// What a difference comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More by the threshold or beyond, and beyond chance.
    More,
    /// Less by the threshold or beyond, and beyond chance.
    Less,
    /// The interval lies within the threshold on both sides (two one-sided tests, Schuirmann 1987).
    Alike,
    /// Neither can be said.
    Undecided,
}

/// The difference of a candidate from its baseline, as a share of the baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// The change with its interval.
    pub change: Estimate,
    /// What it comes to.
    pub direction: Direction,
}

impl Difference {
    /// Of a distance on the axis of `scale` and half the width of its interval there.
    pub(crate) fn of_distance(distance: f64, half: f64, scale: Scale, threshold: f64, confidence: f64) -> Self {
        let change = Estimate {
            value: scale.change(distance),
            low: Some(scale.change(distance - half)),
            high: Some(scale.change(distance + half)),
            confidence,
        };
        Self::new(change, threshold, mirrored(scale, threshold))
    }

    fn new(change: Estimate, threshold: f64, opposite: f64) -> Self {
        let direction = match (change.low, change.high) {
            (Some(low), _) if low > 0.0 && change.value >= threshold => Direction::More,
            (_, Some(high)) if high < 0.0 && change.value <= -opposite => Direction::Less,
            (Some(low), Some(high)) if low > -opposite && high < threshold => Direction::Alike,
            _ => Direction::Undecided,
        };
        Self { change, direction }
    }
}

/// The difference from rounds in which both ran under the same conditions: `(baseline, candidate)` each.
///
/// Each pair is compared with itself, so what the host did to both falls out; the interval is Student's for the mean of
/// the pairs. `None` with fewer than two pairs that can be compared on `scale`.
#[must_use]
pub fn of_pairs(pairs: &[(f64, f64)], scale: Scale, threshold: f64, confidence: f64) -> Option<Difference> {
    let distances: Vec<f64> = pairs
        .iter()
        .filter_map(|(baseline, candidate)| Some(scale.place(*candidate)? - scale.place(*baseline)?))
        .collect();
    if distances.len() < 2 {
        return None;
    }
    let count = distances.len() as f64;
    let mean = distances.iter().sum::<f64>() / count;
    let variance = distances.iter().map(|distance| (distance - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let half = student::two_sided(1.0 - confidence, count - 1.0) * (variance / count).sqrt();
    Some(Difference::of_distance(mean, half, scale, threshold, confidence))
}

/// The difference of two estimates that know nothing of each other, in their unit; `threshold` is in that unit too.
///
/// The interval is put together from theirs (method of variance estimates recovery: Zou & Donner 2008, Stat. Med. 27,
/// 1693-1702, doi:10.1002/sim.3095) and is open where theirs are.
#[must_use]
pub fn of_estimates(baseline: Estimate, candidate: Estimate, threshold: f64) -> Difference {
    let value = candidate.value - baseline.value;
    let apart = |a: f64, b: f64| (a * a + b * b).sqrt();
    let low =
        candidate.low.zip(baseline.high).map(|(low, high)| value - apart(candidate.value - low, high - baseline.value));
    let high =
        candidate.high.zip(baseline.low).map(|(high, low)| value + apart(high - candidate.value, baseline.value - low));
    let confidence = candidate.confidence.min(baseline.confidence);
    Difference::new(Estimate { value, low, high, confidence }, threshold, threshold)
}

/// The share by which less is as far as `threshold` more: a fifth less for a quarter more.
fn mirrored(scale: Scale, threshold: f64) -> f64 {
    -scale.change(-scale.distance(threshold))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_did_to_both_falls_out() {
        let pairs: Vec<(f64, f64)> =
            [100.0, 140.0, 80.0, 120.0].iter().zip([0.82, 0.81, 0.83, 0.82]).map(|(a, f)| (*a, a * f)).collect();
        let found = of_pairs(&pairs, Scale::Ratio, 0.1, 0.95).unwrap();
        assert_eq!(found.direction, Direction::Less);
        assert!((found.change.value + 0.18).abs() < 0.002 && found.change.high.unwrap() < -0.16);
        let same: Vec<(f64, f64)> = pairs.iter().map(|(a, _)| (*a, a * 1.001)).collect();
        assert_eq!(of_pairs(&same, Scale::Ratio, 0.1, 0.95).unwrap().direction, Direction::Alike);
        assert_eq!(of_pairs(&pairs[..1], Scale::Ratio, 0.1, 0.95), None);
    }

    #[test]
    fn a_difference_that_chance_can_make_decides_nothing() {
        let found = of_pairs(&[(100.0, 150.0), (100.0, 90.0), (100.0, 140.0)], Scale::Ratio, 0.1, 0.95).unwrap();
        assert_eq!(found.direction, Direction::Undecided);
    }

    #[test]
    fn intervals_of_two_estimates_add_up_as_errors_do() {
        let estimate = |value: f64, half: f64| Estimate {
            value,
            low: Some(value - half),
            high: Some(value + half),
            confidence: 0.95,
        };
        let found = of_estimates(estimate(10.0, 3.0), estimate(20.0, 4.0), 1.0);
        assert_eq!((found.change.value, found.change.low, found.change.high), (10.0, Some(5.0), Some(15.0)));
        assert_eq!(found.direction, Direction::More);
        let open = Estimate { low: None, high: None, ..estimate(10.0, 0.0) };
        assert_eq!(of_estimates(open, estimate(10.0, 1.0), 5.0).direction, Direction::Undecided);
        assert_eq!(of_estimates(estimate(10.0, 1.0), estimate(10.5, 1.0), 5.0).direction, Direction::Alike);
    }
}
