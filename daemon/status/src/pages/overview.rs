//! All that goes on, at a glance.

use soakd_reports::amount::{amount, span};
use soakd_reports::render::markup::markup;

use super::parts::{
    CHART_LEGEND, badge, chart, code, figures, listed, moment_and_away, profile_link, progress, run_link, section,
    strip, strip_legend,
};
use super::{Content, Pace, Page, Place, View, tables};
use crate::past::{DrawnRun, Nights};
use crate::status::{DaemonStatus, LiveRun, LiveSeries, Planned, Status};
use crate::words;

/// What the overview shows.
#[derive(Debug, Clone, Copy)]
pub struct Overview<'a> {
    /// All that goes on.
    pub status: &'a Status,
    /// What was sampled of the main series of runs that go on.
    pub drawn: &'a [DrawnRun],
    /// The last runs of each profile.
    pub nights: &'a [Nights],
}

/// Jobs and entries of the schedule that the overview names; their pages have them all.
const MOST_LISTED: usize = 5;

/// The overview: `/`.
#[must_use]
pub fn overview(view: &View, shown: &Overview<'_>) -> Page {
    let status = shown.status;
    let main = [
        format!("<h1 id=\"sentence\" aria-live=\"polite\">{}</h1>\n", markup(&words::status_sentence(status))),
        remarks(&status.daemon),
        running(view, shown),
        watches(view, status),
        nights(view, shown.nights),
        queue(view, status),
        planned(view, &status.schedule),
        health(view, &status.daemon),
    ];
    Content::new("Overview", Place::Overview, Pace::Live, main.concat()).page(view)
}

fn remarks(daemon: &DaemonStatus) -> String {
    let held = daemon.held_back.iter().map(|why| format!("Nothing is started now: {why}"));
    let lines: Vec<String> = held.chain(daemon.remarks.iter().cloned()).collect();
    listed("remarks", "To be known", "remarks", &lines)
}

fn running(view: &View, shown: &Overview<'_>) -> String {
    let status = shown.status;
    if status.running.is_empty() {
        let next = status.schedule.iter().find_map(|entry| entry.next.map(|next| (entry, next)));
        let next = next.map_or_else(
            || "Submit a soak with <code>soakd ctl submit</code>.".to_owned(),
            |(entry, next)| format!("Next by the schedule: {}, {}.", markup(&entry.name), moment_and_away(view, next)),
        );
        return section("running", "Running", &format!("<p class=\"empty\">Nothing runs now. {next}</p>\n"));
    }
    let cards: String = status
        .running
        .iter()
        .map(|run| card(view, run, shown.drawn.iter().find(|drawn| drawn.run == run.id)))
        .collect();
    section("running", "Running", &format!("<div class=\"soaks\">\n{cards}</div>\n{CHART_LEGEND}"))
}

fn card(view: &View, run: &LiveRun, drawn: Option<&DrawnRun>) -> String {
    let main = words::main_series(run);
    let others = run.series.iter().filter(|series| main.is_none_or(|main| !std::ptr::eq(main, *series)));
    let others: String = others.map(other).collect();
    let others = if others.is_empty() {
        others
    } else {
        format!("<ul class=\"others\" aria-label=\"Other series\">{others}</ul>\n")
    };
    let (drawing, facts) = match main {
        Some(series) => {
            (format!("<h4>{}</h4>\n{}", code(&words::series_name(series)), chart(series, drawn)), figures(series))
        }
        None => ("<p class=\"empty\">No series is judged yet.</p>\n".to_owned(), String::new()),
    };
    let warnings = match run.warnings.len() {
        0 => String::new(),
        1 => " · 1 warning".to_owned(),
        count => format!(" · {count} warnings"),
    };
    format!(
        "<article class=\"soak\">\n<div class=\"top\"><h3>{}</h3>{}</div>\n\
         <p class=\"about\">{} · {}{warnings} · started {}</p>\n\
         <div class=\"drawing\">{drawing}</div>\n<div class=\"facts\">{}{facts}{others}</div>\n</article>\n",
        run_link(&run.id, words::run_name(run)),
        badge(words::standing(run)),
        markup(&run.target),
        words::phase(run.phase),
        moment_and_away(view, run.started),
        progress(run)
    )
}

fn other(series: &LiveSeries) -> String {
    let growth = words::rate(series);
    let growth = growth.split_once(" (").map_or(growth.as_str(), |(value, _)| value);
    let growth = if series.rate_per_hour.is_some() { format!(", {}", markup(growth)) } else { String::new() };
    format!(
        "<li>{} <span>{}</span> <span class=\"value\">{}{growth}</span></li>\n",
        badge(series.judgement),
        code(&words::series_name(series)),
        markup(&words::level(series))
    )
}

fn watches(view: &View, status: &Status) -> String {
    if status.watches.is_empty() {
        return String::new();
    }
    section("watches", "Watches", &tables::watches(view, &status.watches))
}

fn nights(view: &View, nights: &[Nights]) -> String {
    if nights.is_empty() {
        return section("nights", "Last runs", "<p class=\"empty\">No run has ended yet.</p>\n");
    }
    let row = |nights: &Nights| {
        format!("<div class=\"night\"><h3>{}</h3>{}</div>\n", profile_link(&nights.profile), strip(view, nights))
    };
    let rows: String = nights.iter().map(row).collect();
    section("nights", "Last runs", &format!("<div class=\"nights\">\n{rows}</div>\n{}", strip_legend()))
}

fn queue(view: &View, status: &Status) -> String {
    if status.queue.is_empty() {
        return section("queue", "Queue", "<p class=\"empty\">Nothing waits.</p>\n");
    }
    let shown = status.queue.get(..MOST_LISTED).unwrap_or(&status.queue);
    section("queue", "Queue", &(tables::waiting(view, shown) + &more("/queue", status.queue.len())))
}

fn planned(view: &View, schedule: &[Planned]) -> String {
    if schedule.is_empty() {
        return String::new();
    }
    let shown = schedule.get(..MOST_LISTED).unwrap_or(schedule);
    section("schedule", "Schedule", &(tables::planned(view, shown) + &more("/schedule", schedule.len())))
}

fn more(path: &str, count: usize) -> String {
    if count > MOST_LISTED { format!("<p><a href=\"{path}\">All {count}</a></p>\n") } else { String::new() }
}

/// How the daemon itself is.
fn health(view: &View, daemon: &DaemonStatus) -> String {
    let bytes = |bytes: u64| amount(soakd_analysis::Quantity::Bytes, bytes as f64, None);
    let facts = [
        ("Slots", Some(format!("{} of {} taken", daemon.slots_taken_count, daemon.slots_count))),
        ("Ticks", Some(format!("{}, {} missed", daemon.ticks_count, daemon.missed_ticks_count))),
        ("Memory", daemon.rss_bytes.map(bytes)),
        ("Processor", daemon.cpu_s.map(|cpu_s| format!("{} in all", span(cpu_s)))),
        ("Open files", daemon.open_files_count.map(|count| count.to_string())),
        ("Store", daemon.store_bytes.map(bytes)),
        ("State", Some(daemon.state.clone())),
        ("Configuration", daemon.config.clone()),
    ];
    let facts: String = facts
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| format!("<div><dt>{name}</dt><dd>{}</dd></div>", markup(&value))))
        .collect();
    let started = moment_and_away(view, daemon.started);
    let facts = format!("<dl class=\"health\"><div><dt>Started</dt><dd>{started}</dd></div>{facts}</dl>\n");
    section("health", "The daemon", &facts)
}
