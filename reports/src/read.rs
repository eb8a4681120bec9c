//! Reading a verdict back.

use serde::Deserialize;
use thiserror::Error;

use crate::verdict::{SCHEMA, Verdict};

/// Why a text is not a verdict that can be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// Nothing in it.
    #[error("the file is empty, expected a verdict (`{SCHEMA}`)")]
    Empty,
    /// The text ends in the middle.
    #[error("the JSON ends too early, at line {line}, column {column}: the file is truncated")]
    Truncated {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Not JSON.
    #[error("not JSON: {0}")]
    NotJson(serde_json::Error),
    /// JSON that does not say that it is a verdict.
    #[error("not a verdict: {found}, expected `\"schema\": \"{SCHEMA}\"`")]
    Foreign {
        /// What it is instead.
        found: String,
    },
    /// A verdict of a later soakd.
    #[error("the verdict has schema `soakd.verdict/{found}`, this soakd reads `{SCHEMA}`: a newer soakd wrote it")]
    Newer {
        /// Its version.
        found: u64,
    },
    /// It says that it is a verdict, but does not hold what a verdict holds.
    #[error("not a complete verdict: {0}")]
    Incomplete(serde_json::Error),
}

impl ReadError {
    /// Something to do about it; a line of its own after the message.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty | Self::Truncated { .. } => "`soakd report RUN` writes it again from the recorded run",
            Self::NotJson(_) | Self::Foreign { .. } => "give a `verdict.json`, or the id of a run",
            Self::Newer { .. } => "use the newer soakd to read it",
            Self::Incomplete(_) => "`soakd schema verdict` prints what a verdict holds",
        }
    }
}

/// All that is looked at before a document is taken for a verdict.
#[derive(Deserialize)]
struct Head {
    schema: Option<serde_json::Value>,
}

/// Reads a verdict from its JSON.
///
/// Fields that this version does not know are ignored, since additions keep the version.
///
/// # Errors
/// [`ReadError`] for anything but a complete verdict of this version.
pub fn read(json: &str) -> Result<Verdict, ReadError> {
    // An editor on another system may have put a byte order mark in front.
    let json = json.strip_prefix('\u{feff}').unwrap_or(json);
    if json.trim().is_empty() {
        return Err(ReadError::Empty);
    }
    let value: serde_json::Value = serde_json::from_str(json).map_err(|error| match error.is_eof() {
        true => ReadError::Truncated { line: error.line(), column: error.column() },
        false => ReadError::NotJson(error),
    })?;
    check_schema(&value)?;
    // Not from `value`: errors of the text name line and column.
    serde_json::from_str(json).map_err(ReadError::Incomplete)
}

fn check_schema(value: &serde_json::Value) -> Result<(), ReadError> {
    let foreign = |found: &str| Err(ReadError::Foreign { found: found.to_owned() });
    if !value.is_object() {
        return foreign("it is JSON, but not an object");
    }
    let Ok(Head { schema: Some(schema) }) = Head::deserialize(value) else {
        return foreign("it does not name its schema");
    };
    let Some(schema) = schema.as_str() else {
        return foreign("its schema is not a text");
    };
    if schema == SCHEMA {
        return Ok(());
    }
    match schema.strip_prefix("soakd.verdict/").map(str::parse) {
        Some(Ok(found)) if found > 1 => Err(ReadError::Newer { found }),
        _ => foreign(&format!("its schema is `{}`", schema.escape_debug())),
    }
}
