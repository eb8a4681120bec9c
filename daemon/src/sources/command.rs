//! A command that is run for its output: with a time limit, and with nothing of it left afterwards.
//!
//! It is kept like a target: by a keeper, which adopts what it forks and ends all of it, also when soakd is killed.

use std::future::Future;
use std::time::Duration;

use super::failure::SourceFailure;
use crate::target::{CgroupWish, ExitStatus, Output, Printed, SpawnSpec, StopSpec, Target, TargetEvent};

/// Longest output that is read.
const LONGEST_OUTPUT_BYTES: usize = 1024 * 1024;

/// What `spec` prints; `None` where `over` came first. Nothing of it runs when this returns.
pub(super) async fn run(
    mut spec: SpawnSpec,
    timeout: Duration,
    over: impl Future<Output = ()>,
) -> Option<Result<String, SourceFailure>> {
    let printed = Printed::new(LONGEST_OUTPUT_BYTES);
    spec.printed = Some(printed.clone());
    // A cgroup of its own for each reading would cost more than the reading.
    spec.cgroup = CgroupWish::Inherit;
    let program = spec.program.to_string_lossy().into_owned();
    let mut target = match Target::spawn(spec).await {
        Ok(target) => target,
        Err(error) => {
            let said = error.to_string().replacen("target ", "", 1);
            return Some(Err(SourceFailure::CannotStart(said)));
        }
    };
    let ended = tokio::select! {
        biased;
        () = over => None,
        status = exit(&mut target) => Some(Ok(status)),
        () = printed.overflow() => Some(Err(SourceFailure::TooLong(LONGEST_OUTPUT_BYTES))),
        () = tokio::time::sleep(timeout) => Some(Err(SourceFailure::TimedOut(timeout))),
    };
    let now = StopSpec { signal: rustix::process::Signal::KILL.as_raw(), grace: Duration::ZERO };
    if let Err(error) = target.stop(now).await {
        tracing::debug!(%program, %error, "a command of a source does not end");
    }
    let status = match ended? {
        Ok(status) => status,
        Err(failure) => return Some(Err(failure)),
    };
    if !status.is_success() {
        let said = target.output().map(Output::last_lines).unwrap_or_default().pop();
        return Some(Err(SourceFailure::CommandFailed { program, status: status.to_string(), said }));
    }
    Some(printed.text().ok_or(SourceFailure::TooLong(LONGEST_OUTPUT_BYTES)))
}

async fn exit(target: &mut Target) -> ExitStatus {
    loop {
        match target.next_event().await {
            TargetEvent::Exited { status, .. } => return status,
            TargetEvent::Gone | TargetEvent::Failed(_) => return ExitStatus::Unknown,
            TargetEvent::Ready { .. }
            | TargetEvent::Restarted { .. }
            | TargetEvent::OutputTruncated { .. }
            | TargetEvent::OutputFailed { .. } => {}
        }
    }
}
