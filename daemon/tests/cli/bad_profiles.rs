//! Faulty profiles: all faults at once, each with its place, and nothing is started.

use crate::place::Place;

/// One fault in each line but the headings.
const FAULTY: &str = "[target]
comand = 'sleep 600'
[sample]
interval = '1ms'
[judge]
duration = '5 parsecs'
confidence = 2.0
[budget.default]
total = { metric = 'rss_bytes', peak = '64M' }
";

#[test]
fn all_faults_of_a_profile_are_shown_together_with_their_places() {
    let place = Place::new();
    place.write("faulty.toml", FAULTY);
    for arguments in [["check", "faulty.toml"], ["run", "faulty.toml"]] {
        let answer = place.run(arguments);
        answer.ends_with(78);
        for line in [2, 4, 6, 7, 9] {
            answer.says(&format!("error: `faulty.toml`, line {line}"));
        }
        answer.says("did you mean `command`?").says("expected at least `10ms`").says("5 parsecs").says("64M");
        assert!(answer.stdout.is_empty(), "{answer}");
    }
    let validated = place.run(["profile", "validate", "faulty.toml"]);
    validated.ends_with(78);
    assert_eq!(validated.stderr.matches("error: ").count(), 5, "{validated}");
    assert!(!place.path("state").exists(), "nothing is recorded of it");
}

#[test]
fn what_a_profile_cannot_be_is_told() {
    let place = Place::new();
    place.write("binary.toml", "");
    std::fs::write(place.path("binary.toml"), [0xff, 0xfe, 0x00]).expect("written");
    place.run(["check", "binary.toml"]).ends_with(78).says("binary.toml");
    place.write("circle.toml", "extends = 'circle.toml'\n");
    place.run(["check", "circle.toml"]).ends_with(78).says("circle.toml");
    std::fs::create_dir(place.path("folder.toml")).expect("a folder");
    place.run(["check", "./folder.toml"]).ends_with(66).says("folder.toml");
}

#[test]
fn several_profiles_are_validated_together() {
    let place = Place::new();
    place.write("good.toml", "[target]\ncommand = 'sleep 600'\n");
    place.write("bad.toml", "[target]\ncomand = 'sleep 600'\n");
    let answer = place.run(["profile", "validate", "bad.toml", "good.toml", "command"]);
    answer.ends_with(78).says("`bad.toml`, line 2").results_in("`good.toml` is valid").results_in("`command` is valid");
}
