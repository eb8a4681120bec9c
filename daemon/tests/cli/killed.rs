//! soakd is killed: nothing of what it started stays, and next to nothing of what it sampled is lost.

use rustix::process::Signal;

use crate::place::{LONG, Place};

/// Target and load driver that do not go by themselves, each with a child that has left its session.
fn stubborn(place: &Place) {
    let family = "trap \"\" TERM; (setsid sleep 601 &); echo x >> families; while :; do sleep 1; done";
    let target = format!("[target]\ncommand = ['sh', '-c', '{family}']\n");
    let load = format!("[load]\ndriver = 'command'\ncommand = ['sh', '-c', '{family}']\n");
    place.write("stubborn.toml", &format!("{target}{load}"));
}

#[test]
fn a_killed_soakd_leaves_nothing_running_and_its_samples_on_disk() {
    // At the first sample, in the middle, and when the store has written several times.
    for samples_before in [1, 17, 120] {
        let place = Place::new();
        stubborn(&place);
        let soakd = place.start(place.soakd([&["run", "stubborn.toml"], LONG].concat()));
        place.await_samples(samples_before);
        let seen = place.samples_count();
        soakd.signal(Signal::KILL);
        assert_eq!(soakd.answer().status.code(), None, "it was killed");
        place.nothing_will_be_left();

        // Whatever opens the store next says so, once.
        let run = place.only_run();
        let next = place.run(["report", &run, "--csv", "series.csv", "--format", "json"]);
        next.says(&format!("note: run `{run}` was interrupted")).ends_with(4);
        let verdict = next.json();
        assert_eq!(verdict["run"]["ended"]["why"], "soakd_killed");
        let kept = verdict["samples"]["count"].as_u64().expect("a count");
        assert!(kept >= seen, "{kept} of {seen} samples are kept");
        no_holes(&std::fs::read_to_string(place.path("series.csv")).expect("series"), kept);

        // And judges it: the second time from what it concluded.
        let again = place.run(["report", "last"]);
        again.ends_with(4).results_in("soakd was killed");
        assert!(!again.stderr.contains("was interrupted"), "{again}");
    }
}

/// Each sample that was committed is whole.
fn no_holes(csv: &str, samples_count: u64) {
    let rows: Vec<&str> = csv.lines().skip(1).collect();
    assert_eq!(rows.len() as u64, samples_count);
    let times: Vec<f64> =
        rows.iter().map(|row| row.split(',').next().and_then(|t| t.parse().ok()).expect("a time")).collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn soakd_killed_while_it_waits_or_stops_leaves_nothing_running() {
    let place = Place::new();
    stubborn(&place);
    let waiting = place.start(place.soakd([&["run", "stubborn.toml"], LONG, &["--ready", "line:^never$"]].concat()));
    place.await_file("families");
    waiting.signal(Signal::KILL);
    waiting.answer();
    place.nothing_will_be_left();

    let mut stopping = place.start(place.soakd([&["run", "stubborn.toml"], LONG].concat()));
    crate::place::eventually("target and load run", || place.processes("sleep 601").len() >= 2);
    stopping.signal(Signal::INT);
    stopping.await_message("SIGINT");
    stopping.signal(Signal::KILL);
    stopping.answer();
    place.nothing_will_be_left();
}
