//! What reading costs: the sampler reports itself.

use std::time::Duration;

/// Steps for each doubling: a quantile is at most a quarter too large.
const STEPS_PER_DOUBLING: u32 = 4;
/// From 1 ns to more than 500 s.
const STEPS: usize = 40 * STEPS_PER_DOUBLING as usize;

/// How long reads of one source took: count, sum, longest, and a histogram for quantiles. Its size is fixed.
///
/// Sources of a microsecond are timed by the sweep over all members, which then counts as that many equal reads:
/// a look at the clock would cost a tenth of the read. Walks through address spaces are timed one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadCost {
    count: u64,
    total: Duration,
    longest: Duration,
    histogram: [u64; STEPS],
}

impl Default for ReadCost {
    fn default() -> Self {
        Self { count: 0, total: Duration::ZERO, longest: Duration::ZERO, histogram: [0; STEPS] }
    }
}

impl ReadCost {
    /// Takes in `count` reads that took `total` together. Nothing for a count of zero.
    pub fn record(&mut self, count: u32, total: Duration) {
        if count == 0 {
            return;
        }
        let each = total / count;
        self.count += u64::from(count);
        self.total += total;
        self.longest = self.longest.max(each);
        self.histogram[step_of(each)] += u64::from(count);
    }

    /// Number of reads.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Time spent in all reads together.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.total
    }

    /// The longest read; for sources timed by the sweep, the longest mean of one sweep.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The duration that the share `ratio` of the reads (0.5 for the median) did not exceed, rounded up by at most a
    /// quarter; `None` before the first read or for a share outside of 0 to 1.
    #[must_use]
    pub fn quantile(&self, ratio: f64) -> Option<Duration> {
        if self.count == 0 || !(0.0..=1.0).contains(&ratio) {
            return None;
        }
        let wanted = crate::fields::as_reading(self.count) * ratio;
        let mut below = 0;
        for (step, count) in self.histogram.iter().enumerate() {
            below += count;
            if below > 0 && crate::fields::as_reading(below) >= wanted {
                return Some(end_of(step).min(self.longest));
            }
        }
        Some(self.longest)
    }
}

/// The step that holds `duration`.
fn step_of(duration: Duration) -> usize {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).max(1);
    let doubling = nanos.ilog2();
    // The two bits below the highest one split the doubling in four.
    let quarter = (nanos << (63 - doubling) >> 61) & 3;
    let step = doubling * STEPS_PER_DOUBLING + u32::try_from(quarter).unwrap_or(0);
    (step as usize).min(STEPS - 1)
}

/// The end of a step.
fn end_of(step: usize) -> Duration {
    let step = step as u64 + 1;
    let (doubling, quarter) = (step / u64::from(STEPS_PER_DOUBLING), step % u64::from(STEPS_PER_DOUBLING));
    Duration::from_nanos(((4 + quarter) << doubling) / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_read_has_no_quantile() {
        let mut cost = ReadCost::default();
        cost.record(0, Duration::from_secs(1));
        assert_eq!((cost.count(), cost.quantile(0.5)), (0, None));
    }

    #[test]
    fn quantiles_come_from_all_reads() {
        let mut cost = ReadCost::default();
        cost.record(98, Duration::from_nanos(98_000));
        cost.record(2, Duration::from_micros(200));
        assert_eq!(cost.count(), 100);
        assert_eq!(cost.longest(), Duration::from_micros(100));
        assert_eq!(cost.total(), Duration::from_nanos(298_000));
        let median = cost.quantile(0.5).unwrap();
        assert!(median >= Duration::from_nanos(1000) && median <= Duration::from_nanos(1250), "{median:?}");
        assert_eq!(cost.quantile(0.99), Some(Duration::from_micros(100)));
        assert_eq!(cost.quantile(f64::NAN), None);
    }

    proptest! {
        #[test]
        fn a_quantile_is_at_most_a_quarter_too_large(nanos in 4_u64..500_000_000_000) {
            let end = end_of(step_of(Duration::from_nanos(nanos)));
            prop_assert!(end >= Duration::from_nanos(nanos));
            prop_assert!(end <= Duration::from_nanos(nanos + nanos / 4 + 1), "{nanos} {end:?}");
        }
    }
}
