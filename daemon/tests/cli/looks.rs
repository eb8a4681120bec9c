//! Who grew: the looks that are taken by themselves, and what the verdict names.

use rustix::process::Signal;
use serde_json::Value;

use crate::helpers::growing;
use crate::place::Place;

/// Long enough for a leak to be seen and for a look at what was touched since.
const JUDGE: &str = "[sample]\ninterval = '20ms'\n[judge]\nduration = '8s'\nwarmup = '500ms'\nearly_stop = false\n";

fn reference(leak: &str) -> String {
    format!(
        "[target]\ncommand = ['{}', 'reference', 'serve', '--listen', '127.0.0.1:0', '--traffic', '50', '--leak', '{leak}']\n\
         ready = {{ line = 'listening on' }}\n",
        env!("CARGO_BIN_EXE_soakd")
    )
}

fn run(place: &Place, text: &str) -> Value {
    place.write("looks.toml", text);
    place.run(["run", "looks.toml", "--out", "out"]);
    place.nothing_is_left();
    place.verdict("out")
}

fn named(verdict: &Value) -> Vec<&str> {
    let parts = verdict["attribution"].as_array().expect("a list").iter();
    parts.filter_map(|part| part["what"].as_str()).collect()
}

fn kinds(verdict: &Value, kind: &str) -> usize {
    verdict["events"].as_array().expect("events").iter().filter(|event| event["kind"] == kind).count()
}

#[test]
fn a_leak_on_the_heap_is_named_and_told_to_be_cold() {
    let place = Place::new();
    let verdict = run(&place, &format!("{}{JUDGE}metrics = ['anon_swap_bytes']\n", reference("linear:4MiB/s")));
    assert_eq!(verdict["outcome"], "block", "{:#}", verdict["series"]);
    let named = named(&verdict);
    let heap = named.iter().find(|what| what.starts_with("`[heap]` +")).unwrap_or_else(|| panic!("{named:#?}"));
    assert!(heap.contains("not touched in"), "{heap}");
    let evidence = verdict["series"][0]["evidence"].to_string();
    assert!(evidence.contains("`[heap]` grew by"), "{evidence}");
    assert!(kinds(&verdict, "suspicion") == 1 && kinds(&verdict, "look") >= 3, "{:#}", verdict["events"]);
    let looks = &verdict["overhead"]["looks"];
    assert!(looks["count"].as_u64() >= Some(3) && looks["referenced_reset_bytes"].as_u64() > Some(0), "{looks:#}");
}

#[test]
fn leaking_threads_and_descriptors_are_named() {
    let place = Place::new();
    let verdict = run(&place, &format!("{}{JUDGE}metrics = ['threads_count']\n", reference("threads:20/s")));
    assert!(named(&verdict).iter().any(|what| what.starts_with("threads `")), "{:#}", verdict["attribution"]);
    let place = Place::new();
    let leak = format!("{}limits = {{ open_files = 4096 }}\n", reference("descriptors:20/s"));
    let verdict = run(&place, &format!("{leak}{JUDGE}metrics = ['fds_count']\n"));
    assert!(named(&verdict).iter().any(|what| what.contains(" +")), "{:#}", verdict["attribution"]);
    // 4,096 at 20 a second: the process comes to its own limit within minutes.
    let series = &verdict["series"][0];
    let latest_s = series["time_to_limit_s"]["high"].as_f64();
    assert!(latest_s.is_some_and(|latest_s| latest_s < 3600.0), "{series:#}");
    assert_eq!((&series["limit"], &verdict["severity"]), (&4096.0.into(), &"critical".into()), "{series:#}");
}

#[test]
fn who_does_not_want_looks_gets_none() {
    let place = Place::new();
    let judge = JUDGE.replace("[judge]", "looks = false\n[judge]");
    let verdict = run(&place, &format!("{}{judge}metrics = ['anon_swap_bytes']\n", reference("linear:4MiB/s")));
    assert_eq!(verdict["outcome"], "block");
    assert_eq!((kinds(&verdict, "look"), &verdict["overhead"]["looks"]), (0, &Value::Null));
    assert!(named(&verdict).is_empty(), "{:#}", verdict["attribution"]);

    // Bits are left alone where only that is not wanted.
    let place = Place::new();
    let judge = JUDGE.replace("[judge]", "touched = false\n[judge]");
    let verdict = run(&place, &format!("{}{judge}metrics = ['anon_swap_bytes']\n", reference("linear:4MiB/s")));
    assert_eq!(verdict["overhead"]["looks"]["referenced_reset_bytes"], 0);
    assert!(
        named(&verdict).iter().any(|what| what.starts_with("`[heap]` +") && !what.contains("touched")),
        "{verdict:#}"
    );
}

#[test]
fn a_killed_run_still_has_its_looks() {
    let place = Place::new();
    let judge = JUDGE.replace("8s", "20s");
    place.write("looks.toml", &format!("{}{judge}metrics = ['anon_swap_bytes']\n", growing()));
    let soakd = place.start(place.soakd(["run", "looks.toml"]));
    crate::place::eventually("a look for a suspicion is on disk", || place.looks_count() >= 3);
    soakd.signal(Signal::KILL);
    soakd.answer();
    place.nothing_will_be_left();
    let verdict = place.run(["report", "last", "--format", "json"]).json();
    assert_eq!(verdict["run"]["ended"]["why"], "soakd_killed");
    assert!(kinds(&verdict, "look") >= 3, "{:#}", verdict["events"]);
    if verdict["series"][0]["judgement"] == "leak" {
        assert!(
            named(&verdict).iter().any(|what| what.contains("`[heap]` +") || what.contains("anonymous mappings")),
            "{verdict:#}"
        );
    }
}
