//! Whether a run kept its budgets.

use soakd_analysis::{Estimate, Judgement, Quantity};
use soakd_profiles as profiles;
use soakd_profiles::BudgetLimit;
use soakd_reports::{Bound, Budget, BudgetStatus, Per};

use crate::phases::Phases;
use crate::series::Window;
use crate::settled::median;
use crate::store::Column;

/// Checks the budget `name` against the column of its metric, that of its settled samples and the judgement of its series.
///
/// Levels are observed and compared as they are. Rates are estimates: such a budget is kept where even the upper
/// end of the interval is within it, violated where even the lower end is not, and unknown between the two.
#[must_use]
pub fn check(
    name: &str,
    budget: &profiles::Budget,
    column: Option<&Column>,
    settled: Option<&Column>,
    judgement: Option<&Judgement>,
    phases: &Phases,
) -> Budget {
    let metric = budget.metric.as_str();
    let observed = |limit, observed| Budget::observed(name, metric, Bound::AtMost, limit, observed);
    let Some(column) = column.filter(|column| !column.values.is_empty()) else {
        let limit = match budget.limit {
            BudgetLimit::Growth { max, .. } | BudgetLimit::Peak { max } | BudgetLimit::Level { max } => max,
            BudgetLimit::Rate { max_per_hour } => max_per_hour,
            BudgetLimit::Cleanup { within, .. } => within,
        };
        return observed(limit, Err(format!("`{metric}` was not recorded")));
    };
    match budget.limit {
        BudgetLimit::Growth { max, per_operations: None } => {
            let levels = judgement.and_then(|judgement| Some((judgement.settled_baseline?, judgement.final_level?)));
            let grown = levels.map(|(baseline, last)| last - baseline);
            observed(max, grown.ok_or_else(|| "there is no settled baseline to grow from".to_owned()))
        }
        BudgetLimit::Growth { max, per_operations: Some(operations) } => {
            let per_op = judgement.and_then(|judgement| judgement.rate_per_op);
            let grown = per_op.map(|per_op| per_op.scaled(operations as f64));
            estimated(name, metric, max, grown, "no operations were counted, or too few samples")
        }
        BudgetLimit::Rate { max_per_hour } => {
            let rate = judgement.and_then(|judgement| judgement.rate_per_hour);
            let kept = estimated(name, metric, max_per_hour, rate, "there are too few samples for a rate");
            Budget { per: Some(Per::Hour), ..kept }
        }
        BudgetLimit::Peak { max } => {
            let peak = column.values.iter().copied().max_by(f64::total_cmp);
            observed(max, peak.ok_or_else(|| format!("`{metric}` was not recorded")))
        }
        BudgetLimit::Level { max } => {
            let level = judgement.and_then(|judgement| judgement.final_level);
            observed(max, level.ok_or_else(|| "there are too few samples for a level".to_owned()))
        }
        BudgetLimit::Cleanup { within, .. } => cleanup(name, metric, within, column, settled, phases),
    }
}

/// What the budget `name` asks of a run that goes on, in a sentence; of a level also how much of it is used, where `column` has it.
#[must_use]
pub fn so_far(name: &str, budget: &profiles::Budget, column: Option<&Column>) -> String {
    let metric = budget.metric.as_str();
    let show = |value: f64| Quantity::of_metric(metric).show(value).to_string();
    let values = column.map(|column| column.values.as_slice()).unwrap_or_default();
    let used = |value: Option<f64>, how: &str| {
        value.map_or_else(|| "; nothing of it was recorded yet".to_owned(), |value| format!("; {how} {}", show(value)))
    };
    let asked = match budget.limit {
        BudgetLimit::Growth { max, per_operations: None } => {
            format!("may grow by {} from its settled baseline to the end", show(max))
        }
        BudgetLimit::Growth { max, per_operations: Some(operations) } => {
            format!("may grow by {} in {operations} operations", show(max))
        }
        BudgetLimit::Rate { max_per_hour } => format!("may grow by {}/h", show(max_per_hour)),
        BudgetLimit::Peak { max } => {
            let highest = values.iter().copied().max_by(f64::total_cmp);
            format!("may reach {}{}", show(max), used(highest, "at most"))
        }
        BudgetLimit::Level { max } => {
            format!("may be {} at the end{}", show(max), used(values.last().copied(), "now"))
        }
        BudgetLimit::Cleanup { within, .. } => {
            format!("has to come back to within {} of its level before the load", show(within))
        }
    };
    format!("`{name}`: `{metric}` {asked}")
}

/// A budget on an estimate.
fn estimated(name: &str, metric: &str, limit: f64, estimate: Option<Estimate>, otherwise: &str) -> Budget {
    let Some(estimate) = estimate else {
        return Budget::observed(name, metric, Bound::AtMost, limit, Err(otherwise.to_owned()));
    };
    let mut budget = Budget::observed(name, metric, Bound::AtMost, limit, Ok(estimate.value));
    budget.status = if estimate.high.is_some_and(|high| high <= limit) {
        BudgetStatus::Ok
    } else if estimate.low.is_some_and(|low| low > limit) {
        BudgetStatus::Violated
    } else {
        let show = |bound: Option<f64>| {
            bound.map_or_else(|| "unbounded".to_owned(), |bound| Quantity::of_metric(metric).show(bound).to_string())
        };
        budget.reason = Some(format!(
            "the interval ({} to {}) does not decide; a longer run narrows it",
            show(estimate.low),
            show(estimate.high)
        ));
        BudgetStatus::Unknown
    };
    budget
}

/// The level after the load against the level before it: those of the settled samples that were taken for it, or where
/// there are none, as where the target did not collect when asked to, those of the ordinary samples.
fn cleanup(
    name: &str,
    metric: &str,
    within: f64,
    column: &Column,
    settled: Option<&Column>,
    phases: &Phases,
) -> Budget {
    let after = phases.after();
    // What the target still does to clean up belongs to the first half of the time it was given.
    let late = Window { from_s: (after.from_s + after.to_s) / 2.0, to_s: after.to_s };
    let sampled = |window| settled.and_then(|settled| level(settled, window, &[]));
    // The one without the other would be another kind of level.
    let levels = sampled(phases.before()).zip(sampled(after));
    let levels = levels.or_else(|| level(column, phases.before(), &[]).zip(level(column, late, &[])));
    let Some((before, left)) = levels else {
        let why = "there are no samples before or after the load".to_owned();
        return Budget::observed(name, metric, Bound::AtMost, within, Err(why));
    };
    let mut budget = Budget::observed(name, metric, Bound::AtMost, within, Ok(left - before));
    let quantity = Quantity::of_metric(metric);
    let during = level(column, phases.load, &phases.checkpoints)
        .map_or_else(String::new, |during| format!(", {} during it", quantity.show(during)));
    budget.reason =
        Some(format!("{} before the load{during}, {} after it", quantity.show(before), quantity.show(left)));
    budget
}

/// The median of a column inside a window and outside of others.
fn level(column: &Column, window: Window, without: &[Window]) -> Option<f64> {
    let is_left_out = |t_s: f64| without.iter().any(|window| window.holds(t_s));
    let inside = column.t_s.iter().zip(&column.values).filter(|(t_s, _)| window.holds(**t_s) && !is_left_out(**t_s));
    let mut values: Vec<f64> = inside.map(|(_, value)| *value).collect();
    median(&mut values)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::series::test_column;

    fn phases() -> Phases {
        let load = Window { from_s: 10.0, to_s: 20.0 };
        Phases { ready_s: 0.0, load, checkpoints: Vec::new(), restarts_s: Vec::new(), end_s: 30.0 }
    }

    fn budget(limit: BudgetLimit) -> profiles::Budget {
        profiles::Budget { metric: "rss_bytes".to_owned(), limit }
    }

    #[test]
    fn a_run_that_goes_on_tells_what_its_budgets_ask_and_how_much_is_used() {
        const MIB: f64 = 1048576.0;
        let column = test_column(Quantity::Bytes, &[(0.0, 10.0 * MIB), (1.0, 40.0 * MIB), (2.0, 30.0 * MIB)]);
        let said = |limit, column| so_far("b", &budget(limit), column);
        let peak = BudgetLimit::Peak { max: 100.0 * MIB };
        assert_eq!(said(peak.clone(), Some(&column)), "`b`: `rss_bytes` may reach 100 MiB; at most 40 MiB");
        assert_eq!(said(peak, None), "`b`: `rss_bytes` may reach 100 MiB; nothing of it was recorded yet");
        let level = BudgetLimit::Level { max: 100.0 * MIB };
        assert_eq!(said(level, Some(&column)), "`b`: `rss_bytes` may be 100 MiB at the end; now 30 MiB");
        let per_operation = BudgetLimit::Growth { max: MIB, per_operations: Some(1000) };
        assert_eq!(said(per_operation, None), "`b`: `rss_bytes` may grow by 1 MiB in 1000 operations");
    }

    #[test]
    fn cleanup_compares_the_levels_before_and_after_the_load() {
        let points: Vec<(f64, f64)> = (0..=30)
            .map(|t| {
                (
                    f64::from(t),
                    if t < 10 {
                        100.0
                    } else if t < 24 {
                        900.0
                    } else {
                        130.0
                    },
                )
            })
            .collect();
        let column = test_column(Quantity::Bytes, &points);
        let check = |within| {
            let limit = BudgetLimit::Cleanup { within, settle: Duration::from_secs(10) };
            check("cleanup", &budget(limit), Some(&column), None, None, &phases())
        };
        assert_eq!((check(30.0).status, check(30.0).observed), (BudgetStatus::Ok, Some(30.0)));
        assert_eq!(check(29.0).status, BudgetStatus::Violated);
    }

    #[test]
    fn cleanup_compares_settled_samples_where_there_is_one_before_and_one_after_the_load() {
        let column = test_column(Quantity::Bytes, &[(5.0, 100.0), (15.0, 900.0), (28.0, 200.0)]);
        let check = |settled: &[(f64, f64)]| {
            let settled = test_column(Quantity::Bytes, settled);
            let limit = BudgetLimit::Cleanup { within: 1000.0, settle: Duration::from_secs(10) };
            check("cleanup", &budget(limit), Some(&column), Some(&settled), None, &phases()).observed
        };
        assert_eq!(check(&[(9.0, 90.0), (15.0, 500.0), (29.0, 95.0)]), Some(5.0));
        assert_eq!(check(&[(9.0, 90.0), (15.0, 500.0)]), Some(100.0));
    }

    #[test]
    fn a_rate_within_its_interval_of_the_limit_is_neither_kept_nor_violated() {
        let estimate = Estimate { value: 5.0, low: Some(4.0), high: Some(6.0), confidence: 0.95 };
        let status = |limit| estimated("rate", "rss_bytes", limit, Some(estimate), "").status;
        assert_eq!(status(6.0), BudgetStatus::Ok);
        assert_eq!(status(5.5), BudgetStatus::Unknown);
        assert_eq!(status(3.0), BudgetStatus::Violated);
        assert_eq!(estimated("rate", "rss_bytes", 1.0, None, "why").status, BudgetStatus::Unknown);
    }

    #[test]
    fn a_metric_that_was_not_recorded_is_no_pass() {
        let result = check("peak", &budget(BudgetLimit::Peak { max: 1.0 }), None, None, None, &phases());
        assert_eq!(result.status, BudgetStatus::Unknown);
    }
}
