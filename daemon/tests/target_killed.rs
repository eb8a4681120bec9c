//! Nothing is left running, whoever is killed.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod target_helper;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use soakd::target::{Membership, StopSpec, StopTook, Target, TargetEvent};
use target_helper::{Child, eventually, gone, is_alive, line_ready, patiently, shell, spawn};
use tokio::sync::RwLock;

/// Set in the process that stands for soakd: the file into which the processes of its target write their pids.
const FILE: &str = "SOAKD_TEST_PIDS";

/// A keeper whose soakd was killed is handed to this process where it has become the reaper of its descendants, as it does in tests
/// that have a target themselves, and would be ended as one that a killed keeper has left. So the two kinds of tests take turns.
static TURNS: RwLock<()> = RwLock::const_new(());

/// A target with a child that has left its session and ignores the signal: two processes, each in the file.
fn family(file: &str) -> String {
    // What is ignored stays so when another program is executed.
    format!("setsid sh -c \"trap '' TERM; echo \\$\\$ >> {file}; exec sleep 600\" & echo $$ >> {file}; exec sleep 600")
}

fn keeper_of(target: &Target) -> u32 {
    match target.membership() {
        Membership::Descendants { of, include_roots: false } => of[0].pid,
        other => panic!("{other:?}"),
    }
}

fn kill(pid: u32) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    // That it has ended in the meantime is as well.
    let _ = kill_process(pid, Signal::KILL);
}

#[tokio::test]
#[ignore = "not a test: the process that the others kill"]
async fn soakd_that_is_killed() {
    let Ok(file) = std::env::var(FILE) else { return };
    let target = spawn(shell(&family(&file))).await;
    println!("keeper {}", keeper_of(&target));
    for folder in target.placement().unwrap().cgroup_v2.iter() {
        println!("cgroup {}", folder.display());
    }
    println!("started");
    std::future::pending::<()>().await;
}

/// A process that soaks a family, with what it says about it.
struct Soakd {
    process: Child,
    keeper: u32,
    cgroup: Option<String>,
    _folder: tempfile::TempDir,
    pids: Vec<u32>,
}

impl Drop for Soakd {
    /// For a test that has failed, and for the one in which nobody else is left to do it.
    fn drop(&mut self) {
        self.process.end();
        for pid in self.pids.iter().filter(|pid| is_alive(**pid)) {
            kill(*pid);
        }
    }
}

async fn soakd() -> Soakd {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "soakd_that_is_killed"])
        .env(FILE, &file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let process = Child(process);
    let (mut keeper, mut cgroup) = (None, None);
    loop {
        let line = lines.next().expect("it said nothing").unwrap();
        // The harness prints the name of the test before what the test prints.
        if let Some((_, pid)) = line.split_once("keeper ") {
            keeper = pid.parse().ok();
        } else if let Some((_, folder)) = line.split_once("cgroup ") {
            cgroup = Some(folder.to_owned());
        } else if line == "started" {
            break;
        }
    }
    let pids = || -> Vec<u32> {
        fs::read_to_string(&file).unwrap_or_default().lines().filter_map(|line| line.parse().ok()).collect()
    };
    eventually("both processes run", || pids().len() == 2).await;
    let pids = pids();
    assert!(pids.iter().all(|pid| is_alive(*pid)));
    Soakd { process, keeper: keeper.unwrap(), cgroup, _folder: folder, pids }
}

#[tokio::test]
async fn a_killed_soakd_leaves_nothing() {
    let _turn = TURNS.read().await;
    let mut soakd = soakd().await;
    soakd.process.end();
    for pid in soakd.pids.iter().chain([&soakd.keeper]) {
        eventually("it has ended", || !is_alive(*pid)).await;
    }
    if let Some(cgroup) = &soakd.cgroup {
        eventually("its cgroup is removed", || !fs::exists(cgroup).unwrap()).await;
    }
}

#[tokio::test]
async fn a_keeper_ignores_what_a_terminal_or_a_service_manager_sends_to_all() {
    let _turn = TURNS.read().await;
    let mut soakd = soakd().await;
    let keeper = Pid::from_raw(i32::try_from(soakd.keeper).unwrap()).unwrap();
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        kill_process(keeper, signal).unwrap();
    }
    // It hears soakd end after it has seen the signals, if it has survived them.
    soakd.process.end();
    for pid in &soakd.pids {
        eventually("it has ended", || !is_alive(*pid)).await;
    }
}

#[tokio::test]
async fn the_main_process_does_not_outlive_soakd_and_keeper_killed_together() {
    let _turn = TURNS.read().await;
    let mut soakd = soakd().await;
    kill(soakd.keeper);
    soakd.process.end();
    // Which of the two wrote first is open; the one that the keeper has started ends by itself.
    eventually("one has ended", || soakd.pids.iter().any(|pid| !is_alive(*pid))).await;
}

#[tokio::test]
async fn a_killed_keeper_is_noticed_and_its_orphans_are_ended() {
    let _turn = TURNS.write().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let mut target = spawn(shell(&family(file.to_str().unwrap()))).await;
    let pids = || -> Vec<u32> {
        fs::read_to_string(&file).unwrap_or_default().lines().filter_map(|line| line.parse().ok()).collect()
    };
    eventually("both processes run", || pids().len() == 2).await;
    kill(keeper_of(&target));
    loop {
        match patiently(target.next_event()).await {
            TargetEvent::Failed(error) => break assert!(error.to_string().contains("keeper"), "{error}"),
            TargetEvent::Ready { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    gone(&mut target).await;
    for pid in pids() {
        assert_eq!(target_helper::state(pid), None, "{pid} is there, or was not reaped");
    }
    let report = patiently(target.stop(StopSpec::default())).await.unwrap();
    assert_eq!(report.took, StopTook::Nothing);
}

#[tokio::test]
async fn a_keeper_killed_during_a_stop_changes_nothing_for_the_target() {
    let _turn = TURNS.write().await;
    // One process: a child of it that is as deaf would be given the whole grace.
    let spec = line_ready(shell("trap '' TERM; echo deaf; exec sleep 600"), "deaf");
    let mut target = spawn(spec).await;
    patiently(target.wait_ready()).await.unwrap();
    let (pid, keeper) = (target.process().pid, keeper_of(&target));
    let stop = StopSpec { grace: Duration::from_secs(86_400), ..StopSpec::default() };
    let (report, ()) = tokio::join!(patiently(target.stop(stop)), async { kill(keeper) });
    report.unwrap();
    assert_eq!(target_helper::state(pid), None);
}

#[tokio::test]
async fn a_dropped_target_ends() {
    let _turn = TURNS.write().await;
    let target = spawn(shell("exec sleep 600")).await;
    let (pid, keeper) = (target.process().pid, keeper_of(&target));
    drop(target);
    eventually("it has ended", || !is_alive(pid)).await;
    eventually("its keeper was reaped", || target_helper::state(keeper).is_none()).await;
}
