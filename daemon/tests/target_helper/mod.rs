//! What the tests of targets share: patience with a deadline, and a keeper that is the real program.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::future::Future;
use std::time::Duration;

use regex::bytes::Regex;
use soakd::keeper::KeeperProgram;
use soakd::target::{AfterExit, ExitStatus, ReadySpec, ReadyWhen, SpawnSpec, Target, TargetError, TargetEvent};

/// Only ever ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for something that has to happen.
pub(crate) async fn patiently<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("nothing happened")
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("not so after {PATIENCE:?}: {what}"));
}

/// The keeper of the program under test.
pub(crate) fn keeper() -> KeeperProgram {
    KeeperProgram::at(env!("CARGO_BIN_EXE_soakd"))
}

pub(crate) async fn try_spawn(spec: SpawnSpec) -> Result<Target, TargetError> {
    patiently(Target::spawn(SpawnSpec { keeper: keeper(), ..spec })).await
}

pub(crate) async fn spawn(spec: SpawnSpec) -> Target {
    try_spawn(spec).await.unwrap()
}

/// A script for the shell.
pub(crate) fn shell(script: &str) -> SpawnSpec {
    SpawnSpec::command("sh", ["-c", script])
}

/// Ready when a line matches.
pub(crate) fn line_ready(mut spec: SpawnSpec, regex: &str) -> SpawnSpec {
    let when = ReadyWhen::Line(Regex::new(regex).unwrap());
    spec.ready = Some(ReadySpec { when, timeout: PATIENCE });
    spec
}

/// The next exit of the main process.
pub(crate) async fn next_exit(target: &mut Target) -> (ExitStatus, u32, AfterExit) {
    loop {
        match patiently(target.next_event()).await {
            TargetEvent::Exited { status, left_running_count, next, .. } => return (status, left_running_count, next),
            TargetEvent::Gone => panic!("gone without an exit"),
            _ => {}
        }
    }
}

/// Waits until nothing is left.
pub(crate) async fn gone(target: &mut Target) {
    while !matches!(patiently(target.next_event()).await, TargetEvent::Gone) {}
}

/// The state of a process, as one letter.
pub(crate) fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// Whether a process is there and has not ended.
pub(crate) fn is_alive(pid: u32) -> bool {
    state(pid).is_some_and(|state| state != 'Z' && state != 'X')
}

/// A process of a test, killed and reaped when the test ends in whichever way.
pub(crate) struct Child(pub(crate) std::process::Child);

impl Child {
    pub(crate) fn start(program: &str, args: &[&str]) -> Self {
        let mut command = std::process::Command::new(program);
        command.args(args).stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        Self(command.spawn().unwrap())
    }

    pub(crate) fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
    }
}
