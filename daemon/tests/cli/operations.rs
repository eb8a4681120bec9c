//! Where operations are counted, and that growth is laid on them.

use serde_json::Value;

use crate::helpers::growing;
use crate::place::{Place, SHORT};
use crate::tiny_server::{Manner, TinyServer};

/// A script that does `work` fifty times a second, for ever.
fn again_and_again(work: &str) -> String {
    format!("n=0; while :; do n=$((n + 1)); {work}; sleep 0.02; done")
}

/// The verdict on `script`, its operations counted by `counter`.
fn soaked(place: &Place, counter: &str, script: &str) -> Value {
    let options = [SHORT, &["--operations", counter, "--out", "out"]].concat();
    place.soak("run", &options, script).ends_with(0);
    place.nothing_is_left();
    place.verdict("out")
}

fn counted(verdict: &Value) -> u64 {
    verdict["load"]["operations"].as_u64().unwrap_or_else(|| panic!("nothing was counted: {verdict:#}"))
}

#[test]
fn lines_of_output_are_counted_whole() {
    let place = Place::new();
    let verdict =
        soaked(&place, "line:^done [0-9]+$", &again_and_again("echo begun $n; echo done $n; echo done $n >&2"));
    let log = std::fs::read_to_string(place.path("out/target.log")).expect("its output is kept");
    let printed = log.lines().filter(|line| line.starts_with("done")).count() as u64;
    // The first ones may have been printed before the load began, the last ones after it ended.
    assert!(counted(&verdict) > 20 && counted(&verdict) <= printed, "{} of {printed}", counted(&verdict));
    assert!(verdict["series"][0]["rate_per_op"].is_object(), "{verdict:#}");
    assert!(verdict["load"]["throughput_per_s"].as_f64() > Some(0.0));
    let trends = place.run(["history", "trend", "--measure", "throughput", "--format", "json"]).json();
    assert_eq!(trends[0]["points"][0]["value"], verdict["load"]["throughput_per_s"], "{trends:#}");
}

#[test]
fn lines_of_one_stream_are_counted_alone() {
    let counted = |stream: &str| {
        let place = Place::new();
        // Many to one, so that it shows which of them was counted.
        let script = again_and_again("echo done; echo done; echo done; echo done; echo done >&2");
        let counter = format!("counter = {{ line = 'done', stream = '{stream}' }}");
        place.write("lines.toml", &format!("[target]\ncommand = ['sh', '-c', '{script}']\n[load]\n{counter}\n"));
        place.run([&["run", "lines.toml"], SHORT, &["--out", "out"]].concat()).ends_with(0);
        let log = std::fs::read_to_string(place.path("out/target.log")).expect("its output is kept");
        counted(&place.verdict("out")) as f64 / log.lines().count() as f64
    };
    assert!(counted("stderr") < 0.25);
    assert!(counted("stdout") > 0.5);
}

#[test]
fn a_file_is_counted() {
    let place = Place::new();
    let verdict = soaked(&place, "file:count", &again_and_again("echo $n > new; mv new count"));
    let last: u64 =
        std::fs::read_to_string(place.path("count")).expect("it was written").trim().parse().expect("a number");
    assert!(counted(&verdict) > 20 && counted(&verdict) <= last, "{} of {last}", counted(&verdict));
}

#[test]
fn a_prometheus_counter_is_counted() {
    let place = Place::new();
    let server = TinyServer::start(Manner::Counts { status: 200 });
    let verdict = soaked(&place, &format!("work_total@{}metrics", server.url()), "exec sleep 600");
    // Each question adds ten, and the first answer is what is counted from.
    let counted = counted(&verdict);
    assert!(counted >= 10 && counted.is_multiple_of(10) && counted < server.asked_count() * 10, "{counted}");
}

#[test]
fn growth_is_laid_on_operations() {
    let place = Place::new();
    // 100 kB for each operation, and 64 bytes are accepted.
    place.write("growing.toml", &growing());
    let accepted = ["--tolerate", "64B/op", "--operations", "line:^kept$"];
    let options = ["run", "growing.toml", "--interval", "50ms", "--for", "8s", "--out", "out"];
    let answer = place.run([&options[..], &accepted].concat());
    place.nothing_is_left();
    assert!(matches!(answer.status.code(), Some(2 | 3)), "{answer}");
    let verdict = place.verdict("out");
    let series = verdict["series"].as_array().expect("series");
    let grown = series.iter().find(|series| series["metric"] == "anon_swap_bytes").expect("it is judged");
    assert_eq!(grown["judgement"], "leak", "{grown:#}");
    assert!(grown["rate_per_op"]["low"].as_f64() > Some(64.0), "{grown:#}");
    assert!(answer.stdout.contains("/op"), "the reader is told in the terms of the tolerance: {answer}");
}
