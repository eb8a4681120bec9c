//! Every growth model on the same blocks: coarse grid, search from the best places, rate with its standard error.
//!
//! Intercept, jumps, cycle and load are projected out once (Frisch-Waugh); what is left of each column is kept, so
//! that a grid of pairs costs inner products only. The standard error of the rate counts the shape parameters as
//! estimated (delta method).

use std::collections::HashMap;

use crate::models::{Basis, Clock, Columns, Family, Form, GrowthModel, Layout, MODELS, MOST_PARAMETERS, Place};
use crate::stats::autoregression::whiten;
use crate::stats::least_squares::{Space, WIDEST, dot, pseudo_variance, solve};

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
    /// Sum of squares of the whitened residuals, rounding added.
    pub(crate) squares: f64,
    /// Coefficients, shape parameters, rho and sigma.
    pub(crate) parameters: usize,
    /// Growth per run at its end.
    pub(crate) slope: f64,
    pub(crate) error: f64,
    pub(crate) freedom: f64,
    /// Variance of the whitened noise.
    pub(crate) variance: f64,
    pub(crate) residuals: Vec<f64>,
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
}

impl Fit {
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

type Key = (bool, (u8, u64, u64));

/// A column after whitening and projection.
struct Column {
    rest: Vec<f64>,
    with_values: f64,
}

/// The blocks at one rho, with the columns seen so far.
struct Bench<'a> {
    panel: &'a Panel,
    rho: f64,
    space: Space,
    values: Vec<f64>,
    power: f64,
    known: HashMap<Key, usize>,
    columns: Vec<Column>,
    norms: Vec<f64>,
}

struct Trial {
    place: Place,
    squares: f64,
    coefficients: [f64; WIDEST],
}

impl<'a> Bench<'a> {
    fn new(panel: &'a Panel, rho: f64) -> Self {
        let mut ones = vec![1.0; panel.x.len()];
        whiten(&mut ones, rho);
        let mut space = Space::of([ones.as_slice()]);
        for column in &panel.nuisance {
            let mut column = column.clone();
            whiten(&mut column, rho);
            space.add(&column);
        }
        let mut values = panel.v.clone();
        whiten(&mut values, rho);
        let values = space.residual(&values);
        let power = dot(&values, &values);
        Self { panel, rho, space, values, power, known: HashMap::new(), columns: Vec::new(), norms: Vec::new() }
    }

    fn raw(&self, basis: &Basis, by_ops: bool) -> Vec<f64> {
        let x = match (&self.panel.x_ops, by_ops) {
            (Some(x_ops), true) => x_ops,
            _ => &self.panel.x,
        };
        x.iter().map(|x| basis.at(*x)).collect()
    }

    fn column(&mut self, basis: &Basis, by_ops: bool) -> usize {
        let key = (by_ops, basis.key());
        if let Some(&index) = self.known.get(&key) {
            return index;
        }
        let mut column = self.raw(basis, by_ops);
        whiten(&mut column, self.rho);
        let rest = self.space.residual(&column);
        let with_values = dot(&rest, &self.values);
        self.norms.push(dot(&rest, &rest));
        self.columns.push(Column { rest, with_values });
        self.known.insert(key, self.columns.len() - 1);
        self.columns.len() - 1
    }

    fn attempt(&mut self, form: &Form, by_ops: bool, place: Place) -> Trial {
        let columns = (form.columns)(&place);
        let count = columns.as_slice().len();
        let mut index = [0; 3];
        for (slot, basis) in index.iter_mut().zip(columns.iter()) {
            *slot = self.column(basis, by_ops);
        }
        let (mut gram, mut right) = ([[0.0; WIDEST]; WIDEST], [0.0; WIDEST]);
        for i in 0..count {
            right[i] = self.columns[index[i]].with_values;
            gram[i][i] = self.norms[index[i]];
            for j in 0..i {
                gram[i][j] = dot(&self.columns[index[i]].rest, &self.columns[index[j]].rest);
                gram[j][i] = gram[i][j];
            }
        }
        let coefficients = solve(&gram, &right, count);
        let explained: f64 = (0..count).map(|i| coefficients[i] * right[i]).sum();
        Trial { place, squares: (self.power - explained).max(0.0), coefficients }
    }

    fn search(&mut self, form: &Form, by_ops: bool, places: impl IntoIterator<Item = Place>, best: &mut Option<Trial>) {
        for place in places {
            let trial = self.attempt(form, by_ops, place);
            if best.as_ref().is_none_or(|best| trial.squares < best.squares) {
                *best = Some(trial);
            }
        }
    }

    /// Coordinate search around the best place: nine places, three rounds, each a third as wide.
    fn refine(&mut self, form: &Form, by_ops: bool, best: &mut Option<Trial>) {
        let mut width = 1.0;
        for _round in 0..3 {
            for (d, parameter) in form.parameters.iter().enumerate() {
                let Some(centre) = best.as_ref().map(|best| best.place) else { return };
                let wide = parameter.low > 0.0 && parameter.high / parameter.low >= 30.0;
                let step = ((parameter.high - parameter.low) / 12.0).max(1e-3);
                let places = (-4..=4).map(|i| {
                    let u = f64::from(i) / 4.0 * width;
                    let mut place = centre;
                    place[d] = if wide { centre[d] * 1.35f64.powf(u) } else { centre[d] + step * u };
                    place[d] = place[d].clamp(parameter.low, parameter.high);
                    place
                });
                self.search(form, by_ops, places, best);
            }
            width *= 0.35;
        }
    }

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

    /// The shape at `place`: how well it fits and how steep it ends.
    fn likely(&mut self, form: &Form, by_ops: bool, place: Place) -> Option<Likely> {
        let columns = (form.columns)(&place);
        let count = columns.as_slice().len();
        let trial = self.attempt(form, by_ops, place);
        if form.same_sign && trial.coefficients[0] * trial.coefficients[1] < 0.0 {
            return None;
        }
        let index: Vec<usize> = columns.iter().map(|basis| self.column(basis, by_ops)).collect();
        let (mut products, mut gradient) = ([[0.0; WIDEST]; WIDEST], [0.0; WIDEST]);
        for (i, basis) in columns.iter().enumerate() {
            gradient[i] = basis.slope_at_end();
            for j in 0..count {
                products[i][j] = dot(&self.columns[index[i]].rest, &self.columns[index[j]].rest);
            }
        }
        Some(Likely {
            squares: trial.squares,
            slope: (0..count).map(|i| gradient[i] * trial.coefficients[i]).sum(),
            variance: pseudo_variance(&products, &gradient, count).max(0.0),
        })
    }

    /// The shape at places around the best one: those of the grid, those that the slope depends on most near the best.
    fn profile(&mut self, form: &Form, by_ops: bool, layout: &Layout, best: &Trial, towards: &Place) -> Vec<Likely> {
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
        places.into_iter().filter_map(|place| self.likely(form, by_ops, place)).collect()
    }

    fn finish(&mut self, candidate: Candidate, layout: &Layout) -> Option<Fit> {
        let Candidate { model, form, best, parameters, .. } = candidate;
        let m = self.panel.x.len();
        let columns = (form.columns)(&best.place);
        let count = columns.as_slice().len();
        if form.same_sign && best.coefficients[0] * best.coefficients[1] < 0.0 {
            return None;
        }
        let by_ops = model.clock() == Clock::Operations;
        let mut residuals = self.values.clone();
        for (i, basis) in columns.iter().enumerate() {
            let Some(&index) = self.known.get(&(by_ops, basis.key())) else { continue };
            for (value, part) in residuals.iter_mut().zip(&self.columns[index].rest) {
                *value -= best.coefficients[i] * part;
            }
        }
        let squares = dot(&residuals, &residuals) + m as f64 * self.panel.rounding;
        let estimated = count + 1 + self.panel.nuisance.len() + form.parameters.len();
        let left = m as f64 - estimated as f64 - f64::from(u8::from(self.rho > 0.0));
        let variance = squares / left.max(1.0);
        let slope = columns.iter().zip(best.coefficients).map(|(basis, c)| basis.slope_at_end() * c).sum();
        let tangent = self.tangent(form, by_ops, &best);
        let gram = self.gram(&tangent);
        let error = (gram.variance(&tangent.gradient) * variance).sqrt();
        let profile = match model.family() {
            Family::Sustained => {
                let towards =
                    gram.towards(&tangent.gradient, count).map(|part| part * variance / error.max(f64::MIN_POSITIVE));
                self.profile(form, by_ops, layout, &best, &towards)
            }
            Family::Bounded => {
                vec![Likely { squares: best.squares, slope, variance: gram.variance(&tangent.gradient) }]
            }
        };
        let is_step = columns.as_slice().first().is_some_and(|basis| matches!(basis, Basis::Step(_)));
        let down = if is_step && model.family() == Family::Sustained { best.coefficients[0].min(0.0) } else { 0.0 };
        Some(Fit {
            model,
            form,
            place: best.place,
            coefficients: best.coefficients[..count].to_vec(),
            squares,
            parameters,
            slope,
            error,
            freedom: (m as f64 - estimated as f64 - 1.0).max(1.0),
            variance,
            residuals,
            down,
            score: f64::INFINITY,
            profile,
            tangent,
            gram,
        })
    }
}

struct Candidate {
    model: &'static dyn GrowthModel,
    form: &'static Form,
    best: Trial,
    parameters: usize,
    score: f64,
}

/// The most promising forms of each family are refined.
const REFINED: usize = 4;
/// Residual degrees of freedom that a fit needs.
const LEAST_FREEDOM: usize = 3;

/// Every form of every model at this rho, in the order of [`MODELS`]. Scores are left to the caller, who knows
/// the effective number of blocks.
pub(crate) fn fit_all(panel: &Panel, rho: f64) -> Vec<Fit> {
    let m = panel.x.len();
    let mut bench = Bench::new(panel, rho);
    let layout = Layout::of(&panel.x);
    let layout_ops = panel.x_ops.as_deref().map(Layout::of);
    let n = m as f64;
    let mut candidates = Vec::new();
    for model in MODELS {
        let by_ops = model.clock() == Clock::Operations;
        let Some(layout) = (if by_ops { layout_ops.as_ref() } else { Some(&layout) }) else { continue };
        for form in model.forms() {
            let mut best = None;
            if m >= form.min_blocks {
                bench.search(form, by_ops, (form.grid)(layout), &mut best);
            }
            let Some(best) = best else { continue };
            let count = (form.columns)(&best.place).as_slice().len();
            let parameters = count + form.parameters.len() + 1 + panel.nuisance.len() + 2;
            if m < parameters + LEAST_FREEDOM {
                continue;
            }
            let score =
                n * (best.squares / n + panel.rounding).max(f64::MIN_POSITIVE).ln() + parameters as f64 * n.ln();
            candidates.push(Candidate { model: *model, form, best, parameters, score });
        }
    }
    for family in [Family::Sustained, Family::Bounded] {
        let mut order: Vec<usize> = (0..candidates.len())
            .filter(|&i| candidates[i].model.family() == family && candidates[i].form.refined)
            .filter(|&i| !candidates[i].form.parameters.is_empty())
            .collect();
        order.sort_by(|&a, &b| candidates[a].score.total_cmp(&candidates[b].score));
        for &i in order.iter().take(REFINED) {
            let (model, form) = (candidates[i].model, candidates[i].form);
            let start = candidates[i].best.place;
            let mut best = None;
            let by_ops = model.clock() == Clock::Operations;
            bench.search(form, by_ops, [start], &mut best);
            bench.refine(form, by_ops, &mut best);
            if let Some(best) = best {
                candidates[i].best = best;
            }
        }
    }
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let by_ops = candidate.model.clock() == Clock::Operations;
            let layout = layout_ops.as_ref().filter(|_| by_ops).unwrap_or(&layout);
            bench.finish(candidate, layout)
        })
        .collect()
}
