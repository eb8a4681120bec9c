//! `soakd history list`: the runs that are kept.

use jiff::Timestamp;
use serde::Serialize;

use super::{safe, stored};
use crate::cli::Format;
use crate::commands::output;
use crate::commands::table::table;
use crate::exit::Failure;
use crate::history::entry::{self, Entry, Filter};
use crate::history::trend::short;
use crate::store::{Detail, Store};

/// A run in a list.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    pub(super) run: String,
    pub(super) profile: String,
    pub(super) scenario: Option<String>,
    pub(super) stage: Option<String>,
    pub(super) environment: Option<String>,
    pub(super) host: Option<String>,
    pub(super) commit: Option<String>,
    pub(super) branch: Option<String>,
    pub(super) start: Timestamp,
    pub(super) state: &'static str,
    pub(super) duration_s: Option<f64>,
    pub(super) outcome: Option<soakd_reports::Outcome>,
    pub(super) severity: Option<soakd_reports::Severity>,
    pub(super) summary: Option<String>,
    pub(super) samples: Samples,
}

#[derive(Debug, Serialize)]
pub(super) struct Samples {
    pub(super) count: u64,
    pub(super) detail: &'static str,
    pub(super) bytes: u64,
}

impl Listed {
    pub(super) fn of(store: &Store, entry: &Entry) -> Result<Self, Failure> {
        let record = &entry.record;
        let verdict = entry.verdict.as_ref();
        Ok(Self {
            run: record.run.id.to_string(),
            profile: record.run.profile.clone(),
            scenario: record.run.scenario.clone(),
            stage: record.run.stage.clone(),
            environment: record.run.environment.clone(),
            host: record.run.host.get("name").and_then(|name| name.as_str()).map(str::to_owned),
            commit: record.run.commit.clone(),
            branch: record.run.branch.clone(),
            start: record.run.started,
            state: record.state.as_str(),
            duration_s: record.duration_s,
            outcome: verdict.map(|verdict| verdict.outcome),
            severity: verdict.map(|verdict| verdict.severity),
            summary: verdict.map(|verdict| verdict.summary.clone()),
            samples: Samples {
                count: stored(store.samples_count(record.key))?,
                detail: record.detail.as_str(),
                bytes: stored(store.samples_bytes(record.key))?,
            },
        })
    }
}

pub(super) fn list(store: &Store, filter: &Filter, format: Format) -> Result<(), Failure> {
    let entries = stored(entry::list(store, filter))?;
    if format == Format::Json {
        let listed = entries.iter().map(|entry| Listed::of(store, entry)).collect::<Result<Vec<_>, _>>()?;
        return output::result(&output::json(&listed)?);
    }
    if entries.is_empty() {
        output::say("no run fits; `soakd check -- COMMAND` makes one");
        return Ok(());
    }
    let mut rows = vec![["run", "outcome", "length", "commit", "branch", "samples"].map(str::to_owned)];
    for entry in &entries {
        let run = &entry.record.run;
        let dash = || "-".to_owned();
        rows.push([
            safe(run.id.as_str()),
            entry.word().to_owned(),
            entry.record.duration_s.map_or_else(dash, length),
            run.commit.as_deref().map_or_else(dash, |commit| safe(&short(commit))),
            run.branch.as_deref().map_or_else(dash, safe),
            match entry.record.detail {
                Detail::Full => stored(store.samples_count(entry.record.key))?.to_string(),
                Detail::Minutes => "minutes".to_owned(),
            },
        ]);
    }
    output::result(&table(&rows))
}

pub(super) fn length(seconds: f64) -> String {
    crate::progress::clock_face(seconds)
}
