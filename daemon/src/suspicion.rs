//! When a series counts as suspicious: the one place that says so, and why.
//!
//! Suspicion decides nothing about the run. It is what an expensive look is worth: the lower end of the live estimate has risen above
//! the tolerated rate. The live estimate takes a fill that is going on for growth, so there are suspicions without a leak.

use soakd_analysis::Estimate;

/// Nothing is suspected in the first part of a run, when everything fills, as a share of the planned length.
pub const NOT_BEFORE: f64 = 0.2;
/// How often a series is looked at, as a share of the planned length: resolving its tolerance costs a judgement.
pub const CHECKED_EVERY: f64 = 0.05;

/// A series that has become suspicious.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspicion {
    /// Which, and why.
    pub text: String,
}

/// Whether an estimate of growth is suspicious against a tolerance, both per hour.
#[must_use]
pub fn is_suspicious(rate: &Estimate, tolerance_per_hour: f64) -> bool {
    rate.low.is_some_and(|low| low > tolerance_per_hour.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_growth_that_is_surely_above_the_tolerance_is_suspicious() {
        let rate = |low| Estimate { value: 5.0, low, high: Some(9.0), confidence: 0.95 };
        assert!(is_suspicious(&rate(Some(2.0)), 1.0));
        for (low, tolerance) in [(Some(2.0), 3.0), (Some(2.0), f64::NAN), (Some(-1.0), -2.0), (None, 0.0)] {
            let expected = tolerance.is_nan() && low == Some(2.0);
            assert_eq!(is_suspicious(&rate(low), tolerance), expected, "{low:?} {tolerance}");
        }
    }
}
