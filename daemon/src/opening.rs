//! Opening the store, and saying what was found in it.

use std::path::Path;

use crate::commands::output;
use crate::exit::Failure;
use crate::exit_of;
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
