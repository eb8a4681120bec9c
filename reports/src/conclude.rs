//! From judgements and budgets to outcome, severity and exit code. A pure function: [`conclude`].
//!
//! # Severity
//!
//! The severity of a series is its projected growth as a share of the settled baseline: *low* from 5 %, *medium* from
//! 15 %, *high* from 30 %, *critical* above 50 %, and *critical* where a limit is reached. Two rules keep it honest:
//!
//! - **It counts what was shown**: the lower end of the interval, and the latest time at which the limit can be
//!   reached. A wide interval around a steep estimate is no reason to stop a deployment.
//! - **A run speaks for [`REACH`] times the time it judged**, and for no more than the horizon. A minute that grows by
//!   1 % would grow a hundredfold in a week, if that minute could speak for a week; then every leak that a short check
//!   can find at all would be critical, and `block` would mean nothing. An hour speaks for a day; from 7 hours on the
//!   default horizon of 7 days is covered in full.
//!
//! A leak is at least *low*. Growth that the judgement finds tolerable has a severity only where the run speaks for
//! the whole horizon: over less, the tolerance itself says what is accepted.
//!
//! # Outcome
//!
//! Each finding has an outcome; the run has the worst of them. From best to worst: `pass`, `warn`, `inconclusive`,
//! `fail`, `block`. `inconclusive` is worse than `warn`, since what is undecided could be a leak.
//!
//! | finding | outcome |
//! |---|---|
//! | judged series: `leak`, severity at or above `block_on` (default *critical*) | `block` |
//! | judged series: `leak`, severity at or above `fail_on` (default *low*, so every leak) | `fail` |
//! | judged series: `leak`, severity below `fail_on` | `warn` |
//! | judged series: `retention` | `warn` |
//! | judged series: `no_leak`, with a severity: tolerated growth that will matter within the horizon | `warn` |
//! | judged series: `no_leak`, without severity | `pass` |
//! | judged series: `inconclusive`, and one that sees more clearly is decided (live heap before anonymous before resident memory) | – |
//! | judged series: `inconclusive` otherwise | `inconclusive` |
//! | witness series, whatever it does | – |
//! | budget `violated` | `fail` |
//! | budget `unconfirmed`: beyond what earlier runs make usual, and further runs have to confirm it | `warn` |
//! | budget `unknown` | `inconclusive` (missing data) |
//! | budget `ok` | – |
//! | no judged series at all, or one without a point | `inconclusive` (missing data) |
//! | the target died: a signal, or a status other than 0 | `fail` |
//! | the run was cut short (interrupted, soakd killed, load ended, recording failed), and a judged series had not been decided at a planned look before | `inconclusive` (missing data) |
//!
//! `inconclusive = "warn"` and the like turns `inconclusive` into another outcome, finding by finding, before the worst
//! is taken. Missing data is never a pass: where `inconclusive` is to count as `pass`, missing data counts as `warn`.
//!
//! The severity of the run is the highest of its judged series. It says how much; the outcome says what to do about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soakd_analysis::{Estimate, Judgement, JudgementKind, Role as Kind, Witness, combine};

use crate::budget::{Budget, BudgetStatus};
use crate::outcome::{Outcome, Severity};
use crate::run::Run;
use crate::sentence;
use crate::series::{Projection, Role, Scope, SeriesVerdict};
use crate::verdict::{DecidedBy, Verdict};

/// How many times the judged time a run may be projected ahead: an hour speaks for a day.
pub const REACH: f64 = 24.0;

/// The rules by which an outcome is concluded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Policy {
    /// The least severity at which a leak fails the run; below it, it warns.
    pub fail_on: Severity,
    /// The least severity at which a leak blocks.
    pub block_on: Severity,
    /// What `inconclusive` counts as.
    pub inconclusive: InconclusiveAs,
    /// How far ahead growth is projected, in seconds.
    pub horizon_s: f64,
}

impl Default for Policy {
    /// Every leak fails, a critical one blocks, `inconclusive` is that, the horizon is 7 days.
    fn default() -> Self {
        Self {
            fail_on: Severity::Low,
            block_on: Severity::Critical,
            inconclusive: InconclusiveAs::Inconclusive,
            horizon_s: 7.0 * 86_400.0,
        }
    }
}

/// What `inconclusive` counts as, for pipelines that must have one of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InconclusiveAs {
    /// As itself, with an exit code of its own.
    #[default]
    Inconclusive,
    /// As a pass; missing data still warns.
    Pass,
    /// As a warning.
    Warn,
    /// As a failure.
    Fail,
}

/// What [`conclude`] came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Conclusion {
    /// The outcome; its exit code is [`Outcome::exit_code`].
    pub outcome: Outcome,
    /// The highest severity among the judged series.
    pub severity: Severity,
    /// The conclusion in one sentence.
    pub summary: String,
    /// What decided, most important first. For a pass, every judged series, the one nearest to its tolerance first.
    pub decided_by: Vec<DecidedBy>,
}

/// One finding, with the outcome that it alone would have.
struct Finding {
    outcome: Outcome,
    by: DecidedBy,
    /// Puts findings of equal outcome in order, most important first.
    weight: (Severity, f64),
}

/// A series as the analysis reads it beside others.
pub(crate) fn witness<'a>(metric: &'a str, judgement: &'a Judgement) -> Witness<'a> {
    Witness { metric, role: Kind::of_metric(metric), judgement }
}

/// Whether the judged series of the whole target, read together, are decided although one of them is not: what sees
/// more clearly has spoken.
fn decided_together(series: &[SeriesVerdict]) -> bool {
    let together: Vec<Witness<'_>> = judged(series)
        .filter(|(_, series)| series.scope == Scope::Tree)
        .map(|(_, series)| witness(&series.metric, &series.judgement))
        .collect();
    matches!(combine(&together).judgement, JudgementKind::NoLeak | JudgementKind::Retention)
}

/// Concludes the outcome of a run; the rules are those of the [module](mod@self).
#[must_use]
pub fn conclude(run: &Run, series: &[SeriesVerdict], budgets: &[Budget], policy: &Policy) -> Conclusion {
    let mut findings = findings(run, series, budgets, policy);
    let worst = findings.iter().map(|finding| finding.outcome).max_by_key(|outcome| rank(*outcome));
    // There is always a finding: a judged series, or their absence.
    let outcome = worst.unwrap_or(Outcome::Inconclusive);
    findings.retain(|finding| finding.outcome == outcome);
    findings.sort_by(|a, b| b.weight.0.cmp(&a.weight.0).then(b.weight.1.total_cmp(&a.weight.1)));
    let decided_by: Vec<DecidedBy> = findings.into_iter().map(|finding| finding.by).collect();
    let severity = judged(series).map(|(_, series)| series.severity).max().unwrap_or_default();
    let summary = sentence::summary(outcome, &decided_by, run, series, budgets);
    Conclusion { outcome, severity, summary, decided_by }
}

/// What each finding of a verdict would have come to alone. A judged series that is not among them was outvoted by one
/// that sees more clearly; a budget that is not was kept.
#[must_use]
pub(crate) fn outcomes(verdict: &Verdict) -> Vec<(DecidedBy, Outcome)> {
    let findings = findings(&verdict.run, &verdict.series, &verdict.budgets, &verdict.policy);
    findings.into_iter().map(|finding| (finding.by, finding.outcome)).collect()
}

/// The order in which outcomes outweigh each other.
fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Pass => 0,
        Outcome::Warn => 1,
        Outcome::Inconclusive => 2,
        Outcome::Fail => 3,
        Outcome::Block => 4,
    }
}

/// The series that count, with their places.
fn judged(series: &[SeriesVerdict]) -> impl Iterator<Item = (usize, &SeriesVerdict)> {
    series.iter().enumerate().filter(|(_, series)| series.role == Role::Judged)
}

/// Whether evidence was weighed and not enough, or was not there to begin with.
enum Undecided {
    Evidence,
    MissingData,
}

fn undecided(policy: &Policy, why: &Undecided) -> Outcome {
    match (policy.inconclusive, why) {
        (InconclusiveAs::Inconclusive, _) => Outcome::Inconclusive,
        (InconclusiveAs::Pass, Undecided::Evidence) => Outcome::Pass,
        (InconclusiveAs::Pass, Undecided::MissingData) | (InconclusiveAs::Warn, _) => Outcome::Warn,
        (InconclusiveAs::Fail, _) => Outcome::Fail,
    }
}

fn findings(run: &Run, series: &[SeriesVerdict], budgets: &[Budget], policy: &Policy) -> Vec<Finding> {
    let mut findings = Vec::new();
    if run.ended.target_died() {
        findings.push(Finding { outcome: Outcome::Fail, by: DecidedBy::RunEnded, weight: (Severity::Critical, 0.0) });
    }
    let is_outvoted = |series: &SeriesVerdict| {
        series.judgement.judgement == JudgementKind::Inconclusive
            && series.judgement.points > 0
            && series.scope == Scope::Tree
    };
    let decided_together = decided_together(series);
    for (index, series) in judged(series).filter(|(_, series)| !(decided_together && is_outvoted(series))) {
        findings.push(Finding {
            outcome: outcome_of(series, policy),
            by: DecidedBy::Series { index, metric: series.metric.clone() },
            weight: (series.severity, nearness(series)),
        });
    }
    for (index, budget) in budgets.iter().enumerate() {
        let outcome = match budget.status {
            BudgetStatus::Ok => continue,
            BudgetStatus::Violated => Outcome::Fail,
            BudgetStatus::Unconfirmed => Outcome::Warn,
            BudgetStatus::Unknown => undecided(policy, &Undecided::MissingData),
        };
        let by = DecidedBy::Budget { index, name: budget.name.clone() };
        findings.push(Finding { outcome, by, weight: (Severity::None, 0.0) });
    }
    let missing = undecided(policy, &Undecided::MissingData);
    if judged(series).next().is_none() {
        findings.push(Finding { outcome: missing, by: DecidedBy::NothingJudged, weight: (Severity::None, 0.0) });
    }
    let is_open = judged(series).any(|(_, series)| series.decided_at_s.is_none());
    if run.ended.cut_short() && is_open {
        // It comes first among what is undecided: it is why the rest is.
        findings.push(Finding {
            outcome: missing,
            by: DecidedBy::RunEnded,
            weight: (Severity::Critical, f64::INFINITY),
        });
    }
    findings
}

fn outcome_of(series: &SeriesVerdict, policy: &Policy) -> Outcome {
    match series.judgement.judgement {
        JudgementKind::Leak if series.severity >= policy.block_on => Outcome::Block,
        JudgementKind::Leak if series.severity >= policy.fail_on => Outcome::Fail,
        JudgementKind::Leak | JudgementKind::Retention => Outcome::Warn,
        JudgementKind::NoLeak if series.severity > Severity::None => Outcome::Warn,
        JudgementKind::NoLeak => Outcome::Pass,
        JudgementKind::Inconclusive if series.judgement.points == 0 => undecided(policy, &Undecided::MissingData),
        JudgementKind::Inconclusive => undecided(policy, &Undecided::Evidence),
    }
}

/// How near growth that is no leak may be to the tolerance: the upper end of the rate as a multiple of it. Leaks of one
/// severity stay in the order in which they were handed in: multiples of unlike tolerances do not compare.
fn nearness(series: &SeriesVerdict) -> f64 {
    if series.judgement.judgement == JudgementKind::Leak {
        return 0.0;
    }
    let rate = sentence::judged_rate(series);
    let high = rate.map(|rate| rate.high.unwrap_or(rate.value));
    match high {
        Some(high) if series.tolerance.value > 0.0 => high / series.tolerance.value,
        _ => 0.0,
    }
}

/// Projects the growth of a series as far ahead as the run supports; see the [module](mod@self).
///
/// `duration_s` is the length of the run. `None` where there is no rate, or no time was judged.
#[must_use]
pub fn project(judgement: &Judgement, duration_s: f64, horizon_s: f64) -> Option<Projection> {
    let rate = judgement.rate_per_hour?;
    let began_s = judgement.onset_s.map_or(judgement.warmup_s, |onset_s| onset_s.max(judgement.warmup_s));
    let over_s = (REACH * (duration_s - began_s)).min(horizon_s);
    if over_s <= 0.0 {
        return None;
    }
    let growth = rate.scaled(over_s / 3600.0);
    let from_rate = || {
        let baseline = judgement.settled_baseline.filter(|baseline| *baseline > 0.0)?;
        Some(growth.scaled(1.0 / baseline))
    };
    // Over the whole horizon the analysis knows better: it follows the curve of the model.
    let from_model = judgement.growth_over_horizon_ratio.filter(|_| over_s >= horizon_s);
    Some(Projection { over_s, growth, growth_ratio: from_model.or_else(from_rate) })
}

/// The severity of a series; see the [module](mod@self).
#[must_use]
pub fn severity_of(judgement: &Judgement, projection: Option<&Projection>, horizon_s: f64) -> Severity {
    let shown = projection.map_or(Severity::None, |projection| {
        let low = |estimate: Option<Estimate>| estimate.and_then(|estimate| estimate.low);
        let by_growth = low(projection.growth_ratio).map_or(Severity::None, Severity::of_ratio);
        // A budget that is missed stops nothing: it is judged as a budget, and growth by its size.
        let latest_s = judgement.time_to_stop_s.and_then(|time| time.high);
        match latest_s {
            Some(latest_s) if latest_s <= projection.over_s => Severity::Critical,
            _ => by_growth,
        }
    });
    match judgement.judgement {
        JudgementKind::Leak => shown.max(Severity::Low),
        JudgementKind::NoLeak if projection.is_none_or(|projection| projection.over_s < horizon_s) => Severity::None,
        JudgementKind::NoLeak | JudgementKind::Retention | JudgementKind::Inconclusive => shown,
    }
}
