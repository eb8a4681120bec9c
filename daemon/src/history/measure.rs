//! The few numbers that a run comes to, and that can be followed from run to run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soakd_analysis::Quantity;
use soakd_analysis::runs::{Scale, Worse};
use soakd_reports::{Per, Role, SeriesVerdict};

use super::entry::Entry;
use crate::store::{Column, Scope, SeriesRecord, Store, StoreError};

/// A number of a run.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Measure {
    /// Growth of a judged series; compared by what it adds to the baseline as far ahead as the run speaks for
    Growth,
    /// Level of a judged series after warm-up
    Baseline,
    /// Highest sample of a judged series
    Peak,
    /// 99th percentile of latency, where a source of the profile records one (a series named …p99…_s)
    P99,
    /// Operations per second
    Throughput,
}

impl Measure {
    /// Every measure.
    pub const ALL: [Self; 5] = [Self::Growth, Self::Baseline, Self::Peak, Self::P99, Self::Throughput];

    /// Its name in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Growth => "growth",
            Self::Baseline => "baseline",
            Self::Peak => "peak",
            Self::P99 => "p99",
            Self::Throughput => "throughput",
        }
    }

    /// In which direction it gets worse.
    #[must_use]
    pub fn worse(self) -> Worse {
        match self {
            Self::Throughput => Worse::Down,
            Self::Growth | Self::Baseline | Self::Peak | Self::P99 => Worse::Up,
        }
    }

    /// How it is compared.
    #[must_use]
    pub fn scale(self) -> Scale {
        match self {
            Self::Growth => Scale::Share,
            Self::Baseline | Self::Peak | Self::P99 | Self::Throughput => Scale::Ratio,
        }
    }
}

/// What a number is about: the measure, and of which series.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// The measure.
    pub measure: Measure,
    /// The series; that of the operations for throughput.
    pub metric: String,
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.measure {
            Measure::Throughput => f.write_str("throughput"),
            measure => write!(f, "{} of {}", measure.as_str(), self.metric),
        }
    }
}

/// One number of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// What it is about.
    pub subject: Subject,
    /// Its unit.
    pub unit: Quantity,
    /// Per what, where it is a rate.
    pub per: Option<Per>,
    /// The value in that unit.
    pub value: f64,
    /// The value by which it is compared: for growth the share of the baseline that it adds.
    pub compared: f64,
}

impl Number {
    /// A value of this kind for people.
    #[must_use]
    pub fn show(&self, value: f64) -> String {
        show(self.subject.measure, self.unit, self.per, value)
    }
}

/// A value of a measure for people: `12 MiB`, `3.1 KiB/h`, `412/s`.
#[must_use]
pub fn show(measure: Measure, unit: Quantity, per: Option<Per>, value: f64) -> String {
    let per = match (measure, per) {
        (Measure::Throughput, _) => "/s",
        (Measure::P99, _) => " s",
        (_, Some(Per::Hour)) => "/h",
        (_, Some(Per::Op)) => "/op",
        (_, None) => "",
    };
    format!("{}{per}", unit.show(value))
}

/// Everything that is known of a run in numbers: one for each judged series and measure, and those of the load.
///
/// # Errors
/// Why the samples could not be read.
pub fn numbers(store: &Store, entry: &Entry) -> Result<Vec<Number>, StoreError> {
    let Some(verdict) = &entry.verdict else { return Ok(Vec::new()) };
    let mut numbers = of_verdict(verdict);
    let judged: Vec<&SeriesVerdict> = judged(verdict).collect();
    let is_wanted = |series: &SeriesRecord| match series.scope {
        Scope::Tree => judged.iter().any(|of| of.metric == series.metric),
        Scope::Process { .. } | Scope::Host => false,
        _ => is_latency(&series.metric),
    };
    let all = store.series(entry.record.key)?;
    let wanted: Vec<_> = all.iter().filter(|series| is_wanted(series)).map(|series| series.number).collect();
    for column in store.columns(entry.record.key, &wanted)? {
        let (measure, value) = match column.series.scope {
            Scope::Tree => (Measure::Peak, peak(&column)),
            _ => (Measure::P99, middle(&column.values)),
        };
        let Some(value) = value else { continue };
        let unit = if measure == Measure::P99 { Quantity::Other } else { column.series.quantity };
        let subject = Subject { measure, metric: column.series.metric };
        numbers.push(Number { subject, unit, per: None, value, compared: value });
    }
    numbers.sort_by(|a, b| a.subject.cmp(&b.subject));
    Ok(numbers)
}

/// What the verdict alone tells.
#[must_use]
pub fn of_verdict(verdict: &soakd_reports::Verdict) -> Vec<Number> {
    let mut numbers = Vec::new();
    for series in judged(verdict) {
        let subject = |measure| Subject { measure, metric: series.metric.clone() };
        if let (Some(rate), Some(projection)) = (soakd_reports::sentence::judged_rate(series), &series.projection)
            && let Some(ratio) = projection.growth_ratio
        {
            let per = Some(series.tolerance.per);
            let (unit, value, compared) = (series.unit, rate.value, ratio.value);
            numbers.push(Number { subject: subject(Measure::Growth), unit, per, value, compared });
        }
        if let Some(value) = series.judgement.settled_baseline {
            let (unit, compared) = (series.unit, value);
            numbers.push(Number { subject: subject(Measure::Baseline), unit, per: None, value, compared });
        }
    }
    if let Some(value) = verdict.load.as_ref().and_then(|load| load.throughput_per_s) {
        let subject = Subject { measure: Measure::Throughput, metric: "ops_count".to_owned() };
        numbers.push(Number { subject, unit: Quantity::Count, per: None, value, compared: value });
    }
    numbers
}

fn judged(verdict: &soakd_reports::Verdict) -> impl Iterator<Item = &SeriesVerdict> {
    verdict.series.iter().filter(|series| series.role == Role::Judged && series.scope == soakd_reports::Scope::Tree)
}

fn is_latency(metric: &str) -> bool {
    metric.contains("p99") && metric.ends_with("_s")
}

fn peak(column: &Column) -> Option<f64> {
    let values = column.extremes.as_ref().map_or(&column.values, |extremes| &extremes.high);
    values.iter().copied().filter(|value| value.is_finite()).max_by(f64::total_cmp)
}

fn middle(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
