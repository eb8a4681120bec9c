//! What the daemon keeps of its queue, its schedule and its watches.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use crate::service::status::{Job, JobState};

/// Which jobs are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobFilter {
    /// Only those that stand like this.
    pub state: Option<JobState>,
    /// Only those with a smaller number: to go on from an earlier answer.
    pub before: Option<u64>,
    /// So many at most.
    pub limit: u32,
}

impl Default for JobFilter {
    fn default() -> Self {
        Self { state: None, before: None, limit: 100 }
    }
}

/// SQLite has signed numbers only.
fn stored(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

/// Keeps `job` under a new number, which it is given. `None` where the schedule has asked for it already. From the same moment the
/// schedule has come as far as `handled` says.
pub(super) fn add(connection: &mut Connection, mut job: Job, handled: Option<&str>) -> rusqlite::Result<Option<Job>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let planned = job.planned.map(|planned| planned.to_string());
    if let (Some(schedule), Some(handled)) = (&job.schedule, handled) {
        set_schedule(&transaction, schedule, handled)?;
    }
    if let (Some(schedule), Some(planned)) = (&job.schedule, &planned) {
        let sql = "SELECT EXISTS (SELECT 1 FROM jobs WHERE schedule = ?1 AND planned = ?2)";
        if transaction.query_row(sql, params![schedule, planned], |row| row.get(0))? {
            transaction.commit()?;
            return Ok(None);
        }
    }
    let sql = "INSERT INTO jobs (state, schedule, planned, run, document) VALUES (?1, ?2, ?3, ?4, '')";
    transaction.execute(sql, params![job.state.as_str(), job.schedule, planned, job.run])?;
    job.id = u64::try_from(transaction.last_insert_rowid()).unwrap_or(0);
    transaction.execute("UPDATE jobs SET document = ?2 WHERE job = ?1", params![stored(job.id), document(&job)?])?;
    transaction.commit()?;
    Ok(Some(job))
}

/// Keeps what has become of `job`.
pub(super) fn set(connection: &Connection, job: &Job) -> rusqlite::Result<()> {
    let sql = "UPDATE jobs SET state = ?2, run = ?3, document = ?4 WHERE job = ?1";
    connection.execute(sql, params![stored(job.id), job.state.as_str(), job.run, document(job)?]).map(drop)
}

/// The job of this number.
pub(super) fn get(connection: &Connection, id: u64) -> rusqlite::Result<Option<Job>> {
    connection.query_row("SELECT document FROM jobs WHERE job = ?1", [stored(id)], job).optional()
}

/// The newest jobs first.
pub(super) fn list(connection: &Connection, filter: JobFilter) -> rusqlite::Result<Vec<Job>> {
    let sql = "SELECT document FROM jobs WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR job < ?2)
               ORDER BY job DESC LIMIT ?3";
    let (state, before) = (filter.state.map(JobState::as_str), filter.before.map(stored));
    connection.prepare(sql)?.query_map(params![state, before, filter.limit], job)?.collect()
}

/// All jobs that stand like this, in order of their numbers.
pub(super) fn in_state(connection: &Connection, state: JobState) -> rusqlite::Result<Vec<Job>> {
    let sql = "SELECT document FROM jobs WHERE state = ?1 ORDER BY job";
    connection.prepare(sql)?.query_map([state.as_str()], job)?.collect()
}

/// The job of a run.
pub(super) fn of_run(connection: &Connection, run: &str) -> rusqlite::Result<Option<Job>> {
    connection.query_row("SELECT document FROM jobs WHERE run = ?1", [run], job).optional()
}

/// The last job that an entry of the schedule asked for.
pub(super) fn last_of_schedule(connection: &Connection, name: &str) -> rusqlite::Result<Option<u64>> {
    let sql = "SELECT max(job) FROM jobs WHERE schedule = ?1";
    let last: Option<i64> = connection.query_row(sql, [name], |row| row.get(0))?;
    Ok(last.and_then(|last| u64::try_from(last).ok()))
}

/// Forgets jobs that came to their end before `before`. Gives how many.
pub(super) fn forget(connection: &Connection, before: Timestamp) -> rusqlite::Result<usize> {
    let sql = "DELETE FROM jobs WHERE state IN ('done', 'failed', 'cancelled')
               AND unixepoch(json_extract(document, '$.ended')) < ?1";
    connection.execute(sql, [before.as_second()])
}

/// How far an entry of the schedule has come, as JSON.
pub(super) fn schedule(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT document FROM schedules WHERE name = ?1", [name], |row| row.get(0)).optional()
}

/// Keeps how far an entry of the schedule has come.
pub(super) fn set_schedule(connection: &Connection, name: &str, document: &str) -> rusqlite::Result<()> {
    connection.execute("INSERT OR REPLACE INTO schedules VALUES (?1, ?2)", params![name, document]).map(drop)
}

/// What stands for a subject, as JSON.
pub(super) fn standing(connection: &Connection, subject: &str) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT document FROM standings WHERE subject = ?1", [subject], |row| row.get(0)).optional()
}

/// Keeps what stands for a subject.
pub(super) fn set_standing(connection: &Connection, subject: &str, document: &str) -> rusqlite::Result<()> {
    connection.execute("INSERT OR REPLACE INTO standings VALUES (?1, ?2)", params![subject, document]).map(drop)
}

fn document(job: &Job) -> rusqlite::Result<String> {
    serde_json::to_string(job).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    let text: String = row.get(0)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error)))
}
