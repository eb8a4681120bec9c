//! Disk space of named paths: judged as memory is, and missed where it cannot be measured.

use serde_json::Value;

use crate::place::Place;

const WRITES: &str = "mkdir -p logs; while :; do head -c 40000 /dev/zero >> logs/app.log; sleep 0.05; done";

fn series<'a>(verdict: &'a Value, metric: &str) -> &'a Value {
    let all = verdict["series"].as_array().expect("a list of series");
    all.iter().find(|series| series["metric"] == metric).unwrap_or_else(|| panic!("no `{metric}` in {all:#?}"))
}

#[test]
fn a_log_that_grows_in_a_named_folder_is_a_leak() {
    let place = Place::new();
    std::fs::create_dir(place.path("logs")).expect("a folder");
    place.write("logs.toml", &format!("[target]\ncommand = ['sh', '-c', '{WRITES}']\n[sample]\ndisk = ['logs']\n"));
    place.run(["run", "logs.toml", "--interval", "50ms", "--for", "8s", "--out", "out"]);
    place.nothing_is_left();
    let verdict = place.verdict("out");
    assert_eq!(series(&verdict, "disk_bytes")["judgement"], "leak");
    assert_eq!(series(&verdict, "disk_files_count")["role"], "judged");
    assert!(matches!(verdict["outcome"].as_str(), Some("fail" | "block")), "{verdict:#?}");
    let named = verdict["attribution"].as_array().expect("a list").iter();
    let mut named = named.filter_map(|part| part["what"].as_str());
    assert!(named.any(|what| what.contains("logs` +")), "{:#}", verdict["attribution"]);
}

#[test]
fn a_named_path_that_is_not_there_is_no_pass() {
    let place = Place::new();
    place.write("logs.toml", "[target]\ncommand = 'sleep 600'\n[sample]\ndisk = ['nowhere']\n");
    let options = ["--interval", "50ms", "--for", "4s", "--tolerate", "1TiB/h", "--out", "out"];
    place.run([&["run", "logs.toml"], &options[..]].concat()).ends_with(4);
    place.nothing_is_left();
    let verdict = place.verdict("out");
    assert_eq!(series(&verdict, "disk_bytes")["judgement"], "inconclusive");
    let warnings = verdict["warnings"].as_array().expect("warnings");
    let is_said = |warning: &Value| {
        let text = warning["text"].as_str().unwrap_or_default();
        text.starts_with("`disk_bytes` and `disk_files_count` are not measured: `")
            && text.ends_with("nowhere` is not there")
    };
    assert!(warnings.iter().any(is_said), "{warnings:#?}");
}

#[test]
fn metrics_of_a_cgroup_that_is_asked_for_and_not_the_targets_own_are_missed() {
    let place = Place::new();
    // This test and soakd are in the same cgroup as what they look at.
    let pid = std::process::id().to_string();
    place.write("shared.toml", "[sample]\nmetrics = ['rss_bytes', 'cgroup_bytes']\n[judge]\nmetrics = ['rss_bytes']\n");
    let options =
        ["--interval", "50ms", "--for", "4s", "--tolerate", "1TiB/h", "--out", "out", "--profile", "shared.toml"];
    place.run([&["attach", "--pid", &pid], &options[..]].concat());
    let verdict = place.verdict("out");
    let warnings = verdict["warnings"].as_array().expect("warnings");
    let is_said = |warning: &Value| {
        let text = warning["text"].as_str().unwrap_or_default();
        text.starts_with("metrics of the target's cgroup are not measured: ")
    };
    assert!(warnings.iter().any(is_said), "{warnings:#?}");
}

#[test]
fn a_metric_that_is_to_be_judged_and_was_never_measured_is_told_and_no_pass() {
    let place = Place::new();
    let judged = "[judge]\nmetrics = ['threads_count', 'heap_live_bytes']\n";
    place.write("unmeasured.toml", &format!("[target]\ncommand = 'sleep 600'\n{judged}"));
    let options = ["--interval", "50ms", "--for", "4s", "--tolerate", "1TiB/h", "--out", "out"];
    place.run([&["run", "unmeasured.toml"], &options[..]].concat()).ends_with(4);
    let verdict = place.verdict("out");
    let warning = "`heap_live_bytes` is to be judged and is not: no process of the target offers it";
    assert!(verdict["warnings"].to_string().contains(warning), "{:#}", verdict["warnings"]);
    assert_eq!(series(&verdict, "threads_count")["judgement"], "no_leak");
    assert_eq!(series(&verdict, "heap_live_bytes")["points"], 0);
}
