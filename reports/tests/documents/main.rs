//! The documents: examples and schema are up to date, fit each other, are read back, and are shown as people read them.
//!
//! `SOAKD_REGENERATE=1 cargo test -p soakd-reports` writes the examples and the schema anew.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on is to fail")]

mod advice;
mod browser;
mod cases;
mod formats;
mod reading;
mod recordings;
mod rendering;
mod rules;
mod schema;

use std::path::{Path, PathBuf};

use soakd_reports::Outcome;

/// A file of this crate.
pub(crate) fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Holds a generated file to its source, or writes it anew when told to.
pub(crate) fn assert_generated(path: &str, text: &str) {
    let file = file(path);
    if std::env::var_os("SOAKD_REGENERATE").is_some() {
        std::fs::write(&file, text).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == text,
        "`{path}` is not what the types make of it now; if that is meant, run the tests once with SOAKD_REGENERATE=1"
    );
}

#[test]
fn examples_are_up_to_date() {
    for (name, findings) in cases::all() {
        let verdict = soakd_reports::Verdict::new(findings).unwrap();
        assert_generated(&format!("examples/{name}.json"), &verdict.to_json().unwrap());
    }
}

#[test]
fn there_is_an_example_for_every_outcome() {
    let outcomes: Vec<Outcome> = cases::all().iter().map(|(name, _)| cases::verdict(name).outcome).collect();
    for outcome in Outcome::ALL {
        assert!(outcomes.contains(&outcome), "no example of `{outcome}`");
    }
}

#[test]
fn examples_have_the_outcome_of_their_name() {
    for (name, outcome) in [
        ("pass", Outcome::Pass),
        ("warn", Outcome::Warn),
        ("fail", Outcome::Fail),
        ("block", Outcome::Block),
        ("inconclusive", Outcome::Inconclusive),
        ("interrupted", Outcome::Inconclusive),
        ("budget", Outcome::Fail),
    ] {
        assert_eq!(cases::verdict(name).outcome, outcome, "{name}");
    }
}
