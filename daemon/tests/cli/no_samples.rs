//! Runs of which there is a verdict and no sample, or neither: nothing falls over, and each says what is missing.

use std::fs;

use serde_json::Value;
use soakd::store::{Ending, NewRun, RunId, Store};

use crate::place::Place;

/// A run that ended without a sample; `verdict` as it would have been judged.
fn run_without_samples(place: &Place, second: u32, verdict: Option<Value>) -> String {
    let store = Store::open(&place.path("state")).expect("a store").store;
    let started = format!("2026-11-21T09:30:{second:02}Z").parse().expect("a time");
    let id = RunId::new(started, "empty");
    let name = id.to_string();
    let run = NewRun {
        id,
        profile: "empty".to_owned(),
        profile_text: String::new(),
        command: vec!["./server".to_owned()],
        scenario: None,
        stage: None,
        environment: None,
        host: Value::Null,
        planned_s: 60.0,
        interval_s: 1.0,
        policy: Value::Null,
        started,
        commit: None,
        branch: None,
    };
    let verdict = verdict.map(|mut verdict| {
        verdict["run"]["id"] = name.as_str().into();
        verdict
    });
    store
        .begin(run)
        .expect("it begins")
        .finish(Ending { duration_s: 0.0, why: "gone".to_owned(), verdict })
        .expect("it ends");
    name
}

#[test]
fn history_and_comparison_work_for_runs_without_samples() {
    let place = Place::new();
    let mut verdict: Value =
        serde_json::from_str(include_str!("../../../reports/examples/pass.json")).expect("an example is JSON");
    let first = run_without_samples(&place, 1, Some(verdict.clone()));
    verdict["series"] = Value::Array(Vec::new());
    verdict["budgets"] = Value::Array(Vec::new());
    verdict["load"] = Value::Null;
    let bare = run_without_samples(&place, 2, Some(verdict));
    let unjudged = run_without_samples(&place, 3, None);

    let listed = place.run(["history", "list", "--format", "json"]).ends_with(0).json();
    let counts: Vec<&Value> = listed.as_array().expect("a list").iter().map(|run| &run["samples"]["count"]).collect();
    assert_eq!(counts, [0, 0, 0]);
    for run in [&first, &bare, &unjudged] {
        place.run(["history", "show", run]).ends_with(0).results_in("0 taken, kept as full");
    }
    let trends = place.run(["history", "trend", "empty", "--format", "json", "--svg", "trend.svg"]).ends_with(0).json();
    let measures: Vec<&str> =
        trends.as_array().expect("a list").iter().filter_map(|trend| trend["measure"].as_str()).collect();
    assert!(measures.contains(&"baseline") && measures.contains(&"throughput"), "{measures:?}");
    assert!(!measures.contains(&"peak"), "a peak needs samples: {measures:?}");
    assert!(fs::read_to_string(place.path("trend.svg")).expect("a picture").contains("throughput"));

    place.run(["compare", &first, &first]).ends_with(4).results_in("the noise between runs is not known");
    place.run(["compare", &first, &bare]).ends_with(4).results_in("nothing can be compared");
    place.run(["compare", &first, &unjudged]).ends_with(65);
    place.run(["report", &first, "--csv", "samples.csv"]).ends_with(0);
    assert_eq!(fs::read_to_string(place.path("samples.csv")).expect("a table"), "t_s\n");
    place.run(["report", &bare, "--html", "page.html"]);
    assert!(fs::read_to_string(place.path("page.html")).expect("a page").ends_with("</html>\n"));
    let exported = place.run(["history", "export", "archive"]);
    exported.ends_with(0).results_in("4 files written").says(&format!("run `{unjudged}` has no verdict"));
    place.run(["history", "prune", "--short", "1ms"]).ends_with(0).results_in("3 of 3 runs changed");
    place.run(["history", "prune", "--reports", "1ms"]).ends_with(0).results_in("3 of 3 runs changed");
}
