//! The service over real HTTP: what it answers, what it refuses, what it counts, how it ends.

use std::io::{Read, Write};
use std::net::TcpStream;

use hyper::{Method, StatusCode};
use rustix::process::Signal;
use serde_json::json;
use soakd_reference::{Operation, RequestGenerator};

mod program;

use program::{Service, command, wait_for};

/// The operations that have an endpoint of their own.
fn posted() -> impl Iterator<Item = Operation> {
    Operation::ALL.into_iter().filter(|&operation| operation != Operation::Metrics)
}

#[test]
fn every_endpoint_answers_its_own_examples() {
    let service = Service::start(&[]);
    for operation in posted() {
        for _ in 0..5 {
            let example = service.get(&format!("/examples/{}", operation.name()));
            assert_eq!(example.status, StatusCode::OK);
            assert_eq!(example.content_type, operation.request_content_type());
            let answer = service.post(operation.path(), example.body);
            assert_eq!(answer.status, StatusCode::OK, "{}: {}", operation.name(), answer.text());
            assert_eq!(answer.content_type, "application/json");
            assert!(answer.json().is_object());
        }
    }
    assert_eq!(service.get("/healthz").json(), json!({"status": "ok"}));
}

#[test]
fn a_decision_depends_on_who_asks_for_what_and_is_cached() {
    let service = Service::start(&[]);
    let request = |action: &str| {
        json!({
            "principal": {"id": "ada", "role": "manager", "clearance": 3, "groups": ["finance"]},
            "action": action,
            "resource": {"kind": "account", "owner": "bob", "sensitivity": 1},
            "context": {"hour": 11, "mfa": true, "amount": 500},
        })
        .to_string()
    };
    for (action, allow, tier) in [("read", true, "allowed"), ("transfer", true, "complex"), ("purge", false, "denied")]
    {
        for cached in [false, true] {
            let answer = service.post("/api/v1/evaluate", request(action)).json();
            assert_eq!(
                (&answer["allow"], &answer["tier"], &answer["cached"]),
                (&json!(allow), &json!(tier), &json!(cached)),
                "{answer}"
            );
        }
    }
    assert_eq!(service.metric("soakd_reference_cache_hits_total"), 3.0);
    assert_eq!(service.metric("soakd_reference_cache_misses_total"), 3.0);
    assert!((service.metric("soakd_reference_compliance_ratio") - 2.0 / 3.0).abs() < 1e-9);
}

#[test]
fn bad_requests_are_refused_in_json_and_the_service_goes_on() {
    let service = Service::start(&["--leak", "linear:1KiB/op"]);
    let mut refused = Vec::new();
    for operation in posted() {
        refused.push((service.post(operation.path(), b"\xff\xfe{".to_vec()), StatusCode::BAD_REQUEST));
        refused.push((service.get(operation.path()), StatusCode::METHOD_NOT_ALLOWED));
        refused.push((service.post(operation.path(), vec![b' '; 300_000]), StatusCode::PAYLOAD_TOO_LARGE));
    }
    refused.push((service.post("/api/batch-verify-proofs", r#"{"proofs":[]}"#), StatusCode::UNPROCESSABLE_ENTITY));
    refused.push((service.get("/nothing"), StatusCode::NOT_FOUND));
    refused.push((service.get("/examples/nothing"), StatusCode::NOT_FOUND));
    refused.push((service.get("/examples/%ff"), StatusCode::BAD_REQUEST));
    refused.push((service.request(Method::DELETE, "/truth", Vec::new()), StatusCode::METHOD_NOT_ALLOWED));
    refused.push((service.post("/api/verify-proof", "[".repeat(100_000)), StatusCode::BAD_REQUEST));
    for (answer, expected) in refused {
        assert_eq!(answer.status, expected, "{}", answer.text());
        let error = answer.json()["error"].as_str().expect("a message").to_owned();
        assert!(!error.is_empty());
    }
    let truth = service.truth();
    assert_eq!((&truth["operations"], &truth["leaked_bytes"]), (&json!(0), &json!(0)));
    assert!(service.get("/metrics").text().contains("soakd_reference_refused_requests_total{endpoint=\"decode\"} 2\n"));
}

#[test]
fn looking_at_the_service_is_no_operation() {
    let service = Service::start(&[]);
    let mut requests = RequestGenerator::new(5);
    for _ in 0..7 {
        service.post(Operation::Decode.path(), requests.request(Operation::Decode));
    }
    for _ in 0..3 {
        assert_eq!(service.metric("soakd_reference_operations_total"), 7.0);
        assert_eq!(service.truth()["operations"], 7);
    }
    let metrics = service.get("/metrics");
    assert!(metrics.content_type.starts_with("application/openmetrics-text"));
    assert!(metrics.text().contains("soakd_reference_request_duration_seconds_count{endpoint=\"decode\"} 7\n"));
}

#[test]
fn its_own_traffic_needs_no_client() {
    let service = Service::start(&["--traffic", "200", "--operation", "verify"]);
    wait_for("fifty operations", || (service.metric("soakd_reference_operations_total") >= 50.0).then_some(()));
    assert_eq!(service.metric("soakd_reference_cache_misses_total"), 0.0, "verifications only");
}

#[test]
fn it_ends_when_told_to_whatever_its_clients_do() {
    for signal in [Signal::TERM, Signal::INT] {
        let service = Service::start(&["--traffic", "50", "--leak", "threads:100/s"]);
        // One client is idle, one has sent half a request.
        let mut idle = TcpStream::connect(&service.address).expect("a connection");
        idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").expect("a request");
        let mut answer = [0; 15];
        idle.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        let mut half = TcpStream::connect(&service.address).expect("a connection");
        half.write_all(b"POST /api/decode HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf")
            .expect("half a request");
        service.program.send(signal);
        let (status, rest) = service.program.end();
        assert!(status.success(), "{status}");
        assert_eq!(rest, "");
    }
}

#[test]
fn an_address_that_is_taken_is_named() {
    let service = Service::start(&[]);
    let output = command(&["serve", "--listen", &service.address]).output().expect("the program");
    assert_eq!(output.status.code(), Some(69));
    let expected = format!("error: cannot listen on `{}`: Address already in use", service.address);
    assert!(String::from_utf8_lossy(&output.stderr).starts_with(&expected));
    assert!(output.stdout.is_empty());
}
