//! What people read: each example by each renderer, and what must never be in it.

use std::collections::BTreeSet;

use soakd_reports::{Charset, Colour, Look, RENDERERS, Report, Scope, Verdict, headline, renderer};

use crate::cases;

fn text(verdict: &Verdict, look: Look) -> String {
    let mut report = Report::new(verdict);
    report.look = look;
    report.files = vec![("verdict".to_owned(), "/var/lib/soakd/runs/quiet-otter/verdict.json".to_owned())];
    String::from_utf8(renderer("text").unwrap().render(&report).unwrap()).unwrap()
}

#[test]
fn names_of_renderers_are_unique() {
    let names: BTreeSet<&str> = RENDERERS.iter().map(|renderer| renderer.name()).collect();
    assert_eq!(names.len(), RENDERERS.len());
    assert!(renderer("no such").is_none());
}

/// Formats that are no text.
const BINARY: [&str; 2] = ["parquet", "png"];

#[test]
fn every_renderer_renders_every_example() {
    for renderer in RENDERERS {
        for (name, _) in cases::all() {
            let verdict = cases::verdict(name);
            let bytes = crate::formats::rendered(&verdict, renderer.name());
            let is_text = !BINARY.contains(&renderer.name());
            assert!(!is_text || bytes.ends_with(b"\n"), "{} of {name}", renderer.name());
            assert_eq!(bytes, crate::formats::rendered(&verdict, renderer.name()), "not the same twice");
        }
    }
}

#[test]
fn pass_in_text() {
    insta::assert_snapshot!(text(&cases::verdict("pass"), Look::default()));
}

#[test]
fn warn_in_text() {
    insta::assert_snapshot!(text(&cases::verdict("warn"), Look::default()));
}

#[test]
fn fail_in_text() {
    insta::assert_snapshot!(text(&cases::verdict("fail"), Look::default()));
}

#[test]
fn block_in_text() {
    insta::assert_snapshot!(text(&cases::verdict("block"), Look::default()));
}

#[test]
fn inconclusive_in_text() {
    insta::assert_snapshot!(text(&cases::verdict("inconclusive"), Look::default()));
}

#[test]
fn interrupted_in_text() {
    insta::assert_snapshot!(text(&cases::verdict("interrupted"), Look::default()));
}

#[test]
fn budget_in_text() {
    insta::assert_snapshot!(text(&cases::verdict("budget"), Look::default()));
}

#[test]
fn fail_in_a_narrow_terminal() {
    insta::assert_snapshot!(text(
        &cases::verdict("fail"),
        Look { columns: 44, charset: Charset::Ascii, ..Look::default() }
    ));
}

#[test]
fn summaries_in_one_line() {
    let lines: Vec<String> =
        cases::all().iter().map(|(name, _)| headline(&cases::verdict(name), Look::default())).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn no_line_but_a_path_is_wider_than_the_terminal() {
    for (name, _) in cases::all() {
        for columns in [40, 60, 80, 132] {
            let text = text(&cases::verdict(name), Look { columns, ..Look::default() });
            let (body, _) = text.split_once("\nfiles\n").unwrap();
            for line in body.lines() {
                assert!(line.chars().count() <= columns, "{name} at {columns} columns: {line}");
            }
        }
    }
}

#[test]
fn plain_text_has_no_escape_sequence_and_ascii_is_ascii() {
    for (name, _) in cases::all() {
        let verdict = cases::verdict(name);
        assert!(!text(&verdict, Look::default()).contains('\u{1b}'), "{name}");
        assert!(text(&verdict, Look { charset: Charset::Ascii, ..Look::default() }).is_ascii(), "{name}");
    }
}

#[test]
fn colour_changes_no_word() {
    let verdict = cases::verdict("fail");
    let coloured = text(&verdict, Look { colour: Colour::Always, ..Look::default() });
    assert!(coloured.starts_with("\u{1b}[1;31m"));
    assert_eq!(coloured.replace("\u{1b}[1;31m", "").replace("\u{1b}[0m", ""), text(&verdict, Look::default()));
}

/// Puts `evil` into every text that comes from outside.
pub(crate) fn hostile(evil: &str) -> Verdict {
    let (_, mut findings) = cases::all().remove(2);
    let said = || evil.to_owned();
    findings.run.id = said();
    findings.run.profile = said();
    findings.run.scenario = Some(said());
    findings.run.commit = Some(said());
    findings.run.branch = Some(said());
    findings.run.command = vec![said(), said()];
    for series in &mut findings.series {
        series.metric = said();
        series.scope = Scope::Process { pid: 1, start_ticks: 1, name: said() };
        series.judgement.evidence = vec![said()];
    }
    findings.attribution[0].what = said();
    findings.samples.gaps[0].why = said();
    findings.samples.file = Some(said());
    findings.warnings[0].text = said();
    findings.warnings[0].hint = Some(said());
    findings.events[0].kind = said();
    findings.events[0].text = said();
    findings.load.as_mut().unwrap().driver = said();
    Verdict::new(findings).unwrap()
}

#[test]
fn names_cannot_command_the_terminal() {
    let verdict = hostile("x\u{1b}[2J\u{1b}]0;evil\u{7}\r\n\u{9b}31m\u{202e}y");
    let calm = hostile("x");
    for charset in [Charset::Unicode, Charset::Ascii] {
        let look = Look { charset, columns: 200, ..Look::default() };
        let text = text(&verdict, look);
        assert!(text.chars().all(|character| character == '\n' || !character.is_control()), "{text}");
        assert!(!text.contains('\u{202e}'));
        assert!(text.contains("\\u{1b}[2J"));
        // A line end in a name makes no line of its own: `error: …` could be forged.
        assert!(!text.lines().any(|line| line.starts_with('\u{9b}') || line.starts_with("31m")));
        assert!(!headline(&verdict, look).contains('\u{1b}'));
    }
    assert!(text(&calm, Look::default()).contains("leak: `x`"));
}

#[test]
fn a_run_without_anything_is_still_told() {
    let (_, mut findings) = cases::all().remove(0);
    findings.series.clear();
    findings.budgets.clear();
    findings.load = None;
    findings.samples = soakd_reports::Samples::default();
    findings.overhead = soakd_reports::Overhead::default();
    let verdict = Verdict::new(findings).unwrap();
    let text = text(&verdict, Look::default());
    assert!(text.contains("INCONCLUSIVE"), "{text}");
    assert!(text.contains("no series was judged"), "{text}");
}
