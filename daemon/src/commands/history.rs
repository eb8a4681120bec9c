//! `soakd history`: what the runs of the past say.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use soakd_analysis::runs::{Baseline, FEWEST_RUNS};
use soakd_profiles::units;
use soakd_reports::render::escape::escape;
use soakd_reports::{Charset, Report};

use crate::cli::Format;
use crate::cli::history::{BaselineCommand, HistoryCommand, Which};
use crate::commands::output;
use crate::exit::{Exit, Failure};
use crate::history::archive::{self, Folder, Place};
use crate::history::baseline::{self, BaselineRuns, Choice, Like};
use crate::history::entry::{self, Entry, Filter};
use crate::history::measure::{self, Measure, Number};
use crate::history::regression::percent;
use crate::history::retention::{self, Kept, Retention, What, Why};
use crate::history::trend::{self, Trend, short};
use crate::store::{Detail, Store, StoreError};
use crate::{exit_of, opening, recorded};

/// Does what is asked for with the history in the folder `state`.
///
/// # Errors
/// [`Failure`] where it cannot be done.
pub fn history(action: &HistoryCommand, state: &Path) -> Result<u8, Failure> {
    let store = opening::store(state)?;
    match action {
        HistoryCommand::List { which, format } => list(&store, &filter(which)?, *format)?,
        HistoryCommand::Show { run, format } => show(&store, run, *format)?,
        HistoryCommand::Trend { profile, scenario, branch, since, last, metric, measure, format } => {
            let filter = Filter {
                profile: Some(named_or_newest(&store, profile.as_deref())?),
                scenario: scenario.clone(),
                branch: branch.clone(),
                since: since.as_deref().map(when).transpose()?,
                last: Some(*last),
                ..Filter::default()
            };
            trends(&store, &filter, metric, measure, *format)?;
        }
        HistoryCommand::Prune { short, normal, reports, max_size, dry_run, format } => {
            let retention = Retention {
                short: age("--short", short)?,
                normal: age("--normal", normal)?,
                reports: age("--reports", reports)?,
                most_bytes: max_size.as_deref().map(size).transpose()?,
            };
            prune(&store, state, &retention, *dry_run, *format)?;
        }
        HistoryCommand::Export { folder, which, no_samples, format } => {
            export(&store, &Folder(folder.clone()), &filter(which)?, !no_samples, *format)?;
        }
        HistoryCommand::Baseline { action } => baselines(&store, action)?,
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
        last: which.last,
    })
}

/// A point in time: so long ago, or a date.
fn when(text: &str) -> Result<Timestamp, Failure> {
    if let Some(ago) = units::duration(text) {
        let ago = jiff::SignedDuration::try_from(ago).unwrap_or(jiff::SignedDuration::MAX);
        return Ok(Timestamp::now().checked_sub(ago).unwrap_or(Timestamp::MIN));
    }
    let date = || text.parse::<jiff::civil::Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|date| date.timestamp());
    text.parse().ok().or_else(date).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("`--since {text}` is not understood"))
            .hint("expected how long ago (36h, 7d), a date such as 2026-11-21, or a time such as 2026-11-21T09:30:00Z")
    })
}

fn age(flag: &str, text: &str) -> Result<Duration, Failure> {
    units::duration(text).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("`{flag} {text}` is not understood"))
            .hint("expected a duration such as 30d or 12h")
    })
}

fn size(text: &str) -> Result<u64, Failure> {
    units::size(text).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("`--max-size {text}` is not understood"))
            .hint("expected a size such as 500MB or 2GiB")
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

/// A run in a list.
#[derive(Debug, Serialize)]
struct Listed {
    run: String,
    profile: String,
    scenario: Option<String>,
    stage: Option<String>,
    environment: Option<String>,
    host: Option<String>,
    commit: Option<String>,
    branch: Option<String>,
    start: Timestamp,
    state: &'static str,
    duration_s: Option<f64>,
    outcome: Option<soakd_reports::Outcome>,
    severity: Option<soakd_reports::Severity>,
    summary: Option<String>,
    samples: Samples,
}

#[derive(Debug, Serialize)]
struct Samples {
    count: u64,
    detail: &'static str,
    bytes: u64,
}

impl Listed {
    fn of(store: &Store, entry: &Entry) -> Result<Self, Failure> {
        let record = &entry.record;
        let verdict = entry.verdict.as_ref();
        Ok(Self {
            run: record.run.id.to_string(),
            profile: record.run.profile.clone(),
            scenario: record.run.scenario.clone(),
            stage: record.run.stage.clone(),
            environment: record.run.environment.clone(),
            host: record.run.host.get("name").and_then(|name| name.as_str()).map(str::to_owned),
            commit: record.run.commit.clone(),
            branch: record.run.branch.clone(),
            start: record.run.started,
            state: record.state.as_str(),
            duration_s: record.duration_s,
            outcome: verdict.map(|verdict| verdict.outcome),
            severity: verdict.map(|verdict| verdict.severity),
            summary: verdict.map(|verdict| verdict.summary.clone()),
            samples: Samples {
                count: stored(store.samples_count(record.key))?,
                detail: record.detail.as_str(),
                bytes: stored(store.samples_bytes(record.key))?,
            },
        })
    }
}

fn list(store: &Store, filter: &Filter, format: Format) -> Result<(), Failure> {
    let entries = stored(entry::list(store, filter))?;
    if format == Format::Json {
        let listed = entries.iter().map(|entry| Listed::of(store, entry)).collect::<Result<Vec<_>, _>>()?;
        return output::result(&output::json(&listed)?);
    }
    if entries.is_empty() {
        output::say("no run fits; `soakd check -- COMMAND` makes one");
        return Ok(());
    }
    let mut rows = vec![["run", "outcome", "length", "commit", "branch", "samples"].map(str::to_owned)];
    for entry in &entries {
        let run = &entry.record.run;
        let dash = || "-".to_owned();
        rows.push([
            safe(run.id.as_str()),
            entry.word().to_owned(),
            entry.record.duration_s.map_or_else(dash, length),
            run.commit.as_deref().map_or_else(dash, |commit| safe(&short(commit))),
            run.branch.as_deref().map_or_else(dash, safe),
            match entry.record.detail {
                Detail::Full => stored(store.samples_count(entry.record.key))?.to_string(),
                Detail::Minutes => "minutes".to_owned(),
            },
        ]);
    }
    output::result(&table(&rows))
}

fn length(seconds: f64) -> String {
    crate::progress::clock_face(seconds)
}

/// Columns side by side, each as wide as its widest cell.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

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

fn show(store: &Store, which: &str, format: Format) -> Result<(), Failure> {
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

/// Widest line of blocks.
const SPARKLINE_COLUMNS: usize = 60;
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII_BLOCKS: [char; 5] = ['_', '.', '-', '=', '#'];

fn trends(
    store: &Store,
    filter: &Filter,
    metrics: &[String],
    measures: &[Measure],
    format: Format,
) -> Result<(), Failure> {
    let entries: Vec<Entry> = stored(entry::list(store, filter))?
        .into_iter()
        .filter(|entry| entry.verdict.as_ref().is_some_and(|verdict| !verdict.run.ended.cut_short()))
        .collect();
    let wanted = |trend: &Trend| {
        (metrics.is_empty() || metrics.contains(&trend.subject.metric))
            && (measures.is_empty() || measures.contains(&trend.subject.measure))
    };
    let trends: Vec<Trend> = stored(trend::trends(store, &entries))?.into_iter().filter(wanted).collect();
    if format == Format::Json {
        return output::result(&output::json(&trends)?);
    }
    let profile = filter.profile.as_deref().unwrap_or_default();
    if trends.is_empty() {
        output::say(&format!(
            "no run of profile `{}` has such numbers; `soakd history list` shows the runs",
            safe(profile)
        ));
        return Ok(());
    }
    let mut text = format!("{} runs of profile `{}`\n", entries.len(), safe(profile));
    let blocks: &[char] = if output::is_ascii() { &ASCII_BLOCKS } else { &BLOCKS };
    for trend in &trends {
        let values = || trend.points.iter().map(|point| point.value);
        let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        let last = values().next_back().unwrap_or(0.0);
        text.push_str(&format!(
            "\n{}\n  {}  {} to {}, last {}\n",
            safe(&trend.subject.to_string()),
            trend.sparkline(SPARKLINE_COLUMNS, blocks),
            trend.show(low),
            trend.show(high),
            trend.show(last)
        ));
        for sentence in trend.sentences() {
            text.push_str(&format!("  {}\n", safe(&sentence)));
        }
    }
    output::result(&text)
}

/// Something that was done, or would be.
#[derive(Debug, Serialize)]
struct Pruned {
    run: String,
    what: What,
    why: Why,
    done: bool,
    bytes: u64,
}

fn prune(store: &Store, state: &Path, retention: &Retention, dry_run: bool, format: Format) -> Result<(), Failure> {
    let pinned = stored(store.pinned())?;
    let mut kept = Vec::new();
    for record in stored(store.runs())?.into_iter().filter(entry::has_ended) {
        let samples_bytes = stored(store.samples_bytes(record.key))?;
        let is_pinned = pinned.iter().any(|id| id == record.run.id.as_str());
        kept.push(Kept { record, samples_bytes, is_pinned });
    }
    let size_bytes = stored(store.size_bytes())?;
    let mut done = Vec::new();
    for step in retention::plan(&kept, size_bytes, Timestamp::now(), retention) {
        let Kept { record, samples_bytes, .. } = &kept[step.run];
        let id = record.run.id.to_string();
        if !dry_run {
            match step.what {
                What::Thin => stored(store.thin(record.key))?,
                What::Remove => {
                    stored(store.remove(record.key))?;
                    remove_folder(&state.join("runs").join(&id))?;
                }
            }
        }
        let left = if step.what == What::Thin && !dry_run { stored(store.samples_bytes(record.key))? } else { 0 };
        let bytes = samples_bytes.saturating_sub(left);
        done.push(Pruned { run: id, what: step.what, why: step.why, done: !dry_run, bytes });
    }
    if format == Format::Json {
        return output::result(&output::json(&done)?);
    }
    let mut text = String::new();
    for pruned in &done {
        let what = match (pruned.what, dry_run) {
            (What::Thin, false) => "thinned to minutes",
            (What::Thin, true) => "would be thinned to minutes",
            (What::Remove, false) => "removed",
            (What::Remove, true) => "would be removed",
        };
        let why = match pruned.why {
            Why::Age => "it is older than its kind is kept",
            Why::Size => "the store is larger than it may be",
        };
        text.push_str(&format!("{}: {what}, since {why}\n", safe(&pruned.run)));
    }
    let after = stored(store.size_bytes())?;
    text.push_str(&match (done.len(), dry_run) {
        (0, _) => format!("nothing to do: {} runs, {size_bytes} bytes\n", kept.len()),
        (count, true) => format!("{count} of {} runs would change; nothing was done\n", kept.len()),
        (count, false) => format!("{count} of {} runs changed; {size_bytes} bytes before, {after} after\n", kept.len()),
    });
    output::result(&text)
}

/// Removes the folder that a removed run had in the state folder; folders that the user named are the user's.
fn remove_folder(folder: &Path) -> Result<(), Failure> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::new(Exit::CannotWrite, format!("cannot remove `{}`: {error}", folder.display())))
        }
        _ => Ok(()),
    }
}

#[derive(Debug, Default, Serialize)]
struct Exported {
    written: Vec<String>,
    already_there: usize,
    without_verdict: Vec<String>,
}

fn export(store: &Store, place: &Folder, filter: &Filter, samples: bool, format: Format) -> Result<(), Failure> {
    let cannot_write = |path: &Path, error: std::io::Error| {
        Failure::new(Exit::CannotWrite, format!("cannot write `{}`: {error}", place.0.join(path).display()))
            .hint("what was written before is whole; run it again when there is room, and it goes on from there")
    };
    let mut exported = Exported::default();
    for entry in stored(entry::list(store, filter))?.into_iter().filter(|entry| entry::has_ended(&entry.record)) {
        let path = archive::path(&entry);
        let Some(document) = stored(store.verdict(entry.record.key))? else {
            exported.without_verdict.push(entry.record.run.id.to_string());
            continue;
        };
        let mut files = Vec::new();
        // Samples first: where there is a verdict, its samples are there too.
        if samples && entry.verdict.is_some() {
            files.push(path.with_extension("parquet"));
        }
        files.push(path);
        for file in files {
            if place.has(&file) {
                exported.already_there += 1;
                continue;
            }
            let bytes = if file.extension().is_some_and(|extension| extension == "json") {
                output::json(&document)?.into_bytes()
            } else {
                samples_file(store, &entry)?
            };
            place.put(&file, &bytes).map_err(|error| cannot_write(&file, error))?;
            exported.written.push(place.0.join(&file).display().to_string());
        }
    }
    if format == Format::Json {
        return output::result(&output::json(&exported)?);
    }
    for run in &exported.without_verdict {
        output::say(&format!("note: run `{}` has no verdict; `soakd report` makes one", safe(run)));
    }
    let mut text: String = exported.written.iter().map(|file| format!("wrote {}\n", safe(file))).collect();
    text.push_str(&format!(
        "{} files written, {} were there already\n",
        exported.written.len(),
        exported.already_there
    ));
    output::result(&text)
}

/// The samples of a run for engines that read columns.
fn samples_file(store: &Store, entry: &Entry) -> Result<Vec<u8>, Failure> {
    let internal = |error: String| Failure::new(Exit::Internal, format!("samples cannot be written: {error}"));
    let (Some(verdict), Some(parquet)) = (&entry.verdict, soakd_reports::renderer("parquet")) else {
        return Err(internal("there is no such renderer".to_owned()));
    };
    let recording = stored(recorded::recording(store, &entry.record))?;
    let report = Report { recording: Some(&recording), ..Report::new(verdict) };
    parquet.render(&report).map_err(|error| internal(error.to_string()))
}

fn baselines(store: &Store, action: &BaselineCommand) -> Result<(), Failure> {
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
