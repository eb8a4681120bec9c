//! Which shape explains the series, and by how much: rho from the residuals, effective blocks, information criterion.

use crate::fit::{Drawn, Fit, Fitted, Panel};
use crate::interval::REPORTED;
use crate::models::{Basis, Family};
use crate::stats::autoregression::{coefficient, long_run_ratio, unwhitened};

/// All fits of one panel, with what they were judged by.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    /// In the order of the models; with their scores.
    pub(crate) fits: Vec<Fit>,
    pub(crate) rho: f64,
    /// Blocks per independent block: long-run variance over variance.
    pub(crate) ratio: f64,
}

/// From here on the noise counts as a random walk.
pub(crate) const UNIT_ROOT: f64 = 0.95;
/// From here on the flexible trend may have mistaken a kink for a unit root.
const SUSPICIOUS: f64 = 0.9;
/// What the noise must look like beside the best shape for the suspicion to hold.
const CLEARED: f64 = 0.85;
/// rho is only taken down, and only by steps that matter.
const STEP_DOWN: f64 = 0.05;

/// Whether rho may be estimated again from the residuals of the best shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noise {
    Estimated,
    Given,
}

/// Fits every model and scores it. `None` where there are too few blocks for one shape of each family.
pub(crate) fn select(panel: &Panel, rho: f64, noise: Noise) -> Option<Selection> {
    let mut rho = rho;
    let mut drawn = Drawn::new(panel.x.len());
    if rho > SUSPICIOUS && noise == Noise::Estimated {
        let best = Fitted::of(panel, 0.5, &mut drawn).left()?;
        let seen = coefficient(&unwhitened(&best.residuals, 0.5), best.parameters - 2);
        if seen < CLEARED {
            rho = seen;
        }
    }
    let mut rounds = if noise == Noise::Estimated { 2 } else { 0 };
    let (fitted, best) = loop {
        let fitted = Fitted::of(panel, rho, &mut drawn);
        let best = fitted.left()?;
        if rounds > 0 && rho >= 0.3 {
            let seen = coefficient(&unwhitened(&best.residuals, rho), best.parameters - 2);
            if seen <= rho - STEP_DOWN {
                rho = seen;
                rounds -= 1;
                continue;
            }
        }
        break (fitted, best);
    };
    let ratio = long_run_ratio(&best.residuals);
    let mut fits = fitted.finish(ratio, REPORTED);
    for fit in &mut fits {
        fit.error *= ratio.sqrt();
        fit.variance *= ratio;
        fit.freedom = (fit.freedom / ratio).max(3.0);
    }
    let selection = Selection { fits, rho, ratio };
    (selection.best(Family::Sustained).is_some() && selection.best(Family::Bounded).is_some()).then_some(selection)
}

impl Selection {
    /// Multiplies the rates of the shapes that advance with operations.
    pub(crate) fn scale_by_ops(&mut self, factor: f64) {
        for fit in self.fits.iter_mut().filter(|fit| fit.is_by_ops()) {
            fit.scale_slope(factor);
        }
    }

    /// The best fit of a family.
    pub(crate) fn best(&self, family: Family) -> Option<&Fit> {
        self.of(family).min_by(|a, b| a.score.total_cmp(&b.score))
    }

    pub(crate) fn of(&self, family: Family) -> impl Iterator<Item = &Fit> {
        self.fits.iter().filter(move |fit| fit.family() == family)
    }

    /// Sustained fits within `distance` of the best one.
    pub(crate) fn plausible(&self, distance: f64) -> Vec<&Fit> {
        let best = self.best(Family::Sustained).map_or(f64::INFINITY, |fit| fit.score);
        self.of(Family::Sustained).filter(|fit| fit.score <= best + distance).collect()
    }

    /// The margin without growth beside a fill that ended: where that growth is nothing the shape is a bounded one, and
    /// how little it is must be shown by the part after the fill.
    pub(crate) fn lean(&self) -> f64 {
        let beside_fill = |fit: &&Fit| fit.columns().iter().any(|basis| matches!(basis, Basis::Ramp(..)));
        let sustained = self.of(Family::Sustained).filter(|fit| !beside_fill(fit)).map(|fit| fit.score);
        let bounded = self.best(Family::Bounded).map_or(f64::INFINITY, |fit| fit.score);
        bounded - sustained.fold(f64::INFINITY, f64::min)
    }

    /// How far the best bounded shape lies behind the best sustained one: positive speaks for sustained growth.
    pub(crate) fn margin(&self) -> f64 {
        match (self.best(Family::Sustained), self.best(Family::Bounded)) {
            (Some(sustained), Some(bounded)) => bounded.score - sustained.score,
            _ => 0.0,
        }
    }
}
