//! Runs for the tests of the store.

use std::path::Path;

use soakd::store::{NewRun, RunId, Store};

/// A run of `profile` with something in every field.
pub(crate) fn new_run(profile: &str) -> NewRun {
    let started = "2026-11-21T09:30:12.25Z".parse().unwrap();
    NewRun {
        id: RunId::new(started, profile),
        profile: profile.to_owned(),
        profile_text: "[target]\ncommand = [\"./server\", \"--größe\"]\n".to_owned(),
        command: vec!["./server".to_owned(), "--with space".to_owned()],
        scenario: Some("large".to_owned()),
        stage: Some("nightly".to_owned()),
        environment: None,
        host: serde_json::json!({"kernel": "6.18", "cpus_count": 2}),
        planned_s: 28_800.0,
        interval_s: 0.01,
        policy: serde_json::json!({"confidence": 0.95}),
        started,
        commit: Some("3f9a2c1".to_owned()),
        branch: Some("feature/größe".to_owned()),
    }
}

/// The store in `folder`, in which nothing was interrupted.
pub(crate) fn open(folder: &Path) -> Store {
    let opened = Store::open(folder).unwrap();
    assert_eq!(opened.interrupted, []);
    opened.store
}
