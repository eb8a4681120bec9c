//! Checkpoints of a run: the load pauses, the target is asked to collect and comes to rest, a settled sample is taken, the load
//! goes on. The levels before and after the load, which the cleanup check compares, are taken in the same way.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use soakd_analysis::Quantity;
use soakd_profiles::{Checkpoint, CheckpointWhen, Settle};
use soakd_reports::{Ended, Warning};
use soakd_sampler::{Detail, MetricId, MetricSet, Reading, Scope};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::{Active, Over, Phase};
use crate::clock::RunClock;
use crate::collect::{CollectError, Collecting};
use crate::load::Held;
use crate::phases;
use crate::sampling::Sample;
use crate::settled::{self, Quiet};
use crate::sources::SourceReading;

/// How long a driver may take to finish what is under way; then it is stopped where it stands.
const HOLD_WITHIN_S: f64 = 10.0;
/// How often it is looked at whether it has.
const LOOK_EVERY_S: f64 = 0.02;
/// Readings of one settled sample, of which the median counts.
const READINGS: usize = 5;
/// Time between them.
const READ_EVERY_S: f64 = 0.05;
/// Time between readings while the target becomes quiet.
const QUIET_EVERY_S: f64 = 0.25;
/// After so many failures in a row there are no more checkpoints.
const MOST_FAILURES: u32 = 3;
/// How long the end of a run waits for what the target was asked for to be given up.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(5);

/// Why the target is made to settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// For the level before the load.
    Before,
    /// In the middle of the load.
    Under,
    /// For the level after the load.
    After,
}

/// What a checkpoint waited for.
#[derive(Debug)]
pub(super) enum Due {
    Begin,
    LookAtLoad,
    Collected(Result<(), CollectError>),
    Read,
}

/// The checkpoints of one run.
pub(super) struct Checkpoints {
    plan: Checkpoint,
    schedule: Schedule,
    under_way: Option<UnderWay>,
    /// The level of the last ordinary sample.
    level: Option<f64>,
    taken_count: u32,
    failures_in_row: u32,
    /// A settled sample lacked something that was asked for.
    is_lack_told: bool,
}

/// A checkpoint that is under way.
struct UnderWay {
    occasion: Occasion,
    settle: Settle,
    began_s: f64,
    level_before: Option<f64>,
    held: Held,
    told: Vec<String>,
    /// It has been told how long the target took to become quiet.
    was_quiet_told: bool,
    step: Step,
}

enum Step {
    Holding {
        look_s: f64,
        until_s: f64,
    },
    Collecting {
        since_s: f64,
        give_up: Arc<Notify>,
        done: Pin<Box<dyn Future<Output = Result<(), CollectError>> + Send>>,
    },
    Settling {
        since_s: f64,
        next_s: f64,
        until_s: f64,
        quiet: Option<Quiet>,
    },
    Reading(Readings),
}

/// The readings of one settled sample.
#[derive(Default)]
struct Readings {
    next_s: f64,
    of_target: Vec<Reading>,
    /// What was read of the target in any of them.
    due: MetricSet,
    /// What each source gave, once for each.
    of_sources: Vec<SourceReading>,
}

/// When checkpoints are due: every `step_s` seconds after the start of the load.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Schedule {
    step_s: f64,
    next_s: Option<f64>,
    left_count: u32,
}

impl Schedule {
    /// Of a load of `planned_s` seconds that has not begun.
    fn new(when: Option<CheckpointWhen>, planned_s: f64) -> Self {
        let (step_s, left_count) = match when {
            None => (0.0, 0),
            Some(CheckpointWhen::Every(every)) => (every.as_secs_f64(), u32::MAX),
            // None at the very end, where there would be no time for it.
            Some(CheckpointWhen::Count(count)) => (planned_s / (f64::from(count) + 1.0), count),
        };
        Self { step_s, next_s: None, left_count }
    }

    fn begin(&mut self, load_started_s: f64) {
        self.next_s = (self.left_count > 0 && self.step_s > 0.0).then_some(load_started_s + self.step_s);
    }

    /// Goes on to the first one after `t_s`; what was missed is not made up for.
    fn advance(&mut self, t_s: f64) {
        let Some(mut next_s) = self.next_s else { return };
        let passed = ((t_s - next_s) / self.step_s).floor().max(0.0) + 1.0;
        next_s += passed * self.step_s;
        // Saturates where more have passed than there are.
        self.left_count = self.left_count.saturating_sub(passed as u32);
        self.next_s = (self.left_count > 0).then_some(next_s);
    }
}

impl Checkpoints {
    /// Those that `plan` asks for in a run of `planned_s` seconds.
    pub(super) fn new(plan: &Checkpoint, planned_s: f64) -> Self {
        Self {
            plan: plan.clone(),
            schedule: Schedule::new(plan.when, planned_s),
            under_way: None,
            level: None,
            taken_count: 0,
            failures_in_row: 0,
            is_lack_told: false,
        }
    }

    /// The load has begun.
    pub(super) fn load_started(&mut self, t_s: f64) {
        self.schedule.begin(t_s);
    }

    /// Whether what is sampled now is no part of the ordinary series.
    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// Takes note of an ordinary sample.
    pub(super) fn see(&mut self, sample: &Sample) {
        self.level = sample.totals.get(MetricId::AnonSwap).or(self.level);
    }

    /// Waits for what is to be done next; for ever where there is nothing. Cancel-safe.
    pub(super) async fn next(&mut self, clock: &RunClock) -> Due {
        let (t_s, due) = match &mut self.under_way {
            None => match self.schedule.next_s {
                Some(next_s) => (next_s, Due::Begin),
                None => return std::future::pending().await,
            },
            Some(under_way) => match &mut under_way.step {
                Step::Holding { look_s, .. } => (*look_s, Due::LookAtLoad),
                Step::Collecting { done, .. } => return Due::Collected(done.await),
                Step::Settling { next_s, .. } => (*next_s, Due::Read),
                // What is still awaited comes by itself: each source has a time limit.
                Step::Reading(readings) if readings.of_target.len() >= READINGS => return std::future::pending().await,
                Step::Reading(readings) => (readings.next_s, Due::Read),
            },
        };
        sleep_until(Instant::from_std(clock.instant(t_s))).await;
        due
    }
}

impl Active<'_> {
    /// Makes the target settle, for `occasion`.
    pub(super) async fn begin_checkpoint(&mut self, occasion: Occasion, settle: Settle) {
        let t_s = self.clock.t_s();
        let text = match occasion {
            Occasion::Before => "for the level before the load",
            Occasion::Under => "the load pauses",
            Occasion::After => "for the level after the load",
        };
        self.recording.event(t_s, phases::CHECKPOINT_BEGAN, text);
        let mut told = Vec::new();
        let held = match occasion {
            Occasion::Before | Occasion::After => Held::NotOurs,
            Occasion::Under => match self.load.hold().await {
                Ok(Held::NotOurs) => {
                    told.push("the traffic of the target goes on".to_owned());
                    Held::NotOurs
                }
                Ok(held) => held,
                Err(why) => {
                    self.warn_once(
                        format!("the load goes on during checkpoints: {why}"),
                        "settled samples hold what is under way then",
                    );
                    told.push("the load goes on".to_owned());
                    Held::NotOurs
                }
            },
        };
        let step = Step::Holding { look_s: t_s, until_s: t_s + HOLD_WITHIN_S };
        let level_before = self.checkpoints.level;
        self.checkpoints.under_way =
            Some(UnderWay { occasion, settle, began_s: t_s, level_before, held, told, was_quiet_told: false, step });
    }

    /// Something that a checkpoint waited for has come.
    pub(super) async fn checkpoint_due(&mut self, due: Due) -> Option<Over> {
        match due {
            Due::Begin => {
                let t_s = self.clock.t_s();
                self.checkpoints.schedule.advance(t_s);
                let Phase::Loaded { until_s } = self.phase else { return None };
                let settle = self.checkpoints.plan.settle;
                // One that could not come to its end would only take load from the run.
                if t_s + settle.at_most().as_secs_f64() + 1.0 < until_s {
                    self.begin_checkpoint(Occasion::Under, settle).await;
                }
                None
            }
            Due::LookAtLoad => {
                self.look_at_load().await;
                None
            }
            Due::Collected(Ok(())) => {
                let t_s = self.clock.t_s();
                if let Some(under_way) = &mut self.checkpoints.under_way {
                    if let Step::Collecting { since_s, .. } = under_way.step {
                        under_way.told.push(format!("collected in {:.1} s", t_s - since_s));
                    }
                    under_way.settle_from(t_s);
                }
                None
            }
            Due::Collected(Err(error)) => {
                let text = format!("the target was not seen to collect: {error}");
                self.warn_once(text.clone(), "try the command, signal or request of `collect` by hand");
                self.fail_checkpoint(&text)
            }
            Due::Read => {
                self.ask_for_reading();
                None
            }
        }
    }

    /// Goes on to collecting once the load rests.
    async fn look_at_load(&mut self) {
        let t_s = self.clock.t_s();
        let is_held = self.load.is_held();
        let Some(under_way) = &mut self.checkpoints.under_way else { return };
        let Step::Holding { look_s, until_s } = &mut under_way.step else { return };
        if under_way.held == Held::Asked && !is_held {
            *look_s = t_s + LOOK_EVERY_S;
            if t_s < *until_s {
                return;
            }
            let stopped = self.load.stop_in_place().await;
            let Some(under_way) = &mut self.checkpoints.under_way else { return };
            under_way.told.push(match stopped {
                Ok(()) => format!("after {HOLD_WITHIN_S} s operations were stopped in the middle"),
                Err(why) => format!("the load goes on: {why}"),
            });
        }
        let t_s = self.clock.t_s();
        let give_up = Arc::new(Notify::new());
        let collecting = self.checkpoints.plan.collect.clone().map(|collect| Collecting {
            collect,
            profile: self.soak.policy.plan.profile.clone(),
            keeper: self.soak.keeper.clone(),
            folder: self.folder.clone(),
            main: self.target.process(),
            membership: self.target.membership(),
            give_up: Arc::clone(&give_up),
        });
        let Some(under_way) = &mut self.checkpoints.under_way else { return };
        if under_way.held != Held::NotOurs {
            under_way.told.push(format!("the load rested after {:.1} s", t_s - under_way.began_s));
        }
        match collecting {
            Some(collecting) => {
                under_way.step = Step::Collecting { since_s: t_s, give_up, done: Box::pin(collecting.run()) };
            }
            None => under_way.settle_from(t_s),
        }
    }

    /// Asks for the reading that is due.
    fn ask_for_reading(&mut self) {
        let t_s = self.clock.t_s();
        let Some(under_way) = &mut self.checkpoints.under_way else { return };
        let detail = match &mut under_way.step {
            Step::Settling { next_s, quiet: Some(_), .. } => {
                *next_s = t_s + QUIET_EVERY_S;
                Detail::Fast
            }
            Step::Settling { since_s, .. } => {
                if !under_way.was_quiet_told {
                    under_way.told.push(format!("settled for {:.1} s", t_s - *since_s));
                }
                under_way.step = Step::Reading(Readings { next_s: t_s + READ_EVERY_S, ..Readings::default() });
                if let Some(sources) = &self.sources {
                    sources.ask_now();
                }
                // The walk through the address space once: the share of time that it may take is small.
                Detail::Slow
            }
            Step::Reading(readings) => {
                readings.next_s = t_s + READ_EVERY_S;
                Detail::Full
            }
            Step::Holding { .. } | Step::Collecting { .. } => return,
        };
        if let Some(sampling) = &self.sampling {
            sampling.read_now(detail);
        }
    }

    /// Takes a reading that was asked for.
    pub(super) fn take_asked(&mut self, sample: &Sample) -> Option<Over> {
        let under_way = self.checkpoints.under_way.as_mut()?;
        match &mut under_way.step {
            Step::Settling { since_s, until_s, quiet: Some(quiet), .. } => {
                let is_quiet = quiet.push(&sample.totals);
                if is_quiet || sample.t_s >= *until_s {
                    let how = if is_quiet { "quiet" } else { "not quiet" };
                    under_way.told.push(format!("{how} after {:.1} s", sample.t_s - *since_s));
                    under_way.was_quiet_told = true;
                    under_way.step = Step::Settling {
                        since_s: *since_s,
                        next_s: sample.t_s,
                        until_s: *until_s,
                        // The first reading of the sample is asked for like that of a target that had its time.
                        quiet: None,
                    };
                }
                None
            }
            Step::Reading(readings) => {
                if readings.of_target.len() < READINGS {
                    readings.of_target.push(sample.totals);
                    readings.due.extend(&sample.due);
                }
                self.complete_checkpoint()
            }
            Step::Holding { .. } | Step::Collecting { .. } | Step::Settling { .. } => None,
        }
    }

    /// Takes what a source gave that was asked for; `None` as well where no checkpoint waits for it any more.
    pub(super) fn take_asked_source(&mut self, reading: SourceReading) -> Option<Over> {
        let under_way = self.checkpoints.under_way.as_mut()?;
        let Step::Reading(readings) = &mut under_way.step else { return None };
        if readings.of_sources.iter().all(|known| known.source != reading.source) {
            readings.of_sources.push(reading);
        }
        self.complete_checkpoint()
    }

    /// Writes the settled sample once all of it is there.
    fn complete_checkpoint(&mut self) -> Option<Over> {
        let t_s = self.clock.t_s();
        let sources_count = if self.sources.is_some() { self.recording.sources().len() } else { 0 };
        let under_way = self.checkpoints.under_way.as_mut()?;
        let Step::Reading(readings) = &mut under_way.step else { return None };
        if readings.of_target.len() < READINGS || readings.of_sources.len() < sources_count {
            return None;
        }
        let Readings { of_target, due, of_sources, .. } = std::mem::take(readings);
        let medians = settled::medians(&of_target);
        if medians.is_empty() {
            return self.fail_checkpoint("nothing could be read of the target");
        }
        self.recording.settled(t_s, &medians);
        for reading in &of_sources {
            self.recording.settled_source(t_s, reading);
        }
        self.tell_what_is_missing(&due, &of_sources);
        self.finish_checkpoint(t_s, &medians)
    }

    /// Says what a settled sample lacks: what has had its share of time is not read, at a checkpoint no more than elsewhere.
    fn tell_what_is_missing(&mut self, due: &MetricSet, of_sources: &[SourceReading]) {
        let is_missing = |metric: &MetricId| metric.row().scope == Scope::Process && !due.contains(*metric);
        let settling = settled::metrics().filter(|metric| self.recording.metrics().contains(metric));
        let missing: Vec<&str> = settling.filter(is_missing).map(MetricId::name).collect();
        let (mut told, mut warned) = (Vec::new(), Vec::new());
        if !missing.is_empty() {
            told.push(format!("not read, since their sources have had their share of time: {}", missing.join(", ")));
        }
        // What is judged because it was named is missed.
        let named = &self.soak.policy.plan.profile.judge.metrics;
        for metric in missing.iter().filter(|metric| named.iter().any(|named| named == *metric)) {
            warned.push(format!("`{metric}` was not read, since its source has had its share of time"));
        }
        for reading in of_sources {
            let name = self.recording.sources().get(reading.source).map(|source| source.name());
            if let (Some(name), Some(why)) = (name, reading.failures.first()) {
                told.push(format!("source `{name}`: {why}"));
                warned.push(format!("source `{name}`: {why}"));
            }
        }
        if let Some(what) = warned.first().filter(|_| !self.checkpoints.is_lack_told) {
            self.checkpoints.is_lack_told = true;
            self.warn_once(
                format!("settled samples are not whole; of the first one that is not: {what}"),
                "each checkpoint tells what it lacks; fewer metrics in `[sample]`, or checkpoints further apart, have all",
            );
        }
        if let Some(under_way) = &mut self.checkpoints.under_way {
            under_way.told.extend(told);
        }
    }

    fn finish_checkpoint(&mut self, t_s: f64, medians: &[(MetricId, f64)]) -> Option<Over> {
        let under_way = self.checkpoints.under_way.take()?;
        self.checkpoints.failures_in_row = 0;
        let mut told = under_way.told;
        let level = medians.iter().find(|(metric, _)| *metric == MetricId::AnonSwap).map(|(_, level)| *level);
        if let Some(level) = level {
            let before = under_way.level_before.map_or_else(String::new, |before| {
                let (word, change) = if level > before { ("more", level - before) } else { ("less", before - level) };
                format!(", {} {word} than before", Quantity::Bytes.show(change))
            });
            told.push(format!("`{}` {}{before}", MetricId::AnonSwap.name(), Quantity::Bytes.show(level)));
        }
        if under_way.occasion == Occasion::Under {
            self.checkpoints.taken_count += 1;
            told.insert(0, format!("number {}", self.checkpoints.taken_count));
        }
        self.end_checkpoint(
            t_s,
            under_way.began_s,
            under_way.held,
            under_way.occasion,
            phases::CHECKPOINT,
            &told.join("; "),
        )
    }

    /// A checkpoint that counts for nothing.
    pub(super) fn fail_checkpoint(&mut self, why: &str) -> Option<Over> {
        let under_way = self.checkpoints.under_way.take()?;
        let t_s = self.clock.t_s();
        self.checkpoints.failures_in_row += 1;
        if self.checkpoints.failures_in_row >= MOST_FAILURES && self.checkpoints.schedule.next_s.take().is_some() {
            self.warn_once(
                format!("there are no more checkpoints after {MOST_FAILURES} failures in a row; the last: {why}"),
                "",
            );
        }
        self.end_checkpoint(t_s, under_way.began_s, under_way.held, under_way.occasion, phases::CHECKPOINT_FAILED, why)
    }

    fn end_checkpoint(
        &mut self,
        t_s: f64,
        began_s: f64,
        held: Held,
        occasion: Occasion,
        kind: &str,
        text: &str,
    ) -> Option<Over> {
        if occasion == Occasion::Under {
            self.load.release();
            if held != Held::NotOurs {
                self.recording.load_rested(t_s - began_s);
            }
        }
        self.recording.event(t_s, kind, text);
        match occasion {
            Occasion::Under => None,
            Occasion::Before => {
                self.phase = Phase::Before { until_s: t_s };
                self.level_taken = true;
                None
            }
            Occasion::After => Some(Over::Ended(self.load_ended.take().unwrap_or(Ended::PlannedEnd))),
        }
    }

    fn warn_once(&mut self, text: String, hint: &str) {
        let warning = Warning { text, hint: Some(hint.to_owned()).filter(|hint| !hint.is_empty()) };
        if !self.aside.warnings.contains(&warning) {
            self.progress.say(&format!("warning: {}", warning.text));
            self.aside.warnings.push(warning);
        }
    }

    /// Gives up what the target is asked for, so that nothing of it outlives the run.
    pub(super) async fn give_up_collecting(&mut self) {
        let Some(under_way) = &mut self.checkpoints.under_way else { return };
        let Step::Collecting { give_up, done, .. } = &mut under_way.step else { return };
        give_up.notify_one();
        // One that does not end in time is left to its keeper.
        let _ = tokio::time::timeout(GIVEN_UP_WITHIN, done).await;
    }

    /// What the run tells about its checkpoints when it is over.
    pub(super) fn conclude_checkpoints(&mut self) {
        if self.checkpoints.under_way.is_some() {
            // The load is about to be stopped, and does not have to go on before.
            let over = self.fail_checkpoint("the run ended in the middle of it");
            debug_assert!(over.is_none() || self.phase == Phase::After, "only the last one ends a run");
        }
        if self.checkpoints.plan.when.is_some() && self.checkpoints.taken_count == 0 {
            self.warn_once(
                "no settled sample was taken: no checkpoint of `[checkpoint]` came to its end in the run".to_owned(),
                "shorten `every`, or run longer",
            );
        }
    }
}

impl UnderWay {
    fn settle_from(&mut self, t_s: f64) {
        let until_s = t_s + self.settle.at_most().as_secs_f64();
        let (next_s, quiet) = match self.settle {
            Settle::For(_) => (until_s, None),
            Settle::Quiet => (t_s, Some(Quiet::default())),
        };
        self.step = Step::Settling { since_s: t_s, next_s, until_s, quiet };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn times(when: CheckpointWhen, planned_s: f64) -> Vec<f64> {
        let mut schedule = Schedule::new(Some(when), planned_s);
        schedule.begin(10.0);
        let mut times = Vec::new();
        while let Some(next_s) = schedule.next_s.filter(|next_s| *next_s < 10.0 + planned_s) {
            times.push(next_s);
            schedule.advance(next_s + 0.5);
        }
        times
    }

    #[test]
    fn checkpoints_are_spread_over_the_load() {
        assert_eq!(times(CheckpointWhen::Every(Duration::from_secs(30)), 100.0), [40.0, 70.0, 100.0]);
        assert_eq!(times(CheckpointWhen::Count(3), 100.0), [35.0, 60.0, 85.0]);
    }

    #[test]
    fn what_was_missed_is_not_made_up_for() {
        let mut schedule = Schedule::new(Some(CheckpointWhen::Count(4)), 50.0);
        schedule.begin(0.0);
        schedule.advance(31.0);
        assert_eq!((schedule.next_s, schedule.left_count), (Some(40.0), 1));
        schedule.advance(40.2);
        assert_eq!(schedule.next_s, None);
        let mut never = Schedule::new(None, 50.0);
        never.begin(0.0);
        assert_eq!(never.next_s, None);
    }
}
