//! Every growth model on the same blocks: coarse grid, search from the best places, rate with its standard error.
//!
//! Intercept, jumps, cycle and load are projected out once (Frisch-Waugh); what is left of each column is kept, so
//! that a grid of pairs costs inner products only. The standard error of the rate counts the shape parameters as
//! estimated (delta method).

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

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

/// Mixes the few words of a [`Key`]. They are bits of shape parameters, which nobody outside chooses, so that the default
/// hash, which withstands an attack, would cost more than it is worth here: a grid looks up thousands of columns.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        // An odd number near 2^64 divided by the golden ratio spreads neighbours (Knuth, TAOCP 3, 6.4); its high bits are best mixed.
        let mixed = (self.0 ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

/// Columns of a panel as they are before any noise is known: what one fit has drawn the next one need not. All lie in one piece
/// of memory, one after the other: a fit has hundreds of short ones.
pub(crate) struct Drawn {
    known: HashMap<Key, usize, BuildHasherDefault<KeyHasher>>,
    values: Vec<f64>,
}

/// Columns that there is room for at once: about as many as one fit draws. More find room as well, at the cost of moving all.
const COLUMNS: usize = 512;

impl Drawn {
    /// No columns yet, of `blocks` values each.
    pub(crate) fn new(blocks: usize) -> Self {
        Self {
            known: HashMap::with_capacity_and_hasher(COLUMNS, BuildHasherDefault::default()),
            values: Vec::with_capacity(COLUMNS * blocks),
        }
    }
}

/// What is known of a column after whitening and projection.
#[derive(Clone, Copy)]
struct Projected {
    with_values: f64,
    norm: f64,
}

/// The blocks at one rho, with the columns seen so far.
struct Bench<'a> {
    panel: &'a Panel,
    rho: f64,
    space: Space,
    values: Vec<f64>,
    power: f64,
    drawn: &'a mut Drawn,
    /// Columns after whitening and projection, in the places of `drawn`.
    rests: Vec<f64>,
    projected: Vec<Option<Projected>>,
}

/// The places that the blocks advance by: time, or operations where they were counted.
fn x_of(panel: &Panel, by_ops: bool) -> &[f64] {
    match (&panel.x_ops, by_ops) {
        (Some(x_ops), true) => x_ops,
        _ => &panel.x,
    }
}

/// A place whose squares are so many noise variances behind those of the best is in no interval: that is 90 standard errors where
/// twelve blocks count as one, the widest of 1 in 100,000 with three degrees of freedom.
const HOPELESS: f64 = 1e5;

/// How the interval of a slope is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interval {
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

struct Trial {
    place: Place,
    squares: f64,
    coefficients: [f64; WIDEST],
}

impl<'a> Bench<'a> {
    fn new(panel: &'a Panel, rho: f64, drawn: &'a mut Drawn) -> Self {
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
        let mut rests = Vec::with_capacity(drawn.values.capacity());
        rests.resize(drawn.values.len(), 0.0);
        let mut projected = Vec::with_capacity(COLUMNS);
        projected.resize(drawn.known.len(), None);
        Self { panel, rho, space, values, power, drawn, rests, projected }
    }

    fn raw(&self, basis: &Basis, by_ops: bool) -> Vec<f64> {
        x_of(self.panel, by_ops).iter().map(|x| basis.at(*x)).collect()
    }

    fn rest(&self, column: usize) -> &[f64] {
        let m = self.panel.x.len();
        &self.rests[column * m..(column + 1) * m]
    }

    fn column(&mut self, basis: &Basis, by_ops: bool) -> usize {
        let m = self.panel.x.len();
        let next = self.drawn.known.len();
        let index = *self.drawn.known.entry((by_ops, basis.key())).or_insert(next);
        if index == next {
            let x = x_of(self.panel, by_ops);
            self.drawn.values.extend(x.iter().map(|x| basis.at(*x)));
            self.rests.resize(self.drawn.values.len(), 0.0);
            self.projected.push(None);
        }
        if self.projected[index].is_none() {
            let place = index * m..(index + 1) * m;
            let rest = &mut self.rests[place.clone()];
            rest.copy_from_slice(&self.drawn.values[place]);
            whiten(rest, self.rho);
            self.space.remove_from(rest);
            self.projected[index] = Some(Projected { with_values: dot(rest, &self.values), norm: dot(rest, rest) });
        }
        index
    }

    /// The products of the columns of a shape with each other and with the values.
    fn normal(&mut self, columns: &Columns, by_ops: bool) -> ([[f64; WIDEST]; WIDEST], [f64; WIDEST]) {
        let mut index = [0; 3];
        for (slot, basis) in index.iter_mut().zip(columns.iter()) {
            *slot = self.column(basis, by_ops);
        }
        let (mut gram, mut right) = ([[0.0; WIDEST]; WIDEST], [0.0; WIDEST]);
        for i in 0..columns.as_slice().len() {
            if let Some(Projected { with_values, norm }) = self.projected[index[i]] {
                (right[i], gram[i][i]) = (with_values, norm);
            }
            for j in 0..i {
                gram[i][j] = dot(self.rest(index[i]), self.rest(index[j]));
                gram[j][i] = gram[i][j];
            }
        }
        (gram, right)
    }

    fn attempt(&mut self, form: &Form, by_ops: bool, place: Place) -> Trial {
        let columns = (form.columns)(&place);
        let (gram, right) = self.normal(&columns, by_ops);
        self.solved(&columns, place, &gram, &right)
    }

    fn solved(&self, columns: &Columns, place: Place, gram: &[[f64; WIDEST]; WIDEST], right: &[f64; WIDEST]) -> Trial {
        let count = columns.as_slice().len();
        let coefficients = solve(gram, right, count);
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
                // What is at the centre is known.
                let places = (-4..=4).filter(|i| *i != 0).map(|i| {
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
    fn residuals(&self, candidate: &Candidate) -> Option<(Vec<f64>, f64)> {
        let Candidate { model, form, best, .. } = candidate;
        if form.same_sign && best.coefficients[0] * best.coefficients[1] < 0.0 {
            return None;
        }
        let by_ops = model.clock() == Clock::Operations;
        let mut residuals = self.values.clone();
        for (i, basis) in (form.columns)(&best.place).iter().enumerate() {
            let Some(&index) = self.drawn.known.get(&(by_ops, basis.key())) else { continue };
            for (value, part) in residuals.iter_mut().zip(self.rest(index)) {
                *value -= best.coefficients[i] * part;
            }
        }
        let squares = dot(&residuals, &residuals) + self.panel.x.len() as f64 * self.panel.rounding;
        Some((residuals, squares))
    }

    fn finish(&mut self, candidate: Candidate, squares: f64, layout: &Layout, interval: Interval) -> Fit {
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

struct Candidate {
    model: &'static dyn GrowthModel,
    form: &'static Form,
    best: Trial,
    /// Coefficients, shape parameters, rho and sigma.
    parameters: usize,
    score: f64,
}

/// The most promising forms of each family are refined.
const REFINED: usize = 4;
/// Residual degrees of freedom that a fit needs.
const LEAST_FREEDOM: usize = 3;

/// Every form of every model at one rho, in the order of [`MODELS`]: where each fits best.
pub(crate) struct Fitted<'a> {
    bench: Bench<'a>,
    layout: Layout,
    layout_ops: Option<Layout>,
    candidates: Vec<Candidate>,
}

/// What the fit that explains most leaves.
pub(crate) struct Left {
    /// Whitened residuals.
    pub(crate) residuals: Vec<f64>,
    /// Coefficients, shape parameters, rho and sigma.
    pub(crate) parameters: usize,
}

/// How well a fit with this sum of squares explains `m` blocks, as if all of them were independent (Schwarz 1978): less is better.
pub(crate) fn raw_score(squares: f64, parameters: usize, m: f64) -> f64 {
    m * (squares / m).max(f64::MIN_POSITIVE).ln() + parameters as f64 * m.ln()
}

/// Schwarz (1978) on the effective blocks, with the small-sample term of Hurvich & Tsai (1989).
fn score(squares: f64, parameters: usize, m: f64, ratio: f64) -> f64 {
    let p = parameters as f64;
    m / ratio * (squares / m).max(f64::MIN_POSITIVE).ln() + p * m.ln() + 2.0 * p * (p + 1.0) / (m - p - 1.0).max(1.0)
}

impl<'a> Fitted<'a> {
    /// Fits all models to `panel`, whose columns are kept in `drawn` for the next rho.
    pub(crate) fn of(panel: &'a Panel, rho: f64, drawn: &'a mut Drawn) -> Self {
        let m = panel.x.len();
        let mut bench = Bench::new(panel, rho, drawn);
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
                let score = raw_score(best.squares + n * panel.rounding, parameters, n);
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
        Self { bench, layout, layout_ops, candidates }
    }

    /// What the best of all leaves; `None` without any.
    pub(crate) fn left(&self) -> Option<Left> {
        let m = self.bench.panel.x.len() as f64;
        let all = self.candidates.iter().filter_map(|candidate| {
            let (residuals, squares) = self.bench.residuals(candidate)?;
            let parameters = candidate.parameters;
            Some((raw_score(squares, parameters, m), Left { residuals, parameters }))
        });
        all.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, left)| left)
    }

    /// The fits with their scores and intervals, where one of `ratio` blocks is independent. `plausible` says how far behind the best
    /// sustained shape others count as plausible: of those the whole interval is found.
    pub(crate) fn finish(self, ratio: f64, plausible: f64) -> Vec<Fit> {
        let Self { mut bench, layout, layout_ops, candidates } = self;
        let m = bench.panel.x.len() as f64;
        let scored: Vec<(Candidate, f64, f64)> = candidates
            .into_iter()
            .filter_map(|candidate| {
                let (_, squares) = bench.residuals(&candidate)?;
                let score = score(squares, candidate.parameters, m, ratio);
                Some((candidate, squares, score))
            })
            .collect();
        let is_sustained = |candidate: &Candidate| candidate.model.family() == Family::Sustained;
        let best = scored.iter().filter(|(candidate, ..)| is_sustained(candidate)).map(|(.., score)| *score);
        let best = best.fold(f64::INFINITY, f64::min);
        scored
            .into_iter()
            .map(|(candidate, squares, score)| {
                let by_ops = candidate.model.clock() == Clock::Operations;
                let layout = layout_ops.as_ref().filter(|_| by_ops).unwrap_or(&layout);
                let is_plausible = is_sustained(&candidate) && score <= best + plausible;
                let interval = if is_plausible { Interval::ByProfile } else { Interval::AtBest };
                Fit { score, ..bench.finish(candidate, squares, layout, interval) }
            })
            .collect()
    }
}
