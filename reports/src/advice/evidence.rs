//! What the rules of advice look for in a verdict: each gives the sentence that says what was seen, or nothing.

use soakd_analysis::{JudgementKind, Role as Kind};

use crate::amount::{amount, clock, estimate, percent, span};
use crate::budget::BudgetStatus;
use crate::outcome::Severity;
use crate::run::Ended;
use crate::sentence::{budget_line, could_have_seen, ended, judged_rate, name, outlook};
use crate::series::{Per, Role, Scope, SeriesVerdict};
use crate::verdict::Verdict;

/// A bounded model this close behind an unbounded one explains the series nearly as well.
const CLOSE: f64 = 10.0;
/// From this share of the growth on, one process has nearly all of it.
const NEARLY_ALL: f64 = 0.8;
/// A warm-up longer than this share of the run leaves too little.
const LONG_WARMUP: f64 = 0.5;
/// Late or missed ticks above this share of all.
const MANY_TICKS: f64 = 0.05;

fn judged(verdict: &Verdict) -> impl Iterator<Item = &SeriesVerdict> {
    verdict.series.iter().filter(|series| series.role == Role::Judged)
}

fn leaks(verdict: &Verdict) -> impl Iterator<Item = &SeriesVerdict> {
    judged(verdict).filter(|series| series.judgement.judgement == JudgementKind::Leak)
}

fn undecided(verdict: &Verdict) -> impl Iterator<Item = &SeriesVerdict> {
    judged(verdict).filter(|series| series.judgement.judgement == JudgementKind::Inconclusive)
}

fn kind(series: &SeriesVerdict) -> Kind {
    Kind::of_metric(&series.metric)
}

fn leak_of(verdict: &Verdict, wanted: Kind) -> Option<&SeriesVerdict> {
    leaks(verdict).find(|series| kind(series) == wanted)
}

fn is_memory(series: &SeriesVerdict) -> bool {
    matches!(kind(series), Kind::Heap | Kind::Anonymous | Kind::Resident | Kind::Swap | Kind::Cgroup)
}

/// The clearest of the leaking memory series.
fn memory_leak(verdict: &Verdict) -> Option<&SeriesVerdict> {
    leaks(verdict).find(|series| is_memory(series))
}

fn grows(series: &SeriesVerdict) -> Option<String> {
    let rate = judged_rate(series)?;
    Some(format!("{} grows {}", name(series), estimate(series.unit, &rate, Some(series.tolerance.per))))
}

fn model(series: &SeriesVerdict) -> &str {
    series.judgement.model.as_ref().map(|model| model.name.as_str()).unwrap_or_default()
}

pub(super) fn killed(verdict: &Verdict) -> Option<String> {
    matches!(verdict.run.ended, Ended::TargetExited { signal: Some(9), .. }).then(|| ended(&verdict.run))
}

pub(super) fn died(verdict: &Verdict) -> Option<String> {
    let by_itself = verdict.run.ended.target_died() && killed(verdict).is_none();
    by_itself.then(|| ended(&verdict.run))
}

pub(super) fn descriptors_and_threads(verdict: &Verdict) -> Option<String> {
    let descriptors = leak_of(verdict, Kind::Descriptors)?;
    let threads = leak_of(verdict, Kind::Threads)?;
    Some(format!("{}, and {}", grows(descriptors)?, grows(threads)?))
}

pub(super) fn descriptors(verdict: &Verdict) -> Option<String> {
    leak_of(verdict, Kind::Descriptors).and_then(grows)
}

pub(super) fn threads(verdict: &Verdict) -> Option<String> {
    leak_of(verdict, Kind::Threads).and_then(grows)
}

pub(super) fn processes(verdict: &Verdict) -> Option<String> {
    leak_of(verdict, Kind::Processes).and_then(grows)
}

pub(super) fn retention(verdict: &Verdict) -> Option<String> {
    let kept = judged(verdict).find(|series| series.judgement.judgement == JudgementKind::Retention)?;
    let flat = judged(verdict).find(|series| {
        matches!(kind(series), Kind::Heap | Kind::Anonymous) && series.judgement.judgement == JudgementKind::NoLeak
    });
    let beside = flat.map(|flat| format!(", while {} does not", name(flat))).unwrap_or_default();
    Some(format!("{}{beside}", grows(kept)?))
}

pub(super) fn resident_only(verdict: &Verdict) -> Option<String> {
    let resident = verdict.series.iter().find(|series| {
        kind(series) == Kind::Resident
            && series.scope == Scope::Tree
            && series.judgement.judgement == JudgementKind::Leak
    })?;
    let own = judged(verdict)
        .find(|series| kind(series) == Kind::Anonymous && series.judgement.judgement == JudgementKind::NoLeak)?;
    Some(format!("{}, while {} does not", grows(resident)?, name(own)))
}

pub(super) fn accelerating(verdict: &Verdict) -> Option<String> {
    let leak = leaks(verdict).find(|series| matches!(model(series), "exponential" | "accelerating"))?;
    Some(format!("the model that explains {} best is `{}`", name(leak), model(leak)))
}

pub(super) fn late_onset(verdict: &Verdict) -> Option<String> {
    let leak = leaks(verdict).find(|series| model(series) == "late_onset")?;
    let onset_s = leak.judgement.onset_s?;
    Some(format!("{} grows from {} on; before that it was flat", name(leak), clock(onset_s)))
}

/// Models whose growth slows down or stops.
fn slows_down(model: &str) -> bool {
    ["saturating", "saturating_ops", "saturating_ramp", "sublinear", "sublinear_ops", "ramp_stop", "ramp_stop_ops"]
        .contains(&model)
}

pub(super) fn maybe_cache(verdict: &Verdict) -> Option<String> {
    let said = |series: &SeriesVerdict| {
        let model = series.judgement.model.as_ref()?;
        let bounded = model.scores.iter().find(|score| slows_down(&score.name) && score.behind < CLOSE)?;
        Some(match bounded.behind > 0.0 {
            true => format!(
                "for {} the model `{}`, which slows down, is only {:.1} behind `{}`",
                name(series),
                bounded.name,
                bounded.behind,
                model.name
            ),
            false => format!("the model that explains {} best, `{}`, slows down", name(series), bounded.name),
        })
    };
    leaks(verdict).chain(undecided(verdict)).filter(|series| is_memory(series)).find_map(said)
}

pub(super) fn steps(verdict: &Verdict) -> Option<String> {
    let leak = leaks(verdict).find(|series| matches!(model(series), "staircase" | "step_linear"))?;
    let jumps = &leak.judgement.events;
    let times: Vec<String> = jumps.iter().take(3).map(|jump| clock(jump.t_s)).collect();
    let at = if times.is_empty() { String::new() } else { format!(", among others at {}", times.join(", ")) };
    Some(format!("{} rises in steps (model `{}`){at}", name(leak), model(leak)))
}

/// How far behind the model of `series` the best one that follows operations is, where that is too far to explain it as well.
fn operations_behind(series: &SeriesVerdict) -> Option<f64> {
    let scores = &series.judgement.model.as_ref()?.scores;
    let by_ops = scores.iter().find(|score| score.name.ends_with("_ops"))?;
    (!model(series).ends_with("_ops") && by_ops.behind > CLOSE).then_some(by_ops.behind)
}

pub(super) fn per_operation(verdict: &Verdict) -> Option<String> {
    let is_asked_per_op = |series: &SeriesVerdict| series.tolerance.per == Per::Op;
    let follows = |series: &&SeriesVerdict| {
        let may_follow = is_asked_per_op(series) && operations_behind(series).is_none();
        is_memory(series) && (may_follow || model(series).ends_with("_ops"))
    };
    let leak = leaks(verdict).find(follows)?;
    let rate = leak.judgement.rate_per_op?;
    Some(format!("{} grows {}", name(leak), estimate(leak.unit, &rate, Some(Per::Op))))
}

pub(super) fn by_the_clock(verdict: &Verdict) -> Option<String> {
    let leak = leaks(verdict).find(|series| is_memory(series))?;
    // Under a steady load operations are a clock, and one that is read less exactly: who counts in them is not told otherwise.
    if leak.tolerance.per == Per::Op {
        return None;
    }
    let behind = operations_behind(leak)?;
    Some(format!(
        "for {} every model that follows operations is at least {behind:.0} behind `{}`",
        name(leak),
        model(leak)
    ))
}

pub(super) fn one_process(verdict: &Verdict) -> Option<String> {
    let [first, _, ..] = verdict.attribution.as_slice() else { return None };
    (first.share >= NEARLY_ALL).then(|| format!("`{}` has {} of the growth", first.what, percent(first.share)))
}

pub(super) fn memory(verdict: &Verdict) -> Option<String> {
    memory_leak(verdict).and_then(grows)
}

pub(super) fn not_measured(verdict: &Verdict) -> Option<String> {
    let series = undecided(verdict).find(|series| series.judgement.points == 0)?;
    Some(format!("{} has no reading", name(series)))
}

pub(super) fn too_few_points(verdict: &Verdict) -> Option<String> {
    let series = undecided(verdict).find(|series| series.judgement.points > 0 && judged_rate(series).is_none())?;
    Some(format!("{} has {} points", name(series), series.judgement.points))
}

pub(super) fn long_warmup(verdict: &Verdict) -> Option<String> {
    let run_s = verdict.run.duration_s;
    let series = undecided(verdict).find(|series| series.judgement.warmup_s > LONG_WARMUP * run_s)?;
    Some(format!(
        "the warm-up of {} took {} of a run of {}",
        name(series),
        span(series.judgement.warmup_s),
        span(run_s)
    ))
}

pub(super) fn needs_longer(verdict: &Verdict) -> Option<String> {
    let series = undecided(verdict).find(|series| judged_rate(series).is_some())?;
    let tolerance = amount(series.unit, series.tolerance.value, Some(series.tolerance.per));
    let seen = could_have_seen(series)?;
    Some(format!("{} is held against a tolerance of {tolerance}: {seen}", name(series)))
}

pub(super) fn cut_short(verdict: &Verdict) -> Option<String> {
    verdict.run.ended.cut_short().then(|| ended(&verdict.run))
}

pub(super) fn will_matter(verdict: &Verdict) -> Option<String> {
    let series = judged(verdict)
        .find(|series| series.judgement.judgement == JudgementKind::NoLeak && series.severity > Severity::None)?;
    Some(format!("{}: {}", name(series), outlook(series)?))
}

pub(super) fn over_budget(verdict: &Verdict) -> Option<String> {
    let budget = verdict.budgets.iter().find(|budget| budget.status == BudgetStatus::Violated)?;
    leaks(verdict).next().is_none().then(|| budget_line(budget))
}

pub(super) fn busy_host(verdict: &Verdict) -> Option<String> {
    let samples = &verdict.samples;
    let troubled = samples.missed_ticks_count.saturating_add(verdict.overhead.late_ticks_count);
    // Counts of ticks are far below 2^53.
    #[expect(clippy::cast_precision_loss, reason = "a share of counts, shown with two digits")]
    let share = troubled as f64 / samples.count.saturating_add(samples.missed_ticks_count).max(1) as f64;
    (share > MANY_TICKS)
        .then(|| format!("{troubled} of {} samples were late or missing ({})", samples.count, percent(share)))
}
