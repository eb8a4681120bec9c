//! Requests that nobody would write, by hand and made from the document.

use std::process::Command;

use proptest::prelude::*;

use super::recorded::record;
use super::served::Served;

/// A Python with what reads OpenAPI documents, if there is one.
fn python() -> Option<String> {
    let python = std::env::var("SOAKD_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python)
        .args(["-c", "import schemathesis, openapi_spec_validator"])
        .output()
        .is_ok_and(|output| output.status.success());
    let is_required = std::env::var("SOAKD_TEST_REQUIRE").is_ok_and(|required| required == "all");
    assert!(
        has || !is_required,
        "`schemathesis` for Python is missing: `.ci/run` installs it and sets SOAKD_TEST_PYTHON"
    );
    has.then_some(python)
}

#[test]
fn the_document_is_valid_and_requests_made_from_it_are_answered_as_it_says() {
    let Some(python) = python() else { return };
    let mut served = Served::new();
    // What the examples of the document name.
    served.post("/api/v1/jobs", r#"{"profile":"demo"}"#);
    record(&served, "demo", "2026-11-01T00:00:00Z");
    let document = format!("http://{}/api/v1/openapi.json", served.address);
    let valid = Command::new(&python)
        .args(["-c", "import json, sys, urllib.request as r; from openapi_spec_validator import validate; validate(json.load(r.urlopen(sys.argv[1])))"])
        .arg(&document)
        .output()
        .unwrap();
    assert!(valid.status.success(), "{}", String::from_utf8_lossy(&valid.stderr));
    let fuzzed = Command::new(&python)
        .args(["-m", "schemathesis.cli", "run", &document])
        .args(["--exclude-path", "/api/v1/events", "--max-examples", "10", "--seed", "1", "--workers", "1"])
        .args(["--checks", "not_a_server_error,content_type_conformance,response_schema_conformance"])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--request-timeout",
            "60",
            "--generation-database",
            "none",
            "--suppress-health-check",
            "all",
        ])
        .arg("--header")
        .arg(format!("Authorization: Bearer {}", served.token.as_str()))
        .current_dir(served.folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&fuzzed.stdout);
    assert!(fuzzed.status.success(), "{told}{}", String::from_utf8_lossy(&fuzzed.stderr));
    assert_eq!(served.get("/api/v1/health").status, 200);
    served.stop();
}

/// Words that requests are made of, so that some of them get far.
const WORDS: &[&str] = &[
    "GET ",
    "POST ",
    "PUT ",
    "/api/v1/jobs",
    "/api/v1/runs",
    "/last",
    "/samples",
    "?",
    "points=",
    "&",
    "series=",
    "%00",
    "%ff",
    "../",
    " HTTP/1.1",
    " HTTP/1.0",
    "\r\n",
    "\n",
    "host: localhost",
    "content-length: ",
    "transfer-encoding: chunked",
    "content-type: application/json",
    "expect: 100-continue",
    "upgrade: h2c",
    "connection: close",
    "\r\n\r\n",
    "{}",
    "{\"profile\":",
    "[",
    "\"",
    "1",
    "-1",
    "99999999999999999999",
    "a",
    "\0",
    "é",
];

#[test]
fn no_bytes_whatever_end_the_api() {
    let served = Served::new();
    let words = proptest::collection::vec(proptest::sample::select(WORDS), 0..24);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(200)
    });
    runner
        .run(&words, |words| {
            use std::io::Write;
            let mut stream = served.connect();
            // The other side may have closed by then, having seen enough.
            let _ = stream.write_all(words.concat().as_bytes());
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let answer = super::served::rest(&mut stream);
            prop_assert!(!answer.starts_with("HTTP/1.1 5"), "{}", answer);
            Ok(())
        })
        .unwrap();
    assert_eq!(served.get("/api/v1/health").status, 200);
}
