//! Signals end a run early with a verdict, skip the grace, or ask for the estimate.

use rustix::process::Signal;

use crate::place::{LONG, Place};

#[test]
fn a_signal_ends_the_run_with_a_verdict_on_what_there_is() {
    for (signal, number) in [(Signal::INT, 2), (Signal::TERM, 15), (Signal::HUP, 1)] {
        let place = Place::new();
        let soakd = place.start(place.soakd([&["run"], LONG, &["--out", "out", "--", "sleep", "600"]].concat()));
        place.await_samples(60);
        soakd.signal(signal);
        // Cut short is never a pass.
        soakd.answer().ends_with(4).says("ending the run");
        place.nothing_is_left();
        let verdict = place.verdict("out");
        assert_eq!(
            (&verdict["run"]["ended"]["why"], &verdict["run"]["ended"]["signal"]),
            (&"interrupted".into(), &number.into())
        );
        assert!(verdict["samples"]["count"].as_u64() >= Some(60), "{verdict:#}");
        assert_eq!(verdict["series"][0]["judgement"], "no_leak", "{verdict:#}");
    }
}

/// A target that ignores the signal to stop, given ten minutes to think it over.
fn deaf(place: &Place) {
    let script = "trap \"\" TERM; echo deaf; while :; do sleep 1; done";
    let target = format!("[target]\ncommand = ['sh', '-c', '{script}']\nready = {{ line = 'deaf' }}\n");
    place.write("deaf.toml", &format!("{target}stop = {{ grace = '10m' }}\n"));
}

#[test]
fn a_second_signal_skips_the_grace() {
    let place = Place::new();
    deaf(&place);
    let mut soakd = place.start(place.soakd([&["run", "deaf.toml"], LONG, &["--out", "out"]].concat()));
    place.await_samples(5);
    soakd.signal(Signal::INT);
    soakd.await_message("SIGINT: ending the run; once more to skip the target's grace");
    assert!(soakd.runs() && !place.processes("sh -c trap").is_empty(), "it waits for the target");
    soakd.signal(Signal::INT);
    soakd.answer().ends_with(4);
    place.nothing_is_left();
    let verdict = place.verdict("out");
    assert_eq!(verdict["run"]["ended"]["why"], "interrupted");
    assert!(verdict["events"].to_string().contains("killed without further grace"), "{:#}", verdict["events"]);
}

#[test]
fn a_second_signal_skips_the_grace_of_the_load_too() {
    let place = Place::new();
    let driver = "trap \"\" TERM; echo x > loaded; while :; do sleep 1; done";
    let load = format!("[load]\ndriver = 'command'\ncommand = ['sh', '-c', '{driver}']\n");
    let stop = "stop = { grace = '10m' }\n";
    place.write("loaded.toml", &format!("[target]\ncommand = 'sleep 600'\n{stop}{load}"));
    let mut soakd = place.start(place.soakd([&["run", "loaded.toml"], LONG, &["--out", "out"]].concat()));
    place.await_file("loaded");
    place.await_samples(5);
    soakd.signal(Signal::TERM);
    soakd.await_message("SIGTERM: ending the run");
    soakd.signal(Signal::TERM);
    soakd.answer().ends_with(4);
    place.nothing_is_left();
    let events = place.verdict("out")["events"].to_string();
    assert!(events.contains("the load driver was killed without further grace"), "{events}");
}

#[test]
fn usr1_asks_for_the_estimate_and_the_run_goes_on() {
    let place = Place::new();
    let soakd = place.soakd([&["run", "--quiet"], LONG, &["--", "sleep", "600"]].concat());
    let mut soakd = place.start(soakd);
    place.await_samples(60);
    soakd.signal(Signal::USR1);
    soakd.await_message("estimate at 0:");
    soakd.await_message("anon_swap_bytes");
    let so_far = place.samples_count();
    place.await_samples(so_far + 10);
    soakd.signal(Signal::INT);
    let answer = soakd.answer();
    answer.ends_with(4);
    assert!(!answer.stdout.contains("estimate at"), "it is no result: {answer}");
    place.nothing_is_left();
}
