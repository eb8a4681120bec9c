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
}

/// Times of a run are multiples of one part of this many of a second. Nothing happens faster that is told apart by its time, and
/// what is kept of many times takes half the room.
const PARTS_PER_S: f64 = (1 << 20) as f64;

fn seconds(id: ClockId) -> f64 {
    let now = clock_gettime(id);
    now.tv_sec as f64 + now.tv_nsec as f64 * 1e-9
}

/// What the clocks of the host say at about one moment. By comparing two of them it shows what happened to the host in between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HostClocks {
    /// The clock that stands still while the host is suspended, before the others were read and after.
    monotonic_s: (f64, f64),
    /// The clock that goes on meanwhile.
    boottime_s: f64,
    /// The wall clock, which somebody may set.
    wall_s: f64,
}

/// What is less than this is nothing: clocks are corrected in small steps.
const LEAST_S: f64 = 1.0;

impl HostClocks {
    /// Reads them.
    #[must_use]
    pub fn read() -> Self {
        let before_s = seconds(ClockId::Monotonic);
        let (boottime_s, wall_s) = (seconds(ClockId::Boottime), seconds(ClockId::Realtime));
        Self { monotonic_s: (before_s, seconds(ClockId::Monotonic)), boottime_s, wall_s }
    }

    /// Seconds that the host was suspended since `earlier`; 0 where it is not certain that it was, for a second at least: the thread that
    /// reads the clocks may be held up between two of them.
    #[must_use]
    pub fn suspended_s(&self, earlier: &Self) -> f64 {
        let asleep_at_least = self.boottime_s - self.monotonic_s.1;
        let asleep_at_most_before = earlier.boottime_s - earlier.monotonic_s.0;
        let suspended_s = asleep_at_least - asleep_at_most_before;
        if suspended_s > LEAST_S { suspended_s } else { 0.0 }
    }

    /// Seconds by which the wall clock was set forward since `earlier`, below zero backward; 0 where it is not certain that it was, by a
    /// second at least.
    #[must_use]
    pub fn jumped_s(&self, earlier: &Self) -> f64 {
        let unsure_s = |clocks: &Self| clocks.monotonic_s.1 - clocks.monotonic_s.0;
        let jumped_s = (self.wall_s - self.boottime_s) - (earlier.wall_s - earlier.boottime_s);
        if jumped_s.abs() > LEAST_S + unsure_s(self) + unsure_s(earlier) { jumped_s } else { 0.0 }
    }
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
        Self { start: Instant::now() }
    }

    /// The clock of a run that began so long ago and goes on after a break.
    #[must_use]
    pub fn resumed(since_start: Duration) -> Self {
        let now = Instant::now();
        Self { start: now.checked_sub(since_start).unwrap_or(now) }
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

    /// Clocks of a host that has run for so long, was suspended for so long, and has this time on the wall; read in `took_s`.
    fn clocks(ran_s: f64, suspended_s: f64, wall_s: f64, took_s: f64) -> HostClocks {
        HostClocks { monotonic_s: (ran_s, ran_s + took_s), boottime_s: ran_s + suspended_s, wall_s }
    }

    #[test]
    fn a_host_that_was_suspended_is_told_from_one_that_was_busy() {
        let before = clocks(1000.0, 50.0, 1e9, 1e-6);
        assert_eq!(clocks(1001.0, 50.0, 1e9 + 1.0, 1e-6).suspended_s(&before), 0.0);
        let slept = clocks(1001.0, 3650.0, 1e9 + 3601.0, 1e-6);
        assert!((slept.suspended_s(&before) - 3600.0).abs() < 1e-3);
        assert_eq!(slept.jumped_s(&before), 0.0, "the wall clock goes on meanwhile");
        // Held up for an hour between the first clock and the second, which looks the same to who reads each once.
        let held_up = HostClocks { monotonic_s: (1001.0, 4601.0), boottime_s: 4651.0, wall_s: 1e9 + 3601.0 };
        assert_eq!((held_up.suspended_s(&before), held_up.jumped_s(&before)), (0.0, 0.0));
        assert_eq!(clocks(4602.0, 50.0, 1e9 + 3602.0, 1e-6).suspended_s(&held_up), 0.0);
    }

    #[test]
    fn a_wall_clock_that_is_set_is_seen_and_moves_no_time_of_the_run() {
        let before = clocks(1000.0, 0.0, 1e9, 1e-6);
        for jump_s in [3600.0, -86_400.0] {
            let after = clocks(1001.0, 0.0, 1e9 + 1.0 + jump_s, 1e-6);
            assert!((after.jumped_s(&before) - jump_s).abs() < 1e-3);
            assert_eq!(after.suspended_s(&before), 0.0);
        }
        assert_eq!(clocks(1001.0, 0.0, 1e9 + 1.2, 1e-6).jumped_s(&before), 0.0, "corrected by a little");
    }

    #[test]
    fn the_clocks_of_this_host_say_that_nothing_happened_while_they_were_read() {
        let (before, after) = (HostClocks::read(), HostClocks::read());
        assert_eq!((after.suspended_s(&before), after.jumped_s(&before)), (0.0, 0.0));
    }

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
