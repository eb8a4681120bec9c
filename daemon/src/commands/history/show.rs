//! `soakd history show`: one run beside its baseline.

use serde::Serialize;
use soakd_analysis::runs::{Baseline, FEWEST_RUNS};

use super::list::{Listed, length};
use super::{Levels, compared, levels, safe, stored};
use crate::cli::Format;
use crate::commands::output;
use crate::exit::Failure;
use crate::history::baseline::{self, BaselineRuns, Like};
use crate::history::entry;
use crate::history::measure::{self, Measure, Number};
use crate::history::regression::percent;
use crate::store::Store;

/// A run beside its baseline.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    listed: Listed,
    numbers: Vec<ShownNumber>,
}

#[derive(Debug, Serialize)]
struct ShownNumber {
    #[serde(flatten)]
    subject: measure::Subject,
    value: f64,
    /// Level of the baseline; `null` where there is none.
    level: Option<f64>,
    /// Change from it, as a share.
    change: Option<f64>,
    /// Standard deviation between its runs, as a share.
    noise: Option<f64>,
    /// Runs in it.
    runs: usize,
    #[serde(skip)]
    text: String,
}

pub(super) fn show(store: &Store, which: &str, format: Format) -> Result<(), Failure> {
    let entry = stored(store.run(which).and_then(|record| entry::of(store, record)))?;
    let run = &entry.record.run;
    let host = entry.verdict.as_ref().map(|verdict| &verdict.run.host);
    let like = Like { host, planned_s: Some(run.planned_s), before: Some(run.started) };
    let runs = stored(baseline::runs(store, &run.profile, run.scenario.as_deref(), like))?;
    let numbers = stored(measure::numbers(store, &entry))?;
    let levels = levels(store, &runs)?;
    let numbers: Vec<ShownNumber> = numbers.iter().map(|number| shown(number, &levels, &runs)).collect();
    let listed = Listed::of(store, &entry)?;
    if format == Format::Json {
        return output::result(&output::json(&Shown { listed, numbers })?);
    }
    let mut text = format!("run `{}`: {}\n", safe(run.id.as_str()), entry.word());
    let mut line = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            text.push_str(&format!("  {name:<8}  {}\n", safe(value)));
        }
    };
    line("summary", listed.summary.as_deref());
    line("profile", Some(&listed.profile));
    line("scenario", listed.scenario.as_deref());
    line("commit", listed.commit.as_deref());
    line("branch", listed.branch.as_deref());
    line("host", listed.host.as_deref());
    line("started", Some(&listed.start.to_string()));
    line("length", listed.duration_s.map(length).as_deref());
    let samples = &listed.samples;
    let kept = format!("{} taken, kept as {}, {} bytes", samples.count, samples.detail, samples.bytes);
    line("samples", Some(&kept));
    for number in &numbers {
        text.push_str(&format!("  {}\n", number.text));
    }
    output::result(&text)
}

fn shown(number: &Number, levels: &Levels, runs: &BaselineRuns) -> ShownNumber {
    let scale = number.subject.measure.scale();
    let values = compared(&levels.noise, number);
    let baseline = Baseline::of(&values, scale);
    let fixed = compared(&levels.fixed, number);
    let level = if runs.fixed.is_empty() {
        baseline.as_ref().map(Baseline::level)
    } else {
        (!fixed.is_empty()).then(|| fixed.iter().sum::<f64>() / fixed.len() as f64)
    };
    let change = level.and_then(|level| match number.subject.measure {
        Measure::Growth => Some(number.compared - level),
        _ => (level > 0.0).then(|| number.compared / level - 1.0),
    });
    let noise = baseline.as_ref().map(Baseline::noise);
    let beside = match (change, noise) {
        (Some(change), Some(noise)) => format!(
            "{} {} the baseline ({} runs, noise {})",
            percent(change.abs()),
            if change < 0.0 { "below" } else { "above" },
            values.len(),
            percent(noise)
        ),
        _ => format!("no baseline: {} of {FEWEST_RUNS} good runs", values.len()),
    };
    let text = format!("{}: {}; {beside}", safe(&number.subject.to_string()), number.show(number.value));
    ShownNumber { subject: number.subject.clone(), value: number.value, level, change, noise, runs: values.len(), text }
}
