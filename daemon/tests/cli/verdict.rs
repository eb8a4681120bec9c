//! The verdict as other programs read it, and what is printed where.

use std::fs;
use std::io::Read;

use jsonschema::Validator;
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::place::{LONG, Place, SHORT};

/// The schema that soakd prints, in the hands of somebody else.
fn schema(document: &str) -> Validator {
    let answer = Place::new().run(["schema", document]);
    answer.ends_with(0);
    assert!(answer.stderr.is_empty(), "{answer}");
    let schema = answer.json();
    jsonschema::meta::validate(&schema).expect("it is a JSON Schema");
    jsonschema::validator_for(&schema).expect("it can be used")
}

#[track_caller]
fn must_be_valid(validator: &Validator, document: &Value) {
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{document:#}");
}

#[test]
fn the_configuration_has_a_schema() {
    let validator = schema("config");
    must_be_valid(&validator, &json!({ "schedule": [{ "name": "nightly", "profile": "api", "when": "@nightly" }] }));
    assert!(!validator.is_valid(&json!({ "schedule": [{ "nome": "nightly" }] })));
}

#[test]
fn verdicts_of_all_kinds_fit_the_schema() {
    let validator = schema("verdict");
    let place = Place::new();
    let long = place.start(place.soakd([&["run"], LONG, &["--out", "cut", "--", "sleep", "600"]].concat()));
    place
        .run([&["check"], SHORT, &["--out", "clean", "--operations", "line:x", "--", "sleep", "600"]].concat())
        .ends_with(0);
    let load = "[load]\ndriver = 'repeat'\ncommand = 'true'\npause = '10ms'\n";
    let limits = "[budget.default]\npeak = { metric = 'rss_bytes', peak = '1KiB' }\nper = { growth = '1GB', per_operations = 10 }\n";
    place
        .write("busy.toml", &format!("[target]\ncommand = ['sh', '-c', 'sleep 601 & exec sleep 600']\n{load}{limits}"));
    place.run([&["run", "busy.toml"], SHORT, &["--out", "busy"]].concat()).ends_with(2);
    place.soak("run", &[SHORT, &["--out", "short"]].concat(), "sleep 0.1").ends_with(4);
    place.soak("run", SHORT, "exit 3").ends_with(69);
    let dead = place.run(["report", "last", "--format", "json"]).json();
    long.signal(Signal::TERM);
    long.answer().ends_with(4);
    for out in ["clean", "busy", "short", "cut"] {
        must_be_valid(&validator, &place.verdict(out));
    }
    must_be_valid(&validator, &dead);
    // The validator can say no.
    let mut wrong = place.verdict("clean");
    wrong["outcome"] = json!("perhaps");
    assert!(!validator.is_valid(&wrong));
    place.nothing_is_left();
}

#[test]
fn the_schema_of_profiles_takes_a_profile_and_refuses_a_faulty_one() {
    let validator = schema("profile");
    must_be_valid(&validator, &json!({"target": {"command": ["sleep", "600"]}, "sample": {"interval": "1s"}}));
    assert!(!validator.is_valid(&json!({"target": {"comand": ["sleep", "600"]}})));
}

#[test]
fn a_verdict_appears_whole_or_not_at_all() {
    let place = Place::new();
    let mut soakd = place.start(place.soakd([&["check"], SHORT, &["--out", "out", "--", "sleep", "600"]].concat()));
    while soakd.runs() {
        if let Ok(text) = fs::read_to_string(place.path("out/verdict.json")) {
            let verdict: Result<Value, _> = serde_json::from_str(&text);
            assert!(verdict.is_ok(), "half a verdict: {text}");
        }
    }
    soakd.answer().ends_with(0);
    let mut names: Vec<_> =
        fs::read_dir(place.path("out")).expect("a folder").flatten().map(|file| file.file_name()).collect();
    names.sort();
    assert_eq!(names, ["target.log", "verdict.json"], "and nothing else is left");
    place.nothing_is_left();
}

#[test]
fn json_on_standard_output_is_the_document_in_the_file() {
    let place = Place::new();
    let answer =
        place.run([&["check", "--format", "json"], SHORT, &["--out", "out", "--", "echo", "not for you"]].concat());
    assert_eq!(answer.json(), place.verdict("out"));
    let report = place.run(["report", "last", "--format", "json"]);
    assert_eq!(report.json(), place.verdict("out"));
    assert_eq!(place.run(["report", "out/verdict.json", "--format", "json"]).json(), place.verdict("out"));
}

#[test]
fn standard_output_carries_the_result_and_standard_error_the_rest() {
    let place = Place::new();
    // In a file of its own, since the command itself is shown.
    place.write("talks", "echo printed by the target; echo complained >&2; exec sleep 600");
    let answer = place.soak("check", SHORT, ". ./talks");
    answer.ends_with(0);
    assert!(answer.stdout.contains("PASS"), "{answer}");
    assert!(!answer.stdout.contains("printed by") && !answer.stderr.contains("complained"), "{answer}");

    let quiet = place.soak("check", &[SHORT, &["--quiet"]].concat(), ". ./talks");
    quiet.ends_with(0);
    assert_eq!((quiet.stdout.lines().count(), quiet.stderr.as_str()), (1, ""), "{quiet}");
    place.nothing_is_left();
}

/// What `soakd report last` writes to a terminal.
fn on_a_terminal(place: &Place, no_colour: Option<&str>) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&terminal).expect("it can be used");
    unlockpt(&terminal).expect("it can be used");
    let name = ptsname(&terminal, Vec::new()).expect("it has a name");
    let open = || {
        let path = name.to_str().expect("a path");
        fs::File::options().read(true).write(true).open(path).expect("its other side")
    };
    let mut command = place.soakd(["report", "last"]);
    command.stdin(std::process::Stdio::null()).stdout(open()).stderr(open()).env_remove("NO_COLOR");
    if let Some(value) = no_colour {
        command.env("NO_COLOR", value);
    }
    let mut child = command.spawn().expect("soakd starts");
    drop(command);
    let mut text = Vec::new();
    // A terminal whose other side is closed answers with an error, after all that was written.
    let _ = fs::File::from(terminal).read_to_end(&mut text);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let place = Place::new();
    let check: Answer = place.run([&["check"], SHORT, &["--", "sleep", "600"]].concat());
    check.ends_with(0);
    assert!(!check.stdout.contains('\u{1b}') && !check.stderr.contains('\u{1b}'), "{check}");
    assert!(on_a_terminal(&place, None).contains("\u{1b}["), "a terminal gets colour");
    let plain = on_a_terminal(&place, Some("1"));
    assert!(plain.contains("PASS") && !plain.contains('\u{1b}'), "{plain:?}");
}
