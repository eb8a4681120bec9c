//! Every growth model on the same blocks: coarse grid, search from the best places, rate with its standard error.
//!
//! | module | what it holds |
//! |---|---|
//! | `bench` | the blocks at one rho: columns, how well a shape fits at a place, the search for the best place |
//! | `around` | what is known of a shape beside its best place: standard error of the rate, profile |
//! | `shapes` | all models on the bench, and their scores |

mod around;
mod bench;
mod shapes;

use crate::models::{Clock, Columns, Family, Form, GrowthModel, MOST_PARAMETERS, Place};
use crate::stats::least_squares::{WIDEST, pseudo_variance, solve};

pub(crate) use bench::Drawn;
pub(crate) use shapes::Fitted;

/// What is explained: one value for each block, with what else moves it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Panel {
    /// Share of the run (0 to 1) of each block.
    pub(crate) x: Vec<f64>,
    pub(crate) v: Vec<f64>,
    /// Load or cycle first, then the jumps.
    pub(crate) nuisance: Vec<Vec<f64>>,
    /// Share of the run's operations, where they do not simply follow time.
    pub(crate) x_ops: Option<Vec<f64>>,
    /// Variance that rounding adds to every value.
    pub(crate) rounding: f64,
}

/// One form of a model, fitted.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    pub(crate) model: &'static dyn GrowthModel,
    pub(crate) form: &'static Form,
    pub(crate) place: Place,
    pub(crate) coefficients: Vec<f64>,
    /// Growth per run at its end.
    pub(crate) slope: f64,
    pub(crate) error: f64,
    pub(crate) freedom: f64,
    /// Variance of the whitened noise.
    pub(crate) variance: f64,
    /// What a step in it gives back: zero or negative.
    pub(crate) down: f64,
    /// Information criterion, less is better.
    pub(crate) score: f64,
    /// The shape around its best place, for the interval of its slope.
    pub(crate) profile: Vec<Likely>,
    /// What is estimated, unwhitened: its columns, and the gradient of the slope by each.
    pub(crate) tangent: Tangent,
    /// Inner products of the columns and of the derivatives by the shape parameters, after whitening.
    gram: Gram,
}

/// A shape at one place of its parameters: how well it fits and how steep it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Likely {
    squares: f64,
    slope: f64,
    /// Variance of the slope, shape parameters given, in units of the noise variance.
    variance: f64,
}

/// A shape made linear at its best place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tangent {
    pub(crate) columns: Vec<Vec<f64>>,
    pub(crate) gradient: Vec<f64>,
}

/// Products of what is estimated: coefficients first, then shape parameters.
#[derive(Debug, Clone)]
struct Gram {
    products: [[f64; WIDEST]; WIDEST],
    /// Which unknown each row stands for; one that the others explain has no row.
    unknowns: Vec<usize>,
}

impl Gram {
    /// Variance of a combination of the unknowns in units of the noise variance.
    fn variance(&self, gradient: &[f64]) -> f64 {
        let mut kept = [0.0; WIDEST];
        for (slot, unknown) in kept.iter_mut().zip(&self.unknowns) {
            *slot = gradient.get(*unknown).copied().unwrap_or(0.0);
        }
        pseudo_variance(&self.products, &kept, self.unknowns.len()).max(0.0)
    }

    /// How the shape parameters, which follow `count` coefficients, move along with the combination `gradient`: its
    /// covariance with each, in units of the noise variance.
    fn towards(&self, gradient: &[f64], count: usize) -> Place {
        let mut kept = [0.0; WIDEST];
        for (slot, unknown) in kept.iter_mut().zip(&self.unknowns) {
            *slot = gradient.get(*unknown).copied().unwrap_or(0.0);
        }
        let solved = solve(&self.products, &kept, self.unknowns.len());
        let mut out = [0.0; MOST_PARAMETERS];
        for (row, unknown) in self.unknowns.iter().enumerate() {
            if let Some(slot) = unknown.checked_sub(count).and_then(|d| out.get_mut(d)) {
                *slot = solved[row];
            }
        }
        out
    }
}

impl std::fmt::Debug for dyn GrowthModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Fit {
    pub(crate) fn family(&self) -> Family {
        self.model.family()
    }

    pub(crate) fn name(&self) -> &'static str {
        self.model.name()
    }

    pub(crate) fn is_by_ops(&self) -> bool {
        self.model.clock() == Clock::Operations
    }

    pub(crate) fn columns(&self) -> Columns {
        (self.form.columns)(&self.place)
    }

    /// Standard error of an unknown: coefficients first, then shape parameters. `None` where the data do not determine
    /// it, or where it was chosen among a few places.
    pub(crate) fn error_of(&self, unknown: usize) -> Option<f64> {
        let mut gradient = [0.0; WIDEST];
        *gradient.get_mut(unknown)? = 1.0;
        self.gram.unknowns.contains(&unknown).then(|| (self.gram.variance(&gradient) * self.variance).sqrt())
    }

    /// Multiplies the slope, and all that is known of it.
    pub(crate) fn scale_slope(&mut self, factor: f64) {
        self.slope *= factor;
        self.error *= factor;
        for likely in &mut self.profile {
            likely.slope *= factor;
            likely.variance *= factor * factor;
        }
        for part in &mut self.tangent.gradient {
            *part *= factor;
        }
    }

    /// The interval of the slope within `critical` standard errors: every slope that some place of the shape parameters
    /// explains nearly as well as the best one (profile likelihood). Unlike an error by derivatives it is not even on
    /// both sides, and does not leave what the shape can do.
    pub(crate) fn interval(&self, critical: f64) -> (f64, f64) {
        let best = self.profile.iter().map(|likely| likely.squares).fold(f64::INFINITY, f64::min);
        let ends = self.profile.iter().filter_map(|likely| {
            let left = critical * critical * self.variance - (likely.squares - best);
            (left >= 0.0).then(|| (likely.slope, (likely.variance * left).sqrt()))
        });
        ends.fold((self.slope, self.slope), |(low, high), (slope, half)| {
            (low.min(slope - half), high.max(slope + half))
        })
    }
}
