//! From the text that recorders write to a [`Table`] of columns over time. Pure: text in, table out.
//!
//! ```
//! let table = soakd_analysis::formats::read(b"t_s,rss_bytes,ops\n0,4096,0\n1,8192,10\n2,,20\n")?;
//! let series = table.series("rss_bytes")?;
//! assert_eq!(series.values(), [4096.0, 8192.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Three rules hold for every format:
//!
//! * **A value that is not a finite number is a missing value.** Empty cells, `NaN`, infinities, `null`, `NA` and `-`
//!   leave a hole; the other columns of the row stay.
//! * **Time must grow.** A time that stands still, goes backwards or is missing is refused with its line, since no
//!   guess about it is safe.
//! * **A restart cuts the series** ([`Table::series`]): a resident size of 0, or operations that go backwards.
//!
//! | module | format |
//! |---|---|
//! | [`csv`] | CSV with a header: the series file of `soakd` itself |
//! | [`json_lines`] | one flat JSON object per line |
//! | [`prometheus`] | the answer of a Prometheus range query |
//! | [`mprof`] | `.dat` files of `mprof run` |
//! | [`psrecord`] | logs of `psrecord --log` |
//! | [`pidstat`] | output of `pidstat -r` |

pub mod csv;
mod error;
pub mod json_lines;
pub mod mprof;
pub mod pidstat;
pub mod prometheus;
pub mod psrecord;
mod rows;
mod table;
mod time;

pub use error::FormatError;
pub use table::{Column, Table, TableError};

/// One format that can be read.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// Its name, as the command line takes it.
    pub name: &'static str,
    /// What writes it, in a few words.
    pub description: &'static str,
    /// Whether the text looks like this format; cheap, reads the first lines only.
    pub sniff: fn(&str) -> bool,
    /// Reads the whole text.
    pub read: fn(&str) -> Result<Table, FormatError>,
}

/// Every format, in the order in which they are tried; the most particular come first.
pub static FORMATS: &[Format] =
    &[prometheus::FORMAT, json_lines::FORMAT, mprof::FORMAT, psrecord::FORMAT, pidstat::FORMAT, csv::FORMAT];

/// The text of a file: UTF-8 with an optional byte order mark, which is left out.
///
/// # Errors
/// [`FormatError::NotText`] with the place of the first byte that is not UTF-8.
fn text(bytes: &[u8]) -> Result<&str, FormatError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        FormatError::NotText { line: 1 + before.iter().filter(|byte| **byte == b'\n').count() }
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Reads a file whose format is recognised from its first lines.
///
/// # Errors
/// [`FormatError::Empty`] and [`FormatError::Unknown`] where there is nothing to recognise, else what the reader of
/// the format found.
pub fn read(bytes: &[u8]) -> Result<Table, FormatError> {
    let text = text(bytes)?;
    if text.trim().is_empty() {
        return Err(FormatError::Empty);
    }
    let format = FORMATS.iter().find(|format| (format.sniff)(text)).ok_or_else(|| FormatError::Unknown {
        found: error::shortened(text.trim_start().lines().next().unwrap_or_default()),
    })?;
    (format.read)(text)
}

/// Reads a file as the format of this name.
///
/// # Errors
/// [`FormatError::NoSuchFormat`], else what the reader of the format found.
pub fn read_as(name: &str, bytes: &[u8]) -> Result<Table, FormatError> {
    let format = FORMATS
        .iter()
        .find(|format| format.name == name)
        .ok_or_else(|| FormatError::NoSuchFormat { name: error::shortened(name) })?;
    (format.read)(text(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_called_empty() {
        assert_eq!(read(b""), Err(FormatError::Empty));
        assert_eq!(read("\u{feff} \r\n".as_bytes()), Err(FormatError::Empty));
    }

    #[test]
    fn bytes_that_are_no_text_are_named_with_their_line() {
        assert_eq!(read(b"t_s,a\n0,\xff\n"), Err(FormatError::NotText { line: 2 }));
    }

    #[test]
    fn a_text_of_no_known_format_is_shown() {
        let error = read(b"dear diary\nit grew\n");
        assert_eq!(error, Err(FormatError::Unknown { found: "dear diary".to_owned() }));
    }

    #[test]
    fn names_of_formats_are_unique() {
        let mut names: Vec<_> = FORMATS.iter().map(|format| format.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FORMATS.len());
    }
}
