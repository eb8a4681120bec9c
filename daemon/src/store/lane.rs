//! A list of numbers as bytes that compress well, exact to the last bit.
//!
//! Nearly all readings are integers in disguise: memory comes in pages, counts in ones, processor time in hundredths of
//! a second, and the clock in nanoseconds. What is left of such integers once the one before (or a straight line) has
//! been foretold is small; it is written in planes, all lowest bytes first, since those are noise and the others hardly
//! ever change. Everything else is written as it stands, each number XORed with the one before (Pelkonen et al. 2015,
//! Gorilla, doi:10.14778/2824032.2824078). The general compressor comes afterwards; see [`chunk`](super::chunk).

use super::varint::{self, unzigzag, zigzag};

/// Below this, every whole number is an `f64` of its own.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// Nanoseconds of a second.
const NANOS: i64 = 1_000_000_000;

/// How integers stand for numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// They do not: the bits themselves are written.
    Bits,
    /// Multiples of an integer.
    Multiples(i64),
    /// Of a decimal fraction: the number of digits behind the point.
    Decimals(u8),
    /// Seconds and nanoseconds, added up as `Duration::as_secs_f64` does.
    Nanoseconds,
}

const BITS: u8 = 0;
const MULTIPLES: u8 = 1;
const NANOSECONDS: u8 = 2;
/// One digit behind the point; the form of two digits is one more, and so on.
const FIRST_DECIMALS: u8 = 3;
const MOST_DECIMALS: u8 = 6;

/// What is foretold of an integer, so that only the difference is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forecast {
    /// A straight line through the first and the last.
    Line,
    /// The one before.
    Last,
    /// The one before, and as much further as that one went.
    Onward,
}

impl Forecast {
    /// Every forecast; its place is its number in the bytes.
    const ALL: [Self; 3] = [Self::Line, Self::Last, Self::Onward];
}

/// Appends `values` to `bytes`; their number has to be known to the reader.
pub(super) fn push(bytes: &mut Vec<u8>, values: &[f64]) {
    let form = form_of(values);
    match form {
        Form::Bits => {
            bytes.push(BITS);
            let mut last = 0;
            let differences: Vec<u64> =
                values.iter().map(|value| value.to_bits() ^ std::mem::replace(&mut last, value.to_bits())).collect();
            push_planes(bytes, &differences, 8);
            return;
        }
        Form::Multiples(unit) => {
            bytes.push(MULTIPLES);
            varint::push(bytes, unit.cast_unsigned());
        }
        Form::Nanoseconds => bytes.push(NANOSECONDS),
        Form::Decimals(digits) => bytes.push(FIRST_DECIMALS + digits - 1),
    }
    let integers: Vec<i64> = values.iter().map(|value| form.integer(*value)).collect();
    let best = Forecast::ALL.into_iter().enumerate().min_by_key(|(_, forecast)| cost(&left_over(&integers, *forecast)));
    let Some((number, forecast)) = best else { return };
    bytes.push(number.to_le_bytes()[0]);
    if forecast == Forecast::Line {
        let (first, step) = line_of(&integers);
        varint::push(bytes, zigzag(first));
        varint::push(bytes, zigzag(step));
    }
    let left: Vec<u64> = left_over(&integers, forecast).into_iter().map(zigzag).collect();
    let largest = left.iter().copied().max().unwrap_or(0);
    let planes = 8 - usize::try_from(largest.leading_zeros() / 8).unwrap_or(0);
    bytes.push(planes.to_le_bytes()[0]);
    push_planes(bytes, &left, planes);
}

/// Takes `count` values off the front of `bytes`; `None` where they are cut off or none of ours.
pub(super) fn take(bytes: &mut &[u8], count: usize) -> Option<Vec<f64>> {
    let tag = take_byte(bytes)?;
    let form = match tag {
        BITS => {
            let mut last = 0;
            let differences = take_planes(bytes, count, 8)?;
            return Some(
                differences
                    .into_iter()
                    .map(|difference| {
                        last ^= difference;
                        f64::from_bits(last)
                    })
                    .collect(),
            );
        }
        MULTIPLES => Form::Multiples(varint::take(bytes)?.cast_signed()),
        NANOSECONDS => Form::Nanoseconds,
        _ => Form::Decimals(tag.checked_sub(FIRST_DECIMALS).filter(|more| *more < MOST_DECIMALS)? + 1),
    };
    let forecast = *Forecast::ALL.get(usize::from(take_byte(bytes)?))?;
    let (first, step) = match forecast {
        Forecast::Line => (unzigzag(varint::take(bytes)?), unzigzag(varint::take(bytes)?)),
        Forecast::Last | Forecast::Onward => (0, 0),
    };
    let planes = usize::from(take_byte(bytes)?);
    let left = take_planes(bytes, count, planes)?;
    let (mut last, mut gone) = (0_i64, 0_i64);
    let mut on_line = first;
    let values = left.into_iter().map(|left| {
        let foretold = match forecast {
            Forecast::Line => on_line,
            Forecast::Last => last,
            Forecast::Onward => last.wrapping_add(gone),
        };
        let integer = foretold.wrapping_add(unzigzag(left));
        on_line = on_line.wrapping_add(step);
        gone = integer.wrapping_sub(last);
        last = integer;
        form.number(integer)
    });
    Some(values.collect())
}

impl Form {
    /// The integer of a value that [`form_of`] found to have one.
    fn integer(self, value: f64) -> i64 {
        match self {
            Self::Bits => 0,
            Self::Multiples(unit) => value as i64 / unit,
            Self::Decimals(digits) => (value * 10_f64.powi(i32::from(digits))).round() as i64,
            Self::Nanoseconds => {
                let seconds = value.trunc();
                seconds as i64 * NANOS + ((value - seconds) * NANOS as f64).round() as i64
            }
        }
    }

    /// The value of an integer.
    fn number(self, integer: i64) -> f64 {
        match self {
            Self::Bits => 0.0,
            Self::Multiples(unit) => integer.wrapping_mul(unit) as f64,
            Self::Decimals(digits) => integer as f64 / 10_f64.powi(i32::from(digits)),
            Self::Nanoseconds => (integer / NANOS) as f64 + (integer % NANOS) as f64 / NANOS as f64,
        }
    }

    /// Whether every value comes back from its integer to the last bit.
    fn holds(self, values: &[f64]) -> bool {
        values.iter().all(|value| {
            value.abs() < WHOLE_MAX / NANOS as f64 && self.number(self.integer(*value)).to_bits() == value.to_bits()
        })
    }
}

/// The form that holds all of `values` exactly and gives the smallest integers.
fn form_of(values: &[f64]) -> Form {
    let is_whole =
        |value: &f64| value.abs() < WHOLE_MAX && value.fract() == 0.0 && !(*value == 0.0 && value.is_sign_negative());
    if values.iter().all(is_whole) {
        let unit = values.iter().fold(0, |unit, value| greatest_common(unit, (*value as i64).unsigned_abs()));
        return Form::Multiples(unit.max(1).cast_signed());
    }
    let decimals = (1..=MOST_DECIMALS).map(Form::Decimals);
    decimals.chain([Form::Nanoseconds]).find(|form| form.holds(values)).unwrap_or(Form::Bits)
}

fn greatest_common(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// First value and slope of the straight line through the first and the last.
fn line_of(integers: &[i64]) -> (i64, i64) {
    let (Some(&first), Some(&last)) = (integers.first(), integers.last()) else { return (0, 0) };
    let steps = i64::try_from(integers.len()).unwrap_or(i64::MAX) - 1;
    (first, if steps > 0 { last.wrapping_sub(first) / steps } else { 0 })
}

/// What the forecast leaves to be written.
fn left_over(integers: &[i64], forecast: Forecast) -> Vec<i64> {
    let (mut on_line, step) = line_of(integers);
    let (mut last, mut gone) = (0_i64, 0_i64);
    let left = integers.iter().map(|&integer| {
        let foretold = match forecast {
            Forecast::Line => on_line,
            Forecast::Last => last,
            Forecast::Onward => last.wrapping_add(gone),
        };
        on_line = on_line.wrapping_add(step);
        gone = integer.wrapping_sub(last);
        last = integer;
        integer.wrapping_sub(foretold)
    });
    left.collect()
}

/// Bits that an ideal coder would need, roughly: of a number as many as it is long.
fn cost(left: &[i64]) -> u64 {
    left.iter().map(|left| u64::from(64 - zigzag(*left).leading_zeros())).sum()
}

/// The lowest bytes of all numbers, then those above, `planes` of them.
fn push_planes(bytes: &mut Vec<u8>, numbers: &[u64], planes: usize) {
    for plane in 0..planes {
        bytes.extend(numbers.iter().map(|number| number.to_le_bytes()[plane]));
    }
}

fn take_planes(bytes: &mut &[u8], count: usize, planes: usize) -> Option<Vec<u64>> {
    if planes > 8 {
        return None;
    }
    let mut numbers = vec![0_u64; count];
    for plane in 0..planes {
        let (own, rest) = bytes.split_at_checked(count)?;
        *bytes = rest;
        for (number, byte) in numbers.iter_mut().zip(own) {
            *number |= u64::from(*byte) << (8 * plane);
        }
    }
    Some(numbers)
}

fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (&byte, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn form_and_back(values: &[f64]) -> Form {
        let mut bytes = Vec::new();
        push(&mut bytes, values);
        bytes.push(77);
        let mut rest = bytes.as_slice();
        let back = take(&mut rest, values.len()).expect("it is ours");
        assert_eq!(rest, [77], "no byte more is taken");
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&back), bits(values));
        form_of(values)
    }

    #[test]
    fn each_kind_of_reading_has_a_form_of_its_own() {
        assert_eq!(form_and_back(&[409_600.0, 413_696.0, 401_408.0]), Form::Multiples(4096));
        assert_eq!(form_and_back(&[7.0, 8.0, 8.0]), Form::Multiples(1));
        assert_eq!(form_and_back(&[0.0, 0.0]), Form::Multiples(1));
        assert_eq!(form_and_back(&[0.01, 0.03, 12.34]), Form::Decimals(2));
        let times: Vec<f64> = [83_412, 1_000_091_233, 2_000_100_001]
            .map(|nanos| std::time::Duration::from_nanos(nanos).as_secs_f64())
            .to_vec();
        assert_eq!(form_and_back(&times), Form::Nanoseconds);
        assert_eq!(form_and_back(&[1.0 / 3.0, 2.0 / 3.0]), Form::Bits);
    }

    #[test]
    fn the_edges_of_the_number_line_come_back() {
        for edge in [-0.0, WHOLE_MAX - 1.0, WHOLE_MAX, -WHOLE_MAX, f64::MAX, 5e-324, f64::NAN, f64::INFINITY] {
            form_and_back(&[edge]);
            form_and_back(&[1.0, edge, 0.5, edge, 4096.0]);
        }
        form_and_back(&[]);
        form_and_back(&[WHOLE_MAX - 1.0, 1.0 - WHOLE_MAX, WHOLE_MAX - 1.0]);
    }

    #[test]
    fn a_constant_and_a_steady_counter_leave_nothing() {
        for values in [vec![3.0; 1000], (0..1000).map(|k| 17.0 + 40.0 * f64::from(k)).collect()] {
            let mut bytes = Vec::new();
            push(&mut bytes, &values);
            assert!(bytes.len() < 12, "{} bytes", bytes.len());
        }
    }

    fn reading() -> impl Strategy<Value = f64> {
        prop_oneof![
            (0_u32..1 << 20).prop_map(|pages| f64::from(pages) * 4096.0),
            any::<i32>().prop_map(f64::from),
            any::<i32>().prop_map(|hundredths| f64::from(hundredths) / 100.0),
            (0_u64..1 << 50).prop_map(|nanos| std::time::Duration::from_nanos(nanos).as_secs_f64()),
            any::<f64>(),
        ]
    }

    proptest! {
        #[test]
        fn numbers_come_back_bit_for_bit(values in proptest::collection::vec(reading(), 0..80)) {
            form_and_back(&values);
        }

        #[test]
        fn numbers_of_one_kind_come_back_bit_for_bit(
            nanos in proptest::collection::vec(0_u64..1 << 56, 0..80),
            hundredths in proptest::collection::vec(any::<i32>(), 0..80),
        ) {
            let seconds = |nanos: &u64| std::time::Duration::from_nanos(*nanos).as_secs_f64();
            form_and_back(&nanos.iter().map(seconds).collect::<Vec<_>>());
            form_and_back(&hundredths.iter().map(|n| f64::from(*n) / 100.0).collect::<Vec<_>>());
        }

        #[test]
        fn no_bytes_whatever_make_a_panic(bytes: Vec<u8>, count in 0_usize..100) {
            let _ = take(&mut bytes.as_slice(), count);
        }
    }
}
