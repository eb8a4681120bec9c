//! The beginning of a run: recorded first, then started, then sampled.

use std::path::{Path, PathBuf};

use soakd_profiles::{Profile, TargetSource};
use soakd_reports::Warning;

use super::checkpoints::Checkpoints;
use super::escalation::Escalation;
use super::{Active, Phase, Soak, abandon};
use crate::clock::RunClock;
use crate::exit::{Exit, Failure};
use crate::judging::Aside;
use crate::keeper::KeeperProgram;
use crate::load::Load;
use crate::operations::OperationCount;
use crate::policy::RunPolicy;
use crate::progress::Progress;
use crate::recording::Recording;
use crate::sampling::{OperationSource, Sampling, SamplingOptions};
use crate::sources::SourceSpecs;
use crate::store::{NewRun, RunId, RunKey};
use crate::target::{AttachSpec, LimitOutcome, SpawnSpec, Target};
use crate::watch::Watch;
use crate::{exit_of, heap_profile, host_facts, operation_source, target_spec, verdict};

impl<'a> Active<'a> {
    /// Starts or attaches to the target, and begins to sample it.
    pub(super) async fn begin(
        soak: &'a Soak<'a>,
        id: RunId,
        started: jiff::Timestamp,
        folder: PathBuf,
    ) -> Result<Self, Failure> {
        let plan = &soak.policy.plan;
        let profile = &plan.profile;
        let planned_s = profile.judge.duration.as_secs_f64();
        let progress = Progress::new(planned_s, &soak.audience);
        let operations = OperationCount::default();

        let source = operation_source::of(&profile.load, &folder, &operations)?;
        let wanted = wanted(profile, &soak.keeper, &folder, &source)?;
        let specs = SourceSpecs::of(profile, &soak.keeper)?;

        if let Some(record) = &soak.resumes {
            return Self::resume(soak, record, id, folder).await;
        }
        // The run is on disk before anything is started, so that nothing that runs is unknown.
        let clock = RunClock::start();
        let recorder = soak
            .store
            .begin(NewRun {
                id: id.clone(),
                profile: profile.name.clone(),
                profile_text: verdict::json(profile)?.to_string(),
                command: command_of(&soak.policy),
                scenario: plan.scenario.clone(),
                stage: plan.stage.clone(),
                environment: Some(plan.environment.clone()),
                host: verdict::json(&host_facts::host())?,
                planned_s,
                interval_s: profile.sample.interval.as_secs_f64(),
                policy: verdict::json(&soak.policy)?,
                started,
                commit: soak.policy.commit.clone(),
                branch: soak.policy.branch.clone(),
            })
            .map_err(exit_of::store)?;
        let key = recorder.key();
        let mut recording = Recording::new(recorder, profile);

        let target = match wanted {
            Wanted::Spawn(spec) => Target::spawn(*spec).await,
            Wanted::Attach(spec) => Target::attach(spec).await,
        };
        let target = match target {
            Ok(target) => target,
            Err(error) => return Err(abandon(recording, &clock, exit_of::target(&error))),
        };
        recording.event(clock.t_s(), "started", &started_text(&soak.policy, &target));
        recording.target(target.process());
        let mut aside = Aside::default();
        aside.warnings.extend(target.remarks().iter().map(|text| Warning { text: text.clone(), hint: None }));
        if let Some(LimitOutcome::NotSet { why }) = target.placement().and_then(|placed| placed.memory_limit.as_ref()) {
            aside.warnings.push(Warning {
                text: format!("the target is not held to its memory limit: {why}"),
                hint: Some("`soakd doctor` says how a target gets a cgroup of its own here".to_owned()),
            });
        }
        let begun = Begun { clock, started, folder, key, id, recording, target, operations, progress, aside };
        let mut active = begun.into_active(soak, specs);
        match active.start_sampling(source) {
            Ok(()) => Ok(active),
            Err(failure) => {
                let stopping = active.target.stop(target_spec::stop_spec(profile)).await;
                tracing::debug!(?stopping, "stopped after sampling could not start");
                Err(abandon(active.recording, &clock, failure))
            }
        }
    }

    /// Samples are taken from now on.
    pub(super) fn start_sampling(&mut self, operations: OperationSource) -> Result<(), Failure> {
        let sample = &self.soak.policy.plan.profile.sample;
        let options = SamplingOptions {
            metrics: self.recording.metrics().to_vec(),
            interval: sample.interval,
            full_interval: self.soak.policy.full_interval(),
            slow_interval: sample.slow_interval,
            per_process: sample.per_process,
            planned_s: self.planned_s,
            disk: sample.disk.clone(),
            operations,
        };
        self.sampling = Some(Sampling::start(self.clock, self.target.membership(), options)?);
        Ok(())
    }
}

/// What a run that begins, or is gone on with, has by now.
pub(super) struct Begun {
    pub(super) clock: RunClock,
    pub(super) started: jiff::Timestamp,
    pub(super) folder: PathBuf,
    pub(super) key: RunKey,
    pub(super) id: RunId,
    pub(super) recording: Recording,
    pub(super) target: Target,
    pub(super) operations: OperationCount,
    pub(super) progress: Progress,
    pub(super) aside: Aside,
}

impl Begun {
    /// The run, in its first phase and before its first sample.
    pub(super) fn into_active<'a>(self, soak: &'a Soak<'a>, specs: SourceSpecs) -> Active<'a> {
        let profile = &soak.policy.plan.profile;
        let planned_s = profile.judge.duration.as_secs_f64();
        Active {
            watch: Watch::new(&soak.policy),
            checkpoints: Checkpoints::new(&profile.checkpoint, planned_s),
            escalation: Escalation::new(profile, planned_s),
            level_taken: false,
            load: Load::new(profile, &soak.keeper, &self.folder, &self.operations),
            sampling: None,
            specs: Some(specs),
            sources: None,
            phase: Phase::Starting,
            load_ended: None,
            soak,
            clock: self.clock,
            started: self.started,
            folder: self.folder,
            key: self.key,
            id: self.id,
            recording: self.recording,
            target: self.target,
            operations: self.operations,
            progress: self.progress,
            aside: self.aside,
            planned_s,
        }
    }
}

/// What is to be soaked, in the terms of the target's code.
enum Wanted {
    Spawn(Box<SpawnSpec>),
    Attach(AttachSpec),
}

/// What `profile` wants soaked. Refused here, it leaves no record of a run that never was.
fn wanted(
    profile: &Profile,
    keeper: &KeeperProgram,
    folder: &Path,
    source: &OperationSource,
) -> Result<Wanted, Failure> {
    match &profile.target.source {
        Some(TargetSource::Command(command)) => {
            let mut spec = target_spec::spawn_spec(profile, command, keeper, folder.join("target.log"))?;
            // Where a target in `dhat` mode leaves its profile.
            let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
            spec.environment.entry(heap_profile::FOLDER_VARIABLE.into()).or_insert_with(|| absolute.into());
            if let OperationSource::Lines(counter) = source {
                spec.counters.push(counter.clone());
            }
            Ok(Wanted::Spawn(Box::new(spec)))
        }
        Some(TargetSource::Attach(attach)) => Ok(Wanted::Attach(target_spec::attach_spec(profile, attach))),
        None => Err(Failure::new(Exit::Usage, format!("profile `{}` names no target", profile.name))
            .hint("give the command after `--`, or `[target] command` in the profile")),
    }
}

/// What was started or attached to, for the record.
fn started_text(policy: &RunPolicy, target: &Target) -> String {
    let pid = target.process().pid;
    match &policy.attached {
        Some(attached) => format!("attached to {attached} (process {pid})"),
        None => format!("started `{}` (process {pid})", command_of(policy).join(" ")),
    }
}

fn command_of(policy: &RunPolicy) -> Vec<String> {
    match &policy.plan.profile.target.source {
        Some(TargetSource::Command(command)) => command.clone(),
        Some(TargetSource::Attach(_)) | None => Vec::new(),
    }
}
