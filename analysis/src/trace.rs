//! One segment as the judge works on it: centred, from its own start, in columns; and its reduction to blocks.

use std::ops::Range;

use crate::digest::Cell;
use crate::stats::order;

/// A part of one segment. Times are seconds from its first cell, values differences to an origin, so that nothing is
/// lost where a level is large.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace {
    pub(crate) t: Vec<f64>,
    pub(crate) middle: Vec<f64>,
    pub(crate) low: Vec<f64>,
    pub(crate) low_t: Vec<f64>,
    pub(crate) peak: Vec<f64>,
    pub(crate) ops: Vec<f64>,
}

/// What becomes of the values of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// Their median, at their mean time.
    Middle,
    /// Their minimum, at its own time: the troughs.
    Troughs,
}

/// One value for each block.
#[derive(Debug, Clone, Default)]
pub(crate) struct Blocks {
    pub(crate) t: Vec<f64>,
    pub(crate) v: Vec<f64>,
    /// The values of each life whose mean `v` is, where there are several.
    pub(crate) by_life: Vec<Vec<f64>>,
}

impl Trace {
    pub(crate) fn new(cells: &[Cell], origin_t_s: f64, origin: f64) -> Self {
        let column = |of: fn(&Cell) -> f64, from: f64| cells.iter().map(|cell| of(cell) - from).collect();
        let ops = cells.first().map_or(0.0, |cell| cell.ops);
        Self {
            t: column(|cell| cell.t_s, origin_t_s),
            middle: column(|cell| cell.middle, origin),
            low: column(|cell| cell.low, origin),
            low_t: column(|cell| cell.low_t_s, origin_t_s),
            peak: column(|cell| cell.peak, origin),
            ops: column(|cell| cell.ops, ops),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.t.len()
    }

    pub(crate) fn start(&self) -> f64 {
        self.t.first().copied().unwrap_or(0.0)
    }

    pub(crate) fn end(&self) -> f64 {
        self.t.last().copied().unwrap_or(0.0)
    }

    /// Seconds from the first to the last cell.
    pub(crate) fn length(&self) -> f64 {
        self.end() - self.start()
    }

    /// The cells for whose time `keep` holds.
    pub(crate) fn filtered(&self, keep: impl Fn(f64) -> bool) -> Self {
        let kept: Vec<usize> = (0..self.len()).filter(|&i| keep(self.t[i])).collect();
        let column = |values: &[f64]| kept.iter().map(|&i| values[i]).collect();
        Self {
            t: column(&self.t),
            middle: column(&self.middle),
            low: column(&self.low),
            low_t: column(&self.low_t),
            peak: column(&self.peak),
            ops: column(&self.ops),
        }
    }

    /// The cells from the share `share` (0 to 1) of the trace on.
    pub(crate) fn after(&self, share: f64) -> Self {
        self.from(self.start() + share * self.length())
    }

    /// The cells from the time `from` on.
    pub(crate) fn from(&self, from: f64) -> Self {
        let first = self.t.partition_point(|t| *t < from);
        let column = |values: &[f64]| values[first..].to_vec();
        Self {
            t: column(&self.t),
            middle: column(&self.middle),
            low: column(&self.low),
            low_t: column(&self.low_t),
            peak: column(&self.peak),
            ops: column(&self.ops),
        }
    }

    /// One value for each of the ranges of cells that is not empty.
    pub(crate) fn blocks(&self, ranges: impl Iterator<Item = Range<usize>>, view: View) -> Blocks {
        let mut blocks = Blocks::default();
        let mut scratch = Vec::new();
        for range in ranges.filter(|range| !range.is_empty()) {
            match view {
                View::Middle => {
                    scratch.clear();
                    scratch.extend_from_slice(&self.middle[range.clone()]);
                    blocks.t.push(self.t[range.clone()].iter().sum::<f64>() / range.len() as f64);
                    blocks.v.push(order::median(&mut scratch));
                }
                View::Troughs => {
                    let mut at = range.start;
                    for i in range.clone() {
                        if self.low[i] < self.low[at] {
                            at = i;
                        }
                    }
                    blocks.t.push(self.low_t[at]);
                    blocks.v.push(self.low[at]);
                }
            }
        }
        blocks
    }

    /// The operation count at time `t`, between its neighbours.
    pub(crate) fn ops_at(&self, t: f64) -> f64 {
        let after = self.t.partition_point(|other| *other < t);
        if after == 0 {
            return self.ops.first().copied().unwrap_or(0.0);
        }
        if after == self.len() {
            return self.ops[after - 1];
        }
        let (t0, t1) = (self.t[after - 1], self.t[after]);
        let (o0, o1) = (self.ops[after - 1], self.ops[after]);
        o0 + (o1 - o0) * ((t - t0) / (t1 - t0))
    }
}
