//! What was recorded beside the series: load, samples, what soakd cost, warnings, events, who grew.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the load did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Load {
    /// What drove the target: `none` (its own traffic), `command`, `repeat`, `reference`, …
    pub driver: String,
    /// Operations counted; `None` where nothing counts them.
    pub operations: Option<u64>,
    /// Operations that failed; `None` where nothing counts them.
    pub errors: Option<u64>,
    /// Operations per second over the run.
    pub throughput_per_s: Option<f64>,
}

/// A part of the growth, and who it belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attribution {
    /// Call stack, mapping, process or class.
    pub what: String,
    /// Its share of the growth, 0 to 1.
    pub share: f64,
}

impl Attribution {
    /// What it is, in quotation marks; what is made of several names has its own.
    #[must_use]
    pub fn quoted(&self) -> String {
        if self.what.contains('`') { self.what.clone() } else { format!("`{}`", self.what) }
    }
}

/// What soakd itself cost. What was not measured is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Overhead {
    /// Processor time of soakd, in seconds.
    pub cpu_s: Option<f64>,
    /// The same as a share of one processor over the run (0.01 = 1 %).
    pub cpu_ratio: Option<f64>,
    /// Highest resident memory of soakd, in bytes.
    pub rss_peak_bytes: Option<u64>,
    /// How long one reading of the whole target took: the median, in seconds.
    pub read_p50_s: Option<f64>,
    /// The slowest of 100 readings, in seconds.
    pub read_p99_s: Option<f64>,
    /// The slowest reading, in seconds.
    pub read_max_s: Option<f64>,
    /// Ticks that were taken, but late.
    pub late_ticks_count: u64,
    /// What looking at mappings, descriptors and threads cost; `None` where there was no look.
    #[serde(default)]
    pub looks: Option<Looks>,
    /// What each source has cost, those that were never read left out.
    #[serde(default)]
    pub sources: Vec<SourceCost>,
}

/// What the expensive looks at the target cost. They are taken beside the samples.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Looks {
    /// How many.
    pub count: u64,
    /// Time they took together, in seconds.
    pub total_s: f64,
    /// The longest, in seconds.
    pub longest_s: f64,
    /// The time together as a share of the run; `None` for a run without length.
    pub ratio: Option<f64>,
    /// Resident memory of the target whose referenced bits were cleared, so that it is marked anew when touched.
    pub referenced_reset_bytes: u64,
}

/// What reading one source has cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceCost {
    /// The file or folder below `/proc/PID`.
    pub name: String,
    /// Number of reads; each process counts.
    pub reads_count: u64,
    /// Time spent in them, in seconds.
    pub total_s: f64,
    /// How long the read of one process took: the median, in seconds. Reads of microseconds are timed by the sweep over all processes.
    pub read_p50_s: Option<f64>,
    /// The slowest of 100 reads, in seconds.
    pub read_p99_s: Option<f64>,
    /// The slowest read, in seconds.
    pub read_max_s: Option<f64>,
    /// Times that it was due and was left out, since it would have taken more than its share of time.
    pub put_off_count: u64,
    /// The longest pause that this led to, in seconds; `None` where nothing was left out.
    pub longest_pause_s: Option<f64>,
    /// Page faults of the target's processes while they were read: pages that reading made the target touch are among them, and so
    /// is what it touched by itself meanwhile. `None` for sources that read counters of the kernel and look at no page.
    pub target_faults_count: Option<u64>,
}

/// Something besides the kernel that was asked for numbers, and how it did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// Its name in the profile.
    pub name: String,
    /// What it is: `prometheus`, `expvar`, `json`, `command`, `jvm`.
    pub kind: String,
    /// Its address or its command; `None` where it has none of its own.
    pub asked: Option<String>,
    /// How it did.
    pub status: SourceStatus,
    /// How often it was asked.
    pub reads_count: u64,
    /// How often it gave nothing, or less than was asked for, by reason.
    pub failures: Vec<SourceFailures>,
    /// Number of series that it gave.
    pub series_count: u64,
    /// Number of names that it offers and that were not recorded: there are too many, or two are spelled alike.
    pub left_out_count: u64,
    /// Time between two readings that was asked for, in seconds.
    pub interval_s: f64,
    /// The longest time that was kept between two readings instead, since one takes so long; `None` where that was not needed.
    pub slowed_to_s: Option<f64>,
    /// How long one reading took: the median, in seconds.
    pub read_p50_s: Option<f64>,
    /// The slowest reading, in seconds.
    pub read_max_s: Option<f64>,
}

/// How a source did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceStatus {
    /// It always gave what was asked for.
    Active,
    /// It gave something, but not always or not all.
    Partly,
    /// It never gave a number.
    Failed,
    /// It was never asked: the run had ended before.
    NotAsked,
}

/// One reason why a source gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceFailures {
    /// The reason in a word: `unreachable`, `timed_out`, `http_status`, `redirect`, `too_long`, `not_http`, `garbage`,
    /// `missing`, `not_finite`, `counter_reset`, `cannot_start`, `command_failed`, `jvm_refuses`, `no_jvm`.
    pub why: String,
    /// How many readings it concerns.
    pub count: u64,
    /// The last one, for people.
    pub last: String,
}

/// Where the live heap of the target was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Heap {
    /// What tells it.
    pub from: HeapFrom,
    /// The source of the profile that gives it; `None` for the target's own API.
    pub source: Option<String>,
    /// The number of that source, where it has a name of its own.
    pub metric: Option<String>,
    /// Whether it speaks for the whole target, so that memory that grows over it is retention. The heap of one process among
    /// several does not.
    pub whole_target: bool,
}

/// What tells the live heap, the best one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeapFrom {
    /// soakd's API in the target: exact.
    Api,
    /// The target's runtime or allocator, or the target itself, at an endpoint or to a tool.
    Runtime,
    /// Nobody: the size of the heap mapping (`brk_bytes`) is all there is. It decides nothing.
    Mapping,
}

/// What was sampled.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Samples {
    /// Number of samples.
    pub count: u64,
    /// Time between two samples, in seconds.
    pub interval_s: f64,
    /// Ticks at which no sample was taken.
    pub missed_ticks_count: u64,
    /// Times without data.
    pub gaps: Vec<Gap>,
    /// The file or store that holds the samples.
    pub file: Option<String>,
}

/// A time without data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// Last sample before it, in seconds of the run.
    pub from_s: f64,
    /// First sample after it, in seconds of the run.
    pub to_s: f64,
    /// Why: `the host was suspended`, `the target was restarted`, …
    pub why: String,
}

/// Something that makes the answer weaker than was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// What happened.
    pub text: String,
    /// Something to do about it.
    pub hint: Option<String>,
}

/// Something that happened in the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// When, in seconds of the run.
    pub t_s: f64,
    /// What kind: `ready`, `restart`, `exit`, `member_arrived`, …
    pub kind: String,
    /// What happened, for people.
    pub text: String,
}
