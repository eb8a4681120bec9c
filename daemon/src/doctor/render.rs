//! The report for people, and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Checked, Report, Status};

/// Width of the column of names, wide enough for each of them.
const NAME_CHARS: usize = 13;

/// The report for people: a line for what is well, more for the rest, a summary at the end.
#[must_use]
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    for Checked { name, finding, .. } in &report.checks {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<8} {name:<NAME_CHARS$} {}", finding.status.as_str(), finding.found);
        let lines = [("means", &finding.meaning), ("do", &finding.action)];
        for (label, line) in lines.iter().filter_map(|(label, line)| Some((label, line.as_ref()?))) {
            let _ = writeln!(text, "{:22} {label}: {line}", "");
        }
    }
    let count = |status| report.count(status);
    let verdict = if report.is_usable() { "soakd works here" } else { "soakd cannot work here" };
    let _ = write!(
        text,
        "\n{verdict}: {} ok, {} limited, {} missing",
        count(Status::Ok),
        count(Status::Limited),
        count(Status::Missing)
    );
    let unusable = |checked: &&Checked| checked.essential && checked.finding.status == Status::Missing;
    let names: Vec<_> = report.checks.iter().filter(unusable).map(|checked| checked.name).collect();
    if !names.is_empty() {
        let _ = write!(text, "; first see to: {}", names.join(", "));
    }
    text.push('\n');
    text
}

/// The document that [`json`] writes.
#[derive(Serialize)]
struct Document<'report> {
    schema: &'static str,
    usable: bool,
    #[serde(flatten)]
    report: &'report Report,
}

/// The report as JSON: `schema`, `usable`, and `checks` with `name`, `essential`, `status`, `found`, `meaning`,
/// `action` each.
#[must_use]
pub fn json(report: &Report) -> serde_json::Value {
    let document = Document { schema: "soakd.doctor/1", usable: report.is_usable(), report };
    serde_json::to_value(document).unwrap_or_default()
}
