//! The samples as a series file: CSV that `soakd analyze` and every spreadsheet reads.

use std::fmt::Write;

use super::{RenderError, Renderer, Report};
use crate::recording::Recording;

/// A line for each time; empty cells are missing values.
#[derive(Debug, Clone, Copy)]
pub struct Csv;

impl Renderer for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn about(&self) -> &'static str {
        "the samples as a series file, for `soakd analyze` and spreadsheets"
    }

    fn file_name(&self) -> Option<&'static str> {
        Some("samples.csv")
    }

    fn render(&self, report: &Report<'_>) -> Result<Vec<u8>, RenderError> {
        Ok(csv(report.recorded(self.name())?).into_bytes())
    }
}

/// The samples of `recording`, a column for each series by its [name](Recording::names).
#[must_use]
pub fn csv(recording: &Recording) -> String {
    let table = recording.table();
    let mut text = "t_s".to_owned();
    for (name, _) in &table.columns {
        text.push(',');
        text.push_str(&cell(name));
    }
    text.push('\n');
    for (row, t_s) in table.t_s.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}", t_s.max(0.0));
        for (_, values) in &table.columns {
            text.push(',');
            if let Some(value) = values[row] {
                let _ = write!(text, "{value}");
            }
        }
        text.push('\n');
    }
    text
}

/// A name as a cell: quoted where it would otherwise be two (RFC 4180).
fn cell(name: &str) -> String {
    if name.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.to_owned() }
}
