//! Judges every series of a corpus folder and writes the predictions file that its `score.py` reads.
//!
//! ```text
//! cargo run --release -p soakd-analysis --example corpus -- DIR OUT.csv [--sequential]
//! ```
//!
//! `DIR/labels.json` gives names, files, `tolerated_rate` and `limit_bytes`; nothing else of it is read. The planned
//! length of a run is the length of its recording. `--sequential` passes every series sample by sample through the
//! monitor as well, to say when a run would have ended early.

#![expect(clippy::print_stderr, clippy::disallowed_methods, reason = "a program, not the pure library")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use serde::Deserialize;
use soakd_analysis::formats::{self, Table};
use soakd_analysis::{Judgement, JudgementKind, Monitor, Question, Role, Series, Tolerance, Witness, combine, judge};

type Failure = Box<dyn std::error::Error>;

/// What a detector may know of a series.
#[derive(Deserialize)]
struct Entry {
    id: String,
    file: String,
    tolerated_rate: f64,
    limit_bytes: Option<f64>,
}

#[derive(Deserialize)]
struct Labels {
    series: Vec<Entry>,
}

const S_PER_HOUR: f64 = 3600.0;

/// The byte column whose rate is reported, the first that a recording has.
const WITNESSES: [&str; 2] = ["anon_swap_bytes", "rss_bytes"];

/// The columns that are judged: one witness of memory, what else can leak. RSS, PSS and USS of one process say nearly
/// the same, so that judging all of them would only share the error rate among copies; USS stands by as a second
/// opinion.
const JUDGED: [&str; 6] = ["uss_bytes", "heap_bytes", "fds_count", "threads_count", "procs_count", "sockets_count"];

struct Judged {
    name: String,
    judgement: Judgement,
    detected_s: Option<f64>,
}

fn question(entry: &Entry, series: &Series, planned_s: f64, family: usize) -> Question {
    let mut question = Question::new(planned_s);
    question.family = family;
    if series.quantity() == soakd_analysis::Quantity::Bytes {
        // The label's rate is the default tolerance of a whole run, measured at the generator's baseline.
        question.tolerance = Tolerance::PerRun(entry.tolerated_rate * planned_s);
        question.confirm_per_run = Some(1024.0 * 1024.0);
        question.limit = entry.limit_bytes;
    }
    question
}

/// When a run that is watched sample by sample would have ended, in seconds from the first sample.
fn detected_s(series: &Series, question: &Question) -> Option<f64> {
    let mut monitor = Monitor::new(series.quantity(), question.clone());
    let mut restarts = series.restarts_s().iter().peekable();
    for (index, (t_s, value)) in series.t_s().iter().zip(series.values()).enumerate() {
        while restarts.next_if(|restart| *restart <= t_s).is_some() {
            monitor.restart(*t_s);
        }
        monitor.push(*t_s, *value, series.ops().map(|ops| ops[index])).ok()?;
        if monitor.decision().is_some_and(|judgement| judgement.judgement == JudgementKind::Leak) {
            return Some(*t_s);
        }
    }
    None
}

fn judge_table(entry: &Entry, table: &Table, sequential: bool) -> Result<Vec<Judged>, Failure> {
    let planned_s = table.t_s.last().copied().unwrap_or_default();
    let witness = WITNESSES.into_iter().find(|name| table.column(name).is_some());
    let names: Vec<&str> =
        witness.into_iter().chain(JUDGED.into_iter().filter(|name| table.column(name).is_some())).collect();
    names
        .iter()
        .map(|name| {
            let series = table.series(name)?;
            let question = question(entry, &series, planned_s, names.len());
            let judgement = judge(&series, &question);
            let detected_s = if sequential {
                detected_s(&series, &question)
            } else {
                (judgement.judgement == JudgementKind::Leak).then_some(planned_s)
            };
            Ok(Judged { name: (*name).to_owned(), judgement, detected_s })
        })
        .collect()
}

/// The answer for the whole run, and the series that decided it.
fn verdict(judged: &[Judged]) -> (&'static str, Option<usize>) {
    let witnesses: Vec<Witness<'_>> = judged
        .iter()
        .map(|one| Witness { metric: &one.name, role: Role::of_metric(&one.name), judgement: &one.judgement })
        .collect();
    let combined = combine(&witnesses);
    let verdict = match combined.judgement {
        JudgementKind::Leak => "leak",
        JudgementKind::NoLeak | JudgementKind::Retention => "no_leak",
        JudgementKind::Inconclusive => "inconclusive",
    };
    (verdict, combined.deciding)
}

fn row(entry: &Entry, judged: &[Judged]) -> Result<String, Failure> {
    let (verdict, deciding) = verdict(judged);
    // The deciding series tells the rate where it counts bytes, as the labels do, else the witness of memory.
    let told =
        deciding.map(|index| &judged[index]).filter(|one| one.name.ends_with("_bytes")).or_else(|| judged.first());
    let rate = told.and_then(|one| one.judgement.rate_per_hour);
    let per_s = |value: Option<f64>| value.map(|value| (value / S_PER_HOUR).to_string()).unwrap_or_default();
    let detected_s = judged.iter().filter_map(|one| one.detected_s).min_by(f64::total_cmp);
    let model = told.and_then(|one| one.judgement.model.as_ref()).map(|model| model.name.as_str());
    let mut row = String::new();
    write!(
        row,
        "{},{},{},{},{},{},{}",
        entry.id,
        verdict,
        per_s(rate.map(|rate| rate.value)),
        per_s(rate.and_then(|rate| rate.low)),
        per_s(rate.and_then(|rate| rate.high)),
        model.unwrap_or_default(),
        detected_s.map(|at_s| at_s.to_string()).unwrap_or_default(),
    )?;
    Ok(row)
}

fn run(folder: &Path, out: &Path, sequential: bool) -> Result<(), Failure> {
    let labels: Labels = serde_json::from_str(&fs::read_to_string(folder.join("labels.json"))?)?;
    let mut predictions = String::from("series_id,verdict,rate,rate_lo,rate_hi,model,detect_time_s\n");
    for entry in &labels.series {
        let bytes = fs::read(folder.join(&entry.file))?;
        let table = formats::read(&bytes).map_err(|error| format!("`{}`, {error}", entry.file))?;
        let judged = judge_table(entry, &table, sequential)?;
        predictions.push_str(&row(entry, &judged)?);
        predictions.push('\n');
        let kinds: Vec<_> = judged.iter().map(|one| format!("{} {:?}", one.name, one.judgement.judgement)).collect();
        eprintln!("{}: {} ({})", entry.id, verdict(&judged).0, kinds.join(", "));
    }
    Ok(fs::write(out, predictions)?)
}

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let before = arguments.len();
    arguments.retain(|argument| argument != "--sequential");
    let sequential = arguments.len() < before;
    let [folder, out] = arguments.as_slice() else {
        eprintln!("usage: corpus DIR OUT.csv [--sequential]");
        return ExitCode::from(64);
    };
    match run(Path::new(folder), Path::new(out), sequential) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
