//! The task that watches a target that was started: hears its keeper, waits for its readiness, starts it again, stops
//! it.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::{mpsc, oneshot, watch};

use super::command::{resolve, start_error};
use super::output::{Output, Reader};
use super::output_log::OutputLog;
use super::ready::ReadyWait;
use super::{
    AfterExit, Command, Current, ExitStatus, Membership, Placement, ProcessId, RestartWhen, SpawnSpec, StopReport,
    StopSpec, StopTook, Target, TargetError, TargetEvent,
};
use crate::keeper::handle::KeeperHandle;
use crate::keeper::orphans::end_orphans;
use crate::keeper::protocol::{Reply, Request, Start};

/// How long processes that outlive a main process that failed may take before it is started again.
const LEFTOVER_GRACE: Duration = Duration::from_secs(10);
/// The grace period for orphans of a keeper that was killed.
const ORPHAN_GRACE: Duration = Duration::from_secs(2);

type Pending<T> = Option<Pin<Box<dyn Future<Output = T> + Send>>>;

/// Starts the target and the task that watches it.
pub(super) async fn spawn(spec: SpawnSpec) -> Result<Target, TargetError> {
    let mut start = resolve(&spec)?;
    let log = match &spec.output.file {
        Some(file) => {
            let log = OutputLog::open(file, spec.output.limit_bytes);
            Some((file.clone(), log.map_err(|reason| TargetError::OutputFile { file: file.clone(), reason })?))
        }
        None => None,
    };
    let output = Output::new(spec.counters.clone(), spec.printed.clone());
    let ready = spec.ready.as_ref().map(|ready| ReadyWait::begin(ready, &output)).transpose()?;

    let keeping = |what| move |reason| TargetError::Keeper { what, reason };
    let (send_events, events) = mpsc::unbounded_channel();
    let pipe = || io::pipe().map_err(keeping("making a pipe for its output"));
    let ((read_output, write_output), (read_errors, write_errors)) = (pipe()?, pipe()?);
    let streams: [OwnedFd; 2] = [read_output.into(), read_errors.into()];
    let reader = output.read(streams, log, send_events.clone()).map_err(keeping("reading its output"))?;
    let (write_output, write_errors) = (write_output.into(), write_errors.into());
    let mut keeper = match spec.keeper.unit() {
        None => {
            KeeperHandle::start(&spec.keeper, write_output, write_errors).map_err(keeping("starting its keeper"))?
        }
        Some(unit) => {
            // The keeper has its user from the start: it need not, and may not, take another one.
            let account = start.account.take();
            let limit = start.memory_limit_bytes;
            KeeperHandle::start_in_unit(&spec.keeper, unit, account.as_ref(), limit, write_output, write_errors)
                .await
                .map_err(TargetError::Unit)?
        }
    };

    let started = first_start(&mut keeper, &spec, &start).await;
    let (process, placement) = match started {
        Ok(started) => started,
        Err(error) => {
            let _ = keeper.close().await;
            reader.finish().await;
            return Err(error);
        }
    };
    let membership = Membership::Descendants { of: vec![keeper.id()], include_roots: false };
    let (current, watch_current) = watch::channel(Current { process, membership, rests: false });
    let (commands, hear_commands) = mpsc::unbounded_channel();
    let remarks = placement.remarks.clone();
    let watching = Spawned {
        spec,
        start,
        keeper: Some(keeper),
        commands: hear_commands,
        events: send_events,
        current,
        output: output.clone(),
        reader: Some(reader),
        placement: placement.clone(),
        ready: None,
        restart_at: None,
        state: State::Running,
        restart_count: 0,
        skip_grace: false,
        held: false,
        stopping: None,
    };
    tokio::spawn(watching.run(ready));
    Ok(Target { commands, events, current: watch_current, output: Some(output), placement: Some(placement), remarks })
}

async fn first_start(
    keeper: &mut KeeperHandle,
    spec: &SpawnSpec,
    start: &Start,
) -> Result<(ProcessId, Placement), TargetError> {
    let keeping = |reason| TargetError::Keeper { what: "speaking with its keeper", reason };
    keeper.say(&Request::Start(Box::new(start.clone()))).await.map_err(keeping)?;
    match keeper.hear().await.map_err(keeping)? {
        Some(Reply::Started { pid, start_ticks, placement }) => Ok((ProcessId { pid, start_ticks }, placement)),
        Some(Reply::StartFailed { step, errno }) => Err(start_error(spec, start, step, errno)),
        Some(other) => Err(keeping(io::Error::other(format!("unexpected answer: {other:?}")))),
        None => Err(keeping(io::Error::from(io::ErrorKind::UnexpectedEof))),
    }
}

/// Where the target is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its main process runs.
    Running,
    /// Its main process has ended, others go on; there will be no restart.
    Leftovers,
    /// A daemon that has forked away runs.
    ForkedAway,
    /// Its main process has ended and will be started again, once the others have ended too.
    Ending,
    /// Nothing runs; it will be started again.
    Waiting,
    /// It has been asked to start again.
    Starting,
    /// Nothing runs, and nothing will be started.
    Gone,
}

struct Spawned {
    spec: SpawnSpec,
    start: Start,
    keeper: Option<KeeperHandle>,
    commands: mpsc::UnboundedReceiver<Command>,
    events: mpsc::UnboundedSender<TargetEvent>,
    current: watch::Sender<Current>,
    output: Output,
    reader: Option<Reader>,
    placement: Placement,
    ready: Pending<Result<(), TargetError>>,
    restart_at: Pending<()>,
    state: State,
    restart_count: u32,
    skip_grace: bool,
    /// It is not to be started again for now.
    held: bool,
    stopping: Option<Stopping>,
}

struct Stopping {
    spec: StopSpec,
    replies: Vec<oneshot::Sender<Result<StopReport, TargetError>>>,
}

/// What the loop woke up for.
enum Woken {
    Heard(io::Result<Option<Reply>>),
    Asked(Option<Command>),
    Ready(Result<(), TargetError>),
    RestartDue,
}

impl Spawned {
    async fn run(mut self, ready: Option<ReadyWait>) {
        self.wait_for(ready);
        loop {
            let woken = tokio::select! {
                heard = hear(&mut self.keeper) => Woken::Heard(heard),
                asked = self.commands.recv() => Woken::Asked(asked),
                ready = pending(&mut self.ready) => Woken::Ready(ready),
                () = pending(&mut self.restart_at), if !self.held => Woken::RestartDue,
            };
            let go_on = match woken {
                Woken::Heard(Ok(Some(reply))) => self.on_reply(reply).await,
                Woken::Heard(Ok(None)) => self.on_keeper_lost(io::ErrorKind::UnexpectedEof.into()).await,
                Woken::Heard(Err(error)) => self.on_keeper_lost(error).await,
                Woken::Asked(Some(command)) => self.on_command(command).await,
                Woken::Asked(None) => break,
                Woken::Ready(ready) => {
                    self.ready = None;
                    self.on_ready(ready);
                    true
                }
                Woken::RestartDue => {
                    self.restart_at = None;
                    self.start_again().await
                }
            };
            if !go_on {
                break;
            }
            self.tell_rest();
        }
        // The target was let go of without a stop, or cannot be stopped: the keeper does what it can.
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.close().await;
        }
    }

    fn tell(&self, event: TargetEvent) {
        // Nobody listens any more when the target has been dropped.
        let _ = self.events.send(event);
    }

    /// Lets others see whether nothing runs, and nothing will for now.
    fn tell_rest(&self) {
        let rests = self.state == State::Gone || (self.held && self.state == State::Waiting);
        self.current.send_if_modified(|current| std::mem::replace(&mut current.rests, rests) != rests);
    }

    fn process(&self) -> ProcessId {
        self.current.borrow().process
    }

    fn wait_for(&mut self, ready: Option<ReadyWait>) {
        match ready {
            Some(ready) => self.ready = Some(Box::pin(ready.done())),
            None => self.tell(TargetEvent::Ready { process: self.process() }),
        }
    }

    fn on_ready(&mut self, ready: Result<(), TargetError>) {
        match ready {
            Ok(()) => self.tell(TargetEvent::Ready { process: self.process() }),
            Err(error) => self.tell(TargetEvent::Failed(error)),
        }
    }

    /// Whether to go on.
    async fn on_reply(&mut self, reply: Reply) -> bool {
        match reply {
            // Said once, before anything was asked of it.
            Reply::Here { .. } => true,
            Reply::Started { pid, start_ticks, .. } => {
                let (old, new) = (self.process(), ProcessId { pid, start_ticks });
                self.current.send_modify(|current| current.process = new);
                self.state = State::Running;
                self.tell(TargetEvent::Restarted { old, new, restart_count: self.restart_count });
                if self.spec.ready.is_none() {
                    self.tell(TargetEvent::Ready { process: new });
                }
                true
            }
            Reply::StartFailed { step, errno } => {
                self.ready = None;
                let error = start_error(&self.spec, &self.start, step, errno);
                self.tell(TargetEvent::Failed(error));
                self.gone().await;
                true
            }
            Reply::Exited { status, left_running_count, .. } => self.on_exit(status, left_running_count).await,
            Reply::Gone { took, killed, status } => match self.stopping.is_some() {
                true => self.finish(took, killed, status).await,
                false => self.on_gone().await,
            },
            Reply::Still { left } => {
                let Some(stopping) = self.stopping.take() else { return true };
                for reply in stopping.replies {
                    let _ = reply.send(Err(TargetError::StillRunning { left: left.clone() }));
                }
                false
            }
        }
    }

    async fn on_exit(&mut self, status: ExitStatus, left_running_count: u32) -> bool {
        let next = self.after(status, left_running_count);
        if next != AfterExit::GoesOn && self.ready.take().is_some() && next != AfterExit::Restart {
            self.output.settled().await;
            if let Some(ready) = &self.spec.ready {
                self.tell(TargetEvent::Failed(TargetError::EndedBeforeReady {
                    status,
                    waited_for: ready.when.clone(),
                    last_lines: self.output.last_lines(),
                }));
            }
        }
        self.tell(TargetEvent::Exited { process: self.process(), status, left_running_count, next });
        self.state = match next {
            AfterExit::GoesOn => State::ForkedAway,
            AfterExit::Restart => State::Ending,
            AfterExit::End | AfterExit::RestartsUsedUp | AfterExit::Follow => State::Leftovers,
        };
        if self.state == State::Ending && left_running_count > 0 {
            return self.say(&stop_request(StopSpec { grace: LEFTOVER_GRACE, ..StopSpec::default() })).await;
        }
        true
    }

    fn after(&self, status: ExitStatus, left_running_count: u32) -> AfterExit {
        if status.is_success() && left_running_count > 0 {
            return AfterExit::GoesOn;
        }
        let is_wanted = match self.spec.restart.when {
            RestartWhen::Never => false,
            RestartWhen::OnFailure => !status.is_success(),
            RestartWhen::Always => true,
        };
        match (is_wanted, self.may_restart()) {
            (false, _) => AfterExit::End,
            (true, true) => AfterExit::Restart,
            (true, false) => AfterExit::RestartsUsedUp,
        }
    }

    fn may_restart(&self) -> bool {
        self.spec.restart.limit_count.is_none_or(|limit| self.restart_count < limit)
    }

    /// Nothing of the target is left, and nobody has asked for that.
    async fn on_gone(&mut self) -> bool {
        // How a daemon that forked away ends only its adopter could tell a failure from: it restarts for `Always`.
        let daemon_restarts =
            self.state == State::ForkedAway && self.spec.restart.when == RestartWhen::Always && self.may_restart();
        if self.state == State::Ending || daemon_restarts {
            self.ready = None;
            self.state = State::Waiting;
            self.restart_at = Some(Box::pin(tokio::time::sleep(self.spec.restart.delay)));
            return true;
        }
        if self.ready.take().is_some()
            && let Some(ready) = &self.spec.ready
        {
            self.output.settled().await;
            self.tell(TargetEvent::Failed(TargetError::EndedBeforeReady {
                status: ExitStatus::Unknown,
                waited_for: ready.when.clone(),
                last_lines: self.output.last_lines(),
            }));
        }
        self.gone().await;
        true
    }

    async fn gone(&mut self) {
        self.state = State::Gone;
        self.output.settled().await;
        self.tell(TargetEvent::Gone);
    }

    async fn start_again(&mut self) -> bool {
        self.restart_count += 1;
        self.state = State::Starting;
        // Before it starts, so that no line is missed.
        match self.spec.ready.as_ref().map(|ready| ReadyWait::begin(ready, &self.output)).transpose() {
            Ok(ready) => self.ready = ready.map(|ready| Box::pin(ready.done()) as Pin<Box<_>>),
            Err(error) => self.tell(TargetEvent::Failed(error)),
        }
        let start = Request::Start(Box::new(self.start.clone()));
        self.say(&start).await
    }

    async fn on_command(&mut self, command: Command) -> bool {
        match command {
            Command::Hold(hold) => {
                self.held = hold;
                true
            }
            Command::SkipGrace => {
                self.skip_grace = true;
                match self.stopping {
                    Some(_) => self.say(&Request::Kill).await,
                    None => true,
                }
            }
            Command::Stop(spec, reply) => {
                self.ready = None;
                self.restart_at = None;
                if let Some(stopping) = &mut self.stopping {
                    stopping.replies.push(reply);
                    return true;
                }
                self.stopping = Some(Stopping { spec, replies: vec![reply] });
                if self.keeper.is_none() {
                    return self.finish(StopTook::Nothing, Vec::new(), None).await;
                }
                let request = if self.skip_grace { Request::Kill } else { stop_request(spec) };
                self.say(&request).await
            }
        }
    }

    /// Tells the keeper something; whether to go on.
    async fn say(&mut self, request: &Request) -> bool {
        let Some(keeper) = &mut self.keeper else { return true };
        match keeper.say(request).await {
            Ok(()) => true,
            Err(error) => self.on_keeper_lost(error).await,
        }
    }

    /// All has ended as asked: cleans up and answers.
    async fn finish(&mut self, took: StopTook, killed: Vec<super::Leftover>, status: Option<ExitStatus>) -> bool {
        let mut remarks = Vec::new();
        if let Some(keeper) = self.keeper.take()
            && let Err(error) = keeper.close().await
        {
            remarks.push(format!("the end of the keeper could not be watched: {error}"));
        }
        if let Some(reader) = self.reader.take() {
            reader.finish().await;
        }
        if self.state != State::Gone {
            self.state = State::Gone;
            self.tell(TargetEvent::Gone);
        }
        let report = StopReport { took, killed, status, remarks };
        for reply in self.stopping.take().into_iter().flat_map(|stopping| stopping.replies) {
            let _ = reply.send(Ok(report.clone()));
        }
        false
    }

    /// The keeper was killed. What it kept has become ours.
    async fn on_keeper_lost(&mut self, reason: io::Error) -> bool {
        if let Some(mut keeper) = self.keeper.take() {
            // Its descriptor may have been closed a moment before it ended.
            let _ = keeper.ended().await;
        }
        self.ready = None;
        self.restart_at = None;
        let (signal, grace) = match &self.stopping {
            Some(stopping) => (Signal::from_named_raw(stopping.spec.signal), stopping.spec.grace),
            None => (None, ORPHAN_GRACE),
        };
        let grace = if self.skip_grace { Duration::ZERO } else { grace };
        let ended = end_orphans(signal.unwrap_or(Signal::TERM), grace, Some(&self.placement)).await;
        let was_asked = self.stopping.is_some();
        if !was_asked {
            self.tell(TargetEvent::Failed(TargetError::Keeper { what: "its keeper has ended", reason }));
        }
        match ended {
            Ok((took, killed)) if was_asked => self.finish(took, killed, None).await,
            Ok(_) => {
                self.gone().await;
                true
            }
            Err(left) => {
                for reply in self.stopping.take().into_iter().flat_map(|stopping| stopping.replies) {
                    let _ = reply.send(Err(TargetError::StillRunning { left: left.clone() }));
                }
                !was_asked
            }
        }
    }
}

fn stop_request(spec: StopSpec) -> Request {
    let grace_ms = u64::try_from(spec.grace.as_millis()).unwrap_or(u64::MAX);
    Request::Stop { signal: spec.signal, grace_ms }
}

async fn hear(keeper: &mut Option<KeeperHandle>) -> io::Result<Option<Reply>> {
    match keeper {
        Some(keeper) => keeper.hear().await,
        None => std::future::pending().await,
    }
}

async fn pending<T>(pending: &mut Pending<T>) -> T {
    match pending {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
