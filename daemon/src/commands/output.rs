//! Standard output carries the result, standard error everything else.

use std::io::{self, IsTerminal, Write};

use soakd_reports::{Charset, Colour, Look, RenderError, Report, Verdict, renderer};

use crate::cli::Format;
use crate::exit::{Exit, Failure};

/// Writes a result to standard output.
///
/// # Errors
/// [`Exit::CannotWrite`] where it cannot be written. A reader that has gone away has seen enough, which is no error.
pub fn result(text: &str) -> Result<(), Failure> {
    bytes(text.as_bytes())
}

/// Writes a result that may be no text to standard output.
///
/// # Errors
/// As [`result`].
pub fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::CannotWrite, format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes the final error to standard error.
pub fn error(failure: &Failure) {
    let _ = writeln!(io::stderr().lock(), "{failure}");
}

/// Writes a line for people to standard error.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// JSON for standard output, indented.
///
/// # Errors
/// [`Exit::Internal`] where it has none.
pub fn json<T: serde::Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|error| Failure::new(Exit::Internal, format!("cannot be written as JSON: {error}")))
}

/// Whether the reader's terminal shows 7-bit characters only.
#[must_use]
pub fn is_ascii() -> bool {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    // As the C library does: the first of these that is set decides about characters.
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| set(name));
    locale.is_some_and(|locale| locale == "C" || locale == "POSIX")
}

/// Whether standard output is a terminal.
#[must_use]
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Lines that the terminal on standard output has.
#[must_use]
pub fn rows() -> usize {
    let rows = rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_row));
    rows.filter(|rows| *rows > 0).unwrap_or(24)
}

/// How text on standard output is to look.
#[must_use]
pub fn look() -> Look {
    let stdout = io::stdout();
    let is_terminal = stdout.is_terminal();
    let columns = rustix::termios::tcgetwinsize(stdout).ok().map(|size| usize::from(size.ws_col));
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    Look {
        columns: columns.filter(|columns| is_terminal && *columns > 0).unwrap_or(80),
        colour: if is_terminal && set("NO_COLOR").is_none() { Colour::Always } else { Colour::Never },
        charset: if is_ascii() { Charset::Ascii } else { Charset::Unicode },
    }
}

/// Prints a verdict. `files` are named to the reader.
///
/// # Errors
/// [`Exit::Internal`] where it cannot be rendered, [`Exit::CannotWrite`] where it cannot be printed.
pub fn verdict(verdict: &Verdict, format: Format, quiet: bool, files: Vec<(String, String)>) -> Result<(), Failure> {
    let name = match format {
        Format::Text => "text",
        Format::Json => "json",
    };
    if quiet && format == Format::Text {
        // The summary of an undecided run begins with that word already.
        let word = format!("{}: ", verdict.outcome);
        let rest = verdict.summary.strip_prefix(&word).unwrap_or(&verdict.summary);
        return result(&format!("{word}{rest}\n"));
    }
    let renderer =
        renderer(name).ok_or_else(|| Failure::new(Exit::Internal, format!("there is no renderer `{name}`")))?;
    let report = Report { look: look(), files, ..Report::new(verdict) };
    let bytes = renderer
        .render(&report)
        .map_err(|error: RenderError| Failure::new(Exit::Internal, format!("the verdict cannot be shown: {error}")))?;
    result(&String::from_utf8_lossy(&bytes))
}
