//! A folder for one test, in which soakd runs, and what is awaited there.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::Value;
use soakd::store::Store;

use crate::answer::Answer;
use crate::marked;

/// Only ever ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at something that is awaited.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Arguments of a run that is short, and tolerates whatever a constant target may seem to do.
pub(crate) const SHORT: &[&str] = &["--interval", "20ms", "--for", "2s", "--tolerate", "1TiB/h"];
/// Arguments of a run that does not end by itself while a test lasts.
pub(crate) const LONG: &[&str] = &["--interval", "20ms", "--for", "1h", "--tolerate", "1TiB/h"];

/// A user who may do nothing; where the tests run as another than root, that one is as good.
const NOBODY: u32 = 65534;

/// A folder of one test. Whatever was started in it ends with it.
#[derive(Debug)]
pub(crate) struct Place {
    folder: tempfile::TempDir,
    mark: String,
    started_count: AtomicU32,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mark = folder.path().display().to_string();
        Self { folder, mark, started_count: AtomicU32::new(0) }
    }

    /// The path of something in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into it.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("the file can be written");
        path
    }

    /// soakd with its state in this folder, to be completed.
    pub(crate) fn soakd<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        self.complete(Command::new(env!("CARGO_BIN_EXE_soakd")), arguments)
    }

    /// The same as a user without any rights, started by `wrapper` if that is not empty.
    pub(crate) fn soakd_as_nobody(&self, wrapper: &[&str], arguments: &[&str]) -> Command {
        // The folder of the build may be closed to others.
        let program = self.path("soakd").display().to_string();
        // By another process: what this one has open for writing, a test beside it may hand to a child, and then it is busy.
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_soakd")).arg(&program).status();
        assert!(copied.is_ok_and(|status| status.success()), "the program can be copied");
        let words = [wrapper, &[&program], arguments].concat();
        let mut command = self.complete(Command::new(words[0]), &words[1..]);
        if is_root() {
            use std::os::unix::fs::{PermissionsExt, chown};
            fs::set_permissions(self.folder.path(), fs::Permissions::from_mode(0o755)).expect("its own folder");
            let state = self.path("state");
            fs::create_dir_all(&state).expect("a folder");
            chown(&state, Some(NOBODY), Some(NOBODY)).expect("root may");
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    fn complete<S: AsRef<OsStr>>(&self, mut command: Command, arguments: impl IntoIterator<Item = S>) -> Command {
        command.env("STATE_DIRECTORY", self.path("state")).env(marked::VARIABLE, &self.mark).env_remove("SOAKD_LOG");
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    /// Starts a command of this folder.
    pub(crate) fn start(&self, mut command: Command) -> Running {
        let number = self.started_count.fetch_add(1, Ordering::Relaxed);
        let (stdout, stderr) = (self.path(&format!("{number}.stdout")), self.path(&format!("{number}.stderr")));
        let create = |path: &Path| File::create(path).expect("a file");
        command.stdin(Stdio::null()).stdout(create(&stdout)).stderr(create(&stderr));
        Running { child: command.spawn().expect("the program starts"), stdout, stderr }
    }

    /// Runs a command of this folder to its end.
    pub(crate) fn finish(&self, command: Command) -> Answer {
        self.start(command).answer()
    }

    /// Runs soakd to its end.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Answer {
        self.finish(self.soakd(arguments))
    }

    /// `soakd KIND OPTIONS -- sh -c SCRIPT` to its end.
    pub(crate) fn soak(&self, kind: &str, options: &[&str], script: &str) -> Answer {
        self.run([&[kind], options, &["--", "sh", "-c", script]].concat())
    }

    /// The verdict in the folder `out`.
    #[track_caller]
    pub(crate) fn verdict(&self, out: &str) -> Value {
        let path = self.path(out).join("verdict.json");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).expect("a verdict is JSON")
    }

    /// The id of the only run here. From its folder: whoever opens the store is told of interrupted runs first.
    pub(crate) fn only_run(&self) -> String {
        let folders: Vec<_> = fs::read_dir(self.path("state/runs")).expect("a folder of runs").flatten().collect();
        assert_eq!(folders.len(), 1, "{folders:?}");
        folders[0].file_name().into_string().expect("ids are ASCII")
    }

    /// How many samples the run that started last has on disk; none where there is no run yet.
    pub(crate) fn samples_count(&self) -> u64 {
        if !self.path("state/soakd.sqlite").exists() {
            return 0;
        }
        let store = self.store();
        store.run("last").map_or(0, |run| store.samples_count(run.key).expect("the store can be read"))
    }

    /// What happened in the run that started last, as far as it is on disk; nothing where there is no run yet.
    pub(crate) fn last_events(&self) -> Vec<String> {
        let store = self.store();
        let Ok(run) = store.run("last") else { return Vec::new() };
        store.events(run.key).expect("the store can be read").into_iter().map(|event| event.text).collect()
    }

    /// Whether the run that started last has a series of this metric on disk.
    pub(crate) fn has_series(&self, metric: &str) -> bool {
        let store = self.store();
        let Ok(run) = store.run("last") else { return false };
        store.series(run.key).expect("the store can be read").iter().any(|series| series.metric == metric)
    }

    /// How many looks of the run that started last are on disk.
    pub(crate) fn looks_count(&self) -> usize {
        if !self.path("state/soakd.sqlite").exists() {
            return 0;
        }
        let store = self.store();
        store.run("last").map_or(0, |run| store.looks(run.key).expect("the store can be read").len())
    }

    /// The store, beside a soakd that may be writing to it.
    pub(crate) fn store(&self) -> Store {
        Store::open(&self.path("state")).expect("the store can be opened").store
    }

    /// Waits until `count` samples are on disk.
    #[track_caller]
    pub(crate) fn await_samples(&self, count: u64) {
        eventually("samples are on disk", || self.samples_count() >= count);
    }

    /// Waits until a file of this folder is there and not empty.
    #[track_caller]
    pub(crate) fn await_file(&self, name: &str) -> String {
        eventually(name, || fs::metadata(self.path(name)).is_ok_and(|file| file.len() > 0));
        fs::read_to_string(self.path(name)).expect("it is text")
    }

    /// The living processes that were started here and whose command line begins like that.
    pub(crate) fn processes(&self, beginning: &str) -> Vec<u32> {
        marked::living(&self.mark)
            .into_iter()
            .filter(|(_, line)| line.starts_with(beginning))
            .map(|(pid, _)| pid)
            .collect()
    }

    /// Fails if anything that was started here still runs, once soakd has answered.
    #[track_caller]
    pub(crate) fn nothing_is_left(&self) {
        let left = marked::living(&self.mark);
        assert!(left.is_empty(), "still running: {left:#?}");
    }

    /// The same where soakd could not wait for it, since it was killed.
    #[track_caller]
    pub(crate) fn nothing_will_be_left(&self) {
        eventually("nothing is left running", || marked::living(&self.mark).is_empty());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        marked::end(&self.mark);
    }
}

/// A program that runs, its output in files. It is killed when the test is over.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a pid");
        kill_process(pid, signal).expect("it runs");
    }

    /// From now on it can write no file beyond this size.
    pub(crate) fn limit_files_to(&self, bytes: u64) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a pid");
        let limit = Rlimit { current: Some(bytes), maximum: None };
        prlimit(Some(pid), Resource::Fsize, limit).expect("its own child");
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("it can be asked").is_none()
    }

    /// Waits until standard error holds `text`.
    #[track_caller]
    pub(crate) fn await_message(&mut self, text: &str) {
        eventually(text, || {
            let said = fs::read_to_string(&self.stderr).unwrap_or_default();
            assert!(said.contains(text) || self.runs(), "it ended and said: {said}");
            said.contains(text)
        });
    }

    /// What it has written to standard output so far.
    pub(crate) fn results(&self) -> String {
        fs::read_to_string(&self.stdout).unwrap_or_default()
    }

    /// What it has written to standard error so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn answer(mut self) -> Answer {
        let mut status = None;
        eventually("soakd ends", || {
            status = self.child.try_wait().expect("it can be waited for");
            status.is_some()
        });
        let read = |path: &Path| String::from_utf8_lossy(&fs::read(path).expect("its output")).into_owned();
        Answer { status: status.expect("it has ended"), stdout: read(&self.stdout), stderr: read(&self.stderr) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not so after {PATIENCE:?}: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Whether the tests run as root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
