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
    for interrupted in &opened.interrupted {
        let id = &interrupted.run.run.id;
        output::say(&format!(
            "note: run `{id}` was interrupted; {} samples are kept, and `soakd report {id}` judges them",
            interrupted.samples_count
        ));
    }
    Ok(opened.store)
}
