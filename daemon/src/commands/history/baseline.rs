//! `soakd history baseline`: what the runs of a profile are held against.

use serde::Serialize;
use soakd_analysis::runs::{Baseline, FEWEST_RUNS};

use super::{compared, levels, named_or_newest, safe, stored};
use crate::cli::Format;
use crate::cli::history::BaselineCommand;
use crate::commands::output;
use crate::exit::{Exit, Failure};
use crate::history::baseline::{self, Choice, Like};
use crate::history::entry;
use crate::history::measure::{self, Measure};
use crate::history::regression::percent;
use crate::store::Store;

pub(super) fn baselines(store: &Store, action: &BaselineCommand) -> Result<(), Failure> {
    match action {
        BaselineCommand::Set { profile, scenario, rolling, branch, run } => {
            let choice = match rolling {
                Some(count) if *count < FEWEST_RUNS => {
                    return Err(Failure::new(Exit::Usage, format!("`--rolling {count}` is too few"))
                        .hint(format!("{FEWEST_RUNS} runs are needed to know their noise")));
                }
                Some(count) => Choice::Rolling { count: *count, branch: branch.clone() },
                None => Choice::Fixed { runs: fixed(store, profile, run)? },
            };
            stored(store.set_baseline(profile, scenario.as_deref(), &choice))?;
            output::result(&format!("baseline of profile `{}`: {}\n", safe(profile), choice_text(&choice)))
        }
        BaselineCommand::Show { profile, scenario, format } => {
            let profile = named_or_newest(store, profile.as_deref())?;
            show_baseline(store, &profile, scenario.as_deref(), *format)
        }
    }
}

/// Ids of the runs of a fixed baseline, which have to have numbers to be held against.
fn fixed(store: &Store, profile: &str, runs: &[String]) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::new();
    for which in runs {
        let entry = stored(store.run(which).and_then(|record| entry::of(store, record)))?;
        let id = entry.record.run.id.to_string();
        if entry.record.run.profile != profile {
            let of = safe(&entry.record.run.profile);
            return Err(Failure::new(Exit::Usage, format!("run `{id}` is one of profile `{of}`")));
        }
        if stored(measure::numbers(store, &entry))?.is_empty() {
            return Err(Failure::new(Exit::BadData, format!("run `{id}` has no numbers to be held against"))
                .hint("`soakd history list --outcome pass` shows better ones"));
        }
        ids.push(id);
    }
    Ok(ids)
}

fn choice_text(choice: &Choice) -> String {
    match choice {
        Choice::Rolling { count, branch: None } => format!("the last {count} good runs"),
        Choice::Rolling { count, branch: Some(branch) } => {
            format!("the last {count} good runs of branch `{}`", safe(branch))
        }
        Choice::Fixed { runs } => format!("fixed, {}", runs.iter().map(|run| safe(run)).collect::<Vec<_>>().join(", ")),
    }
}

#[derive(Debug, Serialize)]
struct ShownBaseline {
    profile: String,
    choice: Choice,
    runs: Vec<String>,
    needed: usize,
    numbers: Vec<ShownLevel>,
}

#[derive(Debug, Serialize)]
struct ShownLevel {
    #[serde(flatten)]
    subject: measure::Subject,
    level: f64,
    noise: f64,
    runs: usize,
    #[serde(skip)]
    text: String,
}

fn show_baseline(store: &Store, profile: &str, scenario: Option<&str>, format: Format) -> Result<(), Failure> {
    let runs = stored(baseline::runs(store, profile, scenario, Like::default()))?;
    let levels = levels(store, &runs)?;
    let newest = levels.noise.last().cloned().unwrap_or_default();
    let numbers = newest.iter().filter_map(|number| {
        let values = compared(&levels.noise, number);
        let baseline = Baseline::of(&values, number.subject.measure.scale())?;
        let level = match number.subject.measure {
            Measure::Growth => format!("{} of the settled baseline", percent(baseline.level())),
            _ => number.show(baseline.level()),
        };
        let subject = number.subject.clone();
        let text = format!("{}: {level}, noise {} between runs", safe(&subject.to_string()), percent(baseline.noise()));
        Some(ShownLevel { subject, level: baseline.level(), noise: baseline.noise(), runs: values.len(), text })
    });
    let shown = ShownBaseline {
        profile: profile.to_owned(),
        choice: runs.choice.clone(),
        runs: runs.noise.iter().map(|entry| entry.record.run.id.to_string()).collect(),
        needed: FEWEST_RUNS,
        numbers: numbers.collect(),
    };
    if format == Format::Json {
        return output::result(&output::json(&shown)?);
    }
    let mut text = format!("baseline of profile `{}`: {}\n", safe(profile), choice_text(&shown.choice));
    text.push_str(&format!("  {} good runs tell the noise, {FEWEST_RUNS} are needed\n", shown.runs.len()));
    for number in &shown.numbers {
        text.push_str(&format!("  {}\n", number.text));
    }
    output::result(&text)
}
