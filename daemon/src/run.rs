//! One run: phases, samples, events. The only owner of its state.

mod begin;
mod checkpoints;
mod end;
mod escalation;
mod follower;
mod resume;

use std::path::PathBuf;
use std::time::Duration;

use soakd_profiles::{BudgetLimit, EarlyStop, Settle};
use soakd_reports::{Ended, Verdict, Warning};
use tokio::time::{Instant, sleep_until};

use crate::clock::{self, RunClock};
use crate::exit::{Exit, Failure};
use crate::judging::Aside;
use crate::keeper::KeeperProgram;
use crate::load::{Load, LoadEvent};
use crate::operations::OperationCount;
use crate::phases;
use crate::policy::RunPolicy;
use crate::progress::{Audience, Progress};
use crate::recording::Recording;
use crate::requests::{Request, Requests};
use crate::sampling::{Sample, SampleKind, Sampling};
use crate::service::status::LivePhase;
use crate::signals;
use crate::sources::{SourceReading, SourceSpecs, Sources};
use crate::store::{Ending, RunId, RunKey, RunRecord, Store};
use crate::target::{AfterExit, ExitStatus, Output, Target, TargetEvent};
use crate::watch::Watch;
use crate::{exit_of, operation_source, verdict};

use checkpoints::{Checkpoints, Occasion};
use escalation::Escalation;
pub use follower::{Follower, Now};

/// Everything that a run needs to begin.
#[derive(Debug)]
pub struct Soak<'a> {
    /// Where it is recorded.
    pub store: &'a Store,
    /// What is asked of it.
    pub policy: RunPolicy,
    /// What keeps its target, its load and the commands beside them: children of this process, or units of systemd.
    pub keeper: KeeperProgram,
    /// Its folder, if the user named one.
    pub out: Option<PathBuf>,
    /// Whether it is a `check`: `early_stop = "auto"` then means yes.
    pub is_check: bool,
    /// Whom it tells how it goes.
    pub audience: Audience,
    /// Its name; one is made where this is left out.
    pub id: Option<RunId>,
    /// The run of an attached target that was cut off and is gone on with.
    pub resumes: Option<RunRecord>,
    /// Who looks on.
    pub follower: Option<&'a dyn Follower>,
}

impl<'a> Soak<'a> {
    /// A soak by somebody who waits for it.
    #[must_use]
    pub fn new(store: &'a Store, policy: RunPolicy) -> Self {
        Self {
            store,
            policy,
            out: None,
            is_check: false,
            audience: Audience::Person,
            id: None,
            resumes: None,
            follower: None,
            keeper: KeeperProgram::default(),
        }
    }
}

/// What became of a run.
#[derive(Debug)]
pub enum Ran {
    /// It came to its end.
    Concluded(Box<Soaked>),
    /// It was left to be gone on with later.
    Suspended,
}

/// A run that came to its end.
#[derive(Debug)]
pub struct Soaked {
    /// What it came to.
    pub verdict: Verdict,
    /// Its folder, which holds `verdict.json` and the output of what it started.
    pub folder: PathBuf,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// The target has been started and is not ready yet.
    Starting,
    /// Ready; the load begins at this time.
    Before { until_s: f64 },
    /// The part that is judged, until this time.
    Loaded { until_s: f64 },
    /// The load has ended; the target cleans up, which a last checkpoint sees to.
    After,
}

/// Runs a soak from the start of its target to its verdict.
///
/// # Errors
/// [`Failure`] where there can be no verdict. The target has been stopped (unless it was attached to) and what was
/// sampled is kept.
pub async fn run(soak: Soak<'_>, requests: &mut Requests) -> Result<Ran, Failure> {
    let started = soak.resumes.as_ref().map_or_else(clock::now, |record| record.run.started);
    let known = soak.resumes.as_ref().map(|record| record.run.id.clone()).or_else(|| soak.id.clone());
    let id = known.unwrap_or_else(|| RunId::new(started, &soak.policy.plan.profile.name));
    let folder = soak.out.clone().unwrap_or_else(|| folder_of(soak.store, &id));
    verdict::prepare_folder(&folder)?;
    let mut active = Active::begin(&soak, id, started, folder).await?;
    let over = active.soak(requests).await;
    match over {
        Over::Suspended => active.suspend().await.map(|()| Ran::Suspended),
        over => active.end(over, requests).await.map(|soaked| Ran::Concluded(Box::new(soaked))),
    }
}

/// The folder of a run that was given none.
#[must_use]
pub fn folder_of(store: &Store, id: &RunId) -> PathBuf {
    store.folder().join("runs").join(id.as_str())
}

/// A run that is going on.
struct Active<'a> {
    soak: &'a Soak<'a>,
    clock: RunClock,
    started: jiff::Timestamp,
    folder: PathBuf,
    key: RunKey,
    id: RunId,
    recording: Recording,
    target: Target,
    load: Load,
    operations: OperationCount,
    sampling: Option<Sampling>,
    /// What is asked besides; it begins once the target is ready.
    specs: Option<SourceSpecs>,
    sources: Option<Sources>,
    watch: Watch,
    checkpoints: Checkpoints,
    escalation: Escalation,
    /// Whether the level before the load has been taken, where the cleanup is judged against it.
    level_taken: bool,
    progress: Progress,
    phase: Phase,
    /// Why the load ended, while the target cleans up after it.
    load_ended: Option<Ended>,
    aside: Aside,
    planned_s: f64,
}

/// Why the soak is over, before the target has been stopped.
#[derive(Debug)]
enum Over {
    Ended(Ended),
    Failed(Failure),
    /// The target lives on, and the run is to be gone on with.
    Suspended,
}

impl<'a> Active<'a> {
    /// From the start to the moment at which the target is to be stopped.
    async fn soak(&mut self, requests: &mut Requests) -> Over {
        let poller =
            operation_source::Poller::new(self.soak.policy.plan.profile.load.counter.as_ref(), &self.operations);
        let mut poller = std::pin::pin!(poller.run());
        self.progress.wait_for("waiting until the target is ready");
        loop {
            let deadline = match self.phase {
                Phase::Starting | Phase::After => None,
                // The level before the load is being taken.
                Phase::Before { .. } if self.checkpoints.is_under_way() => None,
                Phase::Before { until_s } | Phase::Loaded { until_s } => {
                    Some(Instant::from_std(self.clock.instant(until_s)))
                }
            };
            let over = tokio::select! {
                // Samples first: what was read before an event belongs before it.
                biased;
                sample = next_sample(&mut self.sampling) => match sample {
                    Some(sample) => self.take_sample(sample),
                    None => Some(Over::Failed(Failure::new(Exit::Internal, "the sampling thread has ended"))),
                },
                reading = next_reading(&mut self.sources) => self.take_reading(reading),
                event = self.target.next_event() => self.take_target_event(event),
                event = self.load.next_event() => self.take_load_event(event),
                request = requests.next() => self.take_request(request),
                () = wait_until(deadline) => self.next_phase().await,
                due = self.checkpoints.next(&self.clock) => self.checkpoint_due(due).await,
                woken = self.escalation.next(&self.clock) => {
                    self.escalate(woken);
                    None
                }
                () = &mut poller => None,
            };
            match (over, self.phase, self.cleanup()) {
                (None, ..) => {}
                // The level after the load is owed whatever ended it in good order.
                (
                    Some(Over::Ended(ended @ (Ended::PlannedEnd | Ended::DecidedEarly | Ended::OperationsDone { .. }))),
                    Phase::Loaded { .. },
                    Some(settle),
                ) => self.clean_up(ended, settle).await,
                (Some(over), ..) => return over,
            }
        }
    }

    /// Ends the load and lets the target clean up.
    async fn clean_up(&mut self, ended: Ended, settle: Duration) {
        if self.checkpoints.is_under_way() {
            // That it is under load is all that it can have been for.
            let _ = self.fail_checkpoint("the load ended in the middle of it");
        }
        self.last_look().await;
        let t_s = self.clock.t_s();
        for text in self.load.stop().await {
            self.recording.event(t_s, phases::LOAD_STOPPED, &text);
        }
        self.recording.event(t_s, phases::LOAD_ENDED, "the load has ended; the target cleans up");
        self.load_ended = Some(ended);
        self.phase = Phase::After;
        self.begin_checkpoint(Occasion::After, Settle::For(settle)).await;
    }

    fn take_sample(&mut self, sample: Sample) -> Option<Over> {
        for (at_s, name) in &sample.marks {
            self.recording.event(*at_s, phases::PHASE, name);
        }
        if sample.kind == SampleKind::Asked {
            return self.take_asked(&sample);
        }
        if sample.cgroup_is_shared {
            let text = "the target's cgroup came to hold others as well: what it counted is told and not judged";
            self.recording.event(sample.t_s, phases::CGROUP_SHARED, text);
        }
        if sample.missed_ticks_count > 0 {
            self.aside.missed_ticks_count += sample.missed_ticks_count;
        }
        self.recording.sample(&sample);
        self.escalation.see_disk(&self.soak.policy.plan.profile, &sample.disk);
        for warning in self.recording.warnings() {
            self.progress.insist(&format!("warning: {}", warning.text));
            self.aside.warnings.push(warning);
        }
        if !self.checkpoints.is_under_way() {
            self.checkpoints.see(&sample);
        }
        if matches!(self.phase, Phase::Loaded { .. }) && !self.checkpoints.is_under_way() {
            self.watch.push(&sample);
            if let Some(suspicion) = self.watch.suspicion(sample.t_s) {
                self.suspect(&suspicion);
            }
            self.look_where_wanted();
            if let Some(over) = self.decide(sample.t_s) {
                return Some(over);
            }
        }
        self.progress.show(sample.t_s, self.recording.samples_count(), || self.watch.state(&sample));
        self.tell();
        None
    }

    /// Whether the evidence decides by now, and the run is to end then.
    fn decide(&mut self, t_s: f64) -> Option<Over> {
        let decided = self.watch.decision()?;
        self.recording.event(t_s, "decided", &decided.text);
        self.aside.decided_at_s.insert(decided.metric, t_s);
        if !self.stops_early() {
            return None;
        }
        self.progress.say(&format!("decided at {}: {}", crate::progress::clock_face(t_s), decided.text));
        Some(Over::Ended(Ended::DecidedEarly))
    }

    fn take_reading(&mut self, reading: SourceReading) -> Option<Over> {
        if reading.is_asked {
            return self.take_asked_source(reading);
        }
        if let Some(news) = self.recording.source(&reading) {
            self.progress.insist(&format!("warning: {news}"));
        }
        if !matches!(self.phase, Phase::Loaded { .. }) || self.checkpoints.is_under_way() {
            return None;
        }
        let source = self.recording.sources().get(reading.source)?;
        self.watch.push_source(source.name(), &reading, self.recording.last_operations());
        self.decide(reading.t_s)
    }

    /// Begins to ask the sources.
    fn start_sources(&mut self) -> Option<Over> {
        let specs = self.specs.take()?;
        match Sources::start(self.clock, self.target.membership(), specs) {
            Ok(sources) => {
                self.sources = sources;
                None
            }
            Err(failure) => Some(Over::Failed(failure)),
        }
    }

    fn stops_early(&self) -> bool {
        match self.soak.policy.plan.profile.judge.early_stop {
            EarlyStop::Always => true,
            EarlyStop::Never => false,
            EarlyStop::Auto => self.soak.is_check,
        }
    }

    fn take_target_event(&mut self, event: TargetEvent) -> Option<Over> {
        let t_s = self.clock.t_s();
        match event {
            TargetEvent::Ready { .. } => {
                if self.phase == Phase::Starting {
                    self.recording.event(t_s, phases::READY, "the target is ready");
                    self.progress.go_on();
                    self.phase = Phase::Before { until_s: t_s + self.before_load_s() };
                    return self.start_sources();
                }
                None
            }
            TargetEvent::Failed(error) => Some(Over::Failed(exit_of::target(&error))),
            TargetEvent::Exited { status, next, .. } => {
                self.recording.event(t_s, phases::EXIT, &format!("the target ended with {status}"));
                match next {
                    AfterExit::GoesOn | AfterExit::Restart | AfterExit::Follow => None,
                    AfterExit::End | AfterExit::RestartsUsedUp => Some(Over::Ended(target_exited(status))),
                }
            }
            TargetEvent::Restarted { old, new, restart_count } => {
                let text = format!("process {} follows {} (restart {restart_count})", new.pid, old.pid);
                self.recording.event(t_s, phases::RESTART, &text);
                self.recording.target(new);
                self.recording.gap(t_s, "the target was restarted");
                self.watch.restart(t_s);
                let over = self.fail_checkpoint("the target was restarted in the middle of it");
                self.progress.say(&format!("the target was restarted: {text}"));
                if let Some(sampling) = &self.sampling {
                    sampling.follow(self.target.membership());
                }
                if let Some(sources) = &self.sources {
                    sources.follow(self.target.membership());
                }
                over
            }
            TargetEvent::Gone => Some(Over::Ended(target_exited(ExitStatus::Unknown))),
            TargetEvent::OutputTruncated { file } => {
                let text = format!("the target printed more than is kept; `{}` lacks the middle part", file.display());
                let hint = Some("raise `output_limit` in `[target]` to keep more".to_owned());
                self.aside.warnings.push(Warning { text, hint });
                None
            }
            TargetEvent::OutputFailed { file, reason } => {
                let text = format!("the target's output cannot be written to `{}`: {reason}", file.display());
                self.aside.warnings.push(Warning { text, hint: None });
                None
            }
        }
    }

    fn take_load_event(&mut self, event: LoadEvent) -> Option<Over> {
        match event {
            LoadEvent::OperationsDone { operations } => Some(Over::Ended(Ended::OperationsDone { operations })),
            LoadEvent::Ended { status } => Some(Over::Ended(match status {
                ExitStatus::Code(code) => Ended::LoadEnded { status: Some(code), signal: None },
                ExitStatus::Signal(signal) => Ended::LoadEnded { status: None, signal: Some(signal) },
                ExitStatus::Unknown => Ended::LoadEnded { status: None, signal: None },
            })),
            LoadEvent::Failed(failure) => Some(Over::Failed(failure)),
        }
    }

    fn take_request(&mut self, request: Option<Request>) -> Option<Over> {
        match request? {
            Request::Estimate => {
                self.progress.insist(&self.watch.estimate(self.clock.t_s()));
                None
            }
            Request::Stop { signal, sender } => {
                let name = signals::name(signal);
                self.recording.event(self.clock.t_s(), "signal", &format!("{name} from {sender}"));
                self.progress.say(&format!("{name}: ending the run; once more to skip the target's grace"));
                Some(match self.phase {
                    Phase::Starting | Phase::Before { .. } => Over::Failed(ended_by(signal, &name, self.phase)),
                    Phase::Loaded { .. } | Phase::After => Over::Ended(Ended::Interrupted { signal }),
                })
            }
            Request::End { why } => {
                self.recording.event(self.clock.t_s(), "stopped_by_daemon", &why);
                Some(match self.phase {
                    Phase::Starting | Phase::Before { .. } => Over::Failed(stopped_early(&why, self.phase)),
                    Phase::Loaded { .. } | Phase::After => Over::Ended(Ended::Stopped { reason: why }),
                })
            }
            Request::Suspend => Some(Over::Suspended),
        }
    }

    /// Tells who looks on.
    fn tell(&mut self) {
        let phase = match self.phase {
            Phase::Starting => LivePhase::Starting,
            Phase::Before { .. } => LivePhase::Before,
            Phase::Loaded { .. } => LivePhase::Loaded,
            Phase::After => LivePhase::After,
        };
        self.tell_phase(phase);
    }

    fn tell_phase(&mut self, phase: LivePhase) {
        if let Some(follower) = self.soak.follower {
            follower.see(Now {
                phase,
                pid: self.target.process().pid,
                t_s: self.clock.t_s(),
                samples_count: self.recording.samples_count(),
                missed_ticks_count: self.aside.missed_ticks_count,
                watch: &mut self.watch,
                warnings: &self.aside.warnings,
            });
        }
    }

    /// The phase's time is up.
    async fn next_phase(&mut self) -> Option<Over> {
        let t_s = self.clock.t_s();
        match self.phase {
            Phase::Starting | Phase::After => None,
            Phase::Before { .. } if self.cleanup().is_some() && !self.level_taken => {
                self.begin_checkpoint(Occasion::Before, self.settle_before_load()).await;
                None
            }
            Phase::Before { .. } => {
                let printed = self.target.output().map(Output::last_lines).unwrap_or_default();
                if let Err(failure) = self.load.start(&printed).await {
                    return Some(Over::Failed(failure));
                }
                self.recording.event(t_s, phases::LOAD_STARTED, &self.load.describe());
                self.checkpoints.load_started(t_s);
                self.escalation.load_started(t_s);
                self.phase = Phase::Loaded { until_s: t_s + self.planned_s };
                None
            }
            Phase::Loaded { .. } => Some(Over::Ended(Ended::PlannedEnd)),
        }
    }

    /// How long the target has to clean up after the load, where a budget asks for that.
    fn cleanup(&self) -> Option<Duration> {
        let budgets = self.soak.policy.plan.budgets.values();
        budgets
            .filter_map(|budget| match budget.limit {
                BudgetLimit::Cleanup { settle, .. } => Some(settle),
                BudgetLimit::Growth { .. }
                | BudgetLimit::Rate { .. }
                | BudgetLimit::Peak { .. }
                | BudgetLimit::Level { .. } => None,
            })
            .max()
    }

    /// How long the target rests before the level before the load is taken: it has not been busy yet, so that only one that
    /// is asked to collect needs time.
    fn settle_before_load(&self) -> Settle {
        let checkpoint = &self.soak.policy.plan.profile.checkpoint;
        if checkpoint.collect.is_some() { checkpoint.settle } else { Settle::For(Duration::ZERO) }
    }

    /// Time between readiness and load: what the profile says, and long enough for a level before the load where the
    /// cleanup is judged against it.
    fn before_load_s(&self) -> f64 {
        let profile = &self.soak.policy.plan.profile;
        let level_s =
            if self.cleanup().is_some() { (10.0 * profile.sample.interval.as_secs_f64()).max(2.0) } else { 0.0 };
        profile.load.start_delay.as_secs_f64().max(level_s)
    }
}

/// The run cannot go on: what was recorded stays, with the reason.
fn abandon(recording: Recording, clock: &RunClock, failure: Failure) -> Failure {
    let ending = Ending { duration_s: clock.t_s(), why: failure.messages.join("; "), verdict: None };
    match recording.into_recorder().finish(ending) {
        Ok(()) => failure,
        Err(error) => failure.hint(format!("besides, the record is incomplete: {error}")),
    }
}

/// A signal that came before there was anything to judge.
fn ended_by(signal: i32, name: &str, phase: Phase) -> Failure {
    let before = if phase == Phase::Starting { "the target was ready" } else { "the load had begun" };
    let number = u8::try_from(signal).unwrap_or(0);
    Failure::new(Exit::Signal(number), format!("ended by {name} before {before}: there is nothing to judge yet"))
}

/// The same, by the daemon.
fn stopped_early(why: &str, phase: Phase) -> Failure {
    let before = if phase == Phase::Starting { "the target was ready" } else { "the load had begun" };
    Failure::new(Exit::Unavailable, format!("ended before {before} ({why}): there is nothing to judge yet"))
}

fn target_exited(status: ExitStatus) -> Ended {
    match status {
        ExitStatus::Code(code) => Ended::TargetExited { status: Some(code), signal: None },
        ExitStatus::Signal(signal) => Ended::TargetExited { status: None, signal: Some(signal) },
        ExitStatus::Unknown => Ended::TargetExited { status: None, signal: None },
    }
}

async fn next_sample(sampling: &mut Option<Sampling>) -> Option<Sample> {
    match sampling {
        Some(sampling) => sampling.next().await,
        None => std::future::pending().await,
    }
}

async fn next_reading(sources: &mut Option<Sources>) -> SourceReading {
    match sources {
        Some(sources) => sources.next().await,
        None => std::future::pending().await,
    }
}

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
