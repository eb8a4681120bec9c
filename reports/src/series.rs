//! One judged series of a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soakd_analysis::{Estimate, Judgement, Quantity};

use crate::outcome::Severity;

/// What a series was read from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Scope {
    /// Summed over the target's process tree.
    Tree,
    /// One process of the target.
    Process {
        /// Process id.
        pid: u32,
        /// Start time in clock ticks since boot; with the pid it names the process, since pids are reused.
        start_ticks: u64,
        /// Its `comm`, for people.
        name: String,
    },
    /// The host.
    Host,
    /// A source that the profile names: an endpoint, a command. It says nothing about the memory of the whole target.
    Source {
        /// Its name in the profile.
        name: String,
    },
}

/// What a series counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Its judgement counts towards the outcome.
    Judged,
    /// Its judgement is told to the reader and decides nothing.
    Witness,
}

/// The tolerated growth, by which the series was judged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TolerancePer {
    /// Units of the series per hour or per operation.
    pub value: f64,
    /// Per what.
    pub per: Per,
}

/// What growth is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// By the hour.
    Hour,
    /// By the operation.
    Op,
}

/// Growth as far ahead as the run supports; see [`conclude`](mod@crate::conclude).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Projection {
    /// How far ahead, in seconds: the horizon, or less where the run was too short to speak for all of it.
    pub over_s: f64,
    /// Growth in that time, in units of the series.
    pub growth: Estimate,
    /// The same as a share of the settled baseline (0.05 = 5 %); `None` where there is no baseline above zero.
    pub growth_ratio: Option<Estimate>,
}

/// What sets a level that must not be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LimitSource {
    /// The profile, or the command line, names a limit of memory.
    MemoryLimit,
    /// A cgroup that the target is in holds its memory.
    Cgroup,
    /// The host has no more memory.
    Host,
    /// A resource limit of each process on its memory.
    MemoryOfProcess,
    /// A resource limit of each process on its descriptors.
    OpenFiles,
    /// A cgroup that the target is in holds its threads.
    Tasks,
    /// A budget of the profile, at which nothing happens to the target.
    Budget {
        /// Its name.
        name: String,
    },
}

/// One series of a run: what was measured, and what it was found to do.
///
/// The fields of the [`Judgement`] stand beside the others in the document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesVerdict {
    /// Name of the metric, with its unit suffix.
    pub metric: String,
    /// What one unit of the values is.
    pub unit: Quantity,
    /// What it was read from.
    pub scope: Scope,
    /// What it counts for.
    pub role: Role,
    /// What it was found to do.
    #[serde(flatten)]
    pub judgement: Judgement,
    /// The tolerated growth, by which it was judged.
    pub tolerance: TolerancePer,
    /// The nearest level that must not be reached, in units of the series.
    pub limit: Option<f64>,
    /// What sets that level; `None` where there is none, or it was not recorded.
    #[serde(default)]
    pub limit_source: Option<LimitSource>,
    /// How much the growth comes to.
    pub severity: Severity,
    /// Growth as far ahead as the run supports; `None` where there is no rate.
    pub projection: Option<Projection>,
    /// When the evidence decided, in seconds of the run; `None` where it was judged at the end.
    pub decided_at_s: Option<f64>,
}

/// What is known about one series when the run is over. [`Verdict::new`](crate::Verdict::new) adds the rest.
///
/// A series that was asked for and could not be measured belongs here too, with the judgement of an empty series:
/// left out, it would be missed by nobody.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesFinding {
    /// Name of the metric, with its unit suffix.
    pub metric: String,
    /// What one unit of the values is.
    pub unit: Quantity,
    /// What it was read from.
    pub scope: Scope,
    /// What it counts for.
    pub role: Role,
    /// The nearest level that must not be reached (limit or budget of the question), in units of the series.
    pub limit: Option<f64>,
    /// What sets that level, where it is known.
    pub limit_source: Option<LimitSource>,
    /// When the evidence decided, in seconds of the run; `None` where it was judged at the end.
    pub decided_at_s: Option<f64>,
    /// What it was found to do.
    pub judgement: Judgement,
}
