//! The text format of Prometheus and of OpenMetrics.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/> and the OpenMetrics specification 1.0. Lines that are not of
//! the format are passed over: an endpoint may well hold more than one understands.

use std::collections::{BTreeMap, HashMap};

/// One sample line: `name{key="value",…} number [timestamp]`, or `{"name", key="value",…} number`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Name of the metric, with the suffix of its kind.
    pub name: String,
    /// Its labels, in the order of the line.
    pub labels: Vec<(String, String)>,
    /// Its value; may be NaN or infinite.
    pub value: f64,
}

/// What a sample is, as far as the text tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only ever grows, until it starts again from zero.
    Counter,
    /// Goes up and down, or nobody said.
    Gauge,
    /// A part of a histogram or a summary, a fact, a state: not one number that could grow.
    Part,
}

/// The samples of `text`, each with its kind.
pub fn samples(text: &str) -> impl Iterator<Item = (Sample, Kind)> {
    let families = families(text);
    text.lines().filter_map(sample).map(move |sample| {
        let kind = kind(&sample, &families);
        (sample, kind)
    })
}

/// The sum of all samples named `metric` whose labels include `labels`; `None` where there is none that is finite.
///
/// OpenMetrics appends `_total` to the name of a counter: `metric` is found with and without it.
#[must_use]
pub fn sum_of(text: &str, metric: &str, labels: &BTreeMap<String, String>) -> Option<f64> {
    let mut sum = None;
    for sample in text.lines().filter_map(sample) {
        if sample.is_called(metric) && sample.has(labels) && sample.value.is_finite() {
            *sum.get_or_insert(0.0) += sample.value;
        }
    }
    sum
}

impl Sample {
    /// Whether `metric` is its name, with or without the `_total` of a counter.
    #[must_use]
    pub fn is_called(&self, metric: &str) -> bool {
        self.name == metric || self.name.strip_suffix("_total") == Some(metric)
    }

    /// Whether it has all of these labels.
    #[must_use]
    pub fn has(&self, labels: &BTreeMap<String, String>) -> bool {
        labels.iter().all(|(key, value)| self.labels.iter().any(|(known, is)| known == key && is == value))
    }
}

/// The type of each family that names one.
fn families(text: &str) -> HashMap<&str, &str> {
    let typed = text.lines().filter_map(|line| {
        let mut words = line.trim().strip_prefix('#')?.split_whitespace();
        (words.next()? == "TYPE").then_some(())?;
        Some((words.next()?.trim_matches('"'), words.next()?))
    });
    typed.collect()
}

/// Ends that the samples of a family have.
const ENDS: &[&str] = &["_total", "_bucket", "_sum", "_count", "_created", "_info", "_gcount", "_gsum"];

fn kind(sample: &Sample, families: &HashMap<&str, &str>) -> Kind {
    let name = sample.name.as_str();
    if name.ends_with("_created") || name.ends_with("_info") {
        return Kind::Part;
    }
    let of_family = || ENDS.iter().find_map(|end| families.get(name.strip_suffix(end)?));
    match families.get(name).or_else(of_family).copied() {
        Some("counter") => Kind::Counter,
        Some("histogram" | "gaugehistogram" | "summary" | "info" | "stateset") => Kind::Part,
        // A histogram whose family is not typed gives itself away.
        Some(_) | None if sample.labels.iter().any(|(key, _)| key == "le" || key == "quantile") => Kind::Part,
        Some("gauge") => Kind::Gauge,
        Some(_) | None if name.ends_with("_total") => Kind::Counter,
        Some(_) | None => Kind::Gauge,
    }
}

/// The sample of a line; `None` for any other line.
fn sample(line: &str) -> Option<Sample> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let name_ends = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, rest) = line.split_at(name_ends);
    let (quoted, labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => braces(rest)?,
        None => (None, Vec::new(), rest),
    };
    let name = if name.is_empty() { quoted? } else { name.to_owned() };
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name, labels, value })
}

/// What stands after an opening brace: a quoted name of the metric, labels, and what follows the closing brace.
type Braces<'a> = (Option<String>, Vec<(String, String)>, &'a str);

fn braces(mut rest: &str) -> Option<Braces<'_>> {
    let mut name = None;
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ', '\t']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((name, labels, after));
        }
        let (key, after) = if rest.starts_with('"') {
            let (text, after) = quoted(rest)?;
            match after.trim_start().strip_prefix('=') {
                Some(after) => (text, after),
                None => {
                    name = Some(text);
                    rest = after;
                    continue;
                }
            }
        } else {
            let (key, after) = rest.split_once('=')?;
            (key.trim().to_owned(), after)
        };
        let (value, after) = quoted(after.trim_start())?;
        labels.push((key, value));
        rest = after;
    }
}

/// The quoted string at the beginning, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut characters = inner.char_indices();
    loop {
        match characters.next()? {
            (index, '"') => return Some((value, &inner[index + 1..])),
            (_, '\\') => match characters.next()? {
                (_, 'n') => value.push('\n'),
                (_, other) => value.push(other),
            },
            (_, other) => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "# HELP http_requests_total Requests.\n\
        # TYPE http_requests_total counter\n\
        http_requests_total{method=\"get\",code=\"200\"} 1027 1395066363000\n\
        http_requests_total{method=\"post\",code=\"200\"} 3\n\
        odd{path=\"C:\\\\DIR\\\\\",error=\"cannot find \\\"x\\\", }\\n\"} 1.458255915e9\n\
        plain 12.5\n\
        broken{ 1\n\
        nothing NaN\n";

    fn labels_of(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn samples_of_one_name_are_summed() {
        assert_eq!(sum_of(TEXT, "http_requests_total", &BTreeMap::new()), Some(1030.0));
        assert_eq!(sum_of(TEXT, "http_requests", &BTreeMap::new()), Some(1030.0));
        assert_eq!(sum_of(TEXT, "plain", &BTreeMap::new()), Some(12.5));
    }

    #[test]
    fn labels_select() {
        assert_eq!(sum_of(TEXT, "http_requests_total", &labels_of(&[("method", "post")])), Some(3.0));
        assert_eq!(sum_of(TEXT, "http_requests_total", &labels_of(&[("method", "put")])), None);
        let odd = labels_of(&[("path", "C:\\DIR\\"), ("error", "cannot find \"x\", }\n")]);
        assert_eq!(sum_of(TEXT, "odd", &odd), Some(1.458255915e9));
    }

    #[test]
    fn what_is_no_single_number_is_told_apart() {
        let text = "# TYPE hits counter\nhits_total 1\nhits_created 1.7e9\n# TYPE took_seconds histogram\n\
            took_seconds_bucket{le=\"1\"} 3\ntook_seconds_sum 1.5\ntook_seconds_count 3\n# TYPE open gauge\nopen 4\n\
            plain 5\nplain_total 6\nodd{quantile=\"0.5\"} NaN\nbuild_info{version=\"1\"} 1\n";
        let kinds: Vec<(String, Kind)> = samples(text).map(|(sample, kind)| (sample.name, kind)).collect();
        let kind = |name: &str| kinds.iter().find(|(known, _)| known == name).map(|(_, kind)| *kind);
        for part in
            ["hits_created", "took_seconds_bucket", "took_seconds_sum", "took_seconds_count", "odd", "build_info"]
        {
            assert_eq!(kind(part), Some(Kind::Part), "{part}");
        }
        assert_eq!((kind("hits_total"), kind("plain_total")), (Some(Kind::Counter), Some(Kind::Counter)));
        assert_eq!((kind("open"), kind("plain")), (Some(Kind::Gauge), Some(Kind::Gauge)));
    }

    #[test]
    fn names_may_be_quoted() {
        let (found, _) = samples("{\"http.server, open\",\"the key\"=\"}\"} 3").next().expect("a sample");
        assert_eq!((found.name.as_str(), found.value), ("http.server, open", 3.0));
        assert_eq!(found.labels, [("the key".to_owned(), "}".to_owned())]);
    }

    #[test]
    fn a_metric_without_a_number_is_no_zero() {
        assert_eq!(sum_of(TEXT, "nothing", &BTreeMap::new()), None);
        assert_eq!(sum_of(TEXT, "absent", &BTreeMap::new()), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*", metric in "[a-z{}\"=\\\\ ]*") {
            let _ = sum_of(&text, &metric, &BTreeMap::new());
            let _ = sum_of(&format!("{metric}{{{text}"), &metric, &BTreeMap::new());
            let _ = samples(&format!("# TYPE {metric}\n{{\"{text}")).count();
        }
    }
}
