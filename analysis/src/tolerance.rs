//! What growth is accepted, in units of the series per second.

use crate::quantity::Quantity;
use crate::question::{Question, Tolerance};

/// Share of the settled baseline that a series may grow over a planned run.
const SHARE_PER_RUN: f64 = 0.005;
/// 64 pages: fewer than a small process touches for the first time in an ordinary run.
const BYTES_PER_RUN: f64 = 256.0 * 1024.0;
/// Programs open a log file, an event descriptor or a helper thread late and one at a time; four such events in a run
/// are not a leak, and five that keep coming are seen as one. One descriptor lost per thousand operations passes it
/// after 4,000 operations.
const COUNT_PER_RUN: f64 = 4.0;
/// What a claim of "no growth" need not be finer than, per run: small processes wander by this much.
const COARSE_BYTES_PER_RUN: f64 = 1024.0 * 1024.0;

const S_PER_HOUR: f64 = 3600.0;

/// The tolerances that a series is held to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tolerated {
    /// Above this it is a leak, per second.
    pub(crate) per_s: f64,
    /// Below this it is none, per second: at least `per_s`.
    pub(crate) coarse_per_s: f64,
    /// As the user gave it, per operation.
    pub(crate) per_op: Option<f64>,
}

/// Resolves the tolerance for a series of `baseline` that sees `ops_per_s`. `None` for a tolerance per
/// operation where no operations were counted, and for one that is not a number of at least 0.
pub(crate) fn resolve(
    question: &Question,
    quantity: Quantity,
    baseline: f64,
    ops_per_s: Option<f64>,
) -> Option<Tolerated> {
    let planned_s = question.planned_s.max(f64::MIN_POSITIVE);
    let mut per_op = None;
    let per_s = match question.tolerance {
        Tolerance::Default => {
            let least = match quantity {
                Quantity::Bytes => BYTES_PER_RUN,
                Quantity::Count => COUNT_PER_RUN,
                Quantity::Other => 0.0,
            };
            (SHARE_PER_RUN * baseline.abs()).max(least) / planned_s
        }
        Tolerance::PerHour(rate) => rate / S_PER_HOUR,
        Tolerance::PerRun(growth) => growth / planned_s,
        Tolerance::PerOp(rate) => {
            per_op = Some(rate);
            rate * ops_per_s.filter(|ops_per_s| *ops_per_s > 0.0)?
        }
    };
    let coarse_per_run = question.confirm_per_run.unwrap_or(match (question.tolerance, quantity) {
        (Tolerance::Default, Quantity::Bytes) => COARSE_BYTES_PER_RUN,
        _ => 0.0,
    });
    // It is told per hour.
    (per_s >= 0.0 && (per_s * S_PER_HOUR).is_finite()).then(|| Tolerated {
        per_s,
        coarse_per_s: per_s.max(coarse_per_run / planned_s),
        per_op,
    })
}

/// What a series of `baseline` may grow by per hour by default, in a run that is planned to last `planned_s` seconds: what
/// [`Tolerance::Default`] comes to.
#[must_use]
pub fn default_tolerance_per_hour(quantity: Quantity, baseline: f64, planned_s: f64) -> f64 {
    resolve(&Question::new(planned_s), quantity, baseline, None).map_or(0.0, |tolerated| tolerated.per_s * S_PER_HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_scales_with_the_baseline_and_has_a_floor() {
        let question = Question::new(3600.0);
        let per_run = |baseline| resolve(&question, Quantity::Bytes, baseline, None).unwrap().per_s * 3600.0;
        assert!((per_run(1e6) - 262_144.0).abs() < 1e-6);
        assert!((per_run(1e9) - 5e6).abs() < 1e-3);
        let counts = resolve(&question, Quantity::Count, 30.0, None).unwrap();
        assert!((counts.per_s * 3600.0 - 4.0).abs() < 1e-9);
    }

    #[test]
    fn the_default_is_told_without_a_series() {
        assert_eq!(default_tolerance_per_hour(Quantity::Bytes, 1e9, 7200.0), 2.5e6);
        assert_eq!(default_tolerance_per_hour(Quantity::Bytes, 1e9, f64::NAN), 0.0);
        // A plan so short that what it tolerates is a number in a second and none in an hour.
        assert_eq!(default_tolerance_per_hour(Quantity::Bytes, 0.0, 2.1657588747496372e-302), 0.0);
    }

    #[test]
    fn a_rate_of_the_user_is_not_made_coarser() {
        let mut question = Question::new(600.0);
        question.tolerance = Tolerance::PerHour(7200.0);
        let tolerated = resolve(&question, Quantity::Bytes, 1e6, None).unwrap();
        assert_eq!((tolerated.per_s, tolerated.coarse_per_s), (2.0, 2.0));
    }

    #[test]
    fn a_rate_per_operation_needs_operations() {
        let mut question = Question::new(600.0);
        question.tolerance = Tolerance::PerOp(64.0);
        assert_eq!(resolve(&question, Quantity::Bytes, 1e6, None), None);
        assert_eq!(resolve(&question, Quantity::Bytes, 1e6, Some(0.0)), None);
        assert_eq!(resolve(&question, Quantity::Bytes, 1e6, Some(10.0)).unwrap().per_s, 640.0);
    }
}
