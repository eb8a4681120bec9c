//! Reading leaks from text.

use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use super::quantity::{ByteCount, ParseQuantityError};
use super::spec::LeakSpec;

/// The grammar of leaks, as help text.
pub const GRAMMAR: &str = "\
Leaks (several --leak work at the same time; time counts from the start):
  linear:RATE                  grows at a constant rate            linear:64B/op  linear:1MiB/s
  exponential:SIZE/DOUBLING    SIZE after one doubling time        exponential:1MiB/30s
  late:RATE@TIME               nothing at first, then linear       late:256KiB/s@1m
  descriptors:COUNT/PER        open files, never closed            descriptors:0.1/op
  threads:COUNT/PER            threads that never end              threads:2/s
Bounded growth, which is no leak:
  cyclic:SIZE/PERIOD           grows, and is released every PERIOD cyclic:32MiB/20s
  burst:SIZE@TIME[+HOLD]       taken at TIME, released after HOLD  burst:64MiB@30s+10s
                               (5 s if not given)
  step:SIZE@TIME               taken once and kept                 step:16MiB@30s
  saturating:SIZE/TAU          a cache that fills, 63 % after TAU  saturating:64MiB/20s
SIZE is a number with B, KiB, MiB, GiB (or kB, MB, GB); RATE is SIZE/op, SIZE/s, SIZE/m or SIZE/h;
PER is op, s, m or h; times are such as 500ms, 30s, 1h30m.";

/// How long a burst is held when nothing is said.
const DEFAULT_HOLD: Duration = Duration::from_secs(5);

/// Longest time in a leak.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

const KINDS: &str =
    "`linear`, `exponential`, `cyclic`, `burst`, `step`, `saturating`, `late`, `descriptors` or `threads`";

/// Why a leak was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseLeakError {
    /// No `:` between kind and amount.
    #[error("`{found}` is no leak, expected KIND:AMOUNT, such as `linear:64B/op`; KIND is {KINDS}")]
    Form {
        /// What was found.
        found: String,
    },
    /// A kind that does not exist.
    #[error("unknown kind of leak `{found}`, expected {KINDS}")]
    Kind {
        /// What was found.
        found: String,
    },
    /// A part is missing, such as the time of a step.
    #[error("`{found}` has no `{separator}`, expected `{expected}`")]
    MissingPart {
        /// What was found.
        found: String,
        /// The sign that stands before the missing part.
        separator: char,
        /// The form of this kind of leak.
        expected: &'static str,
    },
    /// A size or rate that is wrong.
    #[error(transparent)]
    Quantity(#[from] ParseQuantityError),
    /// A time that is wrong.
    #[error("`{found}` is no time, expected such as `500ms`, `30s` or `1h30m`, at most a year")]
    Time {
        /// What was found.
        found: String,
    },
    /// A period of zero.
    #[error("`{found}` is too short, expected at least `1ms`")]
    TooShort {
        /// What was found.
        found: String,
    },
}

fn parse_time(text: &str) -> Result<Duration, ParseLeakError> {
    // Months and years have no fixed length.
    let has_vague_unit = text
        .split(|letter: char| !letter.is_ascii_alphabetic())
        .any(|unit| matches!(unit, "M" | "month" | "months" | "y" | "year" | "years" | "yr" | "yrs"));
    match humantime::parse_duration(text.trim()) {
        Ok(time) if time <= LONGEST && !has_vague_unit => Ok(time),
        _ => Err(ParseLeakError::Time { found: text.to_owned() }),
    }
}

/// A time that something is divided by.
fn parse_period(text: &str) -> Result<Duration, ParseLeakError> {
    let period = parse_time(text)?;
    if period < Duration::from_millis(1) {
        return Err(ParseLeakError::TooShort { found: text.to_owned() });
    }
    Ok(period)
}

fn split<'a>(text: &'a str, separator: char, expected: &'static str) -> Result<(&'a str, &'a str), ParseLeakError> {
    text.split_once(separator).ok_or_else(|| ParseLeakError::MissingPart {
        found: text.to_owned(),
        separator,
        expected,
    })
}

fn parse_size(text: &str) -> Result<ByteCount, ParseLeakError> {
    Ok(text.trim().parse()?)
}

impl FromStr for LeakSpec {
    type Err = ParseLeakError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, amount) =
            text.trim().split_once(':').ok_or_else(|| ParseLeakError::Form { found: text.to_owned() })?;
        Ok(match kind {
            "linear" => Self::Linear(amount.parse()?),
            "exponential" => {
                let (size, doubling) = split(amount, '/', "exponential:SIZE/DOUBLING")?;
                Self::Exponential { size: parse_size(size)?, doubling: parse_period(doubling)? }
            }
            "cyclic" => {
                let (size, period) = split(amount, '/', "cyclic:SIZE/PERIOD")?;
                Self::Cyclic { size: parse_size(size)?, period: parse_period(period)? }
            }
            "burst" => {
                let (size, times) = split(amount, '@', "burst:SIZE@TIME[+HOLD]")?;
                let (at, hold) = match times.split_once('+') {
                    Some((at, hold)) => (at, parse_period(hold)?),
                    None => (times, DEFAULT_HOLD),
                };
                Self::Burst { size: parse_size(size)?, at: parse_time(at)?, hold }
            }
            "step" => {
                let (size, at) = split(amount, '@', "step:SIZE@TIME")?;
                Self::Step { size: parse_size(size)?, at: parse_time(at)? }
            }
            "saturating" => {
                let (size, tau) = split(amount, '/', "saturating:SIZE/TAU")?;
                Self::Saturating { size: parse_size(size)?, tau: parse_period(tau)? }
            }
            "late" => {
                let (pace, at) = split(amount, '@', "late:RATE@TIME")?;
                Self::Late { pace: pace.trim().parse()?, at: parse_time(at)? }
            }
            "descriptors" => Self::Descriptors(amount.trim().parse()?),
            "threads" => Self::Threads(amount.trim().parse()?),
            _ => return Err(ParseLeakError::Kind { found: kind.to_owned() }),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::quantity::{Pace, Per};
    use super::*;

    fn refusal(text: &str) -> String {
        text.parse::<LeakSpec>().map(|leak| leak.to_string()).expect_err("a refusal").to_string()
    }

    #[test]
    fn every_example_of_the_grammar_is_read() {
        let examples: Vec<&str> =
            GRAMMAR.split_whitespace().filter(|word| word.contains(':') && word.contains(char::is_numeric)).collect();
        assert_eq!(examples.len(), 10, "{examples:?}");
        for example in examples {
            let leak: LeakSpec = example.parse().unwrap_or_else(|error| panic!("{example}: {error}"));
            assert_eq!(leak.to_string(), example);
        }
    }

    #[test]
    fn a_burst_is_held_for_five_seconds_if_nothing_is_said() {
        assert_eq!("burst:1MiB@3s".parse::<LeakSpec>(), "burst:1MiB@3s+5s".parse());
    }

    #[test]
    fn refusals_name_what_was_found_and_what_was_expected() {
        assert_eq!(
            refusal("linear"),
            "`linear` is no leak, expected KIND:AMOUNT, such as `linear:64B/op`; KIND is `linear`, `exponential`, \
             `cyclic`, `burst`, `step`, `saturating`, `late`, `descriptors` or `threads`"
        );
        assert!(refusal("liner:64B/op").starts_with("unknown kind of leak `liner`, expected `linear`, "));
        assert_eq!(refusal("step:1MiB"), "`1MiB` has no `@`, expected `step:SIZE@TIME`");
        assert_eq!(refusal("linear:64B"), "`64B` is no rate, expected an amount followed by `/op`, `/s`, `/m` or `/h`");
        assert_eq!(
            refusal("linear:64K/s"),
            "`64K` is no size, expected a number above 0 with a unit, such as `64B`, `1.5KiB` or `3MiB`"
        );
        assert_eq!(
            refusal("step:1MiB@soon"),
            "`soon` is no time, expected such as `500ms`, `30s` or `1h30m`, at most a year"
        );
        assert_eq!(refusal("cyclic:1MiB/0s"), "`0s` is too short, expected at least `1ms`");
        assert_eq!(refusal("threads:0/s"), "`0` is no count, expected a number above 0, at most 1000000");
        for vague in ["1month", "2M", "1y", "1h1year"] {
            assert!(refusal(&format!("step:1MiB@{vague}")).contains("is no time"), "{vague}");
        }
        assert_eq!("step:1MiB@1day 2h".parse::<LeakSpec>(), "step:1MiB@26h".parse());
    }

    fn sizes() -> impl Strategy<Value = ByteCount> {
        (1..=1_u64 << 50).prop_map(ByteCount)
    }

    fn times() -> impl Strategy<Value = Duration> {
        (1..=LONGEST.as_millis() as u64).prop_map(Duration::from_millis)
    }

    fn paces<A: std::fmt::Debug + Clone>(amounts: impl Strategy<Value = A>) -> impl Strategy<Value = Pace<A>> {
        let per = prop_oneof![Just(Per::Operation), Just(Per::Second), Just(Per::Minute), Just(Per::Hour)];
        (amounts, per).prop_map(|(amount, per)| Pace { amount, per })
    }

    pub(crate) fn leaks() -> impl Strategy<Value = LeakSpec> {
        let counts = || (1..=1_000_000_000_u64).prop_map(|thousandths| thousandths as f64 / 1000.0);
        prop_oneof![
            paces(sizes()).prop_map(LeakSpec::Linear),
            (sizes(), times()).prop_map(|(size, doubling)| LeakSpec::Exponential { size, doubling }),
            (sizes(), times()).prop_map(|(size, period)| LeakSpec::Cyclic { size, period }),
            (sizes(), times(), times()).prop_map(|(size, at, hold)| LeakSpec::Burst { size, at, hold }),
            (sizes(), times()).prop_map(|(size, at)| LeakSpec::Step { size, at }),
            (sizes(), times()).prop_map(|(size, tau)| LeakSpec::Saturating { size, tau }),
            (paces(sizes()), times()).prop_map(|(pace, at)| LeakSpec::Late { pace, at }),
            paces(counts()).prop_map(LeakSpec::Descriptors),
            paces(counts()).prop_map(LeakSpec::Threads),
        ]
    }

    proptest! {
        #[test]
        fn a_leak_reads_back_what_it_prints(leak in leaks()) {
            prop_assert_eq!(leak.to_string().parse::<LeakSpec>(), Ok(leak));
        }

        #[test]
        fn no_text_is_a_panic(text in "(linear|burst|cyclic|late|threads)?:?[0-9.]{0,20}[A-Za-z/@+ ]{0,5}\\PC{0,12}") {
            let _ = text.parse::<LeakSpec>();
        }
    }
}
