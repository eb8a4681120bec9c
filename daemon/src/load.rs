//! What keeps the target busy: a row for each driver.
//!
//! A driver is a command in the hands of a keeper, like the target itself, so that it ends with the run whatever happens.
//! Load that is generated here (HTTP with budgets for its latencies) becomes one more driver.

mod hold;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use soakd_profiles::{LoadDriver, Profile};
use soakd_reports as reports;

use crate::exit::{Exit, Failure};
use crate::exit_of;
use crate::keeper::KeeperProgram;
use crate::operations::OperationCount;
use crate::surroundings;
use crate::target::{
    AfterExit, ExitStatus, OutputSpec, RestartPolicy, RestartWhen, SkipGrace, SpawnSpec, StopSpec, Target, TargetEvent,
};
use crate::target_spec;

pub use hold::Held;

/// Something that happened to the load.
#[derive(Debug)]
pub enum LoadEvent {
    /// All operations that were asked for are done.
    OperationsDone {
        /// How many.
        operations: u64,
    },
    /// The driver ended before its time.
    Ended {
        /// How.
        status: ExitStatus,
    },
    /// The driver could not go on.
    Failed(Failure),
}

/// Where the driver `reference` counts its operations, in the folder of a run.
#[must_use]
pub fn progress_file(folder: &Path) -> PathBuf {
    folder.join("load-operations")
}

/// The address in the last line that says `listening on http://…`.
fn announced(printed: &[String]) -> Option<String> {
    printed.iter().rev().find_map(|line| {
        let (_, rest) = line.split_once("listening on ")?;
        rest.split_whitespace().next().filter(|word| word.starts_with("http://")).map(str::to_owned)
    })
}

/// The load of one run.
#[derive(Debug)]
pub struct Load {
    driver: LoadDriver,
    profile: Profile,
    keeper: KeeperProgram,
    folder: PathBuf,
    workers: Vec<Target>,
    runs_count: u64,
    failures_count: u64,
    count: OperationCount,
}

impl Load {
    /// The load that `profile` asks for, to be started by `keeper`; nothing is started yet. What its commands print goes into `folder`.
    #[must_use]
    pub fn new(profile: &Profile, keeper: &KeeperProgram, folder: &Path, count: &OperationCount) -> Self {
        Self {
            driver: profile.load.driver.clone(),
            profile: profile.clone(),
            keeper: keeper.clone(),
            folder: folder.to_path_buf(),
            workers: Vec::new(),
            runs_count: 0,
            failures_count: 0,
            count: count.clone(),
        }
    }

    /// What drives the target, in words.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.driver {
            LoadDriver::None => "the target has traffic of its own".to_owned(),
            LoadDriver::Command { command } => format!("driver `{}`", command.join(" ")),
            LoadDriver::Repeat { command, times: 0, parallel, .. } => {
                format!("`{}` again and again, {parallel} at a time", command.join(" "))
            }
            LoadDriver::Repeat { command, times, parallel, .. } => {
                format!("`{}` {times} times, {parallel} at a time", command.join(" "))
            }
            LoadDriver::Reference { operation, .. } => format!("operation `{operation}` of the reference service"),
        }
    }

    /// Starts the driver.
    ///
    /// `printed` is what the target has printed last, for a driver that finds it by what it announces.
    ///
    /// # Errors
    /// [`Failure`] where its command cannot be started.
    pub async fn start(&mut self, printed: &[String]) -> Result<(), Failure> {
        let specs = self.specs(printed)?;
        for spec in specs {
            let worker = Target::spawn(spec).await.map_err(|error| {
                let mut failure = exit_of::target(&error);
                failure.messages =
                    failure.messages.iter().map(|message| message.replacen("target", "load driver", 1)).collect();
                failure
            })?;
            self.workers.push(worker);
        }
        Ok(())
    }

    /// What has to be started.
    fn specs(&self, printed: &[String]) -> Result<Vec<SpawnSpec>, Failure> {
        let output = |number: usize| OutputSpec {
            file: Some(self.folder.join(if number == 0 {
                "load.log".to_owned()
            } else {
                format!("load-{number}.log")
            })),
            limit_bytes: self.profile.target.output_limit_bytes,
        };
        match &self.driver {
            LoadDriver::None => Ok(Vec::new()),
            LoadDriver::Command { command } => {
                let mut spec = target_spec::command_spec(&self.profile, command, &self.keeper)?;
                spec.output = output(0);
                Ok(vec![spec])
            }
            LoadDriver::Repeat { command, times, pause, parallel } => {
                let workers = u64::from(*parallel).max(1).min(if *times == 0 { u64::MAX } else { *times });
                (0..workers)
                    .map(|number| {
                        let mut spec = target_spec::command_spec(&self.profile, command, &self.keeper)?;
                        spec.output = output(usize::try_from(number).unwrap_or(usize::MAX));
                        // The runs are dealt out evenly; the first start is the first run.
                        let share = (*times > 0).then(|| times / workers + u64::from(number < times % workers));
                        spec.restart = RestartPolicy {
                            when: RestartWhen::Always,
                            limit_count: share.map(|share| u32::try_from(share - 1).unwrap_or(u32::MAX)),
                            delay: *pause,
                        };
                        Ok(spec)
                    })
                    .collect()
            }
            LoadDriver::Reference { operation, operations, rate_per_s, parallel, url } => {
                let url = match url {
                    Some(url) => url.clone(),
                    None => announced(printed).ok_or_else(|| {
                        Failure::new(
                            Exit::Unavailable,
                            "the load driver `reference` does not know where the service is: the target has not \
                             printed `listening on http://…`",
                        )
                        .hint("name its address with `url` in `[load]`, or wait for that line with `ready`")
                    })?,
                };
                let mut command = vec![surroundings::program()?];
                command.extend(["reference", "drive", &url, "--operation", operation].map(str::to_owned));
                command.extend(["--operations".to_owned(), operations.to_string()]);
                command.extend(["--parallel".to_owned(), parallel.to_string()]);
                command.extend(["--progress-file".to_owned(), progress_file(&self.folder).display().to_string()]);
                if let Some(rate_per_s) = rate_per_s {
                    command.extend(["--rate".to_owned(), rate_per_s.to_string()]);
                }
                let mut spec = target_spec::command_spec(&self.profile, &command, &self.keeper)?;
                spec.output = output(0);
                Ok(vec![spec])
            }
        }
    }

    /// The next thing that happens to the load; waits for ever where nothing will. Cancel-safe.
    pub async fn next_event(&mut self) -> LoadEvent {
        loop {
            let (index, event) = self.next_of_worker().await;
            match event {
                TargetEvent::Exited { status, next, .. } => {
                    if let Some(event) = self.take_exit(status, next) {
                        return event;
                    }
                }
                TargetEvent::Gone => {
                    drop(self.workers.swap_remove(index));
                    if self.workers.is_empty() && self.is_repeated() {
                        return LoadEvent::OperationsDone { operations: self.runs_count };
                    }
                }
                TargetEvent::Failed(error) => return LoadEvent::Failed(exit_of::target(&error)),
                TargetEvent::Ready { .. }
                | TargetEvent::Restarted { .. }
                | TargetEvent::OutputTruncated { .. }
                | TargetEvent::OutputFailed { .. } => {}
            }
        }
    }

    async fn next_of_worker(&mut self) -> (usize, TargetEvent) {
        if self.workers.is_empty() {
            return std::future::pending().await;
        }
        let waiting = self.workers.iter_mut().map(|worker| Box::pin(worker.next_event()));
        let (event, index, _) = futures_util::future::select_all(waiting).await;
        (index, event)
    }

    fn is_repeated(&self) -> bool {
        matches!(self.driver, LoadDriver::Repeat { .. })
    }

    fn take_exit(&mut self, status: ExitStatus, next: AfterExit) -> Option<LoadEvent> {
        if self.is_repeated() {
            self.runs_count += 1;
            self.count.set(self.runs_count as f64);
            if !status.is_success() {
                self.failures_count += 1;
            }
            return None;
        }
        if let LoadDriver::Reference { operations: wanted @ 1.., .. } = self.driver
            && status.is_success()
        {
            return Some(LoadEvent::OperationsDone { operations: wanted });
        }
        match next {
            AfterExit::End | AfterExit::RestartsUsedUp => Some(LoadEvent::Ended { status }),
            AfterExit::GoesOn | AfterExit::Restart | AfterExit::Follow => None,
        }
    }

    /// Operations that the driver itself has counted; `None` where it does not count.
    #[must_use]
    pub fn operations(&self) -> Option<f64> {
        self.is_repeated().then_some(self.runs_count as f64)
    }

    /// Stops the driver. What does not end in time is killed. Tells what it took, each thing once.
    pub async fn stop(&mut self) -> BTreeSet<String> {
        let stopping = self.workers.iter_mut().map(|worker| worker.stop(StopSpec::default()));
        let stopped = futures_util::future::join_all(stopping).await;
        self.workers.clear();
        let told = stopped.into_iter().map(|stopped| match stopped {
            Ok(report) => exit_of::stop(&report),
            Err(error) => error.to_string(),
        });
        told.map(|text| text.replacen("target", "load driver", 1)).collect()
    }

    /// Handles that end the driver without further grace.
    #[must_use]
    pub fn skip_grace(&self) -> Vec<SkipGrace> {
        self.workers.iter().map(Target::skip_grace).collect()
    }

    /// What the load did, for the verdict: `operations` counted over `duration_s` seconds.
    #[must_use]
    pub fn report(&self, operations: Option<f64>, duration_s: f64) -> Option<reports::Load> {
        if self.driver == LoadDriver::None && operations.is_none() {
            return None;
        }
        Some(reports::Load {
            driver: self.driver.name().to_owned(),
            operations: operations.map(|operations| operations.max(0.0) as u64),
            errors: self.is_repeated().then_some(self.failures_count),
            throughput_per_s: operations.filter(|_| duration_s > 0.0).map(|operations| operations / duration_s),
        })
    }
}
