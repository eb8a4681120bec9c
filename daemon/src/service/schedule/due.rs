//! What is due now, and what a service does that was down for a while or whose clock jumped.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use soakd_profiles::units;

use super::{Missed, Occurrence, Schedule};

/// A start that is at most this late is on time, and no matter of what was missed: an upgrade takes as long.
pub const ON_TIME: Duration = Duration::from_secs(300);

/// The clock may be set back by as much without a schedule forgetting what it did. By more, and it was wrong before.
const SET_BACK_S: i64 = 86_400;

/// Missed starts are counted so far.
pub const MOST_COUNTED: u32 = 100;

/// How far a schedule has come: what the service keeps on disk for each, by its name, in the same transaction in which it
/// queues what is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handled {
    /// Cron expression and zone. Those that are planned by another one were not missed.
    pub plan: String,
    /// What is planned up to here is done with.
    pub until: Timestamp,
    /// How far it had come when the clock was set back by more than a day, in the order of time: where the clock gets there
    /// again, as on a board that begins in 1970 until it is told the time, all of that is done with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ahead: Vec<Timestamp>,
}

/// A clock that is set back more often than this before it gets anywhere again is not followed.
const MOST_AHEAD: usize = 8;

impl Handled {
    /// Takes note that the clock is back at `now`, from where it was.
    fn set_back(&mut self, now: Timestamp) {
        self.ahead.push(self.until);
        self.ahead.sort_unstable();
        self.ahead.dedup();
        let too_many = self.ahead.len().saturating_sub(MOST_AHEAD);
        self.ahead.drain(..too_many);
        self.until = now;
    }

    /// Takes note of what the clock has reached again.
    fn catch_up(&mut self, now: Timestamp) {
        let reached = self.ahead.partition_point(|ahead| *ahead <= now);
        if let Some(last) = self.ahead.drain(..reached).next_back() {
            self.until = self.until.max(last);
        }
    }
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// What is to be run. The queue takes an occurrence that it has had before as done: that is how nothing runs twice where
    /// the clock was set back by more than a day.
    pub run: Option<Occurrence>,
    /// How late its start is.
    pub late: Duration,
    /// Planned starts that were missed and that nothing is run for, or that one run stands for together with its own;
    /// counted up to [`MOST_COUNTED`].
    pub missed: u32,
    /// What is to be kept.
    pub handled: Handled,
    /// The next start, with jitter, and its planned time: when to ask again at the latest.
    pub next: Option<Start>,
    /// What is out of the ordinary, in a sentence; told once.
    pub told: Option<String>,
}

/// A start to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Without jitter.
    pub planned: Timestamp,
    /// With jitter.
    pub at: Timestamp,
}

impl Schedule {
    /// What is to be done at `now`. `handled` is what was kept the last time; `None` for a schedule that is seen for the first
    /// time, which has missed nothing.
    ///
    /// Asked at any times, in any order, before and after a restart, each planned time is handed out at most once as long as
    /// what is handed out is kept. Where the clock is set back by up to a day, what was done stays done, and the schedule
    /// waits until the clock has caught up. By more, and the clock is taken to have been wrong before: the schedule goes on from
    /// `now`.
    #[must_use]
    pub fn due(&self, handled: Option<&Handled>, now: Timestamp) -> Due {
        let plan = self.plan();
        let mut told = None;
        let handled = match handled.cloned() {
            None => Handled { plan, until: now, ahead: Vec::new() },
            Some(mut handled) => {
                handled.catch_up(now);
                if handled.until.as_second() - now.as_second() > SET_BACK_S {
                    told = Some(format!(
                        "the clock was set back: `{}` had come as far as {}, and goes on from now",
                        self.name,
                        self.show(handled.until)
                    ));
                    handled.set_back(now);
                } else if handled.plan != plan {
                    told = Some(format!("`{}` has other times than before, and has missed none of them", self.name));
                    handled.until = handled.until.max(now);
                } else if !self.is_enabled {
                    // What is planned while it is switched off is not missed.
                    handled.until = handled.until.max(now);
                }
                Handled { plan, ..handled }
            }
        };
        let mut due = Due { run: None, late: Duration::ZERO, missed: 0, handled, next: None, told };
        if !self.is_enabled {
            return due;
        }
        if let Some(last) = self.last_due(due.handled.until, now) {
            self.decide(&mut due, last, now);
        }
        due.next = self.planned_after(due.handled.until).map(|planned| Start { planned, at: self.start(planned) });
        due
    }

    /// Cron expression and zone, as what is kept names them.
    fn plan(&self) -> String {
        // A zone without a name is that of a system whose rules are all there is of it.
        let zone = self.zone.iana_name().unwrap_or("system");
        format!("{} {zone}", self.when.as_str())
    }

    /// The last planned time after `until` whose start has come.
    fn last_due(&self, until: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let last = self.last_planned(until, now)?;
        if self.start(last) <= now {
            return Some(last);
        }
        // Those before it start before it is planned.
        self.last_planned(until, last.checked_sub(SignedDuration::from_secs(1)).ok()?)
    }

    /// Of all the occurrences up to `last` none, or the last one, is run.
    fn decide(&self, due: &mut Due, last: Timestamp, now: Timestamp) {
        let late = |planned| Duration::try_from(now.duration_since(self.start(planned))).unwrap_or_default();
        let Some(first) = self.planned_after(due.handled.until) else { return };
        let others = self.count(first, last);
        due.late = late(last);
        due.handled.until = last;
        let is_on_time = due.late <= ON_TIME;
        let is_too_late = self.late.is_some_and(|most| due.late > most);
        let is_run = is_on_time || (self.missed == Missed::Once && !is_too_late);
        if is_run {
            due.run = Some(Occurrence { name: self.name.clone(), planned: last });
            due.missed = others;
        } else {
            due.missed = others.saturating_add(1).min(MOST_COUNTED);
        }
        if late(first) > ON_TIME {
            due.told = Some(self.sentence(due, first, last, is_on_time));
        }
    }

    /// How many are planned from `first` on and before `last`, up to [`MOST_COUNTED`].
    fn count(&self, first: Timestamp, last: Timestamp) -> u32 {
        let mut count = 0;
        let mut planned = Some(first);
        while let Some(time) = planned.filter(|time| *time < last && count < MOST_COUNTED) {
            count += 1;
            planned = self.planned_after(time);
        }
        count
    }

    fn sentence(&self, due: &Due, first: Timestamp, last: Timestamp, is_on_time: bool) -> String {
        let name = &self.name;
        let ago = units::show(Duration::from_secs(due.late.as_secs()));
        let (first, last) = (self.show(first), self.show(last));
        let times = |count: u32| match count {
            1 => "once".to_owned(),
            MOST_COUNTED.. => format!("{MOST_COUNTED} times or more"),
            count => format!("{count} times"),
        };
        let why = match (self.missed, self.late) {
            (Missed::Once, Some(most)) => format!("that is later than `late = \"{}\"` allows", units::show(most)),
            _ => "`missed = \"skip\"` says so".to_owned(),
        };
        match (&due.run, due.missed) {
            (Some(_), missed) if is_on_time => {
                let others = times(missed);
                match self.missed {
                    Missed::Once => {
                        format!("`{name}` was missed {others} since {first}; the run of now stands for that too")
                    }
                    Missed::Skip => format!("`{name}` was missed {others} since {first}; that is skipped, since {why}"),
                }
            }
            (Some(_), 0) => format!("`{name}` was missed at {last}, {ago} ago; it is caught up now"),
            (Some(_), others) => format!(
                "`{name}` was missed {} since {first}, the last time at {last}, {ago} ago; one run catches up with all",
                times(others.saturating_add(1))
            ),
            (None, 1) => format!("`{name}` was missed at {last}, {ago} ago; it is skipped, since {why}"),
            (None, missed) => format!(
                "`{name}` was missed {} since {first}, the last time at {last}, {ago} ago; all are skipped, since {why}",
                times(missed)
            ),
        }
    }

    /// A time for people, in the zone of the schedule.
    fn show(&self, time: Timestamp) -> String {
        time.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string()
    }
}
