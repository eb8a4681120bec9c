//! Reading another file by the rules of profiles: the configuration of a program that runs them.
//!
//! Such a file has a table of its keys ([`Key`]); unknown keys, the words of the messages and the JSON Schema come from it.
//! All faults are found at once, each with its place. Unlike in a profile, `${…}` in it is text like any other, and no file
//! extends another.

use std::cell::RefCell;
use std::io;
use std::path::Path;

use serde_json::Value;

use crate::fault::Faults;
pub use crate::fault::{nearest, one_of};
pub use crate::field::Field;
pub use crate::keys::{Key, Shape, key, words};
use crate::loader;
use crate::schema::{self, Variables};
use crate::section::Reader;
pub use crate::section::Section;
use crate::tree::{Place, Sources};

/// Reads a file with the keys `root` at its top level. `shown` is its name in messages. `decode` takes the values out of the
/// sections; what is wrong becomes a default of its choice, since nothing comes of it.
///
/// # Errors
/// All the faults of the file.
pub fn read<T>(
    bytes: &[u8],
    shown: &str,
    root: &'static [Key],
    decode: impl FnOnce(&Section<'_>) -> T,
) -> Result<T, Faults> {
    let mut sources = Sources::default();
    let mut faults = Vec::new();
    let table = sources.add(shown.to_owned(), bytes, None, &mut faults).unwrap_or_default();
    // Of a file that could not be read in full, what is missing cannot be told from what was not read.
    let alone = !faults.is_empty();
    let reader = Reader { sources: &sources, root, metrics: &[], declared: &[], alone, faults: RefCell::new(faults) };
    let place = Place { source: 0, start: 0, end: 0 };
    let value = decode(&Section::new(&reader, Some(&table), place, root, ""));
    match sources.in_order(reader.faults.into_inner()) {
        Some(faults) => Err(faults),
        None => Ok(value),
    }
}

/// The bytes of a regular file of at most 4 MiB, as profiles are read.
///
/// # Errors
/// What the system says, or that the file is something else or larger.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    loader::read(path)
}

/// The system's words without its number, in lower case as the rest of a message.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    loader::reason(error)
}

/// The JSON Schema (draft 2020-12) of a file with the keys `root` at its top level.
#[must_use]
pub fn schema(root: &'static [Key], title: &str) -> Value {
    schema::document(root, title, Variables::None)
}
