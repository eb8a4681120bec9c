//! Absolute deadlines of the samples.
//!
//! Tick `k` is due at `k · interval` after the first, whatever the ticks before it did, so that lateness does not
//! add up. A tick that is missed altogether is left out and counted; it is never made up for by two readings later.

/// The deadlines of one run. Time is given, not read.
#[derive(Debug, Clone, PartialEq)]
pub struct Ticker {
    first_s: f64,
    interval_s: f64,
    next: u64,
}

/// A tick that is due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Due {
    /// Number of the tick, from 0, missed ones included.
    pub tick: u64,
    /// How many ticks before it were missed.
    pub missed: u64,
    /// How late the reading begins, in seconds.
    pub late_s: f64,
}

impl Ticker {
    /// Ticks every `interval_s` seconds from `first_s` on.
    #[must_use]
    pub fn new(first_s: f64, interval_s: f64) -> Self {
        Self { first_s, interval_s, next: 0 }
    }

    /// When the next tick is due, in seconds of the run.
    #[must_use]
    pub fn deadline_s(&self) -> f64 {
        self.first_s + self.next as f64 * self.interval_s
    }

    /// The tick that is due at `now_s`, if any; the one after it becomes the next.
    pub fn due(&mut self, now_s: f64) -> Option<Due> {
        let late_s = now_s - self.deadline_s();
        if !(late_s >= 0.0) {
            return None;
        }
        let missed = (late_s / self.interval_s).floor();
        // A clock that was wrong by more than 2^53 ticks has no meaning; the cast saturates.
        let missed = missed as u64;
        let tick = self.next.saturating_add(missed);
        let late_s = now_s - (self.first_s + tick as f64 * self.interval_s);
        self.next = tick.saturating_add(1);
        Some(Due { tick, missed, late_s: late_s.max(0.0) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lateness_does_not_add_up() {
        let mut ticker = Ticker::new(0.0, 1.0);
        for k in 0..1000 {
            let now_s = f64::from(k) + 0.3;
            assert!(ticker.due(f64::from(k) - 0.001).is_none());
            let due = ticker.due(now_s).expect("due");
            assert_eq!((due.tick, due.missed), (k as u64, 0));
        }
    }

    #[test]
    fn ticks_that_were_slept_through_are_counted_and_not_made_up_for() {
        let mut ticker = Ticker::new(10.0, 0.5);
        assert_eq!(ticker.due(10.0).map(|due| (due.tick, due.missed)), Some((0, 0)));
        assert_eq!(ticker.due(12.1).map(|due| (due.tick, due.missed)), Some((4, 3)));
        assert!(ticker.due(12.2).is_none());
        assert_eq!(ticker.deadline_s(), 12.5);
    }

    proptest! {
        #[test]
        fn ticks_and_missed_ticks_add_up(times in proptest::collection::vec(0.0_f64..100.0, 1..200)) {
            let mut times = times;
            times.sort_by(f64::total_cmp);
            let mut ticker = Ticker::new(0.0, 0.25);
            let (mut seen, mut missed, mut last) = (0, 0, None);
            for now_s in times {
                if let Some(due) = ticker.due(now_s) {
                    seen += 1;
                    missed += due.missed;
                    prop_assert!(due.late_s < 0.25 + 1e-9);
                    last = Some(due.tick);
                }
            }
            prop_assert_eq!(last, Some(seen + missed - 1));
        }
    }
}
