//! `soakd analyze`: judges recorded series.

use std::io::Read;
use std::path::Path;

use serde::Serialize;
use soakd_analysis::formats::{self, Column, Table};
use soakd_analysis::{Judgement, JudgementKind, Quantity, Question, Tolerance, judge};
use soakd_profiles::{Per, is_counter_name, units};
use soakd_reports::{LimitSource, Outcome, Role, Scope, SeriesVerdict, Severity, TolerancePer, sentence};
use soakd_sampler::MetricId;
use soakd_sampler::Scope::Host;
use soakd_sampler::TreeSum::Cumulative;

use crate::cli::{AnalyzeArgs, Format};
use crate::commands::output;
use crate::exit::{Exit, Failure};

/// Everything that was judged of one file.
#[derive(Debug, Serialize)]
struct Analyzed {
    file: String,
    outcome: Outcome,
    series: Vec<SeriesVerdict>,
}

/// Judges the files; the exit code is that of the worst.
///
/// # Errors
/// [`Exit::NoInput`] and [`Exit::BadData`] for files that cannot be read, [`Exit::Usage`] for flags that make no sense.
pub fn analyze(arguments: &AnalyzeArgs) -> Result<u8, Failure> {
    let mut all = Vec::new();
    let mut failures = Vec::new();
    for file in &arguments.files {
        match one(file, arguments) {
            Ok(analyzed) => all.push(analyzed),
            Err(failure) => failures.push(failure),
        }
    }
    match arguments.format {
        Format::Json => output::result(&output::json(&all)?)?,
        Format::Text => output::result(&all.iter().map(|one| text(one, arguments.quiet)).collect::<String>())?,
    }
    // One bad file keeps nobody from the answers about the others, but it is no pass.
    if let Some(last) = failures.pop() {
        for failure in &failures {
            output::error(failure);
        }
        return Err(last);
    }
    // As for a run: what is undecided is worse than a warning, and better than a failure.
    let rank = |outcome: Outcome| match outcome {
        Outcome::Pass => 0,
        Outcome::Warn => 1,
        Outcome::Inconclusive => 2,
        Outcome::Fail => 3,
        Outcome::Block => 4,
    };
    let worst = all.iter().map(|one| one.outcome).max_by_key(|outcome| rank(*outcome));
    Ok(worst.unwrap_or(Outcome::Inconclusive).exit_code())
}

fn one(file: &Path, arguments: &AnalyzeArgs) -> Result<Analyzed, Failure> {
    let name = if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
    let bytes = read(file).map_err(|error| Failure::new(Exit::NoInput, format!("cannot read `{name}`: {error}")))?;
    let table = formats::read(&bytes).map_err(|error| Failure::new(Exit::BadData, format!("`{name}`: {error}")))?;
    judged(name, &table, arguments)
}

fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    std::fs::read(file)
}

fn judged(file: String, table: &Table, arguments: &AnalyzeArgs) -> Result<Analyzed, Failure> {
    let names: Vec<&str> = table.names().collect();
    if let Some(unknown) = arguments.column.iter().find(|column| !names.contains(&column.as_str())) {
        return Err(Failure::new(Exit::Usage, format!("`{file}` has no column `{unknown}`"))
            .hint(format!("it has {}", names.join(", "))));
    }
    let wanted: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| {
            if arguments.column.is_empty() {
                // Other quantities have no default tolerance that means anything.
                Quantity::of_metric(name) != Quantity::Other && may_stay_level(name) && !is_counter(table, name)
            } else {
                arguments.column.iter().any(|column| column == name)
            }
        })
        .collect();
    if wanted.is_empty() {
        return Err(Failure::new(Exit::BadData, format!("`{file}` has no column of bytes or counts"))
            .hint(format!("name one with `--column`: {}", names.join(", "))));
    }
    let mut series = Vec::new();
    for name in &wanted {
        let one = table
            .series(name)
            .map_err(|error| Failure::new(Exit::BadData, format!("`{file}`, column `{name}`: {error}")))?;
        let question = question(arguments, name, one.duration_s(), wanted.len())?;
        series.push(verdict(name, &question, judge(&one, &question)));
    }
    let outcome = outcome(&series);
    Ok(Analyzed { file, outcome, series })
}

/// Whether growth of a column would say anything: counters only ever grow, and the host is not the target.
fn may_stay_level(name: &str) -> bool {
    MetricId::named(name).map(MetricId::row).is_none_or(|row| row.scope != Host && row.tree_sum != Cumulative)
}

/// Whether a column is a counter of somebody else's: it is called one (`hits_total_count`), and never falls but to start again
/// from below. A gauge that is called so by chance falls now and then, and little.
fn is_counter(table: &Table, name: &str) -> bool {
    let never_falls = |column: &Column| {
        let mut last = f64::NEG_INFINITY;
        let mut values = column.values.iter().flatten();
        values.all(|value| {
            let goes_on = *value >= last || *value < 0.5 * last;
            last = *value;
            goes_on
        })
    };
    is_counter_name(name) && table.column(name).is_some_and(never_falls)
}

/// A column as the verdict of a run would hold it.
fn verdict(metric: &str, question: &Question, judgement: Judgement) -> SeriesVerdict {
    let tolerance = match judgement.tolerance_per_op {
        Some(value) => TolerancePer { value, per: soakd_reports::Per::Op },
        None => TolerancePer { value: judgement.tolerance_per_hour, per: soakd_reports::Per::Hour },
    };
    SeriesVerdict {
        metric: metric.to_owned(),
        unit: Quantity::of_metric(metric),
        scope: Scope::Tree,
        role: Role::Judged,
        tolerance,
        limit: question.limit,
        limit_source: question.limit.map(|_| LimitSource::MemoryLimit),
        severity: Severity::None,
        projection: None,
        decided_at_s: None,
        judgement,
    }
}

fn question(arguments: &AnalyzeArgs, metric: &str, length_s: f64, family: usize) -> Result<Question, Failure> {
    let mut question = Question::new(length_s);
    question.family = family;
    if let Some(text) = &arguments.tolerate {
        let tolerance = units::tolerance(text).ok_or_else(|| {
            Failure::new(Exit::Usage, format!("`--tolerate {text}` is not understood"))
                .hint("expected growth such as 1MiB/h, 64B/op, 10/h, or 1MiB for the whole series")
        })?;
        if tolerance.fits(metric) {
            question.tolerance = match tolerance.per {
                Per::Hour => Tolerance::PerHour(tolerance.amount),
                Per::Operation => Tolerance::PerOp(tolerance.amount),
                Per::Run => Tolerance::PerRun(tolerance.amount),
            };
        }
    }
    if let Some(text) = &arguments.warmup {
        let warmup = units::duration(text).ok_or_else(|| {
            Failure::new(Exit::Usage, format!("`--warmup {text}` is not understood"))
                .hint("expected a duration such as 90s, 1h30m or 7d")
        })?;
        question.warmup_s = Some(warmup.as_secs_f64());
    }
    if let Some(text) = &arguments.limit {
        let limit = units::size(text).ok_or_else(|| {
            Failure::new(Exit::Usage, format!("`--limit {text}` is not understood"))
                .hint("expected a size such as 64MiB (binary) or 50MB (decimal)")
        })?;
        if Quantity::of_metric(metric) == Quantity::Bytes {
            question.limit = Some(limit as f64);
        }
    }
    Ok(question)
}

fn outcome(series: &[SeriesVerdict]) -> Outcome {
    let any = |kind| series.iter().any(|column| column.judgement.judgement == kind);
    if any(JudgementKind::Leak) {
        Outcome::Fail
    } else if any(JudgementKind::Inconclusive) {
        Outcome::Inconclusive
    } else if any(JudgementKind::Retention) {
        Outcome::Warn
    } else {
        Outcome::Pass
    }
}

fn text(analyzed: &Analyzed, quiet: bool) -> String {
    let mut text = format!("{}: {}\n", analyzed.outcome, analyzed.file);
    if quiet {
        return text;
    }
    for column in &analyzed.series {
        text.push_str(&format!("  {}\n", sentence::series_line(column)));
        for evidence in &column.judgement.evidence {
            text.push_str(&format!("      {evidence}\n"));
        }
    }
    text
}
