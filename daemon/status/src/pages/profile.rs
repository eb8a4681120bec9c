//! The runs of a profile and their trends.

use soakd_reports::render::markup::markup;
use soakd_reports::{TrendChart, trend_figure};

use super::parts::{code, listed, section, strip, strip_legend};
use super::{Content, Pace, Page, Place, View, tables};
use crate::past::{MOST_NIGHTS, ProfileHistory};

/// What is known of a profile by its runs: `/profiles/{name}`.
#[must_use]
pub fn profile(view: &View, history: &ProfileHistory) -> Page {
    let nights = &history.nights;
    let description = match history.description.as_str() {
        "" => String::new(),
        text => format!("<p class=\"found\">{}</p>\n", code(text)),
    };
    let outcomes = match nights.runs.len() {
        0 => "<p class=\"empty\">No run of it has ended yet.</p>\n".to_owned(),
        _ => strip(view, nights) + &strip_legend(),
    };
    let from = nights.runs.len().saturating_sub(MOST_NIGHTS);
    let runs = match nights.runs.get(from..) {
        None | Some([]) => String::new(),
        Some(runs) => section("runs", "Runs", &tables::runs(view, runs)),
    };
    let main = [
        format!("<h1>{}</h1>\n{description}", markup(&nights.profile)),
        section("nights", "Last runs", &outcomes),
        listed("changes", "What changed", "changes", &history.changes),
        trends(&history.trends),
        runs,
    ];
    Content::new(&nights.profile, Place::Elsewhere, Pace::Still, main.concat()).page(view)
}

fn trends(charts: &[TrendChart]) -> String {
    if charts.is_empty() {
        return String::new();
    }
    let card = |chart: &TrendChart| {
        format!(
            "<figure>\n<figcaption><h3>{}</h3>\n<p>{}</p></figcaption>\n{}</figure>\n",
            markup(&chart.title),
            markup(&chart.about),
            trend_figure(chart)
        )
    };
    let cards: String = charts.iter().map(card).collect();
    section("trends", "Trends", &format!("<div class=\"series\">\n{cards}</div>\n"))
}
