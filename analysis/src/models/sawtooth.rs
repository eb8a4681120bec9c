//! A slow rise and a sudden fall, again and again: a collector.
//!
//! The falls are the turning points of the trace that are higher than the noise; between two of them a straight line is
//! fitted to the cells, which gives the height of the tooth and its trough without the bias of a highest and a lowest
//! value. Period and height are means over the teeth with the interval that their spread gives: teeth of random length
//! need no other formula. The drift is the slope of a regression through the troughs.

use std::collections::BTreeMap;

use super::motion::{MOST_TURNS, Moved, Scene};
use crate::judgement::LevelEvent;
use crate::stats::autoregression::{coefficient, whitened};
use crate::stats::least_squares::{Space, dot, partial};
use crate::stats::order;
use crate::trace::Trace;

/// Fewer falls than this are events.
const FEWEST_FALLS: usize = 5;
/// A period needs this many cells, or rise and fall cannot be told apart.
const CELLS_OF_A_PERIOD: usize = 4;
/// The height of a tooth in deviations of the noise from cell to cell.
const CLEAR: f64 = 8.0;
/// A turn is a change of direction by this share of the range between the parts of the trace.
const TURN: f64 = 0.15;
/// Over this share of a tooth (a cell at least) it falls so many times as far as it ever rises: otherwise it is a wave, or
/// noise that wanders.
const SUDDENLY: f64 = 0.1;
const SUDDEN: f64 = 2.0;
/// Teeth spread at most this much in their height, as a share of its mean: that of lengths at random.
const ALIKE: f64 = 1.0;
/// Falls within this share of a period of even times are told by period and phase.
const EVEN: f64 = 0.2;
/// From here on troughs may have a memory that can be estimated.
const MANY: usize = 12;

/// The teeth of a trace. Times are those of the trace.
#[derive(Debug, Clone)]
pub(crate) struct Teeth {
    /// Last cell before and first cell after each fall.
    falls: Vec<(f64, f64)>,
    /// Rise over each period between two falls, and the level from which it starts.
    heights: Vec<f64>,
    troughs: Vec<f64>,
}

impl Teeth {
    fn at(&self, fall: usize) -> f64 {
        0.5 * (self.falls[fall].0 + self.falls[fall].1)
    }

    fn gaps(&self) -> Vec<f64> {
        (1..self.falls.len()).map(|k| self.at(k) - self.at(k - 1)).collect()
    }
}

/// Turning points that are `height` apart: a peak, a trough, and so on.
fn turning_points(y: &[f64], height: f64) -> Vec<usize> {
    let (mut high, mut low) = (0, 0);
    let mut rising = None;
    let mut turns = Vec::new();
    for i in 1..y.len() {
        if y[i] > y[high] {
            high = i;
        }
        if y[i] < y[low] {
            low = i;
        }
        if rising != Some(false) && y[high] - y[i] > height {
            turns.push(high);
            (rising, low) = (Some(false), i);
        } else if rising != Some(true) && y[i] - y[low] > height {
            if rising.is_some() {
                turns.push(low);
            }
            (rising, high) = (Some(true), i);
        }
    }
    turns
}

/// Slope and level at `from` of a straight line through the cells `cells`.
fn rise(trace: &Trace, cells: std::ops::Range<usize>, from: f64) -> (f64, f64) {
    let (t, v) = (&trace.t[cells.clone()], &trace.middle[cells]);
    let n = t.len() as f64;
    let (mean_t, mean_v) = (t.iter().sum::<f64>() / n, v.iter().sum::<f64>() / n);
    let across: f64 = t.iter().zip(v).map(|(t, v)| (t - mean_t) * (v - mean_v)).sum();
    let along: f64 = t.iter().map(|t| (t - mean_t) * (t - mean_t)).sum();
    let slope = if along > 0.0 { across / along } else { 0.0 };
    (slope, mean_v + slope * (from - mean_t))
}

/// Whether falls from a peak to a trough are much steeper than the rises from there to the next peak.
fn is_sudden(y: &[f64], pairs: &[(usize, usize)]) -> bool {
    let steepest = |from: usize, to: usize, cells: usize| {
        let moves = (from..(to + 1).saturating_sub(cells)).map(|i| (y[i + cells] - y[i]).abs());
        moves.fold(0.0, f64::max)
    };
    let teeth = pairs.windows(2).map(|pair| {
        let ((peak, trough), (next, _)) = (pair[0], pair[1]);
        let cells = (((next - peak) as f64 * SUDDENLY) as usize).max(1);
        let fall =
            steepest(peak, trough, cells).max((y[peak] - y[trough]) * f64::from(u8::from(trough - peak < cells)));
        (fall, steepest(trough, next, cells))
    });
    let (falls, rises): (Vec<f64>, Vec<f64>) = teeth.unzip();
    order::median_of(&falls) > SUDDEN * order::median_of(&rises)
}

/// The teeth of a trace, if it rises slowly and falls suddenly, again and again.
pub(crate) fn teeth(trace: &Trace) -> Option<Teeth> {
    let n = trace.len();
    if n < FEWEST_FALLS * CELLS_OF_A_PERIOD {
        return None;
    }
    let quarter = n / 4;
    let (early, late) = (order::median_of(&trace.middle[..quarter]), order::median_of(&trace.middle[n - quarter..]));
    let slope = (late - early) / (0.75 * trace.length());
    let y: Vec<f64> = trace.t.iter().zip(&trace.middle).map(|(t, v)| v - slope * t).collect();
    let ranges: Vec<f64> = y
        .chunks(n.div_ceil(FEWEST_FALLS))
        .map(|part| order::percentile(part, 0.98) - order::percentile(part, 0.02))
        .collect();
    let range = order::median_of(&ranges);
    let steps: Vec<f64> = y.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let noise = order::robust_sigma(&steps) / std::f64::consts::SQRT_2;
    let turn = (TURN * range).max(CLEAR * noise);
    if !(range > turn && turn > 0.0) {
        return None;
    }
    let turns = turning_points(&y, turn);
    let pairs: Vec<(usize, usize)> = turns.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    if !is_sudden(&y, &pairs) {
        return None;
    }
    // Last cell near each peak, first cell near the trough after it.
    let edges: Vec<(usize, usize)> = pairs
        .iter()
        .map(|&(peak, trough)| {
            let (high, low) = (y[peak], y[trough]);
            let near = |share: f64| low + share * (high - low);
            let a = (peak..trough).rev().find(|&i| y[i] >= near(0.75)).unwrap_or(peak);
            let b = (a..=trough).find(|&i| y[i] <= near(0.25)).unwrap_or(trough);
            (a, b)
        })
        .collect();
    if edges.len() < FEWEST_FALLS || n < CELLS_OF_A_PERIOD * edges.len() {
        return None;
    }
    let mut teeth = Teeth {
        falls: edges.iter().map(|(a, b)| (trace.t[*a], trace.t[*b])).collect(),
        heights: Vec::with_capacity(edges.len()),
        troughs: Vec::with_capacity(edges.len()),
    };
    let gaps = teeth.gaps();
    for (k, pair) in edges.windows(2).enumerate() {
        let ((_, from), (to, _)) = (pair[0], pair[1]);
        if to < from {
            return None;
        }
        let (slope, level) = rise(trace, from..to + 1, teeth.at(k));
        teeth.heights.push(slope * gaps[k]);
        teeth.troughs.push(level);
    }
    let total: f64 = teeth.heights.iter().sum();
    (total > 0.0 && spread(&teeth.heights) <= ALIKE).then_some(teeth)
}

/// A fall of a sawtooth: when, and how high the tooth before it has risen.
pub(crate) type Fall = (f64, f64);

/// How far a sawtooth has risen at `t` since the last of its falls, which are given in order; teeth at the ends rise like the
/// average one, and where only one fall is given it comes again every `period`.
pub(crate) fn tooth(t: f64, falls: &[Fall], period: f64, height: f64) -> f64 {
    let after = falls.partition_point(|fall| fall.0 <= t);
    match (after.checked_sub(1).and_then(|before| falls.get(before)), falls.get(after)) {
        (Some(from), Some(to)) => to.1 * (t - from.0) / (to.0 - from.0),
        (from, to) if falls.len() == 1 => {
            from.or(to).map_or(0.0, |fall| height * ((t - fall.0) / period).rem_euclid(1.0))
        }
        (Some(from), None) => height * (t - from.0) / period,
        (None, Some(to)) => (to.1 - height * (to.0 - t) / period).max(0.0),
        (None, None) => 0.0,
    }
}

/// Standard deviation over mean.
fn spread(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|one| (one - mean) * (one - mean)).sum::<f64>() / n).sqrt() / mean
}

/// Slope of the troughs per second, its standard error and degrees of freedom.
fn drift(at: &[f64], troughs: &[f64]) -> Option<(f64, f64, f64)> {
    let ones = vec![1.0; at.len()];
    let plain = Space::of([ones.as_slice(), at]);
    let rho = if at.len() < MANY { 0.0 } else { coefficient(&plain.residual(troughs), 2).min(0.97) };
    let white = |column: &[f64]| whitened(column, rho);
    let (ones, line, values) = (white(&ones), white(at), white(troughs));
    let found = partial(&Space::of([ones.as_slice()]), &line, &values)?;
    let rest = Space::of([ones.as_slice(), line.as_slice()]).residual(&values);
    let freedom = at.len() as f64 - 2.0;
    Some((found.coefficient, (dot(&rest, &rest) / freedom / found.information).sqrt(), freedom))
}

/// A sawtooth whose troughs stay, or drift along a line.
pub(super) fn fit(scene: &Scene<'_>, line: bool) -> Option<Moved> {
    let teeth = scene.teeth()?;
    let gaps = teeth.gaps();
    let at: Vec<f64> = (0..teeth.falls.len()).map(|k| teeth.at(k)).collect();
    let first = *at.first()?;
    let widths: Vec<f64> = teeth.falls.iter().map(|fall| fall.1 - fall.0).collect();
    let rounding = scene.panel.rounding.sqrt();
    let mut parameters = BTreeMap::new();
    let mut heights = teeth.heights.clone();
    let mut per_s = 0.0;
    if line {
        let (slope, error, freedom) = drift(&at[..teeth.troughs.len()], &teeth.troughs)?;
        let slowest = rounding / (scene.trace.length() * freedom.sqrt());
        let drift = scene.estimate(slope, error.max(slowest), freedom).scaled(3600.0);
        parameters.insert(format!("{}_per_hour", scene.named("trough_drift")), drift);
        per_s = slope;
        // A tooth stands on the line that its troughs follow.
        heights.iter_mut().zip(&gaps).for_each(|(height, gap)| *height -= slope * gap);
    }
    // Each fall lies anywhere between two cells.
    let period = scene.mean(&gaps, order::median_of(&widths) / 6.0_f64.sqrt());
    let height = scene.mean(&heights, rounding);
    parameters.insert("period_s".to_owned(), period);
    parameters.insert(scene.named("height"), height);
    parameters.insert("fall_s".to_owned(), scene.between(teeth.falls[0].0, teeth.falls[0].1));
    let is_even =
        at.iter().enumerate().all(|(k, at)| (at - first - k as f64 * period.value).abs() <= EVEN * period.value);
    let slopes: Vec<f64> = teeth.heights.iter().zip(&gaps).map(|(height, gap)| height / gap).collect();
    // Teeth of one height at even times, of one height, or of one slope.
    let is_steady = !is_even && spread(&slopes) < spread(&teeth.heights);
    let falls: Vec<Fall> = (0..at.len())
        .map(|k| {
            let gap = k.checked_sub(1).and_then(|before| gaps.get(before)).copied().unwrap_or(period.value);
            let rise = if is_steady { height.value * gap / period.value } else { height.value };
            (if is_even { first + k as f64 * period.value } else { at[k] }, rise)
        })
        .collect();
    let hidden = if is_even { 2 } else { at.len() };
    let cells: Vec<f64> = scene.trace.t.iter().map(|t| tooth(*t, &falls, period.value, height.value)).collect();
    let turns = match falls.len() > MOST_TURNS {
        true => Vec::new(),
        false => falls.iter().map(|fall| LevelEvent { t_s: scene.at_s(fall.0), change: -fall.1 }).collect(),
    };
    Some(Moved {
        columns: vec![scene.on_blocks_beside(&cells, per_s)],
        cells,
        within_columns: 0,
        hidden,
        line,
        slope: per_s,
        beside_jumps: true,
        beside_shapes: true,
        parameters,
        turns,
    })
}

#[cfg(test)]
mod tests {
    use super::super::motion::simulated::{Coverage, Noise, SEEDS, simulate};
    use super::*;

    /// Teeth of `period` seconds, spread by the share `uneven`; they rise by `height` each.
    fn saw(seed: u64, period: f64, uneven: f64, drift: f64) -> Option<Moved> {
        let mut noise = Noise::new(seed);
        let height = 8e6;
        let mut falls = vec![-period * noise.uniform()];
        let mut last = falls[0];
        while last < 2400.0 {
            last += period * (1.0 + uneven * (2.0 * noise.uniform() - 1.0));
            falls.push(last);
        }
        let simulated = simulate(2400, |t| {
            let after = falls.partition_point(|fall| *fall <= t);
            let share = (t - falls[after - 1]) / (falls[after] - falls[after - 1]);
            5e7 + drift * t / 3600.0 + height * share + 3e5 * noise.next(0.5)
        });
        fit(&simulated.scene(), drift != 0.0)
    }

    #[test]
    fn intervals_of_a_sawtooth_hold_its_parameters() {
        for (period, uneven, drift) in
            [(60.0, 0.0, 0.0), (60.0, 0.5, 0.0), (25.0, 0.5, 0.0), (230.0, 0.3, 0.0), (40.0, 0.4, 3e7)]
        {
            let mut coverage = Coverage::default();
            for seed in SEEDS {
                let moved = saw(seed, period, uneven, drift);
                let truth = [("period_s", period), ("height_bytes", 8e6), ("trough_drift_bytes_per_hour", drift)];
                coverage.take(moved.as_ref(), if drift == 0.0 { &truth[..2] } else { &truth });
            }
            coverage.holds();
        }
    }

    #[test]
    fn the_curve_falls_where_the_series_does() {
        let moved = saw(610_000, 60.0, 0.5, 0.0).unwrap();
        assert!((38..=42).contains(&moved.turns.len()), "{}", moved.turns.len());
        let falls: Vec<Fall> = moved.turns.iter().map(|turn| (turn.t_s, -turn.change)).collect();
        let (t, height) = falls[7];
        assert!((tooth(t - 1e-6, &falls, 60.0, 8e6) - height).abs() < 1e3 && tooth(t, &falls, 60.0, 8e6) == 0.0);
    }

    #[test]
    fn noise_and_smooth_waves_have_no_teeth() {
        for rho in [0.0, 0.9, 0.999] {
            let found = SEEDS.filter(|seed| {
                let mut noise = Noise::new(*seed);
                teeth(&simulate(600, |_| noise.next(rho)).trace).is_some()
            });
            let found = found.count();
            assert!(found * 100 <= SEEDS.count(), "memory {rho}: teeth in {found} of {}", SEEDS.count());
        }
        let wave = simulate(1200, |t| (t / 10.0).sin() * 1e6);
        assert!(teeth(&wave.trace).is_none());
    }
}
