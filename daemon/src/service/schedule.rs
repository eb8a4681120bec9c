//! When runs are due, and what becomes of those that were missed. Pure: the time is handed in, and what has to be
//! remembered is handed out.
//!
//! | module | what it holds |
//! |---|---|
//! | [`when`] | cron expressions |
//! | [`due`] | what a service that was down, or whose clock jumped, does now |
//! | `planned` | what they mean where clocks change |
//! | `jitter` | by how much a start is put off |
//!
//! **Identity.** An occurrence is known by its schedule's name and its planned time, which is that of the cron expression,
//! without jitter. It is handled once: run, or found to be missed and skipped.
//!
//! **Clocks that change.** A planned time is an instant. Where clocks are set forward, a time that does not exist is due
//! right after the gap, and all the times of one gap are one occurrence; an expression that goes on all the time (`*` or
//! steps in the second, minute or hour) has nothing to make up for. Where clocks are set back, a fixed time that exists twice
//! is due at the first of them, and an expression that goes on all the time goes on through both.

pub mod due;
mod jitter;
mod planned;
pub mod when;

use std::fmt;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use due::{Due, Handled};
pub use when::{When, WhenError};

use crate::service::config::ScheduleEntry;

/// What becomes of starts that were missed: the service was down, the host slept, the clock jumped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// One run for all of them.
    Once,
    /// None.
    Skip,
}

impl Missed {
    /// The words of the file.
    pub const ALL: &'static [(&'static str, Self)] = &[("once", Self::Once), ("skip", Self::Skip)];
}

/// One planned time of one schedule: what is run at most once.
///
/// It prints as `nightly@2026-06-02T00:30:00Z`, which no two of them have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Occurrence {
    /// The name of the schedule.
    pub name: String,
    /// The planned time, without jitter.
    pub planned: Timestamp,
}

impl fmt::Display for Occurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.planned)
    }
}

/// A schedule with all that decides about its starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    name: String,
    when: When,
    zone: TimeZone,
    /// Whole seconds.
    jitter_s: i64,
    seed: u64,
    missed: Missed,
    late: Option<Duration>,
    is_enabled: bool,
}

impl Schedule {
    /// The schedule of `entry`. `system` is the time zone where it names none; `host` tells this host from others with the
    /// same file, so that jitter keeps their starts apart.
    #[must_use]
    pub fn new(entry: &ScheduleEntry, system: &TimeZone, host: &str) -> Self {
        Self {
            name: entry.name.clone(),
            when: entry.when.clone(),
            zone: entry.time_zone.clone().unwrap_or_else(|| system.clone()),
            jitter_s: i64::try_from(entry.jitter.as_secs()).unwrap_or(i64::MAX),
            seed: jitter::seed(&entry.name, host),
            missed: entry.missed,
            late: entry.late,
            is_enabled: entry.is_enabled,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The zone of its times.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The first start after `now`, with jitter; `None` where it is switched off, and at the end of time.
    #[must_use]
    pub fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        if !self.is_enabled {
            return None;
        }
        // A start lies before the next planned time: of those planned already only the last one can still be ahead.
        let put_off = self.last_planned(seconds_before(now, self.jitter_s), now).map(|planned| self.start(planned));
        put_off.filter(|start| *start > now).or_else(|| self.planned_after(now).map(|planned| self.start(planned)))
    }

    /// When the occurrence that is planned at `planned` begins: there, or up to the jitter later, and before the next one is
    /// planned.
    #[must_use]
    pub fn start(&self, planned: Timestamp) -> Timestamp {
        if self.jitter_s == 0 {
            return planned;
        }
        let until_next = self.planned_after(planned).map(|next| next.as_second() - planned.as_second());
        let window_s = until_next.map_or(self.jitter_s, |until_next| until_next.min(self.jitter_s));
        let put_off = SignedDuration::from_secs(jitter::offset_s(self.seed, planned.as_second(), window_s));
        planned.checked_add(put_off).unwrap_or(planned)
    }

    /// The first planned time after `time`.
    fn planned_after(&self, time: Timestamp) -> Option<Timestamp> {
        planned::after(&self.when, &self.zone, time)
    }

    /// The last planned time after `after` and up to `until`.
    ///
    /// Found by halving, so that a service that wakes up in another century counts nothing; and always by looking forward, so
    /// that the same planned time is found from wherever it is looked for. About 30 steps.
    fn last_planned(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let mut last = self.planned_after(after).filter(|planned| *planned <= until)?;
        let mut none_after_s = until.as_second() + 1;
        while none_after_s - last.as_second() > 1 {
            let middle_s = last.as_second() + (none_after_s - last.as_second()) / 2;
            let Ok(middle) = Timestamp::from_second(middle_s) else { break };
            match self.planned_after(middle).filter(|planned| *planned <= until) {
                Some(planned) => last = planned,
                None => {
                    none_after_s = middle_s + 1;
                    match self.planned_after(last).filter(|planned| *planned <= until) {
                        Some(planned) => last = planned,
                        None => break,
                    }
                }
            }
        }
        Some(last)
    }
}

fn seconds_before(time: Timestamp, seconds: i64) -> Timestamp {
    time.checked_sub(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests;
