//! Small parts of pages: badges, moments, strips, charts.

use std::fmt::Write;

use jiff::Timestamp;
use soakd_analysis::JudgementKind;
use soakd_reports::amount::span;
use soakd_reports::render::markup::markup;
pub(super) use soakd_reports::render::markup::markup_code as code;
use soakd_reports::{LiveChart, Outcome, live_svg};

use super::View;
use crate::past::{DrawnRun, MOST_NIGHTS, Nights, PastRun};
use crate::status::{LiveRun, LiveSeries};
use crate::words;

/// A name as a part of a path.
pub(super) fn segment(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => path.push(char::from(byte)),
            // A dot alone would be another folder.
            b'.' if name.bytes().any(|other| other != b'.') => path.push('.'),
            byte => {
                // Writing to a string cannot fail.
                let _ = write!(path, "%{byte:02X}");
            }
        }
    }
    path
}

/// A link to a run.
pub(super) fn run_link(id: &str, text: &str) -> String {
    format!("<a href=\"/runs/{}\">{}</a>", segment(id), markup(text))
}

/// A link to a profile.
pub(super) fn profile_link(name: &str) -> String {
    format!("<a href=\"/profiles/{}\">{}</a>", segment(name), markup(name))
}

/// The word of a judgement with its sign and colour.
pub(super) fn badge(kind: JudgementKind) -> String {
    let class = match kind {
        JudgementKind::Leak => "fail",
        JudgementKind::NoLeak => "pass",
        JudgementKind::Inconclusive => "open",
        JudgementKind::Retention => "warn",
    };
    let (sign, word) = (words::judgement_sign(kind), words::judgement(kind));
    format!("<span class=\"badge {class}\"><span aria-hidden=\"true\">{sign}</span> {word}</span>")
}

/// The word of an outcome with its letter and colour.
pub(super) fn outcome_badge(outcome: Option<Outcome>) -> String {
    let (letter, word) = (words::outcome_letter(outcome), words::outcome(outcome));
    format!("<span class=\"badge {}\"><span aria-hidden=\"true\">{letter}</span> {word}</span>", class_of(outcome))
}

fn class_of(outcome: Option<Outcome>) -> &'static str {
    outcome.map_or("none", Outcome::as_str)
}

/// A moment in the zone of the view: `Thu 26 Nov, 13:00 CET`.
pub(super) fn moment(view: &View, at: Timestamp) -> String {
    let zoned = at.to_zoned(view.zone.clone());
    format!("<time datetime=\"{at}\">{}</time>", markup(&zoned.strftime("%a %-d %b, %H:%M %Z").to_string()))
}

/// A moment, and how far it is away.
pub(super) fn moment_and_away(view: &View, at: Timestamp) -> String {
    format!("{}, <span class=\"away\">{}</span>", moment(view, at), words::relative(view.now, at))
}

/// The day of a moment: `2026-11-26`.
pub(super) fn day(view: &View, at: Timestamp) -> String {
    at.to_zoned(view.zone.clone()).strftime("%Y-%m-%d").to_string()
}

/// The outcomes of the last runs of a profile, oldest first.
pub(super) fn strip(view: &View, nights: &Nights) -> String {
    let from = nights.runs.len().saturating_sub(MOST_NIGHTS);
    let square = |run: &PastRun| {
        let about = format!("{}: {}", day(view, run.started), words::outcome(run.outcome));
        let title = match &run.summary {
            Some(summary) => format!("{about}. {}", summary.replace('`', "")),
            None => about.clone(),
        };
        format!(
            "<li><a class=\"square {}\" href=\"/runs/{}\" aria-label=\"{}\" title=\"{}\">{}</a></li>",
            class_of(run.outcome),
            segment(&run.id),
            markup(&about),
            markup(&title),
            words::outcome_letter(run.outcome)
        )
    };
    let squares: String = nights.runs.get(from..).unwrap_or_default().iter().map(square).collect();
    format!("<ol class=\"strip\" aria-label=\"Runs of {}, oldest first\">{squares}</ol>\n", markup(&nights.profile))
}

/// What the letters of a strip mean.
pub(super) fn strip_legend() -> String {
    let all = Outcome::ALL.into_iter().map(Some).chain([None]);
    let entry = |outcome: Option<Outcome>| {
        format!(
            "<li><span class=\"square {}\" aria-hidden=\"true\">{}</span> {}</li>",
            class_of(outcome),
            words::outcome_letter(outcome),
            words::outcome(outcome)
        )
    };
    format!("<ul class=\"legend\" aria-label=\"Letters\">{}</ul>\n", all.map(entry).collect::<String>())
}

/// What the lines of a live chart mean.
pub(super) const CHART_LEGEND: &str = "<ul class=\"legend\" aria-label=\"Lines of the charts\">\
    <li><svg viewBox=\"0 0 20 10\" aria-hidden=\"true\"><polyline class=\"s-series\" stroke-width=\"2\" points=\"0,5 20,5\"/></svg> sampled</li>\
    <li><svg viewBox=\"0 0 20 10\" aria-hidden=\"true\"><polyline class=\"s-model\" stroke-width=\"2\" stroke-dasharray=\"2 3\" points=\"0,5 20,5\"/></svg> where it leads</li>\
    <li><svg viewBox=\"0 0 20 10\" aria-hidden=\"true\"><polygon class=\"f-band\" points=\"0,0 20,0 20,10 0,10\"/></svg> interval of the growth</li>\
    <li><svg viewBox=\"0 0 20 10\" aria-hidden=\"true\"><polyline class=\"s-tolerance\" stroke-width=\"2\" stroke-dasharray=\"6 4\" points=\"0,5 20,5\"/></svg> tolerated growth</li></ul>\n";

/// The chart of a series; a note where nothing of it is at hand.
pub(super) fn chart(series: &LiveSeries, drawn: Option<&DrawnRun>) -> String {
    let of = drawn.and_then(|drawn| drawn.of(&series.metric, series.source.as_deref()));
    let points = of.map(|of| of.points.triples()).unwrap_or_default();
    let about = words::series_line(series).replace('`', "");
    live_svg(&LiveChart {
        about: &about,
        unit: series.unit,
        points: &points,
        rate_per_hour: series.rate_per_hour,
        tolerance_per_hour: series.tolerance_per_hour,
        gaps: drawn.map(|drawn| drawn.gaps.as_slice()).unwrap_or_default(),
    })
}

/// Level, growth, tolerance and limit of a series, as terms and values.
pub(super) fn figures(series: &LiveSeries) -> String {
    let limit = words::time_to_limit(series).map(|time| figure("Limit in", &time)).unwrap_or_default();
    format!(
        "<dl class=\"figures\">{}{}{}{limit}</dl>\n",
        figure("Level", &words::level(series)),
        figure("Growth", &words::rate(series)),
        figure("Tolerated", &words::tolerance(series))
    )
}

/// One of them: what stands in parentheses is set below the value, small.
fn figure(term: &str, text: &str) -> String {
    let (value, rest) = text.split_once(" (").map_or((text, None), |(value, rest)| (value, Some(rest)));
    let rest = rest.map(|rest| format!(" <small>({}</small>", markup(rest))).unwrap_or_default();
    format!("<div><dt>{term}</dt><dd>{}{rest}</dd></div>", markup(value))
}

/// How far a run has come, as a bar and in words.
pub(super) fn progress(run: &LiveRun) -> String {
    let planned_s = run.planned_s.max(0.0);
    let share = if planned_s > 0.0 { (run.t_s / planned_s).clamp(0.0, 1.0) } else { 0.0 };
    let words = format!("{} of {}", span(run.t_s.max(0.0).round()), span(planned_s));
    format!(
        "<p class=\"progress\"><progress max=\"100\" value=\"{:.0}\" aria-label=\"Progress\"></progress> <span>{}</span></p>\n",
        100.0 * share,
        markup(&words)
    )
}

/// A section with a heading.
pub(super) fn section(id: &str, title: &str, content: &str) -> String {
    format!("<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}</h2>\n{content}</section>\n")
}

/// Sentences as a list; nothing where there are none.
pub(super) fn listed(id: &str, title: &str, class: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let items: String = lines.iter().map(|line| format!("<li>{}</li>\n", code(line))).collect();
    section(id, title, &format!("<ul class=\"{class}\">\n{items}</ul>\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_one_part_of_a_path() {
        assert_eq!(segment("nightly-1.5_a~"), "nightly-1.5_a~");
        assert_eq!(segment("../a b?#%\"ä"), "..%2Fa%20b%3F%23%25%22%C3%A4");
        assert_eq!(segment(".."), "%2E%2E");
    }
}
