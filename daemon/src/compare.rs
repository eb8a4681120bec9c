//! Two builds held against each other: single runs, or rounds in which each ran once.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use soakd_analysis::runs::{Baseline, Direction, Worse, of_estimates, of_pairs};
use soakd_analysis::{Estimate, Quantity};
use soakd_reports::{Outcome, Per, Verdict};

use crate::history::measure::{Measure, Number, Subject};

/// What the document calls itself.
pub const SCHEMA: &str = "soakd.comparison/1";

/// Chance that anything is called different though nothing is, over all that is compared.
const CHANCE: f64 = 0.05;

/// What the two are, and by how much they differ.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Comparison {
    /// Always `soakd.comparison/1`. Additions keep the number, changes of meaning raise it.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: &'static str,
    /// `pass`: nothing is worse; `fail`: something is; `inconclusive`: neither can be said.
    pub outcome: Outcome,
    /// The exit code of the outcome.
    pub exit_code: u8,
    /// The comparison in one sentence.
    pub summary: String,
    /// What was held against, as it was named.
    pub baseline: String,
    /// What was held against it.
    pub candidate: String,
    /// Runs of both, in order.
    pub runs: Vec<Round>,
    /// The least change that matters, as a share.
    pub threshold: f64,
    /// What was compared.
    pub differences: Vec<Compared>,
}

/// The JSON Schema (draft 2020-12) of a comparison, as `soakd schema compare` prints it.
#[must_use]
pub fn schema() -> schemars::Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Comparison>()
}

/// The ids of two runs that were compared.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Round {
    /// Of the baseline.
    pub baseline: String,
    /// Of the candidate.
    pub candidate: String,
}

/// One number of both.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Compared {
    /// What it is about.
    #[serde(flatten)]
    pub subject: Subject,
    /// Its unit.
    pub unit: Quantity,
    /// Per what, where it is a rate.
    pub per: Option<Per>,
    /// Of the baseline; the mean over the rounds.
    pub baseline: f64,
    /// Of the candidate.
    pub candidate: f64,
    /// Change as a share of the baseline's; for growth as a share of the settled baseline.
    pub change: Estimate,
    /// What it comes to.
    pub direction: Direction,
    /// Whether that is worse.
    pub is_worse: bool,
    /// Where the interval comes from.
    pub basis: Basis,
}

/// Where an interval comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Rounds in which both ran.
    Rounds,
    /// The intervals that each run has by itself.
    OwnIntervals,
    /// The noise between earlier runs of the profile.
    EarlierRuns,
    /// There is none: two single runs tell nothing about noise.
    None,
}

/// Numbers of a run, and its verdict.
#[derive(Debug, Clone)]
pub struct Side {
    /// The verdict.
    pub verdict: Verdict,
    /// Its numbers.
    pub numbers: Vec<Number>,
}

impl Side {
    fn number(&self, subject: &Subject) -> Option<&Number> {
        self.numbers.iter().find(|number| number.subject == *subject)
    }
}

/// Compares rounds: two or more, or a single pair of runs, for which `noise` holds the numbers of earlier runs.
#[must_use]
pub fn compare(names: [&str; 2], rounds: &[(Side, Side)], noise: &[Vec<Number>], threshold: f64) -> Comparison {
    let subjects: Vec<Subject> = rounds.first().map_or_else(Vec::new, |(baseline, candidate)| {
        let both = baseline
            .numbers
            .iter()
            .filter(|number| candidate.number(&number.subject).is_some_and(|other| other.per == number.per));
        both.map(|number| number.subject.clone()).collect()
    });
    let confidence = 1.0 - CHANCE / subjects.len().max(1) as f64;
    let differences: Vec<Compared> = subjects
        .iter()
        .filter_map(|subject| match rounds {
            [(baseline, candidate)] => of_two(subject, baseline, candidate, noise, threshold, confidence),
            _ => of_rounds(subject, rounds, threshold, confidence),
        })
        .collect();
    let (outcome, summary) = conclude(&differences);
    Comparison {
        schema: SCHEMA,
        outcome,
        exit_code: outcome.exit_code(),
        summary,
        baseline: names[0].to_owned(),
        candidate: names[1].to_owned(),
        runs: rounds
            .iter()
            .map(|(baseline, candidate)| Round {
                baseline: baseline.verdict.run.id.clone(),
                candidate: candidate.verdict.run.id.clone(),
            })
            .collect(),
        threshold,
        differences,
    }
}

fn of_rounds(subject: &Subject, rounds: &[(Side, Side)], threshold: f64, confidence: f64) -> Option<Compared> {
    let numbers: Vec<(&Number, &Number)> =
        rounds.iter().filter_map(|(a, b)| Some((a.number(subject)?, b.number(subject)?))).collect();
    let pairs: Vec<(f64, f64)> = numbers.iter().map(|(a, b)| (a.compared, b.compared)).collect();
    let found = of_pairs(&pairs, subject.measure.scale(), threshold, confidence)?;
    let (first, _) = numbers.first()?;
    let mean =
        |value: &dyn Fn(&(&Number, &Number)) -> f64| numbers.iter().map(value).sum::<f64>() / numbers.len() as f64;
    let means = (mean(&|pair| pair.0.value), mean(&|pair| pair.1.value));
    Some(compared(first, means, found.change, found.direction, Basis::Rounds))
}

fn of_two(
    subject: &Subject,
    baseline: &Side,
    candidate: &Side,
    noise: &[Vec<Number>],
    threshold: f64,
    confidence: f64,
) -> Option<Compared> {
    let (a, b) = (baseline.number(subject)?, candidate.number(subject)?);
    let values = (a.value, b.value);
    if subject.measure == Measure::Growth
        && let (Some(own), Some(other)) = (growth(baseline, subject), growth(candidate, subject))
    {
        let found = of_estimates(own, other, threshold);
        return Some(compared(a, values, found.change, found.direction, Basis::OwnIntervals));
    }
    let earlier: Vec<f64> = noise
        .iter()
        .filter_map(|numbers| numbers.iter().find(|number| number.subject == *subject).map(|number| number.compared))
        .collect();
    let found = Baseline::of(&earlier, subject.measure.scale())
        .and_then(|runs| runs.difference(a.compared, b.compared, threshold, confidence));
    if let Some(found) = found {
        return Some(compared(a, values, found.change, found.direction, Basis::EarlierRuns));
    }
    let value = match subject.measure {
        Measure::Growth => b.compared - a.compared,
        _ if a.compared > 0.0 => b.compared / a.compared - 1.0,
        _ => return None,
    };
    let change = Estimate { value, low: None, high: None, confidence };
    Some(compared(a, values, change, Direction::Undecided, Basis::None))
}

/// What a series adds to its baseline as far ahead as the run speaks for, with the interval that the run has by itself.
fn growth(side: &Side, subject: &Subject) -> Option<Estimate> {
    let series = side.verdict.series.iter().find(|series| series.metric == subject.metric)?;
    series.projection.as_ref()?.growth_ratio
}

fn compared(number: &Number, values: (f64, f64), change: Estimate, direction: Direction, basis: Basis) -> Compared {
    let is_worse = match number.subject.measure.worse() {
        Worse::Up => direction == Direction::More,
        Worse::Down => direction == Direction::Less,
    };
    Compared {
        subject: number.subject.clone(),
        unit: number.unit,
        per: number.per,
        baseline: values.0,
        candidate: values.1,
        change,
        direction,
        is_worse,
        basis,
    }
}

/// What all of it comes to. A peak is told, but decides nothing: it is one sample of a whole run.
fn conclude(differences: &[Compared]) -> (Outcome, String) {
    let deciding: Vec<&Compared> = differences.iter().filter(|one| one.subject.measure != Measure::Peak).collect();
    if deciding.is_empty() {
        return (Outcome::Inconclusive, "nothing can be compared: no number was measured in both".to_owned());
    }
    let outcome = if deciding.iter().any(|one| one.is_worse) {
        Outcome::Fail
    } else if deciding.iter().any(|one| one.direction == Direction::Undecided) {
        Outcome::Inconclusive
    } else {
        Outcome::Pass
    };
    // The series that says most: one that is worse, else one that differs, else the first.
    let rank = |one: &Compared| (one.is_worse, one.direction == Direction::More || one.direction == Direction::Less);
    let mut metrics: Vec<&str> = Vec::new();
    for one in &deciding {
        if one.subject.measure != Measure::Throughput && !metrics.contains(&one.subject.metric.as_str()) {
            metrics.push(&one.subject.metric);
        }
    }
    let of = |metric: &str, measure| {
        deciding.iter().find(|one| one.subject.measure == measure && one.subject.metric == metric).copied()
    };
    let best = metrics.iter().rev().max_by_key(|metric| {
        [Measure::Baseline, Measure::Growth].into_iter().filter_map(|measure| of(metric, measure)).map(rank).max()
    });
    let mut parts = Vec::new();
    if let Some(metric) = best {
        parts.extend(of(metric, Measure::Baseline).map(|one| format!("{} ({metric})", said(one, "uses"))));
        parts.extend(of(metric, Measure::Growth).map(|one| said(one, "grows")));
    }
    let throughput = deciding.iter().find(|one| one.subject.measure == Measure::Throughput);
    parts.extend(throughput.map(|one| said(one, "does")));
    let latency = deciding.iter().find(|one| one.subject.measure == Measure::P99);
    parts.extend(latency.map(|one| said(one, "takes")));
    let others = deciding.iter().filter(|one| one.is_worse && best.is_none_or(|best| *best != one.subject.metric));
    let others = others.filter(|one| one.subject.measure != Measure::Throughput).count();
    if others > 0 {
        parts.push(format!("and is worse in {others} other numbers"));
    }
    (outcome, format!("candidate {}", parts.join(", ")))
}

/// `uses 18.0 % less`, `grows alike`.
fn said(one: &Compared, verb: &str) -> String {
    let size = format!("{:.1} %", 100.0 * one.change.value.abs());
    match (one.direction, one.basis) {
        (Direction::Alike, _) if verb == "grows" => "grows alike".to_owned(),
        (Direction::Alike, _) => format!("{verb} as much"),
        (Direction::More, _) => format!("{verb} {size} more"),
        (Direction::Less, _) => format!("{verb} {size} less"),
        (Direction::Undecided, basis) => {
            let side = if one.change.value < 0.0 { "less" } else { "more" };
            let why = if basis == Basis::None { "the noise between runs is not known" } else { "which may be chance" };
            format!("{verb} {size} {side}, {why}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(level: f64, growth: f64) -> Side {
        let verdict = soakd_reports::read(include_str!("../../reports/examples/pass.json")).expect("an example");
        let number = |measure, value| Number {
            subject: Subject { measure, metric: "anon_swap_bytes".to_owned() },
            unit: Quantity::Bytes,
            per: None,
            value,
            compared: value,
        };
        Side { verdict, numbers: vec![number(Measure::Growth, growth), number(Measure::Baseline, level)] }
    }

    fn rounds(factor: f64) -> Vec<(Side, Side)> {
        [100.0, 103.0, 98.0, 101.0].map(|level| (side(level, 0.001), side(level * factor, 0.0011))).to_vec()
    }

    #[test]
    fn rounds_tell_what_the_candidate_does() {
        let less = compare(["a", "b"], &rounds(0.82), &[], 0.1);
        assert_eq!(less.outcome, Outcome::Pass);
        insta::assert_snapshot!(less.summary, @"candidate uses 18.0 % less (anon_swap_bytes), grows alike");
        let more = compare(["a", "b"], &rounds(1.3), &[], 0.1);
        assert_eq!(more.outcome, Outcome::Fail);
        insta::assert_snapshot!(more.summary, @"candidate uses 30.0 % more (anon_swap_bytes), grows alike");
        assert_eq!(compare(["a", "b"], &rounds(1.01), &[], 0.1).outcome, Outcome::Pass);
    }

    #[test]
    fn two_single_runs_without_history_decide_nothing_about_levels() {
        let pair = [(side(100.0, 0.0), side(150.0, 0.0))];
        let alone = compare(["a", "b"], &pair, &[], 0.1);
        assert_eq!(alone.outcome, Outcome::Inconclusive);
        assert!(alone.summary.contains("the noise between runs is not known"), "{}", alone.summary);
        let earlier: Vec<Vec<Number>> = (0..10).map(|run| side(100.0 + f64::from(run % 3), 0.0).numbers).collect();
        let level = compare(["a", "b"], &pair, &earlier, 0.1)
            .differences
            .into_iter()
            .find(|one| one.subject.measure == Measure::Baseline);
        assert_eq!(level.map(|level| (level.direction, level.basis)), Some((Direction::More, Basis::EarlierRuns)));
    }
}
