//! What the daemon tells of itself: the documents that the API gives out, that the pages show and that clients read.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soakd_analysis::{Estimate, JudgementKind, Quantity};
use soakd_reports::Outcome;

use crate::submission::Submission;

/// All that goes on at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The daemon itself.
    pub daemon: DaemonStatus,
    /// Runs that go on, those of watches among them, in order of their start.
    pub running: Vec<LiveRun>,
    /// The first hundred jobs that wait, in the order in which they will start.
    pub queue: Vec<Job>,
    /// What comes next by the schedule, soonest first; those that are switched off at the end.
    pub schedule: Vec<Planned>,
    /// Targets that are watched without end.
    pub watches: Vec<WatchStatus>,
}

/// The daemon itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DaemonStatus {
    /// Version of soakd.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// When it started.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// Its state folder.
    pub state: String,
    /// Its configuration file, where there is one.
    pub config: Option<String>,
    /// How many soaks run at once at most; watches do not count.
    pub slots_count: u32,
    /// How many of these are taken.
    pub slots_taken_count: u32,
    /// How many jobs wait.
    pub queued_count: u64,
    /// Why nothing is started now though there are free slots: too little memory, say.
    pub held_back: Option<String>,
    /// Whether it is about to end.
    pub is_stopping: bool,
    /// Ticks of all runs since the start of the daemon.
    pub ticks_count: u64,
    /// Ticks that were missed since then.
    pub missed_ticks_count: u64,
    /// Resident memory of the daemon, in bytes.
    pub rss_bytes: Option<u64>,
    /// Processor time that it has taken, in seconds.
    pub cpu_s: Option<f64>,
    /// Files that it has open.
    pub open_files_count: Option<u64>,
    /// Size of its store, in bytes.
    pub store_bytes: Option<u64>,
    /// What somebody should know: a store that was set aside, a configuration that was refused.
    pub remarks: Vec<String>,
}

impl DaemonStatus {
    /// The process `pid` of soakd `version` on the state folder `state`, which has just started and done nothing.
    #[must_use]
    pub fn beginning(version: &str, pid: u32, started: Timestamp, state: String) -> Self {
        Self {
            version: version.to_owned(),
            pid,
            started,
            state,
            config: None,
            slots_count: 0,
            slots_taken_count: 0,
            queued_count: 0,
            held_back: None,
            is_stopping: false,
            ticks_count: 0,
            missed_ticks_count: 0,
            rss_bytes: None,
            cpu_s: None,
            open_files_count: None,
            store_bytes: None,
            remarks: Vec::new(),
        }
    }
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LivePhase {
    /// The target has been started and is not ready yet.
    Starting,
    /// The target is ready, its load has not begun.
    Before,
    /// Under load: the part that is judged.
    Loaded,
    /// The load has ended and the target cleans up.
    After,
    /// What was started is stopped, what was recorded is judged.
    Ending,
}

/// A run that goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiveRun {
    /// Its id.
    pub id: String,
    /// Its profile.
    pub profile: String,
    /// The job that it belongs to.
    pub job: Option<u64>,
    /// The watch that it belongs to.
    pub watch: Option<String>,
    /// What is soaked, in words: the command, or what it is attached to.
    pub target: String,
    /// Main process of the target.
    pub pid: Option<u32>,
    /// When it started.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// How far it has come.
    pub phase: LivePhase,
    /// Time of the last sample, in seconds from the start of the run.
    pub t_s: f64,
    /// Planned length of the judged part, in seconds.
    pub planned_s: f64,
    /// Samples so far.
    pub samples_count: u64,
    /// The judged series.
    pub series: Vec<LiveSeries>,
    /// Warnings so far.
    pub warnings: Vec<String>,
}

/// What is known of a judged series by now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiveSeries {
    /// Name of the metric.
    pub metric: String,
    /// The source that it comes from, where it is not the target itself.
    pub source: Option<String>,
    /// What one unit of it is.
    pub unit: Quantity,
    /// The last value.
    pub level: f64,
    /// Growth per hour, with the interval in which it lies whenever it is looked at.
    pub rate_per_hour: Option<Estimate>,
    /// Growth per hour that is tolerated; `None` as long as it is not known.
    pub tolerance_per_hour: Option<f64>,
    /// What the evidence says by now: anytime-valid, so that looking often costs no error rate.
    pub judgement: JudgementKind,
    /// Time until the nearest limit is reached at this rate, in seconds.
    pub time_to_limit_s: Option<Estimate>,
    /// The growth model that explained it best when it was last looked for, which is whenever the series has grown by half. It
    /// labels, and decides nothing.
    #[serde(default)]
    pub model: Option<String>,
}

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It waits for its turn.
    Queued,
    /// Its run goes on.
    Running,
    /// Its run came to a verdict.
    Done,
    /// There is no verdict.
    Failed,
    /// Somebody took it back.
    Cancelled,
}

impl JobState {
    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A soak that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Job {
    /// Its number: never used twice in one state folder.
    pub id: u64,
    /// What it is called.
    pub name: String,
    /// What was asked for.
    pub submission: Submission,
    /// The entry of the schedule that asked for it.
    pub schedule: Option<String>,
    /// For when the schedule had planned it, before jitter.
    #[schemars(with = "Option<String>")]
    pub planned: Option<Timestamp>,
    /// How it stands.
    pub state: JobState,
    /// How often it has been started.
    pub attempts_count: u32,
    /// When it was queued.
    #[schemars(with = "String")]
    pub queued: Timestamp,
    /// Before this time it is not started (again).
    #[schemars(with = "Option<String>")]
    pub not_before: Option<Timestamp>,
    /// When its last run was started.
    #[schemars(with = "Option<String>")]
    pub started: Option<Timestamp>,
    /// When it came to its end.
    #[schemars(with = "Option<String>")]
    pub ended: Option<Timestamp>,
    /// Its last run.
    pub run: Option<String>,
    /// What that came to; `None` where there is no verdict.
    pub outcome: Option<Outcome>,
    /// The exit code that `soakd run` would have ended with.
    pub exit_code: Option<u8>,
    /// The verdict in a sentence, why there is none, or who took it back.
    pub message: Option<String>,
}

/// An entry of the schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Planned {
    /// Its name in the configuration.
    pub name: String,
    /// When it runs, as configured.
    pub when: String,
    /// The time zone that this is meant in.
    pub time_zone: String,
    /// What it soaks.
    pub submission: Submission,
    /// Whether it is switched on.
    pub is_enabled: bool,
    /// When it starts next, with jitter; `None` where it is switched off or never comes again.
    #[schemars(with = "Option<String>")]
    pub next: Option<Timestamp>,
    /// Its last job.
    pub last_job: Option<u64>,
}

/// A target that is watched without end: in periods, each of which is a run with a verdict of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WatchStatus {
    /// Its name in the configuration.
    pub name: String,
    /// What is watched, in words.
    pub target: String,
    /// The run of the period that goes on; `None` while the target is not there.
    pub run: Option<String>,
    /// What stands: the judgement of the period that goes on as soon as it decides, until then that of the last one.
    pub judgement: Option<JudgementKind>,
    /// The same in a sentence.
    pub summary: Option<String>,
    /// Since when it stands.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// Why it is not watched now: the target is not there, or cannot be read.
    pub waiting: Option<String>,
}

/// What has just happened, for those who follow the daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum LiveEvent {
    /// A run has something new: a sample, a phase. At most once a second for each run.
    Run {
        /// The run as it stands now.
        run: Box<LiveRun>,
    },
    /// A job was queued, started, ended or cancelled.
    Job {
        /// The job as it stands now.
        job: Box<Job>,
    },
    /// A run has ended.
    RunEnded {
        /// Its id.
        id: String,
    },
    /// What stands for a watch has changed, or whether its target is there.
    Watch {
        /// The watch as it stands now.
        watch: Box<WatchStatus>,
    },
    /// The configuration was read again.
    Reloaded,
}
