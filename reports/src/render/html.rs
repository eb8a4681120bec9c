//! The verdict as one HTML file: everything is inside, nothing is fetched, and a strict content security policy says so.
//!
//! Each chart is there twice: as a drawing, for paper, for readers without scripts and for those who listen to the page,
//! and as data from which a script makes the chart that one can point at and zoom into. What comes from outside enters
//! as text through [`markup`], or as JSON in a block that no browser runs.

mod chart;

use sha2::{Digest, Sha256};

use super::markup::{markup, markup_code};
use super::svg::{items, ordered, style};
use super::table::Row;
use super::{RenderError, Renderer, Report};
use crate::advice::advice;
use crate::amount::{clock, percent, span};
use crate::next::next_steps;
use crate::outcome::Severity;
use crate::plot::{self, HEIGHT, WIDTH, scene::Scene};
use crate::sentence::{budget_line, could_have_seen, ended, ended_for, name, outlook, series_line};
use crate::series::{Role, SeriesVerdict};
use crate::verdict::{DecidedBy, Verdict};

/// A page for people, with charts.
#[derive(Debug, Clone, Copy)]
pub struct Html;

impl Renderer for Html {
    fn name(&self) -> &'static str {
        "html"
    }

    fn about(&self) -> &'static str {
        "a page with interactive charts, complete in one file"
    }

    fn file_name(&self) -> Option<&'static str> {
        Some("report.html")
    }

    fn render(&self, report: &Report<'_>) -> Result<Vec<u8>, RenderError> {
        let parts = parts(report)?;
        let body = format!("{}<main>\n{}</main>\n<footer>{}</footer>\n", parts.head, parts.main, parts.footer);
        let page = Shell { title: &parts.title, sheet: &parts.sheet, script: &parts.script, more: "", body: &body };
        Ok(page.html("").into_bytes())
    }
}

/// A page with all that it needs inside.
#[derive(Debug, Clone, Copy)]
pub struct Shell<'a> {
    /// Its title, as text.
    pub title: &'a str,
    /// Its style sheet.
    pub sheet: &'a str,
    /// What it runs; nothing else may.
    pub script: &'a str,
    /// Further elements of its head, as markup.
    pub more: &'a str,
    /// What is shown, as markup.
    pub body: &'a str,
}

impl Shell<'_> {
    /// What the page may do: be styled by its sheet and run its script, and what `more` allows besides
    /// (`; connect-src 'self'`).
    #[must_use]
    pub fn policy(&self, more: &str) -> String {
        format!(
            "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'{more}",
            digest(self.sheet),
            digest(self.script)
        )
    }

    /// The page, with its policy in its head.
    #[must_use]
    pub fn html(&self, more_policy: &str) -> String {
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n{}<style>{}</style>\n</head>\n<body>\n\
             {}<script>{}</script>\n</body>\n</html>\n",
            self.policy(more_policy),
            markup(self.title),
            self.more,
            self.sheet,
            self.body,
            self.script
        )
    }
}

/// What a report is made of, for a page that shows it among other things.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Title, as text.
    pub title: String,
    /// Style sheet.
    pub sheet: String,
    /// What makes its charts.
    pub script: String,
    /// The outcome and what decided it, as markup.
    pub head: String,
    /// All the rest, as markup.
    pub main: String,
    /// What made it, as markup.
    pub footer: String,
}

/// The parts of the page of a report.
///
/// # Errors
/// [`RenderError::NotFinite`] where the verdict or its samples hold a number that JSON does not have.
pub fn parts(report: &Report<'_>) -> Result<Parts, RenderError> {
    let verdict = report.verdict;
    Ok(Parts {
        title: format!("soakd: {} · {}", verdict.outcome, verdict.run.profile),
        sheet: format!("{CHART_SHEET}\n{}", sheet()),
        script: format!("{CHARTS}\n{SCRIPT}"),
        head: head(verdict),
        main: [next(verdict), meaning(verdict), charts(report)?, table(verdict), beside(verdict), facts(report)]
            .concat(),
        footer: format!(
            "soakd {} · charts: uPlot 1.6.32, MIT licence, © Leon Sorokin",
            markup(&verdict.run.soakd_version)
        ),
    })
}

/// The look of soakd's pages: colours of both modes, type, spacing, and the paints of charts.
#[must_use]
pub fn sheet() -> String {
    format!("{SHEET}\n{}", style())
}

const SHEET: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");
/// uPlot 1.6.32; its licence lies beside it.
const CHARTS: &str = include_str!("../../vendor/uplot-1.6.32.min.js");
const CHART_SHEET: &str = include_str!("../../vendor/uplot-1.6.32.min.css");

/// SHA-256 in base 64, as a content security policy names what may run.
fn digest(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::with_capacity(44);
    for three in Sha256::digest(text.as_bytes()).chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            encoded.push(if place <= three.len() { char::from(letter) } else { '=' });
        }
    }
    encoded
}

fn head(verdict: &Verdict) -> String {
    let run = &verdict.run;
    let severity = match verdict.severity {
        Severity::None => String::new(),
        severity => format!("<span class=\"severity\">severity {severity}</span>"),
    };
    let mut html = format!(
        "<header class=\"{0}\">\n<p class=\"outcome\"><strong>{0}</strong>{severity}<span class=\"code\">exit code {1}</span></p>\n\
         <h1>{2}</h1>\n",
        verdict.outcome,
        verdict.exit_code,
        markup(&run.profile)
    );
    for by in verdict.decided_by.iter().take(MOST_DECIDERS) {
        html.push_str(&decider(by, verdict));
    }
    let mut commit = run.commit.as_ref().map(|commit| format!(" · commit {}", markup(commit))).unwrap_or_default();
    commit.extend(run.branch.as_ref().map(|branch| format!(" · branch {}", markup(branch))));
    html.push_str(&format!(
        "<p class=\"run\">{} · {}{commit} · <time datetime=\"{}\">{}</time></p>\n</header>\n",
        markup(&run.id),
        markup(&ended(run)),
        run.start,
        run.start.strftime("%Y-%m-%d %H:%M UTC")
    ));
    html
}

/// Findings told in full; the table has them all.
const MOST_DECIDERS: usize = 3;

fn decider(by: &DecidedBy, verdict: &Verdict) -> String {
    let paragraph = |class: &str, text: &str| format!("<p class=\"{class}\">{}</p>\n", markup_code(text));
    match by {
        DecidedBy::Series { index, .. } => {
            let Some(series) = verdict.series.get(*index) else { return String::new() };
            let ahead = outlook(series).map(|ahead| format!("ahead: {ahead}"));
            let more: String =
                ahead.iter().chain(&could_have_seen(series)).map(|more| paragraph("more", more)).collect();
            paragraph("found", &series_line(series)) + &more
        }
        DecidedBy::Budget { index, .. } => {
            verdict.budgets.get(*index).map(|budget| paragraph("found", &budget_line(budget))).unwrap_or_default()
        }
        DecidedBy::RunEnded => paragraph("found", &ended_for(&verdict.run)),
        DecidedBy::NothingJudged => paragraph("found", "no series was judged"),
    }
}

fn next(verdict: &Verdict) -> String {
    let steps: String = next_steps(verdict).iter().map(|step| format!("<li>{}</li>\n", markup_code(step))).collect();
    format!("<section aria-labelledby=\"next\">\n<h2 id=\"next\">Next</h2>\n<ol>\n{steps}</ol>\n</section>\n")
}

fn meaning(verdict: &Verdict) -> String {
    let given = advice(verdict);
    if given.is_empty() {
        return String::new();
    }
    let one = |advice: &crate::advice::Advice| {
        let steps: String = advice.steps.iter().map(|step| format!("<li>{}</li>\n", markup_code(step))).collect();
        format!(
            "<article>\n<h3>{}</h3>\n<p class=\"because\">{}</p>\n<p>{}</p>\n<ul>\n{steps}</ul>\n</article>\n",
            markup_code(advice.title),
            markup_code(&advice.because),
            markup_code(advice.meaning)
        )
    };
    let all: String = given.iter().map(one).collect();
    format!(
        "<section aria-labelledby=\"meaning\">\n<h2 id=\"meaning\">What this means</h2>\n<div class=\"advice\">\n{all}</div>\n</section>\n"
    )
}

/// A section for each series: the drawing, the data for the script, the evidence.
fn charts(report: &Report<'_>) -> Result<String, RenderError> {
    let verdict = report.verdict;
    let mut html = String::from("<section aria-labelledby=\"charts\">\n<h2 id=\"charts\">Series</h2>\n");
    if verdict.series.is_empty() {
        html.push_str("<p>No series was judged.</p>\n");
    }
    for (place, series) in ordered(verdict).into_iter().enumerate() {
        let mut scene = Scene::new(WIDTH, HEIGHT);
        plot::draw(&mut scene, 0.0, series, verdict, report.recording);
        let role = if series.role == Role::Witness { " (a witness, which decides nothing)" } else { "" };
        html.push_str(&format!(
            "<figure id=\"s{place}\">\n<figcaption><h3>{}{role}</h3>\n<p>{}</p></figcaption>\n\
             <svg class=\"still\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n{}</svg>\n",
            markup_code(&name(series)),
            markup_code(&series_line(series)),
            markup(&series_line(series)),
            items(&scene)
        ));
        if let Some(data) = chart::data(series, report) {
            html.push_str(&format!("<script type=\"application/json\">{}</script>\n", chart::json(&data)?));
        }
        html.push_str(&evidence(series));
        html.push_str("</figure>\n");
    }
    html.push_str("</section>\n");
    Ok(html)
}

fn evidence(series: &SeriesVerdict) -> String {
    let sentences = &series.judgement.evidence;
    if sentences.is_empty() {
        return String::new();
    }
    let items: String = sentences.iter().map(|sentence| format!("<li>{}</li>\n", markup_code(sentence))).collect();
    format!("<details><summary>Evidence</summary>\n<ul>\n{items}</ul>\n</details>\n")
}

fn table(verdict: &Verdict) -> String {
    if verdict.series.is_empty() {
        return String::new();
    }
    let row = |series: &SeriesVerdict| {
        let [name, judgement, growth, tolerance] = Row::of(series, &str::to_owned).cells;
        format!(
            "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            markup(&name),
            markup(&judgement),
            markup(&growth),
            markup(&tolerance)
        )
    };
    let rows: String = verdict.series.iter().map(row).collect();
    format!(
        "<section aria-labelledby=\"all\">\n<h2 id=\"all\">All at a glance</h2>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"all\"><table>\n\
         <thead><tr><th scope=\"col\">series</th><th scope=\"col\">judgement</th><th scope=\"col\">growth</th><th scope=\"col\">tolerance</th></tr></thead>\n\
         <tbody>\n{rows}</tbody></table></div>\n</section>\n"
    )
}

/// Budgets, who grew, warnings, what happened.
fn beside(verdict: &Verdict) -> String {
    let list = |title: &str, lines: Vec<String>| {
        if lines.is_empty() {
            return String::new();
        }
        let lines: String = lines.iter().map(|line| format!("<li>{}</li>\n", markup_code(line))).collect();
        format!("<section>\n<h2>{title}</h2>\n<ul>\n{lines}</ul>\n</section>\n")
    };
    let warnings = verdict.warnings.iter().map(|warning| match &warning.hint {
        Some(hint) => format!("{} ({hint})", warning.text),
        None => warning.text.clone(),
    });
    let who = verdict.attribution.iter().map(|part| format!("{} `{}`", percent(part.share), part.what));
    let gaps = verdict
        .samples
        .gaps
        .iter()
        .map(|gap| format!("no data from {} to {}: {}", clock(gap.from_s), clock(gap.to_s), gap.why));
    let events = verdict.events.iter().map(|event| format!("{} {}: {}", clock(event.t_s), event.kind, event.text));
    [
        list("Budgets", verdict.budgets.iter().map(budget_line).collect()),
        list("Who grew", who.collect()),
        list("Warnings", warnings.collect()),
        list("What happened", gaps.chain(events).collect()),
    ]
    .concat()
}

fn facts(report: &Report<'_>) -> String {
    let verdict = report.verdict;
    let run = &verdict.run;
    let target = match (&run.attached, run.command.as_slice()) {
        (Some(attached), _) => Some(format!("attached to {attached}")),
        (None, []) => None,
        (None, command) => Some(command.join(" ")),
    };
    let host = [&run.host.name, &run.host.os, &run.host.kernel, &run.host.arch];
    let host: Vec<&str> = host.into_iter().flatten().map(String::as_str).collect();
    let samples = &verdict.samples;
    let load = verdict.load.as_ref().map(|load| {
        let operations = load.operations.map(|operations| format!(", {operations} operations")).unwrap_or_default();
        format!("{}{operations}", load.driver)
    });
    let rows = [
        ("run", Some(run.id.clone())),
        ("target", target),
        ("scenario", run.scenario.clone()),
        ("stage", run.stage.clone()),
        ("environment", run.environment.clone()),
        ("load", load),
        ("host", Some(host.join(" · "))),
        ("samples", Some(format!("{}, one every {}", samples.count, span(samples.interval_s)))),
        ("kept in", samples.file.clone()),
    ];
    let rows: String = rows
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| format!("<dt>{name}</dt><dd>{}</dd>\n", markup(&value))))
        .collect();
    format!("<section aria-labelledby=\"run\">\n<h2 id=\"run\">The run</h2>\n<dl>\n{rows}</dl>\n</section>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_that_browsers_compute() {
        // The example of the CSP specification.
        assert_eq!(digest("alert('Hello, world.');"), "qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=");
    }
}
