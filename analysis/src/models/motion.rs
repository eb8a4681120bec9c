//! Motion beside growth: what goes up and down again, or comes in portions.
//!
//! A shape of [`Form`](super::Form)s says where a series is going; it is fitted to blocks in which the motion of a
//! collector, a burst or a single portion is mostly gone. A model of motion is fitted to the cells of the trace instead,
//! once, when a judgement is put into words. It is scored on the same blocks and with the same whitening as every shape;
//! what it explains *within* the blocks, where every shape is flat, is added as a likelihood ratio of the deviations from
//! each block's value, with an AR(1) coefficient of its own on either side.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use super::sawtooth::{self, Teeth};
use super::sinusoid;
use crate::estimate::Estimate;
use crate::fit::Panel;
use crate::judgement::LevelEvent;
use crate::jumps::Jump;
use crate::quantity::Quantity;
use crate::stats::autoregression::{coefficient, long_run_ratio, whiten, whitened};
use crate::stats::least_squares::{Space, dot};
use crate::stats::{order, student};
use crate::trace::{Blocks, Trace, View};

/// A model of motion: where its parameters come from. How it is drawn is told by [`Curve`](crate::curve::Curve).
pub trait Motion: Sync {
    /// Fits it. `None` where its signature is not seen.
    fn fit(&self, scene: &Scene<'_>) -> Option<Moved>;
}

/// What a model of motion is fitted to.
pub struct Scene<'a> {
    pub(crate) trace: &'a Trace,
    /// Whether the blocks are means over several lives, of which the trace is the newest: then only what is seen in the blocks is
    /// explained.
    pub(crate) several: bool,
    /// The blocks that the shapes were fitted to.
    pub(crate) panel: &'a Panel,
    /// When each of them begins, in times of the trace.
    pub(crate) starts: &'a [f64],
    pub(crate) view: View,
    /// AR(1) coefficient and long-run ratio by which every shape was scored.
    pub(crate) rho: f64,
    pub(crate) ratio: f64,
    /// Lasting jumps that the shapes stand beside, and their columns.
    pub(crate) jumps: &'a [Jump],
    pub(crate) jump_columns: &'a [Vec<f64>],
    /// Columns of the load, where the shapes stand beside it.
    pub(crate) load_columns: &'a [Vec<f64>],
    /// Columns of the cycle, where the shapes stand beside one.
    pub(crate) cycle_columns: &'a [Vec<f64>],
    /// Cycles in the run, where one was taken out of the blocks.
    pub(crate) cycles: Option<f64>,
    pub(crate) quantity: Quantity,
    /// Added to the times of the trace.
    pub(crate) origin_t_s: f64,
    pub(crate) confidence: f64,
    pub(crate) seen: Seen,
}

/// What several models look for, once.
#[derive(Default)]
pub(crate) struct Seen {
    teeth: OnceCell<Option<Teeth>>,
    frequency: OnceCell<Option<f64>>,
    still: OnceCell<Within>,
}

impl std::fmt::Debug for Scene<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scene").field("cells", &self.trace.len()).field("blocks", &self.panel.x.len()).finish()
    }
}

/// A model of motion, fitted.
#[derive(Debug, Clone, Default)]
pub struct Moved {
    /// At the cells of the trace, up to a level.
    pub(crate) cells: Vec<f64>,
    /// At the blocks; the height of each is left to the blocks.
    pub(crate) columns: Vec<Vec<f64>>,
    /// Heights that went into the columns: phases and overtones.
    pub(crate) within_columns: usize,
    /// Parameters that are no heights: times, periods, portions one by one.
    pub(crate) hidden: usize,
    /// Whether a line stands beside it, and its slope per second.
    pub(crate) line: bool,
    pub(crate) slope: f64,
    /// Whether the lasting jumps stand beside it; otherwise it explains them.
    pub(crate) beside_jumps: bool,
    /// Whether every other shape may stand beside it as well.
    pub(crate) beside_shapes: bool,
    /// By name with unit suffix.
    pub(crate) parameters: BTreeMap<String, Estimate>,
    /// Where its curve changes suddenly.
    pub(crate) turns: Vec<LevelEvent>,
}

/// How well a model of motion explains the series, less is better.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Score {
    /// Information criterion on the blocks.
    pub(crate) blocks: f64,
    /// What it gains within the blocks over a shape that is flat there.
    pub(crate) gain: f64,
    /// The part of `blocks` that pays for what any shape beside it would need as well.
    pub(crate) paid: f64,
}

/// Deviations within blocks, whitened.
#[derive(Debug, Clone, Copy)]
struct Within {
    variance: f64,
    count: f64,
    ratio: f64,
}

/// Residual degrees of freedom that a fit needs.
const LEAST_FREEDOM: usize = 3;
/// Most turns of a curve that a document holds.
pub(crate) const MOST_TURNS: usize = 256;

/// The sum of the changes up to each of the sorted times `t`.
pub(crate) fn stairs(t: &[f64], edges: &[(f64, f64)]) -> Vec<f64> {
    let mut edges = edges.iter().peekable();
    let mut level = 0.0;
    t.iter()
        .map(|t| {
            while let Some((_, change)) = edges.next_if(|edge| edge.0 <= *t) {
                level += change;
            }
            level
        })
        .collect()
}

/// Medians of `count` parts of equal time, each at the mean time of its cells; parts without a cell are left out.
pub(crate) fn medians(trace: &Trace, count: usize) -> Blocks {
    let (start, length) = (trace.start(), trace.length());
    let mut blocks = Blocks::default();
    let mut from = 0;
    for k in 1..=count {
        let edge = start + length * (k as f64 / count as f64);
        let to = if k == count { trace.len() } else { trace.t.partition_point(|t| *t < edge).max(from) };
        if let (Some(t), Some(v)) = (trace.t.get(from..to), trace.middle.get(from..to))
            && !t.is_empty()
        {
            blocks.t.push(t.iter().sum::<f64>() / t.len() as f64);
            blocks.v.push(order::median_of(v));
        }
        from = to;
    }
    blocks
}

/// The price of `p` parameters on `m` blocks: Schwarz (1978) with the small-sample term of Hurvich & Tsai (1989).
fn price(p: usize, m: f64) -> f64 {
    let p = p as f64;
    p * m.ln() + 2.0 * p * (p + 1.0) / (m - p - 1.0).max(1.0)
}

impl Scene<'_> {
    /// The time of a place of the trace in the series, in seconds.
    pub(crate) fn at_s(&self, t: f64) -> f64 {
        self.origin_t_s + t
    }

    /// `name` with the suffix of the series' unit.
    pub(crate) fn named(&self, name: &str) -> String {
        format!("{name}{}", crate::curve::suffix(self.quantity))
    }

    /// An estimate with a standard error.
    pub(crate) fn estimate(&self, value: f64, error: f64, freedom: f64) -> Estimate {
        let half = student::two_sided(1.0 - self.confidence, freedom) * error;
        let half = Some(half).filter(|half| half.is_finite());
        Estimate {
            value,
            low: half.map(|half| value - half),
            high: half.map(|half| value + half),
            confidence: self.confidence,
        }
    }

    /// The mean of `values` with the interval that their spread gives; none of them is known better than `floor`.
    pub(crate) fn mean(&self, values: &[f64], floor: f64) -> Estimate {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (n - 1.0).max(1.0);
        self.estimate(mean, (variance.max(floor * floor) / n).sqrt(), n - 1.0)
    }

    /// What was counted is certain.
    pub(crate) fn counted(&self, count: usize) -> Estimate {
        let value = count as f64;
        Estimate { value, low: Some(value), high: Some(value), confidence: self.confidence }
    }

    /// A time between two cells: it lies there for certain.
    pub(crate) fn between(&self, from: f64, to: f64) -> Estimate {
        Estimate {
            value: self.at_s(0.5 * (from + to)),
            low: Some(self.at_s(from)),
            high: Some(self.at_s(to)),
            confidence: self.confidence,
        }
    }

    /// The teeth of a sawtooth, looked for once.
    pub(crate) fn teeth(&self) -> Option<&Teeth> {
        self.seen.teeth.get_or_init(|| if self.several { None } else { sawtooth::teeth(self.trace) }).as_ref()
    }

    /// Cycles in the run of a coherent cycle, looked for once.
    pub(crate) fn frequency(&self) -> Option<f64> {
        let look = || if self.several { None } else { sinusoid::frequency(self.trace) };
        *self.seen.frequency.get_or_init(|| self.cycles.or_else(look))
    }

    /// Cells of each block; those before the first one count to it.
    fn ranges(&self) -> Vec<std::ops::Range<usize>> {
        let mut from = 0;
        let later = self.starts.iter().skip(1).map(|start| self.trace.t.partition_point(|t| t < start));
        let ends = later.chain([self.trace.len()]);
        ends.map(|to| {
            let range = from..to.max(from);
            from = range.end;
            range
        })
        .collect()
    }

    /// What becomes of `cells`, a value for each cell, in the view of the blocks.
    pub(crate) fn on_blocks(&self, cells: &[f64]) -> Vec<f64> {
        let (start, length) = (self.trace.start(), self.trace.length());
        let nearest = |x: f64| {
            let t = start + x * length;
            let after = self.trace.t.partition_point(|other| *other < t).min(self.trace.len().saturating_sub(1));
            let before = after.saturating_sub(1);
            let at = if (self.trace.t[after] - t).abs() <= (t - self.trace.t[before]).abs() { after } else { before };
            cells[at]
        };
        match self.view {
            View::Troughs => self.panel.x.iter().map(|x| nearest(*x)).collect(),
            View::Middle => self
                .ranges()
                .into_iter()
                .zip(&self.panel.x)
                .map(|(range, x)| if range.is_empty() { nearest(*x) } else { order::median_of(&cells[range]) })
                .collect(),
        }
    }

    /// The part of [`Self::on_blocks`] that `cells` has beside a line with this slope per second: a median of both is no sum of
    /// medians.
    pub(crate) fn on_blocks_beside(&self, cells: &[f64], slope: f64) -> Vec<f64> {
        let start = self.trace.start();
        let both: Vec<f64> = cells.iter().zip(&self.trace.t).map(|(value, t)| value + slope * (t - start)).collect();
        let line = self.panel.x.iter().map(|x| slope * x * self.trace.length());
        self.on_blocks(&both).into_iter().zip(line).map(|(both, line)| both - line).collect()
    }

    /// How far the median of each block lies from the value that the shapes were fitted to: outliers were moved to the edge
    /// of the noise there.
    fn cut(&self) -> Vec<f64> {
        match self.view {
            View::Troughs => vec![0.0; self.panel.x.len()],
            View::Middle => {
                let medians = self.on_blocks(&self.trace.middle);
                medians.iter().zip(&self.panel.v).map(|(median, value)| median - value).collect()
            }
        }
    }

    fn within(&self, moved: Option<&Moved>) -> Within {
        let mut rest = self.trace.peak.clone();
        let mut cut = self.cut();
        if let Some(moved) = moved {
            for (value, (cell, t)) in rest.iter_mut().zip(moved.cells.iter().zip(&self.trace.t)) {
                *value -= cell + moved.slope * t;
            }
            let moved = self.on_blocks(&moved.cells);
            let usual = order::median_of(&moved);
            // The curve explains an outlier as far as it goes there.
            cut.iter_mut().zip(moved).for_each(|(cut, at)| *cut -= (at - usual).clamp(cut.min(0.0), cut.max(0.0)));
        }
        let mut count = 0;
        for (range, cut) in self.ranges().into_iter().zip(cut) {
            let block = &mut rest[range];
            count += block.len().saturating_sub(1);
            let middle = order::median_of(block) - cut;
            block.iter_mut().for_each(|value| *value -= middle);
        }
        let rho = coefficient(&rest, 0).min(0.99);
        whiten(&mut rest, rho);
        let n = rest.len().max(1) as f64;
        let variance = dot(&rest, &rest) / n + self.panel.rounding;
        Within { variance, count: count as f64, ratio: long_run_ratio(&rest) }
    }

    /// The information criterion of a level and what is given, `within` heights in it.
    fn criterion(&self, columns: &[&[f64]], within: usize) -> Option<f64> {
        let m = self.panel.x.len();
        let p = 1 + columns.len() + within + 2;
        if m < p + LEAST_FREEDOM {
            return None;
        }
        let mut ones = vec![1.0; m];
        whiten(&mut ones, self.rho);
        let white: Vec<Vec<f64>> = columns.iter().map(|column| whitened(column, self.rho)).collect();
        let space = Space::of(std::iter::once(ones.as_slice()).chain(white.iter().map(Vec::as_slice)));
        let rest = space.residual(&whitened(&self.panel.v, self.rho));
        let m = m as f64;
        let variance = dot(&rest, &rest) / m + self.panel.rounding;
        let score = m / self.ratio * variance.max(f64::MIN_POSITIVE).ln() + price(p, m);
        score.is_finite().then_some(score)
    }

    /// The score of a level or a line alone, beside nothing.
    pub(crate) fn alone(&self, line: bool) -> Option<f64> {
        let columns: &[&[f64]] = if line { &[&self.panel.x] } else { &[] };
        self.criterion(columns, 0)
    }

    /// The price of parameters that were looked for in the cells of the trace: times, periods, portions one by one.
    fn hidden(&self, count: usize) -> f64 {
        count as f64 * (self.trace.len().max(self.panel.x.len()) as f64).ln()
    }

    /// What shapes pay for the jumps and the cycle that they stand beside: a place each.
    pub(crate) fn places(&self) -> f64 {
        self.hidden(self.jump_columns.len() + usize::from(self.cycles.is_some()))
    }

    /// How well `moved` explains the blocks, and the cells within them.
    pub(crate) fn score(&self, moved: &Moved) -> Option<Score> {
        let jumps = if moved.beside_jumps { self.jump_columns } else { &[] };
        let line = moved.line.then_some(&self.panel.x);
        let columns: Vec<&[f64]> = line.into_iter().chain(&moved.columns).chain(jumps).map(Vec::as_slice).collect();
        let blocks = self.criterion(&columns, moved.within_columns)? + self.hidden(moved.hidden + jumps.len());
        let still = self.seen.still.get_or_init(|| self.within(None));
        let moving = self.within(Some(moved)).variance;
        // One effective number for all, or its own error would part models that gain much.
        let gain = still.count / still.ratio * (still.variance / moving).ln();
        let gain = if gain.is_finite() && !self.several { gain.max(0.0) } else { 0.0 };
        let m = self.panel.x.len() as f64;
        // A smooth wave among the columns beside every shape is paid for already.
        let paid = match self.cycles {
            Some(_) if moved.turns.is_empty() => 0.0,
            _ => self.hidden(moved.hidden) + (moved.columns.len() + moved.within_columns) as f64 * (m.ln() + 2.0),
        };
        Some(Score { blocks, gain, paid })
    }
}

/// Series with known parameters, and how often their intervals hold them.
#[cfg(test)]
pub(super) mod simulated {
    use std::collections::BTreeMap;

    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    /// Seeds of these tests alone.
    pub(in super::super) const SEEDS: std::ops::Range<u64> = 610_000..610_500;
    /// Share of the series whose interval must hold the truth, where 95 % are aimed at.
    const HELD: f64 = 0.93;

    pub(in super::super) struct Noise {
        rng: Pcg64Mcg,
        last: f64,
    }

    impl Noise {
        pub(in super::super) fn new(seed: u64) -> Self {
            Self { rng: Pcg64Mcg::seed_from_u64(seed), last: 0.0 }
        }

        pub(in super::super) fn uniform(&mut self) -> f64 {
            self.rng.random::<f64>()
        }

        /// A normal deviate (Box and Muller).
        pub(in super::super) fn normal(&mut self) -> f64 {
            let (a, b) = (1.0 - self.uniform(), self.uniform());
            (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
        }

        /// The next value of noise with the memory `rho` and a standard deviation of 1.
        pub(in super::super) fn next(&mut self, rho: f64) -> f64 {
            self.last = rho * self.last + (1.0 - rho * rho).sqrt() * self.normal();
            self.last
        }
    }

    /// A series as models of motion see it.
    pub(in super::super) struct Simulated {
        pub(in super::super) trace: Trace,
        panel: Panel,
        starts: Vec<f64>,
        pub(in super::super) jumps: Vec<Jump>,
        jump_columns: Vec<Vec<f64>>,
        pub(in super::super) load: Vec<Vec<f64>>,
        rho: f64,
    }

    /// `count` samples a second apart.
    pub(in super::super) fn simulate(count: usize, value: impl FnMut(f64) -> f64) -> Simulated {
        let t: Vec<f64> = (0..count).map(|i| i as f64).collect();
        let middle: Vec<f64> = t.iter().copied().map(value).collect();
        let trace =
            Trace { low: middle.clone(), low_t: t.clone(), peak: middle.clone(), ops: vec![0.0; count], middle, t };
        let blocks = medians(&trace, 128.min(count));
        let x: Vec<f64> = blocks.t.iter().map(|t| t / trace.length().max(f64::MIN_POSITIVE)).collect();
        let panel = Panel { x, v: blocks.v.clone(), rounding: 0.0, ..Panel::default() };
        let middles = blocks.t.windows(2).map(|pair| 0.5 * (pair[0] + pair[1]));
        let starts = std::iter::once(0.0).chain(middles).collect();
        let jumps = crate::jumps::find(&blocks);
        let jump_columns = crate::view::jump_columns(&blocks.t, &jumps).unwrap_or_default();
        Simulated { trace, panel, starts, jumps, jump_columns, load: Vec::new(), rho: 0.3 }
    }

    impl Simulated {
        pub(in super::super) fn scene(&self) -> Scene<'_> {
            Scene {
                trace: &self.trace,
                several: false,
                panel: &self.panel,
                starts: &self.starts,
                view: View::Middle,
                rho: self.rho,
                ratio: 1.0,
                jumps: &self.jumps,
                jump_columns: &self.jump_columns,
                load_columns: &self.load,
                cycle_columns: &[],
                cycles: None,
                quantity: Quantity::Bytes,
                origin_t_s: 0.0,
                confidence: 0.95,
                seen: Seen::default(),
            }
        }
    }

    /// How often intervals hold the truth, by parameter.
    #[derive(Default)]
    pub(in super::super) struct Coverage {
        held: BTreeMap<&'static str, usize>,
        seen: usize,
        missed: usize,
    }

    impl Coverage {
        pub(in super::super) fn take(&mut self, moved: Option<&Moved>, truth: &[(&'static str, f64)]) {
            let Some(moved) = moved else {
                self.missed += 1;
                return;
            };
            self.seen += 1;
            for (name, value) in truth {
                let found =
                    moved.parameters.get(*name).unwrap_or_else(|| panic!("no `{name}` in {:?}", moved.parameters));
                let is_held =
                    found.low.is_some_and(|low| low <= *value) && found.high.is_some_and(|high| high >= *value);
                *self.held.entry(name).or_default() += usize::from(is_held);
            }
        }

        /// The series is recognised nearly always, and every interval holds the truth often enough.
        #[track_caller]
        pub(in super::super) fn holds(&self) {
            let all = self.seen + self.missed;
            println!("recognised {} of {all}", self.seen);
            assert!(all >= 200 && self.missed * 50 <= all, "not recognised: {} of {all}", self.missed);
            for (name, held) in &self.held {
                let (p, n) = (*held as f64 / self.seen as f64, self.seen as f64);
                // Wilson (1927).
                let centre = (p + 1.92 / n) / (1.0 + 3.84 / n);
                let half = 1.96 * (p * (1.0 - p) / n + 0.96 / (n * n)).sqrt() / (1.0 + 3.84 / n);
                println!("{name}: {held} of {n} ({:.3} to {:.3})", centre - half, centre + half);
            }
            for (name, held) in &self.held {
                assert!(*held as f64 >= HELD * self.seen as f64, "`{name}` is held by {held} of {}", self.seen);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::simulated::simulate;
    use super::*;
    use crate::models::MODELS;

    #[test]
    fn series_without_motion_and_series_that_break_arithmetic_are_no_trouble() {
        let largest = 1e120;
        type Value = fn(f64) -> f64;
        let values: [Value; 9] = [
            |_| 0.0,
            |_| 5.0,
            |t| t,
            |t| -t * t,
            |t| if t % 2.0 == 0.0 { 1e120 } else { -1e120 },
            |t| if t == 7.0 { 1e120 } else { 0.0 },
            |t| 5e-324 * t,
            |t| (t / 10.0).fract() * 1e120,
            |t| (t / 7.0).floor() * 2f64.powi(60),
        ];
        for count in [1, 2, 3, 5, 12, 20, 36, 40, 130, 1000] {
            for value in values {
                let simulated = simulate(count, |t| value(t).clamp(-largest, largest));
                let scene = simulated.scene();
                for model in MODELS {
                    let Some(moved) = model.motion().and_then(|motion| motion.fit(&scene)) else { continue };
                    assert_eq!(moved.cells.len(), count, "{}", model.name());
                    assert!(moved.columns.iter().all(|column| column.len() == scene.panel.x.len()));
                    assert!(moved.turns.len() <= MOST_TURNS);
                    if let Some(score) = scene.score(&moved) {
                        assert!(!score.gain.is_nan() && !score.blocks.is_nan(), "{}", model.name());
                    }
                }
            }
        }
    }
}
