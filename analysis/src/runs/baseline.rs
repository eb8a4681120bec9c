//! Earlier runs, and the value from which a further one is a regression.

use super::difference::Difference;
use super::scale::{Scale, Worse};
use crate::stats::student;

/// With fewer runs their noise is not known well enough to tell a regression from chance.
pub const FEWEST_RUNS: usize = 10;

/// What sums of a few dozen places are off by, as a share.
const ROUNDING: f64 = 1e-12;
/// The one-sided normal quantile of 95 %.
const CHANCE_MEMORY: f64 = 1.645;

/// Earlier runs of the same thing, in the order in which they ran.
///
/// A further run is out of what is usual where it lies beyond the threshold *and* beyond what chance makes of an unchanged
/// program: the prediction interval for a single further value (Hahn 1969, J. Am. Stat. Assoc. 64, 878-888,
/// doi:10.1080/01621459.1969.10501020), and every one of the earlier runs. The interval assumes normal noise (of the
/// logarithms, where ratios are compared) without memory; the second demand holds whatever the noise is, since an
/// unchanged run is the worst of n + 1 with a chance of 1 in n + 1. That is not rare, so one such run is no regression yet:
/// [`hold`](super::hold) waits for the next.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    scale: Scale,
    /// Where the runs lie on the axis of the scale.
    places: Vec<f64>,
    mean: f64,
    sigma: f64,
}

impl Baseline {
    /// A baseline of `values`, one for each run. Values that cannot be compared on `scale` are left out; `None` where
    /// fewer than [`FEWEST_RUNS`] remain.
    #[must_use]
    pub fn of(values: &[f64], scale: Scale) -> Option<Self> {
        let places: Vec<f64> = values.iter().filter_map(|value| scale.place(*value)).collect();
        if places.len() < FEWEST_RUNS {
            return None;
        }
        let count = places.len() as f64;
        let mean = places.iter().sum::<f64>() / count;
        let squares: f64 = places.iter().map(|place| (place - mean).powi(2)).sum();
        Some(Self { scale, mean, sigma: (squares / (count - 1.0)).sqrt(), places })
    }

    /// Number of runs in it.
    #[must_use]
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// The level of the runs: their mean, a geometric one where ratios are compared.
    #[must_use]
    pub fn level(&self) -> f64 {
        self.scale.value(self.mean)
    }

    /// The standard deviation between runs, as a share of the level.
    #[must_use]
    pub fn noise(&self) -> f64 {
        self.scale.change(self.sigma)
    }

    /// How many independent runs tell as much as these: fewer where what one run was off is there in the next one too (Bayley &
    /// Hammersley 1946, J. R. Stat. Soc. Suppl. 8, 184-197, for a first-order autoregression). Chance alone makes a memory of
    /// 1.64 / root n in one history of twenty, which is left out.
    #[must_use]
    pub fn effective_count(&self) -> f64 {
        let count = self.places.len() as f64;
        let off: Vec<f64> = self.places.iter().map(|place| place - self.mean).collect();
        let squares: f64 = off.iter().map(|off| off * off).sum();
        let products: f64 = off.iter().zip(off.iter().skip(1)).map(|(one, next)| one * next).sum();
        // Below this it is rounding that runs differ by.
        let memory = if self.sigma > ROUNDING * (1.0 + self.mean.abs()) { products / squares } else { 0.0 };
        if memory > CHANCE_MEMORY / count.sqrt() { count * (1.0 - memory) / (1.0 + memory) } else { count }
    }

    /// By how much `value` differs from the level, as a share; `None` where it cannot be compared.
    #[must_use]
    pub fn change(&self, value: f64) -> Option<f64> {
        Some(self.scale.change(self.scale.place(value)? - self.mean))
    }

    /// The value that no unchanged run passes but with the given chance (0 to 1, one-sided) and that is at least
    /// `threshold` (a share) worse than the level: beyond it lies what is out of the usual.
    ///
    /// Where several numbers of a run are compared, `chance` is what is left for one of them.
    #[must_use]
    pub fn limit(&self, worse: Worse, threshold: f64, chance: f64) -> f64 {
        self.limit_from(self.mean, 1.0 / self.places.len() as f64, worse, threshold, chance)
    }

    /// The same where the level is that of `fixed` runs (one at least) and only the noise is that of these runs.
    #[must_use]
    pub fn limit_beside(&self, fixed: &[f64], worse: Worse, threshold: f64, chance: f64) -> Option<f64> {
        let places: Vec<f64> = fixed.iter().filter_map(|value| self.scale.place(*value)).collect();
        if places.is_empty() {
            return None;
        }
        let count = places.len() as f64;
        let mean = places.iter().sum::<f64>() / count;
        let shifted =
            Self { places: self.places.iter().map(|place| place - self.mean + mean).collect(), ..self.clone() };
        Some(shifted.limit_from(mean, 1.0 / count, worse, threshold, chance))
    }

    /// The difference of two single runs whose noise is that of these; `None` where they cannot be compared.
    #[must_use]
    pub fn difference(&self, baseline: f64, candidate: f64, threshold: f64, confidence: f64) -> Option<Difference> {
        let distance = self.scale.place(candidate)? - self.scale.place(baseline)?;
        let t = student::two_sided(1.0 - confidence, self.places.len() as f64 - 1.0);
        let half = t * self.sigma * std::f64::consts::SQRT_2;
        Some(Difference::of_distance(distance, half, self.scale, threshold, confidence))
    }

    /// `uncertain` is the variance of `level` in variances between runs.
    fn limit_from(&self, level: f64, uncertain: f64, worse: Worse, threshold: f64, chance: f64) -> f64 {
        let sign = worse.sign();
        let t = student::quantile(1.0 - chance.clamp(1e-9, 0.5), self.places.len() as f64 - 1.0);
        let by_chance = t * self.sigma * (1.0 + uncertain).sqrt();
        let by_threshold = sign * self.scale.distance(sign * threshold);
        let by_rank = self.places.iter().map(|place| sign * (place - level)).fold(0.0, f64::max);
        self.scale.value(level + sign * by_chance.max(by_threshold).max(by_rank))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 give or take 2 %.
    fn runs() -> Vec<f64> {
        [98.0, 102.0, 100.0, 99.0, 101.0, 103.0, 97.0, 100.0, 99.5, 100.5].to_vec()
    }

    #[test]
    fn quiet_runs_leave_the_threshold_to_decide() {
        let baseline = Baseline::of(&runs(), Scale::Ratio).unwrap();
        assert!((baseline.level() - 100.0).abs() < 0.1);
        let limit = baseline.limit(Worse::Up, 0.1, 0.05);
        assert!((limit / baseline.level() - 1.1).abs() < 1e-9, "{limit}");
        let lower = baseline.limit(Worse::Down, 0.1, 0.05);
        assert!((lower / baseline.level() - 0.9).abs() < 1e-9, "{lower}");
        assert!((baseline.change(112.0).unwrap() - 0.12).abs() < 0.002);
    }

    #[test]
    fn noisy_runs_move_the_limit_beyond_chance_and_beyond_themselves() {
        let noisy: Vec<f64> = runs().iter().map(|value| 100.0 + (value - 100.0) * 10.0).collect();
        let baseline = Baseline::of(&noisy, Scale::Ratio).unwrap();
        let limit = baseline.limit(Worse::Up, 0.1, 0.05);
        assert!(limit > 130.0, "beyond the worst run: {limit}");
        // Hahn (1969): mean + t(0.95, 9) s sqrt(1 + 1/10), with t = 1.8331.
        let share = Baseline::of(&noisy, Scale::Share).unwrap();
        let by_hand = share.level() + 1.8331 * share.noise() * 1.1_f64.sqrt();
        assert!((share.limit(Worse::Up, 0.0, 0.05) - by_hand.max(130.0)).abs() < 0.01);
    }

    #[test]
    fn a_fixed_level_has_the_noise_of_the_others() {
        let baseline = Baseline::of(&runs(), Scale::Ratio).unwrap();
        let limit = baseline.limit_beside(&[200.0], Worse::Up, 0.0, 0.01).unwrap();
        assert!((210.0..230.0).contains(&limit), "{limit}");
        assert_eq!(baseline.limit_beside(&[], Worse::Up, 0.0, 0.01), None);
    }

    #[test]
    fn runs_that_remember_the_one_before_tell_less() {
        let alternating: Vec<f64> = (0..20).map(|run| if run % 2 == 0 { 99.0 } else { 101.0 }).collect();
        assert_eq!(Baseline::of(&alternating, Scale::Ratio).unwrap().effective_count(), 20.0);
        assert_eq!(Baseline::of(&[5.0; 20], Scale::Ratio).unwrap().effective_count(), 20.0);
        // Two stretches of ten: 18 products of one and one of minus one over 20 squares is 0.85.
        let two_levels: Vec<f64> = (0..20).map(|run| if run < 10 { 99.0 } else { 101.0 }).collect();
        let told = Baseline::of(&two_levels, Scale::Share).unwrap().effective_count();
        assert!((told - 20.0 * 0.15 / 1.85).abs() < 1e-9, "{told}");
    }

    #[test]
    fn too_few_runs_are_no_baseline() {
        assert_eq!(Baseline::of(&runs()[..9], Scale::Ratio), None);
        let mut with_zero = runs();
        with_zero[0] = 0.0;
        assert_eq!(Baseline::of(&with_zero, Scale::Ratio), None, "a ratio to nothing says nothing");
        assert!(Baseline::of(&with_zero, Scale::Share).is_some());
        assert!(Baseline::of(&[5.0; 10], Scale::Ratio).unwrap().limit(Worse::Up, 0.1, 0.01) < 5.51);
    }
}
