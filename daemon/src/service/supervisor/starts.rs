//! What starts: what is due by the schedule, periods of watches, jobs whose turn it is; and what has to end for its time limit.

use std::path::Path;

use jiff::Timestamp;
use soakd_profiles::Plan;
use tokio::time::Instant;

use super::{Supervisor, TIMED_OUT};
use crate::clock;
use crate::exit::{Exit, Failure};
use crate::limits;
use crate::policy::RunPolicy;
use crate::service::headroom::{Room, Wanted};
use crate::service::planned::Remark;
use crate::service::queue::{Beside, Next};
use crate::service::runs::{Of, Start};
use crate::service::status::Job;
use crate::service::{keepers, planning};
use crate::store::RunId;

impl Supervisor {
    pub(super) fn look_at_schedule(&mut self, now: Timestamp) {
        let looked = self.schedules.look(now);
        for Remark { name, text, is_missed } in looked.told {
            tracing::warn!(schedule = name, "{text}");
            if is_missed {
                self.standings.missed(&name, &text, &self.config.alerts, now);
            }
        }
        for due in looked.due {
            let name = due.scheduled.name.clone();
            match self.jobs.add(due.submission, name.clone(), Some(due.scheduled), now) {
                Ok(Some(job)) => self.schedules.queued(&name, job.id),
                Ok(None) => tracing::info!(schedule = name, "this start was queued before and is not queued again"),
                Err(error) => tracing::error!(schedule = name, %error, "what is due cannot be queued"),
            }
        }
    }

    pub(super) fn look_at_watches(&mut self, now: Timestamp) {
        for period in self.watches.due(now) {
            let policy = planning::watch_plan(&period.submission, &self.config).map(limits::policy);
            match policy {
                Ok(policy) => {
                    let id = self.new_id(&policy.plan);
                    self.start_watch(
                        &period.name,
                        Start {
                            of: Of::Watch(period.name.clone()),
                            id,
                            keeper: self.keeper(&policy),
                            policy,
                            resumes: None,
                        },
                    );
                }
                Err(refusal) => self.watches.ended(&period.name, Some(refusal.to_string()), now),
            }
        }
    }

    pub(super) fn start_watch(&mut self, name: &str, start: Start) {
        if let Some(standing) = self.watches.began(name, start.id.as_str()) {
            self.standings.keep(name, &standing);
        }
        self.runs.start(start);
    }

    pub(super) fn look_at_deadlines(&mut self) {
        let now = Instant::now();
        let passed: Vec<u64> = self.deadlines.iter().filter(|(_, at)| **at <= now).map(|(job, _)| *job).collect();
        for job in passed {
            self.deadlines.remove(&job);
            tracing::warn!(job, "{TIMED_OUT}");
            self.runs.end(&Of::Job(job), TIMED_OUT);
        }
    }

    /// Starts jobs as far as there is room.
    pub(super) fn admit(&mut self, now: Timestamp) {
        self.held_back = None;
        let limits = &self.config.limits;
        let wanted = Wanted { memory_bytes: limits.memory_headroom_bytes, cpu_ratio: limits.cpu_headroom_ratio };
        let slots = usize::try_from(limits.slots).unwrap_or(usize::MAX);
        loop {
            let beside = Beside {
                running_count: self.jobs.running().len(),
                is_exclusive: self.jobs.running().iter().any(|job| job.submission.exclusive),
            };
            let lacks = || Room::read(Path::new("/proc")).lacks(&wanted);
            match self.jobs.queue().next(now, slots, beside, lacks) {
                Next::Start(job) => self.start(*job, now),
                Next::NoRoom(lacking) => {
                    self.held_back = Some(lacking);
                    return;
                }
                Next::NotBefore(_) | Next::Nothing => return,
            }
        }
    }

    pub(super) fn start(&mut self, job: Job, now: Timestamp) {
        let planned = planning::plan(&job.submission, &self.config);
        let id = match &planned {
            Ok(plan) => self.new_id(plan),
            Err(_) => RunId::new(now, &job.name),
        };
        let job = match self.jobs.starting(job, &id, now) {
            Ok(job) => job,
            Err(error) => {
                tracing::error!(%error, "a job cannot be started now");
                self.held_back = Some(error.to_string());
                return;
            }
        };
        match planned {
            Ok(plan) => {
                let policy = limits::policy(plan);
                let timeout = job.submission.timeout.as_deref();
                if let Some(timeout) = timeout.and_then(|text| planning::duration("timeout", text).ok()) {
                    self.deadlines.insert(job.id, Instant::now() + timeout);
                }
                let keeper = self.keeper(&policy);
                self.runs.start(Start { of: Of::Job(job.id), id, policy, keeper, resumes: None });
            }
            Err(refusal) => {
                // What was right when it was queued need not be so by now.
                let failure = Failure::new(Exit::Config, refusal.to_string());
                self.job_failed(job.id, &failure, now);
            }
        }
    }

    pub(super) fn keeper(&self, policy: &RunPolicy) -> crate::keeper::KeeperProgram {
        keepers::of(&self.config.target, &policy.plan.profile.name, self.notify.is_heard())
    }

    /// A name for a run that nobody has.
    pub(super) fn new_id(&self, plan: &Plan) -> RunId {
        RunId::new(clock::now(), &plan.profile.name)
    }
}
