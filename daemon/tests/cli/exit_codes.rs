//! Every exit code that the contract names, reached.

use rustix::process::Signal;

use crate::helpers::growing;
use crate::place::{LONG, Place, SHORT, eventually};

#[test]
fn a_constant_target_passes_with_0() {
    let place = Place::new();
    let answer = place.run([&["check"], SHORT, &["--out", "out", "--", "sleep", "600"]].concat());
    answer.ends_with(0).results_in("PASS");
    assert_eq!(
        (place.verdict("out")["outcome"].as_str(), &place.verdict("out")["exit_code"]),
        (Some("pass"), &0.into())
    );
    place.nothing_is_left();
}

#[test]
fn what_only_deserves_a_look_warns_with_1() {
    let place = Place::new();
    // Ended too soon to decide, which this profile counts as a warning.
    place.write("warn.toml", "[target]\ncommand = 'sh -c \"sleep 0.3\"'\n[judge]\ninconclusive = 'warn'\n");
    place.run([&["run", "warn.toml"], SHORT].concat()).ends_with(1).results_in("WARN");
    place.nothing_is_left();
}

#[test]
fn a_violated_budget_fails_with_2() {
    let place = Place::new();
    let budget = "[budget.default]\ntiny = { metric = 'rss_bytes', peak = '1KiB' }\n";
    place.write("small.toml", &format!("[target]\ncommand = 'sleep 600'\n{budget}"));
    place.run([&["run", "small.toml"], SHORT].concat()).ends_with(2).results_in("budget `tiny`");
    place.nothing_is_left();
}

#[test]
fn a_critical_leak_blocks_with_3() {
    let place = Place::new();
    // 2 MB each second: the program would be thousands of times as large after a day.
    place.write("growing.toml", &growing());
    let answer = place.run(["check", "growing.toml", "--interval", "50ms", "--for", "20s", "--out", "out"]);
    answer.ends_with(3).results_in("BLOCK");
    let verdict = place.verdict("out");
    let leaks = |metric| {
        let series = verdict["series"].as_array().expect("a list").iter();
        series.filter(|series| series["judgement"] == "leak").any(|series| series["metric"] == metric)
    };
    assert!(leaks("anon_swap_bytes"), "{verdict:#}");
    place.nothing_is_left();
}

#[test]
fn too_little_evidence_is_inconclusive_with_4() {
    let place = Place::new();
    place.soak("run", SHORT, "sleep 0.3").ends_with(4).results_in("INCONCLUSIVE");
    place.nothing_is_left();
}

#[test]
fn a_wrong_command_line_ends_with_64() {
    let place = Place::new();
    place.run(["no-such-command"]).ends_with(64).says("no-such-command");
    place.run(["check"]).ends_with(64).says("error: nothing to soak").says("hint: ");
    place.run(["check", "--for", "soon", "--", "true"]).ends_with(64).says("`--for soon` is not understood");
    place.run(["check", "--for", "1s", "--interval", "100ms", "--", "true"]).ends_with(64).says("too few samples");
    place.run(["attach", "--pid", "-3"]).ends_with(64).says("-3");
    place.run(["run", "command", "--scenario", "huge", "--", "true"]).ends_with(64).says("huge");
    assert!(!place.path("state").exists(), "nothing is made of a wrong command line");
}

#[test]
fn a_file_that_holds_something_else_ends_with_65() {
    let place = Place::new();
    place.write("poem.json", "roses are red");
    place.run(["report", "poem.json"]).ends_with(65).says("`poem.json`");
    place.write("poem.csv", "roses are red\nviolets are blue\n");
    place.run(["analyze", "poem.csv"]).ends_with(65).says("poem.csv");
}

#[test]
fn input_that_is_not_there_ends_with_66() {
    let place = Place::new();
    place.run(["report", "20260101-000000-nothing-0000"]).ends_with(66).says("there is no run").says("hint: ");
    place.run(["report"]).ends_with(66).says("there is no run yet").says("hint: `soakd check -- COMMAND`");
    place.run(["check", "./nowhere.toml"]).ends_with(66).says("./nowhere.toml");
    place.run(["analyze", "nowhere.csv"]).ends_with(66).says("nowhere.csv");
}

#[test]
fn a_target_that_is_not_available_ends_with_69() {
    let place = Place::new();
    place.run(["check", "--", "./nowhere"]).ends_with(69).says("cannot start target `./nowhere`: no such file");
    place.run(["attach", "--name", "no-such-name"]).ends_with(69).says("no-such-name");
}

#[test]
fn no_room_for_a_thread_is_not_the_users_fault_and_ends_with_70() {
    let place = Place::new();
    // A limit on processes counts threads too. It has another letter in each shell.
    let wrapper = ["sh", "-c", "ulimit -u 1 2>/dev/null || ulimit -p 1; exec \"$0\" \"$@\""];
    let soakd = place.soakd_as_nobody(&wrapper, &[&["check"], SHORT, &["--", "sleep", "600"]].concat());
    place.finish(soakd).ends_with(70).says("error: cannot start");
    place.nothing_is_left();
}

#[test]
fn an_output_that_cannot_be_written_ends_with_73() {
    let place = Place::new();
    place.write("file", "");
    place.run(["check", "--out", "file/out", "--", "sleep", "600"]).ends_with(73).says("cannot write into `file/out`");
    place.run(["check", "--state", "file/state", "--", "sleep", "600"]).ends_with(73).says("file/state");
    place.nothing_is_left();
}

#[test]
fn what_is_not_permitted_ends_with_77() {
    let place = Place::new();
    place.write("root.toml", "[target]\ncommand = 'sleep 600'\nuser = 'root'\n");
    let answer = place.finish(place.soakd_as_nobody(&[], &["check", "root.toml"]));
    answer.ends_with(77).says("cannot start target as user `root`").says("hint: run soakd as root");
    place.nothing_is_left();
}

#[test]
fn a_faulty_profile_ends_with_78() {
    let place = Place::new();
    place.write("faulty.toml", "[target]\ncomand = 'sleep 600'\n");
    place.run(["check", "faulty.toml"]).ends_with(78).says("unknown key `comand`").says("did you mean `command`?");
}

#[test]
fn a_signal_before_there_is_anything_to_judge_ends_with_128_and_its_number() {
    let place = Place::new();
    for (signal, name, code) in
        [(Signal::HUP, "SIGHUP", 129), (Signal::INT, "SIGINT", 130), (Signal::TERM, "SIGTERM", 143)]
    {
        let options = [&["check"], LONG, &["--ready", "line:^never$", "--", "sleep", "600"]].concat();
        let soakd = place.start(place.soakd(options));
        eventually("the target runs", || !place.processes("sleep 600").is_empty());
        soakd.signal(signal);
        let answer = soakd.answer();
        answer.ends_with(code).says(&format!("error: ended by {name} before the target was ready"));
        place.nothing_is_left();
        // What was sampled is kept.
        place.run(["report"]).ends_with(4).results_in(&format!("ended by {name}"));
    }
}
