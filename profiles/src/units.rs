//! Reading durations, sizes and rates as people write them. Each function gives `None` for what it does not understand.

use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;

use crate::tolerance::{Per, Tolerance, Unit};

/// What a duration looks like, for messages.
pub(crate) const DURATION_LOOKS: &str = "a duration such as `90s`, `1h30m` or `7d`";
/// What a size looks like, for messages.
pub(crate) const SIZE_LOOKS: &str = "a size such as `64MiB` (binary) or `50MB` (decimal)";
/// What a tolerance looks like, for messages.
pub(crate) const TOLERANCE_LOOKS: &str = "growth such as `1MiB/h`, `64B/op`, `10/h`, or `1MiB` for the whole run";
/// What a frequency looks like, for messages.
pub(crate) const FREQUENCY_LOOKS: &str = "operations per time such as `200/s` or `10/min`";

/// `90s`, `1h30m`, `7d`, `1week`; no months and years, whose length is not fixed.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let unfixed = ["M", "month", "months", "y", "yr", "yrs", "year", "years"];
    if text.split(|c: char| !c.is_alphabetic()).any(|unit| unfixed.contains(&unit)) {
        return None;
    }
    humantime::parse_duration(text.trim()).ok()
}

/// A duration for people and for profiles: `1h 30m`, `90days`. Months, whose length is not fixed, are left to nobody's guess.
#[must_use]
pub fn show(duration: Duration) -> String {
    const DAY_S: u64 = 86_400;
    let days = duration.as_secs() / DAY_S;
    let rest = duration - Duration::from_secs(days * DAY_S);
    let shown_rest = humantime::format_duration(rest).to_string();
    let s = if days == 1 { "" } else { "s" };
    match days {
        0 => shown_rest,
        _ if rest.is_zero() => format!("{days}day{s}"),
        _ => format!("{days}day{s} {shown_rest}"),
    }
}

/// `64MiB` is binary, `50MB` is decimal. `64M` could be meant either way and is refused.
#[must_use]
pub fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').trim().to_ascii_lowercase();
    let known = ["b", "kb", "mb", "gb", "tb", "pb", "kib", "mib", "gib", "tib", "pib"];
    if !text.starts_with(|c: char| c.is_ascii_digit()) || !known.contains(&unit.as_str()) {
        return None;
    }
    ByteSize::from_str(text).ok().map(|size| size.as_u64())
}

/// A number that is finite and not negative.
pub(crate) fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

fn per_hour(unit: &str) -> Option<f64> {
    match unit.trim() {
        "s" | "sec" => Some(3600.0),
        "min" | "m" => Some(60.0),
        "h" | "hour" => Some(1.0),
        "d" | "day" => Some(1.0 / 24.0),
        _ => None,
    }
}

/// `1MiB/h`, `64B/op`, `10/h`, `1MiB`, `10`.
#[must_use]
pub fn tolerance(text: &str) -> Option<Tolerance> {
    let (amount, per, factor) = match text.rsplit_once('/') {
        None => (text, Per::Run, 1.0),
        Some((amount, unit)) if unit.trim() == "op" => (amount, Per::Operation, 1.0),
        Some((amount, unit)) => (amount, Per::Hour, per_hour(unit)?),
    };
    let (amount, unit) = match size(amount) {
        #[expect(clippy::cast_precision_loss, reason = "a tolerance of 2^53 bytes is not meant to the byte")]
        Some(bytes) => (bytes as f64, Unit::Bytes),
        None => (number(amount)?, Unit::Count),
    };
    Some(Tolerance { amount: amount * factor, unit, per }).filter(|tolerance| tolerance.amount.is_finite())
}

/// `200/s`, `10/min`, in operations per second; above 0.
pub(crate) fn frequency_per_s(text: &str) -> Option<f64> {
    let (amount, unit) = text.rsplit_once('/')?;
    Some(number(amount)? * per_hour(unit)? / 3600.0).filter(|rate| rate.is_finite() && *rate > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Per = Per::Hour;

    fn read(text: &str) -> Option<(f64, Unit, Per)> {
        tolerance(text).map(|tolerance| (tolerance.amount, tolerance.unit, tolerance.per))
    }

    #[test]
    fn binary_and_decimal_sizes_are_taken_as_written_and_bare_letters_refused() {
        assert_eq!(size("64KiB"), Some(65_536));
        assert_eq!(size("50MB"), Some(50_000_000));
        assert_eq!(size("1.5 MiB"), Some(1_572_864));
        for text in ["64K", "64M", "64", "-1MB", "MB", "10%", "", "1e3MB", "1.2.3MB"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn durations_take_weeks_but_no_months() {
        assert_eq!(duration("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(duration("1week"), Some(Duration::from_secs(604_800)));
        for text in ["1M", "2 months", "1y", "1d 1year", "30", "-1s", "", "1h 5"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_shown_as_they_can_be_read() {
        for (seconds, text) in [
            (0, "0s"),
            (5400, "1h 30m"),
            (86_400, "1day"),
            (90_061, "1day 1h 1m 1s"),
            (90 * 86_400, "90days"),
            (400 * 86_400 + 1, "400days 1s"),
        ] {
            assert_eq!(show(Duration::from_secs(seconds)), text);
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)));
        }
        assert_eq!(show(Duration::from_millis(1500)), "1s 500ms");
    }

    #[test]
    fn tolerances_are_turned_into_growth_per_hour_operation_or_run() {
        assert_eq!(read("1MiB/h"), Some((1_048_576.0, Unit::Bytes, HOUR)));
        assert_eq!(read("24MB/d"), Some((1e6, Unit::Bytes, HOUR)));
        assert_eq!(read("1kB/s"), Some((3.6e6, Unit::Bytes, HOUR)));
        assert_eq!(read("64B/op"), Some((64.0, Unit::Bytes, Per::Operation)));
        assert_eq!(read("10/h"), Some((10.0, Unit::Count, HOUR)));
        assert_eq!(read("1MiB"), Some((1_048_576.0, Unit::Bytes, Per::Run)));
        for text in ["1MiB/year", "/h", "fast", "inf/h", "nan", "-3/h", "1e308/s"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn frequencies_are_per_second_and_above_zero() {
        assert_eq!(frequency_per_s("200/s"), Some(200.0));
        assert_eq!(frequency_per_s("30/min"), Some(0.5));
        assert_eq!(frequency_per_s("0/s"), None);
        assert_eq!(frequency_per_s("5"), None);
    }
}
