//! Opening the store, and saying what was found in it.

use std::path::Path;

use jiff::Timestamp;

use crate::commands::output;
use crate::exit::Failure;
use crate::exit_of;
use crate::history::retention::Retention;
use crate::history::tidy::{self, Mode, Tidied};
use crate::store::Store;

/// The store in the folder `state`. Runs that were found interrupted are named on standard error.
///
/// # Errors
/// [`Failure`] where it cannot be opened.
pub fn store(state: &Path) -> Result<Store, Failure> {
    let opened = Store::open(state).map_err(exit_of::store)?;
    if let Some(migrated) = &opened.migrated {
        output::say(&format!(
            "note: the store had schema {} and was brought up to date; as it was, it is kept in `{}`",
            migrated.from,
            migrated.backup.display()
        ));
    }
    for interrupted in &opened.interrupted {
        let id = &interrupted.run.run.id;
        output::say(&format!(
            "note: run `{id}` was interrupted; {} samples are kept, and `soakd report {id}` judges them",
            interrupted.samples_count
        ));
    }
    compress(&opened.store);
    Ok(opened.store)
}

/// Compresses the samples of runs that have ended. Where that is not possible now they stay as they are, and whoever
/// opens the store next tries again.
pub fn compress(store: &Store) {
    match store.compress() {
        Ok(0) => {}
        Ok(count) => tracing::debug!(count, "compressed samples"),
        Err(error) => tracing::warn!(%error, "samples stay uncompressed for now"),
    }
}

/// What is done with the store when a run has ended and its answer was given: its samples are compressed, and what is
/// older than it is kept is thinned or removed, a few runs at a time. Each of these is told on standard error, and so is
/// why it cannot be done; the answer stands without.
pub fn tidy(store: &Store) {
    compress(store);
    let retention = match Retention::of_environment(|name| std::env::var(name).ok()) {
        Ok(retention) => retention,
        Err(wrong) => {
            let (variable, expected) = (wrong.what.variable(), wrong.what.expected());
            output::say(&format!(
                "warning: nothing is thinned or removed: `{variable}={}` is not understood, {expected}",
                wrong.text
            ));
            return;
        }
    };
    match tidy::tidy(store, &retention, Timestamp::now(), Mode::AtMost(tidy::AFTER_A_RUN)) {
        Ok(Tidied { done, left, .. }) => {
            for done in &done {
                output::say(&format!("note: run `{}`: {}", done.run, done.sentence()));
            }
            if left > 0 {
                output::say(&format!("note: {left} more runs wait for that: `soakd history prune`, or the next run"));
            }
        }
        Err(error) => output::say(&format!("warning: old runs stay as they are for now: {error}")),
    }
}
