//! Runs that were beyond their limits and wait for the next run of their branch to confirm it.
//!
//! What was beyond stands in the verdict of each run, as budgets that earlier runs set. A run of another branch tests
//! something else, and so confirms nothing.

use soakd_reports::{Budget, BudgetStatus};

use super::entry::Entry;

/// How the names of budgets begin whose limits earlier runs set.
pub const NAME: &str = "history: ";

fn beyond(entry: &Entry) -> impl Iterator<Item = &Budget> {
    let budgets = entry.verdict.iter().flat_map(|verdict| &verdict.budgets);
    budgets.filter(|budget| {
        budget.name.starts_with(NAME) && matches!(budget.status, BudgetStatus::Violated | BudgetStatus::Unconfirmed)
    })
}

/// The newest of `runs` in a row that were beyond the limit of the budget `name`; `runs` of one branch, oldest first.
#[must_use]
pub fn in_a_row(runs: &[&Entry], name: &str) -> usize {
    runs.iter().rev().take_while(|run| beyond(run).any(|budget| budget.name == name)).count()
}

/// Whether each of `runs`, oldest first and of any branch, waits to be confirmed in one of its numbers.
#[must_use]
pub fn waits(runs: &[Entry]) -> Vec<bool> {
    let mut waits = vec![false; runs.len()];
    for (place, run) in runs.iter().enumerate() {
        let later = || runs[place..].iter().filter(|later| later.record.run.branch == run.record.run.branch);
        waits[place] = beyond(run).any(|budget| later().all(|run| beyond(run).any(|other| other.name == budget.name)));
    }
    waits
}

#[cfg(test)]
mod tests {
    use soakd_reports::{Bound, Verdict};

    use super::super::retention::tests::kept;
    use super::*;

    fn run(branch: Option<&str>, status: BudgetStatus) -> Entry {
        let mut verdict: Verdict =
            soakd_reports::read(include_str!("../../../reports/examples/pass.json")).expect("an example");
        let name = format!("{NAME}throughput");
        let mut budget = Budget::observed(name, "ops_count", Bound::AtLeast, 1.0, Ok(1.0));
        budget.status = status;
        verdict.budgets = vec![budget];
        let mut record = kept().record;
        record.run.branch = branch.map(str::to_owned);
        Entry { record, verdict: Some(verdict) }
    }

    #[test]
    fn a_run_waits_until_the_next_of_its_branch_is_within() {
        use BudgetStatus::{Ok, Unconfirmed, Violated};
        let (main, topic) = (Some("main"), Some("topic"));
        let runs = [run(main, Unconfirmed), run(main, Ok), run(topic, Unconfirmed), run(main, Unconfirmed)];
        assert_eq!(waits(&runs), [false, false, true, true]);
        let runs = [run(main, Unconfirmed), run(topic, Ok), run(main, Violated)];
        assert_eq!(waits(&runs), [true, false, true]);
        let name = format!("{NAME}throughput");
        assert_eq!(in_a_row(&[&runs[0], &runs[2]], &name), 2);
        assert_eq!((in_a_row(&[&runs[1]], &name), in_a_row(&[&runs[2]], "other")), (0, 0));
        assert_eq!(waits(&[run(None, Unconfirmed)]), [true]);
    }
}
