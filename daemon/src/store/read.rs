//! Queries: runs, and their series as columns.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use soakd_analysis::Quantity;

use super::chunk::{self, Times};
use super::owner::Owner;
use super::readings;
use super::record::{
    Column, Detail, Event, Gap, NewRun, RunHead, RunKey, RunRecord, RunState, Scope, SeriesNumber, SeriesRecord,
};
use super::run_id::RunId;

/// Samples read in one statement. A reader that stays in one statement for long keeps the write-ahead log from
/// being cut back.
const PAGE_SAMPLES: i64 = 20_000;

const RUN_COLUMNS: &str = "run, id, profile, profile_text, command, scenario, stage, environment, host, planned_s,
    interval_s, policy, started, state, owner_pid, owner_start_ticks, owner_boot_id, ended_why, duration_s,
    commit_id, branch, detail";

/// All runs, in order of their start.
pub(super) fn runs(connection: &Connection) -> rusqlite::Result<Vec<RunRecord>> {
    select_runs(connection, "", params![])
}

/// The newest runs first, those of `profile` where one is named, no more than `most`: what they are looked for by.
pub(super) fn heads(
    connection: &Connection,
    profile: Option<&str>,
    most: Option<usize>,
) -> rusqlite::Result<Vec<RunHead>> {
    let sql = "SELECT run, id, profile, scenario, branch, started FROM runs WHERE ?1 IS NULL OR profile = ?1
               ORDER BY substr(id, 1, 15) DESC, run DESC LIMIT ?2";
    // For SQLite, fewer than none is all of them.
    let most = most.map_or(-1, |most| i64::try_from(most).unwrap_or(i64::MAX));
    connection
        .prepare(sql)?
        .query_map(params![profile, most], |row| {
            Ok(RunHead {
                key: RunKey(row.get("run")?),
                id: RunId::stored(row.get("id")?),
                profile: row.get("profile")?,
                scenario: row.get("scenario")?,
                branch: row.get("branch")?,
                started: parsed(row, "started", |text| text.parse::<Timestamp>())?,
            })
        })?
        .collect()
}

/// The run of this key.
pub(super) fn run(connection: &Connection, RunKey(run): RunKey) -> rusqlite::Result<Option<RunRecord>> {
    Ok(select_runs(connection, "WHERE run = ?1", params![run])?.pop())
}

/// All runs without their profiles and policies, which take much more room than the rest.
pub(super) fn runs_without_documents(connection: &Connection) -> rusqlite::Result<Vec<RunRecord>> {
    let columns = RUN_COLUMNS.replace("profile_text,", "'' AS profile_text,").replace("policy,", "'null' AS policy,");
    let sql = format!("SELECT {columns} FROM runs ORDER BY substr(id, 1, 15), run");
    connection.prepare(&sql)?.query_map([], run_record)?.collect()
}

/// Runs whose id begins with `prefix`, in order of their start.
pub(super) fn runs_with_prefix(connection: &Connection, prefix: &str) -> rusqlite::Result<Vec<RunRecord>> {
    select_runs(connection, "WHERE substr(id, 1, length(?1)) = ?1", params![prefix])
}

/// Runs that are marked as running.
pub(super) fn runs_in_state(connection: &Connection, state: RunState) -> rusqlite::Result<Vec<RunRecord>> {
    select_runs(connection, "WHERE state = ?1", params![state.as_str()])
}

fn select_runs(
    connection: &Connection,
    condition: &str,
    params: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<Vec<RunRecord>> {
    // An id begins with its start, to the second; the key tells runs of one second apart.
    let sql = format!("SELECT {RUN_COLUMNS} FROM runs {condition} ORDER BY substr(id, 1, 15), run");
    connection.prepare(&sql)?.query_map(params, run_record)?.collect()
}

fn run_record(row: &Row<'_>) -> rusqlite::Result<RunRecord> {
    let run = NewRun {
        id: RunId::stored(row.get("id")?),
        profile: row.get("profile")?,
        profile_text: row.get("profile_text")?,
        command: parsed(row, "command", |text| serde_json::from_str(text))?,
        scenario: row.get("scenario")?,
        stage: row.get("stage")?,
        environment: row.get("environment")?,
        host: parsed(row, "host", |text| serde_json::from_str(text))?,
        planned_s: row.get("planned_s")?,
        interval_s: row.get("interval_s")?,
        policy: parsed(row, "policy", |text| serde_json::from_str(text))?,
        started: parsed(row, "started", |text| text.parse::<Timestamp>())?,
        commit: row.get("commit_id")?,
        branch: row.get("branch")?,
    };
    let owner = Owner {
        pid: row.get("owner_pid")?,
        start_ticks: start_ticks(row, "owner_start_ticks")?,
        boot_id: row.get("owner_boot_id")?,
    };
    Ok(RunRecord {
        key: RunKey(row.get("run")?),
        run,
        state: parsed(row, "state", |text| RunState::stored(text).ok_or(Unknown))?,
        owner,
        ended_why: row.get("ended_why")?,
        duration_s: row.get("duration_s")?,
        detail: parsed(row, "detail", |text| Detail::stored(text).ok_or(Unknown))?,
    })
}

/// A word that this program does not write.
#[derive(Debug, thiserror::Error)]
#[error("unknown word")]
struct Unknown;

/// The text in a column, as something else.
fn parsed<T, E>(row: &Row<'_>, column: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> rusqlite::Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.get(column)?;
    let index = row.as_ref().column_index(column)?;
    parse(&text).map_err(|error| rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error)))
}

/// SQLite has no unsigned integers.
fn start_ticks(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

/// The series of a run, by number.
pub(super) fn series(connection: &Connection, RunKey(run): RunKey) -> rusqlite::Result<Vec<SeriesRecord>> {
    connection
        .prepare(
            "SELECT number, metric, scope, pid, start_ticks, process, quantity, source FROM series WHERE run = ?1
             ORDER BY number",
        )?
        .query_map([run], |row| {
            let scope: String = row.get("scope")?;
            let scope = match scope.as_str() {
                "process" => Scope::Process {
                    pid: row.get("pid")?,
                    start_ticks: start_ticks(row, "start_ticks")?,
                    name: row.get("process")?,
                },
                "host" => Scope::Host,
                "operations" => Scope::Operations,
                "source" => Scope::Source { name: row.get("source")? },
                _ => Scope::Tree,
            };
            let quantity: String = row.get("quantity")?;
            let quantity = match quantity.as_str() {
                "bytes" => Quantity::Bytes,
                "count" => Quantity::Count,
                _ => Quantity::Other,
            };
            Ok(SeriesRecord { number: SeriesNumber(row.get("number")?), metric: row.get("metric")?, scope, quantity })
        })?
        .collect()
}

/// The process that the target of a run was last.
pub(super) fn target(connection: &Connection, RunKey(run): RunKey) -> rusqlite::Result<Option<Owner>> {
    let sql = "SELECT pid, start_ticks, boot_id FROM targets WHERE run = ?1";
    connection
        .query_row(sql, [run], |row| {
            let start_ticks = start_ticks(row, "start_ticks")?;
            Ok(Owner { pid: row.get("pid")?, start_ticks, boot_id: row.get("boot_id")? })
        })
        .optional()
}

/// The events of a run in order of their time, those of one moment as they were recorded.
pub(super) fn events(connection: &Connection, RunKey(run): RunKey) -> rusqlite::Result<Vec<Event>> {
    connection
        .prepare("SELECT t_s, kind, text FROM events WHERE run = ?1 ORDER BY t_s, event")?
        .query_map([run], |row| Ok(Event { t_s: row.get(0)?, kind: row.get(1)?, text: row.get(2)? }))?
        .collect()
}

/// The gaps of a run in order of their beginning.
pub(super) fn gaps(connection: &Connection, RunKey(run): RunKey) -> rusqlite::Result<Vec<Gap>> {
    connection
        .prepare("SELECT series, from_s, to_s, why FROM gaps WHERE run = ?1 ORDER BY from_s, gap")?
        .query_map([run], |row| {
            let series: Option<u32> = row.get(0)?;
            Ok(Gap { series: series.map(SeriesNumber), from_s: row.get(1)?, to_s: row.get(2)?, why: row.get(3)? })
        })?
        .collect()
}

/// The looks of a run in order of their time, each as JSON.
pub(super) fn looks(connection: &Connection, RunKey(run): RunKey) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare("SELECT document FROM looks WHERE run = ?1 ORDER BY t_s, look")?
        .query_map([run], |row| row.get(0))?
        .collect()
}

/// The verdict document of a run, as it was stored.
pub(super) fn verdict(connection: &Connection, RunKey(run): RunKey) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT document FROM verdicts WHERE run = ?1", [run], |row| row.get(0)).optional()
}

/// Number of samples of a run, and the time of the last; what was read beside them counts for neither.
pub(super) fn extent(connection: &Connection, RunKey(run): RunKey) -> rusqlite::Result<(u64, Option<f64>)> {
    // One statement, so that a block that is made meanwhile is not counted twice.
    let sql = "SELECT (SELECT count(*) FROM samples WHERE run = ?1 AND aside = 0)
                   + (SELECT coalesce(sum(samples), 0) FROM blocks WHERE run = ?1),
                   coalesce((SELECT t_s FROM samples WHERE run = ?1 AND aside = 0 ORDER BY number DESC LIMIT 1),
                       (SELECT to_s FROM blocks WHERE run = ?1 AND samples > 0 ORDER BY first DESC LIMIT 1))";
    connection.query_row(sql, [run], |row| Ok((u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0), row.get(1)?)))
}

/// How much of a run's samples is there.
pub(super) fn detail(connection: &Connection, RunKey(run): RunKey) -> rusqlite::Result<Detail> {
    connection.query_row("SELECT detail FROM runs WHERE run = ?1", [run], |row| {
        parsed(row, "detail", |text| Detail::stored(text).ok_or(Unknown))
    })
}

/// Bytes that the samples of a run take, indices and unused parts of pages left out.
pub(super) fn samples_bytes(connection: &Connection, RunKey(run): RunKey) -> rusqlite::Result<u64> {
    let sql = "SELECT (SELECT coalesce(sum(length(readings) + 12), 0) FROM samples WHERE run = ?1)
                   + (SELECT coalesce(sum(length(times) + 40), 0) FROM blocks WHERE run = ?1)
                   + (SELECT coalesce(sum(length(data) + 24), 0) FROM chunks WHERE run = ?1)";
    connection.query_row(sql, [run], |row| Ok(u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0)))
}

/// Times of all that a run has in blocks, block by block.
pub(super) fn times(connection: &Connection, run: RunKey) -> Result<Vec<Times>, ReadError> {
    let mut times = Vec::new();
    let mut last = -1;
    while let Some(block) = BlockRow::after(connection, run, last)? {
        last = block.last;
        times.push(block.times()?);
    }
    Ok(times)
}

/// A row of `blocks`.
struct BlockRow {
    first: i64,
    last: i64,
    count: usize,
    packed: Vec<u8>,
}

impl BlockRow {
    /// The first block of `run` that holds anything after number `last`.
    fn after(connection: &Connection, run: RunKey, last: i64) -> rusqlite::Result<Option<Self>> {
        let sql = "SELECT first, last, count, times FROM blocks WHERE run = ?1 AND last > ?2 ORDER BY first LIMIT 1";
        connection
            .prepare(sql)?
            .query_row(params![run.0, last], |row| {
                let count: i64 = row.get(2)?;
                let count = usize::try_from(count).unwrap_or(0);
                Ok(Self { first: row.get(0)?, last: row.get(1)?, count, packed: row.get(3)? })
            })
            .optional()
    }

    fn times(&self) -> Result<Times, ReadError> {
        chunk::unpack_times(&self.packed, self.count).ok_or(ReadError::Block { first: self.first })
    }

    /// Adds the readings of this block after number `last` to `columns`.
    fn read(&self, connection: &Connection, run: RunKey, last: i64, columns: &mut [Column]) -> Result<(), ReadError> {
        let Times { numbers, t_s, .. } = self.times()?;
        let mut select = connection.prepare("SELECT data FROM chunks WHERE run = ?1 AND first = ?2 AND series = ?3")?;
        for column in columns {
            let of = params![run.0, self.first, column.series.number.0];
            let data: Option<Vec<u8>> = select.query_row(of, |row| row.get(0)).optional()?;
            let Some(data) = data else { continue };
            let damaged = ReadError::Block { first: self.first };
            let Some(values) = chunk::unpack_values(&data, self.count) else { return Err(damaged) };
            let [readings, extremes @ ..] = values.lanes.as_slice() else { return Err(damaged) };
            // Usually none: only where rows were made a block while they were read.
            let skip = values.places.iter().take_while(|place| numbers[**place] <= last).count();
            column.t_s.extend(values.places[skip..].iter().map(|place| t_s[*place]));
            column.values.extend(&readings[skip..]);
            if let [low, high] = extremes {
                let of = column.extremes.get_or_insert_default();
                of.low.extend(&low[skip..]);
                of.high.extend(&high[skip..]);
            }
        }
        Ok(())
    }
}

/// Those of the run's series whose number is in `wanted`, in the order of `wanted`.
///
/// One pass over the run's samples, whatever the number of series: blocks first, then rows. Block by block and page by
/// page, since a reader that stays in one statement for long keeps the write-ahead log from being cut back; rows may
/// become blocks in between.
pub(super) fn columns(connection: &Connection, key: RunKey, wanted: &[SeriesNumber]) -> Result<Vec<Column>, ReadError> {
    let known: HashMap<_, _> = series(connection, key)?.into_iter().map(|series| (series.number, series)).collect();
    let all_gaps = gaps(connection, key)?;
    let mut columns: Vec<_> = wanted
        .iter()
        .filter_map(|number| known.get(number))
        .map(|series| Column {
            series: series.clone(),
            t_s: Vec::new(),
            values: Vec::new(),
            extremes: None,
            gaps: all_gaps.iter().filter(|gap| gap.series.is_none_or(|of| of == series.number)).cloned().collect(),
        })
        .collect();
    // From a series' number to its column; numbers are small and without holes.
    let mut places = vec![None; known.len()];
    for (place, column) in columns.iter().enumerate() {
        if let Some(slot) = places.get_mut(column.series.number.0 as usize) {
            *slot = Some(place);
        }
    }
    let mut last = -1_i64;
    loop {
        // What is no block when this begins is a row until it ends.
        let snapshot = connection.is_autocommit().then(|| connection.unchecked_transaction()).transpose()?;
        if let Some(block) = BlockRow::after(connection, key, last)? {
            block.read(connection, key, last, &mut columns)?;
            last = block.last;
        } else if read_rows(connection, key, &mut last, &places, &mut columns)? < PAGE_SAMPLES {
            return Ok(columns);
        }
        drop(snapshot);
    }
}

/// Reads a page of rows after number `last`, and moves that on; the number of rows.
fn read_rows(
    connection: &Connection,
    key: RunKey,
    last: &mut i64,
    places: &[Option<usize>],
    columns: &mut [Column],
) -> Result<i64, ReadError> {
    let mut page = connection
        .prepare("SELECT number, t_s, readings FROM samples WHERE run = ?1 AND number > ?2 ORDER BY number LIMIT ?3")?;
    let mut rows = page.query(params![key.0, *last, PAGE_SAMPLES])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        *last = row.get(0)?;
        let t_s: f64 = row.get(1)?;
        let bytes = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
        for reading in readings::iter(bytes) {
            let (series, value) = reading.ok_or(ReadError::Readings { sample: *last })?;
            let place = places.get(series.0 as usize).copied().flatten();
            if let Some(column) = place.and_then(|place| columns.get_mut(place)) {
                column.t_s.push(t_s);
                column.values.push(value);
            }
        }
        count += 1;
    }
    Ok(count)
}

/// Why samples could not be read, or written anew.
#[derive(Debug)]
pub(super) enum ReadError {
    Sqlite(rusqlite::Error),
    /// The readings of a sample end in the middle.
    Readings {
        sample: i64,
    },
    /// A block is not what was written.
    Block {
        first: i64,
    },
    /// There is no memory to compress in.
    Pack(std::io::Error),
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}
