//! The body of an issue about a run that did not pass: what a person needs who was not there.

use super::markdown::{advised, code, found, prose, row_of, series};
use super::{RenderError, Renderer, Report};
use crate::amount::{clock, option_span, span};
use crate::next::next_steps;
use crate::outcome::Outcome;
use crate::sentence::ended;
use crate::verdict::Verdict;

/// The verdict as an issue.
#[derive(Debug, Clone, Copy)]
pub struct Issue;

impl Renderer for Issue {
    fn name(&self) -> &'static str {
        "issue"
    }

    fn about(&self) -> &'static str {
        "the body of an issue about a failed nightly run, in Markdown"
    }

    fn file_name(&self) -> Option<&'static str> {
        None
    }

    fn render(&self, report: &Report<'_>) -> Result<Vec<u8>, RenderError> {
        let verdict = report.verdict;
        let run = &verdict.run;
        let what = match verdict.outcome {
            Outcome::Pass => "passed",
            Outcome::Warn => "passed with a warning",
            Outcome::Fail => "failed",
            Outcome::Block => "failed and blocks",
            Outcome::Inconclusive => "could not decide",
        };
        let mut text = format!("The soak of {} {what}: {}.\n\n", code(&run.profile), prose(&ended(run)));
        text.push_str("### What was found\n\n");
        text.push_str(&found(verdict));
        let evidence: Vec<&String> = deciding_evidence(verdict);
        for sentence in &evidence {
            text.push_str(&format!("- {}\n", prose(sentence)));
        }
        if !evidence.is_empty() {
            text.push('\n');
        }
        for part in &verdict.attribution {
            text.push_str(&format!(
                "- {} has {} of the growth\n",
                code(&part.what),
                crate::amount::percent(part.share)
            ));
        }
        if !verdict.attribution.is_empty() {
            text.push('\n');
        }
        text.push_str("### What to do\n\n");
        for step in next_steps(verdict) {
            text.push_str(&format!("- [ ] {}\n", prose(&step)));
        }
        text.push_str(&advised(verdict));
        text.push_str("### The run\n\n");
        text.push_str(&facts(verdict));
        text.push_str("### Again\n\n");
        text.push_str(&again(verdict));
        text.push_str(&series(verdict));
        Ok(text.into_bytes())
    }
}

/// Evidence about what decided first.
fn deciding_evidence(verdict: &Verdict) -> Vec<&String> {
    let first = verdict.decided_by.first().and_then(|by| match by {
        crate::verdict::DecidedBy::Series { index, .. } => verdict.series.get(*index),
        _ => None,
    });
    first.map(|series| series.judgement.evidence.iter().collect()).unwrap_or_default()
}

fn facts(verdict: &Verdict) -> String {
    let run = &verdict.run;
    let host = [&run.host.name, &run.host.os, &run.host.kernel, &run.host.arch];
    let host: Vec<String> = host.into_iter().flatten().map(|fact| code(fact)).collect();
    let rows = [
        ("run", Some(code(&run.id))),
        ("commit", run.commit.as_ref().map(|commit| code(commit))),
        ("branch", run.branch.as_ref().map(|branch| code(branch))),
        ("scenario", run.scenario.as_ref().map(|scenario| code(scenario))),
        ("stage", run.stage.as_ref().map(|stage| code(stage))),
        ("environment", run.environment.as_ref().map(|environment| code(environment))),
        ("target", target(verdict)),
        ("host", (!host.is_empty()).then(|| host.join(" "))),
        ("started", Some(code(&run.start.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()))),
        ("length", Some(format!("{} of {}", span(run.duration_s), span(run.planned_s)))),
        ("samples", Some(verdict.samples.count.to_string())),
        ("soakd", Some(code(&run.soakd_version))),
    ];
    let mut text = "| | |\n|---|---|\n".to_owned();
    for (name, value) in rows {
        if let Some(value) = value {
            text.push_str(&row_of(&[name.to_owned(), value]));
        }
    }
    text.push('\n');
    let told: Vec<_> = verdict.events.iter().filter(|event| event.kind != "ready").take(MOST_EVENTS).collect();
    for event in &told {
        text.push_str(&format!("- {} {}: {}\n", clock(event.t_s), prose(&event.kind), prose(&event.text)));
    }
    if !told.is_empty() {
        text.push('\n');
    }
    text
}

/// Events that are told; the document has them all.
const MOST_EVENTS: usize = 12;

fn target(verdict: &Verdict) -> Option<String> {
    let run = &verdict.run;
    match (&run.attached, run.command.as_slice()) {
        (Some(attached), _) => Some(code(attached)),
        (None, []) => None,
        (None, command) => Some(code(&command.join(" "))),
    }
}

/// How to see it again: the command line for the same run.
fn again(verdict: &Verdict) -> String {
    let run = &verdict.run;
    let mut words = vec!["soakd".to_owned(), "run".to_owned(), run.profile.clone()];
    for (option, value) in [("--scenario", &run.scenario), ("--stage", &run.stage), ("--env", &run.environment)] {
        if let Some(value) = value {
            words.extend([option.to_owned(), value.clone()]);
        }
    }
    words.extend(["--for".to_owned(), option_span(run.planned_s)]);
    format!(
        "{}\n\n{} shows this run again on the host that made it.\n\n",
        code(&words.join(" ")),
        code(&format!("soakd report {}", run.id))
    )
}
