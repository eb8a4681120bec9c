//! The readings of one sample as bytes: pairs of series number and value, exact to the last bit.
//!
//! Nearly all readings are whole numbers, and those of memory whole pages, so these are written as variable-length
//! integers and anything else as the eight bytes of its `f64`. One row for each sample, and not one for each reading, since a
//! table of readings that is quick to query by series scatters its inserts: every series touches a page of its own
//! in every transaction, and SQLite writes whole pages.

use super::record::SeriesNumber;
use super::varint::{self, unzigzag, zigzag};

/// Below this, every whole number is an `f64` of its own.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// Bytes of a page of memory.
const PAGE_BYTES: i64 = 4096;

/// Lowest bits of the integer after the series, which say how to read it.
const TAG_BITS: u32 = 2;
const WHOLE: u64 = 0;
/// The integer counts pages.
const PAGES: u64 = 1;
/// The eight bytes of an `f64` follow.
const EXACT: u64 = 2;

/// Appends a reading to `bytes`.
pub(super) fn push(bytes: &mut Vec<u8>, series: SeriesNumber, value: f64) {
    varint::push(bytes, u64::from(series.0));
    match whole(value) {
        Some(whole) if whole != 0 && whole % PAGE_BYTES == 0 => {
            varint::push(bytes, zigzag(whole / PAGE_BYTES) << TAG_BITS | PAGES);
        }
        Some(whole) => varint::push(bytes, zigzag(whole) << TAG_BITS | WHOLE),
        None => {
            varint::push(bytes, EXACT);
            bytes.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// The readings in `bytes`; `None` in place of the first that is cut off or malformed, and the end there.
pub(super) fn iter(bytes: &[u8]) -> Iter<'_> {
    Iter { rest: bytes }
}

/// Made by [`iter`].
pub(super) struct Iter<'bytes> {
    rest: &'bytes [u8],
}

impl Iter<'_> {
    fn reading(&mut self) -> Option<(SeriesNumber, f64)> {
        let series = SeriesNumber(u32::try_from(varint::take(&mut self.rest)?).ok()?);
        let tagged = varint::take(&mut self.rest)?;
        let number = unzigzag(tagged >> TAG_BITS);
        let value = match tagged & ((1 << TAG_BITS) - 1) {
            // Exact: `whole` lets through only what an `f64` holds.
            WHOLE => number as f64,
            PAGES => number as f64 * PAGE_BYTES as f64,
            EXACT => {
                let (value, rest) = self.rest.split_first_chunk()?;
                self.rest = rest;
                f64::from_le_bytes(*value)
            }
            _ => return None,
        };
        Some((series, value))
    }
}

impl Iterator for Iter<'_> {
    type Item = Option<(SeriesNumber, f64)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let reading = self.reading();
        if reading.is_none() {
            self.rest = &[];
        }
        Some(reading)
    }
}

/// `value` as an integer if that loses nothing. Minus zero would lose its sign.
fn whole(value: f64) -> Option<i64> {
    let fits = value.abs() < WHOLE_MAX && value.fract() == 0.0 && !(value == 0.0 && value.is_sign_negative());
    fits.then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip(readings: &[(u32, f64)]) -> Vec<(u32, u64)> {
        let mut bytes = Vec::new();
        for &(series, value) in readings {
            push(&mut bytes, SeriesNumber(series), value);
        }
        iter(&bytes).map(|reading| reading.unwrap()).map(|(series, value)| (series.0, value.to_bits())).collect()
    }

    fn bits(readings: &[(u32, f64)]) -> Vec<(u32, u64)> {
        readings.iter().map(|&(series, value)| (series, value.to_bits())).collect()
    }

    #[test]
    fn the_edges_of_the_number_line_come_back_bit_for_bit() {
        let edges = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            4096.0,
            -4096.0,
            4095.0,
            0.5,
            WHOLE_MAX - 1.0,
            WHOLE_MAX,
            -WHOLE_MAX,
            WHOLE_MAX * 4.0,
        ];
        let more = [f64::MAX, f64::MIN_POSITIVE, f64::INFINITY, f64::NAN, 5e-324];
        let readings: Vec<_> = edges.into_iter().chain(more).zip([0, 127, 128, u32::MAX].into_iter().cycle()).collect();
        let readings: Vec<_> = readings.into_iter().map(|(value, series)| (series, value)).collect();
        assert_eq!(round_trip(&readings), bits(&readings));
    }

    #[test]
    fn a_reading_of_memory_takes_few_bytes() {
        let mut bytes = Vec::new();
        push(&mut bytes, SeriesNumber(3), 100.0 * 1024.0 * 1024.0);
        assert_eq!(bytes.len(), 4);
    }

    proptest! {
        #[test]
        fn readings_come_back_bit_for_bit(readings: Vec<(u32, f64)>, whole: Vec<(u32, i32)>) {
            let readings: Vec<_> =
                readings.into_iter().chain(whole.into_iter().map(|(series, value)| (series, f64::from(value)))).collect();
            prop_assert_eq!(round_trip(&readings), bits(&readings));
        }

        #[test]
        fn no_bytes_whatever_make_a_panic(bytes: Vec<u8>) {
            prop_assert!(iter(&bytes).count() <= bytes.len());
        }
    }
}
