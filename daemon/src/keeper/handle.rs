//! soakd's end of a keeper: starts it, speaks with it, sees it end.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use super::family::Relative;
use super::process_end::ProcessEnd;
use super::protocol::{Inbox, Reply, Request, encode};
use super::{KeeperProgram, SUBCOMMAND};
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
    child: Child,
    end: ProcessEnd,
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
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let socket = UnixStream::from_std(ours)?;
        let mut living = LIVING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut child = Command::new(&program.0)
            .arg0("soakd")
            .arg(SUBCOMMAND)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(output)
            .stderr(errors)
            .spawn()?;
        // It starts nothing before it is told to, so what it starts inherits this.
        let given_back = crate::open_files::give_back(rustix::process::Pid::from_child(&child));
        match given_back.and_then(|()| watched(&child)) {
            Ok((id, end)) => {
                living.insert(id.pid);
                Ok(Self { id, child, end, socket, inbox: Inbox::default() })
            }
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
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
        self.socket.write_all(&encode(request)?).await
    }

    /// The next thing it says; `None` when it has gone. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// When it makes no sense.
    pub(crate) async fn hear(&mut self) -> io::Result<Option<Reply>> {
        loop {
            if let Some(reply) = self.inbox.take()? {
                return Ok(Some(reply));
            }
            self.socket.readable().await?;
            let mut buffer = [0_u8; 4096];
            match self.socket.try_read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(length) => self.inbox.push(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Lets go of it, and waits until it has ended what it keeps and itself.
    ///
    /// # Errors
    /// When its end cannot be watched.
    pub(crate) async fn close(mut self) -> io::Result<()> {
        self.socket.shutdown().await.or_else(|error| match error.kind() {
            io::ErrorKind::NotConnected | io::ErrorKind::BrokenPipe => Ok(()),
            _ => Err(error),
        })?;
        self.ended().await
    }

    /// Waits until it has ended, and reaps it.
    ///
    /// # Errors
    /// When its end cannot be watched.
    pub(crate) async fn ended(&mut self) -> io::Result<()> {
        self.end.wait().await;
        self.child.wait()?;
        self.forget();
        Ok(())
    }

    fn forget(&self) {
        LIVING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id.pid);
    }
}

impl Drop for KeeperHandle {
    fn drop(&mut self) {
        // One that still runs sees its socket end now. It stays in `LIVING`, since it ends what it keeps by itself;
        // as a zombie it goes when soakd does.
        if let Ok(Some(_)) = self.child.try_wait() {
            self.forget();
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
