//! The sections of a file: which keys they may have, which they have, and what is wrong with several of them.

use std::cell::RefCell;

use crate::fault::{Fault, FaultKind, nearest};
use crate::field::Field;
use crate::keys::{Key, elsewhere};
use crate::tree::{Place, Sources, Table};

/// What is needed to read a tree, and the faults found so far.
pub(crate) struct Reader<'a> {
    pub(crate) sources: &'a Sources,
    /// The keys of the top level.
    pub(crate) root: &'static [Key],
    /// Metrics that there are; empty if nobody knows.
    pub(crate) metrics: &'a [&'a str],
    /// Series that the sources of the profile declare.
    pub(crate) declared: &'a [String],
    /// Whether the tree is one file of several: what concerns several keys is then looked at later, on all of them.
    pub(crate) alone: bool,
    pub(crate) faults: RefCell<Vec<Fault>>,
}

impl Reader<'_> {
    pub(crate) fn report(&self, place: Place, kind: FaultKind) {
        let fault = self.sources.fault(place, kind);
        let mut faults = self.faults.borrow_mut();
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }

    /// Reports what concerns several keys, unless the tree is one of several.
    pub(crate) fn report_whole(&self, place: Place, kind: FaultKind) {
        if !self.alone {
            self.report(place, kind);
        }
    }
}

/// A table of a file, and the keys that it may have. It may also be one that is not there, and so has no values.
#[derive(Clone)]
pub struct Section<'a> {
    reader: &'a Reader<'a>,
    table: Option<&'a Table>,
    /// Where the section begins.
    pub(crate) place: Place,
    keys: &'static [Key],
    path: String,
}

impl<'a> Section<'a> {
    /// Reports the keys of `table` that are not among `keys`. `path` is the section's name in messages; empty for the
    /// top level.
    pub(crate) fn new(
        reader: &'a Reader<'a>,
        table: Option<&'a Table>,
        place: Place,
        keys: &'static [Key],
        path: impl Into<String>,
    ) -> Self {
        let section = Self { reader, table, place, keys, path: path.into() };
        for (name, entry) in table.iter().flat_map(|table| &table.0) {
            if !keys.iter().any(|key| key.name == *name) {
                let nearest = nearest(name, keys.iter().map(|key| key.name)).or_else(|| elsewhere(reader.root, name));
                let kind = FaultKind::UnknownKey { key: name.clone(), section: section.name(), nearest };
                reader.report(entry.key_place, kind);
            }
        }
        section
    }

    /// The section in messages, such as `` `[target]` `` or `the top level`.
    #[must_use]
    pub fn name(&self) -> String {
        if self.path.is_empty() { "the top level".to_owned() } else { format!("`[{}]`", self.path) }
    }

    /// Its path, as in a file.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Reports the name that the user gave this section.
    pub(crate) fn misnamed(&self, name: &str, expected: &str) {
        let kind = FaultKind::BadName { name: name.to_owned(), expected: expected.to_owned() };
        self.reader.report(self.place, kind);
    }

    pub(crate) fn table(&self) -> Option<&'a Table> {
        self.table
    }

    pub(crate) fn reader(&self) -> &'a Reader<'a> {
        self.reader
    }

    /// Whether `key` is there.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.get(key).is_some())
    }

    /// The value of `key`, if it is there. It has to be one of the keys of the section.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Field<'a>> {
        let known = self.keys.iter().find(|known| known.name == key);
        debug_assert!(known.is_some(), "`{key}` is read but not in the table of keys of `{}`", self.path);
        let entry = self.table?.get(key)?;
        Some(Field::new(self.reader, known?.name, entry))
    }

    /// The section of this name within this one, whether it is there or not.
    #[must_use]
    pub fn section(&self, key: &'static str, keys: &'static [Key]) -> Self {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        let there = self.get(key).and_then(|field| field.section(keys, path.clone()));
        there.unwrap_or_else(|| Self::new(self.reader, None, self.place, keys, path))
    }

    /// Which one of `choices` is there. Reports each further one as a contradiction.
    pub fn one_of(&self, choices: &[&'static str]) -> Option<&'static str> {
        let mut present = choices.iter().filter(|key| self.has(key));
        let first = present.next()?;
        for other in present {
            self.contradicts(other, first);
        }
        Some(first)
    }

    /// Reports `key` as a contradiction to `other`.
    pub fn contradicts(&self, key: &str, other: &str) {
        if let Some(field) = self.get(key) {
            let (key, other, section) = (key.to_owned(), other.to_owned(), self.name());
            self.reader.report_whole(field.key_place, FaultKind::Contradiction { key, other, section });
        }
    }

    /// Reports `key`, if it is there, as meaningless without `needs`.
    pub fn needs(&self, key: &str, needs: &str) {
        if let Some(field) = self.get(key) {
            let kind = FaultKind::Needs { key: key.to_owned(), needs: needs.to_owned() };
            self.reader.report_whole(field.key_place, kind);
        }
    }

    /// Reports that `missing` should be in the section.
    pub fn missing(&self, missing: impl Into<String>) {
        let kind = FaultKind::Missing { section: self.name(), missing: missing.into() };
        self.reader.report_whole(self.place, kind);
    }
}
