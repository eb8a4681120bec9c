//! The processes that a target was, one after the other, side by side by their age.
//!
//! A process that starts anew has a level and a warm-up of its own; what a leak would have in common in all of them is how
//! it grows with age. So lives are cut to a common age and the blocks of equal age are averaged: in such a balanced design
//! any shape that is fitted to the mean is the mean of the same shape fitted to each life, own intercept and own warm-up
//! included (the mean-group estimator of Pesaran & Smith 1995, doi:10.1016/0304-4076(94)01644-F), and its noise is that
//! of one life over the square root of their number. Everything behind the blocks works as it does for one process.

use std::ops::Range;

use crate::collections;
use crate::digest::{Cell, Stretch};
use crate::judgement::LevelEvent;
use crate::jumps::Jump;
use crate::quantity::Quantity;
use crate::stats::order;
use crate::trace::{Blocks, Trace, View};

/// Below this no shape can be told from another.
pub(crate) const FEWEST_POINTS: usize = 36;

/// How much more several lives must tell of a rate than the longest one does alone: growth beyond their common age is
/// given up for it.
const WORTH: f64 = 1.5;

/// The parts of a segment in which the target was up.
///
/// Zeros in the middle of memory that is there otherwise are a target that was down; swap that is empty most
/// of the time is not.
fn alive(stretch: Stretch, quantity: Quantity) -> Vec<Stretch> {
    let Stretch { first_t_s, cells } = &stretch;
    let zeros = cells.iter().filter(|cell| cell.low <= 0.0).count();
    if quantity != Quantity::Bytes || zeros == 0 || 2 * zeros > cells.len() {
        return vec![stretch];
    }
    let mut positive: Vec<f64> = cells.iter().filter(|cell| cell.low > 0.0).map(|cell| cell.middle).collect();
    let usual = 0.5 * order::median(&mut positive);
    let sudden = cells.windows(2).any(|pair| {
        let (first, second) = (pair[0], pair[1]);
        (first.low <= 0.0 && second.low > usual) || (second.low <= 0.0 && first.low > usual)
    });
    if !sudden {
        return vec![stretch];
    }
    let mut first_t_s = Some(*first_t_s);
    let parts = cells.split(|cell| cell.low <= 0.0);
    parts
        .filter_map(|part| {
            let seen_s = first_t_s.take();
            let first = part.first()?;
            Some(Stretch { first_t_s: seen_s.unwrap_or(first.t_s), cells: part.to_vec() })
        })
        .collect()
}

/// Seconds from the first to the last cell.
pub(crate) fn span(cells: &[Cell]) -> f64 {
    match (cells.first(), cells.last()) {
        (Some(first), Some(last)) => last.t_s - first.t_s,
        _ => 0.0,
    }
}

/// Which lives are judged: their cells in order of time, and how many there were to choose from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Judged {
    pub(crate) lives: Vec<Vec<Cell>>,
    pub(crate) of: usize,
}

impl Judged {
    /// Chooses among segments: the lives that tell most of a rate, or else the longest one. After `warmup_s` seconds of a
    /// life, where the user names a warm-up.
    ///
    /// The variance of a slope falls with the third power of the time it is seen for, so `k` lives of a common age `h`
    /// tell as much as `k h³`.
    pub(crate) fn among(segments: Vec<Stretch>, quantity: Quantity, warmup_s: Option<f64>) -> Self {
        let all: Vec<Vec<Cell>> = segments
            .into_iter()
            .flat_map(|stretch| alive(stretch, quantity))
            .map(|Stretch { first_t_s, cells }| {
                let warm = |cell: &Cell| warmup_s.is_none_or(|warmup_s| cell.t_s >= first_t_s + warmup_s.max(0.0));
                cells.into_iter().filter(warm).collect()
            })
            .collect();
        let of = all.len();
        let mut order: Vec<usize> = (0..of).filter(|&i| all[i].len() >= FEWEST_POINTS).collect();
        order.sort_by(|&a, &b| {
            span(&all[b]).total_cmp(&span(&all[a])).then(all[b].len().cmp(&all[a].len())).then(b.cmp(&a))
        });
        let told =
            |count: usize| order.get(count.wrapping_sub(1)).map_or(0.0, |&i| count as f64 * span(&all[i]).powi(3));
        let most = (2..=order.len()).max_by(|&a, &b| told(a).total_cmp(&told(b)));
        let pooled = most.filter(|&count| told(count) >= WORTH * told(1));
        let lives = match pooled {
            Some(count) => {
                let mut chosen = order[..count].to_vec();
                chosen.sort_unstable();
                chosen.into_iter().map(|i| all[i].clone()).collect()
            }
            None => {
                let longest = all.into_iter().max_by(|a, b| span(a).total_cmp(&span(b)).then(a.len().cmp(&b.len())));
                longest.into_iter().collect()
            }
        };
        Self { lives, of }
    }

    /// The age that all of them reach, in seconds.
    pub(crate) fn common_s(&self) -> f64 {
        self.lives.iter().map(|cells| span(cells)).reduce(f64::min).unwrap_or(0.0)
    }
}

/// The cells of each life that fall into the same block of age.
pub(crate) type Row = Vec<Range<usize>>;

/// One of them: its times are ages, its values differences to a level.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) trace: Trace,
    /// Seconds of the series at which its age is 0.
    pub(crate) start_s: f64,
    /// Added to its values.
    pub(crate) level: f64,
}

/// Lives beside each other, at least one.
#[derive(Debug, Clone)]
pub(crate) struct Lives {
    lives: Vec<Life>,
}

impl Lives {
    /// `None` without a life.
    pub(crate) fn new(lives: Vec<Life>) -> Option<Self> {
        (!lives.is_empty()).then_some(Self { lives })
    }

    pub(crate) fn count(&self) -> usize {
        self.lives.len()
    }

    /// The last of them, which levels and times are told of.
    pub(crate) fn newest(&self) -> &Life {
        &self.lives[self.lives.len() - 1]
    }

    fn traces(&self) -> impl Iterator<Item = &Trace> {
        self.lives.iter().map(|life| &life.trace)
    }

    fn with(&self, part: impl Fn(&Trace) -> Trace) -> Self {
        Self { lives: self.lives.iter().map(|life| Life { trace: part(&life.trace), ..*life }).collect() }
    }

    /// Cells of the life that has fewest: no more blocks can be made.
    pub(crate) fn finest(&self) -> usize {
        self.traces().map(Trace::len).min().unwrap_or(0)
    }

    pub(crate) fn start(&self) -> f64 {
        self.traces().map(Trace::start).reduce(f64::min).unwrap_or(0.0)
    }

    /// Seconds from the earliest to the latest age.
    pub(crate) fn length(&self) -> f64 {
        let end = self.traces().map(Trace::end).reduce(f64::max).unwrap_or(0.0);
        end - self.start()
    }

    /// The cells for whose age `keep` holds.
    pub(crate) fn filtered(&self, keep: impl Fn(f64) -> bool) -> Self {
        self.with(|trace| trace.filtered(&keep))
    }

    /// The cells from the share `share` (0 to 1) of the common age on.
    pub(crate) fn after(&self, share: f64) -> Self {
        let from = self.start() + share * self.length();
        self.with(|trace| trace.from(from))
    }

    /// `count` blocks of equal age; those that fewer than half of the lives reach are left out.
    pub(crate) fn ranges(&self, count: usize) -> Vec<Row> {
        let (start, length) = (self.start(), self.length());
        let mut rows = Vec::with_capacity(count);
        let mut from = vec![0; self.lives.len()];
        for k in 1..=count {
            let edge = start + length * (k as f64 / count as f64);
            let row: Row = (self.traces().zip(&mut from))
                .map(|(trace, from)| {
                    let rest = &trace.t[*from..];
                    let to = *from + if k == count { rest.len() } else { rest.partition_point(|t| *t < edge) };
                    std::mem::replace(from, to)..to
                })
                .collect();
            if 2 * row.iter().filter(|range| !range.is_empty()).count() >= self.lives.len().max(2) {
                rows.push(row);
            }
        }
        rows
    }

    /// One block for each collection of a sawtooth, at most `most`. None for several lives, which are not collected at equal ages.
    pub(crate) fn collections(&self, most: usize) -> Vec<Row> {
        let [life] = self.lives.as_slice() else { return Vec::new() };
        collections::find(&life.trace, most).into_iter().map(|range| vec![range]).collect()
    }

    /// Whether every block is one cell, and a cell one sample: then minima are medians.
    pub(crate) fn is_plain(&self, rows: &[Row]) -> bool {
        self.lives.len() == 1 && self.traces().all(|trace| rows.len() == trace.len() && trace.low == trace.middle)
    }

    /// One value for each row: the mean over the lives, also where some have no cell.
    pub(crate) fn blocks(&self, rows: &[Row], view: View) -> Blocks {
        let of_life = |i: usize| {
            let ranges = rows.iter().map(|row| row[i].clone());
            self.lives[i].trace.blocks(ranges, view)
        };
        if self.lives.len() == 1 {
            return of_life(0);
        }
        let lives: Vec<Blocks> = (0..self.lives.len()).map(of_life).collect();
        let mut seen = vec![0; lives.len()];
        let mut mean = Blocks { by_life: vec![Vec::with_capacity(rows.len()); lives.len()], ..Blocks::default() };
        for row in rows {
            let present: Vec<usize> = (0..lives.len()).filter(|&i| !row[i].is_empty()).collect();
            let age = present.iter().map(|&i| lives[i].t[seen[i]]).sum::<f64>() / present.len() as f64;
            let value = |i: usize| match row[i].is_empty() {
                true => between(&lives[i], seen[i], age),
                false => lives[i].v[seen[i]],
            };
            let values: Vec<f64> = (0..lives.len()).map(value).collect();
            let sum: f64 = values.iter().sum();
            mean.by_life.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
            mean.t.push(age);
            mean.v.push(sum / lives.len() as f64);
            present.into_iter().for_each(|i| seen[i] += 1);
        }
        mean
    }

    /// Mean over the lives of what `of` gives for the cells of each row.
    pub(crate) fn means(&self, rows: &[Row], of: impl Fn(&Trace, &Range<usize>) -> f64) -> Vec<f64> {
        let mean = |row: &Row| {
            let found: Vec<f64> = (self.traces().zip(row))
                .filter(|(_, range)| !range.is_empty())
                .map(|(trace, range)| of(trace, range))
                .collect();
            found.iter().sum::<f64>() / found.len() as f64
        };
        rows.iter().map(mean).collect()
    }

    /// Operations of a life on average, from its start to age `t`.
    pub(crate) fn ops_at(&self, t: f64) -> f64 {
        let done = self.traces().map(|trace| trace.ops_at(t) - trace.ops.first().copied().unwrap_or(0.0));
        done.sum::<f64>() / self.lives.len() as f64
    }

    /// Operations of a life on average.
    pub(crate) fn ops(&self) -> f64 {
        let done = self.traces().filter_map(|trace| Some(trace.ops.last()? - trace.ops.first()?));
        done.sum::<f64>() / self.lives.len() as f64
    }

    /// A jump where it happened: of several lives in the one that shows it most.
    pub(crate) fn event(&self, jump: &Jump) -> LevelEvent {
        let width = self.length() / 16.0;
        let change = |trace: &Trace| {
            let level = |from: f64, to: f64| {
                let inside = trace.t.partition_point(|t| *t < from)..trace.t.partition_point(|t| *t <= to);
                order::median_of(trace.middle.get(inside).unwrap_or_default())
            };
            level(jump.to, jump.to + width) - level(jump.from - width, jump.from)
        };
        if let [life] = self.lives.as_slice() {
            return LevelEvent { t_s: life.start_s + jump.to, change: jump.height };
        }
        let changes =
            self.lives.iter().map(|life| LevelEvent { t_s: life.start_s + jump.to, change: change(&life.trace) });
        changes
            .max_by(|a, b| a.change.abs().total_cmp(&b.change.abs()))
            .unwrap_or(LevelEvent { t_s: jump.to, change: jump.height })
    }
}

/// The value at age `t` in a gap before the block `next`: on the line between its neighbours. Were it left out of a mean, the
/// levels of the others would show as a step.
fn between(blocks: &Blocks, next: usize, t: f64) -> f64 {
    let at = |i: usize| Some((*blocks.t.get(i)?, *blocks.v.get(i)?));
    match (next.checked_sub(1).and_then(at), at(next)) {
        (Some((t0, v0)), Some((t1, v1))) => v0 + (v1 - v0) * ((t - t0) / (t1 - t0)).clamp(0.0, 1.0),
        (Some((_, v)), None) | (None, Some((_, v))) => v,
        (None, None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(from_s: f64, count: usize, value: impl Fn(f64) -> f64) -> Vec<Cell> {
        let mut digest = crate::digest::Digest::default();
        for i in 0..count {
            assert!(digest.push(from_s + i as f64, value(i as f64), None).is_ok());
        }
        digest.segments().remove(0).cells
    }

    fn stretch(from_s: f64, count: usize) -> Stretch {
        Stretch { first_t_s: from_s, cells: cells(from_s, count, |age| 10.0 + age) }
    }

    fn judged(lengths: &[usize]) -> Vec<usize> {
        let mut from_s = 0.0;
        let stretches = lengths.iter().map(|&length| {
            from_s += 1e5;
            stretch(from_s, length)
        });
        Judged::among(stretches.collect(), Quantity::Bytes, None).lives.iter().map(Vec::len).collect()
    }

    #[test]
    fn lives_of_about_one_length_are_pooled_and_a_long_one_is_judged_alone() {
        assert_eq!(judged(&[400, 410, 390, 60]), [400, 410, 390]);
        assert_eq!(judged(&[100, 1000, 600, 20]), [1000]);
        assert_eq!(judged(&[30; 50]), [30]);
        assert_eq!(judged(&[]), Vec::<usize>::new());
    }

    #[test]
    fn a_named_warm_up_is_left_out_of_every_life() {
        let judged = Judged::among(vec![stretch(0.0, 400), stretch(1e5, 400)], Quantity::Bytes, Some(100.0));
        assert_eq!(
            judged.lives.iter().map(|life| (life[0].t_s, life.len())).collect::<Vec<_>>(),
            [(100.0, 300), (1e5 + 100.0, 300)]
        );
    }

    #[test]
    fn a_target_that_was_down_is_another_one_afterwards_and_swap_that_is_empty_is_not() {
        let down = |age: f64| if (200.0..210.0).contains(&age) { 0.0 } else { 50.0 };
        let stretch = |value: &dyn Fn(f64) -> f64| vec![Stretch { first_t_s: 0.0, cells: cells(0.0, 500, value) }];
        assert_eq!(Judged::among(stretch(&down), Quantity::Bytes, None).of, 2);
        assert_eq!(Judged::among(stretch(&down), Quantity::Count, None).of, 1);
        assert_eq!(Judged::among(stretch(&|age| (age - 400.0).max(0.0)), Quantity::Bytes, None).of, 1);
    }

    #[test]
    fn blocks_are_means_of_lives_also_where_one_has_a_gap() {
        let trace = |level: f64, slope: f64| Trace::new(&cells(0.0, 400, |age| level + slope * age), 0.0, 0.0);
        let gap = trace(900.0, 3.0).filtered(|age| !(100.0..140.0).contains(&age));
        let traces = [trace(0.0, 1.0), trace(50.0, 2.0), gap];
        let lives = Lives { lives: traces.map(|trace| Life { trace, start_s: 0.0, level: 0.0 }).to_vec() };
        let Blocks { t, v, .. } = lives.blocks(&lives.ranges(20), View::Middle);
        assert_eq!(t.len(), 20);
        // Only the block that the gap begins in is off, by what its cells are younger than those of the others.
        let slopes: Vec<f64> = (1..20).map(|i| (v[i] - v[i - 1]) / (t[i] - t[i - 1])).collect();
        assert!(slopes.iter().all(|slope| (slope - 2.0).abs() < 0.4), "{slopes:?}");
        assert!((slopes[15] - 2.0).abs() < 1e-9);
    }
}
