//! What a series counts: bytes, things, or something else.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What one unit of a series is. It decides the quantum (the size of the smallest possible change), the
/// default tolerance and how values are written for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Memory, in bytes; it moves in pages of 4 KiB.
    Bytes,
    /// Things: descriptors, threads, processes, sockets; integers.
    Count,
    /// Anything else (seconds, ratios): no quantum, and no default tolerance that means anything.
    Other,
}

impl Quantity {
    /// The smallest change that the series can show (its rounding); 0 where there is none.
    #[must_use]
    pub fn quantum(self) -> f64 {
        match self {
            Self::Bytes => 4096.0,
            Self::Count => 1.0,
            Self::Other => 0.0,
        }
    }

    /// The quantity that a metric's unit suffix names (`rss_bytes`, `fds_count`).
    #[must_use]
    pub fn of_metric(name: &str) -> Self {
        if name.ends_with("_bytes") {
            Self::Bytes
        } else if name.ends_with("_count") {
            Self::Count
        } else {
            Self::Other
        }
    }

    /// `value` for people: `3.1 MiB`, `-12 KiB`, `17`, `0.25`.
    #[must_use]
    pub fn show(self, value: f64) -> Shown {
        Shown { quantity: self, value }
    }
}

/// A value that prints with a fitting unit. Made by [`Quantity::show`].
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    quantity: Quantity,
    value: f64,
}

/// Three significant digits are all that a reader wants of a large number.
fn digits(value: f64) -> usize {
    match value.abs() {
        x if x >= 99.95 => 0,
        x if x >= 9.995 => 1,
        _ => 2,
    }
}

/// `value` with the decimals of [`digits`], without trailing zeros.
fn trimmed(value: f64) -> String {
    let text = format!("{:.*}", digits(value), value);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.quantity {
            Quantity::Bytes => {
                const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
                let mut value = self.value;
                let mut unit = 0;
                while value.abs() >= 999.5 && unit + 1 < UNITS.len() {
                    value /= 1024.0;
                    unit += 1;
                }
                format!("{} {}", trimmed(value), UNITS[unit])
            }
            Quantity::Count | Quantity::Other => {
                let small = self.value != 0.0 && self.value.abs() < 0.01;
                if small { format!("{:.2e}", self.value) } else { trimmed(self.value) }
            }
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_in_iec_units_with_three_digits() {
        let show = |value: f64| Quantity::Bytes.show(value).to_string();
        assert_eq!(show(0.0), "0 B");
        assert_eq!(show(999.0), "999 B");
        assert_eq!(show(1000.0), "0.98 KiB");
        assert_eq!(show(1024.0 * 1024.0 * 3.126), "3.13 MiB");
        assert_eq!(show(-1024.0 * 12.0), "-12 KiB");
        assert_eq!(show(1024.0 * 123.4), "123 KiB");
    }

    #[test]
    fn counts_are_shown_plainly() {
        assert_eq!(Quantity::Count.show(17.0).to_string(), "17");
        assert_eq!(Quantity::Count.show(0.001).to_string(), "1.00e-3");
    }

    #[test]
    fn the_suffix_of_a_metric_names_its_quantity() {
        assert_eq!(Quantity::of_metric("rss_bytes"), Quantity::Bytes);
        assert_eq!(Quantity::of_metric("fds_count"), Quantity::Count);
        assert_eq!(Quantity::of_metric("cpu_s"), Quantity::Other);
    }
}
