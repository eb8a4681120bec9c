//! The runs of the daemon that go on: each a task on the daemon's own thread, with its own thread for its samples.

use std::collections::BTreeMap;
use std::rc::Rc;

use soakd_profiles::TargetSource;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};

use super::handle::Board;
use super::showing::{Found, Showing};
use super::status::{LivePhase, LiveRun};
use crate::exit::{Exit, Failure};
use crate::keeper::KeeperProgram;
use crate::policy::RunPolicy;
use crate::progress::Audience;
use crate::requests::{Request, Requests};
use crate::run::{self, Ran, Soak};
use crate::store::{RunId, RunRecord, Store};

/// Whose run it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    /// A job's.
    Job(u64),
    /// That of a period of a watch.
    Watch(String),
}

/// A run that is to be started, or gone on with.
#[derive(Debug)]
pub struct Start {
    /// Whose it is.
    pub of: Of,
    /// Its name.
    pub id: RunId,
    /// What is asked of it.
    pub policy: RunPolicy,
    /// What keeps its processes.
    pub keeper: KeeperProgram,
    /// The run that was cut off.
    pub resumes: Option<RunRecord>,
}

/// A run that has ended, or was left to be gone on with.
#[derive(Debug)]
pub struct Ended {
    /// Whose it was.
    pub of: Of,
    /// Its name.
    pub id: RunId,
    /// Reports that its profile asks for.
    pub reports: Vec<String>,
    /// What became of it.
    pub result: Result<Ran, Failure>,
}

/// A run that goes on.
#[derive(Debug)]
struct Running {
    of: Of,
    id: RunId,
    is_attached: bool,
    reports: Vec<String>,
    requests: mpsc::UnboundedSender<Request>,
}

/// All runs that go on.
#[derive(Debug)]
pub struct Runs {
    store: Rc<Store>,
    board: Board,
    found: mpsc::UnboundedSender<Found>,
    tasks: JoinSet<Result<Ran, Failure>>,
    running: BTreeMap<Id, Running>,
}

impl Runs {
    /// None yet. What they find while they go on is sent to `found`.
    #[must_use]
    pub fn new(store: Rc<Store>, board: Board, found: mpsc::UnboundedSender<Found>) -> Self {
        Self { store, board, found, tasks: JoinSet::new(), running: BTreeMap::new() }
    }

    /// Starts a run. To be called inside of a [`tokio::task::LocalSet`].
    pub fn start(&mut self, start: Start) {
        let Start { of, id, policy, keeper, resumes } = start;
        let (requests, received) = mpsc::unbounded_channel();
        let is_attached = matches!(policy.plan.profile.target.source, Some(TargetSource::Attach(_)));
        let shown = LiveRun {
            id: id.to_string(),
            profile: policy.plan.profile.name.clone(),
            job: match &of {
                Of::Job(job) => Some(*job),
                Of::Watch(_) => None,
            },
            watch: match &of {
                Of::Job(_) => None,
                Of::Watch(name) => Some(name.clone()),
            },
            target: target_of(&policy),
            pid: None,
            started: resumes.as_ref().map_or_else(crate::clock::now, |record| record.run.started),
            phase: LivePhase::Starting,
            t_s: 0.0,
            planned_s: policy.plan.profile.judge.duration.as_secs_f64(),
            samples_count: 0,
            series: Vec::new(),
            warnings: Vec::new(),
        };
        let reports = policy.plan.profile.report.formats.clone();
        let showing = Showing::new(self.board.clone(), self.found.clone(), shown);
        let (store, run) = (Rc::clone(&self.store), id.clone());
        let task = self.tasks.spawn_local(async move {
            let soak = Soak {
                audience: Audience::Log(run.to_string()),
                id: Some(run),
                resumes,
                follower: Some(&showing),
                keeper,
                ..Soak::new(&store, policy)
            };
            run::run(soak, &mut Requests::Daemon(received)).await
        });
        self.running.insert(task.id(), Running { of, id, is_attached, reports, requests });
    }

    /// The next run that ends; for ever pending while none goes on. Cancel-safe.
    pub async fn next_ended(&mut self) -> Ended {
        loop {
            let Some(ended) = self.tasks.join_next_with_id().await else { return std::future::pending().await };
            let (task, result) = match ended {
                Ok((task, result)) => (task, result),
                Err(error) => (error.id(), Err(panicked(&error))),
            };
            if let Some(Running { of, id, reports, .. }) = self.running.remove(&task) {
                return Ended { of, id, reports, result };
            }
        }
    }

    /// Whether none goes on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Whose runs go on.
    pub fn all(&self) -> impl Iterator<Item = &Of> {
        self.running.values().map(|running| &running.of)
    }

    /// Whose the run of this name is.
    #[must_use]
    pub fn whose(&self, id: &str) -> Option<&Of> {
        self.running.values().find(|running| running.id.as_str() == id).map(|running| &running.of)
    }

    /// Ends a run with a verdict on what there is; asked again, without further grace for its target. Whether there is one.
    pub fn end(&self, of: &Of, why: &str) -> bool {
        let running = self.running.values().find(|running| running.of == *of);
        if let Some(running) = running {
            // One that has ended already will say so.
            let _ = running.requests.send(Request::End { why: why.to_owned() });
        }
        running.is_some()
    }

    /// Leaves attached targets alone, their runs to be gone on with, and ends what was started.
    pub fn stop_all(&self, why: &str) {
        for running in self.running.values() {
            let request = if running.is_attached { Request::Suspend } else { Request::End { why: why.to_owned() } };
            let _ = running.requests.send(request);
        }
    }
}

/// A fault of ours ended one run, and none of the others.
fn panicked(error: &JoinError) -> Failure {
    Failure::new(Exit::Internal, format!("the run ended by a fault of soakd: {error}"))
}

/// What is soaked, in words.
fn target_of(policy: &RunPolicy) -> String {
    match (&policy.attached, &policy.plan.profile.target.source) {
        (Some(attached), _) => attached.clone(),
        (None, Some(TargetSource::Command(command))) => command.join(" "),
        (None, _) => String::new(),
    }
}
