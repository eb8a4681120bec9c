//! Numbers for people: rates with their interval in one unit, spans of time, shares.

use soakd_analysis::{Estimate, Quantity};

use crate::series::Per;

const BYTE_UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/// A unit in which several values are shown side by side.
#[derive(Debug, Clone, Copy)]
struct Unit {
    factor: f64,
    name: &'static str,
    decimals: usize,
}

/// The unit in which the largest of the values reads well.
fn unit_for(quantity: Quantity, values: &[f64]) -> Unit {
    let mut largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let mut unit = Unit { factor: 1.0, name: "", decimals: 0 };
    if quantity == Quantity::Bytes {
        let mut index = 0;
        while largest >= 999.5 && index + 1 < BYTE_UNITS.len() {
            largest /= 1024.0;
            unit.factor *= 1024.0;
            index += 1;
        }
        unit.name = BYTE_UNITS[index];
    }
    unit.decimals = match largest {
        x if x >= 99.5 => 0,
        x if x >= 0.995 => 1,
        x if x >= 0.0995 => 2,
        _ => 3,
    };
    unit
}

/// The factor and name of the unit in which `value` reads well: 1048576 and `MiB`.
pub(crate) fn in_unit_of(quantity: Quantity, value: f64) -> (f64, &'static str) {
    let unit = unit_for(quantity, &[value]);
    (unit.factor, unit.name)
}

fn number(value: f64, unit: Unit) -> String {
    let value = value / unit.factor;
    let text = format!("{value:.*}", unit.decimals);
    // What rounding leaves nothing of is shown in powers of ten rather than as zero.
    let vanished = value != 0.0 && text.trim_start_matches('-').chars().all(|digit| matches!(digit, '0' | '.'));
    if vanished && unit.decimals == 3 {
        return format!("{value:.1e}");
    }
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// What stands behind the number: ` MiB/h`, `/op`, …
fn suffix(unit: Unit, per: Option<Per>) -> String {
    let space = if unit.name.is_empty() { "" } else { " " };
    let per = match per {
        Some(Per::Hour) => "/h",
        Some(Per::Op) => "/op",
        None => "",
    };
    format!("{space}{}{per}", unit.name)
}

/// One value with its unit: `3.1 MiB/h`, `17`, `64 B/op`.
#[must_use]
pub fn amount(quantity: Quantity, value: f64, per: Option<Per>) -> String {
    let unit = unit_for(quantity, &[value]);
    format!("{}{}", number(value, unit), suffix(unit, per))
}

/// `value` in the unit in which `other` is shown, so that the two are easily compared, unless it is much smaller.
#[must_use]
pub fn amount_beside(quantity: Quantity, value: f64, other: f64, per: Option<Per>) -> String {
    if value.abs() < other.abs() / 10.0 {
        return amount(quantity, value, per);
    }
    let unit = unit_for(quantity, &[value, other]);
    format!("{}{}", number(value, unit), suffix(unit, per))
}

/// The ends of an estimate with the value, all in one unit.
fn ends(estimate: &Estimate) -> Vec<f64> {
    [Some(estimate.value), estimate.low, estimate.high].into_iter().flatten().collect()
}

/// An estimate with its interval: `3.1 MiB/h (2.8 to 3.4, 95 %)`.
#[must_use]
pub fn estimate(quantity: Quantity, estimate: &Estimate, per: Option<Per>) -> String {
    let unit = unit_for(quantity, &ends(estimate));
    let value = format!("{}{}", number(estimate.value, unit), suffix(unit, per));
    let interval = match (estimate.low, estimate.high) {
        (Some(low), Some(high)) => format!("{} to {}", number(low, unit), number(high, unit)),
        (Some(low), None) => format!("at least {}", number(low, unit)),
        (None, Some(high)) => format!("at most {}", number(high, unit)),
        (None, None) => return format!("{value} (no interval)"),
    };
    format!("{value} ({interval}, {})", percent(estimate.confidence))
}

/// A share: `95 %`, `0.4 %`.
#[must_use]
pub fn percent(ratio: f64) -> String {
    let hundredths = ratio * 100.0;
    let decimals = match hundredths.abs() {
        x if x >= 9.95 => 0,
        x if x >= 0.095 => 1,
        _ => 2,
    };
    let text = format!("{hundredths:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{} %", if text == "-0" { "0" } else { text })
}

/// A point in a run: `0:12:40`.
#[must_use]
pub fn clock(t_s: f64) -> String {
    let seconds = whole(t_s.max(0.0));
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A length of time: `41.2 s`, `12 min`, `5.2 h`, `3.1 d`, `2.4 a`.
#[must_use]
pub fn span(seconds: f64) -> String {
    let (value, unit) = match seconds.abs() {
        x if 0.0 < x && x < 0.0995 => (seconds * 1000.0, "ms"),
        x if x < 99.95 => (seconds, "s"),
        x if x < 3570.0 => (seconds / 60.0, "min"),
        x if x < 172_800.0 => (seconds / 3600.0, "h"),
        x if x < 63_072_000.0 => (seconds / 86_400.0, "d"),
        _ => (seconds / 31_536_000.0, "years"),
    };
    if value.abs() >= 1e6 {
        return format!("{value:.1e} {unit}");
    }
    let text = format!("{value:.1}");
    format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
}

/// An estimated length of time: `5.2 h (4.7 to 6.1 h)`.
#[must_use]
pub fn span_estimate(estimate: &Estimate) -> String {
    let interval = match (estimate.low, estimate.high) {
        (Some(low), Some(high)) => format!("{} to {}", span(low), span(high)),
        (Some(low), None) => format!("at the earliest {}", span(low)),
        (None, Some(high)) => format!("at the latest {}", span(high)),
        (None, None) => return span(estimate.value),
    };
    format!("{} ({interval})", span(estimate.value))
}

/// A length of time as an option takes it, rounded up to what people would type: `90s`, `20m`, `8h`.
pub(crate) fn option_span(seconds: f64) -> String {
    let up = |unit_s: f64, step: u64| (whole((seconds / unit_s).ceil()).div_ceil(step) * step).max(step);
    match seconds {
        x if x <= 110.0 => format!("{}s", up(1.0, 10)),
        x if x <= 600.0 => format!("{}m", up(60.0, 1)),
        x if x <= 6000.0 => format!("{}m", up(60.0, 5)),
        x if x <= 172_800.0 => format!("{}h", up(3600.0, 1)),
        _ => format!("{}d", up(86_400.0, 1)),
    }
}

/// The nearest whole number that is not negative.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, and maps NaN to 0")]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: f64 = 1024.0 * 1024.0;

    fn interval(value: f64, low: Option<f64>, high: Option<f64>) -> Estimate {
        Estimate { value, low, high, confidence: 0.95 }
    }

    #[test]
    fn an_interval_is_shown_in_the_unit_of_its_largest_end() {
        let rate = interval(3.126 * MIB, Some(2.8 * MIB), Some(3.4 * MIB));
        assert_eq!(estimate(Quantity::Bytes, &rate, Some(Per::Hour)), "3.1 MiB/h (2.8 to 3.4, 95 %)");
        let wide = interval(0.0, Some(-2.0 * MIB), Some(2.0 * MIB));
        assert_eq!(estimate(Quantity::Bytes, &wide, Some(Per::Hour)), "0 MiB/h (-2 to 2, 95 %)");
        let open = interval(64.0, Some(60.0), None);
        assert_eq!(estimate(Quantity::Bytes, &open, Some(Per::Op)), "64 B/op (at least 60, 95 %)");
        assert_eq!(estimate(Quantity::Count, &interval(2.0, None, None), None), "2 (no interval)");
    }

    #[test]
    fn a_value_beside_another_is_shown_in_its_unit_unless_much_smaller() {
        assert_eq!(amount_beside(Quantity::Bytes, 0.4 * MIB, MIB, Some(Per::Hour)), "0.4 MiB/h");
        assert_eq!(amount_beside(Quantity::Bytes, 0.01 * MIB, MIB, Some(Per::Hour)), "10.2 KiB/h");
        assert_eq!(amount_beside(Quantity::Bytes, 3.0 * MIB, MIB, Some(Per::Hour)), "3 MiB/h");
    }

    #[test]
    fn small_counts_do_not_vanish() {
        assert_eq!(amount(Quantity::Count, 0.00002, Some(Per::Op)), "2.0e-5/op");
        assert_eq!(amount(Quantity::Count, 0.0, Some(Per::Op)), "0/op");
        assert_eq!(amount(Quantity::Count, 12.0, None), "12");
    }

    #[test]
    fn times_are_shown_as_people_say_them() {
        assert_eq!(clock(760.4), "0:12:40");
        assert_eq!(clock(90_000.0), "25:00:00");
        assert_eq!(span(41.23), "41.2 s");
        assert_eq!(span(720.0), "12 min");
        assert_eq!(span(3600.0), "1 h");
        assert_eq!(span(18_720.0), "5.2 h");
        assert_eq!(span(604_800.0), "7 d");
        assert_eq!(span(1e300), "3.2e292 years");
        assert_eq!(span_estimate(&interval(18_720.0, Some(16_920.0), None)), "5.2 h (at the earliest 4.7 h)");
    }

    #[test]
    fn a_span_for_an_option_is_never_shorter_than_asked() {
        for (seconds, text) in [
            (1.0, "10s"),
            (81.0, "90s"),
            (111.0, "2m"),
            (601.0, "15m"),
            (3601.0, "65m"),
            (6001.0, "2h"),
            (172_801.0, "3d"),
        ] {
            assert_eq!(option_span(seconds), text);
        }
    }

    #[test]
    fn shares_are_shown_in_percent() {
        assert_eq!(percent(0.95), "95 %");
        assert_eq!(percent(0.004), "0.4 %");
        assert_eq!(percent(0.0005), "0.05 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(12.5), "1250 %");
    }
}
