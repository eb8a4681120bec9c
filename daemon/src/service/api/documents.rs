//! What the API gives and takes besides the [status](crate::service::status) of the daemon, as JSON and as queries.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soakd_analysis::Quantity;
use soakd_reports::{Outcome, Severity};

use crate::history::trend::Trend;
use crate::service::status::{Job, JobState, LiveRun, Planned, WatchStatus};

/// Why a request was not answered as it was meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorDocument {
    /// What is wrong.
    pub error: ErrorBody,
}

/// What is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// A word for programs: `not_found`, `no_token`, `invalid`, …
    pub code: String,
    /// What happened, for people.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// That the daemon answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// Version of soakd.
    pub version: String,
    /// Whether it is about to end.
    pub is_stopping: bool,
}

/// Nothing: for requests that take no parameters, and bodies in which nothing is to be said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Which jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobsQuery {
    /// Only jobs that stand so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<JobState>,
    /// At most so many, the newest; 100 where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
    /// Only jobs with smaller numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
}

/// Jobs, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Jobs {
    /// The jobs.
    pub jobs: Vec<Job>,
    /// There are older ones: `before` for the next page.
    pub before: Option<u64>,
}

/// Which runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunsQuery {
    /// Only runs of this profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Only runs of this scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// Only runs of this branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Only runs with this outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Only runs since then: so long ago (`36h`, `7d`), a date, or a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// At most so many, the newest; 100 where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
    /// Only runs that started before the one of this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// Runs, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Runs {
    /// The runs.
    pub runs: Vec<RunSummary>,
    /// There are older ones: `before` for the next page.
    pub before: Option<String>,
}

/// How far a recorded run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordState {
    /// It goes on.
    Running,
    /// It came to its end.
    Finished,
    /// Its process went away. What it sampled is kept.
    Interrupted,
}

/// How much of the samples of a run is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SamplesDetail {
    /// Every reading.
    Full,
    /// Median, lowest and highest of each minute.
    Minutes,
}

/// A recorded run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunSummary {
    /// Its id.
    pub id: String,
    /// Its profile.
    pub profile: String,
    /// Size and length of the load, where the profile names one.
    pub scenario: Option<String>,
    /// Gate of the delivery pipeline.
    pub stage: Option<String>,
    /// Whose budgets apply.
    pub environment: Option<String>,
    /// Program and arguments; empty for an attached target.
    pub command: Vec<String>,
    /// Commit of the target, where known.
    pub commit: Option<String>,
    /// Branch of that commit.
    pub branch: Option<String>,
    /// When it started.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// How far it has come.
    pub state: RecordState,
    /// Length that was asked for, in seconds.
    pub planned_s: f64,
    /// Time between two samples, in seconds.
    pub interval_s: f64,
    /// Its length in seconds; `None` while it goes on.
    pub duration_s: Option<f64>,
    /// Why it ended, in words; `None` while it goes on.
    pub ended_why: Option<String>,
    /// How much of its samples is there.
    pub detail: SamplesDetail,
    /// What it came to; `None` where there is no verdict.
    pub outcome: Option<Outcome>,
    /// How much the growth comes to.
    pub severity: Option<Severity>,
    /// The exit code that means its outcome.
    pub exit_code: Option<u8>,
    /// The verdict in a sentence.
    pub summary: Option<String>,
}

/// A recorded run, with what was recorded and how it stands now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunDocument {
    /// The run.
    pub run: RunSummary,
    /// Number of its samples.
    pub samples_count: u64,
    /// Its series, besides those of single processes.
    pub series: Vec<SeriesName>,
    /// How it stands while it goes on.
    pub live: Option<LiveRun>,
}

/// What a series counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeriesOrigin {
    /// The whole target.
    Tree,
    /// The host.
    Host,
    /// Operations so far.
    Operations,
    /// The source of this name in the profile.
    Source(String),
}

/// A series of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesName {
    /// Its name among the series of the run.
    pub name: String,
    /// Its metric.
    pub metric: String,
    /// What it counts.
    pub origin: SeriesOrigin,
    /// What one unit of it is.
    pub unit: Quantity,
}

/// Form of samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SamplesFormat {
    /// Arrays for each series.
    #[default]
    Json,
    /// A series file.
    Csv,
}

/// Which samples.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SamplesQuery {
    /// Names of series, separated by commas; all of them where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// At most so many points of each series, and no peak is lost. 500 where this is left out in JSON, all in CSV.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 20000))]
    pub points: Option<u32>,
    /// Form of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<SamplesFormat>,
}

/// Samples of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunSamples {
    /// The run.
    pub run: String,
    /// Its series.
    pub series: Vec<SeriesSamples>,
}

/// A series over time. The arrays are of one length, and a point stands for all the readings of its stretch of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesSamples {
    /// Which series it is.
    pub of: SeriesName,
    /// Number of readings behind the points.
    pub readings_count: u64,
    /// Times in seconds from the start of the run.
    pub t_s: Vec<f64>,
    /// The lowest reading of each point.
    pub low: Vec<f64>,
    /// The highest reading of each point.
    pub high: Vec<f64>,
    /// The median of the readings of each point.
    pub value: Vec<f64>,
}

/// What happened during a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunEvents {
    /// The run.
    pub run: String,
    /// What happened, in order of time.
    pub events: Vec<RunEvent>,
    /// Stretches without readings.
    pub gaps: Vec<RunGap>,
}

/// Something that happened during a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunEvent {
    /// Seconds from the start of the run.
    pub t_s: f64,
    /// What sort of thing, in a word.
    pub kind: String,
    /// What happened.
    pub text: String,
}

/// A stretch without readings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunGap {
    /// Where it begins, in seconds from the start of the run.
    pub from_s: f64,
    /// Where it ends.
    pub to_s: f64,
    /// Why nothing was read.
    pub why: String,
}

/// The profiles that can be named in a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Profiles {
    /// Those of the folders first, then the shipped ones.
    pub profiles: Vec<ProfileSummary>,
}

/// A profile that can be named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileSummary {
    /// Its name.
    pub name: String,
    /// What it is for; empty where it does not say.
    pub description: String,
    /// Its file; `None` for a shipped one.
    pub file: Option<String>,
    /// What is wrong with it, where something is.
    pub fault: Option<String>,
}

/// A profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileDocument {
    /// Which one it is.
    pub profile: ProfileSummary,
    /// As somebody wrote it.
    pub text: String,
    /// As soakd understands it, with every default filled in; `None` where it has faults.
    pub resolved: Option<serde_json::Value>,
}

/// What comes next by the schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Schedule {
    /// Its entries, soonest first; those that are switched off at the end.
    pub schedule: Vec<Planned>,
}

/// Targets that are watched without end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Watches {
    /// The watches.
    pub watches: Vec<WatchStatus>,
}

/// Whose trend.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrendQuery {
    /// The profile whose runs are followed; that of the newest run where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Scenario of the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// Only runs of this branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Only runs since then: so long ago (`36h`, `7d`), a date, or a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The newest so many runs; 50 where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
}

/// The numbers of the runs of a profile over these runs.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TrendDocument {
    /// The profile.
    pub profile: String,
    /// How many runs there were to follow.
    pub runs_count: u64,
    /// A trend for each number.
    pub trends: Vec<Trend>,
}

/// What a new configuration changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reloaded {
    /// In sentences; empty where nothing has changed.
    pub changes: Vec<String>,
}
