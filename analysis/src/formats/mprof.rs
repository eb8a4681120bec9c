//! `.dat` files of `mprof run` (the recorder of Python's `memory_profiler`).
//!
//! `MEM` lines give resident memory in MiB and Unix time; they are the rows, in the column `rss_bytes`. `CHLD` lines
//! (`--multiprocess`) give that of one child process and belong to the `MEM` line before them: `child_PID_rss_bytes`.
//! `FUNC` lines mark functions and are passed over. `mprof run -o` adds to a file that exists: a further `CMDLINE` is a
//! restart.

use super::Format;
use super::error::{FormatError, shortened};
use super::rows::Rows;
use super::table::Table;
use super::time::number;

/// The row of this format in [`FORMATS`](super::FORMATS).
pub(super) const FORMAT: Format = Format { name: "mprof", description: "`.dat` files of `mprof run`", sniff, read };

const BYTES_PER_MIB: f64 = 1024.0 * 1024.0;

fn sniff(text: &str) -> bool {
    let first = text.trim_start().lines().next().unwrap_or_default();
    ["CMDLINE ", "MEM "].iter().any(|word| first.starts_with(word))
}

/// Reads a `.dat` file.
///
/// # Errors
/// [`FormatError`] with the line.
pub fn read(text: &str) -> Result<Table, FormatError> {
    let mut rows = Rows::default();
    let mut restarted = false;
    let mut started = false;
    for (index, content) in text.lines().enumerate() {
        let line = index + 1;
        let mut words = content.split_whitespace();
        let kind = words.next().unwrap_or_default();
        let mut cell = |column: &str, expected| {
            let found = words.next().unwrap_or_default();
            number(found).ok_or_else(|| FormatError::Cell {
                line,
                column: column.to_owned(),
                found: shortened(found),
                expected,
            })
        };
        match kind {
            "" | "FUNC" => {}
            "CMDLINE" => restarted = started,
            "MEM" => {
                let mib = cell("MEM", "memory in MiB")?;
                let expected = "a Unix time in seconds";
                let time_s = cell("MEM", expected)?.ok_or_else(|| FormatError::Cell {
                    line,
                    column: "MEM".to_owned(),
                    found: shortened(content),
                    expected,
                })?;
                rows.start(line, time_s)?;
                started = true;
                if restarted {
                    rows.restart();
                    restarted = false;
                }
                let column = rows.column("rss_bytes");
                rows.set(column, mib.map(|mib| mib * BYTES_PER_MIB));
            }
            "CHLD" if started => {
                let process = cell("CHLD", "the id of a process")?;
                let mib = cell("CHLD", "memory in MiB")?;
                if let Some(process) = process.filter(|process| process.fract() == 0.0 && *process >= 0.0) {
                    let column = rows.column(&format!("child_{process}_rss_bytes"));
                    rows.set(column, mib.map(|mib| mib * BYTES_PER_MIB));
                }
            }
            // A child seen before the first row has no time to stand at.
            "CHLD" => {}
            _ => {
                return Err(FormatError::Shape { line, expected: "`CMDLINE`, `MEM`, `CHLD` or `FUNC`" });
            }
        }
    }
    if started { Ok(rows.table(true)) } else { Err(FormatError::Empty) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_command_in_the_same_file_is_a_restart() {
        let table = read("CMDLINE a\nMEM 1.0 10.0\nMEM 2.0 10.1\nCMDLINE a\nMEM 1.0 20.0\n").unwrap();
        assert_eq!(table.restarts_s, [10.0]);
        assert_eq!(table.start_unix_s, Some(10.0));
        assert_eq!(table.series("rss_bytes").unwrap().values()[1], 2.0 * BYTES_PER_MIB);
    }

    #[test]
    fn faults_are_named_with_their_place() {
        let message = |text: &str| read(text).unwrap_err().to_string();
        assert_eq!(message("CMDLINE a\nMEM x 1\n"), "line 2, column `MEM`: found `x`, expected memory in MiB");
        assert_eq!(
            message("CMDLINE a\nMEM 1\n"),
            "line 2, column `MEM`: found `MEM 1`, expected a Unix time in seconds"
        );
        assert_eq!(message("CMDLINE a\nWHAT 1\n"), "line 2: expected `CMDLINE`, `MEM`, `CHLD` or `FUNC`");
    }
}
