//! The verdict as JUnit XML: a test case for each judged series, each budget and the way the run ended.
//!
//! Written by hand: the format is a page long, and what matters is that names from outside cannot break it. The file
//! keeps to the schema of Jenkins (`jenkins-junit.xsd`), which the other CI servers read as well.
//!
//! What fails the run is a `failure`. What could not be decided is an `error` where it counts as inconclusive or as a
//! failure, and `skipped` where the profile lets it pass. Whatever only warns passes, with its words in `system-out`.

use super::markup::markup;
use super::terminal::Terminal;
use super::{RenderError, Renderer, Report};
use crate::conclude::outcomes;
use crate::outcome::Outcome;
use crate::sentence::{budget_line, could_have_seen, ended_for, name, outlook, series_line};
use crate::series::Role;
use crate::verdict::{DecidedBy, Verdict};

/// The verdict for CI servers.
#[derive(Debug, Clone, Copy)]
pub struct Junit;

impl Renderer for Junit {
    fn name(&self) -> &'static str {
        "junit"
    }

    fn about(&self) -> &'static str {
        "JUnit XML, for the test view of a CI server"
    }

    fn file_name(&self) -> Option<&'static str> {
        Some("junit.xml")
    }

    fn render(&self, report: &Report<'_>) -> Result<Vec<u8>, RenderError> {
        let text = Terminal.render(&Report { look: super::Look::default(), ..report.clone() })?;
        Ok(document(report.verdict, &String::from_utf8_lossy(&text)).into_bytes())
    }
}

/// How a test case came out.
enum Status {
    Passed,
    Failed(&'static str),
    Undecided,
    Skipped,
}

struct Case {
    name: String,
    status: Status,
    /// What was found, first in one line.
    lines: Vec<String>,
    time_s: f64,
}

fn status(outcome: Option<Outcome>, is_decided: bool, kind: &'static str) -> Status {
    match (outcome, is_decided) {
        (Some(Outcome::Fail | Outcome::Block), true) => Status::Failed(kind),
        (Some(Outcome::Inconclusive | Outcome::Fail | Outcome::Block), _) => Status::Undecided,
        (Some(Outcome::Pass | Outcome::Warn), true) => Status::Passed,
        (Some(Outcome::Pass | Outcome::Warn), false) | (None, _) => Status::Skipped,
    }
}

fn cases(verdict: &Verdict) -> Vec<Case> {
    use soakd_analysis::JudgementKind::Inconclusive;
    let outcomes = outcomes(verdict);
    let outcome_of =
        |wanted: &dyn Fn(&DecidedBy) -> bool| outcomes.iter().find(|(by, _)| wanted(by)).map(|(_, outcome)| *outcome);
    let mut cases = Vec::new();
    for (place, series) in verdict.series.iter().enumerate().filter(|(_, series)| series.role == Role::Judged) {
        let outcome = outcome_of(&|by| matches!(by, DecidedBy::Series { index, .. } if *index == place));
        let mut lines = vec![series_line(series)];
        lines.extend(outlook(series).map(|ahead| format!("ahead: {ahead}")));
        lines.extend(could_have_seen(series));
        lines.extend(series.judgement.evidence.iter().cloned());
        if outcome.is_none() {
            lines.push("a series that sees more clearly has decided".to_owned());
        }
        let is_decided = series.judgement.judgement != Inconclusive;
        cases.push(Case {
            name: format!("{} does not grow", name(series).replace('`', "")),
            status: status(outcome, is_decided, "leak"),
            lines,
            time_s: 0.0,
        });
    }
    for (place, budget) in verdict.budgets.iter().enumerate() {
        let outcome = outcome_of(&|by| matches!(by, DecidedBy::Budget { index, .. } if *index == place));
        cases.push(Case {
            name: format!("budget {} is kept", budget.name),
            status: status(outcome.or(Some(Outcome::Pass)), budget.observed.is_some(), "budget"),
            lines: vec![budget_line(budget)],
            time_s: 0.0,
        });
    }
    let nothing = outcome_of(&|by| matches!(by, DecidedBy::NothingJudged));
    if nothing.is_some() {
        let lines = vec!["no series was judged".to_owned()];
        cases.push(Case {
            name: "a series is judged".to_owned(),
            status: status(nothing, false, ""),
            lines,
            time_s: 0.0,
        });
    }
    let ended = outcome_of(&|by| matches!(by, DecidedBy::RunEnded));
    cases.push(Case {
        name: "the run comes to its end".to_owned(),
        status: match ended {
            None => Status::Passed,
            ended => status(ended, verdict.run.ended.target_died(), "target"),
        },
        lines: vec![ended_for(&verdict.run)],
        time_s: verdict.run.duration_s,
    });
    cases
}

fn document(verdict: &Verdict, text: &str) -> String {
    let cases = cases(verdict);
    let count = |wanted: fn(&Status) -> bool| cases.iter().filter(|case| wanted(&case.status)).count();
    let failures = count(|status| matches!(status, Status::Failed(_)));
    let errors = count(|status| matches!(status, Status::Undecided));
    let skipped = count(|status| matches!(status, Status::Skipped));
    let run = &verdict.run;
    let suite = markup(&format!("soakd.{}", run.profile));
    let counts = format!(
        "tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{}\"",
        cases.len(),
        seconds(run.duration_s)
    );
    let mut xml = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"soakd\" {counts}>\n");
    // The older readers want no fraction and no zone: it is UTC.
    let start = run.start.strftime("%Y-%m-%dT%H:%M:%S");
    let host = run.host.name.as_deref().map(|host| format!(" hostname=\"{}\"", markup(host))).unwrap_or_default();
    xml.push_str(&format!(
        "  <testsuite name=\"{suite}\" {counts} skipped=\"{skipped}\" timestamp=\"{start}\"{host}>\n    <properties>\n"
    ));
    let properties = [
        ("run", Some(run.id.as_str())),
        ("outcome", Some(verdict.outcome.as_str())),
        ("severity", Some(verdict.severity.as_str())),
        ("summary", Some(verdict.summary.as_str())),
        ("scenario", run.scenario.as_deref()),
        ("stage", run.stage.as_deref()),
        ("environment", run.environment.as_deref()),
        ("commit", run.commit.as_deref()),
        ("branch", run.branch.as_deref()),
    ];
    for (name, value) in properties {
        if let Some(value) = value {
            xml.push_str(&format!("      <property name=\"{name}\" value=\"{}\"/>\n", markup(value)));
        }
    }
    xml.push_str("    </properties>\n");
    for case in &cases {
        push_case(&mut xml, &suite, case);
    }
    xml.push_str(&format!("    <system-out>{}</system-out>\n  </testsuite>\n</testsuites>\n", lines(text.lines())));
    xml
}

fn push_case(xml: &mut String, suite: &str, case: &Case) {
    let message = case.lines.first().map(String::as_str).unwrap_or_default();
    xml.push_str(&format!(
        "    <testcase classname=\"{suite}\" name=\"{}\" time=\"{}\">\n",
        markup(&case.name),
        seconds(case.time_s)
    ));
    let message = markup(message);
    let body = lines(case.lines.iter().map(String::as_str));
    match case.status {
        Status::Passed => xml.push_str(&format!("      <system-out>{body}</system-out>\n")),
        Status::Failed(kind) => {
            xml.push_str(&format!("      <failure type=\"{kind}\" message=\"{message}\">{body}</failure>\n"));
        }
        Status::Undecided => {
            xml.push_str(&format!("      <error type=\"inconclusive\" message=\"{message}\">{body}</error>\n"));
        }
        Status::Skipped => xml.push_str(&format!("      <skipped message=\"{message}\"/>\n")),
    }
    xml.push_str("    </testcase>\n");
}

/// Lines made safe one by one, so that their ends stay.
fn lines<'a>(text: impl Iterator<Item = &'a str>) -> String {
    text.map(markup).collect::<Vec<String>>().join("\n")
}

/// Milliseconds are as fine as readers of the format go.
fn seconds(time_s: f64) -> String {
    format!("{:.3}", time_s.max(0.0))
}
