//! The verdict document.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soakd_analysis::{Witness, combine};

use crate::budget::Budget;
use crate::conclude::{Policy, conclude, project, severity_of, witness};
use crate::finite::{NotFinite, check_finite};
use crate::outcome::{Outcome, Severity};
use crate::record::{Attribution, Event, Heap, Load, Overhead, Samples, Source, Warning};
use crate::run::Run;
use crate::series::{Per, Role, Scope, SeriesFinding, SeriesVerdict, TolerancePer};

/// What a document calls itself. Additions keep the number, changes of meaning raise it.
pub const SCHEMA: &str = "soakd.verdict/1";

/// The schema that a document follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum SchemaId {
    /// [`SCHEMA`].
    #[serde(rename = "soakd.verdict/1")]
    V1,
}

/// The verdict of a run: everything that a report needs, and nothing that it has to look up.
///
/// Made by [`Verdict::new`], written by [`Verdict::to_json`], read back by [`read`](crate::read::read).
/// Times are seconds of the run, sizes whole bytes, shares 0 to 1. A value that is not known is `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Always `soakd.verdict/1`.
    pub schema: SchemaId,
    /// What the run came to.
    pub outcome: Outcome,
    /// The exit code of the outcome.
    pub exit_code: u8,
    /// The highest severity among the judged series.
    pub severity: Severity,
    /// The verdict in one sentence.
    pub summary: String,
    /// What decided the outcome, most important first.
    pub decided_by: Vec<DecidedBy>,
    /// The run.
    pub run: Run,
    /// The rules by which the outcome was concluded.
    pub policy: Policy,
    /// The judgement of each series.
    pub series: Vec<SeriesVerdict>,
    /// Limits, and whether they were kept.
    pub budgets: Vec<Budget>,
    /// What the load did; `None` where the target had only its own traffic and nothing counted it.
    pub load: Option<Load>,
    /// Who grew.
    pub attribution: Vec<Attribution>,
    /// Where the live heap was read; `None` where nothing tells it.
    #[serde(default)]
    pub heap: Option<Heap>,
    /// What was asked for numbers besides the kernel.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// What soakd itself cost.
    pub overhead: Overhead,
    /// What was sampled.
    pub samples: Samples,
    /// What makes the answer weaker than was asked for.
    pub warnings: Vec<Warning>,
    /// What happened in the run, in order of time.
    pub events: Vec<Event>,
}

/// Something that decided an outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum DecidedBy {
    /// A judged series.
    Series {
        /// Its place in `series`, from 0.
        index: usize,
        /// Its metric.
        metric: String,
    },
    /// A budget.
    Budget {
        /// Its place in `budgets`, from 0.
        index: usize,
        /// Its name.
        name: String,
    },
    /// The way the run ended; see `run.ended`.
    RunEnded,
    /// No series could be judged.
    NothingJudged,
}

/// Everything that is known when a run is over; [`Verdict::new`] concludes from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings {
    /// The run.
    pub run: Run,
    /// The rules to conclude by.
    pub policy: Policy,
    /// The judgement of each series.
    pub series: Vec<SeriesFinding>,
    /// Limits, and what was observed.
    pub budgets: Vec<Budget>,
    /// What the load did.
    pub load: Option<Load>,
    /// Who grew.
    pub attribution: Vec<Attribution>,
    /// Where the live heap was read.
    pub heap: Option<Heap>,
    /// What was asked for numbers besides the kernel.
    pub sources: Vec<Source>,
    /// What soakd itself cost.
    pub overhead: Overhead,
    /// What was sampled.
    pub samples: Samples,
    /// What makes the answer weaker than was asked for.
    pub warnings: Vec<Warning>,
    /// What happened in the run, in order of time.
    pub events: Vec<Event>,
}

impl Verdict {
    /// Concludes the verdict from what was found.
    ///
    /// # Errors
    /// [`NotFinite`] where a number is NaN or infinite: such a document could not be read by others.
    pub fn new(findings: Findings) -> Result<Self, NotFinite> {
        let Findings {
            run,
            policy,
            series,
            budgets,
            load,
            attribution,
            heap,
            sources,
            overhead,
            samples,
            warnings,
            events,
        } = findings;
        let series = read_together(series);
        let series: Vec<SeriesVerdict> = series.into_iter().map(|finding| complete(finding, &run, &policy)).collect();
        let conclusion = conclude(&run, &series, &budgets, &policy);
        let verdict = Self {
            schema: SchemaId::V1,
            outcome: conclusion.outcome,
            exit_code: conclusion.outcome.exit_code(),
            severity: conclusion.severity,
            summary: conclusion.summary,
            decided_by: conclusion.decided_by,
            run,
            policy,
            series,
            budgets,
            load,
            attribution,
            heap,
            sources,
            overhead,
            samples,
            warnings,
            events,
        };
        check_finite(&verdict)?;
        Ok(verdict)
    }

    /// The document as JSON: indented, one line end at the end.
    ///
    /// # Errors
    /// [`NotFinite`] where a number was changed to NaN or infinite after [`Verdict::new`].
    pub fn to_json(&self) -> Result<String, NotFinite> {
        check_finite(self)?;
        let mut text =
            serde_json::to_string_pretty(self).map_err(|error| NotFinite::from_message(error.to_string()))?;
        text.push('\n');
        Ok(text)
    }
}

/// Judgements that read otherwise beside a series that sees more clearly: resident memory that grows over memory that
/// does not is retention. Only judged series of the whole target are held against each other.
fn read_together(mut series: Vec<SeriesFinding>) -> Vec<SeriesFinding> {
    let places: Vec<usize> = (0..series.len())
        .filter(|place| series[*place].role == Role::Judged && series[*place].scope == Scope::Tree)
        .collect();
    let witnesses: Vec<Witness<'_>> =
        places.iter().map(|place| witness(&series[*place].metric, &series[*place].judgement)).collect();
    let amended = combine(&witnesses).amended;
    for (index, judgement) in amended {
        series[places[index]].judgement = judgement;
    }
    series
}

/// Adds to a finding what follows from it: tolerance as judged, projection, severity.
fn complete(finding: SeriesFinding, run: &Run, policy: &Policy) -> SeriesVerdict {
    let SeriesFinding { metric, unit, scope, role, limit, limit_source, decided_at_s, judgement } = finding;
    let tolerance = match judgement.tolerance_per_op {
        Some(value) => TolerancePer { value, per: Per::Op },
        None => TolerancePer { value: judgement.tolerance_per_hour, per: Per::Hour },
    };
    let projection = project(&judgement, run.duration_s, policy.horizon_s);
    let severity = severity_of(&judgement, projection.as_ref(), policy.horizon_s);
    SeriesVerdict {
        metric,
        unit,
        scope,
        role,
        tolerance,
        limit,
        limit_source,
        severity,
        projection,
        decided_at_s,
        judgement,
    }
}
