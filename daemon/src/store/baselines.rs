//! How the baseline of each profile is chosen, as it is stored.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

/// Runs in a rolling baseline that nobody chose.
const USUAL_COUNT: usize = 20;

/// How the baseline of a profile is chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BaselineChoice {
    /// The last good runs.
    Rolling {
        /// How many, ten at least.
        count: usize,
        /// Of this branch only.
        branch: Option<String>,
    },
    /// Runs that were named; the noise is that of the last good ones where these are few.
    Fixed {
        /// Their ids.
        runs: Vec<String>,
    },
}

impl Default for BaselineChoice {
    fn default() -> Self {
        Self::Rolling { count: USUAL_COUNT, branch: None }
    }
}

/// The choice for a profile and scenario; `None` where nobody made one.
pub(super) fn get(connection: &Connection, profile: &str, scenario: &str) -> rusqlite::Result<Option<BaselineChoice>> {
    let sql = "SELECT kind, count, branch, runs FROM baselines WHERE profile = ?1 AND scenario = ?2";
    connection
        .query_row(sql, [profile, scenario], |row| {
            let kind: String = row.get(0)?;
            if kind == "fixed" {
                return Ok(BaselineChoice::Fixed { runs: ids(row.get(3)?) });
            }
            let count: Option<i64> = row.get(1)?;
            let count = count.and_then(|count| usize::try_from(count).ok()).unwrap_or(USUAL_COUNT);
            Ok(BaselineChoice::Rolling { count, branch: row.get(2)? })
        })
        .optional()
}

/// Stores the choice in place of an earlier one.
pub(super) fn set(
    connection: &Connection,
    profile: &str,
    scenario: &str,
    choice: &BaselineChoice,
) -> rusqlite::Result<usize> {
    let (kind, count, branch, runs) = match choice {
        BaselineChoice::Rolling { count, branch } => ("rolling", i64::try_from(*count).ok(), branch.clone(), None),
        BaselineChoice::Fixed { runs } => {
            ("fixed", None, None, Some(serde_json::Value::from(runs.as_slice()).to_string()))
        }
    };
    let sql = "INSERT OR REPLACE INTO baselines VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    connection.execute(sql, params![profile, scenario, kind, count, branch, runs])
}

/// Ids of all runs that fixed baselines are made of.
pub(super) fn pinned(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT runs FROM baselines WHERE kind = 'fixed'")?;
    let lists = statement.query_map([], |row| row.get(0).map(ids))?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(lists.concat())
}

fn ids(json: Option<String>) -> Vec<String> {
    json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default()
}
