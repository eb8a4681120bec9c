//! The judge beside the rules that people use: false alarms, leaks found, when they were found.
//!
//! ```text
//! cargo run --release -p soakd-analysis --example baselines -- [SEEDS | CORPUS_FOLDER]
//! ```
//!
//! A number runs every mechanism of the simulator with that many seeds (20 by default); a folder is read like that of
//! the `corpus` example, memory alone, with its labels as the truth. Detection time: every rule is asked at the judge's
//! own kind of looks, at 15 % of the run and then each time 1.2 times later; it counts where the answer is `leak` there
//! and stays so until the end. Shown is the median share of the run among the leaks that were found.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a program, not the pure library"
)]

mod rules;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use rules::{Input, RULES};
use serde::Deserialize;
use soakd_analysis::{JudgementKind, Quantity, Question, Series, Tolerance, formats, judge};
use soakd_simulate::{Label, MECHANISMS, generate};

type Failure = Box<dyn std::error::Error>;

#[derive(Deserialize)]
struct Entry {
    file: String,
    label: String,
    memory_label: Option<String>,
    tolerated_rate: f64,
    limit_bytes: f64,
}

#[derive(Deserialize)]
struct Labels {
    series: Vec<Entry>,
}

/// A series with its truth; `leaks` is `None` where both answers are right.
struct Subject {
    series: Series,
    planned_s: f64,
    tolerance_per_s: f64,
    limit: f64,
    leaks: Option<bool>,
}

fn simulated(seeds: u64) -> Result<Vec<Subject>, Failure> {
    let mut subjects = Vec::new();
    for mechanism in MECHANISMS.iter().filter(|mechanism| mechanism.metric.ends_with("_bytes")) {
        for seed in 0..seeds {
            let case = generate(mechanism, seed);
            let highest = case.values.iter().copied().fold(0.0, f64::max);
            let series = Series::new(Quantity::Bytes, case.t_s, case.values)?.with_restarts(case.restarts_s)?;
            subjects.push(Subject {
                series: match case.ops {
                    Some(ops) => series.with_ops(ops)?,
                    None => series,
                },
                planned_s: case.planned_s,
                tolerance_per_s: case.truth.tolerance_per_s,
                limit: 2.0 * highest,
                leaks: match case.truth.label {
                    Label::Leak => Some(true),
                    Label::NoLeak => Some(false),
                    Label::SubTolerance => None,
                },
            });
        }
    }
    Ok(subjects)
}

fn recorded(folder: &Path) -> Result<Vec<Subject>, Failure> {
    let labels: Labels = serde_json::from_str(&fs::read_to_string(folder.join("labels.json"))?)?;
    let mut subjects = Vec::new();
    for entry in labels.series {
        let table = formats::read(&fs::read(folder.join(&entry.file))?)?;
        let name = ["anon_swap_bytes", "rss_bytes"].into_iter().find(|name| table.column(name).is_some());
        let series = table.series(name.unwrap_or("rss_bytes"))?;
        subjects.push(Subject {
            planned_s: table.t_s.last().copied().unwrap_or_default(),
            series,
            tolerance_per_s: entry.tolerated_rate,
            limit: entry.limit_bytes,
            leaks: match entry.memory_label.as_ref().unwrap_or(&entry.label).as_str() {
                "leak" => Some(true),
                "no_leak" => Some(false),
                _ => None,
            },
        });
    }
    Ok(subjects)
}

/// Shares of the run at which every rule is asked.
fn looks() -> Vec<f64> {
    let mut looks: Vec<f64> = (0..11).map(|look| 0.15 * 1.2_f64.powi(look)).filter(|share| *share < 1.0).collect();
    looks.push(1.0);
    looks
}

/// Whether a leak is called at each look, the last of which is the end of the run.
fn answers(subject: &Subject, leaks: impl Fn(&Series) -> Result<bool, Failure>) -> Result<Vec<bool>, Failure> {
    let mut answers = Vec::new();
    for look in looks() {
        let until = subject.series.t_s().partition_point(|t_s| *t_s <= look * subject.planned_s);
        let mut part = Series::new(
            subject.series.quantity(),
            subject.series.t_s()[..until].to_vec(),
            subject.series.values()[..until].to_vec(),
        )?
        .with_restarts(subject.series.restarts_s().to_vec())?;
        if let Some(ops) = subject.series.ops() {
            part = part.with_ops(ops[..until].to_vec())?;
        }
        answers.push(leaks(&part)?);
    }
    Ok(answers)
}

#[derive(Default)]
struct Score {
    bounded: usize,
    alarms: usize,
    leaks: usize,
    detected_at: Vec<f64>,
}

impl Score {
    fn add(&mut self, truth: bool, answers: &[bool]) {
        let called = answers.last() == Some(&true);
        if truth {
            self.leaks += 1;
            if called {
                let first = answers.iter().rposition(|answer| !answer).map_or(0, |last_no| last_no + 1);
                self.detected_at.push(looks()[first]);
            }
        } else {
            self.bounded += 1;
            self.alarms += usize::from(called);
        }
    }

    fn print(&mut self, name: &str) {
        self.detected_at.sort_by(f64::total_cmp);
        let median = self.detected_at.get(self.detected_at.len() / 2);
        println!(
            "| {name:31} | {:4} of {} ({:.1} %) | {:4} of {} ({:.1} %) | {} |",
            self.alarms,
            self.bounded,
            100.0 * self.alarms as f64 / self.bounded.max(1) as f64,
            self.detected_at.len(),
            self.leaks,
            100.0 * self.detected_at.len() as f64 / self.leaks.max(1) as f64,
            median.map_or("-".to_owned(), |share| format!("{share:.2} of the run")),
        );
    }
}

fn run(argument: Option<&str>) -> Result<(), Failure> {
    let subjects = match argument.map_or(Ok(20), str::parse::<u64>) {
        Ok(seeds) => simulated(seeds)?,
        Err(_) => recorded(Path::new(argument.unwrap_or_default()))?,
    };
    println!("| rule | false alarms | leaks found | median detection |\n| --- | --- | --- | --- |");
    let mut score = Score::default();
    for subject in &subjects {
        let Some(truth) = subject.leaks else { continue };
        let mut question = Question::new(subject.planned_s);
        question.tolerance = Tolerance::PerRun(subject.tolerance_per_s * subject.planned_s);
        let answers = answers(subject, |part| Ok(judge(part, &question).judgement == JudgementKind::Leak))?;
        score.add(truth, &answers);
    }
    score.print("soakd");
    for rule in RULES {
        let mut score = Score::default();
        for subject in &subjects {
            let Some(truth) = subject.leaks else { continue };
            let answers = answers(subject, |part| {
                Ok((rule.leaks)(&Input {
                    t_s: part.t_s(),
                    values: part.values(),
                    tolerance_per_s: subject.tolerance_per_s,
                    limit: subject.limit,
                }))
            })?;
            score.add(truth, &answers);
        }
        score.print(rule.name);
    }
    Ok(())
}

fn main() -> ExitCode {
    let argument = std::env::args().nth(1);
    match run(argument.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
