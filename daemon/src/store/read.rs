//! Queries: runs, and their series as columns.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use soakd_analysis::Quantity;

use super::owner::Owner;
use super::readings;
use super::record::{Column, Event, Gap, NewRun, RunKey, RunRecord, RunState, Scope, SeriesNumber, SeriesRecord};
use super::run_id::RunId;

/// When the last sample was taken.
const LAST_SAMPLE: &str = "SELECT t_s FROM samples WHERE run = ?1 AND aside = 0 ORDER BY number DESC LIMIT 1";

/// Samples read in one statement. A reader that stays in one statement for long keeps the write-ahead log from
/// being cut back.
const PAGE_SAMPLES: i64 = 20_000;

const RUN_COLUMNS: &str = "run, id, profile, profile_text, command, scenario, stage, environment, host, planned_s,
    interval_s, policy, started, state, owner_pid, owner_start_ticks, owner_boot_id, ended_why, duration_s";

/// All runs, in order of their start.
pub(super) fn runs(connection: &Connection) -> rusqlite::Result<Vec<RunRecord>> {
    select_runs(connection, "", params![])
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
    let count: i64 =
        connection.query_row("SELECT count(*) FROM samples WHERE run = ?1 AND aside = 0", [run], |row| row.get(0))?;
    let last = connection.query_row(LAST_SAMPLE, [run], |row| row.get(0)).optional()?;
    Ok((u64::try_from(count).unwrap_or(0), last))
}

/// Those of the run's series whose number is in `wanted`, in the order of `wanted`.
///
/// One pass over the run's samples, whatever the number of series. It is the only reader of the table of samples:
/// a run whose samples have moved elsewhere is read elsewhere from here.
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
    let mut page = connection
        .prepare("SELECT number, t_s, readings FROM samples WHERE run = ?1 AND number > ?2 ORDER BY number LIMIT ?3")?;
    let mut last = -1_i64;
    loop {
        let mut rows = page.query(params![key.0, last, PAGE_SAMPLES])?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            last = row.get(0)?;
            let t_s: f64 = row.get(1)?;
            let bytes = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            for reading in readings::iter(bytes) {
                let (series, value) = reading.ok_or(ReadError::Readings { sample: last })?;
                let place = places.get(series.0 as usize).copied().flatten();
                if let Some(column) = place.and_then(|place| columns.get_mut(place)) {
                    column.t_s.push(t_s);
                    column.values.push(value);
                }
            }
            count += 1;
        }
        if count < PAGE_SAMPLES {
            return Ok(columns);
        }
    }
}

/// Why samples could not be read.
pub(super) enum ReadError {
    Sqlite(rusqlite::Error),
    /// The readings of a sample end in the middle.
    Readings {
        sample: i64,
    },
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}
