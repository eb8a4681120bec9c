//! What can go wrong with a target, said so that a person knows what to do next.

use std::path::PathBuf;
use std::time::Duration;

use super::event::{ExitStatus, Leftover};
use super::spec::{AttachTo, ReadyWhen};
use crate::keeper::UnitError;

/// Why a target could not be started, attached to, waited for or stopped.
///
/// The message is a fragment for the line after `error:`; [`TargetError::hint`] is the line below it.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// No such program.
    #[error("cannot start target `{program}`: {what}")]
    ProgramMissing {
        /// As the user wrote it.
        program: String,
        /// `no such file or directory`, or that it is not in `PATH`.
        what: &'static str,
        /// Whether it was looked up in `PATH`.
        in_path: bool,
    },
    /// The program is a folder, or lacks the permission to be executed.
    #[error("cannot start target `{program}`: {what}")]
    ProgramNotExecutable {
        /// As the user wrote it.
        program: String,
        /// Where it was found.
        file: PathBuf,
        /// Why not.
        what: &'static str,
    },
    /// The first line of a script names an interpreter that is not there.
    #[error("cannot start target `{program}`: its interpreter `{interpreter}` does not exist")]
    InterpreterMissing {
        /// As the user wrote it.
        program: String,
        /// From the `#!` line, or the loader that the program asks for.
        interpreter: String,
    },
    /// The file is no program that this kernel runs.
    #[error("cannot start target `{program}`: not a program for this machine, and no script with a `#!` line")]
    NotAProgram {
        /// As the user wrote it.
        program: String,
    },
    /// Its working directory cannot be entered.
    #[error("cannot start target: working directory `{}`: {reason}", folder.display())]
    WorkingFolder {
        /// The folder.
        folder: PathBuf,
        /// The answer of the kernel.
        reason: std::io::Error,
    },
    /// The user or group is not known here.
    #[error("cannot start target: unknown {what} `{name}`")]
    UnknownAccount {
        /// `user` or `group`.
        what: &'static str,
        /// As the user wrote it.
        name: String,
    },
    /// soakd may not start a process as this user or group.
    #[error("cannot start target as user `{user}`: {reason}")]
    AccountNotPermitted {
        /// The user or group.
        user: String,
        /// The answer of the kernel.
        reason: std::io::Error,
    },
    /// A resource limit cannot be set.
    #[error("cannot start target: limit `{limit}`: {reason}")]
    Limit {
        /// Which one.
        limit: String,
        /// The answer of the kernel.
        reason: std::io::Error,
    },
    /// Starting it failed in another way.
    #[error("cannot start target `{program}`: {step}: {reason}")]
    Start {
        /// As the user wrote it.
        program: String,
        /// What was being done.
        step: &'static str,
        /// The answer of the kernel.
        reason: std::io::Error,
    },
    /// The process that keeps the target could not be started, or has ended.
    #[error("cannot keep the target: {what}: {reason}")]
    Keeper {
        /// What was being done.
        what: &'static str,
        /// Why it failed.
        reason: std::io::Error,
    },
    /// systemd has not started a unit for it.
    #[error("cannot start the target in a unit of its own: {0}")]
    Unit(UnitError),
    /// The file for its output cannot be written.
    #[error("cannot write the target's output to `{}`: {reason}", file.display())]
    OutputFile {
        /// The file.
        file: PathBuf,
        /// The answer of the kernel.
        reason: std::io::Error,
    },
    /// The address to wait for is none.
    #[error("cannot wait for `{url}`: {what}")]
    ReadyAddress {
        /// As the user wrote it.
        url: String,
        /// What is wrong with it.
        what: String,
    },
    /// It ended before it was ready.
    #[error("target ended with {status} before it was ready; waited for {waited_for}{}", quoted(last_lines))]
    EndedBeforeReady {
        /// How it ended.
        status: ExitStatus,
        /// The sign that did not show.
        waited_for: ReadyWhen,
        /// The last lines it printed.
        last_lines: Vec<String>,
    },
    /// The sign did not show in time.
    #[error("target was not ready within {} s; waited for {waited_for}{}{}", timeout.as_secs_f64(), because(last_answer), quoted(last_lines))]
    NotReadyInTime {
        /// How long was waited.
        timeout: Duration,
        /// The sign that did not show.
        waited_for: ReadyWhen,
        /// What the last try gave.
        last_answer: Option<String>,
        /// The last lines it printed.
        last_lines: Vec<String>,
    },
    /// Nothing runs that answers to this.
    #[error("{to} is not running{}", because(why))]
    NotRunning {
        /// What was asked for.
        to: AttachTo,
        /// What is known about it.
        why: Option<String>,
    },
    /// There is no such unit or cgroup.
    #[error("{to} does not exist here{}", because(why))]
    Unknown {
        /// What was asked for.
        to: AttachTo,
        /// What is known about it.
        why: Option<String>,
    },
    /// Several processes answer to this, and they are not one tree.
    #[error("{to} is {} processes that do not belong together{}", matches.len(), listed(matches))]
    Ambiguous {
        /// What was asked for.
        to: AttachTo,
        /// `PID COMMAND` of each root.
        matches: Vec<String>,
    },
    /// The target would be soakd itself, or a process that soakd runs under.
    #[error("{to} is {what}")]
    Oneself {
        /// What was asked for.
        to: AttachTo,
        /// What it is.
        what: &'static str,
    },
    /// The process is there and cannot be watched.
    #[error("cannot watch {to}: {reason}")]
    Watch {
        /// What was asked for.
        to: AttachTo,
        /// The answer of the kernel.
        reason: std::io::Error,
    },
    /// What names the target makes no sense.
    #[error("cannot attach to {to}: {what}")]
    BadName {
        /// What was asked for.
        to: AttachTo,
        /// What is wrong.
        what: &'static str,
    },
    /// Some of it does not end, not even by SIGKILL.
    #[error("the target cannot be stopped: {} processes are left{}", left.len(), listed_leftovers(left))]
    StillRunning {
        /// Which.
        left: Vec<Leftover>,
    },
}

impl TargetError {
    /// What to do about it, where there is something to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::ProgramMissing { in_path: true, .. } => "install it, or give its path".to_owned(),
            Self::ProgramMissing { .. } => "relative commands are looked up from the folder of the profile".to_owned(),
            Self::ProgramNotExecutable { file, .. } => match file.is_dir() {
                true => "give the program in it".to_owned(),
                false => format!("make it executable: chmod +x {}", file.display()),
            },
            Self::InterpreterMissing { .. } => "install the interpreter, or correct the first line".to_owned(),
            Self::NotAProgram { .. } => "give the interpreter first, as in `sh FILE`".to_owned(),
            Self::WorkingFolder { .. } => {
                "create it; relative ones are looked up from the folder of the profile".to_owned()
            }
            Self::UnknownAccount { what, .. } => format!("create the {what}, or give its number"),
            Self::AccountNotPermitted { .. } => {
                "run soakd as root or as that user, or drop `user` and `group` from `[target]`".to_owned()
            }
            Self::Limit { .. } => "a hard limit can only be lowered, unless soakd runs as root".to_owned(),
            Self::OutputFile { .. } => "choose another folder with --out".to_owned(),
            Self::ReadyAddress { .. } => "expected http://HOST[:PORT][/PATH]".to_owned(),
            Self::EndedBeforeReady { .. } => "run the command by hand to see why it ends".to_owned(),
            Self::NotReadyInTime { .. } => "raise the timeout, or wait for something else".to_owned(),
            Self::NotRunning { .. } => "start it first, or let soakd start it: soakd check -- COMMAND".to_owned(),
            Self::Unknown { to: AttachTo::Unit(_), .. } => {
                "list the units of this host: systemctl list-units --type=service".to_owned()
            }
            Self::Unknown { .. } => "give a folder below /sys/fs/cgroup that holds the target".to_owned(),
            Self::Ambiguous { .. } => "choose one with --pid".to_owned(),
            Self::Oneself { .. } => "choose another one with --pid".to_owned(),
            Self::StillRunning { .. } => "a process that waits for a device ends when the device answers".to_owned(),
            Self::Unit(error) => return error.hint(),
            Self::Start { .. } | Self::Keeper { .. } | Self::Watch { .. } | Self::BadName { .. } => return None,
        };
        Some(hint)
    }
}

fn because(what: &Option<String>) -> String {
    what.as_ref().map(|what| format!(": {what}")).unwrap_or_default()
}

fn quoted(lines: &[String]) -> String {
    match lines {
        [] => String::new(),
        lines => format!("; its last output:{}", listed(lines)),
    }
}

fn listed(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n    {line}")).collect()
}

fn listed_leftovers(left: &[Leftover]) -> String {
    left.iter().map(|left| format!("\n    {left}")).collect()
}
