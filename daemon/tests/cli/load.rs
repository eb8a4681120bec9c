//! What keeps the target busy: started with the run, watched, and stopped with it.

use std::fs;

use rustix::process::Signal;

use crate::helpers::{UNDER_LOAD_BYTES, holding};
use crate::place::{LONG, Place, SHORT};

fn with_load(place: &Place, load: &str) {
    place.write("loaded.toml", &format!("[target]\ncommand = 'sleep 600'\n[load]\n{load}"));
}

#[test]
fn a_driver_command_runs_while_the_target_is_judged() {
    let place = Place::new();
    with_load(&place, "driver = 'command'\ncommand = ['sh', '-c', 'echo driving; echo x > driven; exec sleep 601']\n");
    let soakd = place.start(place.soakd([&["run", "loaded.toml"], LONG, &["--out", "out"]].concat()));
    place.await_file("driven");
    place.await_samples(60);
    assert_eq!(place.processes("sleep 601").len(), 1, "it runs beside the target");
    soakd.signal(Signal::INT);
    soakd.answer().ends_with(4);
    place.nothing_is_left();
    assert_eq!(place.verdict("out")["load"]["driver"], "command");
    assert_eq!(fs::read_to_string(place.path("out/load.log")).expect("its output is kept"), "driving\n");
}

#[test]
fn a_driver_that_ends_before_its_time_ends_the_run_and_is_no_pass() {
    let place = Place::new();
    with_load(&place, "driver = 'command'\ncommand = ['sh', '-c', 'sleep 1; exit 9']\n");
    let answer = place.run([&["run", "loaded.toml"], LONG, &["--out", "out"]].concat());
    answer.ends_with(4).results_in("the load ended with status 9");
    let ended = &place.verdict("out")["run"]["ended"];
    assert_eq!((&ended["why"], &ended["status"]), (&"load_ended".into(), &9.into()));
    place.nothing_is_left();
}

#[test]
fn a_driver_that_cannot_be_started_ends_the_run() {
    let place = Place::new();
    with_load(&place, "driver = 'command'\ncommand = './no-such-driver'\n");
    let answer = place.run([&["run", "loaded.toml"], LONG].concat());
    answer.ends_with(69).says("cannot start load driver `./no-such-driver`: no such file");
    place.nothing_is_left();
}

#[test]
fn a_command_that_is_repeated_ends_the_run_when_all_is_done() {
    let place = Place::new();
    let command = "command = ['sh', '-c', 'echo x >> runs; sleep 0.05']\n";
    with_load(&place, &format!("driver = 'repeat'\n{command}times = 20\n"));
    place.run([&["run", "loaded.toml"], LONG, &["--out", "out"]].concat());
    place.nothing_is_left();
    let verdict = place.verdict("out");
    assert_eq!(
        (&verdict["run"]["ended"]["why"], &verdict["run"]["ended"]["operations"]),
        (&"operations_done".into(), &20.into())
    );
    let load = &verdict["load"];
    assert_eq!((&load["driver"], &load["operations"], &load["errors"]), (&"repeat".into(), &20.into(), &0.into()));
    assert_eq!(fs::read_to_string(place.path("runs")).expect("it ran").lines().count(), 20);
}

#[test]
fn repeated_commands_run_beside_each_other_and_failures_are_counted() {
    let place = Place::new();
    // A run is over only when three have met, so that they cannot come one after the other.
    let meet = "echo x >> meeting; while [ $(wc -l < meeting) -lt 3 ]; do sleep 0.02; done; exit 1";
    with_load(&place, &format!("driver = 'repeat'\ncommand = ['sh', '-c', '{meet}']\ntimes = 7\nparallel = 3\n"));
    place.run([&["run", "loaded.toml"], LONG, &["--out", "out"]].concat());
    place.nothing_is_left();
    let load = &place.verdict("out")["load"];
    assert_eq!((&load["operations"], &load["errors"]), (&7.into(), &7.into()));
    assert_eq!(fs::read_to_string(place.path("meeting")).expect("they ran").lines().count(), 7);
}

#[test]
fn a_command_without_a_number_is_repeated_until_the_planned_end() {
    let place = Place::new();
    with_load(&place, "driver = 'repeat'\ncommand = ['sh', '-c', 'echo x >> runs']\npause = '20ms'\n");
    place.run([&["run", "loaded.toml"], SHORT, &["--out", "out"]].concat()).ends_with(0);
    place.nothing_is_left();
    let verdict = place.verdict("out");
    assert_eq!(verdict["run"]["ended"]["why"], "planned_end");
    let runs_count = fs::read_to_string(place.path("runs")).expect("it ran").lines().count() as u64;
    let counted = verdict["load"]["operations"].as_u64().expect("it counts by itself");
    // One may have been under way at the end.
    assert!(counted > 1 && (counted..=counted + 1).contains(&runs_count), "{counted} counted, {runs_count} made");
}

/// A load while which the helper holds memory.
const WHILE_LOADED: &str = "[load]\ndriver = 'command'\ncommand = ['sh', '-c', \
    'trap \"rm loaded; exit 0\" TERM; echo x > loaded; while :; do sleep 0.02; done']\n";

/// The verdict on a target that is to give back what it took under load.
fn cleanup(keeps: bool) -> (i32, serde_json::Value) {
    let place = Place::new();
    let target = holding(&place.path("loaded"), keeps);
    // Only a series that has nothing to do with it is judged, so that the budget alone decides.
    let judge = "[judge]\nmetrics = ['threads_count']\n";
    let budget = "[budget.default]\nafter = { cleanup = '8MiB', settle = '2s' }\n";
    place.write("cleanup.toml", &format!("{target}{WHILE_LOADED}{judge}{budget}"));
    let answer = place.run([&["run", "cleanup.toml"], SHORT, &["--out", "out"]].concat());
    place.nothing_is_left();
    let budget = place.verdict("out")["budgets"][0].clone();
    (answer.status.code().expect("it was not killed"), budget)
}

#[test]
fn a_target_that_cleans_up_after_the_load_is_back_at_the_level_before_it() {
    let (code, budget) = cleanup(false);
    assert_eq!((code, &budget["status"]), (0, &"ok".into()), "{budget:#}");
    let reason = budget["reason"].as_str().expect("it says what the levels were");
    assert!(["before the load", "during it", "after it"].iter().all(|phase| reason.contains(phase)), "{reason}");
    assert!(budget["observed"].as_f64() < Some(8.0 * 1024.0 * 1024.0), "{budget:#}");
}

#[test]
fn a_load_that_is_done_before_the_planned_end_is_followed_by_the_cleanup_too() {
    let place = Place::new();
    let target = holding(&place.path("loaded"), false);
    let work = "echo x > loaded; sleep 0.5; rm loaded";
    let load = format!("[load]\ndriver = 'repeat'\ncommand = ['sh', '-c', '{work}']\ntimes = 2\n");
    let budget = "[budget.default]\nafter = { cleanup = '8MiB', settle = '1s' }\n";
    place.write("done.toml", &format!("{target}{load}{budget}"));
    place.run([&["run", "done.toml"], LONG, &["--out", "out"]].concat());
    place.nothing_is_left();
    let verdict = place.verdict("out");
    assert_eq!(verdict["run"]["ended"]["why"], "operations_done");
    assert_eq!(verdict["budgets"][0]["status"], "ok", "{:#}", verdict["budgets"]);
    assert_eq!(verdict["load"]["operations"], 2);
}

#[test]
fn a_target_that_keeps_what_the_load_made_it_allocate_fails() {
    let (code, budget) = cleanup(true);
    assert_eq!((code, &budget["status"]), (2, &"violated".into()), "{budget:#}");
    // Pages that it had before and has no more may be missing from the sum.
    assert!(budget["observed"].as_f64() > Some(0.9 * UNDER_LOAD_BYTES as f64), "{budget:#}");
}
