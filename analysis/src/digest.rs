//! A series of any length in bounded memory: what the judge and the monitor both work on.
//!
//! Samples are kept as they are until there are [`CAPACITY`] of them; then every three neighbours become one *cell*,
//! and so on. A cell keeps its lowest value with its time, its highest, the mean time, and as its middle value the
//! median of the three middles it was made of: the *remedian* (Rousseeuw & Bassett 1990,
//! doi:10.1080/01621459.1990.10475311). A median cannot be merged, the remedian can: outliers in less than a third of
//! the samples of every triple do not reach it, and a thousand cells are far more than the 128 blocks that
//! are compared in the end. Every cell but the last one holds the same number of samples, 3^k. Between two judgements the
//! cells lie packed (`packed_cells`).

use crate::packed_cells::PackedCells;
use crate::series::{Series, SeriesError};

/// Most cells that are kept; 3,600 samples (an hour at 1 s) stay as they are.
const CAPACITY: usize = 6144;

/// A segment that ended with fewer cells than this cannot be judged: it is dropped when another one starts.
const SHORTEST_SEGMENT: usize = 20;

/// Segments that are kept; beyond it the shortest is dropped.
const MOST_SEGMENTS: usize = 16;

/// One sample, or `3^k` neighbouring ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cell {
    pub(crate) t_s: f64,
    pub(crate) middle: f64,
    pub(crate) low: f64,
    pub(crate) low_t_s: f64,
    pub(crate) peak: f64,
    pub(crate) ops: f64,
}

impl Cell {
    pub(crate) fn sample(t_s: f64, value: f64, ops: f64) -> Self {
        Self { t_s, middle: value, low: value, low_t_s: t_s, peak: value, ops }
    }

    /// One to three neighbours as one.
    pub(crate) fn merged(cells: &[Self]) -> Self {
        let share = 1.0 / cells.len() as f64;
        let low = cells.iter().copied().reduce(|a, b| if b.low < a.low { b } else { a });
        let mut middles: Vec<f64> = cells.iter().map(|cell| cell.middle).collect();
        Self {
            t_s: cells.iter().map(|cell| cell.t_s * share).sum(),
            middle: crate::stats::order::median(&mut middles),
            low: low.map_or(0.0, |cell| cell.low),
            low_t_s: low.map_or(0.0, |cell| cell.low_t_s),
            peak: cells.iter().map(|cell| cell.peak).fold(f64::NEG_INFINITY, f64::max),
            ops: cells.iter().map(|cell| cell.ops * share).sum(),
        }
    }
}

/// The cells between two restarts, and the time of the first sample in them.
#[derive(Debug, Clone)]
pub(crate) struct Stretch {
    pub(crate) first_t_s: f64,
    pub(crate) cells: Vec<Cell>,
}

/// The cells of one process between two restarts, as they are taken in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Segment {
    pub(crate) cells: PackedCells,
    /// Samples that went into the cells.
    pub(crate) points: usize,
    first_t_s: f64,
    last_t_s: f64,
    /// Samples that do not fill a cell yet, by level of merging: at most two of each.
    waiting: Vec<Vec<Cell>>,
}

impl Segment {
    pub(crate) fn duration_s(&self) -> f64 {
        if self.points == 0 { 0.0 } else { self.last_t_s - self.first_t_s }
    }

    fn push(&mut self, cell: Cell, level: usize) {
        if self.points == 0 {
            self.first_t_s = cell.t_s;
        }
        self.points += 1;
        self.last_t_s = cell.t_s;
        let mut cell = cell;
        for step in 0..level {
            if self.waiting.len() <= step {
                self.waiting.push(Vec::with_capacity(3));
            }
            self.waiting[step].push(cell);
            if self.waiting[step].len() < 3 {
                return;
            }
            cell = Cell::merged(&self.waiting[step]);
            self.waiting[step].clear();
        }
        self.cells.push(cell, level);
    }

    /// Merges neighbours in threes; what is left over waits for the samples to come.
    fn compact(&mut self, level: usize) {
        let mut cells = std::mem::take(&mut self.cells).to_vec();
        while self.waiting.len() <= level {
            self.waiting.push(Vec::with_capacity(3));
        }
        self.waiting[level] = cells.split_off(cells.len() / 3 * 3);
        cells.chunks(3).for_each(|cells| self.cells.push(Cell::merged(cells), level + 1));
    }

    fn stretch(&self) -> Stretch {
        Stretch { first_t_s: self.first_t_s, cells: self.closed() }
    }

    /// The cells with what still waits as a last, smaller one.
    fn closed(&self) -> Vec<Cell> {
        let mut cells = self.cells.to_vec();
        // Later samples wait at lower levels.
        let rest: Vec<Cell> = self.waiting.iter().rev().flatten().copied().collect();
        cells.extend(rest.chunks(3).map(Cell::merged));
        cells
    }
}

/// A series that is being taken in; see the module's text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Digest {
    done: Vec<Segment>,
    current: Segment,
    /// Every cell of a segment holds 3^level samples.
    level: usize,
    has_ops: bool,
    last_t_s: Option<f64>,
    last_ops: f64,
    first_t_s: f64,
    points: usize,
    has_restarted: bool,
}

impl Digest {
    /// The digest of a finished series. O(n).
    pub(crate) fn of(series: &Series) -> Self {
        let mut digest = Self::default();
        let mut restarts = series.restarts_s().iter().copied().peekable();
        let ops = series.ops();
        for (i, (&t_s, &value)) in series.t_s().iter().zip(series.values()).enumerate() {
            while restarts.next_if(|at| *at <= t_s).is_some() {
                digest.restart();
            }
            digest.take(t_s, value, ops.map(|column| column[i]));
        }
        digest
    }

    /// Takes one sample. O(1) on average.
    ///
    /// # Errors
    /// [`SeriesError`] for a number that is not finite or a time that is not later than the last.
    pub(crate) fn push(&mut self, t_s: f64, value: f64, ops: Option<f64>) -> Result<(), SeriesError> {
        let index = self.points;
        for (name, number) in [("time", t_s), ("value", value), ("operations", ops.unwrap_or(0.0))] {
            if !number.is_finite() {
                return Err(SeriesError::NotFinite { name, index, value: number });
            }
        }
        if let Some(before) = self.last_t_s.filter(|before| t_s <= *before) {
            return Err(SeriesError::Time { index, before, after: t_s });
        }
        self.take(t_s, value, ops);
        Ok(())
    }

    fn take(&mut self, t_s: f64, value: f64, ops: Option<f64>) {
        if self.points == 0 {
            self.has_ops = ops.is_some();
            self.first_t_s = t_s;
        }
        let ops = match ops {
            Some(ops) => ops,
            // One sample without its counter: the counter stands where it stood.
            None => self.last_ops,
        };
        if self.current.points > 0 && ops < self.last_ops {
            self.restart();
        }
        self.points += 1;
        self.last_t_s = Some(t_s);
        self.last_ops = ops;
        self.current.push(Cell::sample(t_s, value, ops), self.level);
        if self.done.iter().map(|segment| segment.cells.len()).sum::<usize>() + self.current.cells.len() >= CAPACITY {
            for segment in self.done.iter_mut().chain([&mut self.current]) {
                segment.compact(self.level);
            }
            self.level += 1;
        }
    }

    /// What follows is another process.
    pub(crate) fn restart(&mut self) {
        let ended = std::mem::take(&mut self.current);
        if ended.points == 0 {
            return;
        }
        self.has_restarted = true;
        if ended.cells.len() >= SHORTEST_SEGMENT {
            self.done.push(ended);
        }
        if self.done.len() > MOST_SEGMENTS {
            let shortest =
                (0..self.done.len()).min_by(|&a, &b| self.done[a].duration_s().total_cmp(&self.done[b].duration_s()));
            if let Some(shortest) = shortest {
                self.done.remove(shortest);
            }
        }
    }

    /// Samples taken, those of dropped segments included.
    pub(crate) fn points(&self) -> usize {
        self.points
    }

    pub(crate) fn first_t_s(&self) -> f64 {
        self.first_t_s
    }

    pub(crate) fn last_t_s(&self) -> f64 {
        self.last_t_s.unwrap_or(0.0)
    }

    pub(crate) fn has_ops(&self) -> bool {
        self.has_ops
    }

    /// Every segment that is long enough, in order of time.
    pub(crate) fn segments(&self) -> Vec<Stretch> {
        self.done.iter().chain([&self.current]).map(Segment::stretch).collect()
    }

    /// Whether there was another process before the one that runs.
    pub(crate) fn has_restarted(&self) -> bool {
        self.has_restarted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_series_stays_as_it_is() {
        let mut digest = Digest::default();
        for i in 0..1000 {
            digest.push(f64::from(i), f64::from(i % 7), None).unwrap();
        }
        let segments = digest.segments();
        assert_eq!(segments.len(), 1);
        assert_eq!(segments[0].cells.len(), 1000);
        assert!(segments[0].cells.iter().enumerate().all(|(i, cell)| cell.middle == (i % 7) as f64));
    }

    #[test]
    fn a_long_series_keeps_its_ends_its_minimum_and_its_peak_in_bounded_memory() {
        let mut digest = Digest::default();
        for i in 0..200_000 {
            let value = if i == 77_777 {
                -5.0
            } else if i == 99_999 {
                1e9
            } else {
                f64::from(i)
            };
            digest.push(f64::from(i), value, Some(f64::from(i) * 10.0)).unwrap();
        }
        let cells = digest.segments().remove(0).cells;
        assert_eq!(digest.points(), 200_000);
        assert!(cells.len() <= CAPACITY && cells.len() > CAPACITY / 4);
        assert!(cells.windows(2).all(|pair| pair[0].t_s < pair[1].t_s));
        let lowest = cells.iter().min_by(|a, b| a.low.total_cmp(&b.low)).unwrap();
        assert_eq!((lowest.low, lowest.low_t_s), (-5.0, 77_777.0));
        assert!(cells.iter().any(|cell| cell.peak == 1e9));
        assert!(cells.iter().all(|cell| (cell.ops - cell.t_s * 10.0).abs() < 1e-3 && cell.middle < 200_000.0));
        assert!(cells.last().unwrap().t_s > 199_000.0);
    }

    /// Most bytes that the cells of a series took in a day at 1 s, with samples up to a tenth of a millisecond late, by a clock of
    /// that resolution.
    fn most_bytes_in_a_day(resolution_s: f64, value: impl Fn(u32) -> f64, ops: impl Fn(u32) -> Option<f64>) -> usize {
        let mut digest = Digest::default();
        let mut most = 0;
        for i in 0..86_400_u32 {
            let late_s = f64::from(i * 7919 % 9973) * 1e-8;
            let t_s = ((f64::from(i) + late_s) / resolution_s).floor() * resolution_s;
            digest.push(t_s, value(i), ops(i)).unwrap();
            most = most.max(digest.current.cells.bytes());
        }
        most
    }

    #[test]
    fn a_day_takes_a_fraction_of_the_memory_of_its_cells() {
        let pages = |i: u32| 3e8 + f64::from(i / 3 * 104_729 % 1009) * 4096.0;
        let operations = |i: u32| Some(f64::from(i) * 100.0 + f64::from(i * 31 % 17));
        // The times of a run are multiples of 2^-20 s; other recorders write nanoseconds.
        for (resolution_s, still_kib, noisy_kib, counted_kib) in [(0.5_f64.powi(20), 26, 72, 78), (1e-9, 56, 98, 104)] {
            let most = [
                most_bytes_in_a_day(resolution_s, |_| 12.0, |_| None),
                most_bytes_in_a_day(resolution_s, pages, |_| None),
                most_bytes_in_a_day(resolution_s, pages, operations),
            ];
            let allowed = [still_kib, noisy_kib, counted_kib].map(|kib| kib << 10);
            assert!(most.iter().zip(allowed).all(|(most, allowed)| *most <= allowed), "{resolution_s}: {most:?}");
        }
    }

    #[test]
    fn restarts_and_counter_resets_separate_segments() {
        let mut digest = Digest::default();
        for i in 0..300 {
            if i == 100 {
                digest.restart();
            }
            digest.push(f64::from(i), 1.0, Some(f64::from(i % 200))).unwrap();
        }
        let lengths: Vec<usize> = digest.segments().iter().map(|segment| segment.cells.len()).collect();
        assert_eq!(lengths, [100, 100, 100]);
    }

    #[test]
    fn memory_stays_bounded_when_the_target_restarts_all_the_time() {
        let mut digest = Digest::default();
        for i in 0..100_000 {
            if i % 25 == 0 {
                digest.restart();
            }
            digest.push(f64::from(i), 1.0, None).unwrap();
        }
        let segments = digest.segments();
        assert!(segments.len() <= MOST_SEGMENTS + 1);
        assert!(segments.iter().map(|segment| segment.cells.len()).sum::<usize>() <= CAPACITY);
    }

    #[test]
    fn bad_samples_are_refused_and_leave_the_digest_as_it_was() {
        let mut digest = Digest::default();
        digest.push(1.0, 1.0, None).unwrap();
        assert!(digest.push(1.0, 1.0, None).is_err());
        assert!(digest.push(f64::NAN, 1.0, None).is_err());
        assert!(digest.push(2.0, f64::INFINITY, None).is_err());
        assert_eq!(digest.points(), 1);
        digest.push(2.0, 1.0, None).unwrap();
    }
}
