//! Asks a target to collect its garbage: by a command, a signal or a request, with a deadline and a named failure.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use soakd_profiles::{Collect, CollectBy, CollectMethod, CollectOf, CollectSignal, Profile};
use thiserror::Error;
use tokio::sync::Notify;

use crate::http::{self, HttpUrl, Method};
use crate::keeper::KeeperProgram;
use crate::keeper::family::Relative;
use crate::target::{ExitStatus, Membership, OutputSpec, ProcessId, StopSpec, Target, TargetEvent};
use crate::target_spec;

/// What is read of an answer that only its status matters of; some give a whole heap profile.
const LONGEST_BODY_BYTES: usize = 64 * 1024 * 1024;

/// Where what the commands print is kept, in the folder of a run.
const LOG: &str = "collect.log";

/// Why a target has not been seen to collect.
#[derive(Debug, Error)]
pub enum CollectError {
    /// Nothing of the target runs.
    #[error("no process of the target is there to be asked")]
    NobodyThere,
    /// The command did not start.
    #[error("{0}")]
    NotStarted(String),
    /// The command ended otherwise than with status 0.
    #[error("`{command}` ended with {status}{}", said(.printed))]
    Failed {
        /// The command, with its pid.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The last line it printed.
        printed: Option<String>,
    },
    /// It took too long.
    #[error("{what} took longer than {} s", .timeout.as_secs_f64())]
    TimedOut {
        /// What.
        what: String,
        /// How long it had.
        timeout: Duration,
    },
    /// The signal would not be handled.
    #[error("process {pid} does not handle SIG{signal}, which was not sent")]
    NotHandled {
        /// The process; one of several.
        pid: u32,
        /// The signal.
        signal: &'static str,
    },
    /// The signal was refused.
    #[error("process {pid} cannot be signalled: {reason}")]
    Refused {
        /// The process.
        pid: u32,
        /// The kernel's answer.
        reason: rustix::io::Errno,
    },
    /// The request cannot be made.
    #[error("`{url}`: {reason}")]
    NoAnswer {
        /// The address.
        url: String,
        /// Why.
        reason: String,
    },
    /// The request was answered with another status than 2xx.
    #[error("`{url}` answered with status {status}")]
    BadStatus {
        /// The address.
        url: String,
        /// The status.
        status: u16,
    },
}

fn said(printed: &Option<String>) -> String {
    printed.as_ref().map(|line| format!(": {line}")).unwrap_or_default()
}

/// What is to be done to a target, and where.
#[derive(Debug, Clone)]
pub struct Collecting {
    /// How it is asked.
    pub collect: Collect,
    /// The profile, for where and as whom commands run.
    pub profile: Profile,
    /// What keeps them.
    pub keeper: KeeperProgram,
    /// Folder of the run.
    pub folder: PathBuf,
    /// The main process of the target.
    pub main: ProcessId,
    /// All processes of it.
    pub membership: Membership,
    /// Told when nobody waits for it any more.
    pub give_up: Arc<Notify>,
}

impl Collecting {
    /// Asks, and waits until it is done: for a signal, until it is sent.
    ///
    /// When it is given up, the command that runs is ended before this returns. When it is dropped half-way, the command's keeper ends it
    /// by itself, a moment later.
    ///
    /// # Errors
    /// [`CollectError`], after at most the timeout for each process.
    pub async fn run(self) -> Result<(), CollectError> {
        let processes = match self.collect.of {
            CollectOf::Main => vec![self.main],
            CollectOf::All => members(&self.membership),
        };
        if processes.is_empty() {
            return Err(CollectError::NobodyThere);
        }
        match &self.collect.by {
            CollectBy::Command(words) => {
                for process in processes {
                    self.command(words, process).await?;
                }
                Ok(())
            }
            CollectBy::Signal(signal) => send(&processes, *signal),
            CollectBy::Http { url, method } => request(url, *method, self.collect.timeout).await,
        }
    }

    /// Runs the command for one process, in the hands of a keeper of its own.
    async fn command(&self, words: &[String], process: ProcessId) -> Result<(), CollectError> {
        let pid = process.pid.to_string();
        let words: Vec<String> = words.iter().map(|word| word.replace(Collect::PID, &pid)).collect();
        let command = words.join(" ");
        let mut spec = target_spec::command_spec(&self.profile, &words, &self.keeper)
            .map_err(|failure| CollectError::NotStarted(failure.messages.join("; ")))?;
        spec.environment.insert("SOAKD_TARGET_PID".into(), OsString::from(&pid));
        // A runtime often answers to its own user alone.
        spec.user.clone_from(&self.profile.target.user);
        spec.group.clone_from(&self.profile.target.group);
        spec.output =
            OutputSpec { file: Some(self.folder.join(LOG)), limit_bytes: self.profile.target.output_limit_bytes };
        let mut run = Target::spawn(spec)
            .await
            .map_err(|error| CollectError::NotStarted(error.to_string().replacen("target", "command", 1)))?;
        let ended = tokio::select! {
            ended = tokio::time::timeout(self.collect.timeout, exit_of(&mut run)) => Some(ended),
            () = self.give_up.notified() => None,
        };
        // Whatever it has left behind ends with it.
        let stopped = run.stop(StopSpec { grace: Duration::ZERO, ..StopSpec::default() }).await;
        tracing::debug!(?stopped, command, "collected");
        match ended.unwrap_or(Ok(ExitStatus::Unknown)) {
            Err(_) => Err(CollectError::TimedOut { what: format!("`{command}`"), timeout: self.collect.timeout }),
            Ok(status) if status.is_success() => Ok(()),
            Ok(status) => {
                let printed = run.output().and_then(|output| output.last_lines().pop());
                Err(CollectError::Failed { command, status, printed })
            }
        }
    }
}

async fn exit_of(run: &mut Target) -> ExitStatus {
    loop {
        match run.next_event().await {
            TargetEvent::Exited { status, .. } => return status,
            TargetEvent::Gone => return ExitStatus::Unknown,
            TargetEvent::Ready { .. }
            | TargetEvent::Failed(_)
            | TargetEvent::Restarted { .. }
            | TargetEvent::OutputTruncated { .. }
            | TargetEvent::OutputFailed { .. } => {}
        }
    }
}

/// The living processes of a target.
fn members(membership: &Membership) -> Vec<ProcessId> {
    let mut tree = soakd_sampler::ProcessTree::new(soakd_sampler::ProcRoot::default(), membership.clone());
    match tree.search() {
        Ok(members) => members.iter().map(|member| member.id).collect(),
        Err(_) => Vec::new(),
    }
}

/// Sends `signal` to those that handle it: what it does to others is to end them, or nothing.
fn send(processes: &[ProcessId], signal: CollectSignal) -> Result<(), CollectError> {
    let (number, name) = match signal {
        CollectSignal::Usr1 => (Signal::USR1, "USR1"),
        CollectSignal::Usr2 => (Signal::USR2, "USR2"),
        CollectSignal::Hup => (Signal::HUP, "HUP"),
        CollectSignal::Winch => (Signal::WINCH, "WINCH"),
    };
    let mut unhandled = None;
    let mut sent_count = 0;
    for id in processes {
        let Some(process) = Relative::read(id.pid).filter(|process| process.start_ticks == id.start_ticks) else {
            continue;
        };
        if !handles(id.pid, number) {
            unhandled = Some(id.pid);
            continue;
        }
        process.signal(number).map_err(|reason| CollectError::Refused { pid: id.pid, reason })?;
        sent_count += 1;
    }
    match (sent_count, unhandled) {
        (0, Some(pid)) => Err(CollectError::NotHandled { pid, signal: name }),
        (0, None) => Err(CollectError::NobodyThere),
        _ => Ok(()),
    }
}

/// Whether the process has a handler for `signal`, as `/proc/PID/status` tells.
fn handles(pid: u32, signal: Signal) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/status")).is_ok_and(|status| caught(&status, signal.as_raw()))
}

/// Whether the mask `SigCgt` in the text of a `status` has `signal`.
fn caught(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| (1..=64).contains(&signal) && mask >> (signal - 1) & 1 == 1)
}

async fn request(url: &str, method: CollectMethod, timeout: Duration) -> Result<(), CollectError> {
    let no_answer = |reason: String| CollectError::NoAnswer { url: url.to_owned(), reason };
    let address: HttpUrl = url.parse().map_err(|error: http::HttpUrlError| no_answer(error.to_string()))?;
    let method = match method {
        CollectMethod::Get => Method::GET,
        CollectMethod::Post => Method::POST,
    };
    match http::send(method, &address, timeout, LONGEST_BODY_BYTES).await {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
        Ok(answer) => Err(CollectError::BadStatus { url: url.to_owned(), status: answer.status }),
        Err(error) => Err(no_answer(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_handled_where_the_mask_has_its_bit() {
        let status = "Name:\tjava\nSigIgn:\tffffffffffffffff\nSigCgt:\t0000000000000a00\n";
        assert!(caught(status, 10) && caught(status, 12));
        for (text, signal) in [(status, 9), (status, 0), (status, 65), ("", 10), ("SigCgt:\tzz\n", 10)] {
            assert!(!caught(text, signal), "{text:?} {signal}");
        }
    }

    #[test]
    fn a_process_that_would_be_ended_by_the_signal_is_not_sent_it() {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let id = ProcessId::of(&soakd_sampler::ProcRoot::default(), child.id()).unwrap();
        let error = send(&[id], CollectSignal::Usr1).unwrap_err();
        assert_eq!(error.to_string(), format!("process {} does not handle SIGUSR1, which was not sent", child.id()));
        assert!(child.try_wait().unwrap().is_none(), "it was ended");
        let gone = ProcessId { start_ticks: id.start_ticks + 1, ..id };
        assert!(matches!(send(&[gone], CollectSignal::Usr1), Err(CollectError::NobodyThere)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
