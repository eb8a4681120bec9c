//! What is told and asked, and that the document says so.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::served::{Served, job};
use crate::service::api::openapi::document;
use crate::service::api::routes::routes;
use crate::service::status::Job;
use crate::service::submission::Submission;

#[test]
fn a_job_is_submitted_listed_shown_and_cancelled() {
    let served = Served::new();
    let answer = served.post("/api/v1/jobs", r#"{"profile":"demo","for":"10m","priority":3}"#);
    assert_eq!((answer.status, answer.location.as_deref()), (201, Some("/api/v1/jobs/1")));
    let submitted: Job = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((submitted.submission.duration.as_deref(), submitted.submission.priority), (Some("10m"), 3));
    assert_eq!(served.json("/api/v1/jobs/1"), serde_json::to_value(&submitted).unwrap());
    assert_eq!(served.json("/api/v1/jobs")["jobs"][0]["id"], 1);
    let cancelled = served.post("/api/v1/jobs/1/cancel", "{}");
    let cancelled: Job = serde_json::from_slice(&cancelled.body).unwrap();
    let message = cancelled.message.unwrap();
    assert!(message.starts_with("user ") && message.ends_with(" over the socket"), "{message}");
    assert_eq!(served.json("/api/v1/jobs/1")["state"], "cancelled");
    assert_eq!(served.json("/api/v1/jobs?state=queued")["jobs"], json!([]));
    assert_eq!(served.get("/api/v1/jobs/2").status, 404);
    assert_eq!(served.post("/api/v1/jobs/2/cancel", "{}").status, 404);
}

#[test]
fn refusals_come_with_their_status_a_word_a_sentence_and_a_hint() {
    let served = Served::new();
    let refused = |path: &str, body: &str| {
        let answer = served.post(path, body);
        let document: Value = serde_json::from_slice(&answer.body).unwrap();
        (answer.status, document["error"].clone())
    };
    let (status, error) = refused("/api/v1/jobs", r#"{"profile":"unknown"}"#);
    assert_eq!(status, 422);
    assert_eq!(error, json!({"code": "invalid", "message": "there is no profile `unknown`", "hint": "ask otherwise"}));
    assert_eq!(refused("/api/v1/jobs", r#"{"profile":"forbidden"}"#).0, 403);
    for (body, status) in [
        ("", 400),
        ("{", 400),
        ("{\"profile\":\"\\ud800\"}", 400),
        (&"[".repeat(10_000), 400),
        ("[]", 422),
        (r#"{"profil":"demo"}"#, 422),
        (r#"{"priority":1e99}"#, 422),
        (r#"{"profile":"a\u0000b"}"#, 422),
        (&json!({ "command": vec!["x"; 1001] }).to_string(), 422),
        (&json!({ "name": "x".repeat(5000) }).to_string(), 422),
    ] {
        let (found, error) = refused("/api/v1/jobs", body);
        assert_eq!(found, status, "{body:.60}: {error}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
    }
    for path in
        ["/api/v1/jobs/0x1", "/api/v1/jobs/+1", "/api/v1/jobs/99999999999999999999", "/api/v1/runs/..%2f..", "/nowhere"]
    {
        assert_eq!(served.get(path).status, 404, "{path}");
    }
    for path in [
        "/api/v1/jobs?limit=0",
        "/api/v1/jobs?limit=x",
        "/api/v1/jobs?lmit=1",
        "/api/v1/runs?since=soon",
        "/api/v1/jobs?state=x",
    ] {
        assert_eq!(served.get(path).status, 422, "{path}");
    }
    assert_eq!(served.post("/api/v1/health", "{}").status, 405);
    assert_eq!(refused("/api/v1/schedule/none/run", "{}").0, 404);
}

#[test]
fn the_daemon_is_told_to_reload_and_to_start_an_entry() {
    let served = Served::new();
    let reloaded: Value = serde_json::from_slice(&served.post("/api/v1/reload", "{}").body).unwrap();
    assert_eq!(reloaded, json!({"changes": ["slots: 2 to 4"]}));
    let answer = served.post("/api/v1/schedule/nightly/run", "{}");
    assert_eq!((answer.status, answer.location.as_deref()), (201, Some("/api/v1/jobs/7")));
}

#[test]
fn a_thousand_jobs_come_page_by_page() {
    let served = Served::new();
    let store = served.store();
    for _ in 0..1000 {
        store.add_job(job(0, Submission::default()), None).unwrap();
    }
    let mut ids: Vec<u64> = Vec::new();
    let mut path = "/api/v1/jobs?limit=300".to_owned();
    loop {
        let page = served.json(&path);
        ids.extend(page["jobs"].as_array().unwrap().iter().map(|job| job["id"].as_u64().unwrap()));
        let Some(before) = page["before"].as_u64() else { break };
        path = format!("/api/v1/jobs?limit=300&before={before}");
    }
    assert!(ids.iter().copied().eq((1..=1000).rev()), "{ids:?}");
    assert_eq!(served.json("/api/v1/jobs?limit=1000")["jobs"].as_array().unwrap().len(), 1000);
    assert_eq!(served.json("/api/v1/jobs?state=done")["jobs"], json!([]));
}

#[test]
fn profiles_are_those_of_the_folders_and_the_shipped_ones() {
    let served = Served::new();
    let folder = served.folder.path().join("profiles");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("mine.toml"), "description = 'what I soak'\n[target]\ncommand = ['true']\n").unwrap();
    std::fs::write(folder.join("broken.toml"), "tartget = 1\n").unwrap();
    std::fs::write(folder.join("notes.txt"), "no profile").unwrap();
    let listed = served.json("/api/v1/profiles");
    let names: Vec<&str> =
        listed["profiles"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names[..3], ["broken", "mine", "demo"]);
    let mine = served.json("/api/v1/profiles/mine");
    assert_eq!(mine["profile"]["description"], "what I soak");
    assert!(mine["resolved"]["target"].to_string().contains("\"true\""), "{mine}");
    let broken = served.json("/api/v1/profiles/broken");
    assert!(broken["profile"]["fault"].as_str().unwrap().contains("tartget"), "{broken}");
    assert_eq!(broken["resolved"], Value::Null);
    for outside in ["..%2Fapi-token", "%2Fetc%2Fpasswd", "notes", "mine.toml"] {
        assert_eq!(served.get(&format!("/api/v1/profiles/{outside}")).status, 404, "{outside}");
    }
}

/// `path` with its braces filled in.
fn filled(path: &str) -> String {
    path.replace("{job}", "1")
        .replace("{run}", "last")
        .replace("{format}", "json")
        .replace("{profile}", "demo")
        .replace("{entry}", "nightly")
}

#[test]
fn what_the_document_says_is_mounted_and_what_is_mounted_it_says() {
    let served = Served::new();
    served.post("/api/v1/jobs", "{}");
    let document = served.json("/api/v1/openapi.json");
    let mut operations = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations.insert(operation["operationId"].as_str().unwrap().to_owned());
            if path == "/api/v1/events" {
                continue;
            }
            let answer = if method == "post" { served.post(&filled(path), "{}") } else { served.get(&filled(path)) };
            let body = String::from_utf8_lossy(&answer.body);
            let is_nowhere = answer.status == 405 || body.contains("there is nothing at this path");
            assert!(!is_nowhere, "{method} {path}: {body}");
            let is_described = operation["responses"].get(answer.status.to_string()).is_some();
            assert!(is_described || answer.status == 404, "{method} {path}: {} {body}", answer.status);
        }
    }
    let names: BTreeSet<String> = routes().iter().map(|route| route.name.to_owned()).collect();
    assert_eq!(operations, names);
    assert_eq!(names.len(), routes().len(), "no two routes have one name");
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn follow(value: &Value, document: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let found = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
                    assert!(found.is_some(), "{reference}");
                }
                fields.values().for_each(|value| follow(value, document));
            }
            Value::Array(values) => values.iter().for_each(|value| follow(value, document)),
            _ => {}
        }
    }
    let document = document();
    follow(&document, &document);
    let limit = document["paths"]["/api/v1/jobs"]["get"]["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "limit");
    assert_eq!(limit.unwrap()["schema"]["maximum"], 1000, "{limit:?}");
    assert_eq!(limit.unwrap()["schema"]["type"], "integer", "{limit:?}");
}
