//! What the daemon is told to do: by the API, and by the service manager.

use std::rc::Rc;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::Supervisor;
use crate::clock;
use crate::service::config::Config;
use crate::service::handle::{Order, Refusal};
use crate::service::planned::Schedules;
use crate::service::planning;
use crate::service::runs::Of;
use crate::service::status::{Job, LiveEvent};
use crate::service::submission::Submission;

impl Supervisor {
    pub(super) fn obey(&mut self, order: Order) {
        let now = clock::now();
        match order {
            Order::Submit { submission, reply } => answer(reply, self.submit(*submission, now)),
            Order::Cancel { which, by, reply } => answer(reply, self.cancel(&which, &by, now)),
            Order::Trigger { name, reply } => answer(reply, self.trigger(&name, now)),
            Order::Reload { reply } => {
                let reloaded = self.reload();
                answer(reply, reloaded);
            }
        }
    }

    pub(super) fn submit(&mut self, submission: Submission, now: Timestamp) -> Result<Job, Refusal> {
        self.refuse_if_full()?;
        // What cannot run is refused at once, rather than when nobody looks any more.
        let plan = planning::plan(&submission, &self.config)?;
        let name = submission.name.clone().unwrap_or_else(|| plan.profile.name.clone());
        let job = self.jobs.add(submission, name, None, now)?;
        job.ok_or_else(|| Refusal::Conflict("it was queued before".to_owned()))
    }

    pub(super) fn trigger(&mut self, name: &str, now: Timestamp) -> Result<Job, Refusal> {
        self.refuse_if_full()?;
        let due = self.schedules.besides(name);
        let due = due.ok_or_else(|| Refusal::NotFound(format!("the schedule has no entry `{name}`")))?;
        let job = self.jobs.add(due.submission, name.to_owned(), Some(due.scheduled), now)?;
        let job = job.ok_or_else(|| Refusal::Conflict("it was queued before".to_owned()))?;
        self.schedules.queued(name, job.id);
        Ok(job)
    }

    pub(super) fn refuse_if_full(&self) -> Result<(), Refusal> {
        let waiting = self.jobs.waiting().len() as u64;
        if waiting >= u64::from(self.config.limits.queued) { Err(Refusal::QueueFull(waiting)) } else { Ok(()) }
    }

    pub(super) fn cancel(&mut self, which: &str, by: &str, now: Timestamp) -> Result<Job, Refusal> {
        let job = self.jobs.find(which)?.ok_or_else(|| Refusal::NotFound(format!("there is no job `{which}`")))?;
        if let Some(job) = self.jobs.cancel_queued(job.id, by, now) {
            return Ok(job);
        }
        if self.runs.end(&Of::Job(job.id), &format!("cancelled by {by}")) {
            tracing::info!(job = job.id, name = job.name, "the run is ended, cancelled by {by}");
            self.cancelled.insert(job.id, by.to_owned());
            return Ok(job);
        }
        Err(Refusal::Conflict(format!("job {} has ended", job.id)))
    }

    /// Reads the configuration again; where the new one is wrong the old one goes on.
    pub(super) fn reload(&mut self) -> Result<Vec<String>, Refusal> {
        let new = Config::load(&self.config_file, self.when_missing).map_err(|error| Refusal::Invalid {
            message: error.to_string(),
            hint: Some("the configuration as it was before goes on to hold".to_owned()),
        })?;
        let changes: Vec<String> = Config::difference(&self.config, &new).iter().map(ToString::to_string).collect();
        self.config = new;
        self.handle.board().set_profile_folders(self.config.daemon.profiles.clone());
        self.schedules = Schedules::new(Rc::clone(&self.store), &self.config, &self.host);
        self.configure_watches();
        for change in &changes {
            tracing::info!("reloaded: {change}");
        }
        if changes.is_empty() {
            tracing::info!("reloaded: nothing has changed");
        }
        self.handle.board().tell(LiveEvent::Reloaded);
        Ok(changes)
    }

    pub(super) fn reload_for_manager(&mut self) {
        self.notify.reloading();
        let refused = self.reload().err();
        let mut remarks = Vec::new();
        if let Some(refusal) = &refused {
            tracing::error!("the new configuration is refused and the old one goes on: {refusal}");
            remarks.push(format!("a new configuration was refused: {refusal}"));
        }
        self.handle.board().update(|status| {
            status.daemon.remarks.retain(|remark| !remark.starts_with("a new configuration"));
            status.daemon.remarks.extend(remarks);
        });
        self.notify.ready(&self.status);
    }
}

pub(super) fn answer<T>(reply: oneshot::Sender<Result<T, Refusal>>, result: Result<T, Refusal>) {
    // Who asked may have gone.
    let _ = reply.send(result);
}

pub(super) fn refuse(order: Order) {
    match order {
        Order::Submit { reply, .. } | Order::Cancel { reply, .. } | Order::Trigger { reply, .. } => {
            answer(reply, Err(Refusal::Stopping));
        }
        Order::Reload { reply } => answer(reply, Err(Refusal::Stopping)),
    }
}
