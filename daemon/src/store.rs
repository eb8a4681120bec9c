//! Runs on disk: one SQLite file in the state folder, written while samples are taken.
//!
//! Raw readings only, so that an old run can be judged again by new models. A run hands what it reads to a
//! [`Recorder`], which never waits for the disk; one thread for each [`Store`] writes. Whatever happens to the
//! process, no more than the sample in flight is lost, and the next [`Store::open`] marks the run as interrupted.
//! Several processes may use one state folder at the same time.
//!
//! ```
//! use soakd::store::{Ending, NewRun, RunId, Scope, Store};
//! use soakd_analysis::Quantity;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let opened = Store::open(folder.path())?;
//! assert!(opened.interrupted.is_empty());
//! let store = opened.store;
//!
//! let started = "2026-11-21T09:30:12Z".parse()?;
//! let mut recorder = store.begin(NewRun {
//!     id: RunId::new(started, "demo"),
//!     profile: "demo".to_owned(),
//!     profile_text: String::new(),
//!     command: vec!["./server".to_owned()],
//!     scenario: None,
//!     stage: None,
//!     environment: None,
//!     host: serde_json::json!({}),
//!     planned_s: 60.0,
//!     interval_s: 1.0,
//!     policy: serde_json::json!({}),
//!     started,
//!     commit: None,
//!     branch: None,
//! })?;
//! let rss = recorder.series("rss_bytes", Scope::Tree, Quantity::Bytes);
//! recorder.sample(0.0, &[(rss, 4096.0)]);
//! recorder.sample(1.0, &[(rss, 8192.0)]);
//! recorder.finish(Ending { duration_s: 1.0, why: "the time was up".to_owned(), verdict: None })?;
//!
//! let run = store.run("last")?;
//! let column = store.column(run.key, rss)?.ok_or("no such series")?;
//! assert_eq!(column.values, [4096.0, 8192.0]);
//! # Ok(())
//! # }
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | `run_id` | names of runs |
//! | `record` | what is stored, as it is handed in and read back |
//! | `owner` | which process records a run, and whether it lives |
//! | `schema` | tables, migrations, how a connection is opened |
//! | `readings`, `varint` | the readings of one sample as bytes |
//! | `chunk`, `lane` | many samples as few bytes |
//! | `compress`, `thin` | what becomes of the samples of runs that have ended |
//! | `recorder` | the run's handle |
//! | `writer`, `insert` | the thread that writes, its statements |
//! | `read`, `baselines` | queries |
//! | `jobs` | queue, schedule and watches of the daemon |
//! | `error` | what can go wrong, and what to do |

mod baselines;
mod chunk;
mod compress;
mod error;
mod insert;
mod jobs;
mod lane;
mod owner;
mod read;
mod readings;
mod record;
mod recorder;
mod run_id;
mod schema;
mod thin;
mod varint;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, channel, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rusqlite::{Connection, params};

pub use baselines::BaselineChoice;
pub use error::StoreError;
pub use jobs::JobFilter;
pub use owner::Owner;
pub use record::{
    Column, Detail, Ending, Event, Extremes, Gap, Interrupted, NewRun, Notice, RunHead, RunKey, RunRecord, RunState,
    Scope, SeriesNumber, SeriesRecord,
};
pub use recorder::Recorder;
pub use run_id::RunId;
pub use schema::Migrated;

use crate::service::status::{Job, JobState};
use read::ReadError;
use writer::Message;

/// Name of the file in the state folder.
const FILE: &str = "soakd.sqlite";

/// Where the kernel tells of processes.
const PROC: &str = "/proc";

/// The runs of one state folder. It can be shared between threads.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    file: PathBuf,
    owner: Owner,
    reader: Mutex<Connection>,
    /// The thread that writes; started with the first run.
    writer: Mutex<Option<SyncSender<Message>>>,
}

/// A run that was cut off and goes on.
#[derive(Debug)]
pub struct Resumed {
    /// Takes what comes.
    pub recorder: Recorder,
    /// The series that it has.
    pub series: Vec<SeriesRecord>,
    /// Samples that it has.
    pub samples_count: u64,
    /// Time of the last of them, in seconds of the run.
    pub last_s: Option<f64>,
}

/// An opened store, and what was found in it.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Runs whose process had gone away; they are marked as interrupted now. Each is reported once.
    pub interrupted: Vec<Interrupted>,
    /// That the store was of an older schema, and where it is kept as it was.
    pub migrated: Option<Migrated>,
}

impl Store {
    /// Opens the store in `folder`; folder and file are made where they do not exist, for this user alone.
    ///
    /// # Errors
    /// [`StoreError`], one variant for each thing that can be done about it; see [`StoreError::hint`]. A file that
    /// is not a store, or of a newer soakd, is left as it was.
    pub fn open(folder: &Path) -> Result<Opened, StoreError> {
        let file = folder.join(FILE);
        schema::create(folder, &file)?;
        let (reader, migrated) = schema::connect(&file)?;
        let interrupted = mark_interrupted(&reader).map_err(|error| StoreError::of(&file, error))?;
        let store = Self {
            folder: folder.to_owned(),
            file,
            owner: Owner::current(Path::new(PROC)),
            reader: Mutex::new(reader),
            writer: Mutex::new(None),
        };
        Ok(Opened { store, interrupted, migrated })
    }

    /// The state folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The store's file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Begins to record `run`. The run is on disk when this returns.
    ///
    /// # Errors
    /// [`StoreError::RunExists`] where the id is taken (make another), or why the run could not be written.
    pub fn begin(&self, run: NewRun) -> Result<Recorder, StoreError> {
        let writer = self.writer()?;
        let (notices, from_writer) = channel();
        let (reply, begun) = sync_channel(1);
        let begin = Message::Begin { run: Box::new(run), notices, reply };
        writer.send(begin).map_err(|_| StoreError::WriterGone)?;
        let key = begun.recv().map_err(|_| StoreError::WriterGone)??;
        Ok(Recorder::new(key, writer, from_writer, 0, 0))
    }

    /// Goes on with a run that was cut off, as this process's own.
    ///
    /// # Errors
    /// [`StoreError::NotToBeResumed`] where it has ended or goes on elsewhere, or why the store refused.
    pub fn resume(&self, run: &RunRecord) -> Result<Resumed, StoreError> {
        let writer = self.writer()?;
        let (notices, from_writer) = channel();
        let (reply, resumed) = sync_channel(1);
        writer.send(Message::Resume { key: run.key, notices, reply }).map_err(|_| StoreError::WriterGone)?;
        let rows_count = resumed.recv().map_err(|_| StoreError::WriterGone)??;
        let series = self.series(run.key)?;
        let (samples_count, last_s) = self.read(|connection| read::extent(connection, run.key))?;
        let series_count = series.iter().map(|series| series.number.0 + 1).max().unwrap_or(0);
        let recorder = Recorder::new(run.key, writer, from_writer, series_count, rows_count);
        Ok(Resumed { recorder, series, samples_count, last_s })
    }

    /// The process that the target of a run was last; `None` where none was recorded.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn target(&self, run: RunKey) -> Result<Option<Owner>, StoreError> {
        self.read(|connection| read::target(connection, run))
    }

    /// All runs, in order of their start.
    ///
    /// # Errors
    /// Why they could not be read.
    pub fn runs(&self) -> Result<Vec<RunRecord>, StoreError> {
        self.read(read::runs)
    }

    /// Runs that are marked as running, in order of their start.
    ///
    /// # Errors
    /// Why they could not be read.
    pub fn running(&self) -> Result<Vec<RunRecord>, StoreError> {
        self.read(|connection| read::runs_in_state(connection, RunState::Running))
    }

    /// The newest runs first, those of `profile` where one is named: what they are looked for by. [`Store::record`] gives the rest.
    ///
    /// # Errors
    /// Why they could not be read.
    pub fn heads(&self, profile: Option<&str>) -> Result<Vec<RunHead>, StoreError> {
        self.read(|connection| read::heads(connection, profile, None))
    }

    /// The run of this key; `None` where it has been removed.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn record(&self, key: RunKey) -> Result<Option<RunRecord>, StoreError> {
        self.read(|connection| read::run(connection, key))
    }

    /// All runs as [`Store::runs`] gives them, but for their profiles and policies, which are left empty: they take much more room
    /// than the rest.
    ///
    /// # Errors
    /// Why they could not be read.
    pub fn runs_without_documents(&self) -> Result<Vec<RunRecord>, StoreError> {
        self.read(read::runs_without_documents)
    }

    /// The run that `which` names: an id, the beginning of just one id, or `last` for the one that started last.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`], [`StoreError::Ambiguous`], [`StoreError::NoRuns`], or why nothing could be read.
    pub fn run(&self, which: &str) -> Result<RunRecord, StoreError> {
        let missing = || StoreError::NoSuchRun { which: which.to_owned(), file: self.file.clone() };
        if which == "last" {
            let newest = self.read(|connection| read::heads(connection, None, Some(1)))?.pop();
            let newest = newest.map(|head| self.record(head.key)).transpose()?.flatten();
            return newest.ok_or_else(|| StoreError::NoRuns { file: self.file.clone() });
        }
        if which.is_empty() {
            return Err(missing());
        }
        let mut found = self.read(|connection| read::runs_with_prefix(connection, which))?;
        if let Some(exact) = found.iter().position(|record| record.run.id.as_str() == which) {
            return Ok(found.swap_remove(exact));
        }
        match found.as_slice() {
            [first, second, ..] => Err(StoreError::Ambiguous {
                prefix: which.to_owned(),
                count: found.len(),
                examples: [first.run.id.to_string(), second.run.id.to_string()],
            }),
            _ => found.pop().ok_or_else(missing),
        }
    }

    /// The series of a run, by number.
    ///
    /// # Errors
    /// Why they could not be read.
    pub fn series(&self, run: RunKey) -> Result<Vec<SeriesRecord>, StoreError> {
        self.read(|connection| read::series(connection, run))
    }

    /// Series of a run over time, in the order of `numbers`; numbers that the run does not have are left out.
    ///
    /// One pass over the run's samples, so ask for all that are wanted at once. The whole of each series is in
    /// memory afterwards, 16 bytes for each reading.
    ///
    /// # Errors
    /// Why they could not be read.
    pub fn columns(&self, run: RunKey, numbers: &[SeriesNumber]) -> Result<Vec<Column>, StoreError> {
        read::columns(&self.lock(), run, numbers).map_err(|error| self.reading_failed(error))
    }

    /// One series of a run over time; `None` if the run has no such series. See [`Store::columns`].
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn column(&self, run: RunKey, number: SeriesNumber) -> Result<Option<Column>, StoreError> {
        Ok(self.columns(run, &[number])?.pop())
    }

    /// The events of a run, in order of their time.
    ///
    /// # Errors
    /// Why they could not be read.
    pub fn events(&self, run: RunKey) -> Result<Vec<Event>, StoreError> {
        self.read(|connection| read::events(connection, run))
    }

    /// The gaps of a run, in order of their beginning.
    ///
    /// # Errors
    /// Why they could not be read.
    pub fn gaps(&self, run: RunKey) -> Result<Vec<Gap>, StoreError> {
        self.read(|connection| read::gaps(connection, run))
    }

    /// The looks of a run in order of their time, each as JSON.
    ///
    /// # Errors
    /// Why they could not be read.
    pub fn looks(&self, run: RunKey) -> Result<Vec<String>, StoreError> {
        self.read(|connection| read::looks(connection, run))
    }

    /// Number of samples of a run.
    ///
    /// # Errors
    /// Why they could not be counted.
    pub fn samples_count(&self, run: RunKey) -> Result<u64, StoreError> {
        self.read(|connection| read::extent(connection, run)).map(|(count, _)| count)
    }

    /// The verdict document of a run, as it was stored; `None` where there is none.
    ///
    /// # Errors
    /// Why it could not be read; [`StoreError::Damaged`] where it is not JSON.
    pub fn verdict(&self, run: RunKey) -> Result<Option<serde_json::Value>, StoreError> {
        let text = self.read(|connection| read::verdict(connection, run))?;
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| StoreError::Damaged {
            file: self.file.clone(),
            detail: format!("the verdict of a run is not JSON: {error}"),
        })
    }

    /// Stores a verdict that was made afterwards, such as that of an interrupted run, in place of an earlier one.
    ///
    /// # Errors
    /// Why it could not be written.
    pub fn set_verdict(&self, run: RunKey, verdict: &serde_json::Value) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO verdicts VALUES (?1, ?2)";
        self.read(|connection| connection.execute(sql, params![run.0, verdict.to_string()])).map(drop)
    }

    /// Compresses the samples of all runs that have ended, and gives back what that frees of the file. Cheap where there
    /// is nothing to do.
    ///
    /// It may be killed at any moment, and several processes may be at it: every sample stays to be read, once.
    ///
    /// # Errors
    /// Why it could not go on; what is not compressed by then stays as it is. A run with damaged samples is left alone.
    pub fn compress(&self) -> Result<u64, StoreError> {
        let mut connection = self.lock();
        let waiting = compress::waiting(&connection).map_err(|error| StoreError::of(&self.file, error))?;
        let mut samples_count = 0;
        let mut damage = None;
        for run in waiting {
            match compress::run(&mut connection, run).map_err(|error| self.reading_failed(error)) {
                Ok(count) => samples_count += count,
                Err(error @ StoreError::Damaged { .. }) => damage = Some(error),
                Err(error) => return Err(error),
            }
        }
        if samples_count > 0 {
            compress::shrink(&connection).map_err(|error| StoreError::of(&self.file, error))?;
        }
        damage.map_or(Ok(samples_count), Err)
    }

    /// Turns the samples of a run that has ended into one aggregate for each minute: median, lowest, highest.
    ///
    /// # Errors
    /// Why it could not be done; the samples are then as they were.
    pub fn thin(&self, run: RunKey) -> Result<(), StoreError> {
        let mut connection = self.lock();
        thin::run(&mut connection, run).map_err(|error| self.reading_failed(error))?;
        compress::shrink(&connection).map_err(|error| StoreError::of(&self.file, error))
    }

    /// Removes a run that has ended: samples, verdict, events, all of it.
    ///
    /// # Errors
    /// Why it could not be done; the run is then as it was.
    pub fn remove(&self, run: RunKey) -> Result<(), StoreError> {
        self.read(|connection| {
            connection.execute("DELETE FROM runs WHERE run = ?1 AND state <> 'running'", [run.0])?;
            compress::shrink(connection)
        })
    }

    /// How the baseline of a profile is chosen; `None` where nobody chose.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn baseline(&self, profile: &str, scenario: Option<&str>) -> Result<Option<BaselineChoice>, StoreError> {
        self.read(|connection| baselines::get(connection, profile, scenario.unwrap_or_default()))
    }

    /// Chooses the baseline of a profile.
    ///
    /// # Errors
    /// Why it could not be written.
    pub fn set_baseline(
        &self,
        profile: &str,
        scenario: Option<&str>,
        choice: &BaselineChoice,
    ) -> Result<(), StoreError> {
        self.read(|connection| baselines::set(connection, profile, scenario.unwrap_or_default(), choice)).map(drop)
    }

    /// Keeps a new job and gives it its number. `None` where the schedule has asked for this occurrence before. `handled` is how far
    /// the schedule has come with it, kept at the same moment, so that nothing is run twice or left out whenever the process ends.
    ///
    /// # Errors
    /// Why it could not be written.
    pub fn add_job(&self, job: Job, handled: Option<&str>) -> Result<Option<Job>, StoreError> {
        jobs::add(&mut self.lock(), job, handled).map_err(|error| StoreError::of(&self.file, error))
    }

    /// Keeps what has become of a job.
    ///
    /// # Errors
    /// Why it could not be written.
    pub fn set_job(&self, job: &Job) -> Result<(), StoreError> {
        self.read(|connection| jobs::set(connection, job))
    }

    /// The job of this number.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn job(&self, id: u64) -> Result<Option<Job>, StoreError> {
        self.read(|connection| jobs::get(connection, id))
    }

    /// The job of a run.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn job_of_run(&self, run: &str) -> Result<Option<Job>, StoreError> {
        self.read(|connection| jobs::of_run(connection, run))
    }

    /// Jobs, the newest first.
    ///
    /// # Errors
    /// Why they could not be read.
    pub fn jobs(&self, filter: JobFilter) -> Result<Vec<Job>, StoreError> {
        self.read(|connection| jobs::list(connection, filter))
    }

    /// All jobs that stand like this, in order of their numbers.
    ///
    /// # Errors
    /// Why they could not be read.
    pub fn jobs_in_state(&self, state: JobState) -> Result<Vec<Job>, StoreError> {
        self.read(|connection| jobs::in_state(connection, state))
    }

    /// Number of the last job that an entry of the schedule asked for.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn last_job_of_schedule(&self, name: &str) -> Result<Option<u64>, StoreError> {
        self.read(|connection| jobs::last_of_schedule(connection, name))
    }

    /// Forgets jobs that came to their end before `before`. Gives how many.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn forget_jobs(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.read(|connection| jobs::forget(connection, before))
    }

    /// How far an entry of the schedule has come, as JSON.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn schedule(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read(|connection| jobs::schedule(connection, name))
    }

    /// Keeps how far an entry of the schedule has come.
    ///
    /// # Errors
    /// Why it could not be written.
    pub fn set_schedule(&self, name: &str, document: &str) -> Result<(), StoreError> {
        self.read(|connection| jobs::set_schedule(connection, name, document))
    }

    /// What stands for a subject of the daemon, as JSON.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn standing(&self, subject: &str) -> Result<Option<String>, StoreError> {
        self.read(|connection| jobs::standing(connection, subject))
    }

    /// Keeps what stands for a subject of the daemon.
    ///
    /// # Errors
    /// Why it could not be written.
    pub fn set_standing(&self, subject: &str, document: &str) -> Result<(), StoreError> {
        self.read(|connection| jobs::set_standing(connection, subject, document))
    }

    /// Ids of the runs that fixed baselines are made of.
    ///
    /// # Errors
    /// Why they could not be read.
    pub fn pinned(&self) -> Result<Vec<String>, StoreError> {
        self.read(baselines::pinned)
    }

    /// Bytes that the samples of a run take.
    ///
    /// # Errors
    /// Why they could not be counted.
    pub fn samples_bytes(&self, run: RunKey) -> Result<u64, StoreError> {
        self.read(|connection| read::samples_bytes(connection, run))
    }

    /// Bytes of the store's file that are in use.
    ///
    /// # Errors
    /// Why that could not be found out.
    pub fn size_bytes(&self) -> Result<u64, StoreError> {
        let sql = "SELECT (page_count - freelist_count) * page_size
                   FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
        let bytes: i64 = self.read(|connection| connection.query_row(sql, [], |row| row.get(0)))?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }

    /// Looks the whole file over, which takes a while for a large one.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with the first damage found.
    pub fn check(&self) -> Result<(), StoreError> {
        let found: String =
            self.read(|connection| connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)))?;
        if found == "ok" { Ok(()) } else { Err(StoreError::Damaged { file: self.file.clone(), detail: found }) }
    }

    fn reading_failed(&self, error: ReadError) -> StoreError {
        let damaged = |detail| StoreError::Damaged { file: self.file.clone(), detail };
        match error {
            ReadError::Sqlite(error) => StoreError::of(&self.file, error),
            ReadError::Readings { sample } => damaged(format!("the readings of sample {sample} end in the middle")),
            ReadError::Block { first } => {
                damaged(format!("the samples from number {first} on are not what was written"))
            }
            ReadError::Pack(error) => StoreError::Compress(error),
        }
    }

    fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        query(&self.lock()).map_err(|error| StoreError::of(&self.file, error))
    }

    /// A thread that panicked while it read has left the connection as it was.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> Result<SyncSender<Message>, StoreError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = &*writer {
            return Ok(sender.clone());
        }
        let sender = writer::spawn(&self.file, schema::connect(&self.file)?.0, self.owner.clone())?;
        Ok(writer.insert(sender).clone())
    }
}

/// Marks the runs whose process is gone. Of two processes that find the same run, one reports it.
fn mark_interrupted(connection: &Connection) -> rusqlite::Result<Vec<Interrupted>> {
    let mut interrupted = Vec::new();
    for mut record in read::runs_in_state(connection, RunState::Running)? {
        if record.owner.is_alive(Path::new(PROC)) {
            continue;
        }
        let (samples_count, last_t_s) = read::extent(connection, record.key)?;
        let why = format!("process {} ended without finishing the run", record.owner.pid);
        let duration_s = last_t_s.unwrap_or(0.0);
        let changed = connection.execute(
            "UPDATE runs SET state = 'interrupted', ended_why = ?2, duration_s = ?3 WHERE run = ?1 AND state = 'running'",
            params![record.key.0, why, duration_s],
        )?;
        if changed == 1 {
            record.state = RunState::Interrupted;
            record.ended_why = Some(why);
            record.duration_s = Some(duration_s);
            interrupted.push(Interrupted { run: record, samples_count });
        }
    }
    Ok(interrupted)
}
