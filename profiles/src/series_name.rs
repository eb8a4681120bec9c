//! From the name that an endpoint or a command gives a number to the name of its series, which ends in its unit.

/// Characters of the name of a series at most.
const LONGEST: usize = 120;
/// Characters of a name elsewhere that are looked at.
const LONGEST_OFFERED: usize = 480;

/// What ends a name, and the unit that it stands for. The longer one of two that end alike comes first.
const UNITS: &[(&str, &str)] = &[
    ("per_second", "per_s"),
    ("per_s", "per_s"),
    ("bytes", "bytes"),
    ("count", "count"),
    ("seconds", "s"),
    ("ratio", "ratio"),
    ("s", "s"),
];

/// Ends of names that are units of their own, or none: such a series counts no things, and is not called `_count`.
const FOREIGN: &[&str] = &[
    "percent",
    "milliseconds",
    "ms",
    "microseconds",
    "us",
    "nanoseconds",
    "ns",
    "celsius",
    "info",
    "kilobytes",
    "kb",
    "kib",
    "megabytes",
    "mb",
    "mib",
    "gigabytes",
    "gb",
    "gib",
    "timestamp",
    "hertz",
    "volts",
    "joules",
    "watts",
];

/// The name of the series for what is called `offered` elsewhere: letters, digits and `_`, with its unit at the end.
///
/// The unit is kept where there is one (`go_memstats_heap_inuse_bytes`), shortened (`process_cpu_seconds_total` becomes
/// `process_cpu_total_s`), or added: what has no unit is a number of things (`app_sessions` becomes `app_sessions_count`).
/// Units that soakd does not know (`cpu_percent`) stay as they are. The name of a series is its own.
///
/// ```
/// use soakd_profiles::series_name;
///
/// assert_eq!(series_name("http.server/requests total"), "http_server_requests_total_count");
/// assert_eq!(series_name("process_cpu_seconds_total"), "process_cpu_total_s");
/// assert_eq!(series_name("jvm_memory_used_bytes"), "jvm_memory_used_bytes");
/// ```
#[must_use]
pub fn series_name(offered: &str) -> String {
    let mut name = String::new();
    for character in offered.chars().take(LONGEST_OFFERED) {
        if character.is_ascii_alphanumeric() {
            name.push(character);
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    let name = name.trim_end_matches('_');
    let name = match name.chars().next() {
        None => "value".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("n{name}"),
        Some(_) => name.to_owned(),
    };
    let foreign = FOREIGN.iter().find_map(|unit| Some((stem(&name, unit).filter(|stem| !stem.is_empty())?, *unit)));
    if let Some((base, unit)) = foreign {
        return with_end(base, "", unit);
    }
    // A counter says so before its unit, so that the unit stays at the end.
    let (base, total) = match name.strip_suffix("_total").filter(|stem| !stem.is_empty()) {
        Some(base) => (base, "_total"),
        None => (name.as_str(), ""),
    };
    let found = UNITS.iter().find_map(|(suffix, unit)| Some((stem(base, suffix)?, *unit)));
    let (base, unit) = found.unwrap_or((base, "count"));
    with_end(if base.is_empty() { "value" } else { base }, total, unit)
}

/// The name of a series of its parts, cut in its beginning so that its end stays.
fn with_end(base: &str, total: &str, unit: &str) -> String {
    let room = LONGEST - total.len() - unit.len() - 1;
    let base = base.get(..room).unwrap_or(base).trim_end_matches('_');
    format!("{base}{total}_{unit}")
}

/// Whether a series of this name only ever grows: a counter says so in its name.
#[must_use]
pub fn is_counter_name(series: &str) -> bool {
    UNITS.iter().filter_map(|(_, unit)| stem(series, unit)).any(|stem| stem.ends_with("_total") || stem == "total")
}

/// `name` without the word `unit` at its end, and without the `_` between them.
fn stem<'a>(name: &'a str, unit: &str) -> Option<&'a str> {
    let before = name.strip_suffix(unit)?;
    if before.is_empty() { Some(before) } else { before.strip_suffix('_') }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_are_kept_shortened_or_added() {
        for (offered, expected) in [
            ("go_memstats_heap_inuse_bytes", "go_memstats_heap_inuse_bytes"),
            ("go_memstats_alloc_bytes_total", "go_memstats_alloc_total_bytes"),
            ("process_open_fds", "process_open_fds_count"),
            ("process_start_time_seconds", "process_start_time_s"),
            ("http_requests_total", "http_requests_total_count"),
            ("compliance_ratio", "compliance_ratio"),
            ("requests_per_second", "requests_per_s"),
            ("system_cpu_percent", "system_cpu_percent"),
            ("bytes", "value_bytes"),
            ("entries", "entries_count"),
            ("", "value_count"),
            ("/queue/length", "queue_length_count"),
            ("5xx", "n5xx_count"),
            ("größe", "gr_e_count"),
            ("a,b\"c\nd", "a_b_c_d_count"),
        ] {
            assert_eq!(series_name(offered), expected, "{offered}");
        }
    }

    #[test]
    fn counters_are_known_by_name() {
        assert!(is_counter_name(&series_name("http_requests_total")));
        assert!(is_counter_name(&series_name("go_memstats_alloc_bytes_total")));
        assert!(!is_counter_name(&series_name("app_sessions")));
        assert!(!is_counter_name("totals_count"));
    }

    proptest! {
        #[test]
        fn every_name_is_safe_and_the_name_of_a_series_is_its_own(offered in "\\PC{0,200}|[a-z_0-9]{0,500}") {
            let name = series_name(&offered);
            prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{}", name);
            prop_assert!(name.len() <= LONGEST, "{}", name);
            prop_assert!(name.starts_with(|c: char| c.is_ascii_alphabetic()), "{}", name);
            prop_assert_eq!(series_name(&name), name);
        }
    }
}
