//! A run of an attached target that was cut off, and is gone on with: since soakd was stopped, has crashed or was replaced.

use std::path::PathBuf;
use std::time::Duration;

use soakd_profiles::TargetSource;
use soakd_reports::Warning;

use super::begin::Begun;
use super::{Active, Over, Phase, Soak, abandon};
use crate::clock::{self, RunClock};
use crate::exit::{Exit, Failure};
use crate::judging::Aside;
use crate::operations::OperationCount;
use crate::phases::{self, Phases};
use crate::progress::Progress;
use crate::recording::Recording;
use crate::sources::SourceSpecs;
use crate::store::{Event, Owner, RunId, RunRecord, Scope, StoreError};
use crate::target::Target;
use crate::watch::Watch;
use crate::{exit_of, operation_source, target_spec};

/// Why nothing was read meanwhile.
const AWAY: &str = "soakd was not running";

impl<'a> Active<'a> {
    /// Takes the target up again, with the gap recorded.
    pub(super) async fn resume(
        soak: &'a Soak<'a>,
        record: &RunRecord,
        id: RunId,
        folder: PathBuf,
    ) -> Result<Self, Failure> {
        let profile = &soak.policy.plan.profile;
        let Some(TargetSource::Attach(attach)) = &profile.target.source else {
            return Err(Failure::new(Exit::Internal, format!("run `{id}` was started and cannot be gone on with")));
        };
        let operations = OperationCount::default();
        let source = operation_source::of(&profile.load, &folder, &operations)?;
        let specs = SourceSpecs::of(profile, &soak.keeper)?;
        let events = soak.store.events(record.key).map_err(exit_of::store)?;
        let known = soak.store.target(record.key).map_err(exit_of::store)?;

        let resumed = soak.store.resume(record).map_err(exit_of::store)?;
        let last_s = resumed.last_s.unwrap_or(0.0);
        let mut recording = Recording::resume(resumed, profile);
        // The wall clock alone has gone on meanwhile. Where it was set back the run goes on right after its last sample.
        let since_s = clock::now().duration_since(record.run.started).as_secs_f64().max(last_s);
        let clock = RunClock::resumed(Duration::try_from_secs_f64(since_s).unwrap_or_default());
        let target = match Target::attach(target_spec::attach_spec(profile, attach)).await {
            Ok(target) => target,
            Err(error) => return Err(abandon(recording, &clock, exit_of::target(&error))),
        };
        let t_s = clock.t_s();
        recording.gap(t_s, AWAY);
        recording.event(t_s, "resumed", &format!("{AWAY} since {}", crate::progress::clock_face(last_s)));
        let process = target.process();
        let is_same = known == Some(Owner::process(process.pid, process.start_ticks));
        if !is_same {
            recording.event(t_s, phases::RESTART, &format!("process {} was found after the break", process.pid));
            recording.target(process);
        }
        let mut aside = Aside::default();
        aside.warnings.push(Warning {
            text: format!(
                "{AWAY} for {:.0} s of this run, from {} on",
                t_s - last_s,
                crate::progress::clock_face(last_s)
            ),
            hint: None,
        });
        let begun = Begun {
            clock,
            started: record.run.started,
            folder,
            key: record.key,
            id,
            recording,
            target,
            operations,
            progress: Progress::new(profile.judge.duration.as_secs_f64(), &soak.audience),
            aside,
        };
        let mut active = begun.into_active(soak, specs);
        if let Err(failure) = active.go_on_from(record, &events, t_s, is_same).await {
            return Err(abandon(active.recording, &clock, failure));
        }
        match active.start_sampling(source) {
            Ok(()) => Ok(active),
            Err(failure) => Err(abandon(active.recording, &clock, failure)),
        }
    }

    /// Brings phase and estimates to where they were.
    async fn go_on_from(
        &mut self,
        record: &RunRecord,
        events: &[Event],
        t_s: f64,
        is_same: bool,
    ) -> Result<(), Failure> {
        let Some(started) = events.iter().find(|event| event.kind == phases::LOAD_STARTED) else {
            // It had not come so far; readiness is waited for again.
            return Ok(());
        };
        self.recording.load_began(started.t_s);
        self.load.start(&[]).await?;
        self.checkpoints.load_started(t_s);
        self.escalation.load_started(t_s);
        self.phase = Phase::Loaded { until_s: started.t_s + self.planned_s };
        let phases = Phases::of(events, t_s);
        replay(&mut self.watch, self.soak, record, &phases).map_err(exit_of::store)?;
        if !is_same {
            self.watch.restart(t_s);
        }
        match self.start_sources() {
            None => Ok(()),
            Some(Over::Failed(failure)) => Err(failure),
            Some(Over::Ended(_) | Over::Suspended) => {
                Err(Failure::new(Exit::Internal, "the run ended while it was taken up again"))
            }
        }
    }

    /// Lets go of the target, with all that was read of it on disk.
    pub(super) async fn suspend(mut self) -> Result<(), Failure> {
        let duration_s = self.clock.t_s();
        self.give_up_collecting().await;
        self.conclude_checkpoints();
        if let Some(sources) = self.sources.take() {
            let recording = &mut self.recording;
            sources.stop(|reading| drop(recording.source(&reading))).await?;
        }
        if let Some(sampling) = self.sampling.take() {
            let recording = &mut self.recording;
            sampling.stop(|sample| recording.sample(&sample)).await?;
        }
        self.load.stop().await;
        if let Err(error) = self.target.stop(target_spec::stop_spec(&self.soak.policy.plan.profile)).await {
            tracing::warn!(%error, "the target could not be let go in good order");
        }
        self.recording.event(duration_s, "suspended", "soakd was stopped; the run goes on when it starts again");
        let why = "soakd was stopped before the end of the run";
        self.recording.into_recorder().suspend(why).map_err(exit_of::store)
    }
}

/// Gives the estimates what was recorded before the break.
fn replay(watch: &mut Watch, soak: &Soak<'_>, record: &RunRecord, phases: &Phases) -> Result<(), StoreError> {
    let all = soak.store.series(record.key)?;
    let is_wanted = |scope: &Scope| matches!(scope, Scope::Tree | Scope::Source { .. } | Scope::Operations);
    let wanted: Vec<_> = all.iter().filter(|series| is_wanted(&series.scope)).map(|series| series.number).collect();
    let columns = soak.store.columns(record.key, &wanted)?;
    let operations = columns.iter().find(|column| column.series.scope == Scope::Operations);
    for column in &columns {
        let source = match &column.series.scope {
            Scope::Source { name } => Some(name.as_str()),
            _ => None,
        };
        let points = column
            .t_s
            .iter()
            .zip(&column.values)
            .filter(|(t_s, _)| phases.load.holds(**t_s) && !phases.is_checkpoint(**t_s));
        let with_operations = points.map(|(t_s, value)| {
            let counted = operations.and_then(|column| {
                let at = column.t_s.partition_point(|counted_s| counted_s <= t_s).checked_sub(1)?;
                column.values.get(at).copied()
            });
            (*t_s, *value, counted)
        });
        watch.replay(source, &column.series.metric, with_operations);
    }
    Ok(())
}
