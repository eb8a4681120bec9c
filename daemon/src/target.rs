//! The life of a target: started or attached to, ready, watched, started again, stopped.
//!
//! The run holds one [`Target`]; whether it was spawned or attached to makes no difference from there on. A task of
//! its own watches the target and sends what happens; nothing here reads a clock, so the run stamps events as it
//! takes them.
//!
//! ```no_run
//! use soakd::target::{SpawnSpec, StopSpec, Target, TargetEvent};
//!
//! # async fn soak() -> Result<(), soakd::target::TargetError> {
//! let mut target = Target::spawn(SpawnSpec::command("redis-server", ["--port", "6400"])).await?;
//! target.wait_ready().await?;
//! // Sample `target.membership()` here, and meanwhile:
//! if let TargetEvent::Exited { status, .. } = target.next_event().await {
//!     assert!(!status.is_success());
//! }
//! let report = target.stop(StopSpec::default()).await?;
//! # Ok(()) }
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`spec`] | what is asked of a target |
//! | [`event`] | what happens to it, how it ended |
//! | [`error`] | what can go wrong, and what to do then |
//! | [`output`], [`printed`] | what it prints: kept, watched, counted; a bounded answer |
//! | `command`, `account` | from what the user wrote to what is executed |
//! | `spawned` | the task that watches one that was started, through its [keeper](crate::keeper) |
//! | `attached`, `find` | the task that watches one that was there; how it is found |
//! | `ready` | the signs of readiness |
//! | `cgroup_hierarchies` | where cgroups are |

mod account;
mod attached;
pub(crate) mod cgroup_hierarchies;
mod command;
pub mod error;
pub mod event;
mod find;
pub mod output;
mod output_lines;
mod output_log;
pub mod printed;
mod ready;
mod spawned;
pub mod spec;

use tokio::sync::{mpsc, oneshot, watch};

pub use error::TargetError;
pub use event::{AfterExit, ExitStatus, Leftover, LimitOutcome, Placement, StopReport, StopTook, TargetEvent};
pub use output::{LineCounter, Output, OutputLine, Stream, Watch};
pub use printed::Printed;
pub use soakd_sampler::{Membership, ProcessId};
pub use spec::{
    AttachSpec, AttachTo, CgroupWish, Follow, InheritEnvironment, Isolation, LimitedResource, OutputSpec, ReadySpec,
    ReadyWhen, ResourceLimit, RestartPolicy, RestartWhen, SpawnSpec, StopSpec,
};

/// The oldest process of a running target.
///
/// # Errors
/// When nothing of it is running, or that cannot be found out.
pub fn head_of(to: &AttachTo) -> Result<u32, TargetError> {
    let search = find::search_for(to)?;
    find::find(to, &search).map(|found| found.process.pid)
}

/// A target that runs, or has run.
///
/// Dropping a spawned one ends it (TERM, 2 s, KILL) with nobody waiting; [`Target::stop`] waits and tells.
#[derive(Debug)]
pub struct Target {
    commands: mpsc::UnboundedSender<Command>,
    events: mpsc::UnboundedReceiver<TargetEvent>,
    current: watch::Receiver<Current>,
    output: Option<Output>,
    placement: Option<Placement>,
    remarks: Vec<String>,
}

/// What there is to sample now.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Current {
    process: ProcessId,
    membership: Membership,
    /// Whether it is held between two of its lives.
    rests: bool,
}

/// What the run wants of the task that watches.
#[derive(Debug)]
enum Command {
    Stop(StopSpec, oneshot::Sender<Result<StopReport, TargetError>>),
    SkipGrace,
    /// Whether it is not to be started again for now.
    Hold(bool),
}

/// Cuts the grace period of a stop short, from anywhere: for the second Ctrl-C.
#[derive(Debug, Clone)]
pub struct SkipGrace(mpsc::UnboundedSender<Command>);

impl SkipGrace {
    /// What still runs is killed now, or as soon as the stop begins. Does nothing to an attached target.
    pub fn skip(&self) {
        // It has ended if nobody listens.
        let _ = self.0.send(Command::SkipGrace);
    }
}

impl Target {
    /// Starts a target. It runs when this returns, and is not ready yet.
    ///
    /// # Errors
    /// When it cannot be started; nothing is left of the attempt.
    pub async fn spawn(spec: SpawnSpec) -> Result<Self, TargetError> {
        spawned::spawn(spec).await
    }

    /// Takes a target that runs. Nothing is ever done to it: it is looked at, and let go.
    ///
    /// # Errors
    /// When it is not there, is more than one, or cannot be watched.
    pub async fn attach(spec: AttachSpec) -> Result<Self, TargetError> {
        attached::attach(spec).await
    }

    /// Its main process, or the last one if it has ended.
    #[must_use]
    pub fn process(&self) -> ProcessId {
        self.current.borrow().process
    }

    /// Which processes to sample. Of a spawned target this stays the same over restarts; of an attached one it may
    /// change with [`TargetEvent::Restarted`].
    #[must_use]
    pub fn membership(&self) -> Membership {
        self.current.borrow().membership.clone()
    }

    /// What it prints; `None` if it was attached to.
    #[must_use]
    pub fn output(&self) -> Option<&Output> {
        self.output.as_ref()
    }

    /// Where it was put; `None` if it was attached to.
    #[must_use]
    pub fn placement(&self) -> Option<&Placement> {
        self.placement.as_ref()
    }

    /// What will be missing from the answer and why, in sentences for people.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Waits for the next thing that happens. Nothing is lost when the future is dropped. After
    /// [`TargetEvent::Gone`] there is only that.
    pub async fn next_event(&mut self) -> TargetEvent {
        self.events.recv().await.unwrap_or(TargetEvent::Gone)
    }

    /// Waits until it is ready, for the first time. To be called before [`Target::next_event`], which would take the
    /// event that is waited for; events that come before it are taken and dropped.
    ///
    /// # Errors
    /// When it ends or the time is up before it is ready. It has to be stopped then too.
    pub async fn wait_ready(&mut self) -> Result<(), TargetError> {
        loop {
            match self.next_event().await {
                TargetEvent::Ready { .. } => return Ok(()),
                TargetEvent::Failed(error) => return Err(error),
                TargetEvent::Gone => {
                    return Err(TargetError::NotRunning { to: AttachTo::Pid(self.process().pid), why: None });
                }
                TargetEvent::Exited { .. }
                | TargetEvent::Restarted { .. }
                | TargetEvent::OutputTruncated { .. }
                | TargetEvent::OutputFailed { .. } => {}
            }
        }
    }

    /// Ends a spawned target with all that it has started, and waits until nothing of it is left and its output is
    /// complete. Lets go of an attached one. Asking again is harmless.
    ///
    /// # Errors
    /// [`TargetError::StillRunning`] when a process does not even end by SIGKILL. The keeper goes on trying.
    pub async fn stop(&mut self, spec: StopSpec) -> Result<StopReport, TargetError> {
        let nothing = StopReport { took: StopTook::Nothing, killed: Vec::new(), status: None, remarks: Vec::new() };
        let (reply, answer) = oneshot::channel();
        if self.commands.send(Command::Stop(spec, reply)).is_err() {
            return Ok(nothing);
        }
        answer.await.unwrap_or(Ok(nothing))
    }

    /// Whether it is not to be started again for now. What runs goes on to its end. Means nothing to an attached target.
    pub fn hold(&self, hold: bool) {
        // It has ended if nobody listens.
        let _ = self.commands.send(Command::Hold(hold));
    }

    /// Whether nothing of it runs and nothing will before it is let go on: it is held, or has ended for good.
    #[must_use]
    pub fn rests(&self) -> bool {
        self.current.borrow().rests
    }

    /// A handle for the second Ctrl-C.
    #[must_use]
    pub fn skip_grace(&self) -> SkipGrace {
        SkipGrace(self.commands.clone())
    }
}
