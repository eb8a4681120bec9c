//! How much of a leak is due: a pure function of time and operations.

use std::time::Duration;

use super::quantity::{ByteCount, Pace};
use super::spec::LeakSpec;

/// Above this every leak stops: far beyond any limit, and exact when it becomes an integer.
const CEILING: f64 = (1_u64 << 52) as f64;

fn paced<A>(pace: &Pace<A>, amount: f64, elapsed_s: f64, operations: u64) -> f64 {
    match pace.per.seconds() {
        None => amount * operations as f64,
        Some(seconds) => amount * elapsed_s / seconds,
    }
}

fn bytes(size: ByteCount) -> f64 {
    size.0 as f64
}

impl LeakSpec {
    /// How much should have leaked: bytes, descriptors or threads, never negative, finite, fractions included.
    ///
    /// `elapsed_s` counts from the start of the service. `operations` are those since [`LeakSpec::onset`].
    #[must_use]
    pub fn due(&self, elapsed_s: f64, operations: u64) -> f64 {
        let since = |at: &Duration| elapsed_s - at.as_secs_f64();
        let due = match self {
            Self::Linear(pace) => paced(pace, bytes(pace.amount), elapsed_s, operations),
            Self::Exponential { size, doubling } => bytes(*size) * ((elapsed_s / doubling.as_secs_f64()).exp2() - 1.0),
            Self::Cyclic { size, period } => bytes(*size) * (elapsed_s / period.as_secs_f64()).fract(),
            Self::Burst { size, at, hold } => {
                let is_held = since(at) >= 0.0 && since(at) < hold.as_secs_f64();
                if is_held { bytes(*size) } else { 0.0 }
            }
            Self::Step { size, at } => {
                if since(at) >= 0.0 {
                    bytes(*size)
                } else {
                    0.0
                }
            }
            Self::Saturating { size, tau } => bytes(*size) * -(-elapsed_s / tau.as_secs_f64()).exp_m1(),
            Self::Late { pace, at } => {
                let late_s = since(at);
                if late_s >= 0.0 { paced(pace, bytes(pace.amount), late_s, operations) } else { 0.0 }
            }
            Self::Descriptors(pace) | Self::Threads(pace) => paced(pace, pace.amount, elapsed_s, operations),
        };
        due.clamp(0.0, CEILING)
    }

    /// From when on operations count for this leak.
    #[must_use]
    pub fn onset(&self) -> Duration {
        match self {
            Self::Late { at, .. } => *at,
            Self::Linear(_)
            | Self::Exponential { .. }
            | Self::Cyclic { .. }
            | Self::Burst { .. }
            | Self::Step { .. }
            | Self::Saturating { .. }
            | Self::Descriptors(_)
            | Self::Threads(_) => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: f64 = 1_048_576.0;

    fn due(leak: &str, elapsed_s: f64, operations: u64) -> f64 {
        leak.parse::<LeakSpec>().expect("a leak").due(elapsed_s, operations)
    }

    #[test]
    fn rates_follow_operations_or_time_and_nothing_else() {
        assert_eq!(due("linear:64B/op", 1e6, 10), 640.0);
        assert_eq!(due("linear:1MiB/s", 2.5, 99), 2.5 * MIB);
        assert_eq!(due("linear:1MiB/h", 1800.0, 99), 0.5 * MIB);
        assert_eq!(due("descriptors:0.5/op", 1e6, 10), 5.0);
        assert_eq!(due("threads:30/m", 4.0, 99), 2.0);
    }

    #[test]
    fn an_exponential_leak_doubles_its_growth() {
        assert_eq!(due("exponential:1MiB/30s", 0.0, 0), 0.0);
        assert_eq!(due("exponential:1MiB/30s", 30.0, 0), MIB);
        assert_eq!(due("exponential:1MiB/30s", 60.0, 0), 3.0 * MIB);
        assert_eq!(due("exponential:1MiB/30s", 1e9, 0), CEILING, "it stops instead of becoming infinite");
    }

    #[test]
    fn bounded_growth_comes_back_or_stops() {
        assert_eq!(due("cyclic:1MiB/10s", 5.0, 0), 0.5 * MIB);
        assert_eq!(due("cyclic:1MiB/10s", 10.0, 0), 0.0);
        assert_eq!(due("burst:1MiB@10s+2s", 9.9, 0), 0.0);
        assert_eq!(due("burst:1MiB@10s+2s", 10.0, 0), MIB);
        assert_eq!(due("burst:1MiB@10s+2s", 12.0, 0), 0.0);
        assert_eq!(due("step:1MiB@10s", 9.9, 0), 0.0);
        assert_eq!(due("step:1MiB@10s", 1e9, 0), MIB);
        assert!((due("saturating:1MiB/10s", 10.0, 0) / MIB - 0.632).abs() < 0.001);
        assert_eq!(due("saturating:1MiB/10s", 1e9, 0), MIB);
    }

    #[test]
    fn a_late_leak_begins_at_its_time() {
        assert_eq!(due("late:1MiB/s@10s", 10.0, 0), 0.0);
        assert_eq!(due("late:1MiB/s@10s", 12.0, 0), 2.0 * MIB);
        assert_eq!(due("late:1KiB/op@10s", 12.0, 3), 3.0 * 1024.0);
    }

    proptest! {
        #[test]
        fn what_is_due_is_finite_and_unbounded_leaks_never_shrink(
            leak in prop_oneof![
                Just("linear:64B/op"), Just("exponential:1MiB/1s"), Just("late:1GiB/s@1h"), Just("descriptors:3/s"),
                Just("threads:2/h"), Just("linear:1GiB/s"),
            ],
            earlier_s in 0.0..1e7_f64,
            more_s in 0.0..1e7_f64,
            operations in 0..u64::MAX / 2,
            more in 0..u64::MAX / 2,
        ) {
            let before = due(leak, earlier_s, operations);
            let after = due(leak, earlier_s + more_s, operations + more);
            prop_assert!(before.is_finite() && before >= 0.0);
            prop_assert!(after >= before);
        }
    }
}
