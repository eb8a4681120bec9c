//! Columns over a common time, and the series in them.

use thiserror::Error;

use crate::quantity::Quantity;
use crate::series::{Series, SeriesError};

/// One column of a [`Table`].
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name, with the unit as suffix (`rss_bytes`).
    pub name: String,
    /// Its values, one for each time; `None` where it was not measured.
    pub values: Vec<Option<f64>>,
}

/// What a recording holds: named columns over a common, growing time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// Seconds from the first sample, strictly growing; starts at 0.
    pub t_s: Vec<f64>,
    /// Unix time of the first sample in seconds, where the recording has it.
    pub start_unix_s: Option<f64>,
    /// The columns, in the order of the recording. Each is as long as `t_s`.
    pub columns: Vec<Column>,
    /// The cumulative operation counter (`ops` or `ops_count`), where there is one.
    pub ops: Option<Vec<Option<f64>>>,
    /// Times at which the recording itself says that the target was replaced.
    pub restarts_s: Vec<f64>,
}

/// Why a table does not give a series.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TableError {
    /// No column of this name.
    #[error("no column `{name}`, the recording has {known}")]
    NoColumn {
        /// The name asked for.
        name: String,
        /// The names that there are, in backticks.
        known: String,
    },
    /// The columns are of different lengths, or times do not grow.
    #[error(transparent)]
    Series(#[from] SeriesError),
}

/// Words in the name of a byte column that can only be 0 while there is no process.
const RESIDENT: [&str; 6] = ["rss", "pss", "uss", "anon", "resident", "heap"];

fn is_resident(name: &str) -> bool {
    // A swap column is 0 in most processes; `anon_swap` (their sum) is not.
    Quantity::of_metric(name) == Quantity::Bytes
        && name.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| RESIDENT.contains(&word))
}

/// `ops` without holes: a count that is missing is the one before it, and at the start the first that is known.
fn filled(ops: &[Option<f64>]) -> Option<Vec<f64>> {
    let mut last = ops.iter().flatten().next().copied()?;
    Some(
        ops.iter()
            .map(|count| {
                last = count.unwrap_or(last);
                last
            })
            .collect(),
    )
}

impl Table {
    /// The names of the columns that can be judged, in order (the operation counter is not among them).
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// The column of this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The series in one column: the rows that have a value, with the operations counted so far and the restarts.
    ///
    /// The quantity is that of the name's suffix. These cut the series into the lives of several processes:
    ///
    /// * a size of 0 or less in a column of resident or heap bytes: the process was down; such samples are left out;
    /// * operations that go backwards;
    /// * [`Table::restarts_s`].
    ///
    /// # Errors
    /// [`TableError::NoColumn`]; [`TableError::Series`] for a table that was not made by a reader and breaks the
    /// rules of its fields.
    pub fn series(&self, name: &str) -> Result<Series, TableError> {
        let column = self.column(name).ok_or_else(|| TableError::NoColumn {
            name: name.to_owned(),
            known: match self.columns.len() {
                0 => "none".to_owned(),
                _ => self.names().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", "),
            },
        })?;
        let expected = self.t_s.len();
        if column.values.len() != expected {
            return Err(SeriesError::Length { name: "values", found: column.values.len(), expected }.into());
        }
        let ops = match &self.ops {
            Some(ops) if ops.len() != expected => {
                return Err(SeriesError::Length { name: "operations", found: ops.len(), expected }.into());
            }
            Some(ops) => filled(ops),
            None => None,
        };

        let resident = is_resident(name);
        let mut restarts_s = self.restarts_s.clone();
        let mut down = false;
        let mut kept = Vec::with_capacity(expected);
        for (row, value) in column.values.iter().enumerate() {
            if let Some(ops) = &ops
                && row > 0
                && ops[row] < ops[row - 1]
            {
                restarts_s.push(self.t_s[row]);
            }
            let Some(value) = *value else { continue };
            if resident && value <= 0.0 {
                down = true;
                continue;
            }
            if down && !kept.is_empty() {
                restarts_s.push(self.t_s[row]);
            }
            down = false;
            kept.push((row, value));
        }
        restarts_s.sort_by(f64::total_cmp);
        restarts_s.dedup();

        let t_s = kept.iter().map(|(row, _)| self.t_s[*row]).collect();
        let values = kept.iter().map(|(_, value)| *value).collect();
        let mut series = Series::new(Quantity::of_metric(name), t_s, values)?.with_restarts(restarts_s)?;
        if let Some(ops) = ops {
            series = series.with_ops(kept.iter().map(|(row, _)| ops[*row]).collect())?;
        }
        Ok(series)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(values: &[Option<f64>]) -> Table {
        Table {
            t_s: (0..values.len()).map(|index| index as f64).collect(),
            columns: vec![
                Column { name: "rss_bytes".to_owned(), values: values.to_vec() },
                Column { name: "swap_bytes".to_owned(), values: values.to_vec() },
            ],
            ..Table::default()
        }
    }

    #[test]
    fn a_resident_size_of_zero_is_a_restart_and_no_value() {
        let table = table(&[Some(0.0), Some(1.0), Some(0.0), None, Some(0.0), Some(2.0)]);
        let series = table.series("rss_bytes").unwrap();
        assert_eq!(series.values(), [1.0, 2.0]);
        assert_eq!(series.restarts_s(), [5.0]);
        let swap = table.series("swap_bytes").unwrap();
        assert_eq!(swap.values().len(), 5);
        assert_eq!(swap.restarts_s(), [0.0; 0]);
    }

    #[test]
    fn operations_that_go_backwards_are_a_restart_and_missing_counts_are_carried_on() {
        let mut table = table(&[Some(1.0), Some(2.0), Some(3.0), Some(4.0)]);
        table.ops = Some(vec![None, Some(10.0), None, Some(2.0)]);
        let series = table.series("rss_bytes").unwrap();
        assert_eq!(series.ops(), Some(&[10.0, 10.0, 10.0, 2.0][..]));
        assert_eq!(series.restarts_s(), [3.0]);
    }

    #[test]
    fn a_column_that_does_not_exist_is_named_with_those_that_do() {
        let error = table(&[]).series("heap_bytes").unwrap_err();
        assert_eq!(error.to_string(), "no column `heap_bytes`, the recording has `rss_bytes`, `swap_bytes`");
    }

    #[test]
    fn the_metric_behind_a_process_or_label_is_found_in_the_name() {
        assert!(is_resident("nginx_4711_rss_bytes"));
        assert!(is_resident("process_resident_memory_bytes"));
        assert!(!is_resident("swap_bytes"));
        assert!(!is_resident("sparse_bytes"));
        assert!(!is_resident("heap_count"));
    }
}
