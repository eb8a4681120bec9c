//! Trees whose processes come and go: a new worker is no leak, a dead one no cure, and who grows is named.

use serde_json::Value;

use crate::helpers::{Worker, tree, worker};
use crate::place::Place;

/// Long enough for each process that stays to be judged by itself.
const JUDGE: &str = "[sample]\ninterval = '20ms'\nlooks = false\n[judge]\nduration = '9s'\nearly_stop = false\n\
                     metrics = ['anon_swap_bytes', 'threads_count']\n";

fn soaked(workers: &[Worker]) -> Value {
    soaked_target(&tree(workers))
}

fn soaked_target(target: &str) -> Value {
    let place = Place::new();
    place.write("tree.toml", &format!("{target}{JUDGE}"));
    place.run(["run", "tree.toml", "--out", "out"]);
    place.nothing_is_left();
    place.verdict("out")
}

fn memory(verdict: &Value) -> &Value {
    let series = verdict["series"].as_array().expect("series");
    series.iter().find(|series| series["metric"] == "anon_swap_bytes" && series["role"] == "judged").expect("judged")
}

/// The process that a list of who grew begins with.
fn first_named(verdict: &Value) -> &str {
    verdict["attribution"][0]["what"].as_str().unwrap_or_else(|| panic!("nobody is named: {verdict:#}"))
}

#[test]
fn workers_that_are_recycled_all_the_time_are_no_leak() {
    // Two at a time, each for 1.2 s, one after the other; another one stays.
    let recycled = |n: u32| Worker { from_s: f64::from(n) * 0.6, lives_s: 1.2, holds_mib: 24.0, mib_per_s: 0.0 };
    let mut workers = vec![worker(0.0, 16.0, 0.0)];
    workers.extend((0..40).map(recycled));
    let verdict = soaked(&workers);
    // How sure it is depends on how busy the host is; what is sure at which pace is tested without one.
    assert_ne!(memory(&verdict)["judgement"], "leak", "{:#}", memory(&verdict));
}

#[test]
fn a_server_that_forks_workers_and_replaces_them_is_no_leak() {
    // The shell forks itself: each worker has all that its parent has, in common with it, and some of its own.
    let script = "held=$(head -c 16000000 /dev/zero | tr \"\\0\" x); echo ready; work() { own=$(head -c 6000000 /dev/zero | tr \
                  \"\\0\" y); sleep 0.5; }; while :; do (work) & (work) & (work) & wait; done";
    let verdict =
        soaked_target(&format!("[target]\ncommand = [\"sh\", \"-c\", '{script}']\nready = {{ line = '^ready$' }}\n"));
    assert_ne!(memory(&verdict)["judgement"], "leak", "{:#}", memory(&verdict));
}

#[test]
fn a_large_worker_that_comes_and_goes_is_no_leak() {
    let comes = |from_s: f64, lives_s: f64| Worker { from_s, lives_s, holds_mib: 50.0, mib_per_s: 0.0 };
    let comings = [comes(0.8, 1.2), comes(2.6, 0.6), comes(4.0, 1.7), comes(6.3, 1.4), comes(7.9, 0.7)];
    let verdict = soaked(&[&[worker(0.0, 16.0, 0.0)], &comings[..]].concat());
    assert_eq!(memory(&verdict)["judgement"], "no_leak", "{:#}", memory(&verdict));
}

#[test]
fn a_pool_that_grows_to_eight_and_stays_is_no_leak() {
    let mut workers = vec![worker(0.0, 16.0, 0.0), worker(0.0, 16.0, 0.0)];
    workers.extend((0..6).map(|n| worker(4.6 + 0.2 * f64::from(n), 16.0, 0.0)));
    let verdict = soaked(&workers);
    assert_ne!(memory(&verdict)["judgement"], "leak", "{:#}", memory(&verdict));
}

#[test]
fn a_leak_is_found_and_named_while_another_worker_dies_and_is_replaced() {
    // What the one leaks is less than what goes with the other.
    let dies = Worker { from_s: 0.0, lives_s: 5.0, holds_mib: 64.0, mib_per_s: 0.0 };
    let verdict = soaked(&[dies, worker(0.0, 8.0, 3.0), worker(5.2, 16.0, 0.0)]);
    let memory = memory(&verdict);
    assert_eq!(memory["judgement"], "leak", "{memory:#}");
    let rate = &memory["rate_per_hour"];
    let mib_per_s = |which: &str| rate[which].as_f64().expect("a rate") / 3600.0 / f64::from(1 << 20);
    assert!((1.5..4.5).contains(&mib_per_s("value")), "{rate:#}");
    let named = first_named(&verdict);
    let share = verdict["attribution"][0]["share"].as_f64();
    assert!(named.starts_with("process `") && share > Some(0.7), "{:#}", verdict["attribution"]);
}

#[test]
fn a_worker_that_leaks_until_it_is_replaced_leaks() {
    let leaks = |from_s: f64| Worker { from_s, lives_s: 4.8, holds_mib: 8.0, mib_per_s: 4.0 };
    let verdict = soaked(&[worker(0.0, 16.0, 0.0), leaks(0.0), leaks(5.0)]);
    assert_eq!(memory(&verdict)["judgement"], "leak", "{:#}", memory(&verdict));
    assert!(first_named(&verdict).starts_with("process `"), "{:#}", verdict["attribution"]);
}

#[test]
fn processes_that_come_and_never_go_are_a_leak() {
    let workers: Vec<Worker> = (0..60).map(|n| worker(0.2 * f64::from(n), 1.0, 0.0)).collect();
    let verdict = soaked(&workers);
    assert_ne!(verdict["outcome"], "pass", "{:#}", verdict["series"]);
    assert_ne!(memory(&verdict)["judgement"], "no_leak", "{:#}", memory(&verdict));
}
