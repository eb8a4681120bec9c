//! What can be wrong with a recording.

use thiserror::Error;

/// Why a text is no table. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum FormatError {
    /// Nothing but white space.
    #[error("the file is empty, expected a recording")]
    Empty,
    /// Bytes that are not UTF-8.
    #[error("line {line}: not UTF-8 text")]
    NotText {
        /// Line of the first such byte.
        line: usize,
    },
    /// No reader recognises the text.
    #[error(
        "no known format starts with `{found}`, expected CSV with a column `t_s`, `time` or `timestamp` first, JSON \
         lines, a Prometheus range answer, or the output of `mprof`, `psrecord` or `pidstat -r`"
    )]
    Unknown {
        /// The first line.
        found: String,
    },
    /// The caller named a format that does not exist.
    #[error("unknown format `{name}`, expected one of csv, json_lines, prometheus, mprof, psrecord, pidstat")]
    NoSuchFormat {
        /// The name.
        name: String,
    },
    /// The line that names the columns is not as expected.
    #[error("line {line}: found `{found}`, expected {expected}")]
    Header {
        /// Where.
        line: usize,
        /// What stands there.
        found: String,
        /// What should.
        expected: &'static str,
    },
    /// Two columns have one name.
    #[error("line {line}: column `{name}` appears twice")]
    DuplicateColumn {
        /// Where.
        line: usize,
        /// The name.
        name: String,
    },
    /// A row is longer or shorter than the header.
    #[error("line {line}: {found} cells where the header has {expected}")]
    Width {
        /// Where.
        line: usize,
        /// Cells in the row.
        found: usize,
        /// Cells in the header.
        expected: usize,
    },
    /// A quote that is never closed, or text after a closing quote.
    #[error("line {line}: unbalanced quote")]
    Quote {
        /// Line on which the cell starts.
        line: usize,
    },
    /// A cell that should be a number or a time.
    #[error("line {line}, column `{column}`: found `{found}`, expected {expected}")]
    Cell {
        /// Where.
        line: usize,
        /// Name of the column.
        column: String,
        /// What stands there.
        found: String,
        /// What should.
        expected: &'static str,
    },
    /// Time does not grow.
    #[error("line {line}: time stands still or goes backwards: {before_s} s, then {after_s} s after the first sample")]
    Time {
        /// Where.
        line: usize,
        /// Time of the row before, in seconds from the first sample.
        before_s: f64,
        /// Time of this row.
        after_s: f64,
    },
    /// Time does not grow within one series of a Prometheus answer.
    #[error(
        "series {series}, sample {sample}: time stands still or goes backwards: {before_s} s, then {after_s} s (Unix)"
    )]
    SeriesTime {
        /// Which series of the answer, from 1.
        series: usize,
        /// Which of its samples, from 1.
        sample: usize,
        /// Time of the sample before, in Unix seconds.
        before_s: f64,
        /// Time of this sample.
        after_s: f64,
    },
    /// Text that is not JSON.
    #[error("line {line}, column {column}: not JSON: {message}")]
    Json {
        /// Where.
        line: usize,
        /// Column of the line, in bytes.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// JSON of another shape.
    #[error("line {line}: expected {expected}")]
    Shape {
        /// Where.
        line: usize,
        /// What was expected.
        expected: &'static str,
    },
    /// A Prometheus server that answered with an error.
    #[error("Prometheus answered `{kind}`: {message}")]
    Answer {
        /// Kind of error.
        kind: String,
        /// Its message.
        message: String,
    },
}

/// Longest piece of the input that is repeated in a message, in characters.
const SHOWN_CHARS: usize = 60;

/// The first characters of `found`, with control characters made visible.
pub(super) fn shortened(found: &str) -> String {
    let mut text: String = found.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect();
    if found.chars().nth(SHOWN_CHARS).is_some() {
        text.push('…');
    }
    text
}
