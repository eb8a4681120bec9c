//! The last runs of each profile. Verdicts are long, and the page that shows these runs is asked for all the time: what has
//! been read of a run that has ended is kept for a while.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use soakd_status::past::{MOST_NIGHTS, Nights, PastRun};
use tokio::time::Instant;

use super::problem::Problem;
use super::shared::Shared;
use crate::history::entry::{self, Entry};
use crate::store::{RunKey, Store};

/// A verdict may be made again: it is read anew after so long.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// What has been read of runs that have ended, and when.
pub(super) type Kept = BTreeMap<RunKey, (Instant, PastRun)>;

/// The last runs of each profile that have ended.
pub(super) async fn nights(shared: &Shared) -> Result<Vec<Nights>, Problem> {
    let now = Instant::now();
    let mut kept = shared.nights.lock().unwrap_or_else(PoisonError::into_inner).clone();
    kept.retain(|_, (at, _)| now.saturating_duration_since(*at) < KEPT_FOR);
    let (nights, kept) = shared.read(move |store| read(store, kept, now)).await?;
    *shared.nights.lock().unwrap_or_else(PoisonError::into_inner) = kept;
    Ok(nights)
}

fn read(store: &Store, kept: Kept, now: Instant) -> Result<(Vec<Nights>, Kept), Problem> {
    let mut of: BTreeMap<String, Vec<PastRun>> = BTreeMap::new();
    let mut shown = Kept::new();
    for record in store.runs_without_documents()?.into_iter().rev().filter(entry::has_ended) {
        let runs = of.entry(record.run.profile.clone()).or_default();
        if runs.len() == MOST_NIGHTS {
            continue;
        }
        let key = record.key;
        let (at, run) = match kept.get(&key) {
            Some(kept) => kept.clone(),
            None => (now, past(&entry::of(store, record)?)),
        };
        runs.push(run.clone());
        // A run that waits for its verdict is looked at again.
        if run.outcome.is_some() {
            shown.insert(key, (at, run));
        }
    }
    let oldest_first = |(profile, mut runs): (String, Vec<PastRun>)| {
        runs.reverse();
        Nights { profile, runs }
    };
    Ok((of.into_iter().map(oldest_first).collect(), shown))
}

/// A run that has ended, as pages show it.
pub(super) fn past(entry: &Entry) -> PastRun {
    let (record, verdict) = (&entry.record, entry.verdict.as_ref());
    PastRun {
        id: record.run.id.to_string(),
        started: record.run.started,
        duration_s: record.duration_s,
        outcome: verdict.map(|verdict| verdict.outcome),
        summary: verdict.map(|verdict| verdict.summary.clone()).or_else(|| record.ended_why.clone()),
        commit: record.run.commit.clone(),
    }
}
