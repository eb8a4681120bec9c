//! `soakd history`: what the runs of the past say. A file for each of its commands.

mod baseline;
mod export;
mod list;
mod prune;
mod show;
mod trend;

pub(crate) use self::trend::{chart as trend_chart, text as trend_text};

use std::path::Path;

use jiff::Timestamp;
use soakd_reports::Charset;
use soakd_reports::render::escape::escape;

use crate::cli::history::{HistoryCommand, Which};
use crate::exit::{Exit, Failure};
use crate::history::archive::Folder;
use crate::history::baseline::BaselineRuns;
use crate::history::entry::{Entry, Filter};
use crate::history::measure::{self, Number};
use crate::history::retention::{Retention, Told};
use crate::store::{Store, StoreError};
use crate::{exit_of, history, opening};

/// Does what is asked for with the history in the folder `state`.
///
/// # Errors
/// [`Failure`] where it cannot be done.
pub fn history(action: &HistoryCommand, state: &Path) -> Result<u8, Failure> {
    let store = opening::store(state)?;
    match action {
        HistoryCommand::List { which, format } => list::list(&store, &filter(which)?, *format)?,
        HistoryCommand::Show { run, format } => show::show(&store, run, *format)?,
        HistoryCommand::Trend { profile, scenario, branch, since, last, metric, measure, svg, format } => {
            let filter = Filter {
                profile: Some(named_or_newest(&store, profile.as_deref())?),
                scenario: scenario.clone(),
                branch: branch.clone(),
                since: since.as_deref().map(when).transpose()?,
                last: Some(*last),
                ..Filter::default()
            };
            trend::trends(&store, &filter, (metric, measure), svg.as_deref(), *format)?;
        }
        HistoryCommand::Prune { short, normal, reports, max_size, dry_run, format } => {
            let told = Told { short, normal, reports, most_bytes: max_size.as_deref() };
            let retention = Retention::told(told).map_err(|wrong| {
                Failure::new(Exit::Usage, format!("`{} {}` is not understood", wrong.what.flag(), wrong.text))
                    .hint(wrong.what.expected())
            })?;
            prune::prune(&store, &retention, *dry_run, *format)?;
        }
        HistoryCommand::Export { folder, which, no_samples, format } => {
            export::export(&store, &Folder(folder.clone()), &filter(which)?, !no_samples, *format)?;
        }
        HistoryCommand::Baseline { action } => baseline::baselines(&store, action)?,
    }
    Ok(0)
}

fn stored<T>(result: Result<T, StoreError>) -> Result<T, Failure> {
    result.map_err(exit_of::store)
}

fn filter(which: &Which) -> Result<Filter, Failure> {
    Ok(Filter {
        profile: which.profile.clone(),
        scenario: None,
        branch: which.branch.clone(),
        outcome: which.outcome.map(|outcome| outcome.outcome()),
        since: which.since.as_deref().map(when).transpose()?,
        before: None,
        last: which.last,
    })
}

/// A point in time that is named as `--since`.
fn when(text: &str) -> Result<Timestamp, Failure> {
    history::when::when(text).map_err(|unclear| {
        Failure::new(Exit::Usage, format!("`--since {text}` is not understood")).hint(unclear.hint())
    })
}

/// Text from outside, made safe to show.
fn safe(text: &str) -> String {
    escape(text, Charset::Unicode)
}

fn named_or_newest(store: &Store, profile: Option<&str>) -> Result<String, Failure> {
    match profile {
        Some(profile) => Ok(profile.to_owned()),
        None => Ok(stored(store.run("last"))?.run.profile),
    }
}

/// Numbers of the runs of a baseline.
struct Levels {
    noise: Vec<Vec<Number>>,
    fixed: Vec<Vec<Number>>,
}

fn levels(store: &Store, runs: &BaselineRuns) -> Result<Levels, Failure> {
    let of = |entries: &[Entry]| -> Result<Vec<Vec<Number>>, Failure> {
        entries.iter().map(|entry| stored(measure::numbers(store, entry))).collect()
    };
    Ok(Levels { noise: of(&runs.noise)?, fixed: of(&runs.fixed)? })
}

fn compared(history: &[Vec<Number>], number: &Number) -> Vec<f64> {
    let same =
        |numbers: &Vec<Number>| numbers.iter().find(|other| other.subject == number.subject).map(|it| it.compared);
    history.iter().filter_map(same).collect()
}
