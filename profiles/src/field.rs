//! The values of a section. Each reader gives the value, or `None` once it has reported what is wrong.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;

use crate::fault::{FaultKind, nearest, one_of};
use crate::keys::Key;
use crate::section::{Reader, Section};
use crate::tolerance::{Tolerance, Unit};
use crate::tree::{Entry, Node, Place, Table, Value};
use crate::units;

/// A key with its value. What cannot be read as what is asked for is reported, with its place, and gives `None`.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    reader: &'a Reader<'a>,
    pub(crate) key: &'a str,
    pub(crate) node: &'a Node,
    pub(crate) key_place: Place,
}

impl<'a> Field<'a> {
    pub(crate) fn new(reader: &'a Reader<'a>, key: &'a str, entry: &'a Entry) -> Self {
        Self { reader, key, node: &entry.node, key_place: entry.key_place }
    }

    /// Reports that this is wrong with the value.
    pub fn report(&self, kind: FaultKind) {
        if self.node.value.is_reported() {
            return;
        }
        self.reader.report(self.node.place, kind);
    }

    /// The value as the user wrote it, cut short where it is long.
    #[must_use]
    pub fn written(&self) -> String {
        self.reader.sources.written(self.node.place)
    }

    fn wrong_type<T>(&self, expected: &str) -> Option<T> {
        let found = self.node.value.type_name();
        self.report(FaultKind::WrongType { key: self.key.to_owned(), found, expected: expected.to_owned() });
        None
    }

    /// Reports that the value cannot be read: `expected` is what it should look like. Gives `None`.
    pub fn unreadable<T>(&self, expected: &str) -> Option<T> {
        let (key, value) = (self.key.to_owned(), self.written());
        self.report(FaultKind::Unreadable { key, value, expected: expected.to_owned() });
        None
    }

    /// Reports that the value is below its range.
    pub fn too_small(&self, least: String, is_duration: bool) {
        let (key, value) = (self.key.to_owned(), self.written());
        self.report(FaultKind::TooSmall { key, value, least, is_duration });
    }

    pub(crate) fn too_large(&self, most: String, is_duration: bool) {
        let (key, value) = (self.key.to_owned(), self.written());
        self.report(FaultKind::TooLarge { key, value, most, is_duration });
    }

    /// A string that came about by a variable can stand for a value of another type.
    fn variable_text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Text { text, from_variable: true } => Some(text.trim()),
            _ => None,
        }
    }

    fn string(&self, expected: &str) -> Option<&'a str> {
        match &self.node.value {
            Value::Text { text, .. } => Some(text),
            _ => self.wrong_type(expected),
        }
    }

    /// Reports that the value, which has the right type, is not `what`, and why. Gives `None`.
    pub fn refused<T>(&self, what: &'static str, reason: impl Into<String>, hint: Option<String>) -> Option<T> {
        let (key, value) = (self.key.to_owned(), self.written());
        self.report(FaultKind::Refused { key, value, what, reason: reason.into(), hint });
        None
    }

    /// The line in which the value begins, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.reader.sources.line(self.node.place)
    }

    /// A string that is not empty.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let text = self.string("a string")?;
        if text.is_empty() {
            return self.unreadable("a string that is not empty");
        }
        Some(text.to_owned())
    }

    /// A string, which may be empty.
    #[must_use]
    pub fn free_text(&self) -> Option<String> {
        self.string("a string").map(str::to_owned)
    }

    /// A path, resolved against the folder of the file in which it stands.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        let path = PathBuf::from(self.text()?);
        let folder = self.reader.sources.0.get(self.node.place.source).and_then(|source| source.folder.as_deref());
        Some(folder.map(|folder| folder.join(&path)).unwrap_or(path))
    }

    /// `true` or `false`.
    #[must_use]
    pub fn boolean(&self) -> Option<bool> {
        match (&self.node.value, self.variable_text()) {
            (Value::Boolean(value), _) => Some(*value),
            (_, Some("true")) => Some(true),
            (_, Some("false")) => Some(false),
            _ => self.wrong_type("`true` or `false`"),
        }
    }

    fn any_integer(&self) -> Option<i64> {
        match (&self.node.value, self.variable_text().map(str::parse::<i64>)) {
            (Value::Integer(value), _) => Some(*value),
            (_, Some(Ok(value))) => Some(value),
            _ => self.wrong_type("an integer"),
        }
    }

    /// An integer in this range, which may begin below zero.
    #[must_use]
    pub fn signed(&self, least: i64, most: i64) -> Option<i64> {
        let value = self.any_integer()?;
        if value < least {
            self.too_small(least.to_string(), false);
            return None;
        }
        if value > most {
            self.too_large(most.to_string(), false);
            return None;
        }
        Some(value)
    }

    /// An integer in this range.
    #[must_use]
    pub fn integer(&self, least: u64, most: u64) -> Option<u64> {
        let value = self.any_integer()?;
        match u64::try_from(value) {
            Ok(value) if value > most => {
                self.too_large(most.to_string(), false);
                None
            }
            Ok(value) if value >= least => Some(value),
            _ => {
                self.too_small(least.to_string(), false);
                None
            }
        }
    }

    /// As [`Field::integer`], for numbers of 32 bits.
    #[must_use]
    pub fn integer_u32(&self, least: u32, most: u32) -> Option<u32> {
        self.integer(least.into(), most.into()).and_then(|value| u32::try_from(value).ok())
    }

    fn any_number(&self) -> Option<f64> {
        match (&self.node.value, self.variable_text().map(str::parse::<f64>)) {
            (Value::Float(value), _) => Some(*value),
            (_, Some(Ok(value))) => Some(value),
            #[expect(
                clippy::cast_precision_loss,
                reason = "large integers are outside of every range that is asked for"
            )]
            (Value::Integer(value), _) => Some(*value as f64),
            _ => self.wrong_type("a number"),
        }
    }

    /// A number from 0 to 1, both included.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let value = self.any_number()?;
        if (0.0..=1.0).contains(&value) { Some(value) } else { self.unreadable("a number from 0 to 1") }
    }

    /// A number between two others, which are excluded.
    pub(crate) fn fraction(&self, above: f64, below: f64) -> Option<f64> {
        let value = self.any_number()?;
        if above < value && value < below {
            return Some(value);
        }
        self.unreadable(&format!("a number above {above} and below {below}"))
    }

    /// A length of time in this range.
    #[must_use]
    pub fn duration(&self, least: Duration, most: Duration) -> Option<Duration> {
        let Some(value) = units::duration(self.string(units::DURATION_LOOKS)?) else {
            return self.unreadable(units::DURATION_LOOKS);
        };
        if value < least {
            self.too_small(units::show(least), true);
            return None;
        }
        if value > most {
            self.too_large(units::show(most), true);
            return None;
        }
        Some(value)
    }

    /// A length of time up to ten years, of which none is too short.
    #[must_use]
    pub fn any_duration(&self) -> Option<Duration> {
        self.duration(Duration::ZERO, LONGEST)
    }

    /// A length of time above zero, up to ten years.
    #[must_use]
    pub fn some_duration(&self) -> Option<Duration> {
        self.duration(Duration::from_millis(1), LONGEST)
    }

    /// A number of bytes.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        match &self.node.value {
            Value::Integer(value) => match u64::try_from(*value) {
                Ok(value) => Some(value),
                Err(_) => self.unreadable(units::SIZE_LOOKS),
            },
            Value::Text { text, .. } => {
                let plain = text.trim().parse().ok();
                plain.or_else(|| units::size(text)).or_else(|| self.unreadable(units::SIZE_LOOKS))
            }
            _ => self.wrong_type(units::SIZE_LOOKS),
        }
    }

    /// An amount of what `metric` counts.
    pub(crate) fn amount(&self, metric: &str) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a limit of 2^53 is not meant to the unit")]
        let (amount, unit) = match &self.node.value {
            Value::Integer(value) if *value >= 0 => (*value as f64, None),
            Value::Float(value) if value.is_finite() && *value >= 0.0 => (*value, None),
            Value::Text { text, .. } => match (units::size(text), units::number(text)) {
                (Some(bytes), _) => (bytes as f64, Some(Unit::Bytes)),
                (None, Some(number)) => (number, None),
                (None, None) => return self.unreadable(&format!("{}, or a number", units::SIZE_LOOKS)),
            },
            Value::Integer(_) | Value::Float(_) => return self.unreadable("an amount of at least 0"),
            _ => return self.wrong_type("a size or a number"),
        };
        // A plain number of bytes is as clear as `50MB`; bytes of something that has none are not.
        if unit == Some(Unit::Bytes) && Unit::of_metric(metric) != Unit::Bytes {
            self.wrong_unit(metric);
            return None;
        }
        Some(amount)
    }

    fn wrong_unit(&self, metric: &str) {
        let expected = match Unit::of_metric(metric) {
            Unit::Bytes => "an amount in bytes, since it ends in `_bytes`",
            Unit::Count => "a number without `B`, since it does not end in `_bytes`",
        };
        let (key, value) = (self.key.to_owned(), self.written());
        self.report(FaultKind::WrongUnit { key, value, metric: metric.to_owned(), expected });
    }

    pub(crate) fn tolerance(&self) -> Option<Tolerance> {
        let text = self.string(units::TOLERANCE_LOOKS)?;
        units::tolerance(text).or_else(|| self.unreadable(units::TOLERANCE_LOOKS))
    }

    /// A growth of what `metric` counts.
    pub(crate) fn tolerance_for(&self, metric: &str) -> Option<Tolerance> {
        let tolerance = self.tolerance()?;
        if !tolerance.fits(metric) {
            self.wrong_unit(metric);
            return None;
        }
        Some(tolerance)
    }

    pub(crate) fn frequency_per_s(&self) -> Option<f64> {
        let text = self.string(units::FREQUENCY_LOOKS)?;
        units::frequency_per_s(text).or_else(|| self.unreadable(units::FREQUENCY_LOOKS))
    }

    /// One of the words of a table.
    #[must_use]
    pub fn word<T: Copy>(&self, table: &[(&'static str, T)]) -> Option<T> {
        let words = || table.iter().map(|(word, _)| *word);
        let text = self.string(&one_of(words()))?;
        if let Some((_, value)) = table.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let (key, value) = (self.key.to_owned(), self.written());
        self.report(FaultKind::UnknownWord { key, value, expected: one_of(words()), nearest: nearest(text, words()) });
        None
    }

    /// A list of words of a table.
    #[must_use]
    pub fn words<T: Copy>(&self, table: &[(&'static str, T)]) -> Option<Vec<T>> {
        let names = || table.iter().map(|(word, _)| *word);
        let texts = self.strings(&format!("a list of {}", one_of(names())))?;
        let Value::List(items) = &self.node.value else { return None };
        let found = texts.iter().zip(items).map(|(text, item)| {
            let known = table.iter().find(|(word, _)| word == text).map(|(_, value)| *value);
            if known.is_none() {
                let (key, value) = (self.key.to_owned(), self.reader.sources.written(item.place));
                let (expected, nearest) = (one_of(names()), nearest(text, names()));
                self.reader.report(item.place, FaultKind::UnknownWord { key, value, expected, nearest });
            }
            known
        });
        // All of them are looked at, so that each unknown one is told.
        let found: Vec<Option<T>> = found.collect();
        found.into_iter().collect()
    }

    /// A list of names, each of them one of `known`, which are `what`. Names that the user chose elsewhere in the file.
    #[must_use]
    pub fn names_of(&self, what: &'static str, known: &[String]) -> Option<Vec<String>> {
        let texts = self.strings("a list of names")?;
        let Value::List(items) = &self.node.value else { return None };
        let known = || known.iter().map(String::as_str);
        for (name, item) in texts.iter().zip(items).filter(|(name, _)| !known().any(|known| known == *name)) {
            let (expected, nearest) = (one_of(known()), nearest(name, known()));
            self.reader.report(item.place, FaultKind::UnknownName { what, name: name.clone(), expected, nearest });
        }
        Some(texts)
    }

    /// Whether the value is this word.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(&self.node.value, Value::Text { text, .. } if text == word)
    }

    /// A regular expression that compiles.
    #[must_use]
    pub fn pattern(&self) -> Option<String> {
        let text = self.text()?;
        match Regex::new(&text) {
            Ok(_) => Some(text),
            Err(error) => {
                // Its last line is the reason; the lines above draw the place.
                let reason =
                    error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                self.report(FaultKind::BadPattern { key: self.key.to_owned(), value: self.written(), reason });
                None
            }
        }
    }

    /// An `http://` address.
    pub(crate) fn http_url(&self) -> Option<String> {
        let text = self.text()?;
        let host = text.strip_prefix("http://").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
        if host.is_none_or(|host| host.is_empty() || host.starts_with(':') || host.contains(char::is_whitespace)) {
            return self.unreadable("an address such as `http://127.0.0.1:8080/healthz`");
        }
        Some(text)
    }

    /// A program and its arguments.
    #[must_use]
    pub fn command(&self) -> Option<Vec<String>> {
        let words = match &self.node.value {
            Value::Text { text, .. } => match shell_words::split(text) {
                Ok(words) => words,
                Err(_) => return self.unreadable("a command whose quotes are closed"),
            },
            Value::List(_) => self.strings("a list of strings, or one string")?,
            _ => return self.wrong_type("a list of strings, or one string"),
        };
        if words.first().is_none_or(String::is_empty) {
            return self.unreadable("a program and its arguments");
        }
        if words.iter().any(|word| word.contains('\0')) {
            return self.unreadable("a command without NUL characters");
        }
        Some(words)
    }

    /// A list of strings, whatever they mean.
    pub(crate) fn strings(&self, expected: &str) -> Option<Vec<String>> {
        let Value::List(items) = &self.node.value else { return self.wrong_type(expected) };
        let texts = items.iter().map(|item| match &item.value {
            Value::Text { text, .. } => Some(text.clone()),
            _ => None,
        });
        texts.collect::<Option<_>>().or_else(|| self.unreadable(expected))
    }

    /// A list of strings, none of them empty.
    #[must_use]
    pub fn texts(&self, expected: &str) -> Option<Vec<String>> {
        let texts = self.strings(expected)?;
        if texts.iter().any(String::is_empty) {
            return self.unreadable("names that are not empty");
        }
        Some(texts)
    }

    /// A list of paths, resolved against the folder of the file in which they stand.
    pub(crate) fn paths(&self) -> Option<Vec<PathBuf>> {
        let texts = self.texts("a list of paths")?;
        let folder = self.reader.sources.0.get(self.node.place.source).and_then(|source| source.folder.as_deref());
        let resolved = |text: String| folder.map(|folder| folder.join(&text)).unwrap_or_else(|| PathBuf::from(text));
        Some(texts.into_iter().map(resolved).collect())
    }

    /// Names of metrics.
    pub(crate) fn metrics(&self) -> Option<Vec<String>> {
        let names = self.strings("a list of metrics")?;
        if let Value::List(items) = &self.node.value {
            for (name, item) in names.iter().zip(items) {
                self.check_metric(name, item.place);
            }
        }
        Some(names)
    }

    /// The name of a metric.
    pub(crate) fn metric(&self) -> Option<String> {
        let name = self.text()?;
        self.check_metric(&name, self.node.place).then_some(name)
    }

    /// Whether `name` is one of the metrics that there are. Reports it if not.
    pub(crate) fn check_metric(&self, name: &str, place: Place) -> bool {
        let known = self.reader.metrics;
        let declared = &self.reader.declared;
        if !known.is_empty() && !known.contains(&name) && !declared.iter().any(|series| series == name) {
            let nearest = nearest(name, known.iter().copied().chain(declared.iter().map(String::as_str)));
            let kind = FaultKind::UnknownMetric { key: self.key.to_owned(), name: name.to_owned(), nearest };
            self.reader.report(place, kind);
            return false;
        }
        true
    }

    fn table(&self) -> Option<&'a Table> {
        match &self.node.value {
            Value::Table(table) => Some(table),
            _ => self.wrong_type("a table"),
        }
    }

    /// The value as a list of sections, each begun by `[[key]]`.
    #[must_use]
    pub fn sections(&self, keys: &'static [Key]) -> Vec<Section<'a>> {
        let expected = format!("a list of tables, each begun by `[[{}]]`", self.key);
        let Value::List(items) = &self.node.value else {
            self.wrong_type::<()>(&expected);
            return Vec::new();
        };
        let sections = items.iter().filter_map(|item| match &item.value {
            Value::Table(table) => {
                Some(Section::new(self.reader, Some(table), item.place, keys, format!("[{}]", self.key)))
            }
            other => {
                let (key, found, expected) = (self.key.to_owned(), other.type_name(), expected.clone());
                self.reader.report(item.place, FaultKind::WrongType { key, found, expected });
                None
            }
        });
        sections.collect()
    }

    /// The value as a section. `path` is its name in messages.
    pub(crate) fn section(&self, keys: &'static [Key], path: impl Into<String>) -> Option<Section<'a>> {
        Some(Section::new(self.reader, Some(self.table()?), self.key_place, keys, path))
    }

    /// The entries of a table whose keys the user chooses.
    pub(crate) fn entries(&self) -> Vec<(&'a String, Field<'a>)> {
        let table = self.table();
        let entries = table.into_iter().flat_map(|table| &table.0);
        let field = |(name, entry): (&'a String, &'a Entry)| (name, Field::new(self.reader, name, entry));
        entries.map(field).collect()
    }

    /// Strings by name.
    pub(crate) fn text_by_name(&self) -> BTreeMap<String, String> {
        let texts = self.entries().into_iter().filter_map(|(name, field)| Some((name.clone(), field.free_text()?)));
        texts.collect()
    }
}

/// No time in a profile is longer than this; longer ones would not fit into the clocks of some systems.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 86_400);
