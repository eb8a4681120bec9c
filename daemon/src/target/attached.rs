//! The task that watches a target that was there before us. It holds a descriptor of the process and waits for its
//! end; it never signals or traces it.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::find::{Found, Search, answering, find, older, search_for, successor, unreadable};
use super::{
    AfterExit, AttachSpec, Command, Current, ExitStatus, Follow, ProcessId, StopReport, StopTook, Target, TargetError,
    TargetEvent,
};
use crate::keeper::family::Relative;
use crate::keeper::process_end::ProcessEnd;

/// How often a successor is looked for: that a process is born is told to nobody but its parent.
const SUCCESSOR_INTERVAL: Duration = Duration::from_millis(200);

/// Finds the target and starts the task that watches it.
pub(super) async fn attach(spec: AttachSpec) -> Result<Target, TargetError> {
    let search = search_for(&spec.to)?;
    let found = find(&spec.to, &search)?;
    let not_watched = |reason| TargetError::Watch { to: spec.to.clone(), reason };
    let watched = ProcessEnd::of(found.process).map_err(not_watched)?;
    let watched = watched.ok_or_else(|| TargetError::NotRunning { to: spec.to.clone(), why: None })?;
    // A pid is not used again by the successor: that has the same name.
    let search_again = match (&search, Relative::read(found.process.pid)) {
        (Search::Pid(_), Some(relative)) => Search::Name(relative.name),
        _ => search,
    };
    let remarks = unreadable(found.process).into_iter().collect();
    let (send_events, events) = mpsc::unbounded_channel();
    let (commands, hear_commands) = mpsc::unbounded_channel();
    let (current, watch_current) =
        watch::channel(Current { process: found.process, membership: found.membership, rests: false });
    let attached = Attached { spec, search: search_again, commands: hear_commands, events: send_events, current };
    tokio::spawn(attached.run(watched));
    Ok(Target { commands, events, current: watch_current, output: None, placement: None, remarks })
}

struct Attached {
    spec: AttachSpec,
    search: Search,
    commands: mpsc::UnboundedReceiver<Command>,
    events: mpsc::UnboundedSender<TargetEvent>,
    current: watch::Sender<Current>,
}

/// The run has let go of the target.
struct LetGo;

impl Attached {
    async fn run(mut self, watched: ProcessEnd) {
        self.tell(TargetEvent::Ready { process: self.process() });
        if let Ok(()) = self.watch(watched).await {
            self.tell(TargetEvent::Gone);
            // Whoever lets go of it now is answered too.
            while self.or_let_go(std::future::pending::<()>()).await.is_ok() {}
        }
    }

    fn tell(&self, event: TargetEvent) {
        let _ = self.events.send(event);
    }

    fn process(&self) -> ProcessId {
        self.current.borrow().process
    }

    /// Watches the target and its successors until nothing is left of them.
    async fn watch(&mut self, mut watched: ProcessEnd) -> Result<(), LetGo> {
        let mut restart_count = 0;
        loop {
            self.or_let_go(watched.wait()).await?;
            let process = self.process();
            let mut known = answering(&self.search);
            known.remove(&process.pid);
            let left_running_count = match &self.search {
                Search::Folder(_) => u32::try_from(known.len()).unwrap_or(u32::MAX),
                // What is below a process cannot be told once it has ended.
                Search::Pid(_) | Search::Name(_) => 0,
            };
            let next = match self.spec.follow {
                Follow::Successor { .. } => AfterExit::Follow,
                Follow::No => AfterExit::End,
            };
            self.tell(TargetEvent::Exited { process, status: ExitStatus::Unknown, left_running_count, next });
            let within = match self.spec.follow {
                Follow::Successor { within } => within,
                Follow::No => return self.until_empty(known).await,
            };
            let Some((found, new)) = self.follow(&older(known), within).await? else { return Ok(()) };
            watched = new;
            restart_count += 1;
            let (old, new) = (process, found.process);
            self.current.send_replace(Current { process: new, membership: found.membership, rests: false });
            self.tell(TargetEvent::Restarted { old, new, restart_count });
            self.tell(TargetEvent::Ready { process: new });
        }
    }

    /// Waits for a successor; `None` if none came in time.
    async fn follow(
        &mut self,
        known: &BTreeSet<u32>,
        within: Option<Duration>,
    ) -> Result<Option<(Found, ProcessEnd)>, LetGo> {
        let search = self.search.clone();
        let look = async {
            loop {
                let found = successor(&search, known);
                if let Some(found) = found
                    && let Ok(Some(watched)) = ProcessEnd::of(found.process)
                {
                    return (found, watched);
                }
                tokio::time::sleep(SUCCESSOR_INTERVAL).await;
            }
        };
        match within {
            Some(within) => Ok(self.or_let_go(tokio::time::timeout(within, look)).await?.ok()),
            None => Ok(Some(self.or_let_go(look).await?)),
        }
    }

    /// Waits until the processes that a cgroup still holds have ended.
    async fn until_empty(&mut self, known: BTreeSet<u32>) -> Result<(), LetGo> {
        let Search::Folder(_) = &self.search else { return Ok(()) };
        let mut left = known;
        while let Some(pid) = left.pop_first() {
            let Some(relative) = Relative::read(pid) else { continue };
            let process = ProcessId { pid, start_ticks: relative.start_ticks };
            match ProcessEnd::of(process) {
                Ok(Some(watched)) => self.or_let_go(watched.wait()).await?,
                Ok(None) => {}
                // No descriptor is free: it is looked at again a little later.
                Err(_) => self.or_let_go(tokio::time::sleep(SUCCESSOR_INTERVAL)).await?,
            }
            if left.is_empty() {
                left = answering(&self.search);
                left.retain(|pid| Relative::read(*pid).is_some_and(|relative| !relative.has_ended()));
            }
        }
        Ok(())
    }

    /// Waits for `future`, unless the run lets go of the target before.
    async fn or_let_go<T>(&mut self, future: impl Future<Output = T>) -> Result<T, LetGo> {
        let mut future = std::pin::pin!(future);
        loop {
            tokio::select! {
                done = &mut future => return Ok(done),
                command = self.commands.recv() => match command {
                    Some(Command::SkipGrace | Command::Hold(_)) => {}
                    Some(Command::Stop(_, reply)) => {
                        let took = StopTook::LetGo;
                        let _ = reply.send(Ok(StopReport { took, killed: Vec::new(), status: None, remarks: Vec::new() }));
                        return Err(LetGo);
                    }
                    None => return Err(LetGo),
                },
            }
        }
    }
}
