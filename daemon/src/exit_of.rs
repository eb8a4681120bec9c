//! From the errors of the parts to exit codes: one `match` for each, without a wildcard, so that a new error has to
//! choose.

use soakd_reference::ReferenceError;

use crate::exit::{Exit, Failure};
use crate::history::tidy::TidyError;
use crate::keeper::UnitError;
use crate::store::StoreError;
use crate::target::{StopReport, StopTook, TargetError};

fn with_hint(exit: Exit, message: String, hint: Option<String>) -> Failure {
    let failure = Failure::new(exit, message);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// What an error of the store ends the program with.
#[must_use]
pub fn store(error: StoreError) -> Failure {
    let exit = match &error {
        StoreError::NoSuchRun { .. } | StoreError::NoRuns { .. } | StoreError::Ambiguous { .. } => Exit::NoInput,
        StoreError::NotAStore { .. } | StoreError::Newer { .. } | StoreError::Damaged { .. } => Exit::BadData,
        StoreError::Folder { .. }
        | StoreError::ReadOnly { .. }
        | StoreError::DiskFull { .. }
        | StoreError::Open { .. }
        | StoreError::Busy { .. }
        | StoreError::Disk { .. } => Exit::CannotWrite,
        StoreError::Sqlite { .. }
        | StoreError::Thread(_)
        | StoreError::WriterGone
        | StoreError::Compress(_)
        | StoreError::NotToBeResumed
        | StoreError::RunExists(_) => Exit::Internal,
    };
    with_hint(exit, error.to_string(), error.hint())
}

/// What an error of the target ends the program with.
#[must_use]
pub fn target(error: &TargetError) -> Failure {
    let exit = match error {
        TargetError::ProgramMissing { .. }
        | TargetError::ProgramNotExecutable { .. }
        | TargetError::InterpreterMissing { .. }
        | TargetError::NotAProgram { .. }
        | TargetError::WorkingFolder { .. }
        | TargetError::Start { .. }
        | TargetError::EndedBeforeReady { .. }
        | TargetError::NotReadyInTime { .. }
        | TargetError::NotRunning { .. }
        | TargetError::Unknown { .. }
        | TargetError::Ambiguous { .. }
        | TargetError::Oneself { .. }
        | TargetError::StillRunning { .. } => Exit::Unavailable,
        TargetError::UnknownAccount { .. } | TargetError::ReadyAddress { .. } | TargetError::BadName { .. } => {
            Exit::Config
        }
        TargetError::AccountNotPermitted { .. } | TargetError::Limit { .. } | TargetError::Watch { .. } => {
            Exit::NoPermission
        }
        TargetError::OutputFile { .. } => Exit::CannotWrite,
        TargetError::Unit(error) => match error {
            UnitError::NoSystemdRun(_)
            | UnitError::Refused { .. }
            | UnitError::NotInTime { .. }
            | UnitError::OtherVersion { .. } => Exit::Unavailable,
            UnitError::Other(_) => Exit::Internal,
        },
        TargetError::Keeper { .. } => Exit::Internal,
    };
    with_hint(exit, error.to_string(), error.hint())
}

/// What an error of the reference service ends the program with.
#[must_use]
pub fn reference(error: &ReferenceError) -> Failure {
    let exit = match error {
        ReferenceError::Url { .. } => Exit::Usage,
        ReferenceError::Listen { .. } | ReferenceError::Gone { .. } => Exit::Unavailable,
        ReferenceError::Output(_) | ReferenceError::File { .. } => Exit::CannotWrite,
        ReferenceError::Runtime(_)
        | ReferenceError::Signals(_)
        | ReferenceError::Serve(_)
        | ReferenceError::Operation { .. }
        | ReferenceError::Policy { .. } => Exit::Internal,
    };
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        message.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    Failure::new(exit, message)
}

/// How a target was stopped, for the record.
#[must_use]
pub fn stop(report: &StopReport) -> String {
    let took = match report.took {
        StopTook::Nothing => "the target had ended",
        StopTook::Signal => "the target ended when asked to",
        StopTook::Kill => "the target did not end in time and was killed",
        StopTook::KillAtOnce => "the target was killed without further grace",
        StopTook::LetGo => "the target was let go, unharmed",
    };
    let mut text = took.to_owned();
    if let Some(status) = report.status {
        text.push_str(&format!(" ({status})"));
    }
    for remark in &report.remarks {
        text.push_str(&format!("; {remark}"));
    }
    text
}

/// Of tidying.
#[must_use]
pub fn tidy(error: TidyError) -> Failure {
    match error {
        TidyError::Store(error) => store(error),
        error @ TidyError::Folder { .. } => Failure::new(Exit::CannotWrite, error.to_string()),
    }
}
