//! Several series, one answer: who leaks, who agrees, and what disagreement means.
//!
//! The error rate is shared beforehand: each series is judged with [`Question::family`](crate::Question) set to
//! the number of series. Here the judgements are read together.
//!
//! - Any series that leaks makes the run leak, unless one that sees more clearly shows that nothing is lost:
//!   *live heap* before *anonymous + swapped* memory before *resident* memory. Resident memory that grows over a
//!   bounded heap is [retention](JudgementKind::Retention); swap that grows under bounded anonymous + swapped memory is
//!   memory that moved. Kernel memory that grows beside bounded anonymous memory is a leak: nothing keeps it for later.
//! - Memory is confirmed by its clearest witness; descriptors, threads and processes by each of them.
//! - An undecided witness leaves the run undecided.

use crate::judgement::{Judgement, JudgementKind};

/// What a series says about its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Live bytes of the program's heap.
    Heap,
    /// Anonymous memory, swapped out or not.
    Anonymous,
    /// Anonymous and kernel memory of a control group.
    AnonymousKernel,
    /// Resident memory: RSS, PSS, USS.
    Resident,
    /// Swapped-out memory alone.
    Swap,
    /// Memory of a control group, page cache included.
    Cgroup,
    /// Open descriptors, sockets.
    Descriptors,
    /// Threads.
    Threads,
    /// Processes.
    Processes,
    /// Anything else.
    Other,
}

impl Role {
    /// The role that the name of a metric tells.
    #[must_use]
    pub fn of_metric(name: &str) -> Self {
        let has = |part: &str| name.contains(part);
        if has("heap") {
            Self::Heap
        } else if has("cgroup") && has("anon_kernel") {
            Self::AnonymousKernel
        } else if has("anon") {
            Self::Anonymous
        } else if has("swap") {
            Self::Swap
        } else if has("rss") || has("pss") || has("uss") || has("resident") {
            Self::Resident
        } else if has("cgroup") && has("bytes") {
            Self::Cgroup
        } else if has("fds") || has("descriptor") || has("socket") || has("handles") {
            Self::Descriptors
        } else if has("thread") {
            Self::Threads
        } else if has("proc") {
            Self::Processes
        } else {
            Self::Other
        }
    }

    /// How clearly it sees memory that is lost; `None` for what is not memory. Smaller is clearer.
    fn clarity(self) -> Option<usize> {
        let clearest_first =
            [Self::Heap, Self::Anonymous, Self::AnonymousKernel, Self::Resident, Self::Cgroup, Self::Swap];
        clearest_first.iter().position(|role| *role == self)
    }
}

/// One judged series.
#[derive(Debug, Clone, Copy)]
pub struct Witness<'a> {
    /// Name of its metric.
    pub metric: &'a str,
    /// What it says about the target.
    pub role: Role,
    /// Its judgement.
    pub judgement: &'a Judgement,
}

/// The answer of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Combined {
    /// What the run was found to do.
    pub judgement: JudgementKind,
    /// The series that decided it; `None` where there is none.
    pub deciding: Option<usize>,
    /// Agreement and disagreement, in sentences for people.
    pub evidence: Vec<String>,
    /// Judgements that read otherwise beside the others, by index of their series.
    pub amended: Vec<(usize, Judgement)>,
}

/// Reads the judgements of one run together. Pure; the order of the series does not change the answer.
#[must_use]
pub fn combine(witnesses: &[Witness<'_>]) -> Combined {
    let mut evidence = Vec::new();
    let mut amended: Vec<(usize, Judgement)> = Vec::new();
    let clearest_bounded = witnesses
        .iter()
        .filter(|one| one.judgement.judgement == JudgementKind::NoLeak)
        .filter_map(|one| Some((one.role.clarity()?, one)))
        .filter(|(clarity, _)| *clarity <= 1)
        .min_by_key(|(clarity, _)| *clarity);
    let mut kinds: Vec<JudgementKind> = witnesses.iter().map(|one| one.judgement.judgement).collect();
    for (index, one) in witnesses.iter().enumerate() {
        let (Some(clarity), Some((clearer, bounded))) = (one.role.clarity(), clearest_bounded) else { continue };
        if kinds[index] != JudgementKind::Leak || clarity <= clearer {
            continue;
        }
        // What grows beside bounded anonymous memory is kernel memory, which no allocator keeps for later.
        if one.role == Role::AnonymousKernel && bounded.role == Role::Anonymous {
            continue;
        }
        let (kind, why) = match one.role {
            Role::Swap => (
                JudgementKind::Inconclusive,
                format!("`{}` grows while `{}` does not: memory moved out, none was lost", one.metric, bounded.metric),
            ),
            Role::Anonymous => (
                JudgementKind::Retention,
                format!(
                    "`{}` grows while `{}` does not: the allocator keeps what was given back, or memory outside of \
                     the heap grows",
                    one.metric, bounded.metric
                ),
            ),
            _ if bounded.role == Role::Heap => (
                JudgementKind::Retention,
                format!(
                    "`{}` grows while `{}` does not: the allocator keeps what was given back, or memory outside of \
                     the heap grows",
                    one.metric, bounded.metric
                ),
            ),
            _ => (
                JudgementKind::Retention,
                format!(
                    "`{}` grows while `{}` does not: pages of files or shared memory, which are kept while there \
                     is room",
                    one.metric, bounded.metric
                ),
            ),
        };
        kinds[index] = kind;
        let mut judgement = one.judgement.clone();
        judgement.judgement = kind;
        judgement.evidence.push(why.clone());
        evidence.push(why);
        amended.push((index, judgement));
    }

    let leaking: Vec<usize> = (0..kinds.len()).filter(|&i| kinds[i] == JudgementKind::Leak).collect();
    let rank = |&i: &usize| (witnesses[i].role.clarity().unwrap_or(usize::MAX), i);
    if let Some(deciding) = leaking.iter().copied().min_by_key(rank) {
        evidence.insert(0, leak_sentence(witnesses, &kinds, &leaking));
        return Combined { judgement: JudgementKind::Leak, deciding: Some(deciding), evidence, amended };
    }

    let memory: Vec<usize> = (0..kinds.len()).filter(|&i| witnesses[i].role.clarity().is_some()).collect();
    let witness = memory.iter().copied().min_by_key(rank);
    let open: Vec<usize> = (0..kinds.len())
        .filter(|&i| kinds[i] == JudgementKind::Inconclusive)
        .filter(|&i| witnesses[i].role.clarity().is_none() || witness.is_some_and(|w| same_clarity(witnesses, i, w)))
        .collect();
    if let Some(&deciding) = open.first() {
        let names = named(witnesses, &open);
        evidence.insert(0, format!("{names} left open whether the target leaks"));
        let settled: Vec<usize> = memory.iter().copied().filter(|&i| kinds[i] == JudgementKind::NoLeak).collect();
        if !settled.is_empty() && open.iter().any(|i| memory.contains(i)) {
            evidence.push(format!("{} did not grow, but sees less clearly what is lost", named(witnesses, &settled)));
        }
        return Combined { judgement: JudgementKind::Inconclusive, deciding: Some(deciding), evidence, amended };
    }
    if let Some(deciding) = (0..kinds.len()).find(|&i| kinds[i] == JudgementKind::Retention) {
        return Combined { judgement: JudgementKind::Retention, deciding: Some(deciding), evidence, amended };
    }
    let Some(deciding) = witness.or(if kinds.is_empty() { None } else { Some(0) }) else {
        evidence.push("no series was judged".to_owned());
        return Combined { judgement: JudgementKind::Inconclusive, deciding: None, evidence, amended };
    };
    let bounded: Vec<usize> = (0..kinds.len()).filter(|&i| kinds[i] == JudgementKind::NoLeak).collect();
    evidence.insert(0, format!("no growth above the tolerance in {}", named(witnesses, &bounded)));
    let wandering: Vec<usize> = (0..kinds.len()).filter(|&i| kinds[i] == JudgementKind::Inconclusive).collect();
    if !wandering.is_empty() {
        evidence.push(format!(
            "{} alone would leave it open; `{}` sees more clearly what is lost",
            named(witnesses, &wandering),
            witnesses[deciding].metric
        ));
    }
    Combined { judgement: JudgementKind::NoLeak, deciding: Some(deciding), evidence, amended }
}

fn same_clarity(witnesses: &[Witness<'_>], a: usize, b: usize) -> bool {
    witnesses[a].role.clarity() == witnesses[b].role.clarity()
}

fn named(witnesses: &[Witness<'_>], which: &[usize]) -> String {
    which.iter().map(|&i| format!("`{}`", witnesses[i].metric)).collect::<Vec<_>>().join(", ")
}

/// Who leaks, and which memory series contradict.
fn leak_sentence(witnesses: &[Witness<'_>], kinds: &[JudgementKind], leaking: &[usize]) -> String {
    let in_memory = leaking.iter().any(|&i| witnesses[i].role.clarity().is_some());
    let quiet: Vec<usize> = (0..kinds.len())
        .filter(|&i| kinds[i] == JudgementKind::NoLeak && (witnesses[i].role.clarity().is_some() != in_memory))
        .collect();
    let verb = if leaking.len() == 1 { "leaks" } else { "leak" };
    let mut text = format!("{} {verb}", named(witnesses, leaking));
    if !quiet.is_empty() {
        text.push_str(&format!("; {} did not grow", named(witnesses, &quiet)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Quantity, Question, Series, judge};

    fn judged(kind: JudgementKind) -> Judgement {
        let empty = Series::new(Quantity::Bytes, Vec::new(), Vec::new()).unwrap();
        Judgement { judgement: kind, ..judge(&empty, &Question::new(60.0)) }
    }

    fn combined(of: &[(&str, JudgementKind)]) -> Combined {
        let judgements: Vec<Judgement> = of.iter().map(|(_, kind)| judged(*kind)).collect();
        let witnesses: Vec<Witness<'_>> = of
            .iter()
            .zip(&judgements)
            .map(|((metric, _), judgement)| Witness { metric, role: Role::of_metric(metric), judgement })
            .collect();
        combine(&witnesses)
    }

    use JudgementKind::{Inconclusive, Leak, NoLeak, Retention};

    #[test]
    fn resident_growth_over_a_bounded_heap_is_retention() {
        let run = combined(&[("rss_bytes", Leak), ("heap_live_bytes", NoLeak), ("fds_count", NoLeak)]);
        assert_eq!((run.judgement, run.deciding), (Retention, Some(0)));
        assert_eq!(run.amended.len(), 1);
        assert_eq!(run.amended[0].1.judgement, Retention);
    }

    #[test]
    fn a_leaking_heap_or_count_makes_the_run_leak_whatever_the_rest_says() {
        assert_eq!(combined(&[("rss_bytes", NoLeak), ("heap_live_bytes", Leak)]).deciding, Some(1));
        let run = combined(&[("anon_swap_bytes", NoLeak), ("fds_count", Leak)]);
        assert_eq!((run.judgement, run.deciding), (Leak, Some(1)));
        let both = combined(&[("fds_count", Leak), ("anon_swap_bytes", Leak), ("rss_bytes", Leak)]);
        assert_eq!(both.deciding, Some(1));
    }

    #[test]
    fn the_clearest_memory_series_confirms_and_an_open_one_leaves_it_open() {
        assert_eq!(combined(&[("rss_bytes", Inconclusive), ("heap_live_bytes", NoLeak)]).judgement, NoLeak);
        assert_eq!(combined(&[("rss_bytes", NoLeak), ("heap_live_bytes", Inconclusive)]).judgement, Inconclusive);
        assert_eq!(combined(&[("anon_swap_bytes", NoLeak), ("rss_bytes", Inconclusive)]).judgement, NoLeak);
        assert_eq!(combined(&[("anon_swap_bytes", NoLeak), ("fds_count", Inconclusive)]).judgement, Inconclusive);
        assert_eq!(combined(&[]).judgement, Inconclusive);
    }

    #[test]
    fn kernel_memory_that_grows_beside_bounded_anonymous_memory_is_a_leak() {
        let run = combined(&[("anon_swap_bytes", NoLeak), ("cgroup_anon_kernel_bytes", Leak)]);
        assert_eq!((run.judgement, run.deciding), (Leak, Some(1)));
        // What an allocator keeps is charged to the cgroup as well.
        let run = combined(&[("heap_live_bytes", NoLeak), ("cgroup_anon_kernel_bytes", Leak)]);
        assert_eq!(run.judgement, Retention);
        // Its noise does not make an answer unsure that anonymous memory gives.
        let run = combined(&[("anon_swap_bytes", NoLeak), ("cgroup_anon_kernel_bytes", Inconclusive)]);
        assert_eq!(run.judgement, NoLeak);
        // Page cache alone never decides beside it.
        assert_eq!(combined(&[("anon_swap_bytes", NoLeak), ("cgroup_bytes", Leak)]).judgement, Retention);
        assert_eq!(Role::of_metric("cgroup_pids_count"), Role::Other);
    }

    #[test]
    fn swap_that_fills_while_the_sum_stays_is_not_a_leak() {
        let run = combined(&[("anon_swap_bytes", NoLeak), ("swap_bytes", Leak)]);
        assert_eq!(run.judgement, NoLeak);
        assert!(run.evidence.iter().any(|sentence| sentence.contains("moved out")));
    }
}
