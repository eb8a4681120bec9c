//! A length of time for people.

use std::fmt;

/// Seconds that print with a fitting unit: `45 s`, `12.5 min`, `3.2 h`, `4.1 d`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seconds(pub(crate) f64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(f64, &str); 3] = [(86_400.0 * 2.0, "d"), (3600.0, "h"), (120.0, "min")];
        const LENGTHS: [f64; 3] = [86_400.0, 3600.0, 60.0];
        for ((from, unit), length) in UNITS.into_iter().zip(LENGTHS) {
            if self.0 >= from {
                return write!(f, "{} {unit}", short(self.0 / length));
            }
        }
        write!(f, "{} s", short(self.0))
    }
}

/// Three digits, no trailing zeros.
fn short(value: f64) -> String {
    let digits = if value >= 99.95 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_the_unit_that_reads_best() {
        let show = |seconds: f64| Seconds(seconds).to_string();
        assert_eq!(show(0.25), "0.25 s");
        assert_eq!(show(90.0), "90 s");
        assert_eq!(show(750.0), "12.5 min");
        assert_eq!(show(9000.0), "2.5 h");
        assert_eq!(show(864_000.0), "10 d");
    }
}
