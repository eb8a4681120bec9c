//! What the store holds about a run, as it is handed in and as it is read back.

use jiff::Timestamp;
use soakd_analysis::Quantity;

use super::owner::Owner;
use super::run_id::RunId;

/// A run that is about to start, as [`Store::begin`](super::Store::begin) takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Its name; see [`RunId::new`].
    pub id: RunId,
    /// Name of the profile.
    pub profile: String,
    /// The profile as it was resolved: merged, with variables filled in, defaults written out.
    pub profile_text: String,
    /// Program and arguments; empty for an attached target.
    pub command: Vec<String>,
    /// Size and length of the load, where the profile names one.
    pub scenario: Option<String>,
    /// Gate of the delivery pipeline.
    pub stage: Option<String>,
    /// Whose budgets apply.
    pub environment: Option<String>,
    /// Facts about the host (kernel, processors, memory), as they go into the verdict.
    pub host: serde_json::Value,
    /// Length that was asked for, in seconds.
    pub planned_s: f64,
    /// Time between two samples, in seconds.
    pub interval_s: f64,
    /// What is asked of the series (tolerances, confidence, horizon, thresholds), enough to judge the run again.
    pub policy: serde_json::Value,
    /// When the run started, for people; samples are timed from here by the monotonic clock.
    pub started: Timestamp,
    /// Commit of the target, where known.
    pub commit: Option<String>,
    /// Branch of that commit, where known.
    pub branch: Option<String>,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunState {
    /// Its process is writing, or was when the store was opened.
    Running,
    /// It came to its end and said so.
    Finished,
    /// Its process went away without a word (SIGKILL, power loss, crash). What it sampled is kept.
    Interrupted,
}

impl RunState {
    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Interrupted => "interrupted",
        }
    }

    pub(super) fn stored(text: &str) -> Option<Self> {
        [Self::Running, Self::Finished, Self::Interrupted].into_iter().find(|state| state.as_str() == text)
    }
}

/// A run as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// Its key inside this store.
    pub key: RunKey,
    /// What was handed in when it began.
    pub run: NewRun,
    /// How far it has come.
    pub state: RunState,
    /// The process that records or recorded it.
    pub owner: Owner,
    /// Why it ended; `None` while it runs.
    pub ended_why: Option<String>,
    /// Its length in seconds; up to the last sample if it was interrupted, `None` while it runs.
    pub duration_s: Option<f64>,
    /// How much of its samples is there.
    pub detail: Detail,
}

/// How much of a run's samples is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Detail {
    /// Every reading.
    Full,
    /// An aggregate for each minute: see [`Store::thin`](super::Store::thin).
    Minutes,
}

impl Detail {
    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Minutes => "minutes",
        }
    }

    pub(super) fn stored(text: &str) -> Option<Self> {
        [Self::Full, Self::Minutes].into_iter().find(|detail| detail.as_str() == text)
    }
}

/// A run's key inside one store; it means nothing in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RunKey(pub(super) i64);

/// A series' number inside its run, from 0, in the order of [`Recorder::series`](super::Recorder::series).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SeriesNumber(pub(super) u32);

impl SeriesNumber {
    /// The number, from 0.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

/// What a series was read from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Summed over the target's process tree.
    Tree,
    /// One process of the target. Pids are reused, so the start time belongs to its name.
    Process {
        /// Process id.
        pid: u32,
        /// Start time in clock ticks since boot, as in `/proc/PID/stat`.
        start_ticks: u64,
        /// Its `comm`, for people.
        name: String,
    },
    /// The host, as context.
    Host,
    /// An operation counter.
    Operations,
    /// Something that the profile names: an endpoint, a command.
    Source {
        /// Its name in the profile.
        name: String,
    },
}

/// One series of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesRecord {
    /// Its number inside the run.
    pub number: SeriesNumber,
    /// Name of the metric, with its unit suffix (`rss_bytes`).
    pub metric: String,
    /// What it was read from.
    pub scope: Scope,
    /// What one unit of it is.
    pub quantity: Quantity,
}

/// What a run is looked for by.
#[derive(Debug, Clone, PartialEq)]
pub struct RunHead {
    /// Its key in the store.
    pub key: RunKey,
    /// Its name.
    pub id: RunId,
    /// Name of the profile.
    pub profile: String,
    /// Size and length of the load, where the profile names one.
    pub scenario: Option<String>,
    /// Branch of the target's commit, where known.
    pub branch: Option<String>,
    /// When it started.
    pub started: Timestamp,
}

/// Something that happened during a run: a phase began, the target restarted, a write failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Seconds from the start of the run.
    pub t_s: f64,
    /// What sort of thing, in a word (`restart`, `phase`, `store`).
    pub kind: String,
    /// What happened, for people.
    pub text: String,
}

/// A stretch without readings.
#[derive(Debug, Clone, PartialEq)]
pub struct Gap {
    /// The series that has it; `None` for all of the run.
    pub series: Option<SeriesNumber>,
    /// Where it begins, in seconds from the start of the run.
    pub from_s: f64,
    /// Where it ends, in seconds.
    pub to_s: f64,
    /// Why nothing was read, for people.
    pub why: String,
}

/// How a run ended, as [`Recorder::finish`](super::Recorder::finish) takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// Its length in seconds.
    pub duration_s: f64,
    /// Why it ended, for people.
    pub why: String,
    /// The verdict document (`soakd.verdict/1`); `None` where there is none.
    pub verdict: Option<serde_json::Value>,
}

/// One series over time: what was read, and where nothing was.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Which series it is.
    pub series: SeriesRecord,
    /// Times of its readings in seconds from the start of the run, as recorded.
    pub t_s: Vec<f64>,
    /// One reading for each time; a median where the run was thinned.
    pub values: Vec<f64>,
    /// The lowest and the highest reading behind each value, where the run was thinned.
    pub extremes: Option<Extremes>,
    /// Its gaps and those of the whole run, in order of their beginning.
    pub gaps: Vec<Gap>,
}

/// The lowest and the highest reading behind each value of a thinned series.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extremes {
    /// The lowest.
    pub low: Vec<f64>,
    /// The highest.
    pub high: Vec<f64>,
}

/// A run that was found marked as running though its process is gone.
#[derive(Debug, Clone, PartialEq)]
pub struct Interrupted {
    /// The run, as it is marked now.
    pub run: RunRecord,
    /// Number of samples that were kept.
    pub samples_count: u64,
}

/// What became of writing, for the run to report. Taken with [`Recorder::notices`](super::Recorder::notices).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A write failed. The recorder keeps what it can in memory and tries again with the next sample.
    WriteFailed {
        /// What went wrong, for people.
        error: String,
        /// What to do about it, where something can be done.
        hint: Option<String>,
    },
    /// Writing works again.
    WriteResumed {
        /// Samples that memory could not hold; a gap of the run records them.
        lost_count: u64,
    },
    /// The writer could not keep up and samples were left out; a gap of the run records them.
    Behind {
        /// How many samples.
        lost_count: u64,
    },
}
