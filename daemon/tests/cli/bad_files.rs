//! Files that are full, foreign, damaged or somebody else's: nothing of theirs is lost, and nothing is taken for a pass.

use std::fs;

use serde_json::Value;

use crate::place::{Place, SHORT};

#[test]
fn a_verdict_that_is_none_is_told_with_what_it_is() {
    let place = Place::new();
    place.run([&["check"], SHORT, &["--out", "out", "--", "sleep", "600"]].concat()).ends_with(0);
    let whole = fs::read_to_string(place.path("out/verdict.json")).expect("a verdict");
    place.run(["report", "out/verdict.json"]).ends_with(0).results_in("PASS");

    place.write("half.json", &whole[..whole.len() / 2]);
    place
        .run(["report", "half.json"])
        .ends_with(65)
        .says("`half.json`")
        .says("hint: `soakd report RUN` writes it again");
    place.write("empty.json", "");
    place.run(["report", "empty.json"]).ends_with(65).says("`empty.json`").says("hint: ");
    place.write("newer.json", &whole.replace("soakd.verdict/1", "soakd.verdict/2"));
    place.run(["report", "newer.json"]).ends_with(65).says("soakd.verdict/2").says("hint: use the newer soakd");
    place.write("foreign.json", "{\"schema\": \"somebody.else/1\"}");
    place.run(["report", "foreign.json"]).ends_with(65).says("somebody.else/1").says("hint: give a `verdict.json`");
    place.write("partly.json", "{\"schema\": \"soakd.verdict/1\"}");
    place.run(["report", "partly.json"]).ends_with(65).says("not a complete verdict").says("hint: ");
    fs::write(place.path("binary.json"), [0xff, 0x00]).expect("written");
    place.run(["report", "binary.json"]).ends_with(65).says("`binary.json`");
}

#[test]
fn a_store_that_is_none_is_left_as_it_is() {
    let place = Place::new();
    fs::create_dir(place.path("state")).expect("a folder");
    let text =
        "a letter that somebody saved under this name, and that is long enough to look like something\n".repeat(20);
    place.write("state/soakd.sqlite", &text);
    place.run(["check", "--", "sleep", "600"]).ends_with(65).says("soakd.sqlite").says("hint: move ");
    place.run(["report"]).ends_with(65);
    assert_eq!(fs::read_to_string(place.path("state/soakd.sqlite")).expect("it is there"), text);
    place.nothing_is_left();
}

#[test]
fn a_verdict_of_an_earlier_run_is_never_overwritten() {
    let place = Place::new();
    fs::create_dir(place.path("out")).expect("a folder");
    place.write("out/verdict.json", "of an earlier run");
    let answer = place.run([&["check"], SHORT, &["--out", "out", "--", "sleep", "600"]].concat());
    answer.ends_with(73).says("`out` holds the verdict of an earlier run").says("hint: name another folder");
    assert_eq!(fs::read_to_string(place.path("out/verdict.json")).expect("it is there"), "of an earlier run");
    place.nothing_is_left();
}

#[test]
fn a_folder_of_another_user_is_refused_before_anything_starts() {
    let place = Place::new();
    // Writable by nobody, whoever runs the test.
    let options =
        [&["check"], SHORT, &["--out", "/proc/out", "--", "sh", "-c", "echo x > started; sleep 600"]].concat();
    place
        .run(options)
        .ends_with(73)
        .says("cannot write into `/proc/out`")
        .says("hint: name another folder with `--out`");
    assert!(!place.path("started").exists(), "the output is looked at first");

    let place = Place::new();
    let closed = place.path("closed");
    fs::create_dir(&closed).expect("a folder");
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).expect("its own folder");
    let options = [&["check"], SHORT, &["--out", "closed/out", "--", "sleep", "600"]].concat();
    place.finish(place.soakd_as_nobody(&[], &options)).ends_with(73).says("cannot write into `closed/out`");
    place.nothing_is_left();
}

#[test]
fn a_store_that_fills_ends_in_an_honest_verdict_on_what_was_recorded() {
    let place = Place::new();
    let options = ["check", "--interval", "10ms", "--for", "1h", "--tolerate", "1TiB/h", "--out", "out"];
    let mut soakd = place.start(place.soakd([&options, ["--", "sleep", "600"].as_slice()].concat()));
    place.await_samples(20);
    // From now on no file of its may grow beyond what the store takes already: the disk is full for it.
    soakd.limit_files_to(64 << 10);
    soakd.await_message("warning: samples cannot be written");
    soakd.signal(rustix::process::Signal::TERM);
    let answer = soakd.answer();
    answer.ends_with(4);
    let verdict = place.verdict("out");
    assert_eq!(
        (verdict["outcome"].as_str(), &verdict["run"]["ended"]["why"]),
        (Some("inconclusive"), &"recording_failed".into())
    );
    let judged = verdict["samples"]["count"].as_u64().expect("a count");

    // Room again: what was recorded is there, and can be read.
    let report = place.run(["report", "last", "--format", "json"]);
    report.ends_with(4);
    assert!(judged > 0 && report.json()["samples"]["count"].as_u64() >= Some(judged), "{report}");
}

#[test]
fn several_soakds_share_one_state_folder() {
    let place = Place::new();
    let all = ["a", "b", "c"].map(|out| {
        let options = [&["check"], SHORT, &["--format", "json", "--out", out, "--", "sleep", "600"]].concat();
        place.start(place.soakd(options))
    });
    let mut ids: Vec<String> = all
        .map(|soakd| {
            let answer = soakd.answer();
            assert!(!answer.stderr.contains("interrupted"), "a run that goes on is left alone: {answer}");
            answer.ends_with(0).json()["run"]["id"].as_str().expect("an id").to_owned()
        })
        .to_vec();
    for id in &ids {
        let verdict = place.run(["report", id, "--format", "json"]).ends_with(0).json();
        assert_eq!(verdict["run"]["id"], Value::String(id.clone()));
        assert!(verdict["samples"]["count"].as_u64() > Some(10), "{verdict:#}");
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
    place.nothing_is_left();
}

#[test]
fn a_run_that_goes_on_is_not_judged_by_others() {
    let place = Place::new();
    let soakd = place.start(place.soakd([&["run"], crate::place::LONG, &["--", "sleep", "600"]].concat()));
    place.await_samples(1);
    place.run(["report", "last"]).ends_with(66).says("is still going on").says(&format!("kill -USR1 {}", soakd.pid()));
    soakd.signal(rustix::process::Signal::TERM);
    soakd.answer().ends_with(4);
    place.nothing_is_left();
}
