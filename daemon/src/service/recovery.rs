//! What a daemon that starts does about runs that were going on when the last one ended, whatever ended it.

use soakd_profiles::TargetSource;
use soakd_reports::Verdict;

use crate::commands::report;
use crate::exit::Failure;
use crate::judging;
use crate::policy::RunPolicy;
use crate::run;
use crate::store::{RunRecord, RunState, Store, StoreError};
use crate::{exit_of, verdict};

/// The directory in which the kernel tells of processes.
const PROC: &str = "/proc";

/// What is to be done about a run.
#[derive(Debug)]
pub enum Recovered {
    /// It never began: nothing was started.
    NeverBegan,
    /// Its target was attached to and lives on: the run is gone on with.
    GoesOn(Box<RunRecord>, Box<RunPolicy>),
    /// It has a verdict: its own, or one on what there is.
    Judged(Box<Verdict>),
    /// There is no verdict.
    Failed(Failure),
}

/// Finds out about the run `id`.
///
/// # Errors
/// Why the store cannot be read.
pub fn recover(store: &Store, id: &str) -> Result<Recovered, Failure> {
    let record = match store.run(id) {
        Ok(record) => record,
        Err(StoreError::NoSuchRun { .. } | StoreError::NoRuns { .. }) => return Ok(Recovered::NeverBegan),
        Err(error) => return Err(exit_of::store(error)),
    };
    if record.state == RunState::Interrupted
        && let Ok(policy) = judging::policy_of(&record)
        && matches!(policy.plan.profile.target.source, Some(TargetSource::Attach(_)))
        && store
            .target(record.key)
            .map_err(exit_of::store)?
            .is_some_and(|target| target.is_alive(std::path::Path::new(PROC)))
    {
        return Ok(Recovered::GoesOn(Box::new(record), Box::new(policy)));
    }
    Ok(match judged(store, &record) {
        Ok(verdict) => Recovered::Judged(Box::new(verdict)),
        Err(failure) => Recovered::Failed(failure),
    })
}

/// The verdict of a run that has ended, written into its folder too.
fn judged(store: &Store, record: &RunRecord) -> Result<Verdict, Failure> {
    let verdict = report::of_run(store, record, false)?;
    let folder = run::folder_of(store, &record.run.id);
    if !folder.join(verdict::FILE_NAME).exists() {
        std::fs::create_dir_all(&folder).map_err(|error| {
            Failure::new(crate::exit::Exit::CannotWrite, format!("cannot write into `{}`: {error}", folder.display()))
        })?;
        verdict::write(&verdict, &folder)?;
    }
    Ok(verdict)
}
