//! Profiles from the command line: listed, shown, checked, begun, and chosen from.

use std::fs;

use crate::place::{Place, SHORT};

#[test]
fn shipped_profiles_are_listed_shown_and_valid() {
    let place = Place::new();
    let list = place.run(["profile", "list"]);
    list.ends_with(0);
    let names: Vec<&str> = list.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for name in ["demo", "command", "http-service", "attach-unit", "soak-24h", "ci-short", "reference"] {
        assert!(names.contains(&name), "{list}");
    }
    for name in names {
        place.run(["profile", "show", name]).ends_with(0).json();
        place.run(["profile", "show", "--source", name]).ends_with(0);
        place.run(["profile", "validate", name]).ends_with(0).results_in(&format!("`{name}` is valid"));
    }
    place.run(["profile", "show", "no-such-profile"]).ends_with(66).says("no-such-profile").says("hint: ");
}

#[test]
fn a_profile_is_shown_with_every_default_filled_in() {
    let place = Place::new();
    place.write("mine.toml", "[target]\ncommand = 'sleep 600'\n[judge]\nduration = '3m'\n");
    let profile = place.run(["profile", "show", "mine.toml"]).ends_with(0).json();
    assert_eq!(profile["name"], "mine");
    assert_eq!(profile["target"]["source"]["command"], serde_json::json!(["sleep", "600"]), "{profile:#}");
    let source = place.run(["profile", "show", "--source", "mine.toml"]);
    assert_eq!(source.stdout, fs::read_to_string(place.path("mine.toml")).expect("it is there"));
}

#[test]
fn a_profile_is_begun_and_never_overwritten() {
    let place = Place::new();
    place.run(["profile", "new", "mine.toml"]).ends_with(0).results_in("soakd profile validate mine.toml");
    place.run(["profile", "validate", "mine.toml"]).ends_with(0);
    place.write("mine.toml", "# precious\n");
    let answer = place.run(["profile", "new", "mine.toml", "--from", "ci-short"]);
    answer.ends_with(73).says("`mine.toml` exists, and is left as it is").says("hint: choose another name");
    assert_eq!(fs::read_to_string(place.path("mine.toml")).expect("it is there"), "# precious\n");
    place.run(["profile", "new", "other.toml", "--from", "no-such"]).ends_with(64).says("no-such");
    place.run(["profile", "new", "no/such/folder.toml"]).ends_with(73).says("no/such/folder.toml");
}

/// What is chosen by name decides about length, load, budgets and outcome.
const CHOICES: &str = "[target]
command = 'sleep 600'
[sample]
interval = '20ms'
[judge]
tolerances = { anon_swap_bytes = '1TiB/h', fds_count = '1000000/h', threads_count = '1000000/h' }
[budget.default]
roomy = { metric = 'rss_bytes', peak = '1TiB' }
[budget.strict]
tight = { metric = 'rss_bytes', peak = '1KiB' }
[scenario.short]
duration = '2s'
load = { driver = 'repeat', command = 'true', pause = '50ms' }
[scenario.hasty]
duration = '400ms'
[stage.merge]
scenario = 'hasty'
inconclusive = 'warn'
[stage.release]
scenario = 'short'
environment = 'strict'
";

#[test]
fn scenario_environment_and_stage_are_chosen_on_the_command_line() {
    let place = Place::new();
    place.write("choices.toml", CHOICES);
    let run = |choice: &[&str], code| {
        let answer = place.run([&["run", "choices.toml", "--format", "json"], choice].concat());
        answer.ends_with(code).json()
    };
    let short = run(&["--scenario", "short"], 0);
    assert_eq!((&short["run"]["scenario"], &short["run"]["environment"]), (&"short".into(), &"default".into()));
    assert_eq!((&short["run"]["planned_s"], &short["load"]["driver"]), (&2.0.into(), &"repeat".into()));
    assert_eq!(short["budgets"].as_array().map(Vec::len), Some(1));

    let strict = run(&["--scenario", "short", "--env", "strict"], 2);
    assert_eq!(strict["budgets"].as_array().map(Vec::len), Some(2), "on top of those that always hold");

    let merge = run(&["--stage", "merge"], 1);
    assert_eq!((&merge["run"]["stage"], &merge["run"]["scenario"]), (&"merge".into(), &"hasty".into()));

    let release = run(&["--stage", "release"], 2);
    assert_eq!((&release["run"]["stage"], &release["run"]["environment"]), (&"release".into(), &"strict".into()));

    // The command line has the last word.
    let longer = run(&["--stage", "merge", "--for", "2s"], 0);
    assert_eq!(longer["run"]["planned_s"], 2.0);
    for (flag, value) in [("--scenario", "long"), ("--env", "prod"), ("--stage", "night")] {
        place.run(["run", "choices.toml", flag, value]).ends_with(64).says(value);
    }
    place.nothing_is_left();
}

#[test]
fn the_command_line_replaces_the_target_of_a_profile() {
    let place = Place::new();
    place.write("mine.toml", "[target]\ncommand = './does-not-exist'\n");
    let answer = place.run([&["run", "mine.toml"], SHORT, &["--format", "json", "--", "sleep", "600"]].concat());
    assert_eq!(answer.ends_with(0).json()["run"]["command"], serde_json::json!(["sleep", "600"]));
    place.nothing_is_left();
}
