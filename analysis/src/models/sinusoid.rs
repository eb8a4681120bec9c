//! A smooth wave of one period, with an overtone where that explains more than it costs.
//!
//! The period starts from the coherent cycle that [`cycle`](crate::cycle) finds and is refined by Gauss and Newton's
//! method on whitened medians that are short beside it. Intervals come from the curvature of the sum of squares at its minimum (delta method),
//! with an AR(1) coefficient of the residuals and the long-run ratio of what whitening leaves.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use super::motion::{Moved, Scene, medians};
use crate::cycle;
use crate::stats::autoregression::{coefficient, long_run_ratio, whitened};
use crate::stats::least_squares::{Space, WIDEST, dot, pseudo_variance, solve};
use crate::trace::{Blocks, Trace};
use crate::view;

/// Blocks in which a cycle is looked for where none was taken out of the view.
const BLOCKS: usize = 128;
const FEWEST_BLOCKS: usize = 24;
/// Blocks of a period to which the wave is fitted, within bounds: in longer ones its peaks are blurred.
const BLOCKS_OF_A_PERIOD: f64 = 24.0;
const MOST_BLOCKS: usize = 512;
/// Fewest blocks of a period.
const FEWEST_OF_A_PERIOD: f64 = 4.0;
const ROUNDS: usize = 8;
/// Furthest that one round may move, in cycles of the run.
const FURTHEST: f64 = 0.25;

/// Cycles in the run of the coherent cycle of a trace.
pub(super) fn frequency(trace: &Trace) -> Option<f64> {
    let blocks = medians(trace, BLOCKS.min(trace.len()));
    if blocks.v.len() < FEWEST_BLOCKS {
        return None;
    }
    let x: Vec<f64> = blocks.t.iter().map(|t| (t - trace.start()) / trace.length()).collect();
    cycle::find(&x, &blocks.v, &[]).map(|cycle| cycle.count)
}

/// The waves of a frequency at `x`: cosine and sine, and those of the overtone.
fn waves(x: &[f64], frequency: f64, orders: usize) -> Vec<Vec<f64>> {
    let of = |order: usize, wave: fn(f64) -> f64| {
        x.iter().map(|x| wave(TAU * frequency * order as f64 * x)).collect::<Vec<f64>>()
    };
    (1..=orders).flat_map(|order| [of(order, f64::cos), of(order, f64::sin)]).collect()
}

/// Columns less what stands beside them, whitened, with their products.
struct Rest {
    columns: Vec<Vec<f64>>,
    products: [[f64; WIDEST]; WIDEST],
}

impl Rest {
    fn of(columns: &[Vec<f64>], beside: &Space, rho: f64) -> Self {
        let columns: Vec<Vec<f64>> =
            columns.iter().take(WIDEST).map(|column| beside.residual(&whitened(column, rho))).collect();
        let mut products = [[0.0; WIDEST]; WIDEST];
        for (row, a) in products.iter_mut().zip(&columns) {
            for (slot, b) in row.iter_mut().zip(&columns) {
                *slot = dot(a, b);
            }
        }
        Self { columns, products }
    }

    fn heights(&self, values: &[f64]) -> [f64; WIDEST] {
        let mut right = [0.0; WIDEST];
        for (slot, column) in right.iter_mut().zip(&self.columns) {
            *slot = dot(column, values);
        }
        solve(&self.products, &right, self.columns.len())
    }

    fn residual(&self, values: &[f64]) -> Vec<f64> {
        let mut rest = values.to_vec();
        for (height, column) in self.heights(values).iter().zip(&self.columns) {
            for (value, part) in rest.iter_mut().zip(column) {
                *value -= height * part;
            }
        }
        rest
    }

    /// Standard error of the height of a column in noise of the deviation `sigma`.
    fn error(&self, index: usize, sigma: f64) -> f64 {
        let mut gradient = [0.0; WIDEST];
        gradient[index] = 1.0;
        sigma * pseudo_variance(&self.products, &gradient, self.columns.len()).sqrt()
    }
}

/// A sinusoid at its best period.
struct Wave {
    frequency: f64,
    /// Cosine and sine of the fundamental, then of the overtone.
    heights: Vec<f64>,
    squares: f64,
    rho: f64,
}

/// How the curve moves with the frequency, turned about the place `about`.
fn by_frequency(x: &[f64], frequency: f64, heights: &[f64], about: f64) -> Vec<f64> {
    x.iter()
        .map(|x| {
            let pairs = heights.chunks_exact(2).enumerate().map(|(i, pair)| {
                let speed = TAU * (i + 1) as f64;
                let (sin, cos) = (speed * frequency * x).sin_cos();
                speed * (x - about) * (pair[1] * cos - pair[0] * sin)
            });
            pairs.sum()
        })
        .collect()
}

fn fitted(mut frequency: f64, x: &[f64], v: &[f64], beside: &[&[f64]], orders: usize) -> Option<Wave> {
    // The memory of the noise, from what the wave leaves at the frequency that was found.
    let plain = Space::of(beside.iter().copied());
    let first = Rest::of(&waves(x, frequency, orders), &plain, 0.0);
    let rho = coefficient(&first.residual(&plain.residual(v)), beside.len() + 2 * orders + 1).min(0.99);
    let white: Vec<Vec<f64>> = beside.iter().map(|column| whitened(column, rho)).collect();
    let space = Space::of(white.iter().map(Vec::as_slice));
    let values = space.residual(&whitened(v, rho));
    for _round in 0..ROUNDS {
        let mut columns = waves(x, frequency, orders);
        let heights = Rest::of(&columns, &space, rho).heights(&values);
        columns.push(by_frequency(x, frequency, &heights[..2 * orders], 0.5));
        let step = Rest::of(&columns, &space, rho).heights(&values)[2 * orders];
        if !step.is_finite() {
            return None;
        }
        frequency += step.clamp(-FURTHEST, FURTHEST);
        if step.abs() < 1e-9 {
            break;
        }
    }
    if !(frequency > 1.0 && frequency < x.len() as f64 / FEWEST_OF_A_PERIOD) {
        return None;
    }
    let rest = Rest::of(&waves(x, frequency, orders), &space, rho);
    let heights = rest.heights(&values)[..2 * orders].to_vec();
    let residual = rest.residual(&values);
    Some(Wave { frequency, heights, squares: dot(&residual, &residual), rho })
}

/// A sinusoid over a level or a line.
pub(super) fn fit(scene: &Scene<'_>, line: bool) -> Option<Moved> {
    let found = scene.frequency()?;
    let (x, v, jump_columns) = match scene.several {
        true => (scene.panel.x.clone(), scene.panel.v.clone(), scene.jump_columns.to_vec()),
        false => {
            let finest = ((found * BLOCKS_OF_A_PERIOD) as usize).clamp(BLOCKS, MOST_BLOCKS);
            let Blocks { t, v, .. } = medians(scene.trace, finest.min(scene.trace.len()));
            let x = t.iter().map(|t| (t - scene.trace.start()) / scene.trace.length()).collect();
            (x, v, view::jump_columns(&t, scene.jumps).unwrap_or_default())
        }
    };
    let rounding = scene.panel.rounding;
    let m = x.len() as f64;
    let ones = vec![1.0; x.len()];
    let beside: Vec<&[f64]> =
        std::iter::once(&ones).chain(line.then_some(&x)).chain(&jump_columns).map(Vec::as_slice).collect();
    let price = |wave: &Wave| {
        m / scene.ratio * (wave.squares / m + rounding).max(f64::MIN_POSITIVE).ln() + wave.heights.len() as f64 * m.ln()
    };
    let both = [1, 2].into_iter().filter_map(|orders| fitted(found, &x, &v, &beside, orders));
    let wave = both.min_by(|a, b| price(a).total_cmp(&price(b)))?;
    let orders = wave.heights.len() / 2;

    let (length, frequency) = (scene.trace.length(), wave.frequency);
    let amplitude = |order: usize| wave.heights[2 * order - 2].hypot(wave.heights[2 * order - 1]);
    // The first peak of the fundamental or the overtone, as a share of the run.
    let peak = |order: usize| {
        let phase = wave.heights[2 * order - 1].atan2(wave.heights[2 * order - 2]).rem_euclid(TAU);
        phase / (TAU * order as f64 * frequency)
    };
    if !(amplitude(1) > 0.0) {
        return None;
    }
    // Turned so that each pair of columns is amplitude and phase: the first has the amplitude as its height.
    let mut columns = waves(&x, frequency, orders);
    for (pair, heights) in columns.chunks_exact_mut(2).zip(wave.heights.chunks_exact(2)) {
        let (a, b) = (heights[0], heights[1]);
        let whole = a.hypot(b).max(f64::MIN_POSITIVE);
        let (first, second) = pair.split_at_mut(1);
        for (cos, sin) in first[0].iter_mut().zip(second[0].iter_mut()) {
            (*cos, *sin) = ((a * *cos + b * *sin) / whole, (a * *sin - b * *cos) / whole);
        }
    }
    let white: Vec<Vec<f64>> = beside.iter().map(|column| whitened(column, wave.rho)).collect();
    let space = Space::of(white.iter().map(Vec::as_slice));
    let values = space.residual(&whitened(&v, wave.rho));
    let about = peak(1);
    columns.push(by_frequency(&x, frequency, &wave.heights, about));
    let rest = Rest::of(&columns, &space, wave.rho);
    let ratio = long_run_ratio(&rest.residual(&values));
    let estimated = (beside.len() + columns.len() + 1) as f64;
    let freedom = ((m - estimated) / ratio).max(3.0);
    let sigma = ((wave.squares + m * rounding) / (m - estimated).max(1.0) * ratio).sqrt();

    let mut parameters = BTreeMap::new();
    let period = length / frequency;
    let of_frequency = rest.error(2 * orders, sigma);
    parameters.insert("period_s".to_owned(), scene.estimate(period, period / frequency * of_frequency, freedom));
    for (order, [height, place]) in [["amplitude", "peak_s"], ["overtone", "overtone_peak_s"]].into_iter().enumerate() {
        if order < orders {
            let (height, order) = (scene.named(height), order + 1);
            parameters.insert(height, scene.estimate(amplitude(order), rest.error(2 * order - 2, sigma), freedom));
            let error = rest.error(2 * order - 1, sigma) * length
                / (TAU * order as f64 * frequency * amplitude(order)).max(f64::MIN_POSITIVE);
            let at_s = scene.at_s(scene.trace.start() + peak(order) * length);
            parameters.insert(place.to_owned(), scene.estimate(at_s, error, freedom));
        }
    }
    let mut per_s = 0.0;
    if line {
        let others: Vec<Vec<f64>> = columns.iter().map(|column| whitened(column, wave.rho)).collect();
        let but_line = beside.iter().enumerate().filter(|(i, _)| *i != 1).map(|(i, _)| white[i].as_slice());
        let space = Space::of(but_line.chain(others.iter().map(Vec::as_slice)));
        let rest = Rest::of(std::slice::from_ref(&x), &space, wave.rho);
        let slope = rest.heights(&space.residual(&whitened(&v, wave.rho)))[0];
        per_s = slope / length;
        let per_hour = 3600.0 / length;
        let growth = scene.estimate(slope, rest.error(0, sigma), freedom).scaled(per_hour);
        parameters.insert(format!("{}_per_hour", scene.named("growth")), growth);
    }
    let x: Vec<f64> = scene.trace.t.iter().map(|t| (t - scene.trace.start()) / length).collect();
    let mut cells = vec![0.0; x.len()];
    for (column, height) in waves(&x, frequency, orders).iter().zip(&wave.heights) {
        for (value, part) in cells.iter_mut().zip(column) {
            *value += height * part;
        }
    }
    // The columns beside which every shape stands, or as the cells of each block show it.
    let (columns, within_columns) = match scene.cycle_columns {
        [] => (vec![scene.on_blocks_beside(&cells, per_s)], 2 * orders - 1),
        columns => (columns.to_vec(), 0),
    };
    Some(Moved {
        cells,
        columns,
        within_columns,
        hidden: 1,
        line,
        slope: per_s,
        beside_jumps: true,
        beside_shapes: true,
        parameters,
        turns: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::motion::simulated::{Coverage, Noise, SEEDS, simulate};
    use super::*;

    fn wave(seed: u64, rho: f64, growth: f64, overtone: f64) -> (Option<Moved>, [(&'static str, f64); 4]) {
        let mut noise = Noise::new(seed);
        let period = 80.0 + 150.0 * noise.uniform();
        let peak = period * noise.uniform();
        let simulated = simulate(1200, |t| {
            let angle = TAU * (t - peak) / period;
            5e7 + growth * t / 3600.0 + 4e6 * angle.cos() + overtone * (2.0 * angle).cos() + 1e6 * noise.next(rho)
        });
        let moved = fit(&simulated.scene(), growth != 0.0);
        let line = ("growth_bytes_per_hour", growth);
        let truth = [("period_s", period), ("amplitude_bytes", 4e6), ("peak_s", peak), line];
        (moved, truth)
    }

    /// The first peak and one a period later are the same; near 0 either may be told.
    fn same_peak(moved: &mut Moved, peak: f64, period: f64) {
        if let Some(told) = moved.parameters.get_mut("peak_s") {
            let whole = ((peak - told.value) / period).round() * period;
            told.value += whole;
            told.low = told.low.map(|low| low + whole);
            told.high = told.high.map(|high| high + whole);
        }
    }

    #[test]
    fn intervals_of_a_sinusoid_hold_its_parameters() {
        for (rho, overtone) in [(0.0, 0.0), (0.8, 0.0), (0.5, 1.5e6)] {
            let mut coverage = Coverage::default();
            for seed in SEEDS {
                let (mut moved, truth) = wave(seed, rho, 0.0, overtone);
                if let Some(moved) = &mut moved {
                    same_peak(moved, truth[2].1, truth[0].1);
                }
                coverage.take(moved.as_ref(), &truth[..3]);
            }
            coverage.holds();
        }
    }

    #[test]
    fn intervals_of_a_sinusoid_over_a_line_hold_the_growth() {
        let mut coverage = Coverage::default();
        for seed in SEEDS {
            let (moved, truth) = wave(seed, 0.6, 2e7, 0.0);
            coverage.take(moved.as_ref(), &[truth[0], truth[1], truth[3]]);
        }
        coverage.holds();
    }

    #[test]
    fn noise_is_no_wave() {
        let found = SEEDS.filter(|seed| {
            let mut noise = Noise::new(*seed);
            fit(&simulate(1200, |_| 1e6 * noise.next(0.9)).scene(), false).is_some()
        });
        assert_eq!(found.count(), 0);
    }
}
