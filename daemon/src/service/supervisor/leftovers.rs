//! What the last daemon left: it goes on, is judged, or waits again.

use soakd_reports::Ended as EndedWhy;

use super::Supervisor;
use crate::clock;
use crate::exit::Failure;
use crate::policy::RunPolicy;
use crate::service::recovery;
use crate::service::recovery::Recovered;
use crate::service::runs::{Of, Start};
use crate::service::status::Job;
use crate::store::RunRecord;

impl Supervisor {
    /// Takes up, judges or queues again what the last daemon left.
    pub(super) fn recover(&mut self, running: Vec<Job>) -> Result<(), Failure> {
        let now = clock::now();
        for job in running {
            let Some(run) = job.run.clone() else {
                self.jobs.again(job);
                continue;
            };
            let id = job.id;
            match recovery::recover(&self.store, &run)? {
                Recovered::NeverBegan => {
                    tracing::warn!(job = id, "had not begun when the daemon ended, and waits again");
                    self.jobs.again(job);
                }
                Recovered::GoesOn(record, policy) => {
                    tracing::info!(job = id, run, "goes on after a break");
                    self.jobs.goes_on(job);
                    self.resume(Of::Job(id), *record, *policy);
                }
                Recovered::Judged(verdict) => {
                    tracing::warn!(job = id, run, "was cut off, and is judged on what there is");
                    self.jobs.goes_on(job);
                    self.conclude_job(id, &verdict, now);
                }
                Recovered::Failed(failure) => {
                    self.jobs.goes_on(job);
                    self.job_failed(id, &failure, now);
                }
            }
        }
        let watches: Vec<(String, String)> = self
            .config
            .watches
            .iter()
            .filter_map(|entry| Some((entry.name.clone(), self.watches.standing(&entry.name)?.run.clone()?)))
            .collect();
        for (name, run) in watches {
            match recovery::recover(&self.store, &run)? {
                Recovered::GoesOn(record, policy) => {
                    tracing::info!(watch = name, run, "goes on after a break");
                    self.resume(Of::Watch(name), *record, *policy);
                }
                Recovered::Judged(verdict) => {
                    // A period that had ended before has been told.
                    if verdict.run.ended == EndedWhy::SoakdKilled {
                        self.period_concluded(&name, &verdict, now);
                    }
                }
                Recovered::NeverBegan | Recovered::Failed(_) => {}
            }
        }
        Ok(())
    }

    pub(super) fn resume(&mut self, of: Of, record: RunRecord, policy: RunPolicy) {
        let id = record.run.id.clone();
        let keeper = self.keeper(&policy);
        let start = Start { of: of.clone(), id, keeper, policy, resumes: Some(record) };
        match of {
            Of::Watch(name) => self.start_watch(&name, start),
            Of::Job(_) => self.runs.start(start),
        }
    }
}
