//! Sizes and rates in the grammar of leaks.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A number of bytes, written `64B`, `1.5KiB`, `3MiB`, `1GiB` (powers of 1024) or `1kB`, `1MB`, `1GB` (powers of 1000).
///
/// A number without a unit and the ambiguous `64K` are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteCount(pub u64);

const KIBIBYTE: u64 = 1 << 10;
const MEBIBYTE: u64 = 1 << 20;
const GIBIBYTE: u64 = 1 << 30;

/// Largest size that is taken: far above any host, and exact in an `f64`.
const LARGEST_BYTES: f64 = (1_u64 << 50) as f64;

const SIZE_UNITS: &[(&str, u64)] = &[
    ("GiB", GIBIBYTE),
    ("MiB", MEBIBYTE),
    ("KiB", KIBIBYTE),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// Per what a rate is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// Per operation: `/op`.
    Operation,
    /// Per second: `/s`.
    Second,
    /// Per minute: `/m`.
    Minute,
    /// Per hour: `/h`.
    Hour,
}

impl Per {
    const ALL: &[(&str, Self)] =
        &[("op", Self::Operation), ("s", Self::Second), ("m", Self::Minute), ("h", Self::Hour)];

    /// Length in seconds; `None` for operations.
    #[must_use]
    pub fn seconds(self) -> Option<f64> {
        match self {
            Self::Operation => None,
            Self::Second => Some(1.0),
            Self::Minute => Some(60.0),
            Self::Hour => Some(3600.0),
        }
    }
}

/// An amount per operation or per time, written `AMOUNT/op`, `AMOUNT/s`, `AMOUNT/m` or `AMOUNT/h`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace<A> {
    /// How much.
    pub amount: A,
    /// Per what.
    pub per: Per,
}

/// Why a size or a rate was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseQuantityError {
    /// Not a size.
    #[error("`{found}` is no size, expected a number above 0 with a unit, such as `64B`, `1.5KiB` or `3MiB`")]
    Size {
        /// What was found.
        found: String,
    },
    /// Larger than any host's memory.
    #[error("`{found}` is too large, expected at most 1048576GiB")]
    TooLarge {
        /// What was found.
        found: String,
    },
    /// Not a count.
    #[error("`{found}` is no count, expected a number above 0, at most 1000000")]
    Count {
        /// What was found.
        found: String,
    },
    /// A rate without `/op`, `/s`, `/m` or `/h`.
    #[error("`{found}` is no rate, expected an amount followed by `/op`, `/s`, `/m` or `/h`")]
    Rate {
        /// What was found.
        found: String,
    },
}

/// A number in plain decimal notation. `f64::from_str` alone would take `inf`, `nan` and `1e9` as well.
fn parse_decimal(text: &str) -> Option<f64> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_plain { text.parse().ok() } else { None }
}

impl FromStr for ByteCount {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || ParseQuantityError::Size { found: text.to_owned() };
        let (number, factor) = SIZE_UNITS
            .iter()
            .find_map(|&(unit, factor)| text.strip_suffix(unit).map(|number| (number.trim_end(), factor)))
            .ok_or_else(refused)?;
        // Exact for whole numbers below 2^53; fractions are rounded to whole bytes.
        let bytes = (parse_decimal(number).ok_or_else(refused)? * factor as f64).round();
        if bytes > LARGEST_BYTES {
            return Err(ParseQuantityError::TooLarge { found: text.to_owned() });
        }
        if bytes < 1.0 {
            return Err(refused());
        }
        Ok(Self(bytes as u64))
    }
}

impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, factor) in [("GiB", GIBIBYTE), ("MiB", MEBIBYTE), ("KiB", KIBIBYTE)] {
            if self.0 >= factor && self.0.is_multiple_of(factor) {
                return write!(f, "{}{unit}", self.0 / factor);
            }
        }
        write!(f, "{}B", self.0)
    }
}

/// Splits `AMOUNT/PER`.
fn split_rate(text: &str) -> Result<(&str, Per), ParseQuantityError> {
    text.rsplit_once('/')
        .and_then(|(amount, per)| {
            Per::ALL.iter().find(|(name, _)| *name == per.trim()).map(|&(_, per)| (amount.trim_end(), per))
        })
        .ok_or_else(|| ParseQuantityError::Rate { found: text.to_owned() })
}

impl FromStr for Pace<ByteCount> {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (amount, per) = split_rate(text)?;
        Ok(Self { amount: amount.parse()?, per })
    }
}

impl FromStr for Pace<f64> {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (amount, per) = split_rate(text)?;
        match parse_decimal(amount) {
            Some(count) if count > 0.0 && count <= 1_000_000.0 => Ok(Self { amount: count, per }),
            _ => Err(ParseQuantityError::Count { found: amount.to_owned() }),
        }
    }
}

impl<A: fmt::Display> fmt::Display for Pace<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Per::ALL.iter().find(|(_, per)| *per == self.per).map_or("", |(name, _)| name);
        write!(f, "{}/{name}", self.amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_binary_and_decimal_units() {
        for (text, bytes) in [
            ("1B", 1),
            ("64B", 64),
            ("1KiB", 1024),
            ("1.5KiB", 1536),
            ("3MiB", 3 << 20),
            ("1GiB", 1 << 30),
            ("1kB", 1000),
            ("2MB", 2_000_000),
            ("1048576GiB", 1 << 50),
        ] {
            assert_eq!(text.parse(), Ok(ByteCount(bytes)), "{text}");
        }
    }

    #[test]
    fn ambiguous_and_impossible_sizes_are_refused() {
        for text in ["", "64", "64K", "64KB", "-1B", "0B", "0.2B", "nanB", "infMiB", "1e3B", "1..2B", ".B", "B", "1 0B"]
        {
            assert!(matches!(text.parse::<ByteCount>(), Err(ParseQuantityError::Size { .. })), "{text}");
        }
        assert!(matches!("1048577GiB".parse::<ByteCount>(), Err(ParseQuantityError::TooLarge { .. })));
    }

    #[test]
    fn rates_name_what_they_are_per() {
        assert_eq!("64B/op".parse(), Ok(Pace { amount: ByteCount(64), per: Per::Operation }));
        assert_eq!("5MiB/h".parse(), Ok(Pace { amount: ByteCount(5 << 20), per: Per::Hour }));
        assert_eq!("0.5/op".parse(), Ok(Pace { amount: 0.5, per: Per::Operation }));
        for text in ["64B", "64B/", "64B/day", "64B/ops", "/"] {
            assert!(matches!(text.parse::<Pace<ByteCount>>(), Err(ParseQuantityError::Rate { .. })), "{text}");
        }
        assert!(matches!("64B/s".parse::<Pace<f64>>(), Err(ParseQuantityError::Count { .. })));
        assert!(matches!("1/s".parse::<Pace<ByteCount>>(), Err(ParseQuantityError::Size { .. })));
    }
}
