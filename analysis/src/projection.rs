//! How far the growth goes: time until a limit, growth over the horizon.

use crate::assess::Assessment;
use crate::estimate::Estimate;
use crate::models::{Basis, Family};
use crate::stats::order;

/// Share of the peaks of the last quarter that lie below the level which meets the limit first.
const PEAK: f64 = 0.98;

/// Time for `room` to be used up at `slope` per run and with the curvature of `shape`, in runs.
fn runs_until(room: f64, slope: f64, shape: Option<Basis>) -> f64 {
    let straight = room / slope;
    match shape {
        // The curve is inverted from its slope at the end on.
        Some(Basis::Exponential(g)) => (g * straight).ln_1p() / g,
        Some(Basis::Power(p)) if p > 1.0 => (p * straight + 1.0).powf(1.0 / p) - 1.0,
        _ => straight,
    }
}

/// Seconds from the end of the trace until `limit` is reached. The peaks meet a limit, not the troughs. `None` where
/// nothing grows.
pub(crate) fn time_to_limit(found: &Assessment, limit: f64, confidence: f64) -> Option<Estimate> {
    let rate = found.rate;
    if !(rate.value > 0.0) {
        return None;
    }
    let length = found.length;
    let newest = found.lives.newest();
    let room = (limit - newest.level - order::percentile(&newest.trace.after(0.75).peak, PEAK)).max(0.0);
    let best = found.selection.best(Family::Sustained)?;
    let shape = best.columns().as_slice().first().copied().filter(|_| !best.is_by_ops());
    let at = |rate_per_s: f64| runs_until(room, rate_per_s * length, shape) * length;
    let low = at(rate.high.max(rate.value));
    let value = at(rate.value);
    let high = (rate.low > 0.0).then(|| at(rate.low)).filter(|high| high.is_finite());
    (value.is_finite() && low.is_finite()).then_some(Estimate { value, low: Some(low), high, confidence })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_is_inverted_where_growth_is_not_straight() {
        assert_eq!(runs_until(10.0, 2.0, None), 5.0);
        // e^(gx) from x = 1: room = slope/g (e^(g d) - 1).
        let g = 3.0;
        let room = 2.0 / g * ((g * 0.7f64).exp() - 1.0);
        assert!((runs_until(room, 2.0, Some(Basis::Exponential(g))) - 0.7).abs() < 1e-12);
        // x^2 from x = 1 to 1.5 with slope 2 at 1: 1.25.
        assert!((runs_until(1.25, 2.0, Some(Basis::Power(2.0))) - 0.5).abs() < 1e-12);
    }
}
