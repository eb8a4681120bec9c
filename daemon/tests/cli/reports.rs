//! Reports as files: from a run, from a verdict file, and where they cannot be written.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::place::{Place, SHORT};

/// A verdict that comes with the repository.
fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../reports/examples/fail.json")
}

#[test]
fn every_report_of_a_run_is_written_beside_its_verdict() {
    let place = Place::new();
    let names = soakd::report_files::names().join(",");
    let answer = place.run([&["check"], SHORT, &["--out", "out", "--report", &names, "--", "sleep", "60"]].concat());
    assert!(place.path("out/verdict.json").is_file(), "{answer:?}");
    for renderer in soakd_reports::RENDERERS {
        let Some(file) = renderer.file_name() else { continue };
        let bytes = std::fs::read(place.path(&format!("out/{file}"))).expect(file);
        assert!(!bytes.is_empty(), "{file}");
    }
}

#[test]
fn a_verdict_file_gives_every_report_that_needs_no_samples() {
    let place = Place::new();
    let file = example();
    let file = file.to_str().expect("UTF-8");
    place.run(["report", file, "--junit", "j.xml", "--markdown", "m.md", "--openmetrics", "o.prom"]).ends_with(2);
    for written in ["j.xml", "m.md", "o.prom"] {
        assert!(place.path(written).is_file(), "{written}");
    }
    place.run(["report", file, "--csv", "s.csv"]).ends_with(64).says("a verdict file holds none");
    assert!(!place.path("s.csv").exists());
    place.run(["report", file, "--issue"]).ends_with(2).results_in("### What to do");
}

#[test]
fn an_earlier_report_survives_a_disk_that_is_full() {
    let place = Place::new();
    place.write("junit.xml", "an earlier report");
    // No file may grow at all: every write fails as on a full disk, in the middle of the report.
    let script = format!(
        "ulimit -f 0; exec '{}' report '{}' --junit junit.xml",
        env!("CARGO_BIN_EXE_soakd"),
        example().display()
    );
    let output = Command::new("sh").args(["-c", &script]).current_dir(place.path("")).output().expect("a shell");
    assert_eq!(output.status.code(), Some(73), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write `junit.xml`"), "{output:?}");
    assert_eq!(std::fs::read_to_string(place.path("junit.xml")).expect("it is there"), "an earlier report");
    let left = std::fs::read_dir(place.path("")).expect("the folder").filter_map(Result::ok);
    assert!(
        left.into_iter().all(|entry| !entry.file_name().to_string_lossy().ends_with(".new")),
        "nothing half-written is left"
    );
}

#[test]
fn a_job_on_github_gets_its_summary() {
    let place = Place::new();
    place.write("summary.md", "what was there\n");
    let mut command = place.soakd([&["check", "--quiet"], SHORT, &["--", "sleep", "60"]].concat());
    command.env("GITHUB_STEP_SUMMARY", place.path("summary.md"));
    let answer = place.finish(command);
    let summary = std::fs::read_to_string(place.path("summary.md")).expect("the summary");
    assert!(summary.starts_with("what was there\n## "), "{summary}\n{answer:?}");
    assert!(summary.contains("soakd: "), "{summary}");
}

#[test]
fn a_profile_names_its_reports_and_a_wrong_name_is_told() {
    let place = Place::new();
    let profile = |formats: &str| {
        format!(
            "[target]\ncommand = 'sleep 60'\n[judge]\nduration = '3s'\n[sample]\ninterval = '50ms'\n[report]\nout = 'out'\nformats = {formats}\n"
        )
    };
    place.write("good.toml", &profile("['junit']"));
    place.run(["run", "good.toml"]);
    assert!(place.path("out/junit.xml").is_file());
    place.write("bad.toml", &profile("['junot']"));
    place.run(["run", "bad.toml"]).ends_with(78).says("`junot`").says("junit");
}

#[test]
fn the_command_lines_in_snippets_for_ci_servers_are_right() {
    use clap::Parser;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reports/ci");
    let mut seen_count = 0;
    for entry in std::fs::read_dir(folder).expect("the snippets").filter_map(Result::ok) {
        let text = std::fs::read_to_string(entry.path()).expect("text");
        for line in text.lines().filter(|line| line.contains("soakd check ") || line.contains("soakd run ")) {
            let command = &line[line.find("soakd ").expect("it is there")..];
            let command = command.split('\'').next().expect("a part");
            let parsed = soakd::cli::Cli::try_parse_from(command.split_whitespace());
            assert!(parsed.is_ok(), "{}: {command}: {parsed:?}", entry.path().display());
            seen_count += 1;
        }
    }
    assert_eq!(seen_count, 3, "two lines for GitLab, one for Jenkins");
}
