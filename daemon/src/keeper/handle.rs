//! soakd's end of a keeper: starts it or has it started, speaks with it, sees it end.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use super::family::Relative;
use super::process_end::ProcessEnd;
use super::protocol::{Account, Inbox, Reply, Request, encode};
use super::unit::{Asked, LONGEST_START, cgroup_of, emptied, hand_over};
use super::{KeeperProgram, SUBCOMMAND, UnitError, UnitSpec};
use crate::target::ProcessId;

/// The keepers of this process that live. Whatever else is a child of ours in another session has lost its keeper.
static LIVING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Pids of the keepers that live.
pub(crate) fn living() -> BTreeSet<u32> {
    LIVING.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// A keeper. Dropping it ends what it keeps, with nobody waiting for it.
#[derive(Debug)]
pub(crate) struct KeeperHandle {
    id: ProcessId,
    parent: Parent,
    end: ProcessEnd,
    line: Line,
}

/// Whose child a keeper is.
#[derive(Debug)]
enum Parent {
    /// Ours.
    Soakd(Child),
    /// systemd's, with the cgroup of its unit where that could be found.
    Systemd { cgroup: Option<PathBuf> },
}

/// The socket to a keeper.
#[derive(Debug)]
struct Line {
    socket: UnixStream,
    inbox: Inbox,
}

impl KeeperHandle {
    /// Starts a keeper whose target prints to `output` and `errors`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(program: &KeeperProgram, output: OwnedFd, errors: OwnedFd) -> io::Result<Self> {
        // Orphans of a keeper that is killed come to us, rather than to init.
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        let (line, theirs) = Line::open()?;
        let mut living = LIVING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut child = Command::new(&program.program)
            .arg0("soakd")
            .arg(SUBCOMMAND)
            .stdin(Stdio::from(theirs))
            .stdout(output)
            .stderr(errors)
            .spawn()?;
        // It starts nothing before it is told to, so what it starts inherits this.
        let given_back = crate::open_files::give_back(rustix::process::Pid::from_child(&child));
        match given_back.and_then(|()| watched(&child)) {
            Ok((id, end)) => {
                living.insert(id.pid);
                Ok(Self { id, parent: Parent::Soakd(child), end, line })
            }
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }

    /// Has systemd start a keeper in a unit of its own, for a target that prints to `output` and `errors`. It runs as `account`, and
    /// so does what it starts.
    ///
    /// # Errors
    /// When systemd cannot be asked, refuses, or starts another version of this program.
    pub(crate) async fn start_in_unit(
        program: &KeeperProgram,
        spec: &UnitSpec,
        account: Option<&Account>,
        memory_limit_bytes: Option<u64>,
        output: OwnedFd,
        errors: OwnedFd,
    ) -> Result<Self, UnitError> {
        let program = program.file()?;
        let (mut line, theirs) = Line::open()?;
        hand_over(&line.socket, &[output.as_fd(), errors.as_fd()])?;
        let starting = Asked { spec, program: &program, account, memory_limit_bytes }.start(theirs)?;
        let unit = starting.unit.clone();
        let first = tokio::time::timeout(LONGEST_START, line.hear()).await;
        let (version, id) = match first {
            Ok(Ok(Some(Reply::Here { version, pid, start_ticks }))) => (version, ProcessId { pid, start_ticks }),
            Ok(Ok(None) | Err(_)) => {
                let failure = tokio::task::spawn_blocking(|| starting.failure()).await;
                return Err(failure.unwrap_or_else(|error| UnitError::Other(io::Error::other(error))));
            }
            // Whatever starts later finds its socket at its end, and ends.
            Err(_) => {
                starting.let_go();
                return Err(UnitError::NotInTime { unit });
            }
            Ok(Ok(Some(_))) => ("unknown".to_owned(), ProcessId { pid: 0, start_ticks: 0 }),
        };
        starting.let_go();
        if version != env!("CARGO_PKG_VERSION") {
            return Err(UnitError::OtherVersion { program, found: version });
        }
        let end = ProcessEnd::of(id)?.ok_or(io::Error::from(io::ErrorKind::NotFound))?;
        let cgroup = cgroup_of(&unit, id.pid);
        Ok(Self { id, parent: Parent::Systemd { cgroup }, end, line })
    }

    /// Which process it is. All that it keeps descends from it.
    pub(crate) fn id(&self) -> ProcessId {
        self.id
    }

    /// Says something.
    ///
    /// # Errors
    /// When it has gone.
    pub(crate) async fn say(&mut self, request: &Request) -> io::Result<()> {
        self.line.socket.write_all(&encode(request)?).await
    }

    /// The next thing it says; `None` when it has gone. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// When it makes no sense.
    pub(crate) async fn hear(&mut self) -> io::Result<Option<Reply>> {
        match &self.parent {
            Parent::Soakd(_) => self.line.hear().await,
            // systemd keeps its end of the socket for as long as the unit lasts, which may be longer than the keeper.
            Parent::Systemd { .. } => tokio::select! {
                biased;
                heard = self.line.hear() => heard,
                () = self.end.wait() => self.line.last_words(),
            },
        }
    }

    /// Lets go of it, and waits until it has ended what it keeps and itself.
    ///
    /// # Errors
    /// When its end cannot be watched.
    pub(crate) async fn close(mut self) -> io::Result<()> {
        self.line.socket.shutdown().await.or_else(|error| match error.kind() {
            io::ErrorKind::NotConnected | io::ErrorKind::BrokenPipe => Ok(()),
            _ => Err(error),
        })?;
        self.ended().await
    }

    /// Waits until it has ended, and reaps it; of one in a unit, until nothing is left in the unit.
    ///
    /// # Errors
    /// When its end cannot be watched, or systemd does not end what it has left.
    pub(crate) async fn ended(&mut self) -> io::Result<()> {
        self.end.wait().await;
        match &mut self.parent {
            Parent::Soakd(child) => {
                child.wait()?;
                self.forget();
                Ok(())
            }
            Parent::Systemd { cgroup: Some(cgroup) } => emptied(cgroup).await,
            Parent::Systemd { cgroup: None } => Ok(()),
        }
    }

    fn forget(&self) {
        LIVING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id.pid);
    }
}

impl Drop for KeeperHandle {
    fn drop(&mut self) {
        // One that still runs sees its socket end now. It stays in `LIVING`, since it ends what it keeps by itself;
        // as a zombie it goes when soakd does.
        if let Parent::Soakd(child) = &mut self.parent
            && let Ok(Some(_)) = child.try_wait()
        {
            self.forget();
        }
    }
}

impl Line {
    /// A socket: our end, and that of the keeper.
    fn open() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        Ok((Self { socket: UnixStream::from_std(ours)?, inbox: Inbox::default() }, theirs.into()))
    }

    async fn hear(&mut self) -> io::Result<Option<Reply>> {
        loop {
            if let Some(reply) = self.inbox.take()? {
                return Ok(Some(reply));
            }
            self.socket.readable().await?;
            if !self.read()? {
                return Ok(None);
            }
        }
    }

    /// What a keeper that has ended has said before.
    fn last_words(&mut self) -> io::Result<Option<Reply>> {
        // What it said while it was looked whether it says something.
        self.read()?;
        self.inbox.take()
    }

    /// Takes what is there; whether there may be more.
    fn read(&mut self) -> io::Result<bool> {
        let mut buffer = [0_u8; 4096];
        match self.socket.try_read(&mut buffer) {
            Ok(0) => Ok(false),
            Ok(length) => {
                self.inbox.push(&buffer[..length]);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn watched(child: &Child) -> io::Result<(ProcessId, ProcessEnd)> {
    let pid = child.id();
    let start_ticks = Relative::read(pid).ok_or(io::ErrorKind::NotFound)?.start_ticks;
    let id = ProcessId { pid, start_ticks };
    // It is there until it is reaped, which is our part.
    let end = ProcessEnd::of(id)?.ok_or(io::ErrorKind::NotFound)?;
    Ok((id, end))
}
