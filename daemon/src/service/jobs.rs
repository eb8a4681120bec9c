//! The jobs of the daemon, from their queueing to their end. The store has each change before it takes effect.

use std::rc::Rc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use soakd_reports::Verdict;

use super::handle::{Board, Refusal};
use super::planning;
use super::queue::Queue;
use super::status::{Job, JobState, LiveEvent};
use super::submission::Submission;
use crate::exit::{Exit, Failure};
use crate::logging;
use crate::store::{RunId, Store};

/// Time before a job is tried again, where nobody says.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// A job of the schedule: which entry asks for it, for when, and how far the entry has come with it.
#[derive(Debug)]
pub struct Scheduled {
    /// Name of the entry.
    pub name: String,
    /// For when it was planned; `None` where somebody asked for it besides.
    pub planned: Option<Timestamp>,
    /// How far the entry has come, to be kept with the job.
    pub handled: Option<String>,
}

/// All jobs that have not ended.
#[derive(Debug)]
pub struct Jobs {
    store: Rc<Store>,
    board: Board,
    queue: Queue,
    running: Vec<Job>,
}

impl Jobs {
    /// Those that the store has. Jobs that were running are given back apart, for somebody to find out what became of them.
    ///
    /// # Errors
    /// Why the store cannot be read.
    pub fn load(store: Rc<Store>, board: Board) -> Result<(Self, Vec<Job>), Refusal> {
        let mut queue = Queue::default();
        for job in store.jobs_in_state(JobState::Queued)? {
            queue.add(job);
        }
        let running = store.jobs_in_state(JobState::Running)?;
        Ok((Self { store, board, queue, running: Vec::new() }, running))
    }

    /// The queue, to take from.
    pub fn queue(&mut self) -> &mut Queue {
        &mut self.queue
    }

    /// Jobs that wait, in order.
    #[must_use]
    pub fn waiting(&self) -> &[Job] {
        self.queue.jobs()
    }

    /// Jobs whose runs go on.
    #[must_use]
    pub fn running(&self) -> &[Job] {
        &self.running
    }

    /// Queues what was submitted. `None` where the schedule has asked for this occurrence before.
    ///
    /// # Errors
    /// Why it cannot be kept.
    pub fn add(
        &mut self,
        submission: Submission,
        name: String,
        scheduled: Option<Scheduled>,
        now: Timestamp,
    ) -> Result<Option<Job>, Refusal> {
        let (schedule, planned, handled) = match scheduled {
            Some(Scheduled { name, planned, handled }) => (Some(name), planned, handled),
            None => (None, None, None),
        };
        let job = Job {
            id: 0,
            name,
            submission,
            schedule,
            planned,
            state: JobState::Queued,
            attempts_count: 0,
            queued: now,
            not_before: None,
            started: None,
            ended: None,
            run: None,
            outcome: None,
            exit_code: None,
            message: None,
        };
        let Some(job) = self.store.add_job(job, handled.as_deref())? else { return Ok(None) };
        tracing::info!(job = job.id, name = job.name, "queued");
        self.tell(&job);
        self.queue.add(job.clone());
        Ok(Some(job))
    }

    /// The run `id` of `job`, taken from the queue, is about to start. It is on disk when this returns, so that a run is never unknown.
    ///
    /// # Errors
    /// Why it cannot be kept; the job waits again.
    pub fn starting(&mut self, mut job: Job, id: &RunId, now: Timestamp) -> Result<Job, Refusal> {
        let before = job.clone();
        job.state = JobState::Running;
        job.run = Some(id.to_string());
        job.started = Some(now);
        job.not_before = None;
        job.attempts_count += 1;
        if let Err(error) = self.store.set_job(&job) {
            self.queue.add(before);
            return Err(error.into());
        }
        self.tell(&job);
        self.running.push(job.clone());
        Ok(job)
    }

    /// A job whose run was going on when the last daemon ended goes on.
    pub fn goes_on(&mut self, job: Job) {
        self.running.push(job);
    }

    /// A job that the last daemon was about to start waits again: nothing of it was started.
    pub fn again(&mut self, mut job: Job) {
        job.state = JobState::Queued;
        job.run = None;
        job.started = None;
        job.attempts_count = job.attempts_count.saturating_sub(1);
        self.keep(&job);
        self.queue.add(job);
    }

    /// The run of a job came to a verdict.
    pub fn concluded(&mut self, id: u64, verdict: &Verdict, now: Timestamp) -> Option<Job> {
        let mut job = self.take(id)?;
        job.state = JobState::Done;
        job.ended = Some(now);
        job.outcome = Some(verdict.outcome);
        job.exit_code = Some(verdict.exit_code);
        job.message = Some(verdict.summary.clone());
        tracing::info!(job = id, name = job.name, run = verdict.run.id, "has ended");
        logging::verdict(verdict);
        self.keep(&job);
        Some(job)
    }

    /// The run of a job came to no verdict: the job is tried again, or has failed.
    pub fn failed(&mut self, id: u64, failure: &Failure, now: Timestamp) -> Option<Job> {
        let mut job = self.take(id)?;
        let message = failure.messages.join("; ");
        job.exit_code = Some(failure.exit.code());
        job.message = Some(message.clone());
        let is_hopeless = matches!(failure.exit, Exit::Config | Exit::Usage);
        if job.attempts_count <= job.submission.retries && !is_hopeless {
            let text = job.submission.retry_after.as_deref();
            let pause = text.and_then(|text| planning::duration("retry_after", text).ok()).unwrap_or(RETRY_AFTER);
            let not_before = SignedDuration::try_from(pause).ok().and_then(|pause| now.checked_add(pause).ok());
            job.state = JobState::Queued;
            job.not_before = not_before;
            tracing::warn!(
                job = id,
                name = job.name,
                attempt = job.attempts_count,
                "no verdict, to be tried again: {message}"
            );
            self.keep(&job);
            self.queue.add(job.clone());
        } else {
            job.state = JobState::Failed;
            job.ended = Some(now);
            tracing::error!(job = id, name = job.name, "no verdict: {message}");
            self.keep(&job);
        }
        Some(job)
    }

    /// A job that waits is taken back.
    pub fn cancel_queued(&mut self, id: u64, by: &str, now: Timestamp) -> Option<Job> {
        let mut job = self.queue.remove(id)?;
        job.state = JobState::Cancelled;
        job.ended = Some(now);
        job.message = Some(format!("cancelled by {by}"));
        tracing::info!(job = id, name = job.name, "cancelled by {by}");
        self.keep(&job);
        Some(job)
    }

    /// A job that runs is taken back: its run ends, and what it comes to is kept with the job.
    pub fn cancelled(&mut self, id: u64, failure: Option<&Failure>, now: Timestamp) -> Option<Job> {
        let mut job = self.take(id)?;
        job.state = JobState::Cancelled;
        job.ended = Some(now);
        if let Some(failure) = failure {
            job.message = Some(failure.messages.join("; "));
        }
        self.keep(&job);
        Some(job)
    }

    /// The job of this number: in the queue, running, or ended.
    ///
    /// # Errors
    /// Why the store cannot be read.
    pub fn find(&self, which: &str) -> Result<Option<Job>, Refusal> {
        if let Ok(id) = which.parse::<u64>() {
            return Ok(self.store.job(id)?);
        }
        let of_run = self.running.iter().find(|job| job.run.as_deref().is_some_and(|run| run.starts_with(which)));
        match of_run {
            Some(job) => Ok(Some(job.clone())),
            None => Ok(self.store.job_of_run(which)?),
        }
    }

    fn take(&mut self, id: u64) -> Option<Job> {
        let at = self.running.iter().position(|job| job.id == id)?;
        Some(self.running.remove(at))
    }

    /// What happened has happened, whether the disk takes it or not.
    fn keep(&self, job: &Job) {
        if let Err(error) = self.store.set_job(job) {
            tracing::error!(job = job.id, %error, "what became of the job is not kept");
        }
        self.tell(job);
    }

    fn tell(&self, job: &Job) {
        self.board.tell(LiveEvent::Job { job: Box::new(job.clone()) });
    }
}
