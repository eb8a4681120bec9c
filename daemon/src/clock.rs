//! The only reader of clocks.
//!
//! Everything else is given times: seconds since the start of the run on the monotonic clock, and wall time once,
//! for people.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// The clock of one run; it starts at zero.
#[derive(Debug, Clone, Copy)]
pub struct RunClock {
    start: Instant,
    asleep_at_start_s: f64,
}

/// Times of a run are multiples of one part of this many of a second. Nothing happens faster that is told apart by its time, and
/// what is kept of many times takes half the room.
const PARTS_PER_S: f64 = (1 << 20) as f64;

fn seconds(id: ClockId) -> f64 {
    let now = clock_gettime(id);
    now.tv_sec as f64 + now.tv_nsec as f64 * 1e-9
}

/// Seconds that the host has been suspended since it booted.
fn asleep_s() -> f64 {
    seconds(ClockId::Boottime) - seconds(ClockId::Monotonic)
}

/// Now, in nanoseconds of the clock by which probes stamp what they mark.
#[must_use]
pub fn monotonic_nanos() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

impl RunClock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { start: Instant::now(), asleep_at_start_s: asleep_s() }
    }

    /// Seconds since the start, in steps of just under a microsecond; time that the host was suspended does not count.
    #[must_use]
    pub fn t_s(&self) -> f64 {
        (self.since_start().as_secs_f64() * PARTS_PER_S).floor() / PARTS_PER_S
    }

    /// The same, as exactly as the host tells: for what things cost, and not for when they happened.
    #[must_use]
    pub fn since_start(&self) -> Duration {
        self.start.elapsed()
    }

    /// Seconds that the host was suspended since the start.
    #[must_use]
    pub fn suspended_s(&self) -> f64 {
        (asleep_s() - self.asleep_at_start_s).max(0.0)
    }

    /// The instant `t_s` seconds after the start.
    #[must_use]
    pub fn instant(&self, t_s: f64) -> Instant {
        self.start + Duration::try_from_secs_f64(t_s).unwrap_or(Duration::ZERO)
    }

    /// How long until `t_s`; zero if it has passed.
    #[must_use]
    pub fn until(&self, t_s: f64) -> Duration {
        self.instant(t_s).saturating_duration_since(Instant::now())
    }
}

/// A stopwatch for the cost of single reads.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts one.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since it was started.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The wall clock, for people and file names.
#[must_use]
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_parts_and_never_fall() {
        let clock = RunClock::start();
        let mut last_s = 0.0;
        for _ in 0..1000 {
            let t_s = clock.t_s();
            assert!(t_s >= last_s && (t_s * PARTS_PER_S).fract() == 0.0, "{t_s}");
            last_s = t_s;
        }
    }
}
