//! The answer of a Prometheus range query (`/api/v1/query_range`, or `promtool query range --format json`).
//!
//! Every result series becomes a column over the union of the times. Its name is the metric's; where the answer holds
//! several series of one metric, the labels in which they differ stand before it: `{pod="a"}process_open_fds_count`.
//! Labels come first because a column's unit is its ending, and metrics of well-known exporters that lack one get it
//! ([`process_open_fds`, `go_goroutines`, `container_memory_rss`, …]).
//!
//! [`process_open_fds`, `go_goroutines`, `container_memory_rss`, …]: read

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::Format;
use super::error::{FormatError, shortened};
use super::json_lines::json_error;
use super::rows::Rows;
use super::table::Table;
use super::time::number;

/// The row of this format in [`FORMATS`](super::FORMATS).
pub(super) const FORMAT: Format =
    Format { name: "prometheus", description: "the JSON answer of a Prometheus range query", sniff, read };

/// Metrics of common exporters whose name does not end in their unit.
const UNITS: [(&str, &str); 12] = [
    ("process_open_fds", "_count"),
    ("process_threads", "_count"),
    ("process_num_threads", "_count"),
    ("go_goroutines", "_count"),
    ("go_threads", "_count"),
    ("jvm_threads_current", "_count"),
    ("jvm_threads_live_threads", "_count"),
    ("container_memory_rss", "_bytes"),
    ("container_memory_swap", "_bytes"),
    ("container_threads", "_count"),
    ("container_file_descriptors", "_count"),
    ("container_processes", "_count"),
];

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default, rename = "errorType")]
    error_type: String,
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    result_type: String,
    #[serde(default)]
    result: serde_json::Value,
}

#[derive(Deserialize)]
struct ResultSeries {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    // Absent where a series holds native histograms only; those are no series of numbers.
    #[serde(default)]
    values: Vec<(f64, String)>,
}

/// Where the words that tell the format must stand, in bytes from the start.
const SNIFFED_BYTES: usize = 2000;

fn sniff(text: &str) -> bool {
    let text = text.trim_start();
    let start: String = text.chars().take(SNIFFED_BYTES).collect();
    let has = |word: &str| start.contains(word);
    (text.starts_with('{') && has("\"status\"") && (has("\"resultType\"") || has("\"errorType\"")))
        || (text.starts_with('[') && has("\"metric\""))
}

const RANGE_EXPECTED: &str = "the answer of a range query (`resultType` `matrix`)";

fn series_of(text: &str) -> Result<Vec<ResultSeries>, FormatError> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).map_err(|error| json_error(&error, 0));
    }
    let answer: Answer = serde_json::from_str(text).map_err(|error| json_error(&error, 0))?;
    match answer.data {
        Some(data) if data.result_type == "matrix" => {
            serde_json::from_value(data.result).map_err(|_| FormatError::Shape {
                line: 1,
                expected: "series of the form `{\"metric\": {…}, \"values\": [[time, \"value\"], …]}`",
            })
        }
        Some(_) => Err(FormatError::Shape { line: 1, expected: RANGE_EXPECTED }),
        None if answer.status == "error" => {
            Err(FormatError::Answer { kind: shortened(&answer.error_type), message: shortened(&answer.error) })
        }
        None => Err(FormatError::Shape { line: 1, expected: RANGE_EXPECTED }),
    }
}

/// The metric's name with its unit.
fn base_name(metric: &BTreeMap<String, String>) -> String {
    let name = metric.get("__name__").map_or("value", String::as_str);
    let unit = UNITS.iter().find(|(known, _)| *known == name).map_or("", |(_, unit)| unit);
    format!("{name}{unit}")
}

/// A name for each series: that of its metric, with the labels in which series of that metric differ before it.
fn names(all: &[ResultSeries]) -> Vec<String> {
    let mut values: BTreeMap<(String, &str), BTreeSet<Option<&str>>> = BTreeMap::new();
    let labels: BTreeSet<&str> = all.iter().flat_map(|one| one.metric.keys().map(String::as_str)).collect();
    for one in all {
        for label in &labels {
            let value = one.metric.get(*label).map(String::as_str);
            values.entry((base_name(&one.metric), label)).or_default().insert(value);
        }
    }
    all.iter()
        .map(|one| {
            let base = base_name(&one.metric);
            let telling: Vec<String> = one
                .metric
                .iter()
                .filter(|(label, _)| label.as_str() != "__name__")
                .filter(|(label, _)| values.get(&(base.clone(), label)).is_some_and(|found| found.len() > 1))
                .map(|(label, value)| format!("{label}={value:?}"))
                .collect();
            if telling.is_empty() { base } else { format!("{{{}}}{base}", telling.join(",")) }
        })
        .collect()
}

/// Reads the answer of a range query.
///
/// # Errors
/// [`FormatError::Answer`] where the server answered with an error, [`FormatError::Shape`] for another kind of answer,
/// [`FormatError::SeriesTime`] and [`FormatError::DuplicateColumn`] for series that overlap.
pub fn read(text: &str) -> Result<Table, FormatError> {
    let all = series_of(text)?;
    // Instants by their time: the bits of a float that is not negative sort as the float does.
    let mut instants: BTreeMap<u64, Vec<(usize, Option<f64>)>> = BTreeMap::new();
    let mut rows = Rows::default();
    for (index, (one, name)) in all.iter().zip(names(&all)).enumerate() {
        let column = rows.column(&name);
        if column != index {
            return Err(FormatError::DuplicateColumn { line: 1, name: shortened(&name) });
        }
        let mut before_s = f64::NEG_INFINITY;
        for (sample, (time_s, value)) in one.values.iter().enumerate() {
            if !(*time_s > before_s && *time_s >= 0.0) {
                return Err(FormatError::SeriesTime {
                    series: index + 1,
                    sample: sample + 1,
                    before_s: if sample == 0 { 0.0 } else { before_s },
                    after_s: *time_s,
                });
            }
            before_s = *time_s;
            let value = number(value).ok_or_else(|| FormatError::Cell {
                line: 1,
                column: shortened(&name),
                found: shortened(value),
                expected: "a number as text",
            })?;
            instants.entry((time_s + 0.0).to_bits()).or_default().push((column, value));
        }
    }
    for (bits, cells) in instants {
        rows.start(1, f64::from_bits(bits))?;
        for (column, value) in cells {
            rows.set(column, value);
        }
    }
    Ok(rows.table(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(result: &str) -> String {
        format!("{{\"status\":\"success\",\"data\":{{\"resultType\":\"matrix\",\"result\":[{result}]}}}}")
    }

    #[test]
    fn series_meet_on_the_union_of_their_times() {
        let text = answer(
            "{\"metric\":{\"__name__\":\"process_open_fds\",\"job\":\"x\",\"pod\":\"a\"},\"values\":[[10,\"1\"],[20,\"2\"]]},
             {\"metric\":{\"__name__\":\"process_open_fds\",\"job\":\"x\",\"pod\":\"b\"},\"values\":[[20,\"NaN\"],[30.5,\"4\"]]}",
        );
        assert!(sniff(&text));
        let table = read(&text).unwrap();
        assert_eq!(table.t_s, [0.0, 10.0, 20.5]);
        assert_eq!(table.start_unix_s, Some(10.0));
        assert_eq!(table.column("{pod=\"a\"}process_open_fds_count").unwrap().values, [Some(1.0), Some(2.0), None]);
        assert_eq!(table.column("{pod=\"b\"}process_open_fds_count").unwrap().values, [None, None, Some(4.0)]);
    }

    #[test]
    fn an_expression_without_a_name_is_a_value() {
        let table = read(&answer("{\"metric\":{},\"values\":[[1,\"2\"]]}")).unwrap();
        assert_eq!(table.names().collect::<Vec<_>>(), ["value"]);
    }

    #[test]
    fn answers_that_hold_no_range_are_refused() {
        let message = |text: &str| read(text).unwrap_err().to_string();
        assert_eq!(
            message("{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}"),
            "line 1: expected the answer of a range query (`resultType` `matrix`)"
        );
        assert_eq!(
            message(&answer("{\"metric\":{},\"values\":[[2,\"2\"],[2,\"3\"]]}")),
            "series 1, sample 2: time stands still or goes backwards: 2 s, then 2 s (Unix)"
        );
        let same = "{\"metric\":{\"a\":\"b\"},\"values\":[]}";
        assert_eq!(message(&answer(&format!("{same},{same}"))), "line 1: column `value` appears twice");
    }
}
