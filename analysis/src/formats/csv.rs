//! CSV with a header: the series file that `soakd` reads and writes.
//!
//! The first column is time: `t_s` (seconds), or `time`/`timestamp` (RFC 3339, Unix seconds or milliseconds; its first
//! value decides which). Every other column is a series, `ops` or `ops_count` the operation counter. Separators are
//! commas, or semicolons or tabs where the header has them; quotes, CRLF and a byte order mark are understood. Empty
//! lines and lines that start with `#` are passed over.

use std::borrow::Cow;

use super::Format;
use super::error::{FormatError, shortened};
use super::rows::Rows;
use super::table::Table;
use super::time::{Clock, number};

/// The row of this format in [`FORMATS`](super::FORMATS).
pub(super) const FORMAT: Format = Format {
    name: "csv",
    description: "CSV with a header, as `soakd report --csv` writes it",
    sniff: |text| separator_and_time(header(text)).is_some(),
    read,
};

const TIME_EXPECTED: &str = "a column `t_s`, `time` or `timestamp` first";

/// Whether the name of a column is one of time, and its clock where the name alone tells.
pub(super) fn time_column(name: &str) -> Option<Option<Clock>> {
    let name = name.trim().trim_matches('"');
    if name.eq_ignore_ascii_case("t_s") {
        Some(Some(Clock::Elapsed))
    } else if ["time", "timestamp"].iter().any(|word| name.eq_ignore_ascii_case(word)) {
        Some(None)
    } else {
        None
    }
}

fn is_content(line: &str) -> bool {
    !line.trim().is_empty() && !line.starts_with('#')
}

fn header(text: &str) -> &str {
    text.lines().find(|line| is_content(line)).unwrap_or_default()
}

/// The separator of a header, and the clock of its first column.
fn separator_and_time(header: &str) -> Option<(char, Option<Clock>)> {
    [',', ';', '\t'].into_iter().find_map(|separator| {
        let (first, _) = header.split_once(separator)?;
        Some((separator, time_column(first)?))
    })
}

/// Splits the text into records of cells. A quoted cell may hold separators, line ends and doubled quotes.
struct Records<'a> {
    rest: &'a str,
    line: usize,
    separator: char,
}

impl<'a> Records<'a> {
    /// The next record with the line on which it starts, `None` at the end.
    fn next(&mut self, cells: &mut Vec<Cow<'a, str>>) -> Option<Result<usize, FormatError>> {
        cells.clear();
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let end = self.rest.find('\n').map_or(self.rest.len(), |at| at + 1);
            let line = &self.rest[..end];
            if is_content(line) {
                if line.contains('"') {
                    return Some(self.quoted(cells));
                }
                self.rest = &self.rest[end..];
                self.line += 1;
                cells.extend(line.trim_end_matches(['\n', '\r']).split(self.separator).map(Cow::Borrowed));
                return Some(Ok(self.line - 1));
            }
            self.rest = &self.rest[end..];
            self.line += 1;
        }
    }

    /// A record in which some cell is quoted.
    fn quoted(&mut self, cells: &mut Vec<Cow<'a, str>>) -> Result<usize, FormatError> {
        let line = self.line;
        loop {
            if let Some(inside) = self.rest.trim_start_matches(' ').strip_prefix('"') {
                let mut cell = String::new();
                let mut rest = inside;
                loop {
                    let (part, after) = rest.split_once('"').ok_or(FormatError::Quote { line })?;
                    cell.push_str(part);
                    self.line += part.matches('\n').count();
                    rest = after;
                    match rest.strip_prefix('"') {
                        Some(after) => {
                            cell.push('"');
                            rest = after;
                        }
                        None => break,
                    }
                }
                cells.push(Cow::Owned(cell));
                self.rest = rest.trim_start_matches([' ', '\r']);
            } else {
                let end = self.rest.find([self.separator, '\n']).unwrap_or(self.rest.len());
                cells.push(Cow::Borrowed(self.rest[..end].trim_end_matches('\r')));
                self.rest = &self.rest[end..];
            }
            if let Some(rest) = self.rest.strip_prefix(self.separator) {
                self.rest = rest;
            } else if let Some(rest) = self.rest.strip_prefix('\n') {
                self.rest = rest;
                self.line += 1;
                return Ok(line);
            } else if self.rest.is_empty() {
                return Ok(line);
            } else {
                return Err(FormatError::Quote { line });
            }
        }
    }
}

/// Reads CSV.
///
/// # Errors
/// [`FormatError`] with the line, and the column where one cell is at fault.
pub fn read(text: &str) -> Result<Table, FormatError> {
    let first = header(text);
    if first.is_empty() {
        return Err(FormatError::Empty);
    }
    let mut records = Records { rest: text, line: 1, separator: ',' };
    let Some((separator, mut clock)) = separator_and_time(first) else {
        let line = 1 + text.lines().position(is_content).unwrap_or_default();
        return Err(FormatError::Header { line, found: shortened(first), expected: TIME_EXPECTED });
    };
    records.separator = separator;

    let mut cells = Vec::new();
    let line = records.next(&mut cells).transpose()?.unwrap_or(1);
    let names: Vec<String> = cells.iter().map(|name| name.trim().to_owned()).collect();
    let mut rows = Rows::default();
    for (index, name) in names.iter().enumerate().skip(1) {
        if name.is_empty() {
            let expected = "a name for every column";
            return Err(FormatError::Header { line, found: shortened(first), expected });
        }
        if rows.column(name) + 1 != index {
            return Err(FormatError::DuplicateColumn { line, name: shortened(name) });
        }
    }

    let mut unix = false;
    while let Some(line) = records.next(&mut cells) {
        let line = line?;
        if cells.len() != names.len() {
            return Err(FormatError::Width { line, found: cells.len(), expected: names.len() });
        }
        let clock = *clock.get_or_insert_with(|| Clock::of(&cells[0]));
        unix = clock != Clock::Elapsed;
        let refused = |index: usize, expected| FormatError::Cell {
            line,
            column: shortened(&names[index]),
            found: shortened(&cells[index]),
            expected,
        };
        let t_s = clock.read(&cells[0]).ok_or_else(|| refused(0, clock.expected()))?;
        rows.start(line, t_s)?;
        for (index, cell) in cells.iter().enumerate().skip(1) {
            let value = number(cell).ok_or_else(|| refused(index, "a number, or nothing where it is missing"))?;
            rows.set(index - 1, value);
        }
    }
    Ok(rows.table(unix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_start_at_zero_and_empty_cells_are_missing() {
        let table = read("t_s,rss_bytes,fds_count\n0.5,4096,\n1.5,NaN,7\n\n2.5,8192,inf\n").unwrap();
        assert_eq!(table.t_s, [0.0, 1.0, 2.0]);
        assert_eq!(table.start_unix_s, None);
        assert_eq!(table.column("rss_bytes").unwrap().values, [Some(4096.0), None, Some(8192.0)]);
        assert_eq!(table.column("fds_count").unwrap().values, [None, Some(7.0), None]);
    }

    #[test]
    fn times_of_day_seconds_and_milliseconds_mean_the_same() {
        let texts = [
            "time,a\n2026-01-31T12:00:00Z,1\n2026-01-31T12:00:01.5Z,2\n",
            "timestamp,a\n1769860800,1\n1769860801.5,2\n",
            "Time;a\n1769860800000;1\n1769860801500;2\n",
        ];
        for text in texts {
            let table = read(text).unwrap();
            assert_eq!(table.t_s, [0.0, 1.5], "{text}");
            assert_eq!(table.start_unix_s, Some(1_769_860_800.0), "{text}");
        }
    }

    #[test]
    fn quotes_line_ends_and_separators_of_other_programs_are_understood() {
        let table = read("\"t_s\"\t\"a \"\"b\"\"\"\tops\r\n\"0\"\t1\t5\r\n1\t\"2\"\t6").unwrap();
        assert_eq!(table.column("a \"b\"").unwrap().values, [Some(1.0), Some(2.0)]);
        assert_eq!(table.ops, Some(vec![Some(5.0), Some(6.0)]));
    }

    #[test]
    fn faults_are_named_with_their_place() {
        let message = |text: &str| read(text).unwrap_err().to_string();
        assert_eq!(
            message("t_s,a\n0,1\n1,x\n"),
            "line 3, column `a`: found `x`, expected a number, or nothing where it is missing"
        );
        assert_eq!(message("t_s,a\n0,1,2\n"), "line 2: 3 cells where the header has 2");
        assert_eq!(message("t_s,a,a\n"), "line 1: column `a` appears twice");
        assert_eq!(message("a,t_s\n"), "line 1: found `a,t_s`, expected a column `t_s`, `time` or `timestamp` first");
        assert_eq!(message("t_s,a\n,1\n"), "line 2, column `t_s`: found ``, expected a time in seconds");
        assert_eq!(message("t_s,\"a\n"), "line 1: unbalanced quote");
        let error = read("t_s,a\n0,1\n# a note\n1,2\n1,3\n");
        assert_eq!(error, Err(FormatError::Time { line: 5, before_s: 1.0, after_s: 1.0 }));
    }
}
