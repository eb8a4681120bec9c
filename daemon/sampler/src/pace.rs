//! How often something dear may be done: so rarely that it takes no more than its share of the time.

use std::time::Duration;

/// Keeps something within a share of time. Time is given, not read.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    share_ratio: f64,
    not_before: Duration,
    pause: Duration,
}

impl Pace {
    /// For a share of `share_ratio`, 0 to 1, of the time. The first time is at once.
    pub(crate) fn new(share_ratio: f64) -> Self {
        Self { share_ratio, not_before: Duration::ZERO, pause: Duration::ZERO }
    }

    /// Whether it may be done at `now`; if not, how long it pauses at present.
    pub(crate) fn may_start(&self, now: Duration) -> Result<(), Duration> {
        if now < self.not_before { Err(self.pause) } else { Ok(()) }
    }

    /// It was done, ended at `now`, and `took` so long.
    pub(crate) fn ended(&mut self, now: Duration, took: Duration) {
        self.pause = Duration::try_from_secs_f64(took.as_secs_f64() / self.share_ratio).unwrap_or(Duration::MAX);
        self.not_before = now.saturating_add(self.pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_is_done_rarely() {
        let mut pace = Pace::new(0.01);
        assert_eq!(pace.may_start(Duration::ZERO), Ok(()));
        pace.ended(Duration::from_millis(20), Duration::from_millis(20));
        assert_eq!(pace.may_start(Duration::from_secs(2)), Err(Duration::from_secs(2)));
        assert_eq!(pace.may_start(Duration::from_millis(2020)), Ok(()));
    }

    #[test]
    fn a_share_of_nothing_is_never_again() {
        let mut pace = Pace::new(0.0);
        pace.ended(Duration::ZERO, Duration::from_nanos(1));
        assert_eq!(pace.may_start(Duration::from_secs(1 << 40)), Err(Duration::MAX));
    }

    #[test]
    fn a_clock_that_leaps_ahead_or_back_stops_nothing_for_good() {
        let mut pace = Pace::new(0.1);
        pace.ended(Duration::from_secs(100), Duration::from_secs(1));
        // The host slept for a day: it is due, once.
        assert_eq!(pace.may_start(Duration::from_secs(86_500)), Ok(()));
        pace.ended(Duration::from_secs(86_501), Duration::from_secs(1));
        assert_eq!(pace.may_start(Duration::from_secs(86_502)), Err(Duration::from_secs(10)));
    }
}
