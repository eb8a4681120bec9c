//! Numbers over runs, and where they changed.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soakd_analysis::runs::{self, Worse};
use soakd_analysis::{Estimate, Quantity};
use soakd_reports::{Per, Severity};

use super::entry::Entry;
use super::measure::{self, Number, Subject};
use crate::store::{Store, StoreError};

/// Changes that are smaller are not worth a word.
pub const SMALLEST_CHANGE: f64 = 0.05;
/// How sure a change has to be.
const CONFIDENCE: f64 = 0.95;

/// One number over the runs.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Trend {
    /// What it is about.
    #[serde(flatten)]
    pub subject: Subject,
    /// Its unit.
    pub unit: Quantity,
    /// Per what, where it is a rate.
    pub per: Option<Per>,
    /// One for each run that has it, in order of their start.
    pub points: Vec<Point>,
    /// Where its level changed.
    pub steps: Vec<Step>,
}

/// The number of one run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TrendPoint")]
pub struct Point {
    /// The run.
    pub run: String,
    /// When it started.
    #[schemars(with = "String")]
    pub start: Timestamp,
    /// What was tested.
    pub commit: Option<String>,
    /// Its branch.
    pub branch: Option<String>,
    /// The value.
    pub value: f64,
}

/// A lasting change of level.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TrendStep")]
pub struct Step {
    /// Last run and commit before it.
    pub after: At,
    /// First run and commit with it.
    pub before: At,
    /// Level before, in the unit of the points.
    pub level_before: f64,
    /// Level after.
    pub level_after: f64,
    /// The change as a share of the level before; for growth as a share of the settled baseline.
    pub change: Estimate,
    /// Whether it got worse.
    pub is_worse: bool,
    /// How much it comes to, where it got worse.
    pub severity: Severity,
}

/// A place in the history.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TrendPlace")]
pub struct At {
    /// The run.
    pub run: String,
    /// Its commit.
    pub commit: Option<String>,
}

/// Every number that the runs have, over them.
///
/// # Errors
/// Why the store could not be read.
pub fn trends(store: &Store, entries: &[Entry]) -> Result<Vec<Trend>, StoreError> {
    let numbers: Vec<Vec<Number>> =
        entries.iter().map(|entry| measure::numbers(store, entry)).collect::<Result<_, _>>()?;
    let mut subjects: Vec<&Subject> = numbers.iter().flatten().map(|number| &number.subject).collect();
    subjects.sort();
    subjects.dedup();
    let trends = subjects.into_iter().filter_map(|subject| {
        let of: Vec<(&Entry, &Number)> = entries
            .iter()
            .zip(&numbers)
            .filter_map(|(entry, numbers)| Some((entry, numbers.iter().find(|number| number.subject == *subject)?)))
            .collect();
        let (_, newest) = of.last()?;
        // A profile that changed from a rate per hour to one per operation is followed from there on.
        let of: Vec<_> = of.iter().copied().filter(|(_, number)| number.per == newest.per).collect();
        let points = of.iter().map(|(entry, number)| Point {
            run: entry.record.run.id.to_string(),
            start: entry.record.run.started,
            commit: entry.record.run.commit.clone(),
            branch: entry.record.run.branch.clone(),
            value: number.value,
        });
        let points: Vec<Point> = points.collect();
        let steps = steps(subject, &of, &points);
        Some(Trend { subject: subject.clone(), unit: newest.unit, per: newest.per, points, steps })
    });
    Ok(trends.collect())
}

fn steps(subject: &Subject, of: &[(&Entry, &Number)], points: &[Point]) -> Vec<Step> {
    let compared: Vec<f64> = of.iter().map(|(_, number)| number.compared).collect();
    let found = runs::steps(&compared, subject.measure.scale(), SMALLEST_CHANGE, CONFIDENCE);
    let begins: Vec<usize> = std::iter::once(0).chain(found.iter().map(|step| step.at)).collect();
    let at = |place: usize| At { run: points[place].run.clone(), commit: points[place].commit.clone() };
    let level = |from: usize, to: usize| {
        let values = &points[from..to];
        values.iter().map(|point| point.value).sum::<f64>() / values.len().max(1) as f64
    };
    let steps = found.iter().enumerate().map(|(index, step)| {
        let end = found.get(index + 1).map_or(points.len(), |next| next.at);
        let is_worse = match subject.measure.worse() {
            Worse::Up => step.change.value > 0.0,
            Worse::Down => step.change.value < 0.0,
        };
        Step {
            after: at(step.at - 1),
            before: at(step.at),
            level_before: level(begins[index], step.at),
            level_after: level(step.at, end),
            change: step.change,
            is_worse,
            severity: if is_worse { Severity::of_ratio(step.change.value.abs()) } else { Severity::None },
        }
    });
    steps.collect()
}

impl Trend {
    /// A value of it for people.
    #[must_use]
    pub fn show(&self, value: f64) -> String {
        measure::show(self.subject.measure, self.unit, self.per, value)
    }

    /// The points as a line of blocks, lowest to highest.
    #[must_use]
    pub fn sparkline(&self, columns: usize, blocks: &[char]) -> String {
        let values: Vec<f64> = self.points.iter().map(|point| point.value).collect();
        let values = &values[values.len().saturating_sub(columns)..];
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let last = blocks.len().saturating_sub(1);
        let block = |value: &f64| {
            let share = if high > low { (value - low) / (high - low) } else { 0.5 };
            blocks.get((share * last as f64).round() as usize).copied().unwrap_or('?')
        };
        values.iter().map(block).collect()
    }

    /// The changes in sentences: ``baseline of rss_bytes rose 12.0 % between abc1234 and def5678 …``.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let place = |at: &At| at.commit.as_deref().map_or_else(|| format!("run {}", at.run), short);
        let sentence = |step: &Step| {
            let verb = if step.change.value > 0.0 { "rose" } else { "fell" };
            let of = |value: f64| format!("{:.1} %", 100.0 * value.abs());
            let interval = match (step.change.low, step.change.high) {
                (Some(low), Some(high)) => format!(" ({} to {}, 95 %)", of(low), of(high)),
                _ => String::new(),
            };
            let severity = match step.severity {
                Severity::None => String::new(),
                severity => format!("; worse, severity {severity}"),
            };
            format!(
                "{} {verb} {}{interval} between {} and {}: {} to {}{severity}",
                self.subject,
                of(step.change.value),
                place(&step.after),
                place(&step.before),
                self.show(step.level_before),
                self.show(step.level_after),
            )
        };
        self.steps.iter().map(sentence).collect()
    }
}

/// A commit as people write it.
#[must_use]
pub fn short(commit: &str) -> String {
    commit.chars().take(7).collect()
}
