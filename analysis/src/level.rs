//! Is a recent part of the run level? Then nobody has to name the warm-up.

use crate::jumps::{self, Jump};
use crate::lives::Lives;
use crate::stats::autoregression::{coefficient, long_run_ratio, whitened};
use crate::stats::least_squares::{Space, dot, partial};
use crate::stats::student;
use crate::trace::{Blocks, View};
use crate::view::jump_columns;

/// Shares of the run that may be cut off at its start.
const CUTS: [f64; 5] = [0.0, 0.1, 0.2, 0.3, 0.4];
/// Larger ones where the shapes leave no doubt that the growth before was bounded.
const LATE_CUTS: [f64; 3] = [0.5, 0.6, 0.7];
/// Late parts whose growth forbids the claim.
const VETO_CUTS: [f64; 3] = [0.4, 0.5, 0.6];
const VETO_ERRORS: f64 = 1.5;
const COUNTS: [usize; 6] = [64, 32, 24, 16, 12, 10];
/// A line is not whitened beyond this: its intercept must stay.
const LARGEST_RHO: f64 = 0.97;

/// What the shapes say of the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lean {
    /// It grows.
    Growing,
    /// Neither.
    Open,
    /// They lean to bounded.
    Calm,
    /// They leave no doubt that it is bounded.
    Settled,
}

/// Whether jumps are taken out of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Steps {
    Left,
    TakenOut,
}

/// A line through the quietest blocks of a part of the run. Rates are per second.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) rate: f64,
    pub(crate) error: f64,
    pub(crate) half_width: f64,
    pub(crate) view: View,
    pub(crate) blocks: usize,
    pub(crate) jumps: Vec<Jump>,
}

/// A part of the run that is shown to be level.
#[derive(Debug, Clone)]
pub(crate) struct Level {
    /// Share of the run that was cut off.
    pub(crate) cut: f64,
    pub(crate) line: Line,
}

/// Slope, standard error and degrees of freedom of a line beside steps, with AR(1) noise and what it leaves.
fn fit_line(t: &[f64], v: &[f64], steps: &[Vec<f64>], rounding: f64) -> Option<(f64, f64, f64)> {
    let m = t.len();
    let k = 2 + steps.len();
    if m < k + 4 {
        return None;
    }
    let ones = vec![1.0; m];
    let others: Vec<&[f64]> = [ones.as_slice()].into_iter().chain(steps.iter().map(Vec::as_slice)).collect();
    let mut all = Space::of(others.iter().copied());
    all.add(t);
    let rho = coefficient(&all.residual(v), k).min(LARGEST_RHO);
    let white = whitened(v, rho);
    let others: Vec<Vec<f64>> = others.iter().map(|column| whitened(column, rho)).collect();
    let mut space = Space::of(others.iter().map(Vec::as_slice));
    let line = whitened(t, rho);
    let slope = partial(&space, &line, &white)?;
    space.add(&line);
    let rest = space.residual(&white);
    let ratio = long_run_ratio(&rest);
    let left = (m as f64 - k as f64 - 1.0).max(1.0);
    let variance = (dot(&rest, &rest) + m as f64 * rounding) / left;
    Some((slope.coefficient, (variance / slope.information * ratio).sqrt(), (left / ratio).max(3.0)))
}

/// The narrowest line through the part of the run, or of the lives by their age, after the share `cut`.
fn narrowest(lives: &Lives, cut: f64, steps: Steps, rounding: f64, alpha: f64) -> Option<Line> {
    let mut part = lives.after(cut);
    if part.finest() < 16 {
        return None;
    }
    let mut found = Vec::new();
    if steps == Steps::TakenOut {
        found = jumps::find(&part.blocks(&part.ranges(64.min(part.finest())), View::Middle));
        if found.is_empty() || !jumps::are_events(&found) {
            return None;
        }
        part = part.filtered(|t| !found.iter().any(|jump| t > jump.from && t < jump.to));
    }
    let mut best: Option<Line> = None;
    let mut seen = Vec::new();
    for count in COUNTS {
        let count = count.min(part.finest());
        if seen.contains(&count) || count < 10 {
            continue;
        }
        seen.push(count);
        let ranges = part.ranges(count);
        if ranges.len() < 9 {
            continue;
        }
        for view in [View::Middle, View::Troughs] {
            let Blocks { t, v, .. } = part.blocks(&ranges, view);
            let Some(columns) = jump_columns(&t, &found) else { continue };
            let Some((rate, error, freedom)) = fit_line(&t, &v, &columns, rounding) else { continue };
            let half_width = student::two_sided(alpha, freedom) * error;
            if best.as_ref().is_none_or(|best| half_width < best.half_width) {
                best = Some(Line { rate, error, half_width, view, blocks: t.len(), jumps: found.clone() });
            }
        }
    }
    best
}

/// Blocks and cut of the live estimate.
const RECENT_BLOCKS: usize = 24;
const RECENT_CUT: f64 = 0.4;

/// A line through the quieter view of the recent part, for display.
pub(crate) fn recent(lives: &Lives, rounding: f64, alpha: f64) -> Option<Line> {
    let part = lives.after(RECENT_CUT);
    let ranges = part.ranges(RECENT_BLOCKS.min(part.finest()));
    let line = |view: View| {
        let Blocks { t, v, .. } = part.blocks(&ranges, view);
        let (rate, error, freedom) = fit_line(&t, &v, &[], rounding)?;
        let half_width = student::two_sided(alpha, freedom) * error;
        Some(Line { rate, error, half_width, view, blocks: t.len(), jumps: Vec::new() })
    };
    let candidates = [View::Middle, View::Troughs].into_iter().filter_map(line);
    candidates.min_by(|a, b| a.half_width.total_cmp(&b.half_width))
}

/// The longest part that is shown to grow less than `tolerated` (per second); `coarse` is the bound that is enough
/// where the series wanders.
pub(crate) fn find(lives: &Lives, tolerated: f64, coarse: f64, rounding: f64, alpha: f64, lean: Lean) -> Option<Level> {
    let shown = |cut: f64, steps: Steps| {
        let line = narrowest(lives, cut, steps, rounding, alpha)?;
        let high = line.rate + line.half_width;
        let fine = (lean >= Lean::Calm || (lean == Lean::Open && steps == Steps::TakenOut)) && high < tolerated;
        let shown = fine || (lean >= Lean::Calm && high < coarse && line.rate - line.half_width < tolerated);
        shown.then_some(Level { cut, line })
    };
    let grows_late = VETO_CUTS.iter().any(|&cut| {
        let line = narrowest(lives, cut, Steps::TakenOut, rounding, alpha)
            .or_else(|| narrowest(lives, cut, Steps::Left, rounding, alpha));
        line.is_some_and(|line| line.rate > coarse && line.rate > VETO_ERRORS * line.error)
    });
    let early = CUTS.iter().filter(|_| !grows_late);
    let found =
        early.flat_map(|&cut| [(cut, Steps::Left), (cut, Steps::TakenOut)]).find_map(|(cut, steps)| shown(cut, steps));
    found.or_else(|| {
        let late = LATE_CUTS.iter().filter(|_| lean == Lean::Settled);
        late.copied().find_map(|cut| shown(cut, Steps::Left))
    })
}
