//! `${NAME}` and `${NAME:-default}` in the strings of a profile.
//!
//! `$${` writes `${` as it is; a `$` that is not followed by `{` means nothing.

use crate::fault::FaultKind;
use crate::tree::{Node, Place, Table, Value};

/// Replaces the variables in all strings of `table`, and hands faults to `report`.
pub(crate) fn replace_all(
    table: &mut Table,
    lookup: &dyn Fn(&str) -> Option<String>,
    report: &mut dyn FnMut(Place, FaultKind),
) {
    for entry in table.0.values_mut() {
        replace_in(&mut entry.node, lookup, report);
    }
}

fn replace_in(node: &mut Node, lookup: &dyn Fn(&str) -> Option<String>, report: &mut dyn FnMut(Place, FaultKind)) {
    let place = node.place;
    match &mut node.value {
        Value::Text { text, from_variable } if text.contains("${") => {
            let mut is_whole = true;
            let replaced = replace(text, lookup, &mut |kind| {
                is_whole = false;
                report(place, kind);
            });
            *from_variable = true;
            *text = replaced;
            if !is_whole {
                node.value = Value::Reported;
            }
        }
        Value::List(items) => items.iter_mut().for_each(|item| replace_in(item, lookup, report)),
        Value::Table(table) => replace_all(table, lookup, report),
        _ => {}
    }
}

fn replace(text: &str, lookup: &dyn Fn(&str) -> Option<String>, report: &mut dyn FnMut(FaultKind)) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            result.push_str(before);
            result.push_str("${");
            rest = after;
            continue;
        }
        result.push_str(before);
        let Some((inside, behind)) = after.split_once('}') else {
            report(FaultKind::BadVariable { text: rest[at..].to_owned() });
            return result;
        };
        rest = behind;
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        if !is_name(name) {
            report(FaultKind::BadVariable { text: format!("${{{inside}}}") });
            continue;
        }
        // As in a shell, `:-` takes the default also for a variable that is set to nothing.
        match (lookup(name), default) {
            (Some(value), None) => result.push_str(&value),
            (Some(value), Some(_)) if !value.is_empty() => result.push_str(&value),
            (_, Some(default)) => result.push_str(default),
            (None, None) => report(FaultKind::MissingVariable { name: name.to_owned() }),
        }
    }
    result.push_str(rest);
    result
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(text: &str) -> (String, Vec<FaultKind>) {
        let mut faults = Vec::new();
        let lookup = |name: &str| match name {
            "HOST" => Some("db1".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let text = replace(text, &lookup, &mut |kind| faults.push(kind));
        (text, faults)
    }

    #[test]
    fn variables_are_replaced_and_defaults_stand_in_for_unset_and_empty_ones() {
        assert_eq!(replaced("http://${HOST}:${PORT:-80}/${EMPTY:-x}${EMPTY}"), ("http://db1:80/x".to_owned(), vec![]));
    }

    #[test]
    fn two_dollars_keep_the_brace_and_a_lone_dollar_is_itself() {
        assert_eq!(replaced("$${HOME} costs $5, ends with $"), ("${HOME} costs $5, ends with $".to_owned(), vec![]));
    }

    #[test]
    fn what_is_unset_or_malformed_is_a_fault() {
        assert_eq!(replaced("a${NO}b").1, [FaultKind::MissingVariable { name: "NO".to_owned() }]);
        assert_eq!(replaced("a${1x}b").1, [FaultKind::BadVariable { text: "${1x}".to_owned() }]);
        assert_eq!(replaced("a${NO").1, [FaultKind::BadVariable { text: "${NO".to_owned() }]);
    }
}
