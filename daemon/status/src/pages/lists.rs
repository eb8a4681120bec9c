//! The queue and the schedule.

use soakd_reports::render::markup::markup;

use super::parts::{badge, progress, run_link, section};
use super::{Content, Pace, Page, Place, View, tables};
use crate::status::{Job, LiveRun, Status};
use crate::words;

/// What runs, waits and has ended: `/queue`. `ended` are the jobs that ended last, newest first.
#[must_use]
pub fn queue(view: &View, status: &Status, ended: &[Job]) -> Page {
    let waiting = match status.queue.as_slice() {
        [] => "<p class=\"empty\">Nothing waits.</p>\n".to_owned(),
        jobs => tables::waiting(view, jobs),
    };
    let held = status.daemon.held_back.iter();
    let held: String =
        held.map(|why| format!("<p class=\"held\">Nothing is started now: {}</p>\n", markup(why))).collect();
    let main = [
        "<h1>Queue</h1>\n".to_owned(),
        running(status),
        section("waiting", "Waiting", &(held + &waiting)),
        match ended {
            [] => String::new(),
            jobs => section("ended", "Ended", &tables::ended(view, jobs)),
        },
    ];
    Content::new("Queue", Place::Queue, Pace::Live, main.concat()).page(view)
}

fn running(status: &Status) -> String {
    let row = |run: &LiveRun| {
        format!(
            "<li><span class=\"name\">{}</span> {}{}</li>\n",
            run_link(&run.id, words::run_name(run)),
            badge(words::standing(run)),
            progress(run)
        )
    };
    let rows: String = status.running.iter().filter(|run| run.watch.is_none()).map(row).collect();
    let slots = format!(
        "<p class=\"about\">{} of {} slots are taken.</p>\n",
        status.daemon.slots_taken_count, status.daemon.slots_count
    );
    let rows = if rows.is_empty() { rows } else { format!("<ul class=\"going\">\n{rows}</ul>\n") };
    section("running", "Running", &(slots + &rows))
}

/// What comes when: `/schedule`.
#[must_use]
pub fn schedule(view: &View, status: &Status) -> Page {
    let entries = match status.schedule.as_slice() {
        [] => "<p class=\"empty\">The configuration has no schedule.</p>\n".to_owned(),
        entries => tables::planned(view, entries),
    };
    let main = format!("<h1>Schedule</h1>\n{entries}");
    Content::new("Schedule", Place::Schedule, Pace::Live, main).page(view)
}
