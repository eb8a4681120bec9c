//! What becomes of a run that has ended: its job, its watch, and who is told.

use jiff::Timestamp;
use soakd_reports::{Ended as EndedWhy, Outcome, Verdict};

use super::Supervisor;
use crate::clock;
use crate::commands::soak;
use crate::exit::Failure;
use crate::logging;
use crate::run::{Ran, Soaked};
use crate::service::runs::{Ended, Of};
use crate::service::showing::Found;
use crate::service::standing::Stand;
use crate::service::status::{Job, JobState, LiveEvent};

impl Supervisor {
    pub(super) fn ended(&mut self, ended: Ended) {
        let now = clock::now();
        let Ended { of, id, reports, result } = ended;
        match of {
            Of::Job(job) => {
                self.deadlines.remove(&job);
                match result {
                    Ok(Ran::Concluded(soaked)) => self.job_concluded(job, &soaked, &reports, now),
                    // It stays as it is in the store, and the next daemon goes on with it.
                    Ok(Ran::Suspended) => {}
                    Err(failure) => self.job_failed(job, &failure, now),
                }
            }
            Of::Watch(name) => match result {
                Ok(Ran::Concluded(soaked)) => self.period_concluded(&name, &soaked.verdict, now),
                Ok(Ran::Suspended) => {}
                Err(failure) => {
                    let why = failure.messages.join("; ");
                    tracing::info!(watch = name, run = %id, "not watched for now: {why}");
                    self.watch_lost(&name, &why, now);
                    self.watches.ended(&name, Some(why), now);
                }
            },
        }
        self.tidy();
    }

    pub(super) fn job_concluded(&mut self, id: u64, soaked: &Soaked, reports: &[String], now: Timestamp) {
        if let Err(failure) = soak::write_reports_of(soaked, &self.store, reports) {
            tracing::warn!(run = soaked.verdict.run.id, "reports are missing: {}", failure.messages.join("; "));
        }
        self.conclude_job(id, &soaked.verdict, now);
    }

    pub(super) fn conclude_job(&mut self, id: u64, verdict: &Verdict, now: Timestamp) {
        let Some(job) = self.jobs.concluded(id, verdict, now) else { return };
        if let Some(by) = self.cancelled.remove(&id) {
            self.mark_cancelled(job, &by);
            return;
        }
        let subject = job.schedule.as_deref().unwrap_or(&job.name);
        let stand = Stand::Verdict { outcome: verdict.outcome };
        let run = Some(verdict.run.id.as_str());
        self.standings.take(subject, stand, &verdict.summary, run, &self.config.alerts, now);
    }

    pub(super) fn job_failed(&mut self, id: u64, failure: &Failure, now: Timestamp) {
        if let Some(by) = self.cancelled.remove(&id) {
            if let Some(job) = self.jobs.cancelled(id, Some(failure), now) {
                self.mark_cancelled(job, &by);
            }
            return;
        }
        let Some(job) = self.jobs.failed(id, failure, now) else { return };
        if job.state == JobState::Failed {
            let subject = job.schedule.as_deref().unwrap_or(&job.name);
            let (summary, run) = (failure.messages.join("; "), job.run.as_deref());
            self.standings.take(subject, Stand::Failed, &summary, run, &self.config.alerts, now);
        }
    }

    /// A job that somebody has taken back says so, whatever its run came to.
    pub(super) fn mark_cancelled(&mut self, mut job: Job, by: &str) {
        job.state = JobState::Cancelled;
        let came_to = job.message.take();
        job.message = Some(match came_to {
            Some(came_to) => format!("cancelled by {by}: {came_to}"),
            None => format!("cancelled by {by}"),
        });
        if let Err(error) = self.store.set_job(&job) {
            tracing::error!(job = job.id, %error, "what became of the job is not kept");
        }
        self.handle.board().tell(LiveEvent::Job { job: Box::new(job) });
    }

    pub(super) fn period_concluded(&mut self, name: &str, verdict: &Verdict, now: Timestamp) {
        tracing::info!(watch = name, run = verdict.run.id, "a period has ended");
        logging::verdict(verdict);
        // An inconclusive period says nothing new: what stood before it goes on to stand.
        if verdict.outcome != Outcome::Inconclusive || self.standings.of(name).stand.is_none() {
            let stand = Stand::Verdict { outcome: verdict.outcome };
            let run = Some(verdict.run.id.as_str());
            let standing = self.standings.take(name, stand, &verdict.summary, run, &self.config.alerts, now);
            self.watches.stands(name, standing);
        }
        if matches!(verdict.run.ended, EndedWhy::TargetExited { .. }) {
            // What comes next tells whether it comes back.
            self.watches.ended(name, Some("the target has ended".to_owned()), now);
        } else {
            self.watches.ended(name, None, now);
        }
    }

    /// The target of a watch that was there is not there.
    pub(super) fn watch_lost(&mut self, name: &str, why: &str, now: Timestamp) {
        let was_seen = self.watches.standing(name).is_some_and(|standing| standing.stand.is_some());
        if was_seen {
            let standing = self.standings.take(name, Stand::Lost, why, None, &self.config.alerts, now);
            self.watches.stands(name, standing);
        }
    }

    /// The evidence has decided in a run that goes on.
    pub(super) fn decided(&mut self, found: &Found) {
        let Some(Of::Watch(name)) = self.runs.whose(&found.run).cloned() else { return };
        let now = clock::now();
        let summary = format!("`{}` leaks, as the period that goes on shows by now", found.metric);
        let stand = Stand::Verdict { outcome: Outcome::Fail };
        let standing = self.standings.take(&name, stand, &summary, Some(&found.run), &self.config.alerts, now);
        self.watches.stands(&name, standing);
    }
}
