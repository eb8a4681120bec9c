//! The verdict in Markdown: a comment on a pull request, and the summary of a job.
//!
//! The table of all series is folded away, so that a comment stays short. GitHub, GitLab and Gitea show it alike.

use super::escape::escape;
use super::table::Row;
use super::{Charset, RenderError, Renderer, Report};
use crate::advice::advice;
use crate::next::next_steps;
use crate::outcome::{Outcome, Severity};
use crate::sentence::{budget_line, could_have_seen, ended, ended_for, outlook, series_line};
use crate::series::Role;
use crate::verdict::{DecidedBy, Verdict};

/// The verdict for pull requests and job summaries.
#[derive(Debug, Clone, Copy)]
pub struct Markdown;

impl Renderer for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn about(&self) -> &'static str {
        "Markdown, for a comment on a pull request or the summary of a job"
    }

    fn file_name(&self) -> Option<&'static str> {
        Some("report.md")
    }

    fn render(&self, report: &Report<'_>) -> Result<Vec<u8>, RenderError> {
        let verdict = report.verdict;
        let run = &verdict.run;
        let mut text = format!("## {} soakd: {}", mark(verdict.outcome), verdict.outcome);
        if verdict.severity > Severity::None {
            text.push_str(&format!(", severity {}", verdict.severity));
        }
        text.push_str(&format!(" · {}\n\n", code(&run.profile)));
        text.push_str(&found(verdict));
        text.push_str("**Next**\n\n");
        for step in next_steps(verdict) {
            text.push_str(&format!("1. {}\n", prose(&step)));
        }
        text.push_str(&advised(verdict));
        text.push_str(&series(verdict));
        text.push_str(&budgets(verdict));
        text.push_str(&warnings(verdict));
        text.push_str(&facts(report));
        Ok(text.into_bytes())
    }
}

fn mark(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "✅",
        Outcome::Warn => "⚠️",
        Outcome::Fail => "❌",
        Outcome::Block => "⛔",
        Outcome::Inconclusive => "❔",
    }
}

/// What decided, in full.
pub(super) fn found(verdict: &Verdict) -> String {
    let mut text = String::new();
    for by in verdict.decided_by.iter().take(MOST_DECIDERS) {
        let (line, more) = match by {
            DecidedBy::Series { index, .. } => {
                let Some(series) = verdict.series.get(*index) else { continue };
                let ahead = outlook(series).map(|ahead| format!("ahead: {ahead}"));
                (series_line(series), ahead.into_iter().chain(could_have_seen(series)).collect())
            }
            DecidedBy::Budget { index, .. } => {
                let Some(budget) = verdict.budgets.get(*index) else { continue };
                (budget_line(budget), Vec::new())
            }
            DecidedBy::RunEnded => (ended_for(&verdict.run), Vec::new()),
            DecidedBy::NothingJudged => ("no series was judged".to_owned(), Vec::new()),
        };
        text.push_str(&format!("{}\n", prose(&line)));
        for more in more {
            text.push_str(&format!("- {}\n", prose(&more)));
        }
        text.push('\n');
    }
    text
}

/// Findings told in full; the table has them all.
const MOST_DECIDERS: usize = 4;

/// Advice with its evidence.
pub(super) fn advised(verdict: &Verdict) -> String {
    let given = advice(verdict);
    if given.is_empty() {
        return "\n".to_owned();
    }
    let mut text = "\n<details><summary>What this means</summary>\n\n".to_owned();
    for advice in given {
        text.push_str(&format!(
            "**{}** ({})\n\n{}\n\n",
            prose(advice.title),
            prose(&advice.because),
            prose(advice.meaning)
        ));
        for step in advice.steps {
            text.push_str(&format!("- {}\n", prose(step)));
        }
        text.push('\n');
    }
    text.push_str("</details>\n\n");
    text
}

/// The table of series, folded.
pub(super) fn series(verdict: &Verdict) -> String {
    if verdict.series.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "<details><summary>Series ({})</summary>\n\n| series | judgement | growth | tolerance |\n|---|---|---|---|\n",
        verdict.series.len()
    );
    for series in &verdict.series {
        let row = Row::of(series, &str::to_owned);
        let [name, judgement, growth, tolerance] = &row.cells;
        let cells = [code(name), prose(judgement), prose(growth), prose(tolerance)];
        text.push_str(&row_of(&cells));
    }
    if verdict.series.iter().any(|series| series.role == Role::Witness) {
        text.push_str("\nIn brackets: a witness, which decides nothing.\n");
    }
    text.push_str("\n</details>\n\n");
    text
}

fn budgets(verdict: &Verdict) -> String {
    if verdict.budgets.is_empty() {
        return String::new();
    }
    let lines: String = verdict.budgets.iter().map(|budget| format!("- {}\n", prose(&budget_line(budget)))).collect();
    format!("**Budgets**\n\n{lines}\n")
}

fn warnings(verdict: &Verdict) -> String {
    let line = |warning: &crate::record::Warning| {
        let hint = warning.hint.as_ref().map(|hint| format!(" ({})", prose(hint))).unwrap_or_default();
        format!("- {}{hint}\n", prose(&warning.text))
    };
    match verdict.warnings.as_slice() {
        [] => String::new(),
        warnings => format!("**Warnings**\n\n{}\n", warnings.iter().map(line).collect::<String>()),
    }
}

/// One line about the run, small.
fn facts(report: &Report<'_>) -> String {
    let run = &report.verdict.run;
    let mut parts = vec![format!("run {}", code(&run.id)), prose(&ended(run))];
    parts.push(format!("{} samples", report.verdict.samples.count));
    parts.extend(run.commit.as_ref().map(|commit| format!("commit {}", code(commit))));
    parts.extend(run.branch.as_ref().map(|branch| format!("branch {}", code(branch))));
    parts.extend(run.host.name.as_ref().map(|host| format!("host {}", code(host))));
    parts.push(format!("exit code {}", report.verdict.exit_code));
    parts.push(format!("soakd {}", prose(&run.soakd_version)));
    format!("<sub>{}</sub>\n", parts.join(" · "))
}

/// A name as code: nothing in it is acted on.
pub(super) fn code(text: &str) -> String {
    let seen = escape(text, Charset::Unicode);
    if seen.contains('`') || seen.trim().is_empty() {
        // Backticks cannot be escaped inside code.
        return plain(&seen);
    }
    format!("`{seen}`")
}

/// A line of a table. A bar would end its cell even inside code.
pub(super) fn row_of(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// A sentence: what stands in backticks is code, the rest is text that Markdown does not act on.
pub(super) fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return plain(&escape(text, Charset::Unicode));
    }
    let part = |(place, part): (usize, &&str)| match place % 2 {
        1 => code(part),
        _ => plain(&escape(part, Charset::Unicode)),
    };
    parts.iter().enumerate().map(part).collect()
}

/// Text with every character that Markdown, HTML or a forge acts on (mentions, issue numbers, links) as a reference.
fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut before = ' ';
    for (place, character) in text.char_indices() {
        let acts = match character {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '~' | '@' | '&' | '#' | '$' | '!' => true,
            // Between letters it is part of a name; `http:` and `www.` begin links.
            '_' => !before.is_alphanumeric(),
            ':' => text[place..].starts_with("://"),
            '.' => before.eq_ignore_ascii_case(&'w'),
            _ => false,
        };
        match acts {
            true => safe.push_str(&format!("&#{};", u32::from(character))),
            false => safe.push(character),
        }
        before = character;
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_forge_acts_on_is_left() {
        assert_eq!(plain("<b>@all #1 www.x.y"), "&#60;b&#62;&#64;all &#35;1 www&#46;x.y");
        assert_eq!(plain("https://x ftp://y"), "https&#58;//x ftp&#58;//y");
        assert_eq!(plain("**a** [b](c) rss_bytes _d"), "&#42;&#42;a&#42;&#42; &#91;b&#93;(c) rss_bytes &#95;d");
    }

    #[test]
    fn names_are_code_and_cannot_leave_it() {
        assert_eq!(prose("`a|b` grows | x"), "`a|b` grows &#124; x");
        assert_eq!(row_of(&[code("a|b"), prose("c")]), "| `a\\|b` | c |\n");
        assert_eq!(prose("`a`<i>` grows"), "&#96;a&#96;&#60;i&#62;&#96; grows");
        assert_eq!(code("a`b"), "a&#96;b");
        assert_eq!(code("x\n# y"), "`x\\u{a}# y`");
    }
}
