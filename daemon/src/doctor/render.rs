//! The report for people, and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Checked, Report, Status};

/// Width of the column of names, wide enough for each of them.
const NAME_CHARS: usize = 13;

/// Where the texts begin: after the status and the name.
const INDENT_CHARS: usize = 9 + NAME_CHARS + 1;

/// Where lines are broken.
const LINE_CHARS: usize = 110;

/// The report for people: a line for what is well, more for the rest, a summary at the end.
#[must_use]
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    for Checked { name, finding, .. } in &report.checks {
        // Writing to a string cannot fail.
        let _ = write!(text, "{:<8} {name:<NAME_CHARS$} ", finding.status.as_str());
        push_wrapped(&mut text, &finding.found);
        for (label, line) in [("means", &finding.meaning), ("do", &finding.action)] {
            if let Some(line) = line {
                let _ = write!(text, "{:INDENT_CHARS$}", "");
                push_wrapped(&mut text, &format!("{label}: {line}"));
            }
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
        let _ = write!(text, "; see to these first: {}", names.join(", "));
    }
    text.push('\n');
    text
}

/// Appends `words`, which begin at the indent, and a newline; breaks lines between words.
fn push_wrapped(text: &mut String, words: &str) {
    let mut column = INDENT_CHARS;
    for (index, word) in words.split(' ').enumerate() {
        let length = word.chars().count();
        if index > 0 && column + 1 + length > LINE_CHARS {
            let _ = write!(text, "\n{:INDENT_CHARS$}  ", "");
            column = INDENT_CHARS + 2;
        } else if index > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text.push('\n');
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
