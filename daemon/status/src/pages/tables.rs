//! Tables of jobs, of the schedule, of watches and of runs.

use soakd_reports::amount::span;
use soakd_reports::render::markup::markup;

use super::View;
use super::parts::{badge, code, moment, moment_and_away, outcome_badge, profile_link, run_link};
use crate::past::PastRun;
use crate::status::{Job, JobState, Planned, WatchStatus};
use crate::words;

/// A table that scrolls by itself where it is too wide.
fn table(caption: &str, columns: &[&str], rows: &str) -> String {
    let head: String = columns.iter().map(|name| format!("<th scope=\"col\">{name}</th>")).collect();
    format!(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table>\n<caption>{0}</caption>\n\
         <thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n",
        markup(caption)
    )
}

/// Jobs that wait, in their order.
pub(super) fn waiting(view: &View, jobs: &[Job]) -> String {
    let row = |job: &Job| {
        let mut notes = Vec::new();
        if let Some(not_before) = job.not_before {
            notes.push(format!("not before {}", moment_and_away(view, not_before)));
        }
        if job.submission.exclusive {
            notes.push("runs alone".to_owned());
        }
        if job.attempts_count > 0 {
            notes.push(format!("tried {} so far", times(job.attempts_count)));
        }
        notes.extend(job.message.as_ref().map(|message| code(message)));
        format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td class=\"number\">{}</td><td>{}</td><td class=\"text\">{}</td></tr>\n",
            job.id,
            markup(&job.name),
            job.submission.profile.as_deref().map(profile_link).unwrap_or_default(),
            job.submission.priority,
            moment_and_away(view, job.queued),
            notes.join("; ")
        )
    };
    let rows: String = jobs.iter().map(row).collect();
    table("Jobs that wait, next first", &["job", "name", "profile", "priority", "queued", "notes"], &rows)
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

/// Jobs that have ended, newest first.
pub(super) fn ended(view: &View, jobs: &[Job]) -> String {
    let row = |job: &Job| {
        let state = match (job.state, job.outcome) {
            (JobState::Done, outcome) => outcome_badge(outcome),
            (state, _) => markup(words::job_state(state)),
        };
        format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{state}</td><td>{}</td><td>{}</td><td class=\"text\">{}</td></tr>\n",
            job.id,
            markup(&job.name),
            job.ended.map(|ended| moment_and_away(view, ended)).unwrap_or_default(),
            job.run.as_deref().map(|run| run_link(run, "run")).unwrap_or_default(),
            job.message.as_deref().map(code).unwrap_or_default()
        )
    };
    let rows: String = jobs.iter().map(row).collect();
    table("Jobs that have ended, newest first", &["job", "name", "came to", "ended", "run", "in words"], &rows)
}

/// Entries of the schedule.
pub(super) fn planned(view: &View, schedule: &[Planned]) -> String {
    let row = |entry: &Planned| {
        let next = match (entry.is_enabled, entry.next) {
            (false, _) => "switched off".to_owned(),
            (true, Some(next)) => moment_and_away(view, next),
            (true, None) => "never again".to_owned(),
        };
        format!(
            "<tr><th scope=\"row\">{}</th><td>{next}</td><td><code>{}</code></td><td>{}</td><td>{}</td></tr>\n",
            markup(&entry.name),
            markup(&entry.when),
            markup(&entry.time_zone),
            entry.submission.profile.as_deref().map(profile_link).unwrap_or_default()
        )
    };
    let rows: String = schedule.iter().map(row).collect();
    table("The schedule, soonest first", &["entry", "next", "when", "time zone", "profile"], &rows)
}

/// Targets that are watched.
pub(super) fn watches(view: &View, watches: &[WatchStatus]) -> String {
    let row = |watch: &WatchStatus| {
        let name = watch.run.as_deref().map_or_else(|| markup(&watch.name), |run| run_link(run, &watch.name));
        let stands = match (&watch.waiting, watch.judgement) {
            (_, Some(judgement)) => badge(judgement),
            (Some(_), None) => {
                "<span class=\"badge none\"><span aria-hidden=\"true\">–</span> not watched</span>".to_owned()
            }
            (None, None) => badge(soakd_analysis::JudgementKind::Inconclusive),
        };
        let words: Vec<String> = watch.waiting.iter().chain(&watch.summary).map(|text| code(text)).collect();
        format!(
            "<tr><th scope=\"row\">{name}</th><td>{stands}</td><td>{}</td><td>{}</td><td class=\"text\">{}</td></tr>\n",
            watch.since.map(|since| moment(view, since)).unwrap_or_default(),
            markup(&watch.target),
            words.join("; ")
        )
    };
    let rows: String = watches.iter().map(row).collect();
    table("Targets that are watched without end", &["watch", "stands", "since", "target", "in words"], &rows)
}

/// Runs of the past, newest first.
pub(super) fn runs(view: &View, runs: &[PastRun]) -> String {
    let row = |run: &PastRun| {
        let commit: String = run.commit.iter().flat_map(|commit| commit.chars().take(7)).collect();
        let commit = if commit.is_empty() { commit } else { format!("<code>{}</code>", markup(&commit)) };
        format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{commit}</td><td class=\"text\">{}</td></tr>\n",
            run_link(&run.id, &run.id),
            moment(view, run.started),
            outcome_badge(run.outcome),
            run.duration_s.map(|duration_s| markup(&span(duration_s))).unwrap_or_default(),
            run.summary.as_deref().map(code).unwrap_or_default()
        )
    };
    let rows: String = runs.iter().rev().map(row).collect();
    table("Its runs, newest first", &["run", "started", "outcome", "length", "commit", "in words"], &rows)
}
