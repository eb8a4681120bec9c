//! What a new configuration changes, for the log and for who asked for the reload.

use std::fmt;

use serde_json::{Map, Value};

use super::Config;

/// One thing that is different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key (`` `limits.slots` ``, `` `when` of schedule `nightly` ``), or the entry (`` schedule `nightly` ``).
    pub what: String,
    /// What became of it, in the rest of a sentence: `is 4 instead of 2`, `is new`, `is gone`.
    pub how: String,
    /// Whether it takes effect only at the next start of the service.
    pub needs_restart: bool,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, self.how)?;
        if self.needs_restart { f.write_str("; this takes effect at the next start") } else { Ok(()) }
    }
}

/// What is opened at the start, and used until the end.
const AT_START: &[&str] = &["api.socket", "api.listen", "api.token_file"];

/// Lists of entries, how one of them is called, and the keys that tell them apart.
const ENTRIES: &[(&str, &[&str])] =
    &[("schedule", &["name"]), ("watch", &["name"]), ("alert", &["command", "webhook", "profiles"])];

/// In the order of the file.
pub(super) fn difference(old: &Config, new: &Config) -> Vec<Change> {
    let (old, new) = (old.shown(), new.shown());
    let mut changes = Vec::new();
    for (section, was) in old.as_object().into_iter().flatten() {
        let is = &new[section];
        match ENTRIES.iter().find(|(list, _)| list == section) {
            Some((list, identity)) => entries(list, identity, was, is, &mut changes),
            None => values(section, was, is, &mut changes),
        }
    }
    changes
}

fn values(section: &str, was: &Value, is: &Value, changes: &mut Vec<Change>) {
    for (key, was, is) in differing(was, is) {
        let what = format!("{section}.{key}");
        let needs_restart = AT_START.contains(&what.as_str());
        changes.push(Change { what: format!("`{what}`"), how: instead(was, is), needs_restart });
    }
}

fn entries(list: &str, identity: &[&str], was: &Value, is: &Value, changes: &mut Vec<Change>) {
    let identity = |entry: &Value| identity.iter().map(|key| entry[key].to_string()).collect::<Vec<_>>();
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (was, is) = (items(was), items(is));
    let push = |changes: &mut Vec<Change>, what: String, how: String| {
        changes.push(Change { what, how, needs_restart: false });
    };
    let called = |entry: &Value| format!("{list} `{}`", title(entry));
    for entry in &was {
        match is.iter().find(|other| identity(other) == identity(entry)) {
            None => push(changes, called(entry), "is gone".to_owned()),
            Some(other) => {
                for (key, was, is) in differing(entry, other) {
                    push(changes, format!("`{key}` of {}", called(entry)), instead(was, is));
                }
            }
        }
    }
    for entry in is.iter().filter(|entry| !was.iter().any(|other| identity(other) == identity(entry))) {
        push(changes, called(entry), "is new".to_owned());
    }
}

/// What people know an entry by.
fn title(entry: &Value) -> String {
    let words = |value: &Value| match value {
        Value::Array(words) => Some(words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
        Value::String(text) => Some(text.clone()),
        _ => None,
    };
    ["name", "command", "webhook"].iter().find_map(|key| words(&entry[key])).unwrap_or_default()
}

fn differing<'a>(was: &'a Value, is: &'a Value) -> impl Iterator<Item = (&'a String, &'a Value, &'a Value)> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    let was = was.as_object().unwrap_or(&NONE);
    was.iter().filter_map(move |(key, was)| (*was != is[key]).then_some((key, was, &is[key])))
}

fn instead(was: &Value, is: &Value) -> String {
    format!("is {} instead of {}", show(is), show(was))
}

fn show(value: &Value) -> String {
    match value {
        Value::Null => "unset".to_owned(),
        Value::String(text) => format!("`{text}`"),
        Value::Array(items) if items.is_empty() => "empty".to_owned(),
        other => format!("`{other}`"),
    }
}
