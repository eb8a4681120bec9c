//! The blocks at one rho: columns, how well a shape fits at a place, and the search for its best place.
//!
//! Intercept, jumps, cycle and load are projected out once (Frisch-Waugh); what is left of each column is kept, so
//! that a grid of pairs costs inner products only.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::Panel;
use crate::models::{Basis, Columns, Form, Place};
use crate::stats::autoregression::whiten;
use crate::stats::least_squares::{Space, WIDEST, dot, solve};

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
pub(super) struct Bench<'a> {
    pub(super) panel: &'a Panel,
    pub(super) rho: f64,
    /// Intercept and nuisance, whitened.
    pub(super) space: Space,
    /// What they leave of the values, whitened.
    pub(super) values: Vec<f64>,
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

/// A form at one place of its parameters.
pub(super) struct Trial {
    pub(super) place: Place,
    pub(super) squares: f64,
    pub(super) coefficients: [f64; WIDEST],
}

impl<'a> Bench<'a> {
    pub(super) fn new(panel: &'a Panel, rho: f64, drawn: &'a mut Drawn) -> Self {
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

    pub(super) fn raw(&self, basis: &Basis, by_ops: bool) -> Vec<f64> {
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

    /// What is left of a column that a trial has used.
    pub(super) fn rest_of(&self, basis: &Basis, by_ops: bool) -> Option<&[f64]> {
        self.drawn.known.get(&(by_ops, basis.key())).map(|column| self.rest(*column))
    }

    /// The products of the columns of a shape with each other and with the values.
    pub(super) fn normal(&mut self, columns: &Columns, by_ops: bool) -> ([[f64; WIDEST]; WIDEST], [f64; WIDEST]) {
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

    pub(super) fn solved(
        &self,
        columns: &Columns,
        place: Place,
        gram: &[[f64; WIDEST]; WIDEST],
        right: &[f64; WIDEST],
    ) -> Trial {
        let count = columns.as_slice().len();
        let coefficients = solve(gram, right, count);
        let explained: f64 = (0..count).map(|i| coefficients[i] * right[i]).sum();
        Trial { place, squares: (self.power - explained).max(0.0), coefficients }
    }

    pub(super) fn search(
        &mut self,
        form: &Form,
        by_ops: bool,
        places: impl IntoIterator<Item = Place>,
        best: &mut Option<Trial>,
    ) {
        for place in places {
            let trial = self.attempt(form, by_ops, place);
            if best.as_ref().is_none_or(|best| trial.squares < best.squares) {
                *best = Some(trial);
            }
        }
    }

    /// Coordinate search around the best place: nine places, three rounds, each a third as wide.
    pub(super) fn refine(&mut self, form: &Form, by_ops: bool, best: &mut Option<Trial>) {
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
}
