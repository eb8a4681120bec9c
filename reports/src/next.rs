//! What to do next: concrete steps that fit what was found.

use soakd_analysis::{JudgementKind, Role as Kind};

use crate::amount::{amount, option_span, percent, span};
use crate::budget::{Budget, BudgetStatus};
use crate::outcome::Outcome;
use crate::sentence::{name, outlook};
use crate::series::{Per, SeriesVerdict};
use crate::verdict::{DecidedBy, Verdict};

/// No reader takes more than a few steps at once.
const MOST_STEPS: usize = 4;

/// The next steps, the most useful first; never empty.
#[must_use]
pub fn next_steps(verdict: &Verdict) -> Vec<String> {
    if verdict.outcome == Outcome::Pass {
        return vec!["nothing to do".to_owned()];
    }
    let mut steps: Vec<String> = Vec::new();
    for by in &verdict.decided_by {
        let found = match by {
            DecidedBy::Series { index, .. } => {
                verdict.series.get(*index).map(|series| of_series(series, verdict)).unwrap_or_default()
            }
            DecidedBy::Budget { index, .. } => {
                verdict.budgets.get(*index).map(|budget| of_budget(budget, verdict)).unwrap_or_default()
            }
            DecidedBy::RunEnded => of_end(verdict),
            DecidedBy::NothingJudged => vec![
                "`soakd doctor` shows what this host lets soakd measure".to_owned(),
                "name metrics to judge in `[judge]` of the profile".to_owned(),
            ],
        };
        for step in found {
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
    }
    let first = verdict.decided_by.first().and_then(|by| match by {
        DecidedBy::Series { index, .. } => verdict.series.get(*index),
        DecidedBy::Budget { .. } | DecidedBy::RunEnded | DecidedBy::NothingJudged => None,
    });
    if let Some(leak) = first.filter(|series| series.judgement.judgement == JudgementKind::Leak) {
        steps.truncate(MOST_STEPS - 1);
        let tolerance = amount(leak.unit, leak.tolerance.value, Some(leak.tolerance.per));
        steps.push(format!("after a fix, run the same again: {} has to grow less than {tolerance}", name(leak)));
    }
    steps.truncate(MOST_STEPS);
    steps
}

fn of_series(series: &SeriesVerdict, verdict: &Verdict) -> Vec<String> {
    match series.judgement.judgement {
        JudgementKind::Leak => of_leak(series, verdict),
        JudgementKind::Retention => vec![
            "run the same for longer: retention levels off, a leak does not".to_owned(),
            "try it with `MALLOC_ARENA_MAX=2` or another allocator: what the allocator keeps changes with it"
                .to_owned(),
        ],
        JudgementKind::NoLeak => {
            let ahead = outlook(series).map(|ahead| format!(" ({ahead})")).unwrap_or_default();
            vec![format!(
                "decide whether what {} comes to is acceptable{ahead}; if not, lower its tolerance",
                name(series)
            )]
        }
        JudgementKind::Inconclusive if series.judgement.points == 0 => {
            vec!["`soakd doctor` shows what this host lets soakd measure, and what is missing".to_owned()]
        }
        JudgementKind::Inconclusive => of_undecided(series, verdict),
    }
}

fn of_leak(series: &SeriesVerdict, verdict: &Verdict) -> Vec<String> {
    let mut steps = Vec::new();
    if let Some(first) = verdict.attribution.first() {
        steps.push(format!("start with {}: it has {} of the growth", first.quoted(), percent(first.share)));
    }
    steps.push(match Kind::of_metric(&series.metric) {
        Kind::Descriptors => {
            "`ls -l /proc/PID/fd`, twice in the run: what is only in the later list stays open".to_owned()
        }
        Kind::Threads => "`cat /proc/PID/task/*/comm`, twice in the run: which threads are never joined".to_owned(),
        Kind::Processes => "`pstree -p PID`, twice in the run: which children are never reaped".to_owned(),
        Kind::Heap | Kind::Anonymous | Kind::Resident | Kind::Swap | Kind::Cgroup => {
            "a heap profile of the target (`heaptrack`, or that of its runtime) names who allocates and does not free"
                .to_owned()
        }
        Kind::AnonymousKernel => {
            "compare `cgroup_anon_bytes` with `cgroup_kernel_bytes` in the samples: the first grows by what the target \
             allocates, the second by sockets, pipes and other kernel objects that it keeps"
                .to_owned()
        }
        Kind::Other => format!("find what {} counts and who adds to it", name(series)),
    });
    steps
}

fn of_undecided(series: &SeriesVerdict, verdict: &Verdict) -> Vec<String> {
    let judgement = &series.judgement;
    let lasted_s = verdict.run.duration_s;
    // Where the analysis cannot tell how long, twice as long shows growth that is a third as steep (T^1.5).
    let longer_s = judgement.needed_s.map_or(2.0 * lasted_s.max(verdict.run.planned_s), |needed_s| lasted_s + needed_s);
    let mut steps = vec![format!("run the same for {}: `--for {}`", span(longer_s), option_span(longer_s))];
    let mde = match series.tolerance.per {
        Per::Hour => judgement.mde_per_hour,
        Per::Op => judgement.mde_per_op,
    };
    if let Some(mde) = mde.filter(|mde| *mde > series.tolerance.value) {
        let rate = amount(series.unit, mde, Some(series.tolerance.per));
        steps.push(format!("or tolerate what this run could see: `tolerance = \"{}\"`", rate.replace(' ', "")));
    }
    steps
}

fn of_budget(budget: &Budget, verdict: &Verdict) -> Vec<String> {
    match budget.status {
        BudgetStatus::Ok => Vec::new(),
        BudgetStatus::Violated => {
            vec![format!(
                "find what made `{}` go over; where that is meant, change budget `{}` in profile `{}`",
                budget.metric, budget.name, verdict.run.profile
            )]
        }
        BudgetStatus::Unconfirmed => vec![
            "run it again: one run that is off may be chance, a regression is there in the next one too".to_owned(),
        ],
        BudgetStatus::Unknown => vec![
            format!("make budget `{}` measurable: a longer run, or a metric that this host can read", budget.name),
            "`soakd doctor` shows what this host lets soakd measure, and what is missing".to_owned(),
        ],
    }
}

fn of_end(verdict: &Verdict) -> Vec<String> {
    if verdict.run.ended.target_died() {
        return vec!["see what the target printed last: a target that dies has not been soaked".to_owned()];
    }
    vec![format!("run it again to its planned end of {}", span(verdict.run.planned_s))]
}
