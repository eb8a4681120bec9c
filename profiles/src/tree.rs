//! A profile file as a tree of values that know their place, so that a fault found after files were merged still names
//! the line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::fault::{Fault, FaultKind, Faults};

/// Levels of tables that are read. The deepest key of a profile is at level 6.
const DEEPEST: usize = 16;

/// A text that was read, and what it is called.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) folder: Option<PathBuf>,
}

/// The texts that make up a profile.
#[derive(Debug, Default)]
pub(crate) struct Sources(pub(crate) Vec<Source>);

/// A stretch of one of the [`Sources`], in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) source: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) place: Place,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// `from_variable`: a `${…}` was replaced in it, so that it may stand for a number or a yes or no.
    Text {
        text: String,
        from_variable: bool,
    },
    Integer(i64),
    Float(f64),
    Boolean(bool),
    List(Vec<Node>),
    Table(Table),
    /// Dates, and integers that do not fit.
    Other(&'static str),
    /// A string of which a fault has been reported already; no reader says more about it.
    Reported,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Table(pub(crate) BTreeMap<String, Entry>);

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key_place: Place,
    pub(crate) node: Node,
}

impl Value {
    /// Whether a fault of the value, or of one in its list, has been reported already.
    pub(crate) fn is_reported(&self) -> bool {
        match self {
            Self::Reported => true,
            Self::List(items) => items.iter().any(|item| matches!(item.value, Self::Reported)),
            _ => false,
        }
    }

    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Text { .. } => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a number with a fraction",
            Self::Boolean(_) => "a yes or no",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(name) => name,
            Self::Reported => "a string",
        }
    }
}

impl Table {
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.0.get(key)
    }

    pub(crate) fn table(&self, key: &str) -> Option<&Self> {
        match &self.0.get(key)?.node.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }
}

impl Sources {
    /// Adds a text and reads its tree; `None` where it is no text.
    pub(crate) fn add(
        &mut self,
        name: String,
        bytes: &[u8],
        folder: Option<PathBuf>,
        faults: &mut Vec<Fault>,
    ) -> Option<Table> {
        let source = self.0.len();
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                self.0.push(Source { name, text: text.to_owned(), folder });
                Some(self.tree(source, faults))
            }
            Err(error) => {
                let start = error.valid_up_to();
                self.0.push(Source { name, text: String::from_utf8_lossy(bytes).into_owned(), folder });
                let message = "a byte that is not UTF-8".to_owned();
                faults.push(self.fault(Place { source, start, end: start }, FaultKind::Syntax { message }));
                None
            }
        }
    }

    /// The faults in the order of their places, if there are any.
    pub(crate) fn in_order(&self, mut faults: Vec<Fault>) -> Option<Faults> {
        forget_consequences(&mut faults);
        let order = |fault: &Fault| self.0.iter().position(|source| source.name == fault.file);
        faults.sort_by_key(|fault| (order(fault), fault.line, fault.column));
        (!faults.is_empty()).then(|| Faults::new(faults))
    }

    /// The fault `kind` at the start of `place`.
    pub(crate) fn fault(&self, place: Place, kind: FaultKind) -> Fault {
        let Some(source) = self.0.get(place.source) else {
            return Fault { file: String::new(), line: 1, column: 1, kind };
        };
        let before = source.text.get(..place.start).unwrap_or(&source.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Fault {
            file: source.name.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            kind,
        }
    }

    /// The line in which `place` begins, from 1.
    pub(crate) fn line(&self, place: Place) -> usize {
        let before = self.0.get(place.source).and_then(|source| source.text.get(..place.start)).unwrap_or_default();
        before.matches('\n').count() + 1
    }

    /// What the user wrote at `place`, cut short where it is long.
    pub(crate) fn written(&self, place: Place) -> String {
        const LONGEST: usize = 60;
        let text =
            self.0.get(place.source).and_then(|source| source.text.get(place.start..place.end)).unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        if line.len() == text.len() && line.chars().count() <= LONGEST {
            return line.to_owned();
        }
        line.chars().take(LONGEST).chain(['…']).collect()
    }

    /// The tree of the source with this number. Of a file with errors as much as could be read.
    pub(crate) fn tree(&self, source: usize, faults: &mut Vec<Fault>) -> Table {
        let Some(text) = self.0.get(source).map(|source| source.text.as_str()) else { return Table::default() };
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            let place = Place { source, start: span.start, end: span.end };
            faults.push(self.fault(place, FaultKind::Syntax { message: error.message().replace('\n', ", ") }));
        }
        let mut too_deep = None;
        let table = table(document.into_inner(), source, 0, &mut too_deep);
        if let Some(place) = too_deep {
            faults.push(self.fault(place, FaultKind::TooDeep { most: DEEPEST }));
        }
        table
    }
}

/// Drops what was found on a line that is not TOML: it speaks of what the parser made up to go on.
fn forget_consequences(faults: &mut Vec<Fault>) {
    let is_syntax = |fault: &Fault| matches!(fault.kind, FaultKind::Syntax { .. });
    let broken: Vec<(String, usize)> =
        faults.iter().filter(|fault| is_syntax(fault)).map(|fault| (fault.file.clone(), fault.line)).collect();
    faults.retain(|fault| is_syntax(fault) || !broken.contains(&(fault.file.clone(), fault.line)));
}

fn table(table: DeTable<'_>, source: usize, level: usize, too_deep: &mut Option<Place>) -> Table {
    let entries = table.into_iter().map(|(key, value)| {
        let span = key.span();
        let key_place = Place { source, start: span.start, end: span.end };
        (key.into_inner().into_owned(), Entry { key_place, node: node(value, source, level + 1, too_deep) })
    });
    Table(entries.collect())
}

fn node(value: Spanned<DeValue<'_>>, source: usize, level: usize, too_deep: &mut Option<Place>) -> Node {
    let span = value.span();
    let place = Place { source, start: span.start, end: span.end };
    let value = match value.into_inner() {
        _ if level > DEEPEST => {
            *too_deep = Some(place);
            Value::Table(Table::default())
        }
        DeValue::String(text) => Value::Text { text: text.into_owned(), from_variable: false },
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(integer) => Value::Integer(integer),
            Err(_) => Value::Other("an integer out of range"),
        },
        DeValue::Float(float) => match float.as_str().parse() {
            Ok(float) => Value::Float(float),
            Err(_) => Value::Other("a number out of range"),
        },
        DeValue::Boolean(boolean) => Value::Boolean(boolean),
        DeValue::Datetime(_) => Value::Other("a date or time"),
        DeValue::Array(array) => {
            Value::List(array.into_iter().map(|item| node(item, source, level + 1, too_deep)).collect())
        }
        DeValue::Table(inner) => Value::Table(table(inner, source, level, too_deep)),
    };
    Node { value, place }
}
