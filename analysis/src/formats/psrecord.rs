//! Logs of `psrecord --log`.
//!
//! Columns by position: elapsed seconds, processor share, resident and virtual memory in MiB (its `MB` are 2^20 bytes).
//! The counters of `--include-io` only ever grow and are left out. Times are rounded to a millisecond; of samples in the
//! same millisecond, which `psrecord` takes by the dozen without `--interval`, the last one counts.

use super::Format;
use super::error::{FormatError, shortened};
use super::rows::Rows;
use super::table::Table;
use super::time::number;

/// The row of this format in [`FORMATS`](super::FORMATS).
pub(super) const FORMAT: Format = Format { name: "psrecord", description: "logs of `psrecord --log`", sniff, read };

const BYTES_PER_MIB: f64 = 1024.0 * 1024.0;

fn sniff(text: &str) -> bool {
    text.trim_start().starts_with("# Elapsed time")
}

/// What one line holds: time, resident and virtual memory in MiB.
type Sample = (usize, f64, Option<f64>, Option<f64>);

/// Reads a log.
///
/// # Errors
/// [`FormatError`] with the line.
pub fn read(text: &str) -> Result<Table, FormatError> {
    let mut rows = Rows::default();
    let mut push = |(line, t_s, real_mib, virtual_mib): Sample| {
        rows.start(line, t_s)?;
        for (name, mib) in [("rss_bytes", real_mib), ("virtual_bytes", virtual_mib)] {
            let column = rows.column(name);
            rows.set(column, mib.map(|mib| mib * BYTES_PER_MIB));
        }
        Ok::<(), FormatError>(())
    };
    let mut waiting: Option<Sample> = None;
    for (index, content) in text.lines().enumerate() {
        if content.trim().is_empty() || content.starts_with('#') {
            continue;
        }
        let line = index + 1;
        let cells: Vec<&str> = content.split_whitespace().collect();
        if cells.len() < 4 {
            return Err(FormatError::Width { line, found: cells.len(), expected: 4 });
        }
        let cell = |at: usize, column: &str, expected| {
            number(cells[at]).ok_or_else(|| FormatError::Cell {
                line,
                column: column.to_owned(),
                found: shortened(cells[at]),
                expected,
            })
        };
        let expected = "a time in seconds";
        let t_s = cell(0, "Elapsed time", expected)?.ok_or_else(|| FormatError::Cell {
            line,
            column: "Elapsed time".to_owned(),
            found: shortened(cells[0]),
            expected,
        })?;
        let real_mib = cell(2, "Real (MB)", "memory in MB")?;
        let virtual_mib = cell(3, "Virtual (MB)", "memory in MB")?;
        if let Some(before) = waiting.filter(|before| before.1.total_cmp(&t_s).is_ne()) {
            push(before)?;
        }
        waiting = Some((line, t_s, real_mib, virtual_mib));
    }
    push(waiting.ok_or(FormatError::Empty)?)?;
    Ok(rows.table(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "# Elapsed time   CPU (%)     Real (MB)   Virtual (MB)\n";

    #[test]
    fn the_last_sample_of_a_millisecond_counts() {
        let table = read(&format!("{HEADER}0.000 0 1 3\n0.000 0 2 3\n0.001 9 4 3\n")).unwrap();
        assert_eq!(table.t_s, [0.0, 0.001]);
        assert_eq!(table.column("rss_bytes").unwrap().values, [Some(2.0 * BYTES_PER_MIB), Some(4.0 * BYTES_PER_MIB)]);
    }

    #[test]
    fn faults_are_named_with_their_place() {
        let message = |rows: &str| read(&format!("{HEADER}{rows}")).unwrap_err().to_string();
        assert_eq!(message("1 2 3\n"), "line 2: 3 cells where the header has 4");
        assert_eq!(message("1 2 x 4\n"), "line 2, column `Real (MB)`: found `x`, expected memory in MB");
        assert_eq!(
            message("1 0 1 1\n0 0 1 1\n2 0 1 1\n"),
            "line 3: time stands still or goes backwards: 0 s, then -1 s after the first sample"
        );
    }
}
