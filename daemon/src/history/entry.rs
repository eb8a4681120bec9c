//! A run with its verdict, and which of them are asked for.

use jiff::Timestamp;
use soakd_reports::{Outcome, Verdict};

use crate::store::{RunHead, RunKey, RunRecord, RunState, Store, StoreError};

/// A run as the history knows it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The run.
    pub record: RunRecord,
    /// Its verdict; `None` where it has none, or one that this version cannot read.
    pub verdict: Option<Verdict>,
}

impl Entry {
    /// Whether others may be held against it: it came to its end and nothing was wrong with it.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.verdict.as_ref().is_some_and(|verdict| {
            matches!(verdict.outcome, Outcome::Pass | Outcome::Warn) && !verdict.run.ended.cut_short()
        })
    }

    /// What it came to, in a word: the outcome, else how far it got.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.verdict.as_ref().map_or(self.record.state.as_str(), |verdict| verdict.outcome.as_str())
    }
}

/// Which runs are asked for. The default is all of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Of this profile.
    pub profile: Option<String>,
    /// Of this scenario.
    pub scenario: Option<String>,
    /// Of this branch.
    pub branch: Option<String>,
    /// With this outcome.
    pub outcome: Option<Outcome>,
    /// Started then or later.
    pub since: Option<Timestamp>,
    /// Older than this one.
    pub before: Option<RunKey>,
    /// No more than this many, the newest.
    pub last: Option<usize>,
}

impl Filter {
    fn takes(&self, run: &RunHead) -> bool {
        self.profile.as_ref().is_none_or(|profile| *profile == run.profile)
            && self.scenario.as_ref().is_none_or(|scenario| Some(scenario) == run.scenario.as_ref())
            && self.branch.as_ref().is_none_or(|branch| Some(branch) == run.branch.as_ref())
            && self.since.is_none_or(|since| since <= run.started)
    }
}

/// The run `record` with its verdict.
///
/// # Errors
/// Why the store could not be read. A verdict that this version cannot read is none.
pub fn of(store: &Store, record: RunRecord) -> Result<Entry, StoreError> {
    let document = store.verdict(record.key)?;
    let verdict = document.and_then(|document| match soakd_reports::read(&document.to_string()) {
        Ok(verdict) => Some(verdict),
        Err(error) => {
            tracing::warn!(run = %record.run.id, %error, "its verdict is passed over");
            None
        }
    });
    Ok(Entry { record, verdict })
}

/// The runs that `filter` asks for, in order of their start.
///
/// # Errors
/// Why the store could not be read.
pub fn list(store: &Store, filter: &Filter) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    // The newest first, so that no more verdicts are read than are asked for.
    let mut heads = store.heads(filter.profile.as_deref())?;
    if let Some(before) = filter.before {
        let place = heads.iter().position(|head| head.key == before);
        heads.drain(..place.map_or(0, |place| place + 1));
    }
    for head in heads.into_iter().filter(|head| filter.takes(head)) {
        if filter.last.is_some_and(|last| entries.len() >= last) {
            break;
        }
        // One that was removed in this moment is none.
        let Some(record) = store.record(head.key)? else { continue };
        let entry = of(store, record)?;
        let outcome = entry.verdict.as_ref().map(|verdict| verdict.outcome);
        if filter.outcome.is_none() || filter.outcome == outcome {
            entries.push(entry);
        }
    }
    entries.reverse();
    Ok(entries)
}

/// Those that can be compared: they have a verdict, and were not cut short.
#[must_use]
pub fn whole(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.retain(|entry| entry.verdict.as_ref().is_some_and(|verdict| !verdict.run.ended.cut_short()));
    entries
}

/// Runs that have ended.
#[must_use]
pub fn has_ended(record: &RunRecord) -> bool {
    record.state != RunState::Running
}
