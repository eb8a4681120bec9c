//! What is known of a shape beside its best place: the standard error of its rate, which counts the shape parameters as estimated
//! (delta method), and the profile of its slope.

use super::bench::{Bench, Trial};
use super::shapes::Candidate;
use super::{Fit, Gram, Likely, Tangent};
use crate::models::{Basis, Clock, Family, Form, Layout, Place};
use crate::stats::autoregression::whiten;
use crate::stats::least_squares::{WIDEST, dot, pseudo_variance};

/// A place whose squares are so many noise variances behind those of the best is in no interval: that is 90 standard errors where
/// twelve blocks count as one, the widest of 1 in 100,000 with three degrees of freedom.
const HOPELESS: f64 = 1e5;

/// How the interval of a slope is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interval {
    /// Over the places of the shape parameters.
    ByProfile,
    /// At the best place only: nobody asks for more of what is bounded, or far behind.
    AtBest,
}

/// Where a profile looks beside the grid, and how far from the best place it ends.
struct Near {
    /// How the shape parameters move with one standard error of the slope.
    towards: Place,
    /// Squares beyond which a place is left out.
    hopeless: f64,
}

impl Bench<'_> {
    /// What is estimated at a place, shape parameters included, and the gradient of the slope at the end.
    fn tangent(&self, form: &Form, by_ops: bool, trial: &Trial) -> Tangent {
        let columns = (form.columns)(&trial.place);
        let count = columns.as_slice().len();
        let mut used: Vec<Vec<f64>> = columns.iter().map(|basis| self.raw(basis, by_ops)).collect();
        let mut gradient: Vec<f64> = columns.iter().map(Basis::slope_at_end).collect();
        if !form.is_stepped() {
            for (d, _) in form.parameters.iter().enumerate() {
                let h = 1e-3 * trial.place[d].abs().max(1e-3);
                let moved = |by: f64| {
                    let mut place = trial.place;
                    place[d] += by;
                    (form.columns)(&place)
                };
                let (below, above) = (moved(-h), moved(h));
                let mut column = vec![0.0; self.panel.x.len()];
                let mut slope = 0.0;
                for i in 0..count {
                    let c = trial.coefficients[i] / (2.0 * h);
                    let (low, high) = (&below.as_slice()[i], &above.as_slice()[i]);
                    slope += c * (high.slope_at_end() - low.slope_at_end());
                    for (sum, (a, b)) in column.iter_mut().zip(self.raw(high, by_ops).iter().zip(self.raw(low, by_ops)))
                    {
                        *sum += c * (a - b);
                    }
                }
                used.push(column);
                gradient.push(slope);
            }
        }
        used.truncate(WIDEST);
        gradient.truncate(WIDEST);
        Tangent { columns: used, gradient }
    }

    /// Products of the columns of a tangent after whitening and projection.
    fn gram(&self, tangent: &Tangent) -> Gram {
        let mut rests = Vec::new();
        let mut unknowns = Vec::new();
        for (unknown, column) in tangent.columns.iter().enumerate() {
            let mut column = column.clone();
            whiten(&mut column, self.rho);
            let before = dot(&column, &column).sqrt();
            let rest = self.space.residual(&column);
            if dot(&rest, &rest).sqrt() > 1e-7 * before {
                unknowns.push(unknown);
                rests.push(rest);
            }
        }
        let mut products = [[0.0; WIDEST]; WIDEST];
        for (i, a) in rests.iter().enumerate() {
            for (j, b) in rests.iter().enumerate() {
                products[i][j] = dot(a, b);
            }
        }
        Gram { products, unknowns }
    }

    /// The shape at `place`: how well it fits and how steep it ends. `None` where it is a hump, or further than `hopeless` from
    /// the squares of the best place.
    fn likely(&mut self, form: &Form, by_ops: bool, place: Place, hopeless: f64) -> Option<Likely> {
        let columns = (form.columns)(&place);
        let count = columns.as_slice().len();
        let (gram, right) = self.normal(&columns, by_ops);
        let trial = self.solved(&columns, place, &gram, &right);
        if form.same_sign && trial.coefficients[0] * trial.coefficients[1] < 0.0 || trial.squares > hopeless {
            return None;
        }
        let mut gradient = [0.0; WIDEST];
        for (slot, basis) in gradient.iter_mut().zip(columns.iter()) {
            *slot = basis.slope_at_end();
        }
        Some(Likely {
            squares: trial.squares,
            slope: (0..count).map(|i| gradient[i] * trial.coefficients[i]).sum(),
            variance: pseudo_variance(&gram, &gradient, count).max(0.0),
        })
    }

    /// The shape at places around the best one: those of the grid, those that the slope depends on most near the best.
    fn profile(&mut self, form: &Form, by_ops: bool, layout: &Layout, best: &Trial, near: &Near) -> Vec<Likely> {
        let Near { towards, hopeless } = near;
        let mut places = vec![best.place];
        if !form.parameters.is_empty() {
            places.extend((form.grid)(layout));
        }
        if towards.iter().any(|part| *part != 0.0) {
            places.extend([-3.0, -2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0, 3.0].map(|steps| {
                let mut place = best.place;
                for ((value, part), parameter) in place.iter_mut().zip(towards).zip(form.parameters) {
                    *value = (*value + steps * part).clamp(parameter.low, parameter.high);
                }
                place
            }));
        }
        places.into_iter().filter_map(|place| self.likely(form, by_ops, place, *hopeless)).collect()
    }

    /// What a candidate leaves, whitened, and its sum of squares with rounding. `None` where it is a hump.
    pub(super) fn residuals(&self, candidate: &Candidate) -> Option<(Vec<f64>, f64)> {
        let Candidate { model, form, best, .. } = candidate;
        if form.same_sign && best.coefficients[0] * best.coefficients[1] < 0.0 {
            return None;
        }
        let by_ops = model.clock() == Clock::Operations;
        let mut residuals = self.values.clone();
        for (i, basis) in (form.columns)(&best.place).iter().enumerate() {
            let Some(rest) = self.rest_of(basis, by_ops) else { continue };
            for (value, part) in residuals.iter_mut().zip(rest) {
                *value -= best.coefficients[i] * part;
            }
        }
        let squares = dot(&residuals, &residuals) + self.panel.x.len() as f64 * self.panel.rounding;
        Some((residuals, squares))
    }

    pub(super) fn finish(&mut self, candidate: Candidate, squares: f64, layout: &Layout, interval: Interval) -> Fit {
        let Candidate { model, form, best, .. } = candidate;
        let m = self.panel.x.len();
        let columns = (form.columns)(&best.place);
        let count = columns.as_slice().len();
        let by_ops = model.clock() == Clock::Operations;
        let estimated = count + 1 + self.panel.nuisance.len() + form.parameters.len();
        let left = m as f64 - estimated as f64 - f64::from(u8::from(self.rho > 0.0));
        let variance = squares / left.max(1.0);
        let slope = columns.iter().zip(best.coefficients).map(|(basis, c)| basis.slope_at_end() * c).sum();
        let tangent = self.tangent(form, by_ops, &best);
        let gram = self.gram(&tangent);
        let error = (gram.variance(&tangent.gradient) * variance).sqrt();
        let profile = match interval {
            Interval::ByProfile => {
                let towards =
                    gram.towards(&tangent.gradient, count).map(|part| part * variance / error.max(f64::MIN_POSITIVE));
                let hopeless = best.squares + HOPELESS * variance;
                self.profile(form, by_ops, layout, &best, &Near { towards, hopeless })
            }
            Interval::AtBest => {
                vec![Likely { squares: best.squares, slope, variance: gram.variance(&tangent.gradient) }]
            }
        };
        let is_step = columns.as_slice().first().is_some_and(|basis| matches!(basis, Basis::Step(_)));
        let down = if is_step && model.family() == Family::Sustained { best.coefficients[0].min(0.0) } else { 0.0 };
        Fit {
            model,
            form,
            place: best.place,
            coefficients: best.coefficients[..count].to_vec(),
            slope,
            error,
            freedom: (m as f64 - estimated as f64 - 1.0).max(1.0),
            variance,
            down,
            score: f64::INFINITY,
            profile,
            tangent,
            gram,
        }
    }
}
