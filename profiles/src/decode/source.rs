//! Reads `[source.NAME]`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::named;
use crate::field::Field;
use crate::keys;
use crate::section::Section;
use crate::series_name::{is_counter_name, series_name};
use crate::source::{JvmHeap, Pick, Source, SourceKind};
use crate::tree::{Table, Value};

/// The one metric of soakd's own that a source may give: the live heap.
const HEAP: &str = "heap_live_bytes";

/// Each key that only some kinds have, with those kinds.
const OWN_KEYS: &[(&str, &[&str])] = &[
    ("record", &["prometheus", "expvar", "json", "command"]),
    ("labels", &["prometheus"]),
    ("series", &["prometheus", "expvar", "json", "command"]),
];

/// The names of the series that the sources in the profile `table` declare: other sections may speak of them.
pub(crate) fn declared(table: &Table) -> Vec<String> {
    let Some(sources) = table.table("source") else { return Vec::new() };
    let mut names = vec![HEAP.to_owned()];
    for name in sources.0.keys() {
        let Some(source) = sources.table(name) else { continue };
        names.extend(source.table("series").into_iter().flat_map(|series| series.0.keys().cloned()));
        if let Some(Value::List(judged)) = source.get("judge").map(|entry| &entry.node.value) {
            names.extend(judged.iter().filter_map(|item| match &item.value {
                Value::Text { text, .. } => Some(series_name(text)),
                _ => None,
            }));
        }
    }
    names
}

pub(super) fn sources(field: &Field<'_>) -> BTreeMap<String, Source> {
    let sections = named(field, "source", keys::SOURCE).into_iter();
    sections.filter_map(|(name, section)| Some((name.clone(), source(&section)?))).collect()
}

fn source(section: &Section<'_>) -> Option<Source> {
    let choice = section.one_of(SourceKind::NAMES);
    let interval =
        section.get("interval").and_then(|field| field.duration(Source::SHORTEST_INTERVAL, Source::LONGEST_INTERVAL));
    let timeout = section
        .get("timeout")
        .and_then(|field| field.duration(Duration::from_millis(10), Source::LONGEST_TIMEOUT))
        .unwrap_or(Source::DEFAULT_TIMEOUT);
    let Some(choice) = choice else {
        section.missing("kind: `prometheus`, `expvar`, `json`, `command` or `jvm`");
        return None;
    };
    for (key, kinds) in OWN_KEYS {
        if !kinds.contains(&choice) {
            let kinds: Vec<String> = kinds.iter().map(|kind| format!("`{kind}`")).collect();
            section.needs(key, &kinds.join(", "));
        }
    }
    let series = section.get("series").map(|field| picks(&field, section, choice)).unwrap_or_default();
    // Whoever picks single numbers wants no others, unless they say so.
    let default = if series.is_empty() { vec!["*".to_owned()] } else { Vec::new() };
    let record = section.get("record").and_then(|field| field.texts("a list of names, `*` for any characters"));
    let judge = section.get("judge").map(|field| judged(&field)).unwrap_or_default();
    let field = section.get(choice)?;
    let kind = match choice {
        "prometheus" => SourceKind::Prometheus { url: field.http_url()? },
        "expvar" => SourceKind::Expvar { url: field.http_url()? },
        "json" => SourceKind::Json { url: field.http_url()? },
        "command" => SourceKind::Command { command: field.command()? },
        _ => SourceKind::Jvm(field.word(JvmHeap::ALL)?),
    };
    Some(Source {
        interval: interval.unwrap_or_else(|| kind.default_interval()),
        kind,
        timeout,
        record: record.unwrap_or(default),
        labels: section.get("labels").map(|field| field.text_by_name()).unwrap_or_default(),
        series,
        judge,
    })
}

fn judged(field: &Field<'_>) -> Vec<String> {
    let names = field.texts("a list of names").unwrap_or_default();
    let mut judged: Vec<String> = Vec::new();
    for name in names {
        let series = series_name(&name);
        if is_counter_name(&series) {
            field.unreadable::<()>(&format!("gauges: `{name}` is a counter, which grows by its nature"));
        } else if !judged.contains(&series) {
            judged.push(series);
        }
    }
    judged
}

fn picks(field: &Field<'_>, source: &Section<'_>, kind: &str) -> BTreeMap<String, Pick> {
    let mut picks = BTreeMap::new();
    for (name, section) in named(field, &format!("{}.series", source.path()), keys::SOURCE_SERIES) {
        if series_name(name) != *name {
            section.misnamed(
                name,
                &format!(
                    "a name of letters, digits and `_` that ends in its unit (`_bytes`, `_count`, `_s`, `_per_s`, \
                     `_ratio`), such as `{}`",
                    series_name(name)
                ),
            );
            continue;
        }
        if name != HEAP && section.reader().metrics.contains(&name.as_str()) {
            section.misnamed(name, "another name, since soakd measures that itself");
            continue;
        }
        if let Some(pick) = pick(&section, kind) {
            picks.insert(name.clone(), pick);
        }
    }
    picks
}

fn pick(section: &Section<'_>, kind: &str) -> Option<Pick> {
    if matches!(kind, "json" | "expvar") {
        section.needs("metric", "`prometheus` or `command`; a number in a document has a `pointer`");
        section.needs("labels", "`prometheus`");
        let Some(field) = section.get("pointer") else {
            section.missing("`pointer`");
            return None;
        };
        let pointer = field.free_text()?;
        if !is_pointer(&pointer) {
            return field.unreadable("a JSON pointer (RFC 6901) such as `/queue/length`");
        }
        return Some(Pick::Pointer(pointer));
    }
    section.needs("pointer", "`json` or `expvar`");
    if kind != "prometheus" {
        section.needs("labels", "`prometheus`");
    }
    let Some(field) = section.get("metric") else {
        section.missing("`metric`");
        return None;
    };
    let labels = section.get("labels").map(|field| field.text_by_name()).unwrap_or_default();
    Some(Pick::Metric { metric: field.text()?, labels })
}

/// Whether `text` is a JSON pointer: empty, or parts that begin with `/`, in which `~` stands before `0` or `1`.
fn is_pointer(text: &str) -> bool {
    let escapes_are_right = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    (text.is_empty() || text.starts_with('/')) && escapes_are_right
}
