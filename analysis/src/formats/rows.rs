//! Gathers rows into a [`Table`] and checks that their times grow.

use std::collections::HashMap;

use super::error::FormatError;
use super::table::{Column, Table};

/// A table in the making. Columns may appear at any row; they are missing in the rows before.
#[derive(Debug, Default)]
pub(super) struct Rows {
    start_s: Option<f64>,
    t_s: Vec<f64>,
    columns: Vec<Column>,
    index: HashMap<String, usize>,
    restarts_s: Vec<f64>,
}

impl Rows {
    /// The column of this name, made where there is none.
    pub(super) fn column(&mut self, name: &str) -> usize {
        if let Some(index) = self.index.get(name) {
            return *index;
        }
        let index = self.columns.len();
        self.columns.push(Column { name: name.to_owned(), values: Vec::new() });
        self.index.insert(name.to_owned(), index);
        index
    }

    /// Starts a row at `t_s`, seconds from any origin.
    ///
    /// # Errors
    /// [`FormatError::Time`] where `t_s` is not later than the row before.
    pub(super) fn start(&mut self, line: usize, t_s: f64) -> Result<(), FormatError> {
        let start_s = *self.start_s.get_or_insert(t_s);
        // The difference, since decisions are made in seconds and the origin may be the year 1970.
        let after_s = t_s - start_s;
        if let Some(before_s) = self.t_s.last().copied()
            && before_s.total_cmp(&after_s).is_ge()
        {
            return Err(FormatError::Time { line, before_s, after_s });
        }
        self.t_s.push(after_s);
        Ok(())
    }

    /// Sets a value of the current row; one that is not finite is a missing value.
    pub(super) fn set(&mut self, column: usize, value: Option<f64>) {
        let Some(value) = value.filter(|value| value.is_finite()) else { return };
        let values = &mut self.columns[column].values;
        if values.len() < self.t_s.len() {
            values.resize(self.t_s.len() - 1, None);
            values.push(Some(value));
        }
    }

    /// Whether the current row already has a value in this column.
    pub(super) fn has(&self, column: usize) -> bool {
        !self.t_s.is_empty() && self.columns[column].values.len() == self.t_s.len()
    }

    /// The target was replaced at the current row.
    pub(super) fn restart(&mut self) {
        self.restarts_s.extend(self.t_s.last());
    }

    /// The finished table; `unix` says whether the times were Unix times.
    pub(super) fn table(self, unix: bool) -> Table {
        let length = self.t_s.len();
        let mut table = Table {
            t_s: self.t_s,
            start_unix_s: self.start_s.filter(|_| unix),
            restarts_s: self.restarts_s,
            ..Table::default()
        };
        for mut column in self.columns {
            column.values.resize(length, None);
            if table.ops.is_none() && matches!(column.name.as_str(), "ops" | "ops_count") {
                table.ops = Some(column.values);
            } else {
                table.columns.push(column);
            }
        }
        table
    }
}
