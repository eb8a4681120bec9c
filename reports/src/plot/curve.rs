//! The curve of a judgement, laid through the samples that were judged.
//!
//! The document names the model and its parameters; [`soakd_analysis::curve`] gives the shape from the same table of models
//! that was fitted. Only the level is not among the parameters: it is the one at which the curve runs through the middle of
//! the samples.

use soakd_analysis::judgement::LevelEvent;
use soakd_analysis::{Judgement, Quantity, curve};

use crate::recording::Recorded;

/// Share of the judged part that the fit leaves out at its start.
const BURN_IN: f64 = 0.02;

/// A fitted curve over time.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    shape: curve::Curve,
    /// Where the fitted part begins, in seconds of the run.
    pub(crate) from_s: f64,
    jumps: Vec<LevelEvent>,
    level: f64,
}

impl Curve {
    /// The curve of a judgement through `points`, the samples that were judged; `None` where there is no model, or one
    /// that this version does not know.
    pub(crate) fn of(
        judgement: &Judgement,
        unit: Quantity,
        points: &[(f64, f64)],
        operations: Option<&Recorded>,
    ) -> Option<Self> {
        let choice = judgement.model.as_ref()?;
        let (first_s, last_s) = (points.first()?.0, points.last()?.0);
        let from_s = first_s + BURN_IN * (last_s - first_s);
        let counted = operations.map(|operations| operations.points().collect());
        let shape = curve::Curve::of(choice, unit, from_s, last_s - from_s, counted)?;
        let plain = Self { shape, from_s, jumps: Vec::new(), level: 0.0 }.levelled(points);
        if plain.shape.has_turns() {
            return Some(plain);
        }
        let stepped = Self { jumps: judgement.events.clone(), ..plain.clone() }.levelled(points);
        // Jumps were fitted beside the shape, or only seen in it: the curve that is nearer to the samples tells.
        let is_nearer = !stepped.jumps.is_empty() && stepped.distance(points) < plain.distance(points);
        Some(if is_nearer { stepped } else { plain })
    }

    /// Its value at the time `t_s`.
    pub(crate) fn at(&self, t_s: f64) -> f64 {
        let jumped: f64 = self.jumps.iter().filter(|jump| jump.t_s <= t_s).map(|jump| jump.change).sum();
        self.level + self.shape.at(t_s) + jumped
    }

    /// Times from `from_s` to `to_s` between which straight lines do not leave it by much: `fewest` even ones, more where it
    /// goes up and down, and both sides of a sudden change; at most about `most`.
    pub(crate) fn times(&self, from_s: f64, to_s: f64, fewest: usize, most: usize) -> Vec<f64> {
        /// Straight pieces that make a wave look round.
        const PIECES_OF_A_PERIOD: f64 = 24.0;
        let length_s = to_s - from_s;
        let waves = self.shape.period_s().map_or(0.0, |period_s| length_s / period_s * PIECES_OF_A_PERIOD);
        let pieces = (waves as usize).clamp(fewest, most);
        let even = (0..=pieces).map(|piece| to_s - length_s * (pieces - piece) as f64 / pieces as f64);
        let sudden = self.shape.turns_s().chain(self.jumps.iter().map(|jump| jump.t_s));
        let sides = sudden.flat_map(|t_s| [t_s.next_down(), t_s]).filter(|t_s| from_s < *t_s && *t_s < to_s);
        let mut times: Vec<f64> = even.chain(sides.take(most)).collect();
        times.sort_by(f64::total_cmp);
        times
    }

    fn levelled(mut self, points: &[(f64, f64)]) -> Self {
        let after = points.iter().filter(|(t_s, _)| *t_s >= self.from_s);
        let mut off: Vec<f64> = after.map(|(t_s, value)| value - self.at(*t_s)).collect();
        off.sort_by(f64::total_cmp);
        self.level += off.get(off.len() / 2).copied().unwrap_or(0.0);
        self
    }

    /// Sum of the distances from the samples.
    fn distance(&self, points: &[(f64, f64)]) -> f64 {
        points.iter().filter(|(t_s, _)| *t_s >= self.from_s).map(|(t_s, value)| (value - self.at(*t_s)).abs()).sum()
    }
}

#[cfg(test)]
mod tests {
    use soakd_analysis::{Question, Series, Tolerance, judge};

    use super::*;

    /// The model of a judged series, and what the two differ by at a hundred times, as shares of how far the series moves,
    /// the least first.
    fn off(value: impl Fn(f64) -> f64) -> (String, Vec<f64>) {
        // Without a pattern of its own at any period.
        let noise = |i: u32| {
            let mixed = (i ^ (i >> 7)).wrapping_mul(0x85EB_CA6B);
            f64::from((mixed ^ (mixed >> 13)).wrapping_mul(0xC2B2_AE35) >> 16) / 65_536.0 - 0.5
        };
        let points: Vec<(f64, f64)> =
            (0..1200_u32).map(|i| (f64::from(i), value(f64::from(i) / 1200.0) + 40_000.0 * noise(i))).collect();
        let (t_s, values) = points.iter().copied().unzip();
        let series = Series::new(Quantity::Bytes, t_s, values).unwrap();
        let question = Question { tolerance: Tolerance::PerHour(65_536.0), ..Question::new(1200.0) };
        let judgement = judge(&series, &question);
        let curve = Curve::of(&judgement, Quantity::Bytes, &points, None).expect("a known model");
        let height = (0..=100).map(|i| value(f64::from(i) / 100.0)).fold(0.0, f64::max) - value(0.0);
        let far = (5..=100).map(|i| f64::from(i) / 100.0).map(|x| (curve.at(1200.0 * x) - value(x)).abs());
        let mut far: Vec<f64> = far.map(|far| far / height.max(40_000.0)).collect();
        far.sort_by(f64::total_cmp);
        (judgement.model.unwrap().name, far)
    }

    #[test]
    fn the_curve_of_a_judgement_runs_through_what_was_judged() {
        type Shape = fn(f64) -> f64;
        let shapes: [(&str, Shape); 5] = [
            ("constant", |_| 40.0 * 1_048_576.0),
            ("linear", |x| (40.0 + 8.0 * x) * 1_048_576.0),
            ("saturating", |x| (40.0 + 8.0 * (1.0 - (-x / 0.15).exp())) * 1_048_576.0),
            ("late_onset", |x| (40.0 + 12.0 * (x - 0.5).max(0.0)) * 1_048_576.0),
            ("exponential", |x| (40.0 + 0.5 * (3.0 * x).exp()) * 1_048_576.0),
        ];
        for (shape, value) in shapes {
            let (model, off) = off(value);
            let off = off.last().unwrap();
            assert!(*off < 0.15, "{shape}, explained by {model}: off by {off:.3}");
        }
    }

    #[test]
    fn the_curve_of_motion_moves_with_what_was_judged() {
        type Shape = fn(f64) -> f64;
        let shapes: [(&str, Shape); 7] = [
            ("cyclic", |x| (40.0 + 3.0 * (40.0 * x).sin()) * 1_048_576.0),
            ("cyclic", |x| (40.0 + 6.0 * (20.0 * x).fract()) * 1_048_576.0),
            ("cyclic_drift", |x| (40.0 + 9.0 * x + 3.0 * (40.0 * x).sin()) * 1_048_576.0),
            ("cyclic_drift", |x| (40.0 + 9.0 * x + 6.0 * (20.0 * x * (1.0 + x)).fract()) * 1_048_576.0),
            ("burst", |x| {
                (40.0 + if (0.33..0.38).contains(&x) || (0.6..0.63).contains(&x) { 9.0 } else { 0.0 }) * 1_048_576.0
            }),
            ("staircase", |x| (40.0 + (13.3 * x).floor()) * 1_048_576.0),
            ("step", |x| (40.0 + if x < 0.3 { 0.0 } else { 4.0 } + if x < 0.55 { 0.0 } else { 2.0 }) * 1_048_576.0),
        ];
        for (name, value) in shapes {
            let (model, off) = off(value);
            // What is nearest to a sudden change may stand on its other side.
            let off = off[off.len() * 96 / 100];
            assert!(model.starts_with(name) && off < 0.12, "{name}, explained by {model}: off by {off:.3}");
        }
    }

    #[test]
    fn a_picture_holds_both_sides_of_a_fall() {
        let saw = |t: f64| 4e7 + 6e6 * (t / 60.0).fract();
        let points: Vec<(f64, f64)> = (0..1200_u32).map(|i| (f64::from(i), saw(f64::from(i)))).collect();
        let (t_s, values) = points.iter().copied().unzip();
        let series = Series::new(Quantity::Bytes, t_s, values).unwrap();
        let curve = Curve::of(&judge(&series, &Question::new(1200.0)), Quantity::Bytes, &points, None).unwrap();
        let times = curve.times(curve.from_s, 1199.0, 120, 800);
        let falls = times.windows(2).filter(|pair| curve.at(pair[0]) - curve.at(pair[1]) > 5.5e6);
        assert_eq!(falls.clone().count(), 19);
        assert!(falls.clone().all(|pair| pair[1] - pair[0] < 1e-6), "a fall is drawn as a slope");
    }
}
