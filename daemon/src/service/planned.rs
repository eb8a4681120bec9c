//! The entries of the schedule, and how far each has come.

use std::rc::Rc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::config::{Config, ScheduleEntry};
use super::jobs::Scheduled;
use super::schedule::{Handled, Schedule};
use super::status::Planned;
use super::submission::Submission;
use crate::store::Store;

/// One entry.
#[derive(Debug)]
struct Entry {
    entry: ScheduleEntry,
    schedule: Schedule,
    handled: Option<Handled>,
    next: Option<Timestamp>,
    last_job: Option<u64>,
}

/// A start that is due.
#[derive(Debug)]
pub struct DueJob {
    /// What is to be soaked.
    pub submission: Submission,
    /// Which entry, and for when.
    pub scheduled: Scheduled,
}

/// What is out of the ordinary about an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Its name.
    pub name: String,
    /// In a sentence: starts that were missed, a clock that was set back.
    pub text: String,
    /// Whether starts were missed.
    pub is_missed: bool,
}

/// What a look at the schedule gave.
#[derive(Debug, Default)]
pub struct Looked {
    /// What is to be queued.
    pub due: Vec<DueJob>,
    /// What is out of the ordinary.
    pub told: Vec<Remark>,
}

/// All entries.
#[derive(Debug)]
pub struct Schedules {
    store: Rc<Store>,
    entries: Vec<Entry>,
}

impl Schedules {
    /// Those of `config`, as far as they have come by the store. `host` tells this host from others with the same file.
    #[must_use]
    pub fn new(store: Rc<Store>, config: &Config, host: &str) -> Self {
        let system = TimeZone::system();
        let entries = config.schedules.iter().map(|entry| {
            let kept = store.schedule(&entry.name).unwrap_or_else(|error| {
                tracing::warn!(schedule = entry.name, %error, "how far it has come is not known");
                None
            });
            Entry {
                schedule: Schedule::new(entry, &system, host),
                handled: kept.and_then(|kept| serde_json::from_str(&kept).ok()),
                next: None,
                last_job: store.last_job_of_schedule(&entry.name).ok().flatten(),
                entry: entry.clone(),
            }
        });
        let entries = entries.collect();
        Self { store, entries }
    }

    /// What is due at `now`.
    pub fn look(&mut self, now: Timestamp) -> Looked {
        let mut looked = Looked::default();
        for entry in &mut self.entries {
            let due = entry.schedule.due(entry.handled.as_ref(), now);
            entry.next = due.next.map(|next| next.at);
            if let Some(text) = due.told {
                looked.told.push(Remark { name: entry.entry.name.clone(), text, is_missed: due.missed > 0 });
            }
            let document = serde_json::to_string(&due.handled).ok();
            if let Some(occurrence) = due.run {
                // Kept together with the job.
                let scheduled =
                    Scheduled { name: occurrence.name, planned: Some(occurrence.planned), handled: document };
                looked.due.push(DueJob { submission: entry.entry.submission(), scheduled });
            } else if entry.handled.as_ref() != Some(&due.handled)
                && let Some(document) = document
                && let Err(error) = self.store.set_schedule(&entry.entry.name, &document)
            {
                tracing::warn!(schedule = entry.entry.name, %error, "how far it has come is not kept");
            }
            entry.handled = Some(due.handled);
        }
        looked
    }

    /// The entry `name` asks for a job besides its times.
    #[must_use]
    pub fn besides(&self, name: &str) -> Option<DueJob> {
        let entry = self.entries.iter().find(|entry| entry.entry.name == name)?;
        let scheduled = Scheduled { name: name.to_owned(), planned: None, handled: None };
        Some(DueJob { submission: entry.entry.submission(), scheduled })
    }

    /// The last job of the entry `name` is this one.
    pub fn queued(&mut self, name: &str, job: u64) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.entry.name == name) {
            entry.last_job = Some(job);
        }
    }

    /// When something is due next.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.entries.iter().filter_map(|entry| entry.next).min()
    }

    /// What is shown of it: soonest first.
    #[must_use]
    pub fn shown(&self) -> Vec<Planned> {
        let mut shown: Vec<Planned> = self
            .entries
            .iter()
            .map(|entry| Planned {
                name: entry.entry.name.clone(),
                when: entry.entry.when.as_str().to_owned(),
                time_zone: entry.schedule.zone().iana_name().unwrap_or("the host's").to_owned(),
                submission: entry.entry.submission(),
                is_enabled: entry.entry.is_enabled,
                next: entry.next,
                last_job: entry.last_job,
            })
            .collect();
        shown.sort_by_key(|planned| (planned.next.is_none(), planned.next));
        shown
    }
}
