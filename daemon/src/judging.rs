//! From what a run recorded to what is found about it: series, judgements, budgets.
//!
//! A run that has just ended and one that was interrupted a week ago go the same way: everything comes from the
//! store.

use std::collections::BTreeMap;

use soakd_analysis::{Judgement, JudgementKind, SeriesError, judge};
use soakd_reports as reports;
use soakd_reports::{Findings, Role, SeriesFinding};
use soakd_sampler::{Detail, METRICS};
use thiserror::Error;

use crate::attribution;
use crate::budgets;
use crate::phases::Phases;
use crate::policy::RunPolicy;
use crate::series::series;
use crate::store::{Column, RunRecord, Scope, Store, StoreError};

/// Why a run could not be judged.
#[derive(Debug, Error)]
pub enum JudgeError {
    /// It could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its record holds no policy that this version understands.
    #[error("run `{run}` was recorded by another version of soakd: {reason}")]
    Policy {
        /// The run.
        run: String,
        /// What is wrong with the policy.
        reason: String,
    },
    /// Its samples are no series, which is a fault of soakd's own.
    #[error("the samples of `{metric}` are no series: {reason}")]
    Series {
        /// The metric.
        metric: String,
        /// What is wrong.
        reason: SeriesError,
    },
}

/// What is known of a run beside its record.
#[derive(Debug, Clone, Default)]
pub struct Aside {
    /// Seconds of the run at which the evidence decided, by metric.
    pub decided_at_s: BTreeMap<String, f64>,
    /// What the load did.
    pub load: Option<reports::Load>,
    /// What soakd itself cost.
    pub overhead: reports::Overhead,
    /// Ticks without a sample.
    pub missed_ticks_count: u64,
    /// What makes the answer weaker than was asked for.
    pub warnings: Vec<reports::Warning>,
}

/// Judges the run `record` as the store holds it; `run` says how it is named in the verdict and why it ended.
///
/// # Errors
/// [`JudgeError`] where the record cannot be read.
pub fn findings(
    store: &Store,
    record: &RunRecord,
    policy: &RunPolicy,
    run: reports::Run,
    aside: Aside,
) -> Result<Findings, JudgeError> {
    let events = store.events(record.key)?;
    let phases = Phases::of(&events, run.duration_s);
    let all = store.series(record.key)?;
    let judge_metrics = &policy.plan.profile.judge.metrics;
    let is_wanted = |metric: &str| {
        WITNESSES.contains(&metric)
            || judge_metrics.iter().any(|name| name == metric)
            || METRICS.iter().any(|row| row.name == metric && row.judged_by_default)
            || policy.plan.budgets.values().any(|budget| budget.metric == metric)
    };
    let wanted: Vec<_> = all
        .iter()
        .filter(|series| match series.scope {
            Scope::Tree => is_wanted(&series.metric),
            Scope::Operations => true,
            Scope::Process { .. } | Scope::Host => false,
        })
        .map(|series| series.number)
        .collect();
    let columns = store.columns(record.key, &wanted)?;
    let operations = columns.iter().find(|column| column.series.scope == Scope::Operations);
    let judged = policy.judged(|row| {
        let column = columns.iter().find(|column| column.series.metric == row.name);
        // A series that is read now and then may not come to a judgement in a short run, which says nothing.
        let least = if row.detail == Detail::Slow { FEWEST_SLOW_POINTS } else { 1 };
        column.is_some_and(|column| column.t_s.iter().filter(|t_s| phases.load.holds(**t_s)).count() >= least)
    });
    let budgets = &policy.plan.budgets;

    let mut found = Vec::new();
    for column in columns.iter().filter(|column| column.series.scope == Scope::Tree) {
        let metric = column.series.metric.as_str();
        let role = if judged.contains(&metric) { Role::Judged } else { Role::Witness };
        if role == Role::Witness && column.t_s.len() < FEWEST_SLOW_POINTS {
            continue;
        }
        let family = if role == Role::Judged { judged.len() } else { 1 };
        let question = policy.question(metric, family);
        let series = series(column, phases.load, &phases.restarts_s, operations)
            .map_err(|reason| JudgeError::Series { metric: metric.to_owned(), reason })?;
        found.push(SeriesFinding {
            metric: metric.to_owned(),
            unit: column.series.quantity,
            scope: reports::Scope::Tree,
            role,
            limit: question.limit,
            decided_at_s: aside.decided_at_s.get(metric).copied(),
            judgement: judge(&series, &question),
        });
    }
    // Judged ones first, in the order of the metrics table; then the witnesses.
    found.sort_by_key(|finding| {
        let place = judged.iter().position(|metric| *metric == finding.metric);
        (place.is_none(), place, finding.metric.clone())
    });

    let judgement_of = |metric: &str| -> Option<&Judgement> {
        found.iter().find(|finding| finding.metric == metric).map(|finding| &finding.judgement)
    };
    let column_of = |metric: &str| -> Option<&Column> {
        columns.iter().find(|column| column.series.scope == Scope::Tree && column.series.metric == metric)
    };
    let budgets = budgets
        .iter()
        .map(|(name, budget)| {
            budgets::check(name, budget, column_of(&budget.metric), judgement_of(&budget.metric), &phases)
        })
        .collect();
    let grown = found.iter().find(|finding| finding.judgement.judgement == JudgementKind::Leak);
    let attribution = match grown {
        Some(grown) => attribution::by_process(store, record.key, &all, &grown.metric, phases.load)?,
        None => Vec::new(),
    };

    let gaps = store.gaps(record.key)?.into_iter().filter(|gap| gap.series.is_none());
    Ok(Findings {
        policy: conclusion_policy(policy),
        series: found,
        budgets,
        load: aside.load,
        attribution,
        overhead: aside.overhead,
        samples: reports::Samples {
            count: store.samples_count(record.key)?,
            interval_s: record.run.interval_s,
            missed_ticks_count: aside.missed_ticks_count,
            gaps: gaps.map(|gap| reports::Gap { from_s: gap.from_s, to_s: gap.to_s, why: gap.why }).collect(),
            file: Some(store.file().display().to_string()),
        },
        warnings: aside.warnings,
        events: events
            .into_iter()
            .map(|event| reports::Event { t_s: event.t_s, kind: event.kind, text: event.text })
            .collect(),
        run,
    })
}

/// A series that is read at its own slower rate is judged from this many points on, by default; a witness with fewer
/// says nothing.
const FEWEST_SLOW_POINTS: usize = 60;

/// Series that are told to the reader though they decide nothing.
const WITNESSES: &[&str] = &["rss_bytes", "swap_bytes", "pss_bytes", "uss_bytes"];

/// The policy of a stored run.
///
/// # Errors
/// [`JudgeError::Policy`] where it is not one.
pub fn policy_of(record: &RunRecord) -> Result<RunPolicy, JudgeError> {
    serde_json::from_value(record.run.policy.clone())
        .map_err(|error| JudgeError::Policy { run: record.run.id.to_string(), reason: error.to_string() })
}

/// The rules of the outcome, as the reports know them.
fn conclusion_policy(policy: &RunPolicy) -> reports::Policy {
    use soakd_profiles::{InconclusiveAs, Severity};
    let judge = &policy.plan.profile.judge;
    let severity = |severity| match severity {
        Severity::Low => reports::Severity::Low,
        Severity::Medium => reports::Severity::Medium,
        Severity::High => reports::Severity::High,
        Severity::Critical => reports::Severity::Critical,
    };
    reports::Policy {
        fail_on: severity(judge.fail_on),
        block_on: severity(judge.block_on),
        inconclusive: match judge.inconclusive {
            InconclusiveAs::Inconclusive => reports::InconclusiveAs::Inconclusive,
            InconclusiveAs::Pass => reports::InconclusiveAs::Pass,
            InconclusiveAs::Warn => reports::InconclusiveAs::Warn,
            InconclusiveAs::Fail => reports::InconclusiveAs::Fail,
        },
        horizon_s: judge.horizon.as_secs_f64(),
    }
}
