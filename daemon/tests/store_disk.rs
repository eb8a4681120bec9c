//! A disk that fills, and has room again later: the run goes on and says so.
//!
//! The binary starts itself again, since a limit on file sizes holds for a whole process.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that fails says so by its panic, and what cannot run is said at the end"
)]

mod store_runs;

#[path = "store_runs/child.rs"]
mod child;
#[path = "real_programs/harness.rs"]
#[allow(dead_code, reason = "it knows of more that a test may need than is needed here")]
mod harness;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use child::Recording;
use harness::{Case, MOUNTS};
use libtest_mimic::{Failed, Trial};
use rustix::process::{Resource, getrlimit, setrlimit};
use soakd::history::archive::{Folder, Place};
use soakd::store::{Ending, Notice, Recorder, RunState, Scope, SeriesNumber, Store, StoreError};
use soakd_analysis::Quantity;
use store_runs::{new_run, open};

fn main() -> ExitCode {
    if let Some(part) = std::env::var_os(child::PART) {
        let folder = PathBuf::from(std::env::var_os(child::FOLDER).unwrap());
        match part.to_str().unwrap() {
            "fills" => fills(&folder),
            "fills_for_long" => fills_for_long(&folder),
            "full_at_the_end" => full_at_the_end(&folder),
            "full_while_compressing" => full_while_compressing(&folder),
            "full_while_archiving" => full_while_archiving(&folder),
            part => panic!("no part `{part}`"),
        }
        return ExitCode::SUCCESS;
    }
    let part = |part: &'static str| {
        Trial::test(part, move || {
            let folder = tempfile::tempdir().unwrap();
            // What the child asserts it says on standard error.
            let status = Recording::start(part, folder.path()).0.wait().unwrap();
            match status.code() {
                Some(0) => Ok(()),
                _ => Err(Failed::from(format!("the child ended with status {status:?}"))),
            }
        })
    };
    let mut trials = harness::trials(&[
        Case {
            name: "a_full_disk_is_named_and_nothing_is_damaged",
            needs: &[MOUNTS],
            test: a_full_disk_is_named_and_nothing_is_damaged,
        },
        Case { name: "a_read_only_file_system_is_refused", needs: &[MOUNTS], test: a_read_only_file_system_is_refused },
    ]);
    trials.all.extend([part("fills"), part("fills_for_long"), part("full_at_the_end")]);
    trials.all.extend([part("full_while_compressing"), part("full_while_archiving")]);
    harness::run(trials)
}

/// Lets no file of this process grow beyond `bytes`; `None` lifts the limit.
fn limit_files(bytes: Option<u64>) {
    let limit = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, rustix::process::Rlimit { current: bytes.or(limit.maximum), ..limit }).unwrap();
}

struct Run {
    store: Store,
    recorder: Recorder,
    numbers: Vec<SeriesNumber>,
    tick: u32,
    notices: Vec<Notice>,
}

impl Run {
    fn begin(folder: &Path, series_count: u32) -> Self {
        let store = open(folder);
        let mut recorder = store.begin(new_run("full")).unwrap();
        let numbers = (0..series_count).map(|_| recorder.series("rss_bytes", Scope::Tree, Quantity::Bytes)).collect();
        Self { store, recorder, numbers, tick: 0, notices: Vec::new() }
    }

    fn sample(&mut self) {
        let value = f64::from(self.tick) * 4096.0;
        let readings: Vec<_> = self.numbers.iter().map(|&number| (number, value)).collect();
        self.recorder.sample(f64::from(self.tick), &readings);
        self.tick += 1;
    }

    /// Samples, each written or refused before the next, until `stop` is among the notices.
    fn sample_until(&mut self, each: u32, stop: impl Fn(&Notice) -> bool) {
        loop {
            for _ in 0..each {
                self.sample();
            }
            let _ = self.recorder.flush();
            let news = self.recorder.notices();
            let stopped = news.iter().any(&stop);
            self.notices.extend(news);
            if stopped {
                return;
            }
            assert!(self.tick < 100_000, "no such notice, but {:?}", self.notices);
        }
    }

    fn values(&self, key: soakd::store::RunKey) -> Vec<f64> {
        self.store.column(key, self.numbers[0]).unwrap().unwrap().values
    }
}

fn failed(notice: &Notice) -> bool {
    matches!(notice, Notice::WriteFailed { .. })
}

fn resumed(notice: &Notice) -> bool {
    matches!(notice, Notice::WriteResumed { .. })
}

fn ending() -> Ending {
    Ending { duration_s: 1.0, why: "done".to_owned(), verdict: Some(serde_json::json!({"outcome": "pass"})) }
}

/// What is sampled while nothing can be written is written later.
fn fills(folder: &Path) {
    let mut run = Run::begin(folder, 20);
    limit_files(Some(200 * 1024));
    run.sample_until(1, failed);
    for _ in 0..50 {
        run.sample();
    }
    assert!(run.recorder.flush().is_err());
    assert!(run.recorder.notices().is_empty(), "one failure is told once");
    limit_files(None);
    run.sample_until(1, resumed);
    let [failure, Notice::WriteResumed { lost_count: 0 }] = run.notices.as_slice() else {
        panic!("{:?}", run.notices);
    };
    assert!(failed(failure));

    let key = run.recorder.key();
    let all: Vec<_> = (0..run.tick).map(|tick| f64::from(tick) * 4096.0).collect();
    assert_eq!(run.values(key), all);
    let events = run.store.events(key).unwrap();
    let texts: Vec<_> = events.iter().map(|event| event.text.as_str()).collect();
    assert!(
        matches!(texts.as_slice(), [first, "writing works again; 0 samples were lost"]
        if first.starts_with("writing failed: cannot ") && first.ends_with("; samples are kept in memory")),
        "{texts:?}"
    );
    let Run { store, recorder, .. } = run;
    recorder.finish(ending()).unwrap();
    assert_eq!(store.run("last").unwrap().state, RunState::Finished);
    assert!(store.gaps(key).unwrap().is_empty());
    store.check().unwrap();
}

/// Memory is not without end either: the oldest samples go, and a gap says which.
fn fills_for_long(folder: &Path) {
    let mut run = Run::begin(folder, 1000);
    limit_files(Some(300 * 1024));
    run.sample_until(20, failed);
    for _ in 0..20 {
        for _ in 0..200 {
            run.sample();
        }
        assert!(run.recorder.flush().is_err());
    }
    limit_files(None);
    run.sample_until(1, resumed);
    let Some(&Notice::WriteResumed { lost_count }) = run.notices.last() else { panic!("{:?}", run.notices) };
    assert!(lost_count > 0);
    assert!(!run.notices.iter().any(|notice| matches!(notice, Notice::Behind { .. })), "{:?}", run.notices);

    let key = run.recorder.key();
    let values = run.values(key);
    assert_eq!(values.len() as u64 + lost_count, u64::from(run.tick));
    let gaps = run.store.gaps(key).unwrap();
    let [gap] = gaps.as_slice() else { panic!("{gaps:?}") };
    let column = run.store.column(key, run.numbers[0]).unwrap().unwrap();
    assert!(column.t_s.iter().all(|t_s| !(gap.from_s..=gap.to_s).contains(t_s)));
    assert_eq!(gap.to_s - gap.from_s + 1.0, lost_count as f64);
    let Run { store, recorder, .. } = run;
    recorder.finish(ending()).unwrap();
    store.check().unwrap();
}

/// An ending that cannot be written is told, and written when there is room again.
fn full_at_the_end(folder: &Path) {
    let mut run = Run::begin(folder, 20);
    run.sample();
    run.recorder.flush().unwrap();
    limit_files(Some(4096));
    let Run { store, recorder, .. } = run;
    let error = recorder.finish(ending()).unwrap_err();
    assert!(matches!(error, StoreError::Disk { .. } | StoreError::DiskFull { .. }), "{error}");
    assert_eq!(store.run("last").unwrap().state, RunState::Running);
    limit_files(None);
    // The writer tries again by itself; here the next run makes it.
    let next = store.begin(new_run("next")).unwrap();
    let first = store.run("20261121-093012-full").unwrap();
    assert_eq!(first.state, RunState::Finished);
    assert!(store.verdict(first.key).unwrap().is_some());
    next.finish(ending()).unwrap();
}

/// Samples that cannot be compressed for want of room stay in their rows, each of them once.
fn full_while_compressing(folder: &Path) {
    let mut run = Run::begin(folder, 20);
    // Three blocks, in numbers that take their room.
    for _ in 0..10_000_u32 {
        let noise = f64::from(run.tick.wrapping_mul(2_654_435_761)).sqrt();
        let readings: Vec<_> = run.numbers.iter().map(|&number| (number, noise)).collect();
        run.recorder.sample(f64::from(run.tick), &readings);
        run.tick += 1;
        if run.tick.is_multiple_of(256) {
            run.recorder.flush().unwrap();
        }
    }
    let Run { store, recorder, numbers, .. } = run;
    let key = recorder.key();
    recorder.finish(ending()).unwrap();
    let before = store.columns(key, &numbers).unwrap();
    assert_eq!(before[0].values.len(), 10_000);
    limit_files(Some(64 * 1024));
    let error = store.compress().unwrap_err();
    assert!(matches!(error, StoreError::Disk { .. } | StoreError::DiskFull { .. }), "{error}");
    assert_eq!(store.columns(key, &numbers).unwrap(), before);
    limit_files(None);
    assert!(store.compress().unwrap() > 0);
    assert_eq!(store.columns(key, &numbers).unwrap(), before);
    assert_eq!(store.compress().unwrap(), 0, "there is nothing left to do");
    store.check().unwrap();
}

/// A file of an archive is there whole, or as it was.
fn full_while_archiving(folder: &Path) {
    let archive = Folder(folder.join("archive"));
    let (old, new) = (Path::new("2026/11/21/3f9a2c1-old.parquet"), Path::new("2026/11/21/3f9a2c1-new.parquet"));
    archive.put(old, b"as it was").unwrap();
    limit_files(Some(100_000));
    for file in [old, new] {
        assert!(archive.put(file, &vec![7; 1_000_000]).is_err());
    }
    let of_day = folder.join("archive/2026/11/21");
    let names: Vec<_> = std::fs::read_dir(&of_day).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["3f9a2c1-old.parquet"]);
    assert_eq!(std::fs::read(of_day.join("3f9a2c1-old.parquet")).unwrap(), b"as it was");
    limit_files(None);
    archive.put(new, &vec![7; 1_000_000]).unwrap();
    assert!(archive.has(new));
}

/// A small file system; unmounted when dropped, also while a writer still has a file open there.
struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    fn mount(options: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder.path()).output();
        assert!(mounted.unwrap().status.success());
        Self(folder)
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn a_full_disk_is_named_and_nothing_is_damaged() {
    let tmpfs = Tmpfs::mount("size=512k");
    {
        let mut run = Run::begin(tmpfs.0.path(), 20);
        run.sample_until(10, failed);
        let Some(Notice::WriteFailed { error, hint }) = run.notices.first() else { panic!("{:?}", run.notices) };
        let file = run.store.file().display();
        let folder = tmpfs.0.path().display();
        assert_eq!(
            *error,
            format!("cannot write to the store `{file}`: the disk is full or a file size limit is reached")
        );
        assert_eq!(
            hint.as_deref(),
            Some(format!("free space below `{folder}`, or give a folder on another disk with `--state DIR`").as_str())
        );
        let stored = run.values(run.recorder.key());
        assert_eq!(stored, (0..stored.len()).map(|tick| tick as f64 * 4096.0).collect::<Vec<_>>());
        assert!(stored.len() > 100, "{}", stored.len());
        run.store.check().unwrap();
        assert!(matches!(run.recorder.finish(ending()), Err(StoreError::DiskFull { .. })));
    }
    let again = Store::open(tmpfs.0.path());
    assert!(again.is_ok(), "{again:?}");
}

fn a_read_only_file_system_is_refused() {
    let tmpfs = Tmpfs::mount("ro,size=64k");
    let error = Store::open(tmpfs.0.path()).unwrap_err();
    let file = tmpfs.0.path().join("soakd.sqlite");
    assert_eq!(
        error.to_string(),
        format!("cannot write to the store `{}`: no permission, or a read-only file system", file.display())
    );
}
