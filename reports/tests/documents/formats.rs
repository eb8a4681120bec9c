//! Each example in each format, held to snapshots and, where there is one, to a reader that is not ours.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use proptest::prelude::*;
use soakd_reports::{Ended, Event, Origin, Recorded, Recording, RenderError, Report, Verdict, renderer};

use crate::rendering::hostile;
use crate::{cases, recordings};

/// A verdict in a format, with its samples.
pub(crate) fn rendered(verdict: &Verdict, format: &str) -> Vec<u8> {
    let recording = recordings::of(verdict);
    let report = Report { recording: Some(&recording), ..Report::new(verdict) };
    renderer(format).unwrap().render(&report).unwrap()
}

fn text(verdict: &Verdict, format: &str) -> String {
    String::from_utf8(rendered(verdict, format)).unwrap()
}

/// Tells of a skipped test. Not by `eprintln!`, whose words are kept back where a test passes.
fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "{why}");
}

/// Whether a program is there. Where all are required, a missing one fails the test; elsewhere it is told.
pub(crate) fn has(program: &str, package: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
    if !found {
        let required = std::env::var("SOAKD_TEST_REQUIRE").is_ok_and(|required| required == "all");
        assert!(!required, "`{program}` is missing and SOAKD_TEST_REQUIRE=all: install the package `{package}`");
        skipped(&format!("SKIPPED: `{program}` is missing (package `{package}`)"));
    }
    found
}

/// The Python whose modules read what is written here.
fn python() -> String {
    std::env::var("SOAKD_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// Whether a module of Python is there; see [`has`].
fn has_module(python: &str, module: &str) -> bool {
    let found = Command::new(python).args(["-c", &format!("import {module}")]).stderr(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        let required = std::env::var("SOAKD_TEST_REQUIRE").is_ok_and(|required| required == "all");
        assert!(!required, "`{module}` for Python is missing: `.ci/run` installs it and sets SOAKD_TEST_PYTHON");
        skipped(&format!("SKIPPED: `{module}` for Python is missing (pip installs it)"));
    }
    found
}

/// What a program says of `input`: whether it ended well, and its output.
fn ask(program: &str, arguments: &[&str], input: &[u8]) -> (bool, String) {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn every_example_in_every_text_format() {
    for format in ["junit", "markdown", "issue", "openmetrics", "svg"] {
        for (name, _) in cases::all() {
            insta::assert_snapshot!(format!("{format}_{name}"), text(&cases::verdict(name), format));
        }
    }
    let samples = text(&cases::verdict("fail"), "csv");
    assert_eq!(samples.lines().count(), 241);
    insta::assert_snapshot!("csv_fail", samples.lines().take(24).collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_example_as_a_page() {
    for (name, _) in cases::all() {
        let page = text(&cases::verdict(name), "html");
        let digest = |page: &str| page.split_once("'sha256-").map(|(_, rest)| rest[..44].to_owned());
        let page = (0..2).fold(page, |page, _| match digest(&page) {
            Some(digest) => page.replace(&format!("'sha256-{digest}'"), "(digest)"),
            None => page,
        });
        // Style sheet, scripts, drawings and data are told apart elsewhere; here is what people read.
        let mut told = String::new();
        let mut rest = page.as_str();
        for (open, close) in
            [("<style>", "</style>"), ("<svg ", "</svg>"), ("<script type", "</script>"), ("<script>", "</script>")]
        {
            while let Some((before, after)) = rest.split_once(open) {
                told.push_str(before);
                told.push_str(open);
                rest = after.split_once(close).map_or("", |(_, after)| after);
            }
            told.push_str(rest);
            let whole = std::mem::take(&mut told);
            rest = whole.leak();
        }
        insta::assert_snapshot!(format!("html_{name}"), rest);
    }
}

/// Validates JUnit XML against what Jenkins accepts.
fn assert_junit(xml: &str, what: &str) {
    let schema = crate::file("tests/fixtures/jenkins-junit.xsd");
    let (is_valid, said) = ask("xmllint", &["--noout", "--schema", schema.to_str().unwrap(), "-"], xml.as_bytes());
    assert!(is_valid, "{what}: {said}\n{xml}");
}

#[test]
fn jenkins_accepts_the_junit_of_every_example() {
    if !has("xmllint", "libxml2-utils") {
        return;
    }
    for (name, _) in cases::all() {
        assert_junit(&text(&cases::verdict(name), "junit"), name);
    }
    assert_junit(&text(&hostile("x\u{1b}[2J]]>&<i a='\"'>\u{0}\u{ffff}\r\n\u{202e}"), "junit"), "hostile");
}

#[test]
fn a_run_that_may_not_pass_has_a_case_that_does_not() {
    for (name, _) in cases::all() {
        let verdict = cases::verdict(name);
        let xml = text(&verdict, "junit");
        let bad = xml.matches("<failure ").count() + xml.matches("<error ").count();
        assert_eq!(bad > 0, verdict.exit_code > 1, "{name}: {xml}");
    }
    let (_, mut findings) = cases::all().remove(0);
    findings.run.ended = Ended::TargetExited { status: None, signal: Some(9) };
    let killed = Verdict::new(findings).unwrap();
    assert!(text(&killed, "junit").contains("<failure type=\"target\""));
}

#[test]
fn a_strict_reader_accepts_the_metrics_of_every_example() {
    let python = python();
    let reader = "import sys\nfrom prometheus_client.openmetrics.parser import text_string_to_metric_families as read\n\
                  print(sum(len(family.samples) for family in read(sys.stdin.read())))";
    if !has_module(&python, "prometheus_client") {
        return;
    }
    let mut evil = hostile("x\u{1b}\"\\\n{},#");
    // All series are called alike there, which no file of metrics may have.
    evil.series.truncate(1);
    for (name, verdict) in cases::all().iter().map(|(name, _)| (*name, cases::verdict(name))).chain([("evil", evil)]) {
        let metrics = text(&verdict, "openmetrics");
        let (is_read, said) = ask(&python, &["-c", reader], metrics.as_bytes());
        assert!(is_read, "{name}: {said}\n{metrics}");
        let samples = metrics.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(said.trim(), samples.to_string(), "{name}");
    }
}

#[test]
fn pictures_are_well_formed_and_have_the_size_of_their_series() {
    for (name, _) in cases::all() {
        let verdict = cases::verdict(name);
        let png = rendered(&verdict, "png");
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.ends_with(b"IEND\xaeB`\x82"), "{name}");
        let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        let rows = u32::try_from(verdict.series.len()).unwrap();
        assert_eq!((number(16), number(20)), (1920, 2 * (64 + 320 * rows)), "{name}");
        if has("xmllint", "libxml2-utils") {
            let (is_valid, said) = ask("xmllint", &["--noout", "-"], text(&verdict, "svg").as_bytes());
            assert!(is_valid, "{name}: {said}");
        }
    }
}

#[test]
fn a_checkpoint_is_marked_once_and_marks_stand_in_their_order() {
    let (_, mut findings) = cases::all().remove(0);
    let event = |t_s: f64, kind: &str| Event { t_s, kind: kind.to_owned(), text: String::new() };
    findings.events = vec![event(600.0, "look"), event(300.0, "checkpoint_began"), event(310.0, "checkpoint")];
    let svg = text(&Verdict::new(findings).unwrap(), "svg");
    assert!(!svg.contains("checkpoint_began"), "{svg}");
    let first = svg.find(">checkpoint</text>").expect("a mark");
    assert!(svg[first..].contains(">look</text>"), "{svg}");
}

#[test]
fn a_picture_without_samples_says_so() {
    let verdict = cases::verdict("fail");
    let svg = renderer("svg").unwrap().render(&Report::new(&verdict)).unwrap();
    assert!(String::from_utf8(svg).unwrap().contains("no samples of this series are at hand"));
    assert!(renderer("png").unwrap().render(&Report::new(&verdict)).is_ok());
}

#[test]
fn formats_of_samples_refuse_a_verdict_without_any() {
    let verdict = cases::verdict("pass");
    for format in ["csv", "parquet"] {
        let error = renderer(format).unwrap().render(&Report::new(&verdict)).unwrap_err();
        assert!(matches!(error, RenderError::NoSamples { .. }), "{error}");
    }
}

#[test]
fn a_recording_without_samples_is_a_table_without_rows() {
    let verdict = cases::verdict("pass");
    let recording = Recording::default();
    let report = Report { recording: Some(&recording), ..Report::new(&verdict) };
    assert_eq!(renderer("csv").unwrap().render(&report).unwrap(), b"t_s\n");
    let bytes = renderer("parquet").unwrap().render(&report).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
}

#[test]
fn names_of_columns_stay_one_cell() {
    let verdict = cases::verdict("pass");
    let series = Recorded {
        metric: "a,\"b\"\n_bytes".to_owned(),
        unit: soakd_analysis::Quantity::Bytes,
        origin: Origin::Tree,
        t_s: vec![0.0],
        values: vec![1.0],
    };
    let recording = Recording { judged: None, series: vec![series] };
    let report = Report { recording: Some(&recording), ..Report::new(&verdict) };
    let csv = String::from_utf8(renderer("csv").unwrap().render(&report).unwrap()).unwrap();
    assert_eq!(csv, "t_s,\"a,\"\"b\"\"\n_bytes\"\n0,1\n");
}

/// A folder for the files of a test, beside the other output of the build.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Reads a Parquet file with a reader that is not ours, and prints what our CSV says of the same samples.
const PARQUET_READER: &str = "
import sys, duckdb
table = duckdb.sql(f\"SELECT * FROM '{sys.argv[1]}'\")
print(','.join(table.columns))
for row in table.fetchall():
    print(','.join('' if value is None else repr(value) for value in row))
";

#[test]
fn a_sql_engine_reads_the_same_from_parquet_as_stands_in_the_csv() {
    let python = python();
    if !has_module(&python, "duckdb") {
        return;
    }
    for (name, _) in cases::all() {
        let verdict = cases::verdict(name);
        let file = scratch("parquet").join(format!("{name}.parquet"));
        std::fs::write(&file, rendered(&verdict, "parquet")).unwrap();
        let (is_read, said) = ask(&python, &["-c", PARQUET_READER, file.to_str().unwrap()], b"");
        assert!(is_read, "{name}: {said}");
        let cells = |text: &str| -> Vec<Vec<String>> {
            text.lines()
                .map(|line| {
                    line.split(',').map(|cell| cell.parse::<f64>().map_or(cell.to_owned(), |n| n.to_string())).collect()
                })
                .collect()
        };
        assert_eq!(cells(&said), cells(&text(&verdict, "csv")), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_name_breaks_a_format(evil in "[\\PC\\x00-\\x1f`<>&|\"'\\\\@#*_]{0,40}") {
        let verdict = hostile(&evil);
        let xml = text(&verdict, "junit");
        prop_assert!(xml.chars().all(|c| c == '\n' || !c.is_control()));
        // What stands between tags holds no tag: the same tags as with a harmless name.
        let tags = |xml: &str| xml.matches('<').count();
        let harmless = text(&hostile("x"), "junit");
        prop_assert_eq!(tags(&xml), tags(&harmless));
        for format in ["markdown", "issue"] {
            let page = text(&verdict, format);
            prop_assert!(page.chars().all(|c| c == '\n' || !c.is_control()));
            for line in outside_code(&page) {
                prop_assert!(!line.contains('<'), "{}", line);
                prop_assert!(!line.contains('@'), "{}", line);
            }
        }
        let html = text(&verdict, "html");
        let still = |page: &str| page.split_once("<body>").unwrap().1.split_once("<script>").unwrap().0.replace("<code>", "").replace("</code>", "").matches('<').count();
        prop_assert_eq!(still(&html), still(&text(&hostile("x"), "html")));
        let svg = text(&verdict, "svg");
        prop_assert_eq!(tags(&svg), tags(&text(&hostile("x"), "svg")));
        let metrics = text(&verdict, "openmetrics");
        let shape = |text: &str| text.lines().count();
        prop_assert_eq!(shape(&metrics), shape(&text(&hostile("x"), "openmetrics")));
    }
}

/// The text of a page without its code and without the tags that we write ourselves.
fn outside_code(page: &str) -> Vec<String> {
    let mut text = page.to_owned();
    for tag in ["<details>", "</details>", "<summary>", "</summary>", "<sub>", "</sub>"] {
        text = text.replace(tag, "");
    }
    let plain = |line: &str| line.split('`').step_by(2).collect::<Vec<_>>().join(" ");
    text.lines().map(plain).collect()
}
