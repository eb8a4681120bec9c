//! JSON lines: one flat object per line.
//!
//! One key is time (`t_s`, `time` or `timestamp`, as in [`csv`](super::csv)); every other key with a number is a
//! series. Texts and booleans are labels and left out, `null` is a missing value. A series may begin at any line.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::Format;
use super::csv::time_column;
use super::error::{FormatError, shortened};
use super::rows::Rows;
use super::table::Table;
use super::time::{Clock, number};

/// The row of this format in [`FORMATS`](super::FORMATS).
pub(super) const FORMAT: Format = Format {
    name: "json_lines",
    description: "JSON lines of flat objects with `t_s`, `time` or `timestamp`",
    sniff: |text| text.trim_start().starts_with('{'),
    read,
};

/// A value of a flat object.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "found a list or an object, expected a plain value")]
enum Cell<'a> {
    Number(f64),
    Truth(#[expect(dead_code, reason = "tells the shape only")] bool),
    #[serde(borrow)]
    Text(Cow<'a, str>),
    Missing(()),
}

/// The pairs of a flat object in the order of the text.
struct Pairs<'a>(Vec<(Cow<'a, str>, Cell<'a>)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a flat object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut pairs = Vec::with_capacity(8);
                while let Some((Key(key), cell)) = map.next_entry::<Key<'de>, Cell<'de>>()? {
                    pairs.push((key, cell));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A key, borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// The message of a JSON error without its place, which is told apart.
pub(super) fn json_error(error: &serde_json::Error, lines_before: usize) -> FormatError {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    FormatError::Json { line: lines_before + error.line().max(1), column: error.column(), message: shortened(message) }
}

/// Reads JSON lines. Empty lines are passed over.
///
/// # Errors
/// [`FormatError`] with the line, and the key where one value is at fault.
pub fn read(text: &str) -> Result<Table, FormatError> {
    let mut rows = Rows::default();
    let mut clock = None;
    let mut unix = false;
    for (index, content) in text.lines().enumerate().filter(|(_, content)| !content.trim().is_empty()) {
        let line = index + 1;
        let Pairs(pairs) = serde_json::from_str(content).map_err(|error| json_error(&error, index))?;
        let (key, time, named) = pairs
            .iter()
            .find_map(|(key, cell)| Some((key, cell, time_column(key)?)))
            .ok_or(FormatError::Shape { line, expected: "an object with `t_s`, `time` or `timestamp`" })?;
        let time: Cow<'_, str> = match time {
            Cell::Number(value) => Cow::Owned(value.to_string()),
            Cell::Text(text) => Cow::Borrowed(text),
            Cell::Truth(_) | Cell::Missing(()) => Cow::Borrowed(""),
        };
        let clock = *clock.get_or_insert_with(|| named.unwrap_or_else(|| Clock::of(&time)));
        unix = clock != Clock::Elapsed;
        let t_s = clock.read(&time).ok_or_else(|| FormatError::Cell {
            line,
            column: shortened(key),
            found: shortened(&time),
            expected: clock.expected(),
        })?;
        rows.start(line, t_s)?;

        let mut seen = HashSet::with_capacity(pairs.len());
        for (key, cell) in &pairs {
            if !seen.insert(key) {
                return Err(FormatError::DuplicateColumn { line, name: shortened(key) });
            }
            if time_column(key).is_some() {
                continue;
            }
            match cell {
                Cell::Number(value) => {
                    let column = rows.column(key);
                    rows.set(column, Some(*value));
                }
                // JSON has no NaN and no infinity: recorders write them as text. They announce a column of numbers.
                Cell::Text(text) if !text.is_empty() && number(text) == Some(None) => drop(rows.column(key)),
                Cell::Text(_) | Cell::Truth(_) | Cell::Missing(()) => {}
            }
        }
    }
    if clock.is_none() {
        return Err(FormatError::Empty);
    }
    Ok(rows.table(unix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_keep_their_order_and_may_begin_late() {
        let table = read(
            "{\"t_s\": 5, \"rss_bytes\": 4096, \"host\": \"a\", \"ok\": true}\n\n\
             {\"t_s\": 6, \"fds_count\": 7, \"rss_bytes\": null, \"ops\": 9}\n",
        )
        .unwrap();
        assert_eq!(table.t_s, [0.0, 1.0]);
        assert_eq!(table.names().collect::<Vec<_>>(), ["rss_bytes", "fds_count"]);
        assert_eq!(table.column("fds_count").unwrap().values, [None, Some(7.0)]);
        assert_eq!(table.ops, Some(vec![None, Some(9.0)]));
    }

    #[test]
    fn times_may_be_texts_and_values_may_be_nan_as_text() {
        let table =
            read("{\"time\":\"2026-01-31T12:00:00Z\",\"a\":\"NaN\"}\n{\"time\":\"2026-01-31T12:00:02Z\",\"a\":1}")
                .unwrap();
        assert_eq!(table.t_s, [0.0, 2.0]);
        assert_eq!(table.column("a").unwrap().values, [None, Some(1.0)]);
    }

    #[test]
    fn faults_are_named_with_their_place() {
        let message = |text: &str| read(text).unwrap_err().to_string();
        assert_eq!(message("{\"t_s\":0}\n{\"t_s\":1"), "line 2, column 8: not JSON: EOF while parsing an object");
        assert_eq!(message("{\"a\":0}"), "line 1: expected an object with `t_s`, `time` or `timestamp`");
        assert_eq!(
            message("{\"t_s\":0,\"a\":[1]}"),
            "line 1, column 17: not JSON: found a list or an object, expected a plain value"
        );
        assert_eq!(message("{\"t_s\":0,\"a\":1,\"a\":2}"), "line 1: column `a` appears twice");
        assert_eq!(
            message("{\"time\":\"noon\"}"),
            "line 1, column `time`: found `noon`, expected a time as in RFC 3339 (`2026-01-31T12:00:00Z`) or a Unix time"
        );
    }
}
