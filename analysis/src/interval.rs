//! The rate at the end and its interval: over the shapes that explain the series, the places of their parameters, and what
//! their noise may be.

use crate::assess::Rigour;
use crate::fit::{Fit, Panel};
use crate::models::{Basis, Family};
use crate::select::Selection;
use crate::stats::autoregression::whitened;
use crate::stats::least_squares::{Space, WIDEST, dot, solve};
use crate::stats::student;
use crate::stats::wandering::combination;
use crate::view::Chosen;

/// Sustained shapes this close to the best are plausible.
const PLAUSIBLE: f64 = 4.0;
/// For the reported interval more of them count: the shape was chosen on the same data.
pub(crate) const REPORTED: f64 = 8.0;
/// No rate is known better than to this share of it.
const LEAST_ERROR: f64 = 0.02;

/// The rate of growth at the end, per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rate {
    pub(crate) value: f64,
    /// Interval of the report.
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Interval of the decision.
    pub(crate) decision_low: f64,
    pub(crate) decision_high: f64,
    /// Upper end of the interval on which there is no leak.
    pub(crate) level_high: f64,
}

impl Rate {
    /// The rate of a segment of `length` seconds, whose best shape may be any of `selection`. `None` where no sustained shape
    /// was fitted.
    pub(crate) fn of(chosen: &Chosen, selection: &Selection, rigour: &Rigour, length: f64) -> Option<Self> {
        let panel = &chosen.panel;
        let sustained = selection.best(Family::Sustained)?;
        let bounded = selection.best(Family::Bounded)?;
        let plausible = selection.plausible(PLAUSIBLE);
        let (low, high) = extremes(&plausible, rigour.alpha);
        let (_, level_high) = extremes(&plausible, rigour.alpha_level);
        let (decision_low, decision_high) = (low / length, high / length);
        let (low, high) = extremes(&selection.plausible(REPORTED), 1.0 - rigour.confidence);
        let least = LEAST_ERROR * sustained.slope.abs();
        let mut slope = sustained.slope;
        if selection.margin() <= 0.0 && bounded.name() == "constant" {
            slope = selection.fits.iter().find(|fit| fit.name() == "linear").map_or(slope, |fit| fit.slope);
        }
        let alpha = 1.0 - rigour.confidence;
        let counted = counting(sustained, panel.rounding, alpha);
        let (low, high) = (low.min(sustained.slope - counted), high.max(sustained.slope + counted));
        let (from, to) = wandering(panel, sustained, alpha).unwrap_or((low, high));
        let (low, high) = (low.min(from), high.max(to));
        let between = between_lives(chosen, sustained, selection.rho, alpha).unwrap_or(0.0);
        let (low, high) = (low.min(sustained.slope - between), high.max(sustained.slope + between));
        Some(Self {
            value: slope / length,
            low: (low - least).min(slope) / length,
            high: (high + least).max(slope) / length,
            decision_low,
            decision_high,
            level_high: level_high / length,
        })
    }

    /// The bound that was shown is the one that is told.
    pub(crate) fn is_below(&mut self, bound: f64) {
        self.high = bound;
        self.value = self.value.min(bound);
        self.low = self.low.min(self.value);
    }
}

/// Lower end of the interval of the decision, per second: [`Rate::decision_low`] without the rest.
pub(crate) fn lowest(selection: &Selection, rigour: &Rigour, length: f64) -> f64 {
    extremes(&selection.plausible(PLAUSIBLE), rigour.alpha).0 / length
}

/// The union of the intervals of some shapes, per run.
fn extremes(fits: &[&Fit], alpha: f64) -> (f64, f64) {
    fits.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), fit| {
        let (from, to) = fit.interval(student::two_sided(alpha, fit.freedom));
        (low.min(from), high.max(to))
    })
}

/// What the steps of a shape add.
pub(crate) fn raised_by(fit: &Fit) -> f64 {
    let columns = fit.columns();
    let heights = columns.iter().zip(&fit.coefficients).filter(|(basis, _)| matches!(basis, Basis::Step(_)));
    heights.map(|(_, height)| height.max(0.0)).sum()
}

/// Share of the run in which a shape grows at its last rate.
fn grown_for(fit: &Fit) -> f64 {
    let onset = fit.columns().iter().fold(0.0, |onset: f64, basis| match basis {
        Basis::Hinge(from) => onset.max(*from),
        _ => onset,
    });
    1.0 - onset.min(0.8)
}

/// Fewest lives whose rates show how much they differ.
const FEWEST_LIVES: usize = 3;

/// Half width of the interval of the slope of a shape, per run, by how much it differs from life to life: the slope of the
/// mean is the mean of slopes, one for each life, whatever their noise is (Pesaran & Smith 1995).
fn between_lives(chosen: &Chosen, best: &Fit, rho: f64, alpha: f64) -> Option<f64> {
    let panel = &chosen.panel;
    let lives = chosen.by_life.len();
    if lives < FEWEST_LIVES {
        return None;
    }
    let ones = vec![1.0; panel.x.len()];
    let others: Vec<Vec<f64>> =
        std::iter::once(&ones).chain(&panel.nuisance).map(|column| whitened(column, rho)).collect();
    let space = Space::of(others.iter().map(Vec::as_slice));
    let (columns, gradient) = (&best.tangent.columns, &best.tangent.gradient);
    let rests: Vec<Vec<f64>> = columns.iter().map(|column| space.residual(&whitened(column, rho))).collect();
    let mut products = [[0.0; WIDEST]; WIDEST];
    for (row, a) in products.iter_mut().zip(&rests) {
        row.iter_mut().zip(&rests).for_each(|(slot, b)| *slot = dot(a, b));
    }
    let slope = |life: &Vec<f64>| {
        let white = whitened(life, rho);
        let mut right = [0.0; WIDEST];
        right.iter_mut().zip(&rests).for_each(|(slot, rest)| *slot = dot(rest, &white));
        let solved = solve(&products, &right, rests.len().min(WIDEST));
        solved.iter().zip(gradient).map(|(value, weight)| value * weight).sum::<f64>()
    };
    let slopes: Vec<f64> = chosen.by_life.iter().map(slope).collect();
    let n = lives as f64;
    let mean = slopes.iter().sum::<f64>() / n;
    let variance = slopes.iter().map(|slope| (slope - mean) * (slope - mean)).sum::<f64>() / (n - 1.0);
    Some(student::two_sided(alpha, n - 1.0) * (variance / n).sqrt()).filter(|half| half.is_finite())
}

/// Half width of the interval of the rate if growth comes in whole units at random times, per run: a count of N units is
/// certain to about its square root.
fn counting(best: &Fit, rounding: f64, alpha: f64) -> f64 {
    let quantum = (12.0 * rounding).sqrt();
    student::two_sided(alpha, best.freedom) * (quantum * best.slope.abs() / grown_for(best)).sqrt()
}

/// The interval of the slope of a shape, per run, if its noise may be a random walk in part. Leaks that come in random
/// portions are of that kind, and the interval of a shape with noise about it knows nothing of it.
fn wandering(panel: &Panel, best: &Fit, alpha: f64) -> Option<(f64, f64)> {
    let ones = std::iter::once(vec![1.0; panel.x.len()]);
    let others: Vec<Vec<f64>> = ones.chain(panel.nuisance.iter().cloned()).collect();
    let mut rest = panel.v.clone();
    for (coefficient, column) in best.coefficients.iter().zip(&best.tangent.columns) {
        for (value, part) in rest.iter_mut().zip(column) {
            *value -= coefficient * part;
        }
    }
    let tangent = &best.tangent;
    let found = combination(&others, &tangent.columns, &tangent.gradient, &rest, panel.rounding)?;
    let half = student::two_sided(alpha, found.freedom) * found.error;
    let slope = best.slope + found.correction;
    Some((slope - half, slope + half))
}
