//! Old samples as minutes: of each series the median, the lowest and the highest reading of each minute of the run.

use std::collections::BTreeMap;

use rusqlite::{Connection, TransactionBehavior};

use super::chunk::{BLOCK_SAMPLES, Times, Values};
use super::compress::{self, Block};
use super::read::{self, ReadError};
use super::record::{Detail, RunKey};

/// Length of what is taken together, in seconds.
const MINUTE_S: f64 = 60.0;

/// Thins the samples of `run`, all of them or none. Those that are minutes already stay as they are.
pub(super) fn run(connection: &mut Connection, run: RunKey) -> Result<(), ReadError> {
    compress::run(connection, run)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if read::detail(&transaction, run)? == Detail::Minutes {
        return Ok(());
    }
    let minutes = minutes(&read::times(&transaction, run)?);
    let mut blocks: Vec<Block> = Vec::new();
    for (place, minute) in minutes.values().enumerate() {
        if place % BLOCK_SAMPLES == 0 {
            blocks.push(Block::default());
        }
        if let Some(block) = blocks.last_mut() {
            block.times.numbers.push(place as i64);
            block.times.t_s.push(minute.t_s);
            block.times.aside.push(minute.samples_count == 0);
        }
    }
    for series in read::series(&transaction, run)? {
        // One series after the other: a long run has more readings than fit into memory comfortably.
        let Some(column) = read::columns(&transaction, run, &[series.number])?.pop() else { continue };
        let mut readings: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for (t_s, value) in column.t_s.iter().zip(&column.values) {
            readings.entry(minute_of(*t_s)).or_default().push(*value);
        }
        for (minute, mut values) in readings {
            let Some(place) = minutes.get(&minute).map(|minute| minute.place) else { continue };
            let Some([median, low, high]) = summary(&mut values) else { continue };
            let Some(block) = blocks.get_mut(place / BLOCK_SAMPLES) else { continue };
            let thinned = block
                .series
                .entry(series.number.0)
                .or_insert_with(|| Values { lanes: vec![Vec::new(); 3], ..Values::default() });
            thinned.places.push(place % BLOCK_SAMPLES);
            for (lane, value) in thinned.lanes.iter_mut().zip([median, low, high]) {
                lane.push(value);
            }
        }
    }
    transaction.execute("DELETE FROM blocks WHERE run = ?1", [run.0])?;
    transaction.execute("DELETE FROM chunks WHERE run = ?1", [run.0])?;
    let counts: Vec<usize> = minutes.values().map(|minute| minute.samples_count).collect();
    for (block, counts) in blocks.iter().zip(counts.chunks(BLOCK_SAMPLES)) {
        block.write(&transaction, run, counts.iter().sum())?;
    }
    transaction.execute("UPDATE runs SET detail = 'minutes' WHERE run = ?1", [run.0])?;
    transaction.commit()?;
    Ok(())
}

/// One minute of a run.
struct Minute {
    /// Its place among the minutes in which something was read.
    place: usize,
    /// The middle between its first reading and its last.
    t_s: f64,
    samples_count: usize,
}

fn minute_of(t_s: f64) -> i64 {
    (t_s / MINUTE_S).floor() as i64
}

/// The minutes in which something was read.
fn minutes(times: &[Times]) -> BTreeMap<i64, Minute> {
    let mut spans: BTreeMap<i64, (f64, f64, usize)> = BTreeMap::new();
    let all = times.iter().flat_map(|block| block.t_s.iter().copied().zip(block.aside.iter().copied()));
    for (t_s, aside) in all {
        let span = spans.entry(minute_of(t_s)).or_insert((t_s, t_s, 0));
        *span = (span.0.min(t_s), span.1.max(t_s), span.2 + usize::from(!aside));
    }
    let minutes = spans.into_iter().enumerate().map(|(place, (minute, (from_s, to_s, samples_count)))| {
        (minute, Minute { place, t_s: f64::midpoint(from_s, to_s), samples_count })
    });
    minutes.collect()
}

/// Median, lowest and highest. A median that was read, and not one between two: counts stay whole.
fn summary(values: &mut [f64]) -> Option<[f64; 3]> {
    values.sort_by(f64::total_cmp);
    let median = *values.get((values.len().checked_sub(1)?) / 2)?;
    Some([median, *values.first()?, *values.last()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_lies_in_the_middle_of_its_samples() {
        let t_s = vec![0.0, 10.0, 59.9, 60.0, 200.0];
        let minutes = minutes(&[Times { aside: vec![false, true, false, false, false], t_s, ..Times::default() }]);
        let found: Vec<_> = minutes.iter().map(|(minute, of)| (*minute, of.place, of.t_s, of.samples_count)).collect();
        assert_eq!(found, [(0, 0, 29.95, 2), (1, 1, 60.0, 1), (3, 2, 200.0, 1)]);
    }

    #[test]
    fn a_median_is_one_of_the_readings() {
        assert_eq!(summary(&mut [4.0, 1.0, 3.0, 2.0]), Some([2.0, 1.0, 4.0]));
        assert_eq!(summary(&mut [5.0]), Some([5.0, 5.0, 5.0]));
        assert_eq!(summary(&mut []), None);
    }
}
