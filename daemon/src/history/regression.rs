//! A run held against its baseline. What comes of it are budgets of its verdict, whose limits the history set.

use soakd_analysis::runs::{Baseline, FEWEST_RUNS, Held, Question, Standing, hold};
use soakd_reports::{Bound, Budget, BudgetStatus, Findings, Per, Severity, Verdict, Warning};

use super::baseline::{self, Like};
use super::entry::Entry;
use super::measure::{self, Measure, Number};
use super::waiting::{self, NAME};
use crate::store::{RunRecord, Store, StoreError};

/// Chance that a run of an unchanged program fails, for all of its numbers together.
const CHANCE: f64 = 0.05;

/// Adds to `findings` how the run compares with earlier ones; `verdict` is what they come to without.
///
/// # Errors
/// Why the store could not be read.
pub fn add(
    store: &Store,
    record: &RunRecord,
    verdict: &Verdict,
    threshold: f64,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    if verdict.run.ended.cut_short() {
        return Ok(());
    }
    let run = &verdict.run;
    let like = Like { host: Some(&run.host), planned_s: Some(run.planned_s), before: Some(record.run.started) };
    let runs = baseline::runs(store, &run.profile, run.scenario.as_deref(), like)?;
    if runs.noise.len() < FEWEST_RUNS {
        findings.warnings.push(Warning {
            text: format!(
                "the run is not compared with earlier ones: {} good runs of the profile on a host like this, {FEWEST_RUNS} \
                 are needed to know their noise",
                runs.noise.len()
            ),
            hint: Some("they come with time; `soakd history list` shows what there is".to_owned()),
        });
        return Ok(());
    }
    let own = measure::numbers(store, &Entry { record: record.clone(), verdict: Some(verdict.clone()) })?;
    let histories = Histories { noise: history(store, &runs.noise)?, fixed: history(store, &runs.fixed)? };
    let branch = &record.run.branch;
    let of_branch: Vec<&Entry> = runs.earlier.iter().filter(|entry| entry.record.run.branch == *branch).collect();
    let waiting = |name: &str| waiting::in_a_row(&of_branch, name);
    findings.budgets.extend(budgets(&own, &histories, waiting, threshold));
    Ok(())
}

fn history(store: &Store, entries: &[Entry]) -> Result<Vec<Vec<Number>>, StoreError> {
    entries.iter().map(|entry| measure::numbers(store, entry)).collect()
}

/// Numbers of the runs of a baseline, run by run.
struct Histories {
    noise: Vec<Vec<Number>>,
    /// Empty for a rolling baseline.
    fixed: Vec<Vec<Number>>,
}

/// A budget for each of the run's numbers that can be compared. `waiting` tells how many runs in a row have been beyond the
/// limit of a budget until now.
fn budgets(own: &[Number], histories: &Histories, waiting: impl Fn(&str) -> usize, threshold: f64) -> Vec<Budget> {
    let values = |history: &[Vec<Number>], number: &Number| -> Vec<f64> {
        let of_one = |numbers: &Vec<Number>| {
            numbers.iter().find(|other| other.subject == number.subject).map(|other| other.compared)
        };
        history.iter().filter_map(of_one).collect()
    };
    let is_known =
        |number: &&Number| Baseline::of(&values(&histories.noise, number), number.subject.measure.scale()).is_some();
    let known: Vec<&Number> = own.iter().filter(is_known).collect();
    let budget_of = |number: &Number| {
        let measure = number.subject.measure;
        let question = Question { worse: measure.worse(), threshold, chance: CHANCE, numbers: known.len() };
        let fixed = values(&histories.fixed, number);
        if fixed.is_empty() && !histories.fixed.is_empty() {
            return None;
        }
        let name = format!("{NAME}{}", number.subject);
        let noise = values(&histories.noise, number);
        let held = hold(number.compared, &noise, &fixed, waiting(&name), measure.scale(), &question)?;
        let (level, beside) = if fixed.is_empty() {
            (held.baseline.level(), format!("the level of the last {} good runs", held.baseline.count()))
        } else {
            let level = fixed.iter().sum::<f64>() / fixed.len() as f64;
            (level, format!("the fixed baseline {}", level_in(number, level)))
        };
        Some(budget(name, number, &held, level, &beside))
    };
    known.iter().filter_map(|number| budget_of(number)).collect()
}

fn level_in(number: &Number, level: f64) -> String {
    match number.subject.measure {
        Measure::Growth => percent(level),
        _ => number.show(level),
    }
}

/// The budget of one number; `level` is on the scale on which it is compared.
fn budget(name: String, number: &Number, held: &Held, level: f64, beside: &str) -> Budget {
    let measure = number.subject.measure;
    // A rate is shown as one; what it is compared by is proportional to it.
    let unit_of_rate =
        if measure == Measure::Growth && number.compared != 0.0 { number.value / number.compared } else { 1.0 };
    let bound = match measure {
        Measure::Throughput => Bound::AtLeast,
        Measure::Growth | Measure::Baseline | Measure::Peak | Measure::P99 => Bound::AtMost,
    };
    let limit = held.limit * unit_of_rate;
    let mut budget = Budget::observed(name, number.subject.metric.clone(), bound, limit, Ok(number.value));
    budget.unit = number.unit;
    budget.per = if measure == Measure::Growth { number.per.or(Some(Per::Hour)) } else { None };
    budget.status = match (budget.status, held.standing) {
        (BudgetStatus::Unknown, _) => BudgetStatus::Unknown,
        (_, Standing::Within) => BudgetStatus::Ok,
        (_, Standing::Unconfirmed) => BudgetStatus::Unconfirmed,
        (_, Standing::Regression) => BudgetStatus::Violated,
    };
    let change = match measure {
        Measure::Growth => number.compared - level,
        _ => number.compared / level - 1.0,
    };
    let side = if change < 0.0 { "below" } else { "above" };
    let size = percent(change.abs());
    let severity = match Severity::of_ratio(change.abs()) {
        Severity::None => String::new(),
        severity => format!(", severity {severity}"),
    };
    let (runs, needed) = (held.in_a_row, held.needed);
    let standing = match held.standing {
        Standing::Within => String::new(),
        Standing::Unconfirmed if runs == 1 => {
            format!(", beyond chance{severity}; seen once, not confirmed: {needed} runs in a row make a regression")
        }
        Standing::Unconfirmed => {
            format!(", beyond chance{severity}; in {runs} runs in a row, {needed} make a regression")
        }
        Standing::Regression => format!(", beyond chance in {runs} runs in a row; a regression{severity}"),
    };
    let of =
        if measure == Measure::Growth { " of the settled baseline, as far ahead as the run speaks for," } else { "" };
    budget.reason = Some(format!("{size}{of} {side} {beside}{standing}"));
    budget
}

/// A share for people.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use soakd_analysis::Quantity;

    use super::super::measure::Subject;
    use super::*;

    fn number(measure: Measure, value: f64) -> Number {
        let subject = Subject { measure, metric: "anon_swap_bytes".to_owned() };
        Number { subject, unit: Quantity::Bytes, per: None, value, compared: value }
    }

    /// Held against runs of 1e8 give or take 0.4 %, after `waiting` runs that were beyond.
    fn compared(measure: Measure, own: f64, waiting: usize, fixed: &[f64]) -> Budget {
        let noise: Vec<Vec<Number>> =
            (0..20).map(|run| vec![number(measure, 1e8 * (1.0 + 0.002 * f64::from(run % 5 - 2)))]).collect();
        let fixed: Vec<Vec<Number>> = fixed.iter().map(|value| vec![number(measure, *value)]).collect();
        let mut found = budgets(&[number(measure, own)], &Histories { noise, fixed }, |_| waiting, 0.1);
        found.pop().unwrap()
    }

    #[test]
    fn a_level_beyond_threshold_and_noise_has_to_be_seen_twice() {
        let once = compared(Measure::Baseline, 1.2e8, 0, &[]);
        assert_eq!(once.status, BudgetStatus::Unconfirmed);
        insta::assert_snapshot!(once.reason.unwrap(), @"20.0 % above the level of the last 20 good runs, beyond chance, severity medium; seen once, not confirmed: 2 runs in a row make a regression");
        let twice = compared(Measure::Baseline, 1.2e8, 1, &[]);
        assert_eq!(twice.status, BudgetStatus::Violated);
        insta::assert_snapshot!(twice.reason.unwrap(), @"20.0 % above the level of the last 20 good runs, beyond chance in 2 runs in a row; a regression, severity medium");
        let alike = compared(Measure::Baseline, 1.05e8, 1, &[]);
        assert_eq!((alike.status, alike.name.as_str()), (BudgetStatus::Ok, "history: baseline of anon_swap_bytes"));
        assert_eq!(compared(Measure::Throughput, 0.8e8, 1, &[]).status, BudgetStatus::Violated);
        assert_eq!(compared(Measure::Throughput, 1.3e8, 1, &[]).status, BudgetStatus::Ok);
    }

    #[test]
    fn a_fixed_level_is_what_counts_where_there_is_one() {
        assert_eq!(compared(Measure::Baseline, 2.05e8, 1, &[2e8]).status, BudgetStatus::Ok);
        let higher = compared(Measure::Baseline, 2.5e8, 1, &[2e8]);
        assert_eq!(higher.status, BudgetStatus::Violated);
        assert!(higher.reason.unwrap().contains("the fixed baseline 191 MiB"));
    }
}
