//! Times and numbers as recorders write them.

/// How the numbers of a time column are to be read; chosen by its first value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    /// Seconds from some start.
    Elapsed,
    /// Unix time, in this many ticks per second.
    Unix(u32),
    /// RFC 3339.
    Text,
}

/// Unix seconds stay below this until the year 5138, Unix milliseconds are above it since 1973.
const FIRST_MILLISECONDS: f64 = 1e11;

impl Clock {
    /// The clock of a column `time` or `timestamp` that begins with `first`.
    pub(super) fn of(first: &str) -> Self {
        match number(first) {
            Some(Some(value)) if value.abs() >= FIRST_MILLISECONDS => Self::Unix(1000),
            Some(Some(_)) => Self::Unix(1),
            _ => Self::Text,
        }
    }

    /// What a cell of this clock should hold, for messages.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Elapsed => "a time in seconds",
            Self::Unix(1) => "a Unix time in seconds",
            Self::Unix(_) => "a Unix time in milliseconds",
            Self::Text => "a time as in RFC 3339 (`2026-01-31T12:00:00Z`) or a Unix time",
        }
    }

    /// The time in seconds; `None` for anything that is not a finite time.
    pub(super) fn read(self, cell: &str) -> Option<f64> {
        match self {
            Self::Elapsed => number(cell)?,
            Self::Unix(ticks) => number(cell)?.map(|value| value / f64::from(ticks)),
            Self::Text => {
                let time: jiff::Timestamp = cell.trim().parse().ok()?;
                Some(time.as_second() as f64 + f64::from(time.subsec_nanosecond()) * 1e-9)
            }
        }
    }
}

/// A number as in a cell: `Some(None)` is a missing value, `None` is text.
pub(super) fn number(cell: &str) -> Option<Option<f64>> {
    let cell = cell.trim();
    // Rust reads `nan`, `inf` and `infinity` in any case as numbers; they are missing values here.
    match cell.parse::<f64>() {
        Ok(value) => Some(value.is_finite().then_some(value)),
        Err(_) => {
            let missing = ["", "-", "na", "n/a", "null", "none"];
            missing.iter().any(|word| cell.eq_ignore_ascii_case(word)).then_some(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_tells_seconds_milliseconds_and_text_apart() {
        assert_eq!(Clock::of("1700000000.5"), Clock::Unix(1));
        assert_eq!(Clock::of("1700000000500"), Clock::Unix(1000));
        assert_eq!(Clock::of("2026-01-31T12:00:00Z"), Clock::Text);
        assert_eq!(Clock::Unix(1000).read("1700000000500"), Some(1_700_000_000.5));
    }

    #[test]
    fn offsets_and_fractions_of_rfc_3339_count() {
        let zulu = Clock::Text.read("2026-01-31T12:00:00.25Z").unwrap();
        assert_eq!(Clock::Text.read("2026-01-31T13:00:00.25+01:00"), Some(zulu));
        assert_eq!(zulu.fract(), 0.25);
        assert_eq!(Clock::Text.read("31.01.2026"), None);
    }

    #[test]
    fn what_is_no_number_is_missing_or_text() {
        assert_eq!(number(" 1e3 "), Some(Some(1000.0)));
        for missing in ["", " ", "NaN", "-inf", "Infinity", "NULL", "n/a", "-"] {
            assert_eq!(number(missing), Some(None), "{missing}");
        }
        assert_eq!(number("12 kB"), None);
    }
}
