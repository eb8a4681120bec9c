//! The schema, and that it tells right documents from wrong ones; by a validator that is not ours.

use serde_json::{Value, json};
use soakd_reports::verdict_schema;

use crate::{assert_generated, cases};

fn document(name: &str) -> Value {
    serde_json::from_str(&cases::verdict(name).to_json().unwrap()).unwrap()
}

fn validator() -> jsonschema::Validator {
    jsonschema::draft202012::new(verdict_schema().as_value()).unwrap()
}

#[test]
fn the_committed_schema_is_up_to_date() {
    let mut text = serde_json::to_string_pretty(&verdict_schema()).unwrap();
    text.push('\n');
    assert_generated("schema/verdict.schema.json", &text);
}

#[test]
fn the_schema_follows_its_own_standard() {
    jsonschema::draft202012::meta::validate(verdict_schema().as_value()).unwrap();
}

#[test]
fn every_example_is_valid() {
    let validator = validator();
    for (name, _) in cases::all() {
        let errors: Vec<String> = validator.iter_errors(&document(name)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}

#[test]
fn the_fields_of_the_contract_are_where_others_look_for_them() {
    let fail = document("fail");
    for path in [
        "/run/id",
        "/run/profile",
        "/run/scenario",
        "/run/stage",
        "/run/environment",
        "/run/host",
        "/run/commit",
        "/run/branch",
        "/run/start",
        "/run/end",
        "/run/duration_s",
        "/run/ended/why",
        "/outcome",
        "/exit_code",
        "/severity",
        "/summary",
        "/series/0/metric",
        "/series/0/unit",
        "/series/0/judgement",
        "/series/0/mde_per_hour",
        "/series/0/model/parameters",
        "/series/0/model/scores",
        "/series/0/rate_per_hour/low",
        "/series/0/rate_per_hour/high",
        "/series/0/rate_per_hour/confidence",
        "/series/0/rate_per_op",
        "/series/0/tolerance",
        "/series/0/settled_baseline",
        "/series/0/warmup_s",
        "/series/0/onset_s",
        "/series/0/time_to_limit_s/low",
        "/series/0/decided_at_s",
        "/series/0/evidence",
        "/budgets",
        "/load/operations",
        "/load/errors",
        "/load/throughput_per_s",
        "/attribution/0/share",
        "/overhead/cpu_s",
        "/samples/count",
        "/samples/interval_s",
        "/samples/gaps/0/from_s",
        "/samples/file",
    ] {
        assert!(fail.pointer(path).is_some(), "{path} is missing");
    }
    assert_eq!(fail["schema"], "soakd.verdict/1");
    assert_eq!(fail["run"]["start"], "2026-11-20T01:00:00Z");
}

#[test]
fn wrong_documents_are_refused() {
    let validator = validator();
    let wrong: Vec<(&str, Value)> = vec![
        ("/schema", json!("soakd.verdict/2")),
        ("/outcome", json!("passed")),
        ("/exit_code", json!(-1)),
        ("/severity", Value::Null),
        // What NaN would have become.
        ("/run/duration_s", Value::Null),
        ("/series/0/judgement", json!("maybe")),
        ("/series/0/rate_per_hour/value", Value::Null),
        ("/series/0/scope", json!({"kind": "process", "name": "x"})),
        ("/run/ended", json!({"why": "boredom"})),
        ("/samples/gaps/0", json!({"from_s": 1.0})),
    ];
    for (path, value) in wrong {
        let mut document = document("fail");
        assert!(validator.is_valid(&document));
        *document.pointer_mut(path).unwrap() = value;
        assert!(!validator.is_valid(&document), "a wrong {path} is accepted");
    }
    for missing in ["schema", "outcome", "run", "series", "samples"] {
        let mut document = document("fail");
        document.as_object_mut().unwrap().remove(missing);
        assert!(!validator.is_valid(&document), "a document without {missing} is accepted");
    }
}
