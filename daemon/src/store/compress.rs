//! From the rows of a run that has ended to compressed blocks.
//!
//! Block by block, each in a transaction of its own that writes the block and takes its rows away: whoever reads finds
//! every sample once, whoever is killed loses none, and the next one goes on where this one stopped. Another process
//! that records meanwhile waits for one block at most.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::chunk::{self, BLOCK_SAMPLES, Times, Values};
use super::read::ReadError;
use super::readings;
use super::record::RunKey;

/// Runs that have ended and still have rows.
pub(super) fn waiting(connection: &Connection) -> rusqlite::Result<Vec<RunKey>> {
    let sql = "SELECT run FROM runs WHERE state <> 'running'
                   AND EXISTS (SELECT 1 FROM samples WHERE samples.run = runs.run) ORDER BY run";
    connection.prepare(sql)?.query_map([], |row| row.get(0).map(RunKey))?.collect()
}

/// Compresses what `run` has in rows; the number of samples.
pub(super) fn run(connection: &mut Connection, run: RunKey) -> Result<u64, ReadError> {
    let mut compressed_count = 0;
    loop {
        // The write lock at once: what is read here is what is taken away.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let Some(block) = Block::of_rows(&transaction, run)? else { return Ok(compressed_count) };
        let samples_count = block.times.aside.iter().filter(|aside| !**aside).count();
        block.write(&transaction, run, samples_count)?;
        let last = block.times.numbers.last().copied().unwrap_or(-1);
        transaction.execute("DELETE FROM samples WHERE run = ?1 AND number <= ?2", params![run.0, last])?;
        transaction.commit()?;
        compressed_count += block.times.numbers.len() as u64;
    }
}

/// Gives the file's unused pages back to the file system, where the file was made so that it can.
pub(super) fn shrink(connection: &Connection) -> rusqlite::Result<()> {
    // Each step gives back one page, and only who asks for all rows takes all steps.
    let mut statement = connection.prepare("PRAGMA incremental_vacuum")?;
    let mut pages = statement.query([])?;
    while pages.next()?.is_some() {}
    Ok(())
}

/// Samples that belong together, by series.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) times: Times,
    pub(super) series: BTreeMap<u32, Values>,
}

impl Block {
    /// The first rows of `run`, no more than fit; `None` where there are none.
    fn of_rows(transaction: &Transaction<'_>, run: RunKey) -> Result<Option<Self>, ReadError> {
        let mut block = Self::default();
        let sql = "SELECT number, t_s, readings, aside FROM samples WHERE run = ?1 ORDER BY number LIMIT ?2";
        let mut statement = transaction.prepare(sql)?;
        let mut rows = statement.query(params![run.0, BLOCK_SAMPLES as i64])?;
        while let Some(row) = rows.next()? {
            let number = row.get(0)?;
            let place = block.times.numbers.len();
            block.times.numbers.push(number);
            block.times.t_s.push(row.get(1)?);
            block.times.aside.push(row.get(3)?);
            for reading in readings::iter(row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?) {
                let (series, value) = reading.ok_or(ReadError::Readings { sample: number })?;
                let values = block
                    .series
                    .entry(series.0)
                    .or_insert_with(|| Values { lanes: vec![Vec::new()], ..Values::default() });
                // One reading of a series in a sample, as the recorder promises; of two, one would be lost.
                if values.places.last() == Some(&place) {
                    return Err(ReadError::Readings { sample: number });
                }
                values.places.push(place);
                values.lanes[0].push(value);
            }
        }
        Ok((!block.times.numbers.is_empty()).then_some(block))
    }

    /// Writes the block, in which `samples_count` samples have gone.
    pub(super) fn write(
        &self,
        transaction: &Transaction<'_>,
        run: RunKey,
        samples_count: usize,
    ) -> Result<(), ReadError> {
        let Times { numbers, t_s, aside } = &self.times;
        let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { return Ok(()) };
        let count = numbers.len();
        let times = chunk::pack_times(&self.times).map_err(ReadError::Pack)?;
        let to_s = t_s.iter().zip(aside).rev().find(|(_, aside)| !**aside).map_or(0.0, |(t_s, _)| *t_s);
        transaction.prepare("INSERT INTO blocks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(params![
            run.0,
            first,
            last,
            count as i64,
            samples_count as i64,
            to_s,
            times
        ])?;
        let mut insert = transaction.prepare("INSERT INTO chunks VALUES (?1, ?2, ?3, ?4)")?;
        for (series, values) in &self.series {
            let data = chunk::pack_values(values, count).map_err(ReadError::Pack)?;
            insert.execute(params![run.0, first, series, data])?;
        }
        Ok(())
    }
}
