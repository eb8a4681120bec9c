//! Merging a profile into the one that it extends.
//!
//! Tables are merged key by key, anything else is replaced. Where keys exclude each other, what the newer file says
//! replaces all of them, so that a base can be changed without being known by heart.

use crate::tree::{Entry, Table, Value};

/// Tables of which only the newer one counts. `*` stands for any name.
const REPLACED_WHOLE: &[&[&str]] = &[
    &["target", "attach"],
    &["target", "ready"],
    &["load", "counter"],
    &["source", "*"],
    &["checkpoint", "collect"],
    &["budget", "*", "*"],
];

/// `newer` on top of `base`.
pub(crate) fn profiles(base: &Table, newer: &Table) -> Table {
    let mut base = base.clone();
    if let (Some(Entry { node, .. }), Some(own)) = (base.0.get_mut("target"), newer.table("target"))
        && let Value::Table(target) = &mut node.value
    {
        for (key, other) in [("command", "attach"), ("attach", "command")] {
            if own.get(key).is_some() {
                target.0.remove(other);
            }
        }
    }
    if let (Some(Entry { node, .. }), Some(own)) = (base.0.get_mut("checkpoint"), newer.table("checkpoint"))
        && let Value::Table(checkpoint) = &mut node.value
    {
        for (key, other) in [("every", "count"), ("count", "every")] {
            if own.get(key).is_some() {
                checkpoint.0.remove(other);
            }
        }
    }
    forget_other_driver(&mut base, newer.table("load"));
    tables(&base, newer, &mut Vec::new())
}

/// The load of a scenario on top of that of the profile.
pub(crate) fn load(base: &Table, newer: &Table) -> Table {
    let base = if names_other_driver(base, newer) { Table::default() } else { base.clone() };
    tables(&base, newer, &mut vec!["load".to_owned()])
}

fn forget_other_driver(base: &mut Table, newer: Option<&Table>) {
    if let (Some(old), Some(newer)) = (base.table("load"), newer)
        && names_other_driver(old, newer)
    {
        base.0.remove("load");
    }
}

/// Whether `newer` names a driver, and another one than `base`: the keys of one driver mean nothing to another.
fn names_other_driver(base: &Table, newer: &Table) -> bool {
    let driver = |table: &Table| match &table.get("driver")?.node.value {
        Value::Text { text, .. } => Some(text.clone()),
        _ => None,
    };
    driver(newer).is_some_and(|name| name != driver(base).unwrap_or_else(|| "none".to_owned()))
}

fn tables(base: &Table, newer: &Table, path: &mut Vec<String>) -> Table {
    let mut merged = base.clone();
    for (key, entry) in &newer.0 {
        path.push(key.clone());
        let entry = match (merged.0.get(key).map(|old| &old.node.value), &entry.node.value) {
            (Some(Value::Table(old)), Value::Table(new)) if !is_replaced_whole(path) => {
                let mut entry = entry.clone();
                entry.node.value = Value::Table(tables(old, new, path));
                entry
            }
            _ => entry.clone(),
        };
        merged.0.insert(key.clone(), entry);
        path.pop();
    }
    merged
}

fn is_replaced_whole(path: &[String]) -> bool {
    REPLACED_WHOLE.iter().any(|pattern| {
        pattern.len() == path.len() && pattern.iter().zip(path).all(|(pattern, key)| *pattern == "*" || pattern == key)
    })
}
