//! What was recorded, as the API tells it.

use serde_json::{Value, json};
use soakd_analysis::Quantity;
use soakd_reports::RENDERERS;

use super::served::Served;
use crate::store::{Ending, NewRun, Recorder, RunId, Scope};

const FAIL: &str = include_str!("../../../../../reports/examples/fail.json");

/// Begins a run of `profile` that started at `started`.
fn begin(served: &Served, profile: &str, started: &str) -> (String, Recorder) {
    let started = started.parse().unwrap();
    let id = RunId::new(started, profile);
    let run = NewRun {
        id: id.clone(),
        profile: profile.to_owned(),
        profile_text: String::new(),
        command: vec!["./server".to_owned()],
        scenario: None,
        stage: None,
        environment: None,
        host: json!({}),
        planned_s: 1000.0,
        interval_s: 1.0,
        policy: json!({}),
        started,
        commit: None,
        branch: None,
    };
    (id.to_string(), served.store().begin(run).unwrap())
}

/// Records a whole run of 1,000 samples with one peak, and a verdict.
pub(super) fn record(served: &Served, profile: &str, started: &str) -> String {
    let (id, mut recorder) = begin(served, profile, started);
    let rss = recorder.series("rss_bytes", Scope::Tree, Quantity::Bytes);
    let host = recorder.series("rss_bytes", Scope::Host, Quantity::Bytes);
    for second in 0..1000_u32 {
        let value = if second == 617 { 1e9 } else { 4096.0 * f64::from(second) };
        recorder.sample(f64::from(second), &[(rss, value), (host, 1.0)]);
    }
    let verdict: Value = serde_json::from_str(FAIL).unwrap();
    recorder.finish(Ending { duration_s: 999.0, why: "the time was up".to_owned(), verdict: Some(verdict) }).unwrap();
    id
}

#[test]
fn an_empty_store_answers() {
    let served = Served::new();
    assert_eq!(served.json("/api/v1/runs"), json!({"runs": [], "before": null}));
    for path in ["/api/v1/runs/last", "/api/v1/runs/x/verdict", "/api/v1/history/trend"] {
        assert_eq!(served.get(path).status, 404, "{path}");
    }
}

#[test]
fn runs_are_listed_by_what_is_asked_for_and_page_by_page() {
    let served = Served::new();
    let ids: Vec<String> = (1..=3).map(|day| record(&served, "a", &format!("2026-11-0{day}T00:00:00Z"))).collect();
    record(&served, "b", "2026-11-09T00:00:00Z");
    let page = served.json("/api/v1/runs?profile=a&limit=2");
    assert_eq!((&page["runs"][0]["id"], &page["runs"][1]["id"]), (&json!(ids[2]), &json!(ids[1])));
    assert_eq!((&page["runs"][0]["outcome"], &page["runs"][0]["state"]), (&json!("fail"), &json!("finished")));
    let next = served.json(&format!("/api/v1/runs?profile=a&limit=2&before={}", page["before"].as_str().unwrap()));
    assert_eq!((&next["runs"][0]["id"], &next["before"]), (&json!(ids[0]), &Value::Null));
    let count = |query: &str| served.json(&format!("/api/v1/runs?{query}"))["runs"].as_array().unwrap().len();
    assert_eq!((count("since=2026-11-03"), count("outcome=pass"), count("outcome=fail"), count("")), (2, 0, 4, 4));
}

#[test]
fn a_run_is_told_with_its_verdict_in_every_format() {
    let served = Served::new();
    let id = record(&served, "a", "2026-11-01T00:00:00Z");
    let run = served.json(&format!("/api/v1/runs/{}", &id[..15]));
    assert_eq!((&run["run"]["id"], &run["samples_count"], &run["live"]), (&json!(id), &json!(1000), &Value::Null));
    let names: Vec<_> = run["series"].as_array().unwrap().iter().map(|series| series["name"].clone()).collect();
    assert_eq!(names, ["rss_bytes", "host_rss_bytes"]);
    assert_eq!(served.json("/api/v1/runs/last/verdict")["outcome"], "fail");
    for renderer in RENDERERS {
        let answer = served.get(&format!("/api/v1/runs/{id}/report/{}", renderer.name()));
        assert_eq!(answer.status, 200, "{}", renderer.name());
        assert!(!answer.body.is_empty());
    }
    assert_eq!(served.get("/api/v1/runs/last/report/pdf").status, 404);
    assert_eq!(served.json("/api/v1/runs/last/events")["events"], json!([]));
}

#[test]
fn a_run_that_goes_on_has_samples_and_no_verdict() {
    let served = Served::new();
    let (id, mut recorder) = begin(&served, "a", "2026-11-01T00:00:00Z");
    recorder.series("rss_bytes", Scope::Tree, Quantity::Bytes);
    assert_eq!(served.get(&format!("/api/v1/runs/{id}/verdict")).status, 409);
    let samples = served.json(&format!("/api/v1/runs/{id}/samples"));
    assert_eq!(samples["run"], json!(id));
    recorder.finish(Ending { duration_s: 0.0, why: "enough".to_owned(), verdict: None }).unwrap();
}

#[test]
fn samples_are_thinned_and_keep_their_peak() {
    let served = Served::new();
    record(&served, "a", "2026-11-01T00:00:00Z");
    let thinned = served.json("/api/v1/runs/last/samples?series=rss_bytes&points=10");
    let series = &thinned["series"][0];
    assert_eq!((series["t_s"].as_array().unwrap().len(), &series["readings_count"]), (10, &json!(1000)));
    let high = series["high"].as_array().unwrap().iter().filter_map(Value::as_f64).fold(0.0, f64::max);
    assert!((high - 1e9).abs() < 1.0, "{high}");
    let csv = served.get("/api/v1/runs/last/samples?format=csv&series=host_rss_bytes,rss_bytes&points=10");
    let csv = String::from_utf8(csv.body.to_vec()).unwrap();
    assert!(csv.starts_with("t_s,host_rss_bytes,rss_bytes\n") && csv.contains(",1000000000\n"), "{csv}");
    let whole = served.get("/api/v1/runs/last/samples?format=csv");
    assert_eq!(String::from_utf8(whole.body.to_vec()).unwrap().lines().count(), 1001);
    for wrong in ["points=0", "points=999999", "points=-1", "format=xml", "series=nothing"] {
        let status = served.get(&format!("/api/v1/runs/last/samples?{wrong}")).status;
        assert!(matches!(status, 404 | 422), "{wrong}: {status}");
    }
}

#[test]
fn pages_show_what_was_recorded_and_what_is_not_there_is_a_page_too() {
    let served = Served::new();
    let id = record(&served, "a", "2026-11-01T00:00:00Z");
    let page = |path: &str| {
        let answer = served.get(path);
        (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
    };
    for (path, shows) in
        [("/", id.as_str()), ("/queue", "Nothing waits"), ("/schedule", "no schedule"), ("/profiles/a", &id)]
    {
        let (status, text) = page(path);
        assert_eq!(status, 200, "{path}: {text}");
        assert!(text.starts_with("<!doctype html>") && text.contains(shows), "{path}: {text}");
    }
    let (status, text) = page(&format!("/runs/{id}"));
    assert!(status == 200 && text.contains("/report/html"), "{status}: {text}");
    for path in ["/runs/none", "/profiles/none"] {
        let (status, text) = page(path);
        assert!(status == 404 && text.contains("<h1>Not Found</h1>"), "{status}: {text}");
    }
    let (status, metrics) = page("/metrics");
    assert!(status == 200 && metrics.contains("profile=\"a\""), "{status}: {metrics}");
}

#[test]
fn a_run_that_goes_on_is_drawn_from_its_samples() {
    let served = Served::new();
    let (id, mut recorder) = begin(&served, "a", "2026-11-01T00:00:00Z");
    let rss = recorder.series("rss_bytes", Scope::Tree, Quantity::Bytes);
    (0..50_u32).for_each(|second| recorder.sample(f64::from(second), &[(rss, 4096.0 * f64::from(second))]));
    let live = json!({
        "id": id, "profile": "a", "target": "./server", "started": "2026-11-01T00:00:00Z", "phase": "loaded", "t_s": 49.0,
        "planned_s": 1000.0, "samples_count": 50, "warnings": [],
        "series": [{"metric": "rss_bytes", "unit": "bytes", "level": 200704.0, "judgement": "inconclusive"}],
    });
    let live = serde_json::from_value(live).unwrap();
    served.handle.board().update(|status| status.running = vec![live]);
    for path in ["/", "/queue", &format!("/runs/{id}")] {
        let answer = served.get(path);
        let text = String::from_utf8_lossy(&answer.body);
        assert!(answer.status == 200 && text.contains(&id), "{path}: {text}");
    }
    assert_eq!(served.json(&format!("/api/v1/runs/{id}"))["live"]["target"], "./server");
    recorder.finish(Ending { duration_s: 49.0, why: "enough".to_owned(), verdict: None }).unwrap();
}
