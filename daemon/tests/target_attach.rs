//! Targets that were there before: found, watched, followed, and never touched.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod target_helper;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use soakd::target::{
    AfterExit, AttachSpec, AttachTo, ExitStatus, Follow, Membership, StopSpec, StopTook, Target, TargetError,
    TargetEvent,
};
use target_helper::{Child, eventually, gone, is_alive, next_exit, patiently, spawn};

const FOLLOW: Follow = Follow::Successor { within: None };

async fn try_attach(to: AttachTo, follow: Follow) -> Result<Target, TargetError> {
    patiently(Target::attach(AttachSpec { to, follow })).await
}

async fn attach(to: AttachTo, follow: Follow) -> Target {
    let mut target = try_attach(to, follow).await.unwrap();
    patiently(target.wait_ready()).await.unwrap();
    target
}

async fn restarted(target: &mut Target) -> (u32, u32) {
    loop {
        match patiently(target.next_event()).await {
            TargetEvent::Restarted { old, new, .. } => return (old.pid, new.pid),
            TargetEvent::Gone => panic!("gone without a successor"),
            _ => {}
        }
    }
}

/// A program with a name that nothing else on this host has.
struct Program {
    folder: tempfile::TempDir,
    name: String,
}

impl Program {
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("{name}-{}", std::process::id());
        fs::copy(fs::canonicalize("/bin/sh").unwrap(), folder.path().join(&name)).unwrap();
        Self { folder, name }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }

    /// Runs until it is killed; `read` waits for a line that never comes, in the process itself.
    async fn start(&self) -> Child {
        let script = "exec 3<> \"$0\"; read line <&3; read line <&4";
        let fifo = self.folder.path().join("fifo");
        if !fifo.exists() {
            let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
            assert!(made.success());
        }
        let child = Child::start(self.path().to_str().unwrap(), &["-c", script, fifo.to_str().unwrap()]);
        let pid = child.0.id();
        let comm: String = self.name.chars().take(15).collect();
        eventually("it runs its program", || {
            fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == comm)
        })
        .await;
        child
    }

    fn to(&self) -> AttachTo {
        AttachTo::Name(self.name.clone())
    }
}

#[tokio::test]
async fn a_pid_is_watched_until_it_ends_and_is_not_touched() {
    let mut child = Child::start("sleep", &["600"]);
    let pid = child.0.id();
    let mut target = attach(AttachTo::Pid(pid), Follow::No).await;
    assert_eq!(target.process().pid, pid);
    assert_eq!(target.membership(), Membership::Descendants { of: vec![target.process()], include_roots: true });
    child.end();
    let (status, _, next) = next_exit(&mut target).await;
    assert_eq!((status, next), (ExitStatus::Unknown, AfterExit::End));
    gone(&mut target).await;
}

#[tokio::test]
async fn letting_go_harms_nobody() {
    let mut child = Child::start("sleep", &["600"]);
    let mut target = attach(AttachTo::Pid(child.0.id()), Follow::No).await;
    target.skip_grace().skip();
    let report = patiently(target.stop(StopSpec::default())).await.unwrap();
    assert_eq!(report.took, StopTook::LetGo);
    drop(target);
    assert!(child.0.try_wait().unwrap().is_none());
    assert!(is_alive(child.0.id()));
}

#[tokio::test]
async fn a_pid_that_is_not_there_is_told() {
    let mut child = Child::start("true", &[]);
    let pid = child.0.id();
    eventually("it has ended", || !is_alive(pid)).await;
    let zombie = try_attach(AttachTo::Pid(pid), Follow::No).await.unwrap_err();
    assert_eq!(
        zombie.to_string(),
        format!("pid `{pid}` is not running: it has ended and was not reaped by its parent")
    );
    child.end();
    let dead = try_attach(AttachTo::Pid(pid), Follow::No).await.unwrap_err();
    assert_eq!(dead.to_string(), format!("pid `{pid}` is not running"));
}

#[tokio::test]
async fn a_name_finds_the_only_one() {
    let program = Program::new("soakd-by-name-long");
    let child = program.start().await;
    let target = attach(program.to(), Follow::No).await;
    assert_eq!(target.process().pid, child.0.id());
}

#[tokio::test]
async fn two_of_a_name_are_listed() {
    let program = Program::new("soakd-twins");
    let (one, two) = (program.start().await, program.start().await);
    let error = try_attach(program.to(), Follow::No).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, TargetError::Ambiguous { .. }), "{text}");
    for child in [&one, &two] {
        assert!(text.contains(&format!("\n    {} {}", child.0.id(), program.path().display())), "{text}");
    }
}

#[tokio::test]
async fn a_tree_of_a_name_is_one_target() {
    let program = Program::new("soakd-tree");
    let path = program.path();
    let script = format!("{0} -c 'sleep 600; :' & {0} -c 'sleep 600; :' & wait", path.display());
    let mut target = spawn(soakd::target::SpawnSpec::command(&path, ["-c", &script])).await;
    let main = target.process().pid;
    let attached = attach(program.to(), Follow::No).await;
    assert_eq!(attached.process().pid, main);
    patiently(target.stop(StopSpec::default())).await.unwrap();
}

#[tokio::test]
async fn a_name_that_nothing_has_is_told() {
    let error = try_attach(AttachTo::Name("no-such-name".to_owned()), Follow::No).await.unwrap_err();
    assert_eq!(error.to_string(), "process `no-such-name` is not running");
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn a_successor_of_the_same_name_is_followed() {
    let program = Program::new("soakd-heir");
    let mut first = program.start().await;
    let mut target = attach(program.to(), FOLLOW).await;
    first.end();
    assert_eq!(next_exit(&mut target).await.2, AfterExit::Follow);
    let second = program.start().await;
    assert_eq!(restarted(&mut target).await, (first.0.id(), second.0.id()));
    assert_eq!(target.process().pid, second.0.id());
    assert_eq!(target.membership(), Membership::Descendants { of: vec![target.process()], include_roots: true });
}

#[tokio::test]
async fn a_pid_is_followed_by_its_name() {
    let program = Program::new("soakd-pid");
    let mut first = program.start().await;
    let mut target = attach(AttachTo::Pid(first.0.id()), FOLLOW).await;
    first.end();
    let second = program.start().await;
    assert_eq!(restarted(&mut target).await, (first.0.id(), second.0.id()));
}

#[tokio::test]
async fn a_successor_that_does_not_come_in_time_is_not_waited_for() {
    let mut child = Program::new("soakd-last").start().await;
    let follow = Follow::Successor { within: Some(Duration::from_millis(100)) };
    let mut target = attach(AttachTo::Pid(child.0.id()), follow).await;
    child.end();
    gone(&mut target).await;
}

#[tokio::test]
async fn a_wait_for_a_successor_can_be_given_up() {
    let mut child = Program::new("soakd-never").start().await;
    let mut target = attach(AttachTo::Pid(child.0.id()), FOLLOW).await;
    child.end();
    next_exit(&mut target).await;
    assert_eq!(patiently(target.stop(StopSpec::default())).await.unwrap().took, StopTook::LetGo);
}

#[tokio::test]
async fn a_unit_that_does_not_exist_is_told() {
    let error = try_attach(AttachTo::Unit("no-such-unit-at-all".to_owned()), Follow::No).await.unwrap_err();
    assert!(matches!(error, TargetError::Unknown { .. }), "{error}");
    assert!(error.to_string().starts_with("unit `no-such-unit-at-all` does not exist here"), "{error}");
    assert!(error.hint().unwrap().contains("systemctl"));
}
