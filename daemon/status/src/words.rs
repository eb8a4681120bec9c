//! What goes on, in words: the same on pages and in the terminal.

use jiff::Timestamp;
use soakd_analysis::JudgementKind;
use soakd_reports::amount::{amount, estimate, span, span_estimate};
use soakd_reports::{Outcome, Per};

use crate::status::{JobState, LivePhase, LiveRun, LiveSeries, Status};

/// A judgement while the run goes on.
#[must_use]
pub fn judgement(kind: JudgementKind) -> &'static str {
    match kind {
        JudgementKind::Leak => "leak",
        JudgementKind::NoLeak => "no leak",
        JudgementKind::Inconclusive => "undecided yet",
        JudgementKind::Retention => "retention",
    }
}

/// A sign for a judgement, which tells it without colour.
#[must_use]
pub fn judgement_sign(kind: JudgementKind) -> char {
    match kind {
        JudgementKind::Leak => '▲',
        JudgementKind::NoLeak => '●',
        JudgementKind::Inconclusive => '○',
        JudgementKind::Retention => '◆',
    }
}

/// What a run came to, in a word.
#[must_use]
pub fn outcome(outcome: Option<Outcome>) -> &'static str {
    outcome.map_or("no verdict", Outcome::as_str)
}

/// A letter for what a run came to, which tells it without colour.
#[must_use]
pub fn outcome_letter(outcome: Option<Outcome>) -> char {
    match outcome {
        Some(Outcome::Pass) => 'P',
        Some(Outcome::Warn) => 'W',
        Some(Outcome::Fail) => 'F',
        Some(Outcome::Block) => 'B',
        Some(Outcome::Inconclusive) => '?',
        None => '–',
    }
}

/// How far a run has come.
#[must_use]
pub fn phase(phase: LivePhase) -> &'static str {
    match phase {
        LivePhase::Starting => "starting",
        LivePhase::Before => "before the load",
        LivePhase::Loaded => "under load",
        LivePhase::After => "after the load",
        LivePhase::Ending => "ending",
    }
}

/// How a job stands.
#[must_use]
pub fn job_state(state: JobState) -> &'static str {
    match state {
        JobState::Queued => "waits",
        JobState::Running => "runs",
        JobState::Done => "done",
        JobState::Failed => "failed",
        JobState::Cancelled => "taken back",
    }
}

/// What a run is called: the watch that it belongs to, else its profile.
#[must_use]
pub fn run_name(run: &LiveRun) -> &str {
    run.watch.as_deref().unwrap_or(&run.profile)
}

/// What a series is called: its metric in backticks, and whose it is unless the target's.
#[must_use]
pub fn series_name(series: &LiveSeries) -> String {
    match &series.source {
        None => format!("`{}`", series.metric),
        Some(source) => format!("`{}` of `{source}`", series.metric),
    }
}

/// How grave a judgement is: what matters most is the largest.
fn weight(kind: JudgementKind) -> u8 {
    match kind {
        JudgementKind::Leak => 3,
        JudgementKind::Retention => 2,
        JudgementKind::Inconclusive => 1,
        JudgementKind::NoLeak => 0,
    }
}

/// The series that a run is shown by: the first of those whose judgement is gravest.
#[must_use]
pub fn main_series(run: &LiveRun) -> Option<&LiveSeries> {
    // The last of equals is the largest.
    run.series.iter().rev().max_by_key(|series| weight(series.judgement))
}

/// What is said of a run as a whole: the gravest judgement of its series; undecided while there is none.
#[must_use]
pub fn standing(run: &LiveRun) -> JudgementKind {
    main_series(run).map_or(JudgementKind::Inconclusive, |series| series.judgement)
}

/// The level of a series: `132 MiB`.
#[must_use]
pub fn level(series: &LiveSeries) -> String {
    amount(series.unit, series.level, None)
}

/// The growth of a series with its interval: `3.1 MiB/h (2.8 to 3.4, 95 %)`.
#[must_use]
pub fn rate(series: &LiveSeries) -> String {
    series
        .rate_per_hour
        .map_or_else(|| "not known yet".to_owned(), |rate| estimate(series.unit, &rate, Some(Per::Hour)))
}

/// The growth that is tolerated: `1 MiB/h`.
#[must_use]
pub fn tolerance(series: &LiveSeries) -> String {
    series
        .tolerance_per_hour
        .map_or_else(|| "not known yet".to_owned(), |rate| amount(series.unit, rate, Some(Per::Hour)))
}

/// When the limit of a series is reached at this rate: `5.2 h (4.7 h to 6.1 h)`.
#[must_use]
pub fn time_to_limit(series: &LiveSeries) -> Option<String> {
    series.time_to_limit_s.as_ref().map(span_estimate)
}

/// A series in one line: `` `rss_bytes` 132 MiB, grows 3.1 MiB/h (2.8 to 3.4, 95 %), tolerance 1 MiB/h ``.
#[must_use]
pub fn series_line(series: &LiveSeries) -> String {
    let grows = match series.rate_per_hour {
        Some(_) => format!("grows {}", rate(series)),
        None => "its growth is not known yet".to_owned(),
    };
    let limit = time_to_limit(series).map(|time| format!("; reaches its limit in {time}")).unwrap_or_default();
    format!("{} {}, {grows}, tolerance {}{limit}", series_name(series), level(series), tolerance(series))
}

/// Time between two moments as people say it: `in 3.2 h`, `5 min ago`, `now`.
#[must_use]
pub fn relative(now: Timestamp, then: Timestamp) -> String {
    let away_s = then.duration_since(now).as_secs_f64();
    match away_s {
        away_s if away_s.abs() < 1.0 => "now".to_owned(),
        away_s if away_s > 0.0 => format!("in {}", coarse_span(away_s)),
        away_s => format!("{} ago", coarse_span(-away_s)),
    }
}

/// A length of time as far as it matters for a person who waits: whole seconds and minutes.
fn coarse_span(seconds: f64) -> String {
    let rounded = if seconds < 3570.0 && seconds > 99.0 { (seconds / 60.0).round() * 60.0 } else { seconds.round() };
    span(rounded)
}

fn counted(count: usize, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}

/// All that goes on, in a sentence or two that change only when something does.
#[must_use]
pub fn status_sentence(status: &Status) -> String {
    let leaking = status.running.iter().filter(|run| standing(run) == JudgementKind::Leak).count();
    let grows = |series: &LiveSeries| {
        let low = series.rate_per_hour.as_ref().and_then(|rate| rate.low);
        low.zip(series.tolerance_per_hour).is_some_and(|(low, tolerance)| low > tolerance)
    };
    let growing = status.running.iter().filter(|run| run.series.iter().any(grows)).count();
    let running = match (status.running.len(), leaking) {
        (0, _) => "Nothing runs now".to_owned(),
        (1, 0) if growing > 0 => "1 run goes on and grows faster than tolerated, which is not decided yet".to_owned(),
        (1, 0) => "1 run goes on and shows no leak".to_owned(),
        (1, _) => "1 run goes on and shows a leak".to_owned(),
        (many, 0) if growing > 0 => format!(
            "{many} runs go on, {growing} of them {} faster than tolerated, which is not decided yet",
            if growing == 1 { "grows" } else { "grow" }
        ),
        (many, 0) => format!("{many} runs go on, none of them shows a leak"),
        (many, leaking) => format!("{many} runs go on, {leaking} of them {}", show(leaking)),
    };
    // No more than the first ones of a long queue are in the document.
    let queued = usize::try_from(status.daemon.queued_count).unwrap_or(usize::MAX);
    let waiting = match status.queue.len().max(queued) {
        0 => String::new(),
        count => format!("; {}", counted(count, "job waits", "jobs wait")),
    };
    let away = status.watches.iter().filter(|watch| watch.waiting.is_some()).count();
    let watches = match away {
        0 => String::new(),
        count => format!(". {} not watched now", counted(count, "target is", "targets are")),
    };
    let stopping = if status.daemon.is_stopping { ". The daemon is about to end" } else { "" };
    format!("{running}{waiting}{watches}{stopping}.")
}

fn show(count: usize) -> &'static str {
    if count == 1 { "shows a leak" } else { "show a leak" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn what_goes_on_is_told_in_a_sentence() {
        assert_eq!(status_sentence(&samples::idle()), "Nothing runs now.");
        assert_eq!(
            status_sentence(&samples::busy()),
            "3 runs go on, 1 of them shows a leak; 2 jobs wait. 1 target is not watched now."
        );
    }

    #[test]
    fn a_run_is_shown_by_what_is_gravest_and_the_first_of_equals() {
        let status = samples::busy();
        let [leaking, calm, watched] = status.running.as_slice() else { panic!("three runs") };
        assert_eq!(main_series(leaking).map(|series| series.metric.as_str()), Some("anon_swap_bytes"));
        assert_eq!(standing(leaking), JudgementKind::Leak);
        assert_eq!(main_series(calm).map(|series| series.metric.as_str()), Some("rss_bytes"));
        assert_eq!(standing(calm), JudgementKind::NoLeak);
        assert_eq!(standing(&LiveRun { series: Vec::new(), ..watched.clone() }), JudgementKind::Inconclusive);
    }

    #[test]
    fn a_series_is_told_in_a_line() {
        let status = samples::busy();
        assert_eq!(
            series_line(&status.running[0].series[1]),
            "`anon_swap_bytes` 132 MiB, grows 3.1 MiB/h (2.8 to 3.4, 95 %), tolerance 1 MiB/h; \
             reaches its limit in 5.2 h (4.7 h to 6.1 h)"
        );
        assert_eq!(
            series_line(&status.running[2].series[0]),
            "`rss_bytes` 48.2 MiB, its growth is not known yet, tolerance not known yet"
        );
    }

    #[test]
    fn moments_are_told_from_now() {
        let now = samples::now();
        let at = |s: i64| now.checked_add(jiff::SignedDuration::from_secs(s)).expect("a time");
        assert_eq!(relative(now, at(0)), "now");
        assert_eq!(relative(now, at(42)), "in 42 s");
        assert_eq!(relative(now, at(-130)), "2 min ago");
        assert_eq!(relative(now, at(3 * 3600 + 720)), "in 3.2 h");
    }
}
