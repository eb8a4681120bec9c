//! What is kept for how long, carried out: samples thinned, runs removed, and each of it told.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;
use thiserror::Error;

use super::entry;
use super::retention::{self, Kept, Retention, What, Why};
use crate::store::{Store, StoreError};

/// Runs that are looked after when a run ends: whoever waits for its answer does not wait for years of history.
pub const AFTER_A_RUN: usize = 4;

/// Something that was done to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Done {
    /// The run.
    pub run: String,
    /// What.
    pub what: What,
    /// Why.
    pub why: Why,
    /// Whether it was done, or only would be.
    pub done: bool,
    /// What that frees of the store.
    pub bytes: u64,
}

impl Done {
    /// It in words, but for the run: `thinned to minutes, since it is older than its kind is kept`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let what = match (self.what, self.done) {
            (What::Thin, true) => "thinned to minutes",
            (What::Thin, false) => "would be thinned to minutes",
            (What::Remove, true) => "removed",
            (What::Remove, false) => "would be removed",
        };
        let why = match self.why {
            Why::Age => "it is older than its kind is kept",
            Why::Size => "the store is larger than it may be",
        };
        format!("{what}, since {why}")
    }
}

/// What tidying came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tidied {
    /// What was done, oldest run first.
    pub done: Vec<Done>,
    /// Runs for which there was no time.
    pub left: usize,
    /// Runs that were looked at.
    pub runs: usize,
}

/// What may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// No more than so many runs are changed.
    AtMost(usize),
    /// Nothing is changed: it is only said what would be.
    DryRun,
}

/// Why tidying stopped; what was done by then stays done.
#[derive(Debug, Error)]
pub enum TidyError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder of a run that is no longer in the store.
    #[error("cannot remove `{}`: {source}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Thins and removes what `retention` says, as of `now`. Folders that runs have in the state folder go with them; those that
/// the user named are the user's.
///
/// # Errors
/// [`TidyError`].
pub fn tidy(store: &Store, retention: &Retention, now: Timestamp, mode: Mode) -> Result<Tidied, TidyError> {
    let pinned = store.pinned()?;
    let mut kept = Vec::new();
    for record in store.runs_without_documents()?.into_iter().filter(entry::has_ended) {
        let samples_bytes = store.samples_bytes(record.key)?;
        let is_pinned = pinned.iter().any(|id| id == record.run.id.as_str());
        kept.push(Kept { record, samples_bytes, is_pinned });
    }
    let mut steps = retention::plan(&kept, store.size_bytes()?, now, retention);
    steps.sort_by_key(|step| step.run);
    let most = match mode {
        Mode::AtMost(most) => most,
        Mode::DryRun => usize::MAX,
    };
    let mut tidied = Tidied { done: Vec::new(), left: steps.len().saturating_sub(most), runs: kept.len() };
    for step in steps.iter().take(most) {
        let Some(Kept { record, samples_bytes, .. }) = kept.get(step.run) else { continue };
        let mut left_bytes = 0;
        if mode != Mode::DryRun {
            match step.what {
                What::Thin => {
                    store.thin(record.key)?;
                    left_bytes = store.samples_bytes(record.key)?;
                }
                What::Remove => {
                    store.remove(record.key)?;
                    remove_folder(store.folder().join("runs").join(record.run.id.as_str()))?;
                }
            }
        }
        tidied.done.push(Done {
            run: record.run.id.to_string(),
            what: step.what,
            why: step.why,
            done: mode != Mode::DryRun,
            bytes: samples_bytes.saturating_sub(left_bytes),
        });
    }
    Ok(tidied)
}

fn remove_folder(folder: PathBuf) -> Result<(), TidyError> {
    match std::fs::remove_dir_all(&folder) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(TidyError::Folder { folder, source }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{BaselineChoice, Detail, Ending, NewRun, RunId, Scope};

    /// A store with one run for each day, each of two minutes at 1 s, and a folder for each.
    fn store(days: &[&str], planned_s: f64) -> (tempfile::TempDir, Store, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        let mut ids = Vec::new();
        for day in days {
            let started: Timestamp = format!("{day}T00:00:00Z").parse().unwrap();
            let run =
                NewRun { started, id: RunId::new(started, "x"), planned_s, ..retention::tests::kept().record.run };
            ids.push(run.id.to_string());
            let mut recorder = store.begin(run).unwrap();
            let rss = recorder.series("rss_bytes", Scope::Tree, soakd_analysis::Quantity::Bytes);
            (0..120).for_each(|t| recorder.sample(f64::from(t), &[(rss, f64::from(t % 60))]));
            recorder.finish(Ending { duration_s: 119.0, why: "done".to_owned(), verdict: None }).unwrap();
            std::fs::create_dir_all(folder.path().join("runs").join(ids.last().unwrap())).unwrap();
        }
        (folder, store, ids)
    }

    fn at(day: &str) -> Timestamp {
        format!("{day}T01:00:00Z").parse().unwrap()
    }

    #[test]
    fn as_the_clock_goes_on_samples_become_minutes_and_then_the_run_goes() {
        let (folder, store, ids) = store(&["2026-01-01"], 120.0);
        let on = |day: &str| tidy(&store, &retention::tests::usual(), at(day), Mode::AtMost(AFTER_A_RUN)).unwrap();
        assert_eq!(on("2026-01-30").done, []);
        let thinned = on("2026-01-31").done;
        assert_eq!((thinned[0].what, thinned[0].why, &thinned[0].run), (What::Thin, Why::Age, &ids[0]));
        assert_eq!(thinned[0].sentence(), "thinned to minutes, since it is older than its kind is kept");
        let record = store.run(&ids[0]).unwrap();
        assert_eq!((record.detail, store.samples_count(record.key).unwrap()), (Detail::Minutes, 120));
        let series = store.series(record.key).unwrap()[0].number;
        let column = store.column(record.key, series).unwrap().unwrap();
        assert_eq!((column.values.len(), column.extremes.unwrap().high), (2, vec![59.0, 59.0]));
        assert_eq!(on("2026-02-01").done, [], "once is enough");
        let folder_of_run = folder.path().join("runs").join(&ids[0]);
        assert!(folder_of_run.exists());
        assert_eq!(on("2027-01-02").done[0].what, What::Remove);
        assert!(store.runs().unwrap().is_empty() && !folder_of_run.exists());
    }

    #[test]
    fn a_long_run_is_kept_in_full_for_longer() {
        let (_folder, store, _) = store(&["2026-01-01"], 28_800.0);
        let on = |day: &str| tidy(&store, &retention::tests::usual(), at(day), Mode::AtMost(AFTER_A_RUN)).unwrap();
        assert_eq!(on("2026-03-31").done, []);
        assert_eq!(on("2026-04-02").done[0].what, What::Thin);
    }

    #[test]
    fn the_work_is_bounded_and_goes_on_the_next_time() {
        let days = ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04", "2026-01-05"];
        let (_folder, store, ids) = store(&days, 120.0);
        let fixed = BaselineChoice::Fixed { runs: vec![ids[1].clone()] };
        store.set_baseline("x", None, &fixed).unwrap();
        let on = |mode: Mode| tidy(&store, &retention::tests::usual(), at("2026-06-01"), mode).unwrap();
        let would = on(Mode::DryRun);
        assert_eq!((would.done.len(), would.done[0].done, would.left, would.runs), (4, false, 0, 5));
        let first = on(Mode::AtMost(3));
        assert_eq!(first.done.iter().map(|done| &done.run).collect::<Vec<_>>(), [&ids[0], &ids[2], &ids[3]]);
        assert_eq!(first.left, 1);
        let second = on(Mode::AtMost(3));
        assert_eq!((second.done.len(), &second.done[0].run, second.left), (1, &ids[4], 0));
        assert_eq!(store.run(&ids[1]).unwrap().detail, Detail::Full, "a fixed baseline stays as it is");
    }

    #[test]
    fn a_store_that_may_take_less_thins_and_then_removes_the_oldest() {
        let (_folder, store, ids) = store(&["2026-01-01", "2026-01-02"], 120.0);
        let retention = Retention { most_bytes: Some(1), ..retention::tests::usual() };
        let tidied = tidy(&store, &retention, at("2026-01-03"), Mode::AtMost(1)).unwrap();
        assert_eq!((&tidied.done[0].run, tidied.done[0].why), (&ids[0], Why::Size));
        assert_eq!(tidied.left, 1);
    }
}
