//! Reads `[load]`, that of the profile and those of scenarios.

use std::time::Duration;

use crate::field::Field;
use crate::keys;
use crate::load::{Counter, Load, LoadDriver, OutputStream};
use crate::section::Section;

const DRIVERS: &[(&str, &str)] =
    &[("none", "none"), ("command", "command"), ("repeat", "repeat"), ("reference", "reference")];

/// Each key that only some drivers have, with those drivers.
const OWN_KEYS: &[(&str, &[&str])] = &[
    ("command", &["command", "repeat"]),
    ("times", &["repeat"]),
    ("pause", &["repeat"]),
    ("parallel", &["repeat", "reference"]),
    ("operation", &["reference"]),
    ("operations", &["reference"]),
    ("rate", &["reference"]),
    ("url", &["reference"]),
];

pub(super) fn load(section: &Section<'_>) -> Load {
    let name = section.get("driver").and_then(|field| field.word(DRIVERS)).unwrap_or("none");
    let command = section.get("command").and_then(|field| field.command());
    let count = |key| section.get(key).and_then(|field| field.integer(0, i64::MAX.unsigned_abs())).unwrap_or(0);
    let times = count("times");
    let operations = count("operations");
    let pause = section.get("pause").and_then(|field| field.any_duration()).unwrap_or(Duration::ZERO);
    let parallel = section.get("parallel").and_then(|field| field.integer_u32(1, 4096)).unwrap_or(1);
    let operation = section.get("operation").and_then(|field| field.text());
    let rate = section.get("rate").filter(|field| !field.is_word("max")).and_then(|field| field.frequency_per_s());
    let url = section.get("url").and_then(|field| field.http_url());

    for (key, drivers) in OWN_KEYS {
        if !drivers.contains(&name) {
            let drivers: Vec<String> = drivers.iter().map(|driver| format!("`driver = \"{driver}\"`")).collect();
            section.needs(key, &drivers.join(" or "));
        }
    }
    if matches!(name, "command" | "repeat") && !section.has("command") {
        section.missing(format!("`command`, which `driver = \"{name}\"` needs"));
    }
    let driver = match (name, command) {
        ("command", Some(command)) => LoadDriver::Command { command },
        ("repeat", Some(command)) => LoadDriver::Repeat { command, times, pause, parallel },
        ("reference", _) => {
            let operation = operation.unwrap_or_else(|| LoadDriver::DEFAULT_OPERATION.to_owned());
            LoadDriver::Reference { operation, operations, rate_per_s: rate, parallel, url }
        }
        _ => LoadDriver::None,
    };
    let counts = matches!(name, "repeat" | "reference");
    let counter = match section.get("counter") {
        Some(field) => counter(&field, counts),
        None => counts.then_some(Counter::Driver),
    };
    let start_delay = section.get("start_delay").and_then(|field| field.any_duration()).unwrap_or(Duration::ZERO);
    Load { driver, start_delay, counter }
}

fn counter(field: &Field<'_>, driver_counts: bool) -> Option<Counter> {
    let section = field.section(keys::COUNTER, "load.counter")?;
    let stream = section.get("stream").and_then(|field| field.word(OutputStream::ALL)).unwrap_or_default();
    let choice = section.one_of(&["line", "file", "prometheus", "driver"]);
    if choice != Some("line") {
        section.needs("stream", "`line`");
    }
    let Some(choice) = choice else {
        section.missing("`line`, `file`, `prometheus` or `driver`");
        return None;
    };
    let field = section.get(choice)?;
    match choice {
        "line" => Some(Counter::Line { pattern: field.pattern()?, stream }),
        "file" => field.path().map(Counter::File),
        "prometheus" => prometheus(&field),
        _ => {
            let wanted = field.boolean()?;
            if wanted && !driver_counts {
                section.needs("driver", "`driver = \"repeat\"` or `driver = \"reference\"` in `[load]`");
            }
            (wanted && driver_counts).then_some(Counter::Driver)
        }
    }
}

fn prometheus(field: &Field<'_>) -> Option<Counter> {
    let section = field.section(keys::PROMETHEUS, "load.counter.prometheus")?;
    for key in ["url", "metric"] {
        if !section.has(key) {
            section.missing(format!("`{key}`"));
        }
    }
    let url = section.get("url").and_then(|field| field.http_url());
    let metric = section.get("metric").and_then(|field| field.text());
    let labels = section.get("labels").map(|field| field.text_by_name()).unwrap_or_default();
    Some(Counter::Prometheus { url: url?, metric: metric?, labels })
}
