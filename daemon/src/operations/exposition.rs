//! One number out of a Prometheus or OpenMetrics text.

use std::collections::BTreeMap;

/// The sum of all samples named `metric` whose labels include `labels`; `None` where there is none that is finite.
///
/// OpenMetrics appends `_total` to the name of a counter: `metric` is found with and without it. Lines that are not
/// of the format are passed over: an endpoint may well hold more than one understands.
#[must_use]
pub fn sum_of(text: &str, metric: &str, labels: &BTreeMap<String, String>) -> Option<f64> {
    let mut sum = None;
    for line in text.lines() {
        let Some(sample) = sample(line) else { continue };
        let named = sample.name == metric || sample.name.strip_suffix("_total") == Some(metric);
        let labelled = labels.iter().all(|(key, value)| sample.labels.get(key) == Some(value));
        if named && labelled && sample.value.is_finite() {
            *sum.get_or_insert(0.0) += sample.value;
        }
    }
    sum
}

struct Sample<'a> {
    name: &'a str,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// One sample line: `name{key="value",…} number [timestamp]`.
fn sample(line: &str) -> Option<Sample<'_>> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let name_ends = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, rest) = line.split_at(name_ends);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name, labels, value })
}

/// The labels after an opening brace, and what follows the closing one.
fn labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([',', ' ', '\t']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (key, after) = rest.split_once('=')?;
        let mut value = String::new();
        let mut characters = after.trim_start().strip_prefix('"')?.char_indices();
        let quoted = &after.trim_start()[1..];
        let end = loop {
            match characters.next()? {
                (index, '"') => break index,
                (_, '\\') => match characters.next()? {
                    (_, 'n') => value.push('\n'),
                    (_, other) => value.push(other),
                },
                (_, other) => value.push(other),
            }
        };
        labels.insert(key.trim().to_owned(), value);
        rest = &quoted[end + 1..];
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
    fn a_metric_without_a_number_is_no_zero() {
        assert_eq!(sum_of(TEXT, "nothing", &BTreeMap::new()), None);
        assert_eq!(sum_of(TEXT, "absent", &BTreeMap::new()), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*", metric in "[a-z{}\"=\\\\ ]*") {
            let _ = sum_of(&text, &metric, &BTreeMap::new());
            let _ = sum_of(&format!("{metric}{{{text}"), &metric, &BTreeMap::new());
        }
    }
}
