//! What was found, in sentences: the line of a series, of a budget, of the end of a run, and the summary.
//!
//! Names are quoted as they are. A renderer escapes what its medium would act on.

use soakd_analysis::{Estimate, JudgementKind};

use crate::amount::{amount, amount_beside, clock, estimate, percent, span, span_estimate};
use crate::budget::{Bound, Budget, BudgetStatus};
use crate::outcome::{Outcome, Severity};
use crate::record::{Heap, HeapFrom, Source, SourceStatus};
use crate::run::{Ended, Run};
use crate::series::{LimitSource, Per, Role, Scope, SeriesVerdict};
use crate::verdict::DecidedBy;

/// The rate by which a series was judged: per operation where its tolerance is, per hour elsewhere.
#[must_use]
pub fn judged_rate(series: &SeriesVerdict) -> Option<Estimate> {
    match series.tolerance.per {
        Per::Hour => series.judgement.rate_per_hour,
        Per::Op => series.judgement.rate_per_op,
    }
}

/// The word for a judgement, as it stands in the document.
#[must_use]
pub fn judgement_word(kind: JudgementKind) -> &'static str {
    match kind {
        JudgementKind::Leak => "leak",
        JudgementKind::NoLeak => "no_leak",
        JudgementKind::Inconclusive => "inconclusive",
        JudgementKind::Retention => "retention",
    }
}

/// What a series is called: its metric in backticks, and whose it is unless the whole target's.
#[must_use]
pub fn name(series: &SeriesVerdict) -> String {
    match &series.scope {
        Scope::Tree => format!("`{}`", series.metric),
        Scope::Process { pid, name, .. } => format!("`{}` of `{name}` (pid {pid})", series.metric),
        Scope::Host => format!("`{}` of the host", series.metric),
        Scope::Source { name } => format!("`{}` of `{name}`", series.metric),
    }
}

/// A series in one line: ``leak: `anon_bytes` grows 3.1 MiB/h (2.8 to 3.4, 95 %), tolerance 1 MiB/h; …``.
#[must_use]
pub fn series_line(series: &SeriesVerdict) -> String {
    format!("{}: {}", judgement_word(series.judgement.judgement), found(series))
}

/// The same without the judgement in front.
fn found(series: &SeriesVerdict) -> String {
    let name = name(series);
    let judgement = &series.judgement;
    let per = Some(series.tolerance.per);
    let tolerance = format!("tolerance {}", amount(series.unit, series.tolerance.value, per));
    let Some(rate) = judged_rate(series) else {
        return match judgement.points {
            0 => format!("{name} was not measured"),
            1 => format!("{name} has 1 point, too few for a rate"),
            points => format!("{name} has {points} points, too few for a rate; {tolerance}"),
        };
    };
    let grows = format!("{name} grows {}, {tolerance}", estimate(series.unit, &rate, per));
    match judgement.judgement {
        JudgementKind::Leak => {
            let model = judgement.model.as_ref().map(|model| format!("; model `{}`", model.name)).unwrap_or_default();
            let from = judgement.onset_s.map(|onset_s| format!(", from {} on", clock(onset_s))).unwrap_or_default();
            format!("{grows}{model}{from}")
        }
        JudgementKind::Retention => {
            format!("{grows}; kept by the allocator or the kernel, not lost")
        }
        JudgementKind::NoLeak => match rate.high {
            Some(high) if high > 0.0 => {
                let at_most = amount_beside(series.unit, high, series.tolerance.value, per);
                format!("{name} grows less than {at_most} ({}), {tolerance}", percent(rate.confidence))
            }
            Some(_) => format!("{name} does not grow ({}), {tolerance}", percent(rate.confidence)),
            None => grows,
        },
        JudgementKind::Inconclusive => grows,
    }
}

/// What a run could have seen, and how much longer it needs; `None` where a series is decided or nothing is known.
#[must_use]
pub fn could_have_seen(series: &SeriesVerdict) -> Option<String> {
    if series.judgement.judgement != JudgementKind::Inconclusive {
        return None;
    }
    let mde = match series.tolerance.per {
        Per::Hour => series.judgement.mde_per_hour,
        Per::Op => series.judgement.mde_per_op,
    };
    let mde = mde.map(|mde| {
        format!("the smallest leak it could have seen is {}", amount(series.unit, mde, Some(series.tolerance.per)))
    });
    let needed = series.judgement.needed_s.map(|needed_s| format!("it needs about {} more", span(needed_s)));
    match (mde, needed) {
        (Some(mde), Some(needed)) => Some(format!("{mde}; {needed}")),
        (mde, needed) => mde.or(needed),
    }
}

/// Where the growth leads: `+74 MiB (56 %) in 24 h; reaches the limit of 512 MiB in 5.2 d (4.7 d to 6.1 d)`.
///
/// `None` where growth was not shown, or nothing follows from it.
#[must_use]
pub fn outlook(series: &SeriesVerdict) -> Option<String> {
    let projection = series.projection.as_ref()?;
    if projection.growth.low.is_none_or(|low| low <= 0.0) {
        return None;
    }
    let growth = amount(series.unit, projection.growth.value, None);
    let share = projection.growth_ratio.map(|ratio| format!(" ({})", percent(ratio.value))).unwrap_or_default();
    let mut text = format!("+{growth}{share} in {}", span(projection.over_s));
    if let Some(time) = &series.judgement.time_to_limit_s {
        let level = series.limit.map(|limit| format!(" of {}", amount(series.unit, limit, None))).unwrap_or_default();
        text.push_str(&format!("; reaches the {}{level} in {}", limit_name(series), span_estimate(time)));
    }
    Some(text)
}

/// What the nearest level is called that a series must not reach: `memory limit`, ``budget `peak` ``.
#[must_use]
pub fn limit_name(series: &SeriesVerdict) -> String {
    let name = match &series.limit_source {
        Some(LimitSource::MemoryLimit) => "memory limit",
        Some(LimitSource::Cgroup) => "cgroup's memory limit",
        Some(LimitSource::Host) => "host's memory",
        Some(LimitSource::MemoryOfProcess) => "process's memory limit",
        Some(LimitSource::OpenFiles) => "limit on open files",
        Some(LimitSource::Tasks) => "cgroup's limit on threads",
        Some(LimitSource::Budget { name }) => return format!("budget `{name}`"),
        None => "limit",
    };
    name.to_owned()
}

/// A budget in one line: ``violated: budget `growth`: `rss_bytes` 62 MiB, at most 50 MiB``.
#[must_use]
pub fn budget_line(budget: &Budget) -> String {
    let word = match budget.status {
        BudgetStatus::Ok => "ok",
        BudgetStatus::Violated => "violated",
        BudgetStatus::Unconfirmed => "unconfirmed",
        BudgetStatus::Unknown => "unknown",
    };
    format!("{word}: {}", budget_found(budget))
}

fn budget_found(budget: &Budget) -> String {
    let bound = match budget.bound {
        Bound::AtMost => "at most",
        Bound::AtLeast => "at least",
    };
    let limit = amount(budget.unit, budget.limit, budget.per);
    let observed = match budget.observed {
        Some(observed) => amount(budget.unit, observed, budget.per),
        None => "not measured".to_owned(),
    };
    let reason = budget.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("budget `{}`: `{}` {observed}, {bound} {limit}{reason}", budget.name, budget.metric)
}

/// Why and when a run ended: `decided after 21 min of 1 h`.
#[must_use]
pub fn ended(run: &Run) -> String {
    let at = format!("after {} of {}", span(run.duration_s), span(run.planned_s));
    let by = |status: &Option<i32>, signal: &Option<i32>| match (status, signal) {
        (_, Some(signal)) => format!(" by signal {}", signal_name(*signal)),
        (Some(status), None) => format!(" with status {status}"),
        (None, None) => String::new(),
    };
    match &run.ended {
        Ended::PlannedEnd => format!("ran {} as planned", span(run.duration_s)),
        Ended::DecidedEarly => format!("decided {at}"),
        Ended::OperationsDone { operations } => format!("all {operations} operations done in {}", span(run.duration_s)),
        Ended::TargetExited { status, signal } => format!("the target ended{} {at}", by(status, signal)),
        Ended::LoadEnded { status, signal } => format!("the load ended{} {at}", by(status, signal)),
        Ended::Interrupted { signal } => format!("interrupted by signal {} {at}", signal_name(*signal)),
        Ended::Stopped { reason } => format!("ended {at}: {reason}"),
        Ended::SoakdKilled => format!("soakd was killed {at}; judged from what it had recorded"),
        Ended::RecordingFailed { error } => format!("samples could not be recorded any more {at}: {error}"),
        Ended::Failed { error } => format!("the run failed {at}: {error}"),
    }
}

/// The same, with what follows from it for the outcome.
pub(crate) fn ended_for(run: &Run) -> String {
    let follows = match run.ended.cut_short() {
        true => ": too early for a pass, since not every series was decided by then",
        false => "",
    };
    format!("{}{follows}", ended(run))
}

/// A signal by its name where it is one of the usual, else by its number.
fn signal_name(signal: i32) -> String {
    // The numbers are those of Linux on every architecture that soakd runs on.
    let name = match signal {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        6 => "ABRT",
        7 => "BUS",
        8 => "FPE",
        9 => "KILL",
        11 => "SEGV",
        13 => "PIPE",
        14 => "ALRM",
        15 => "TERM",
        24 => "XCPU",
        25 => "XFSZ",
        31 => "SYS",
        _ => return signal.to_string(),
    };
    format!("{signal} ({name})")
}

/// What decided, in one line.
pub(crate) fn decider(by: &DecidedBy, run: &Run, series: &[SeriesVerdict], budgets: &[Budget]) -> String {
    match by {
        DecidedBy::Series { index, .. } => series.get(*index).map(found).unwrap_or_default(),
        DecidedBy::Budget { index, .. } => budgets.get(*index).map(budget_found).unwrap_or_default(),
        DecidedBy::RunEnded => ended_for(run),
        DecidedBy::NothingJudged => "no series was judged".to_owned(),
    }
}

/// How a source did.
pub(crate) fn source_line(source: &Source) -> String {
    let asked = source.asked.as_ref().map_or_else(String::new, |asked| format!(" {asked}"));
    let mut text = format!("`{}` ({}{asked}): ", source.name, source.kind);
    text.push_str(&match source.status {
        SourceStatus::NotAsked => "not asked".to_owned(),
        SourceStatus::Failed => format!("nothing in {} readings", source.reads_count),
        SourceStatus::Active | SourceStatus::Partly => {
            format!("{} readings, {} series", source.reads_count, source.series_count)
        }
    });
    if let Some(pause_s) = source.slowed_to_s {
        text.push_str(&format!(", at times slowed down to one every {}", span(pause_s)));
    }
    for failures in &source.failures {
        text.push_str(&format!("; {} times {}: {}", failures.count, failures.why, failures.last));
    }
    text
}

/// Where the live heap comes from.
pub(crate) fn heap_line(heap: &Heap) -> String {
    if heap.from == HeapFrom::Mapping {
        return "live heap: nobody tells it; `brk_bytes`, the size of the heap mapping, is a witness at most"
            .to_owned();
    }
    let from = match (heap.from, &heap.source, &heap.metric) {
        (HeapFrom::Api, ..) => "counted by soakd's API in the target".to_owned(),
        (HeapFrom::Runtime | HeapFrom::Mapping, Some(source), Some(metric)) => format!("`{metric}` of `{source}`"),
        (HeapFrom::Runtime | HeapFrom::Mapping, Some(source), None) => format!("told by `{source}`"),
        (HeapFrom::Runtime | HeapFrom::Mapping, None, _) => "told by the runtime".to_owned(),
    };
    let whole = if heap.whole_target { "" } else { ", for one process of several: it says nothing about the others" };
    format!("live heap: {from}{whole}")
}

/// The verdict in one sentence.
pub(crate) fn summary(
    outcome: Outcome,
    decided_by: &[DecidedBy],
    run: &Run,
    series: &[SeriesVerdict],
    budgets: &[Budget],
) -> String {
    let first = decided_by.first();
    let mut text = first.map(|by| decider(by, run, series, budgets)).unwrap_or_default();
    if let Some(DecidedBy::Series { index, .. }) = first
        && let Some(first) = series.get(*index)
    {
        text = format!("{}: {text}", judgement_word(first.judgement.judgement));
        if let Some(seen) = could_have_seen(first) {
            text.push_str(&format!("; {seen}"));
        }
        if first.severity > Severity::None {
            text.push_str(&format!("; severity {}", first.severity));
        }
    }
    let judged = series.iter().filter(|series| series.role == Role::Judged).count();
    let others = decided_by.len().saturating_sub(1);
    match (outcome, others) {
        (_, 0) => {}
        (Outcome::Pass, _) => text.push_str(&format!("; every judged series ({judged}) is within its tolerance")),
        (_, 1) => text.push_str("; and one more finding"),
        (_, others) => text.push_str(&format!("; and {others} more findings")),
    }
    let undecided = first.is_some_and(|first| match first {
        DecidedBy::Series { index, .. } => {
            series.get(*index).is_some_and(|series| series.judgement.judgement == JudgementKind::Inconclusive)
        }
        DecidedBy::Budget { index, .. } => {
            budgets.get(*index).is_some_and(|budget| budget.status == BudgetStatus::Unknown)
        }
        DecidedBy::RunEnded => !run.ended.target_died(),
        DecidedBy::NothingJudged => true,
    });
    if undecided && outcome != Outcome::Inconclusive {
        text.push_str(&format!("; `inconclusive` counts as `{outcome}` here"));
    }
    text
}
