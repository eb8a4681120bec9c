//! What a source answered, as numbers with names.

use std::collections::BTreeMap;

use serde_json::Value;

use super::failure::{SourceFailure, beginning};
use crate::exposition::{self, Kind, Sample};

/// Levels of a document that are looked into.
const DEEPEST: usize = 16;
/// Numbers of a document that are looked at.
const MOST_NUMBERS: usize = 10_000;

/// The numbers of one answer.
#[derive(Debug, Default)]
pub(super) struct Offer {
    /// Each with its name and kind, in the order of the answer.
    pub(super) samples: Vec<(Sample, Kind)>,
    /// The document itself, where it is one.
    pub(super) document: Option<Value>,
}

/// Fields of `runtime.MemStats`, as `expvar` gives them, and the metrics that the Go client of Prometheus makes of them.
const GO_MEMSTATS: &[(&str, &str, Kind)] = &[
    ("Alloc", "go_memstats_alloc_bytes", Kind::Gauge),
    ("TotalAlloc", "go_memstats_alloc_bytes_total", Kind::Counter),
    ("Sys", "go_memstats_sys_bytes", Kind::Gauge),
    ("Mallocs", "go_memstats_mallocs_total", Kind::Counter),
    ("Frees", "go_memstats_frees_total", Kind::Counter),
    ("HeapAlloc", "go_memstats_heap_alloc_bytes", Kind::Gauge),
    ("HeapSys", "go_memstats_heap_sys_bytes", Kind::Gauge),
    ("HeapIdle", "go_memstats_heap_idle_bytes", Kind::Gauge),
    ("HeapInuse", "go_memstats_heap_inuse_bytes", Kind::Gauge),
    ("HeapReleased", "go_memstats_heap_released_bytes", Kind::Gauge),
    ("HeapObjects", "go_memstats_heap_objects", Kind::Gauge),
    ("StackInuse", "go_memstats_stack_inuse_bytes", Kind::Gauge),
    ("StackSys", "go_memstats_stack_sys_bytes", Kind::Gauge),
    ("MSpanInuse", "go_memstats_mspan_inuse_bytes", Kind::Gauge),
    ("MCacheInuse", "go_memstats_mcache_inuse_bytes", Kind::Gauge),
    ("BuckHashSys", "go_memstats_buck_hash_sys_bytes", Kind::Gauge),
    ("GCSys", "go_memstats_gc_sys_bytes", Kind::Gauge),
    ("OtherSys", "go_memstats_other_sys_bytes", Kind::Gauge),
    ("NextGC", "go_memstats_next_gc_bytes", Kind::Gauge),
    ("NumGC", "go_memstats_gc_total", Kind::Counter),
];

/// An exposition in the text format of Prometheus or OpenMetrics.
pub(super) fn of_exposition(text: &str) -> Result<Offer, SourceFailure> {
    let samples: Vec<(Sample, Kind)> = exposition::samples(text).collect();
    if samples.is_empty() {
        return Err(SourceFailure::Garbage { expected: "an exposition of Prometheus", found: beginning(text) });
    }
    Ok(Offer { samples, document: None })
}

/// A JSON document: each number in an object is called by its path. With `go_memstats`, the field `memstats` is Go's.
pub(super) fn of_document(text: &str, go_memstats: bool) -> Result<Offer, SourceFailure> {
    let document: Value = serde_json::from_str(text)
        .map_err(|error| SourceFailure::Garbage { expected: "JSON", found: format!("{}, {error}", beginning(text)) })?;
    let mut samples = Vec::new();
    if go_memstats && let Some(fields) = document.get("memstats").and_then(Value::as_object) {
        let known = GO_MEMSTATS.iter().filter_map(|(field, name, kind)| {
            let value = fields.get(*field)?.as_f64()?;
            Some((named(name, value), *kind))
        });
        samples.extend(known);
    }
    numbers(&document, "", 0, go_memstats, &mut samples);
    Ok(Offer { samples, document: Some(document) })
}

fn named(name: &str, value: f64) -> Sample {
    Sample { name: name.to_owned(), labels: Vec::new(), value }
}

/// The numbers of objects in objects. Elements of lists have no name that would stay theirs.
fn numbers(value: &Value, path: &str, level: usize, skip_memstats: bool, samples: &mut Vec<(Sample, Kind)>) {
    match value {
        Value::Object(fields) if level < DEEPEST => {
            for (key, value) in fields {
                if skip_memstats && level == 0 && key == "memstats" {
                    continue;
                }
                let path = if path.is_empty() { key.clone() } else { format!("{path}_{key}") };
                numbers(value, &path, level + 1, skip_memstats, samples);
            }
        }
        Value::Number(number) if samples.len() < MOST_NUMBERS => {
            if let Some(value) = number.as_f64() {
                let kind = if path.ends_with("_total") { Kind::Counter } else { Kind::Gauge };
                samples.push((named(if path.is_empty() { "value" } else { path }, value), kind));
            }
        }
        _ => {}
    }
}

/// What a command printed: one number, which is called `name`, or lines of `name=number` or `name number`.
///
/// Other lines are passed over, unless there is nothing else.
pub(super) fn of_output(text: &str, name: &str) -> Result<Offer, SourceFailure> {
    let garbage = || SourceFailure::Garbage { expected: "a number or lines of `name=number`", found: beginning(text) };
    if let Ok(value) = text.trim().parse::<f64>() {
        return Ok(Offer { samples: vec![(named(name, value), Kind::Gauge)], document: None });
    }
    // Of a name that is printed twice the last one counts: it is the newest.
    let mut numbers: BTreeMap<&str, f64> = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        let parts = line.split_once('=').or_else(|| line.rsplit_once(char::is_whitespace));
        let Some((name, value)) = parts else { continue };
        let (name, value) = (name.trim(), value.trim().parse::<f64>());
        if let (false, Ok(value)) = (name.is_empty(), value) {
            numbers.insert(name, value);
        }
    }
    if numbers.is_empty() {
        return Err(garbage());
    }
    let sample = |(name, value): (&str, f64)| {
        let kind = if name.ends_with("_total") { Kind::Counter } else { Kind::Gauge };
        (named(name, value), kind)
    };
    Ok(Offer { samples: numbers.into_iter().map(sample).collect(), document: None })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(offer: Result<Offer, SourceFailure>) -> Vec<(String, f64)> {
        offer.expect("an offer").samples.into_iter().map(|(sample, _)| (sample.name, sample.value)).collect()
    }

    #[test]
    fn a_document_gives_its_numbers_by_their_paths() {
        let text = r#"{"queue": {"length": 3, "names": ["a"], "times": [1, 2]}, "up": true, "rate": 0.5}"#;
        let expected = [("queue_length".to_owned(), 3.0), ("rate".to_owned(), 0.5)];
        assert_eq!(pairs(of_document(text, false)), expected);
        assert_eq!(pairs(of_document("17", false)), [("value".to_owned(), 17.0)]);
        assert!(matches!(of_document("<html>", false), Err(SourceFailure::Garbage { expected: "JSON", .. })));
    }

    #[test]
    fn expvar_gives_what_the_go_client_of_prometheus_gives() {
        let text = r#"{"cmdline": ["/srv"], "sessions": 4, "memstats": {"HeapInuse": 4096, "HeapAlloc": 1000,
            "Mallocs": 7, "PauseNs": [1, 2], "EnableGC": true, "Lookups": 0}}"#;
        let expected = [
            ("go_memstats_mallocs_total".to_owned(), 7.0),
            ("go_memstats_heap_alloc_bytes".to_owned(), 1000.0),
            ("go_memstats_heap_inuse_bytes".to_owned(), 4096.0),
            ("sessions".to_owned(), 4.0),
        ];
        assert_eq!(pairs(of_document(text, true)), expected);
    }

    #[test]
    fn output_is_a_number_or_lines_of_them() {
        assert_eq!(pairs(of_output(" 12\n", "spool")), [("spool".to_owned(), 12.0)]);
        let lines = "entries=3\nold entries: 4\nsome words here\nentries = 5\nhits_total 6\n";
        let expected = [("entries".to_owned(), 5.0), ("hits_total".to_owned(), 6.0), ("old entries:".to_owned(), 4.0)];
        assert_eq!(pairs(of_output(lines, "x")), expected);
        for text in ["", "no numbers", "=3"] {
            assert!(matches!(of_output(text, "x"), Err(SourceFailure::Garbage { .. })), "{text:?}");
        }
        // Judged like any other number: left out further on.
        assert!(pairs(of_output("NaN", "x"))[0].1.is_nan());
    }

    proptest! {
        #[test]
        fn no_answer_panics(text in "\\PC*|[{}\"\\[\\]:0-9a-z =\n]*") {
            let _ = of_exposition(&text);
            let _ = of_document(&text, true);
            let _ = of_output(&text, "x");
        }
    }
}
