//! Runs of this state folder that other soakd processes record, as far as the store tells.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use soakd_profiles::TargetSource;
use soakd_status::terminal::Levels;

use super::Seen;
use crate::exit::Failure;
use crate::judging::policy_of;
use crate::phases::{self, Phases};
use crate::policy::RunPolicy;
use crate::service::status::{DaemonStatus, LivePhase, LiveRun, Status};
use crate::store::{Column, Event, RunKey, RunRecord, Scope, Store, StoreError};
use crate::watch::Watch;
use crate::{clock, exit_of};

/// Where the kernel tells of processes.
const PROC: &str = "/proc";

/// The runs, with what is known of them by now.
#[derive(Debug)]
pub(super) struct Here {
    store: Store,
    state: PathBuf,
    followed: BTreeMap<RunKey, Followed>,
}

/// A run and its estimates.
#[derive(Debug)]
struct Followed {
    policy: RunPolicy,
    watch: Watch,
    /// All up to this second is in the estimates.
    until_s: f64,
}

impl Here {
    pub(super) fn new(store: Store) -> Self {
        let state = store.folder().to_path_buf();
        Self { store, state, followed: BTreeMap::new() }
    }

    /// What goes on now.
    pub(super) fn look(&mut self) -> Result<Seen, Failure> {
        self.seen().map_err(exit_of::store)
    }

    fn seen(&mut self) -> Result<Seen, StoreError> {
        let records = self.store.running()?;
        let records: Vec<RunRecord> =
            records.into_iter().filter(|record| record.owner.is_alive(Path::new(PROC))).collect();
        self.followed.retain(|key, _| records.iter().any(|record| record.key == *key));
        let (mut running, mut levels) = (Vec::new(), Vec::new());
        let mut remarks = Vec::new();
        for record in records {
            let followed = match self.followed.entry(record.key) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => match policy_of(&record) {
                    Ok(policy) => {
                        let watch = Watch::new(&policy);
                        entry.insert(Followed { policy, watch, until_s: f64::NEG_INFINITY })
                    }
                    Err(error) => {
                        remarks.push(error.to_string());
                        continue;
                    }
                },
            };
            running.push(followed.look(&self.store, &record, &mut levels)?);
        }
        let state = self.state.display().to_string();
        let own = DaemonStatus::beginning(env!("CARGO_PKG_VERSION"), std::process::id(), clock::now(), state);
        let daemon = DaemonStatus { remarks, ..own };
        let status = Status { daemon, running, queue: Vec::new(), schedule: Vec::new(), watches: Vec::new() };
        Ok(Seen { status, levels })
    }
}

impl Followed {
    fn look(&mut self, store: &Store, record: &RunRecord, levels: &mut Vec<Levels>) -> Result<LiveRun, StoreError> {
        let events = store.events(record.key)?;
        let all = store.series(record.key)?;
        let is_wanted = |scope: &Scope| matches!(scope, Scope::Tree | Scope::Source { .. } | Scope::Operations);
        let wanted: Vec<_> = all.iter().filter(|series| is_wanted(&series.scope)).map(|series| series.number).collect();
        let columns = store.columns(record.key, &wanted)?;
        let t_s = columns.iter().filter_map(|column| column.t_s.last().copied()).fold(0.0, f64::max);
        self.go_on(&columns, &Phases::of(&events, t_s), t_s);
        while self.watch.decision().is_some() {}
        levels.extend(columns.iter().filter(|column| column.series.scope != Scope::Operations).map(|column| Levels {
            run: record.run.id.to_string(),
            metric: column.series.metric.clone(),
            source: source(column).map(str::to_owned),
            values: column.values.clone(),
        }));
        Ok(LiveRun {
            id: record.run.id.to_string(),
            profile: record.run.profile.clone(),
            job: None,
            watch: None,
            target: target(&self.policy),
            pid: None,
            started: record.run.started,
            phase: phase(&events),
            t_s,
            planned_s: record.run.planned_s,
            samples_count: store.samples_count(record.key)?,
            series: self.watch.live(),
            warnings: Vec::new(),
        })
    }

    /// Takes what was recorded since the last look, up to second `t_s`.
    fn go_on(&mut self, columns: &[Column], phases: &Phases, t_s: f64) {
        let operations = columns.iter().find(|column| column.series.scope == Scope::Operations);
        let restarts = phases.restarts_s.iter().copied().filter(|at_s| self.until_s < *at_s && *at_s <= t_s);
        // What comes after a restart is another process.
        let parts: Vec<(f64, bool)> = restarts.map(|at_s| (at_s, true)).chain([(t_s, false)]).collect();
        for (to_s, is_restart) in parts {
            for column in columns {
                let points = column.t_s.iter().zip(&column.values).filter(|(at_s, _)| {
                    self.until_s < **at_s
                        && **at_s <= to_s
                        && phases.load.holds(**at_s)
                        && !phases.is_checkpoint(**at_s)
                });
                let counted = points.map(|(at_s, value)| {
                    let counted = operations.and_then(|column| {
                        let at = column.t_s.partition_point(|counted_s| counted_s <= at_s).checked_sub(1)?;
                        column.values.get(at).copied()
                    });
                    (*at_s, *value, counted)
                });
                self.watch.replay(source(column), &column.series.metric, counted);
            }
            if is_restart {
                self.watch.restart(to_s);
            }
            self.until_s = self.until_s.max(to_s);
        }
    }
}

fn source(column: &Column) -> Option<&str> {
    match &column.series.scope {
        Scope::Source { name } => Some(name),
        _ => None,
    }
}

fn target(policy: &RunPolicy) -> String {
    match (&policy.attached, &policy.plan.profile.target.source) {
        (Some(attached), _) => attached.clone(),
        (None, Some(TargetSource::Command(command))) => command.join(" "),
        (None, _) => String::new(),
    }
}

/// How far a run has come, by its events.
fn phase(events: &[Event]) -> LivePhase {
    let has = |kind: &str| events.iter().any(|event| event.kind == kind);
    if has(phases::LOAD_ENDED) {
        LivePhase::After
    } else if has(phases::LOAD_STARTED) {
        LivePhase::Loaded
    } else if has(phases::READY) {
        LivePhase::Before
    } else {
        LivePhase::Starting
    }
}
