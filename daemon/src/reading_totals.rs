//! What reading targets has cost this process so far, over all of its runs: a daemon tells it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

static READING_NANOS: AtomicU64 = AtomicU64::new(0);
static LATE_TICKS: AtomicU64 = AtomicU64::new(0);

/// What it has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadingTotals {
    /// Time that was spent on it.
    pub reading: Duration,
    /// Ticks that were more than a tenth of their interval late.
    pub late_ticks_count: u64,
}

/// A reading took so long.
pub fn add(took: Duration) {
    READING_NANOS.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// A tick was late.
pub fn add_late_tick() {
    LATE_TICKS.fetch_add(1, Ordering::Relaxed);
}

/// All of it until now.
#[must_use]
pub fn so_far() -> ReadingTotals {
    ReadingTotals {
        reading: Duration::from_nanos(READING_NANOS.load(Ordering::Relaxed)),
        late_ticks_count: LATE_TICKS.load(Ordering::Relaxed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_in_the_totals() {
        // Other tests of this process add to them too.
        let before = so_far();
        add(Duration::from_millis(3));
        add_late_tick();
        let after = so_far();
        assert!(after.reading >= before.reading + Duration::from_millis(3));
        assert!(after.late_ticks_count > before.late_ticks_count);
    }
}
