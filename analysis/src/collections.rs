//! Where is a sawtooth collected? The levels that it falls to are quieter than the lowest values of blocks of equal time, of which
//! some hold the beginning of a fall and others no trough at all.

use std::ops::Range;

use crate::stats::order;
use crate::trace::Trace;

/// Fewest collections that are a series: each is one floor, however many samples lie between two.
pub(crate) const FEWEST: usize = 8;

/// Share of the usual range of an eighth of the run, in which a sawtooth of [`FEWEST`] falls once, that a collection frees at
/// least.
const FREED: f64 = 0.25;

/// What a fall has to exceed to be a collection; 0 where nothing moves.
fn least_fall(trace: &Trace) -> f64 {
    let mut ranges = Vec::with_capacity(FEWEST);
    let mut from = 0;
    for k in 1..=FEWEST {
        let edge = trace.start() + trace.length() * (k as f64 / FEWEST as f64);
        let to = from + trace.t.iter().skip(from).take_while(|t| k == FEWEST || **t < edge).count();
        let highest = trace.peak.iter().take(to).skip(from).copied().fold(f64::NEG_INFINITY, f64::max);
        let lowest = trace.low.iter().take(to).skip(from).copied().fold(f64::INFINITY, f64::min);
        if to > from {
            ranges.push(highest - lowest);
        }
        from = to;
    }
    FREED * order::median(&mut ranges)
}

/// The cells from each peak before a collection to the next one, several of them together where there would be more than
/// `most` ranges; what comes before the first peak is in none. O(n).
pub(crate) fn find(trace: &Trace, most: usize) -> Vec<Range<usize>> {
    let least = least_fall(trace);
    if !(least > 0.0) {
        return Vec::new();
    }
    let mut peaks = Vec::new();
    let (mut highest, mut peak) = (f64::NEG_INFINITY, 0);
    // The lowest value since the last collection began, while it is not over.
    let mut falling: Option<f64> = None;
    for (i, (top, bottom)) in trace.peak.iter().zip(&trace.low).enumerate() {
        if let Some(lowest) = falling {
            let lowest = lowest.min(*bottom);
            falling = (top - lowest <= least).then_some(lowest);
            (highest, peak) = (*top, i);
        } else {
            if *top > highest {
                (highest, peak) = (*top, i);
            }
            if highest - bottom > least {
                peaks.push(peak);
                falling = Some(*bottom);
            }
        }
    }
    let together = peaks.len().div_ceil(most.max(1)).max(1);
    let mut edges: Vec<usize> = peaks.into_iter().step_by(together).collect();
    edges.push(trace.len());
    edges.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn trace(count: usize, value: impl Fn(f64) -> f64) -> Trace {
        let mut digest = Digest::default();
        for i in 0..count {
            assert!(digest.push(i as f64, value(i as f64), None).is_ok());
        }
        Trace::new(&digest.segments().remove(0).cells, 0.0, 0.0)
    }

    /// Falls at 55, 155, … to a level that rises by `drift` per sample, with a ripple of a tenth.
    fn saw(t: f64, drift: f64) -> f64 {
        ((t + 45.0) % 100.0) + 5.0 * (t * 2.9).sin() + drift * t
    }

    #[test]
    fn every_fall_of_a_sawtooth_starts_a_range_and_a_ripple_does_not() {
        for drift in [0.0, 0.05, -0.05] {
            let ranges = find(&trace(1000, |t| saw(t, drift)), 128);
            assert_eq!(ranges.len(), 10, "{drift}: {ranges:?}");
            for (k, range) in ranges.iter().enumerate() {
                assert!(range.start.abs_diff(55 + 100 * k) <= 5, "{drift}: {ranges:?}");
            }
            assert_eq!(ranges.last().map(|range| range.end), Some(1000));
        }
    }

    #[test]
    fn many_collections_share_ranges_and_what_never_falls_has_none() {
        let ranges = find(&trace(5000, |t| saw(t, 0.0)), 16);
        assert_eq!(ranges.len(), 13, "{ranges:?}");
        assert!(find(&trace(1000, |t| t), 128).is_empty());
        assert!(find(&trace(1000, |_| 7.0), 128).is_empty());
        assert!(find(&Trace::default(), 128).is_empty());
    }
}
