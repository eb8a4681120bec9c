//! Processes that record are killed at any moment: what they had committed is there, and the runs are marked.
//!
//! The binary starts itself again as the process that is killed, so it has a `main` of its own.

#![expect(clippy::unwrap_used, reason = "a test that fails says so by its panic")]

mod store_runs;

#[path = "store_runs/child.rs"]
mod child;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Lines, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, ExitCode};

use child::Recording;
use libtest_mimic::{Arguments, Failed, Trial};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use soakd::store::{Ending, Owner, RunId, RunState, Scope, SeriesNumber, Store};
use soakd_analysis::Quantity;
use store_runs::{new_run, open};

const SERIES: u32 = 20;

/// Samples of one run, after which the child finishes it and begins the next.
const RUN_SAMPLES: u32 = 40;

fn main() -> ExitCode {
    if let Some(part) = std::env::var_os(child::PART) {
        let folder = PathBuf::from(std::env::var_os(child::FOLDER).unwrap());
        match part.to_str() {
            Some("compress") => compress(&folder),
            _ => record(&folder),
        }
        return ExitCode::SUCCESS;
    }
    let trial = |name: &str, test: fn()| {
        Trial::test(name, move || {
            test();
            Ok::<(), Failed>(())
        })
    };
    let trials = vec![
        trial("nothing_committed_is_lost_when_a_process_is_killed", nothing_committed_is_lost_when_a_process_is_killed),
        trial(
            "a_live_owner_is_left_alone_and_a_dead_one_reported_once",
            a_live_owner_is_left_alone_and_a_dead_one_reported_once,
        ),
        trial("a_zombie_owns_nothing", a_zombie_owns_nothing),
        trial("nothing_is_lost_when_a_process_is_killed_while_it_compresses", killed_while_it_compresses),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// What series `number` reads at `tick`.
fn value(number: u32, tick: u32) -> f64 {
    f64::from(tick) * 4096.0 + f64::from(number) / 4.0
}

/// The child: records one run after the other, and says each step when it is done.
fn record(folder: &Path) {
    let say = |line: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
    };
    let store = Store::open(folder).unwrap().store;
    loop {
        let mut run = new_run("crash");
        run.id = RunId::new(run.started, &format!("p{}", std::process::id()));
        let id = run.id.clone();
        let mut recorder = store.begin(run).unwrap();
        say(format!("begun {id}"));
        let numbers: Vec<_> = (0..SERIES).map(|_| recorder.series("rss_bytes", Scope::Tree, Quantity::Bytes)).collect();
        for tick in 0..RUN_SAMPLES {
            let readings: Vec<_> = numbers.iter().map(|&number| (number, value(number.get(), tick))).collect();
            recorder.sample(f64::from(tick), &readings);
            recorder.flush().unwrap();
            say(format!("sample {id} {tick}"));
        }
        let verdict = Some(serde_json::json!({"run": id.as_str()}));
        recorder.finish(Ending { duration_s: f64::from(RUN_SAMPLES), why: "done".to_owned(), verdict }).unwrap();
        say(format!("finished {id}"));
    }
}

/// What a child says, line by line; it ends with the child.
fn lines(recording: &mut Recording) -> Lines<BufReader<ChildStdout>> {
    BufReader::new(recording.0.stdout.take().unwrap()).lines()
}

/// What a child said of one run.
#[derive(Debug, Default, Clone)]
struct Said {
    samples_count: u64,
    finished: bool,
}

fn hear(line: &str, said: &mut BTreeMap<String, Said>) {
    let mut words = line.split(' ');
    let (Some(step), Some(id)) = (words.next(), words.next()) else { panic!("the child said `{line}`") };
    let run = said.entry(id.to_owned()).or_default();
    match step {
        "begun" => {}
        "sample" => run.samples_count += 1,
        "finished" => run.finished = true,
        _ => panic!("the child said `{line}`"),
    }
}

fn nothing_committed_is_lost_when_a_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut said = BTreeMap::new();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..30 {
        let mut recording = Recording::start("record", folder.path());
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let mut lines = lines(&mut recording);
        for _ in 0..random % 100 {
            hear(&lines.next().unwrap().unwrap(), &mut said);
        }
        recording.0.kill().unwrap();
        assert_eq!(recording.0.wait().unwrap().code(), None);
        for line in lines {
            hear(&line.unwrap(), &mut said);
        }
        // What the process did after its last word is not known, so at most one run was begun unheard.
        for found in Store::open(folder.path()).unwrap().interrupted {
            said.entry(found.run.run.id.to_string()).or_default();
        }
    }
    assert!(said.values().any(|run| run.finished) && said.values().any(|run| !run.finished));
    check(folder.path(), &said);
}

/// Everything that was said is in the store, whole and right, and no more than one step beyond it.
fn check(folder: &Path, said: &BTreeMap<String, Said>) {
    let store = open(folder);
    store.check().unwrap();
    let ids: Vec<_> = store.runs().unwrap().into_iter().map(|run| run.run.id.to_string()).collect();
    assert_eq!(ids.len(), said.len());
    for (id, said) in said {
        let run = store.run(id).unwrap();
        let count = store.samples_count(run.key).unwrap();
        assert!((said.samples_count..=said.samples_count + 1).contains(&count), "{count} samples kept: {said:?}");
        let verdict = store.verdict(run.key).unwrap();
        assert_eq!(verdict.is_some(), run.state == RunState::Finished);
        if said.finished {
            assert_eq!(run.state, RunState::Finished);
        } else if said.samples_count < u64::from(RUN_SAMPLES) {
            assert_eq!(run.state, RunState::Interrupted);
            assert_eq!(run.duration_s, Some(count.saturating_sub(1) as f64));
        } else {
            // It may have finished without a chance to say so.
            assert_ne!(run.state, RunState::Running);
        }
        let numbers: Vec<SeriesNumber> = store.series(run.key).unwrap().iter().map(|series| series.number).collect();
        if count > 0 {
            assert_eq!(numbers.len(), SERIES as usize);
        }
        for column in store.columns(run.key, &numbers).unwrap() {
            let ticks = 0..u32::try_from(count).unwrap();
            let expected: Vec<_> = ticks.clone().map(|tick| value(column.series.number.get(), tick)).collect();
            assert_eq!(column.values, expected);
            assert_eq!(column.t_s, ticks.map(f64::from).collect::<Vec<_>>());
        }
    }
}

fn a_live_owner_is_left_alone_and_a_dead_one_reported_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut recording = Recording::start("record", folder.path());
    // Kept, since a child that can say nothing would end.
    let mut lines = lines(&mut recording);
    let begun = lines.next().unwrap().unwrap();
    let opened = Store::open(folder.path()).unwrap();
    assert_eq!(opened.interrupted, []);
    assert!(opened.store.run(begun.trim_start_matches("begun ")).is_ok());
    // Both record at once.
    let mut recorder = opened.store.begin(new_run("ours")).unwrap();
    let rss = recorder.series("rss_bytes", Scope::Tree, Quantity::Bytes);
    for tick in 0..100 {
        recorder.sample(f64::from(tick), &[(rss, 1.0)]);
    }
    let ours = recorder.key();
    recorder.finish(Ending { duration_s: 99.0, why: "done".to_owned(), verdict: None }).unwrap();
    assert_eq!(opened.store.samples_count(ours).unwrap(), 100);
    recording.0.kill().unwrap();
    recording.0.wait().unwrap();

    let found: Vec<_> = std::thread::scope(|scope| {
        let openers: Vec<_> = (0..4).map(|_| scope.spawn(|| Store::open(folder.path()).unwrap().interrupted)).collect();
        openers.into_iter().flat_map(|opener| opener.join().unwrap()).collect()
    });
    // It may have been killed between two runs, when it had none.
    let last = opened.store.run("last").unwrap();
    let interrupted = opened.store.runs().unwrap().into_iter().filter(|run| run.state == RunState::Interrupted);
    assert_eq!(found.len(), interrupted.count());
    assert_ne!(last.state, RunState::Running);
    for found in &found {
        let pid = recording.0.id();
        assert_eq!(found.run.owner.pid, pid);
        assert_eq!(found.run.ended_why, Some(format!("process {pid} ended without finishing the run")));
        assert_eq!(found.samples_count, opened.store.samples_count(found.run.key).unwrap());
    }
}

fn a_zombie_owns_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut recording = Recording::start("record", folder.path());
    let mut lines = lines(&mut recording);
    lines.next().unwrap().unwrap();
    recording.0.kill().unwrap();
    // Waits for its end and leaves it a zombie.
    let pid = Pid::from_raw(i32::try_from(recording.0.id()).unwrap()).unwrap();
    waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    let run = store.run("last").unwrap();
    assert_ne!(run.state, RunState::Running);
    assert_ne!(run.owner, Owner::current(Path::new("/proc")));
}

/// The child: compresses what there is, and says when it begins.
fn compress(folder: &Path) {
    let store = open(folder);
    let mut out = std::io::stdout().lock();
    writeln!(out, "begun").and_then(|()| out.flush()).unwrap();
    store.compress().unwrap();
    writeln!(out, "done").unwrap();
}

fn killed_while_it_compresses() {
    const TICKS: u32 = 40_000;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut recorder = store.begin(new_run("crash")).unwrap();
    let key = recorder.key();
    let numbers: Vec<_> = (0..3).map(|_| recorder.series("rss_bytes", Scope::Tree, Quantity::Bytes)).collect();
    for tick in 0..TICKS {
        let readings: Vec<_> = numbers.iter().map(|&number| (number, value(number.get(), tick))).collect();
        recorder.sample(f64::from(tick), &readings);
        if tick % 500 == 0 {
            recorder.flush().unwrap();
        }
    }
    recorder.finish(Ending { duration_s: f64::from(TICKS), why: "done".to_owned(), verdict: None }).unwrap();
    let rows = store.columns(key, &numbers).unwrap();
    let waiting = || -> i64 {
        let connection = rusqlite::Connection::open(store.file()).unwrap();
        connection.query_row("SELECT count(*) FROM samples", [], |row| row.get(0)).unwrap()
    };
    let mut kills = 0;
    while waiting() > 0 {
        let before = waiting();
        let mut child = Recording::start("compress", folder.path());
        let mut lines = lines(&mut child);
        assert_eq!(lines.next().unwrap().unwrap(), "begun");
        // At once, or in the middle of what follows the first block.
        while kills % 2 == 1 && waiting() == before && child.0.try_wait().unwrap().is_none() {}
        child.0.kill().unwrap();
        kills += 1;
        child.0.wait().unwrap();
        assert_eq!(store.samples_count(key).unwrap(), u64::from(TICKS));
        assert_eq!(store.columns(key, &numbers).unwrap(), rows, "after kill {kills}, {before} rows before it");
        store.check().unwrap();
        assert!(kills < 1000, "it gets nowhere: {} rows", waiting());
    }
    assert!(kills > 1, "it was never killed");
}
