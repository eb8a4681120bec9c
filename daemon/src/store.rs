//! Runs on disk: one SQLite file in the state folder, written while samples are taken.
//!
//! Raw readings only, so that an old run can be judged again by new models.

mod error;
mod owner;
mod record;
mod run_id;

pub use error::StoreError;
pub use owner::Owner;
pub use record::{
    Column, Ending, Event, Gap, Interrupted, NewRun, Notice, RunKey, RunRecord, RunState, Scope, SeriesNumber,
    SeriesRecord,
};
pub use run_id::RunId;
