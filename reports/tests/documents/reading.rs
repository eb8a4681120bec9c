//! Verdicts are read back as they were written, and nothing else is taken for one.

use proptest::prelude::*;
use soakd_reports::{ReadError, Verdict, read};

use crate::cases;

#[test]
fn every_example_is_read_back_as_it_was() {
    for (name, _) in cases::all() {
        let verdict = cases::verdict(name);
        assert_eq!(read(&verdict.to_json().unwrap()).unwrap(), verdict, "{name}");
    }
}

#[test]
fn fields_of_a_later_addition_are_ignored() {
    let mut document = serde_json::to_value(cases::verdict("fail")).unwrap();
    document["weather"] = "fair".into();
    document["series"][0]["colour"] = "red".into();
    document["run"]["ended"]["mood"] = 1.into();
    assert_eq!(read(&document.to_string()).unwrap(), cases::verdict("fail"));
}

#[test]
fn a_byte_order_mark_is_no_fault() {
    let text = format!("\u{feff}{}", cases::verdict("pass").to_json().unwrap());
    assert_eq!(read(&text).unwrap(), cases::verdict("pass"));
}

fn message(text: &str) -> String {
    let error = read(text).unwrap_err();
    format!("{error}\n  hint: {}", error.hint())
}

#[test]
fn what_is_no_verdict_is_refused_in_plain_words() {
    let json = cases::verdict("fail").to_json().unwrap();
    let newer = json.replace("soakd.verdict/1", "soakd.verdict/2");
    let incomplete = json.replace("\"outcome\": \"fail\"", "\"outcome\": \"glorious\"");
    let all = [
        ("empty", " \n"),
        ("truncated", &json[..200]),
        ("not JSON", "time,rss_bytes\n1,2\n"),
        ("a list", "[1, 2]"),
        ("foreign", "{\"results\": [1]}"),
        ("foreign schema", "{\"schema\": \"junit/\\u001b[31m1\"}"),
        ("schema is a number", "{\"schema\": 1}"),
        ("older than the first", "{\"schema\": \"soakd.verdict/0\"}"),
        ("newer", &newer),
        ("incomplete", &incomplete),
    ];
    let told: Vec<String> = all.iter().map(|(what, text)| format!("{what}\n  error: {}", message(text))).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn every_beginning_of_a_verdict_is_called_truncated() {
    let json = cases::verdict("fail").to_json().unwrap();
    let whole = json.trim_end().len();
    for end in 1..whole {
        assert!(matches!(read(&json[..end]), Err(ReadError::Truncated { .. })), "the first {end} bytes");
    }
}

#[test]
fn a_number_that_json_does_not_have_is_named() {
    let (_, mut findings) = cases::all().remove(0);
    findings.series[1].judgement.rate_per_hour.as_mut().unwrap().low = Some(f64::NAN);
    let error = Verdict::new(findings).unwrap_err();
    assert_eq!(error.to_string(), "`series[1].rate_per_hour.low` is NaN, expected a finite number");

    let mut verdict = cases::verdict("pass");
    verdict.run.duration_s = f64::INFINITY;
    assert_eq!(verdict.to_json().unwrap_err().path, "run.duration_s");
}

proptest! {
    #[test]
    fn reading_never_panics(text in "\\PC{0,60}") {
        let _ = read(&text);
        let _ = read(&format!("{{\"schema\": {text}"));
    }

    #[test]
    fn numbers_are_read_back_bit_for_bit(value in proptest::num::f64::NORMAL) {
        let mut verdict = cases::verdict("pass");
        verdict.run.duration_s = value;
        verdict.series[0].judgement.mde_per_hour = Some(value);
        let back = read(&verdict.to_json().unwrap()).unwrap();
        prop_assert_eq!(back.run.duration_s.to_bits(), value.to_bits());
        prop_assert_eq!(back.series[0].judgement.mde_per_hour.map(f64::to_bits), Some(value.to_bits()));
    }
}
