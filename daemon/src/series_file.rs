//! A run's samples as a series file: CSV that `soakd analyze` and every spreadsheet reads.

use std::collections::BTreeMap;
use std::fmt::Write;

use soakd_profiles::series_name;

use crate::store::{RunRecord, Scope, Store, StoreError};

/// The samples of the tree, the operations and what sources gave, a line for each time; empty cells are missing values.
///
/// # Errors
/// [`StoreError`] where they cannot be read.
pub fn csv(store: &Store, record: &RunRecord) -> Result<String, StoreError> {
    let all = store.series(record.key)?;
    let wanted: Vec<_> = all
        .iter()
        .filter(|series| !matches!(series.scope, Scope::Process { .. }))
        .map(|series| series.number)
        .collect();
    let columns = store.columns(record.key, &wanted)?;
    let mut text = "t_s".to_owned();
    for (place, column) in columns.iter().enumerate() {
        text.push(',');
        let metric = column.series.metric.as_str();
        // Two sources may call their numbers alike; each column has a name of its own.
        match &column.series.scope {
            Scope::Source { name } if columns[..place].iter().any(|other| other.series.metric == metric) => {
                text.push_str(&series_name(&format!("{name}_{metric}")));
            }
            _ => text.push_str(metric),
        }
    }
    text.push('\n');
    // Times are recorded once for each sample, so equal times are equal to the bit.
    let mut lines: BTreeMap<u64, Vec<Option<f64>>> = BTreeMap::new();
    for (place, column) in columns.iter().enumerate() {
        for (t_s, value) in column.t_s.iter().zip(&column.values) {
            let line = lines.entry(t_s.max(0.0).to_bits()).or_insert_with(|| vec![None; columns.len()]);
            line[place] = Some(*value);
        }
    }
    for (bits, values) in lines {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}", f64::from_bits(bits));
        for value in values {
            match value {
                Some(value) => {
                    let _ = write!(text, ",{value}");
                }
                None => text.push(','),
            }
        }
        text.push('\n');
    }
    Ok(text)
}
