//! A run held against its baseline. What comes of it are budgets of its verdict, whose limits the history set.

use soakd_analysis::runs::{Baseline, FEWEST_RUNS};
use soakd_reports::{Bound, Budget, Findings, Per, Severity, Verdict, Warning};

use super::baseline::{self, BaselineRuns, Like};
use super::entry::Entry;
use super::measure::{self, Measure, Number};
use crate::store::{RunRecord, Store, StoreError};

/// Chance that a run of an unchanged program fails, for all of its numbers together.
const CHANCE: f64 = 0.05;

/// How the names of such budgets begin.
const NAME: &str = "history: ";

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
    let like = Like { host: Some(&run.host), planned_s: Some(run.planned_s), but: Some(&run.id) };
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
    findings.budgets.extend(budgets(
        &own,
        &history(store, &runs.noise)?,
        &history(store, &runs.fixed)?,
        &runs,
        threshold,
    ));
    Ok(())
}

fn history(store: &Store, entries: &[Entry]) -> Result<Vec<Vec<Number>>, StoreError> {
    entries.iter().map(|entry| measure::numbers(store, entry)).collect()
}

/// A budget for each of the run's numbers that can be compared.
fn budgets(
    own: &[Number],
    noise: &[Vec<Number>],
    fixed: &[Vec<Number>],
    runs: &BaselineRuns,
    threshold: f64,
) -> Vec<Budget> {
    let values = |history: &[Vec<Number>], number: &Number| -> Vec<f64> {
        let of_one = |numbers: &Vec<Number>| {
            numbers.iter().find(|other| other.subject == number.subject).map(|other| other.compared)
        };
        history.iter().filter_map(of_one).collect()
    };
    let known: Vec<(&Number, Baseline)> = own
        .iter()
        .filter_map(|number| Some((number, Baseline::of(&values(noise, number), number.subject.measure.scale())?)))
        .collect();
    let chance = CHANCE / known.len().max(1) as f64;
    known
        .iter()
        .filter_map(|(number, baseline)| {
            let subject = &number.subject;
            let worse = subject.measure.worse();
            let (limit, level, beside) = if runs.fixed.is_empty() {
                let beside = format!("the level of the last {} good runs", baseline.count());
                (baseline.limit(worse, threshold, chance), baseline.level(), beside)
            } else {
                let fixed = values(fixed, number);
                let level = fixed.iter().sum::<f64>() / fixed.len().max(1) as f64;
                let beside = format!("the fixed baseline {}", level_in(number, level));
                (baseline.limit_beside(&fixed, worse, threshold, chance)?, level, beside)
            };
            Some(budget(number, limit, level, &beside))
        })
        .collect()
}

fn level_in(number: &Number, level: f64) -> String {
    match number.subject.measure {
        Measure::Growth => percent(level),
        _ => number.show(level),
    }
}

/// The budget of one number; `limit` and `level` are on the scale on which it is compared.
fn budget(number: &Number, limit: f64, level: f64, beside: &str) -> Budget {
    let measure = number.subject.measure;
    // A rate is shown as one; what it is compared by is proportional to it.
    let unit_of_rate =
        if measure == Measure::Growth && number.compared != 0.0 { number.value / number.compared } else { 1.0 };
    let bound = match measure {
        Measure::Throughput => Bound::AtLeast,
        Measure::Growth | Measure::Baseline | Measure::Peak | Measure::P99 => Bound::AtMost,
    };
    let name = format!("{NAME}{}", number.subject);
    let mut budget =
        Budget::observed(name, number.subject.metric.clone(), bound, limit * unit_of_rate, Ok(number.value));
    budget.unit = number.unit;
    budget.per = if measure == Measure::Growth { number.per.or(Some(Per::Hour)) } else { None };
    let change = match measure {
        Measure::Growth => number.compared - level,
        _ => number.compared / level - 1.0,
    };
    let side = if change < 0.0 { "below" } else { "above" };
    let size = percent(change.abs());
    let severity = match (budget.status, Severity::of_ratio(change.abs())) {
        (soakd_reports::BudgetStatus::Violated, severity) if severity > Severity::None => {
            format!(", beyond chance; a regression of severity {severity}")
        }
        _ => String::new(),
    };
    let of =
        if measure == Measure::Growth { " of the settled baseline, as far ahead as the run speaks for," } else { "" };
    budget.reason = Some(format!("{size}{of} {side} {beside}{severity}"));
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
    use soakd_reports::BudgetStatus;

    use super::super::baseline::Choice;
    use super::super::measure::Subject;
    use super::*;

    fn number(measure: Measure, value: f64) -> Number {
        let subject = Subject { measure, metric: "anon_swap_bytes".to_owned() };
        Number { subject, unit: Quantity::Bytes, per: None, value, compared: value }
    }

    fn compared(measure: Measure, own: f64, fixed: &[f64]) -> Budget {
        let noise: Vec<Vec<Number>> =
            (0..12).map(|run| vec![number(measure, 1e8 * (1.0 + 0.002 * f64::from(run % 5 - 2)))]).collect();
        let fixed: Vec<Vec<Number>> = fixed.iter().map(|value| vec![number(measure, *value)]).collect();
        let runs = BaselineRuns { choice: Choice::default(), fixed: Vec::new(), noise: Vec::new() };
        let mut found = budgets(&[number(measure, own)], &noise, &fixed, &runs, 0.1);
        found.pop().unwrap()
    }

    #[test]
    fn a_level_beyond_threshold_and_noise_violates_its_budget() {
        let higher = compared(Measure::Baseline, 1.2e8, &[]);
        assert_eq!(higher.status, BudgetStatus::Violated);
        insta::assert_snapshot!(higher.reason.unwrap(), @"20.1 % above the level of the last 12 good runs, beyond chance; a regression of severity medium");
        let alike = compared(Measure::Baseline, 1.05e8, &[]);
        assert_eq!((alike.status, alike.name.as_str()), (BudgetStatus::Ok, "history: baseline of anon_swap_bytes"));
        assert_eq!(compared(Measure::Throughput, 0.8e8, &[]).status, BudgetStatus::Violated);
        assert_eq!(compared(Measure::Throughput, 1.3e8, &[]).status, BudgetStatus::Ok);
    }
}
