//! In which blocks is the series quietest? Medians or troughs, at a length at which the rate can be seen best.

use crate::assess::Rigour;
use crate::collections;
use crate::cycle;
use crate::fit::Panel;
use crate::jumps::Jump;
use crate::lives::{Lives, Row};
use crate::stats::autoregression::{coefficient, whitened};
use crate::stats::least_squares::{Space, dot, partial};
use crate::stats::{order, student};
use crate::trace::{Blocks, View};
use crate::trend;

/// Numbers of blocks that are tried. Fewer than 12 cannot tell three retained bursts from a line.
const COUNTS: [usize; 7] = [128, 64, 48, 32, 24, 16, 12];
const FEWEST_BLOCKS: usize = 11;
/// Finer blocks are worth an interval wider by this factor.
const SLACK: f64 = 1.25;
/// Medians beyond this many robust standard deviations of the flexible trend are moved there.
const OUTLIER: f64 = 4.0;

/// Power at which a leak counts as visible.
pub(crate) const POWER: f64 = 0.8;

/// What is regressed on beside the shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    Nothing,
    /// The rate of operations, now and smoothed.
    Load,
    /// A coherent cycle.
    Cycle,
}

/// The chosen view with the noise it was chosen for.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    pub(crate) panel: Panel,
    /// When each block begins, in times of the newest life.
    pub(crate) starts: Vec<f64>,
    pub(crate) view: View,
    pub(crate) beside: Beside,
    /// Nuisance columns that are load or cycle; the rest are jumps.
    pub(crate) beside_columns: usize,
    /// AR(1) coefficient of what the flexible trend leaves.
    pub(crate) rho: f64,
    /// Half width of the interval of a line in this noise, per run.
    pub(crate) half_width: f64,
    /// Smallest slope that a line in this noise would show with 80 % power, per run.
    pub(crate) detectable: f64,
    /// Cycles in the run where a cycle was removed.
    pub(crate) cycles: Option<f64>,
    /// The values of each life, where there are several.
    pub(crate) by_life: Vec<Vec<f64>>,
}

/// What a view shows of a line.
struct Noise {
    /// AR(1) coefficient of what the flexible trend leaves.
    rho: f64,
    /// Standard error of the slope, per run.
    error: f64,
    freedom: f64,
    /// Half width of its interval.
    half_width: f64,
}

impl Noise {
    /// The smallest slope that would show with [`POWER`].
    fn detectable(&self, rigour: &Rigour) -> f64 {
        (student::two_sided(rigour.alpha, self.freedom) + student::quantile(POWER, self.freedom)) * self.error
    }
}

fn noise(x: &[f64], v: &[f64], nuisance: &[Vec<f64>], rounding: f64, rigour: &Rigour) -> Option<Noise> {
    let m = x.len();
    let columns: Vec<Vec<f64>> = trend::flexible(x).into_iter().chain(nuisance.iter().cloned()).collect();
    let k = columns.len();
    if m < k + 3 {
        return None;
    }
    let rho = coefficient(&Space::of(columns.iter().map(Vec::as_slice)).residual(v), k);
    let white: Vec<Vec<f64>> = columns.iter().map(|column| whitened(column, rho)).collect();
    let rest = Space::of(white.iter().map(Vec::as_slice)).residual(&whitened(v, rho));
    let freedom = (m as f64 - k as f64 - 1.0).max(1.0);
    let variance = (dot(&rest, &rest) + m as f64 * rounding) / freedom;
    let ones = Space::of([whitened(&vec![1.0; m], rho).as_slice()]);
    let line = partial(&ones, &whitened(x, rho), &whitened(v, rho))?;
    let error = (variance / line.information).sqrt();
    // The view does not depend on how many series are judged.
    let half_width = student::two_sided(rigour.alpha_level, freedom) * error;
    Some(Noise { rho, error, freedom, half_width })
}

/// `v` with what lies far from the flexible trend moved to its edge.
fn winsorised(x: &[f64], v: &[f64], nuisance: &[Vec<f64>]) -> Vec<f64> {
    let columns: Vec<Vec<f64>> = trend::flexible(x).into_iter().chain(nuisance.iter().cloned()).collect();
    let rest = Space::of(columns.iter().map(Vec::as_slice)).residual(v);
    let edge = OUTLIER * order::robust_sigma(&rest);
    if !(edge > 0.0) {
        return v.to_vec();
    }
    v.iter().zip(&rest).map(|(value, rest)| value - rest + rest.clamp(-edge, edge)).collect()
}

/// 0/1 columns of the jumps; `None` where a side of one has fewer than two blocks.
pub(crate) fn jump_columns(t: &[f64], jumps: &[Jump]) -> Option<Vec<Vec<f64>>> {
    let columns: Vec<Vec<f64>> =
        jumps.iter().map(|jump| t.iter().map(|t| f64::from(u8::from(*t >= jump.to))).collect()).collect();
    let fits = |column: &Vec<f64>| {
        let after: f64 = column.iter().sum();
        after >= 2.0 && column.len() as f64 - after >= 2.0
    };
    columns.iter().all(fits).then_some(columns)
}

/// Rate of operations in each block, relative to its mean, and where there are enough blocks its moving average.
fn load_columns(lives: &Lives, ranges: &[Row]) -> Option<Vec<Vec<f64>>> {
    /// Share of the newest block in the moving average.
    const NEWEST: f64 = 0.35;
    let rates: Vec<f64> = lives.means(ranges, |life, range| {
        let end = range.end.min(life.len() - 1);
        (life.ops[end] - life.ops[range.start]) / (life.t[end] - life.t[range.start]).max(1e-9)
    });
    let m = rates.len() as f64;
    let mean = rates.iter().sum::<f64>() / m;
    let spread = (rates.iter().map(|rate| (rate - mean) * (rate - mean)).sum::<f64>() / m).sqrt();
    if !(mean > 0.0) || !(spread >= 0.02 * mean) {
        return None;
    }
    let centred = |column: Vec<f64>| {
        let mean = column.iter().sum::<f64>() / m;
        column.into_iter().map(|value| value - mean).collect::<Vec<f64>>()
    };
    let rates: Vec<f64> = rates.iter().map(|rate| rate / mean).collect();
    let mut columns = Vec::with_capacity(2);
    if rates.len() >= 24 {
        let mut level = rates[0];
        let smooth = rates.iter().map(|rate| {
            level += NEWEST * (rate - level);
            level
        });
        columns.push(centred(smooth.collect()));
    }
    columns.push(centred(rates));
    Some(columns)
}

/// The blocks that are tried, at most `most`, with the number that was aimed at, and the views of each: blocks of equal time, and
/// one for each collection of a sawtooth.
fn layouts(lives: &Lives, most: usize) -> Vec<(usize, Vec<Row>, &'static [View])> {
    let mut counts: Vec<usize> = COUNTS.iter().map(|count| *count.min(&lives.finest()).min(&most)).collect();
    counts.dedup();
    let even = counts.into_iter().filter(|count| *count > FEWEST_BLOCKS).map(|count| (count, lives.ranges(count)));
    let mut out: Vec<(usize, Vec<Row>, &'static [View])> = even
        .filter(|(_, ranges)| ranges.len() >= FEWEST_BLOCKS)
        .map(|(count, ranges)| (count, ranges, [View::Middle, View::Troughs].as_slice()))
        .collect();
    let collections = lives.collections(most);
    if collections.len() >= collections::FEWEST {
        out.push((collections.len(), collections, &[View::Troughs]));
    }
    out
}

/// The view in which a rate can be seen best. `None` where there are too few blocks.
pub(crate) fn choose(lives: &Lives, has_ops: bool, jumps: &[Jump], rounding: f64, rigour: &Rigour) -> Option<Chosen> {
    let (start, length) = (lives.start(), lives.length());
    let mut candidates: Vec<(Chosen, Noise)> = Vec::new();
    for (count, ranges, views) in layouts(lives, rigour.depth.most_blocks()) {
        let newest = &lives.newest().trace;
        let begins =
            |row: &Row| row.last().and_then(|range| newest.t.get(range.start)).copied().unwrap_or(f64::INFINITY);
        let starts: Vec<f64> = ranges.iter().map(begins).collect();
        for view in views {
            if *view == View::Troughs && lives.is_plain(&ranges) {
                continue;
            }
            let Blocks { t, v, by_life } = lives.blocks(&ranges, *view);
            let x: Vec<f64> = t.iter().map(|t| (t - start) / length).collect();
            let Some(steps) = jump_columns(&t, jumps) else { continue };
            let mut besides = vec![(Beside::Nothing, Vec::new(), None)];
            if let Some(columns) = has_ops.then(|| load_columns(lives, &ranges)).flatten() {
                besides.push((Beside::Load, columns, None));
            }
            if *view == View::Middle
                && count >= 48
                && let Some(cycle) = cycle::find(&x, &v, &steps)
            {
                besides.push((Beside::Cycle, cycle.columns, Some(cycle.count)));
            }
            for (beside, mut nuisance, cycles) in besides {
                let beside_columns = nuisance.len();
                nuisance.extend(steps.iter().cloned());
                if trend::flexible(&x).len() + nuisance.len() + 4 > x.len() {
                    continue;
                }
                let v = if *view == View::Middle { winsorised(&x, &v, &nuisance) } else { v.clone() };
                if let Some(noise) = noise(&x, &v, &nuisance, rounding, rigour) {
                    let panel = Panel { x: x.clone(), v, nuisance, x_ops: None, rounding };
                    let chosen = Chosen {
                        panel,
                        starts: starts.clone(),
                        view: *view,
                        beside,
                        beside_columns,
                        rho: noise.rho,
                        half_width: noise.half_width,
                        // Told of the one that is taken.
                        detectable: f64::NAN,
                        cycles,
                        by_life: by_life.clone(),
                    };
                    candidates.push((chosen, noise));
                }
            }
        }
    }
    let narrowest = candidates.iter().map(|(one, _)| one.half_width).fold(f64::INFINITY, f64::min);
    let narrow = candidates.into_iter().filter(|(one, _)| one.half_width <= SLACK * narrowest);
    let (chosen, noise) = narrow.reduce(|a, b| {
        let finer = b.0.panel.x.len().cmp(&a.0.panel.x.len());
        if finer.then(a.0.half_width.total_cmp(&b.0.half_width)).is_gt() { b } else { a }
    })?;
    let detectable = noise.detectable(rigour);
    Some(Chosen { detectable, ..chosen })
}
