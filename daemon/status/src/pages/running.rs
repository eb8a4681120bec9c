//! A run that goes on.

use soakd_reports::amount::clock;
use soakd_reports::render::markup::markup;

use super::parts::{
    CHART_LEGEND, badge, chart, code, figures, listed, moment_and_away, profile_link, progress, section,
};
use super::{Content, Pace, Page, Place, View};
use crate::past::{DrawnRun, Happened};
use crate::status::{LiveRun, LiveSeries};
use crate::words;

/// What the page of a run that goes on shows.
#[derive(Debug, Clone, Copy)]
pub struct Running<'a> {
    /// The run.
    pub run: &'a LiveRun,
    /// What was sampled of its series.
    pub drawn: &'a DrawnRun,
    /// Its budgets, in sentences.
    pub budgets: &'a [String],
    /// What happened so far, in order of time.
    pub events: &'a [Happened],
}

/// A run that goes on: `/runs/{id}`.
#[must_use]
pub fn running(view: &View, shown: &Running<'_>) -> Page {
    let run = shown.run;
    let events: Vec<String> =
        shown.events.iter().rev().map(|event| format!("{} {}: {}", clock(event.t_s), event.kind, event.text)).collect();
    let main = [
        head(view, run),
        series(shown),
        listed("budgets", "Budgets", "budgets", shown.budgets),
        listed("warnings", "Warnings", "remarks", &run.warnings),
        listed("events", "What happened, newest first", "events", &events),
        facts(view, run),
    ];
    Content::new(words::run_name(run), Place::Elsewhere, Pace::Live, main.concat()).page(view)
}

fn head(view: &View, run: &LiveRun) -> String {
    let found = words::main_series(run).map_or_else(
        || "No series is judged yet.".to_owned(),
        |series| format!("{}: {}", words::judgement(series.judgement), words::series_line(series)),
    );
    format!(
        "<div class=\"top\"><h1>{}</h1>{}</div>\n<p class=\"about\">{} · {} · started {}</p>\n\
         <p class=\"found\" id=\"sentence\" aria-live=\"off\">{}</p>\n{}",
        markup(words::run_name(run)),
        badge(words::standing(run)),
        markup(&run.target),
        words::phase(run.phase),
        moment_and_away(view, run.started),
        code(&found),
        progress(run)
    )
}

fn series(shown: &Running<'_>) -> String {
    if shown.run.series.is_empty() {
        return section("series", "Series", "<p class=\"empty\">No series is judged yet.</p>\n");
    }
    let cards: String = shown.run.series.iter().map(|series| card(series, shown.drawn)).collect();
    section("series", "Series", &format!("<div class=\"series\">\n{cards}</div>\n{CHART_LEGEND}"))
}

fn card(series: &LiveSeries, drawn: &DrawnRun) -> String {
    let model = series.model.as_deref();
    let model = model.map(|model| format!("<p class=\"about\">model <code>{}</code></p>\n", markup(model)));
    format!(
        "<article class=\"one\">\n<div class=\"top\"><h3>{}</h3>{}</div>\n{}{}{}</article>\n",
        code(&words::series_name(series)),
        badge(series.judgement),
        chart(series, Some(drawn)),
        figures(series),
        model.unwrap_or_default()
    )
}

fn facts(view: &View, run: &LiveRun) -> String {
    let rows = [
        ("Run", Some(markup(&run.id))),
        ("Profile", Some(profile_link(&run.profile))),
        ("Watch", run.watch.as_deref().map(markup)),
        ("Job", run.job.map(|job| job.to_string())),
        ("Target", Some(markup(&run.target))),
        ("Process", run.pid.map(|pid| pid.to_string())),
        ("Started", Some(moment_and_away(view, run.started))),
        ("Samples", Some(run.samples_count.to_string())),
    ];
    let rows: String = rows
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| format!("<dt>{name}</dt><dd>{value}</dd>\n")))
        .collect();
    section("run", "The run", &format!("<dl>\n{rows}</dl>\n"))
}
