use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::*;
use crate::samples;

/// The dashboard and the alert rules that name these metrics.
const DASHBOARD: &str = include_str!("../../../../reports/grafana/soakd.json");
const RULES: &str = include_str!("../../../../reports/prometheus/soakd.rules.yml");

fn facts() -> Facts {
    let last = |profile: &str, outcome: Option<Outcome>| LastRun {
        profile: profile.to_owned(),
        outcome,
        ended: samples::now(),
        duration_s: 28_800.0,
    };
    Facts {
        last_runs: vec![last("nightly", Some(Outcome::Fail)), last("gateway", None)],
        reading_s: Some(12.5),
        late_ticks_count: Some(4),
    }
}

/// A status in which all that comes from outside is called so.
fn called(name: &str) -> Status {
    let mut status = samples::busy();
    status.daemon.version = name.to_owned();
    for run in &mut status.running {
        run.profile = name.to_owned();
        run.watch = run.watch.as_ref().map(|_| name.to_owned());
        run.id.push_str(name);
        run.series[0].metric.push_str(name);
        run.series[0].source = Some(name.to_owned());
    }
    for watch in &mut status.watches {
        watch.name.push_str(name);
    }
    for entry in &mut status.schedule {
        entry.name.push_str(name);
    }
    status
}

#[test]
fn all_that_goes_on_is_told_in_both_formats() {
    insta::assert_snapshot!("text", metrics(&samples::busy(), &facts(), Form::Text));
    let open = metrics(&samples::busy(), &facts(), Form::OpenMetrics);
    assert!(open.ends_with("# EOF\n") && open.contains("# TYPE soakd_ticks counter\n"), "{open}");
}

#[test]
fn a_run_that_has_ended_is_gone() {
    let text = metrics(&samples::idle(), &Facts::default(), Form::Text);
    assert!(!text.contains("soakd_live_") && text.contains("soakd_runs{kind=\"soak\"} 0"), "{text}");
}

#[test]
fn a_scraper_gets_what_it_asks_for() {
    assert_eq!(form_for(None), Form::Text);
    assert_eq!(form_for(Some("text/plain;version=0.0.4")), Form::Text);
    let asked = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
    assert_eq!(form_for(Some(asked)), Form::OpenMetrics);
}

#[test]
fn no_name_makes_or_breaks_a_line() {
    let lines = |name: &str| metrics(&called(name), &facts(), Form::Text).lines().count();
    for evil in ["\"} 1\nsoakd_evil 1\n", "\\", "\u{0}\u{85}\u{2028}", "{,}#"] {
        assert_eq!(lines(evil), lines("x"), "{evil:?}");
    }
}

/// Whether what a test needs is there. Where all is required, what is missing fails the test; elsewhere it is told.
fn is_there(found: bool, what: &str) -> bool {
    if !found {
        let required = std::env::var("SOAKD_TEST_REQUIRE").is_ok_and(|required| required == "all");
        assert!(!required, "{what} is missing: `.ci/run` installs it and names it in a variable");
        let _ = writeln!(std::io::stderr(), "SKIPPED: {what} is missing");
    }
    found
}

/// What a program says of `input`: whether it ended well, and its output.
fn ask(program: &Path, arguments: &[&str], input: &str) -> (bool, String) {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.expect("a program");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("read");
    let output = child.wait_with_output().expect("an end");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn a_strict_reader_of_open_metrics_takes_every_sample() {
    let python = PathBuf::from(std::env::var("SOAKD_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned()));
    let import = Command::new(&python).args(["-c", "import prometheus_client"]).stderr(Stdio::null()).status();
    if !is_there(import.is_ok_and(|status| status.success()), "`prometheus_client` for Python (SOAKD_TEST_PYTHON)") {
        return;
    }
    let reader = "import sys\nfrom prometheus_client.openmetrics.parser import text_string_to_metric_families as read\n\
                  print(sum(len(family.samples) for family in read(sys.stdin.read())))";
    for status in [samples::busy(), samples::idle(), called("x\u{1b}\"\\\n{},#")] {
        let text = metrics(&status, &facts(), Form::OpenMetrics);
        let (is_read, said) = ask(&python, &["-c", reader], &text);
        assert!(is_read, "{said}\n{text}");
        assert_eq!(said.trim(), text.lines().filter(|line| !line.starts_with('#')).count().to_string());
    }
}

#[test]
fn promtool_has_nothing_to_say_of_the_metrics_and_the_rules() {
    let named = std::env::var_os("SOAKD_TEST_PROMTOOL").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = named.or_else(|| {
        std::env::split_paths(&path).map(|folder| folder.join("promtool")).find(|program| program.is_file())
    });
    if !is_there(found.is_some(), "`promtool` (SOAKD_TEST_PROMTOOL)") {
        return;
    }
    let promtool = found.expect("there");
    for status in [samples::busy(), called("x\u{1b}\"\\\n{},#")] {
        // Its lints are words on standard error and a status of their own.
        let (is_clean, said) = ask(&promtool, &["check", "metrics"], &metrics(&status, &facts(), Form::Text));
        assert!(is_clean && said.is_empty(), "{said}");
    }
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/../../reports/prometheus/soakd.rules.yml");
    let (is_valid, said) = ask(&promtool, &["check", "rules", rules], "");
    assert!(is_valid && said.contains("SUCCESS"), "{said}");
}

/// The metrics that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    words.filter(|word| word.starts_with("soakd_")).map(str::to_owned).collect()
}

#[test]
fn dashboard_and_rules_name_metrics_that_are_there() {
    let text = metrics(&samples::busy(), &facts(), Form::Text);
    let written: BTreeSet<String> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .map(str::to_owned)
        .collect();
    for (file, least) in [(DASHBOARD, 20), (RULES, 8)] {
        let named = named(file);
        assert!(named.len() >= least, "{named:?}");
        let unknown: Vec<&String> = named.difference(&written).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}

#[test]
fn the_dashboard_is_whole() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let ids: BTreeSet<u64> = panels.iter().filter_map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "each has an id of its own");
    let asking = panels.iter().filter(|panel| panel["type"] != "row");
    for panel in asking {
        let targets = panel["targets"].as_array().expect("targets");
        assert!(!targets.is_empty(), "{}", panel["title"]);
        for target in targets {
            let expression = target["expr"].as_str().expect("a query");
            assert!(expression.contains("soakd_") && expression.contains("instance=~\"$instance\""), "{expression}");
        }
        let place = &panel["gridPos"];
        let right = place["x"].as_u64().zip(place["w"].as_u64()).map(|(x, w)| x + w);
        assert!(right.is_some_and(|right| right <= 24), "{}", panel["title"]);
    }
}
