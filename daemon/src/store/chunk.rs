//! A block of samples as bytes: their numbers and times once, and the values of each series apart, so that one series
//! is read without the others.
//!
//! Numbers are laid out by [`lane`] and compressed by Zstandard, with its checksum: a bit that a disk has turned is
//! found when it is read.

use std::io;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

use super::lane;
use super::varint;

/// Samples in a block. More are hardly smaller, and all of a block is unpacked for any part of it.
pub(super) const BLOCK_SAMPLES: usize = 4096;

/// Level of compression: the highest that still keeps up with a thousand series.
const LEVEL: i32 = 15;

/// Values of one series in a block: which of its samples have one, and the values in one or several lanes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Values {
    /// Places of the samples in the block, from 0, in order.
    pub(super) places: Vec<usize>,
    /// Lists of as many numbers as there are places: the readings; or medians, lows and highs of minutes.
    pub(super) lanes: Vec<Vec<f64>>,
}

/// When the samples of a block were taken.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Times {
    /// Their numbers in the run.
    pub(super) numbers: Vec<i64>,
    /// Seconds from the start of the run.
    pub(super) t_s: Vec<f64>,
    /// Which of them were read beside the samples of the target, and count as none.
    pub(super) aside: Vec<bool>,
}

/// Times as bytes.
pub(super) fn pack_times(times: &Times) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // Exact: a run of as many samples as an `f64` can count takes longer than anybody waits.
    lane::push(&mut bytes, &times.numbers.iter().map(|number| *number as f64).collect::<Vec<_>>());
    lane::push(&mut bytes, &times.t_s);
    lane::push(&mut bytes, &times.aside.iter().map(|aside| f64::from(u8::from(*aside))).collect::<Vec<_>>());
    compressed(&bytes)
}

/// Undoes [`pack_times`] of `count` samples; `None` where the bytes are damaged.
pub(super) fn unpack_times(packed: &[u8], count: usize) -> Option<Times> {
    let bytes = expanded(packed, count, 3)?;
    let mut rest = bytes.as_slice();
    let numbers = lane::take(&mut rest, count)?.into_iter().map(|number| number as i64).collect();
    let t_s = lane::take(&mut rest, count)?;
    let aside = lane::take(&mut rest, count)?.into_iter().map(|aside| aside != 0.0).collect();
    rest.is_empty().then_some(Times { numbers, t_s, aside })
}

/// Values of one series in a block of `count` samples as bytes.
pub(super) fn pack_values(values: &Values, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    push_places(&mut bytes, &values.places, count);
    varint::push(&mut bytes, values.lanes.len() as u64);
    for lane in &values.lanes {
        lane::push(&mut bytes, lane);
    }
    compressed(&bytes)
}

/// Undoes [`pack_values`]; `None` where the bytes are damaged.
pub(super) fn unpack_values(packed: &[u8], count: usize) -> Option<Values> {
    let bytes = expanded(packed, count, MOST_LANES)?;
    let mut rest = bytes.as_slice();
    let places = take_places(&mut rest, count)?;
    let lanes_count = usize::try_from(varint::take(&mut rest)?).ok().filter(|count| *count <= MOST_LANES)?;
    let lanes = (0..lanes_count).map(|_| lane::take(&mut rest, places.len())).collect::<Option<Vec<_>>>()?;
    rest.is_empty().then_some(Values { places, lanes })
}

/// Median, low and high.
const MOST_LANES: usize = 3;

fn compressed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressor = Compressor::new(LEVEL)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    compressor.compress(bytes)
}

/// What was compressed, unless it is damaged or larger than `lanes` lanes of `count` numbers can be.
fn expanded(packed: &[u8], count: usize, lanes: usize) -> Option<Vec<u8>> {
    let most = 64 + count.checked_mul(4 + 8 * lanes)? + 32 * lanes;
    Decompressor::new().ok()?.decompress(packed, most).ok()
}

/// Lengths of the stretches without and with values, in turn, up to the end of the block.
fn push_places(bytes: &mut Vec<u8>, places: &[usize], count: usize) {
    let mut at = 0;
    let mut places = places.iter().copied().peekable();
    while at < count {
        let next = places.peek().copied().unwrap_or(count);
        varint::push(bytes, (next - at) as u64);
        at = next;
        let from = at;
        while places.next_if_eq(&at).is_some() {
            at += 1;
        }
        varint::push(bytes, (at - from) as u64);
    }
}

fn take_places(bytes: &mut &[u8], count: usize) -> Option<Vec<usize>> {
    let mut places = Vec::new();
    let mut at = 0_usize;
    while at < count {
        at = at.checked_add(usize::try_from(varint::take(bytes)?).ok()?)?;
        let end = at.checked_add(usize::try_from(varint::take(bytes)?).ok()?).filter(|end| *end <= count)?;
        // Two empty stretches in a row would go on for ever.
        if end == at && end < count {
            return None;
        }
        places.extend(at..end);
        at = end;
    }
    Some(places)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = (usize, Values)> {
        proptest::collection::vec(proptest::option::weighted(0.7, any::<f64>()), 0..100).prop_map(|readings| {
            let present = readings.iter().enumerate().filter_map(|(place, value)| Some((place, (*value)?)));
            let (places, lane): (Vec<_>, Vec<_>) = present.unzip();
            (readings.len(), Values { places, lanes: vec![lane] })
        })
    }

    fn bits(values: &Values) -> Vec<Vec<u64>> {
        values.lanes.iter().map(|lane| lane.iter().map(|value| value.to_bits()).collect()).collect()
    }

    #[test]
    fn a_changed_bit_is_found() {
        let (numbers, t_s): (Vec<_>, Vec<_>) = (0..500).map(|k| (k, k as f64 * 0.1)).unzip();
        let times = Times { aside: numbers.iter().map(|number| number % 30 == 7).collect(), numbers, t_s };
        let packed = pack_times(&times).unwrap();
        let whole = Some(times);
        assert_eq!(unpack_times(&packed, 500), whole);
        for place in 0..packed.len() {
            let mut damaged = packed.clone();
            damaged[place] ^= 0x10;
            let found = unpack_times(&damaged, 500);
            // One bit of the format's header means nothing.
            assert!(found.is_none() || found == whole, "byte {place} of {}", packed.len());
        }
        assert_eq!(unpack_times(&packed[..packed.len() - 1], 500), None);
        assert_eq!(unpack_times(&packed, 499), None);
    }

    proptest! {
        #[test]
        fn values_come_back_bit_for_bit((count, values) in values()) {
            let packed = pack_values(&values, count).unwrap();
            let back = unpack_values(&packed, count).unwrap();
            prop_assert_eq!(&back.places, &values.places);
            prop_assert_eq!(bits(&back), bits(&values));
        }

        #[test]
        fn no_bytes_whatever_make_a_panic(bytes: Vec<u8>, count in 0_usize..100) {
            let _ = unpack_times(&bytes, count);
            let _ = unpack_values(&bytes, count);
            // Past the checksum as well.
            let packed = compressed(&bytes).unwrap();
            let _ = unpack_times(&packed, count);
            let _ = unpack_values(&packed, count);
        }
    }
}
