//! What soakd and a keeper say to each other: JSON, each message behind its length.

use std::ffi::OsString;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::target::{CgroupWish, ExitStatus, Isolation, Leftover, Placement, ResourceLimit, StopTook};

/// Longest message: environment and arguments of a process are bounded well below this by the kernel.
const LONGEST_BYTES: usize = 64 * 1024 * 1024;
const LENGTH_BYTES: usize = size_of::<u32>();

/// From soakd to the keeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Start the main process; nothing may be running.
    Start(Box<Start>),
    /// Ask everything to end, kill what is left after the grace period.
    Stop {
        /// Number of the signal that asks.
        signal: i32,
        /// Grace period, in milliseconds.
        grace_ms: u64,
    },
    /// Kill everything now.
    Kill,
}

/// The main process to start. All names are resolved: the keeper looks nothing up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Start {
    /// Absolute path of the program.
    pub(crate) program: OsString,
    /// What it is told its own name is.
    pub(crate) name: OsString,
    /// Its arguments.
    pub(crate) args: Vec<OsString>,
    /// Absolute working directory; `None`: the keeper's, which is soakd's.
    pub(crate) folder: Option<OsString>,
    /// Its whole environment.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Who it runs as; `None`: who the keeper runs as.
    pub(crate) account: Option<Account>,
    /// Limits set before it starts.
    pub(crate) limits: Vec<ResourceLimit>,
    /// What it leads.
    pub(crate) isolation: Isolation,
    /// Whether it gets a cgroup.
    pub(crate) cgroup: CgroupWish,
    /// Limit for its tree.
    pub(crate) memory_limit_bytes: Option<u64>,
}

/// A user with its groups, as numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    /// User.
    pub(crate) uid: u32,
    /// First group.
    pub(crate) gid: u32,
    /// All groups.
    pub(crate) groups: Vec<u32>,
}

/// From the keeper to soakd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// The first word of a keeper that systemd has started: it is no child of soakd, and its file may be another one.
    Here {
        /// Its version.
        version: String,
        /// Its pid.
        pid: u32,
        /// When it started, in clock ticks since boot.
        start_ticks: u64,
    },
    /// The main process runs its program.
    Started {
        /// Its pid.
        pid: u32,
        /// When it started, in clock ticks since boot.
        start_ticks: u64,
        /// Where it was put.
        placement: Placement,
    },
    /// It could not be started.
    StartFailed {
        /// What was being done.
        step: StartStep,
        /// The kernel's answer.
        errno: i32,
    },
    /// The main process ended without having been asked to.
    Exited {
        /// Its pid.
        pid: u32,
        /// How it ended.
        status: ExitStatus,
        /// Descendants that go on.
        left_running_count: u32,
    },
    /// No descendant is left: the answer to `Stop` and `Kill`, or what happened by itself.
    Gone {
        /// What it took.
        took: StopTook,
        /// Which had to be killed, the first 32.
        killed: Vec<Leftover>,
        /// How the main process ended, if that was after the last `Exited`.
        status: Option<ExitStatus>,
    },
    /// SIGKILL was sent a good while ago, and these are left.
    Still {
        /// The first 32.
        left: Vec<Leftover>,
    },
}

/// What is done between `fork` and `exec`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StartStep {
    /// Move into the cgroup.
    Cgroup,
    /// Set this limit, by its place in [`Start::limits`].
    Limit(u8),
    /// Open a session.
    Session,
    /// Take the user and its groups.
    Account,
    /// Enter the working directory.
    Folder,
    /// Ask to be killed should the keeper die.
    ParentDeath,
    /// Fork, or execute the program.
    Execute,
}

/// A message as it goes over the socket.
///
/// # Errors
/// When it cannot be written as JSON or is too long.
pub(crate) fn encode<M: Serialize>(message: &M) -> std::io::Result<Vec<u8>> {
    let mut frame = vec![0; LENGTH_BYTES];
    serde_json::to_writer(&mut frame, message)?;
    let length = frame.len() - LENGTH_BYTES;
    match u32::try_from(length) {
        Ok(announced) if length <= LONGEST_BYTES => frame[..LENGTH_BYTES].copy_from_slice(&announced.to_le_bytes()),
        _ => return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "message is too long")),
    }
    Ok(frame)
}

/// Bytes received so far, from which whole messages are taken.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
}

impl Inbox {
    /// Adds what was received.
    pub(crate) fn push(&mut self, received: &[u8]) {
        self.bytes.extend_from_slice(received);
    }

    /// Takes the next message, if all of it is there.
    ///
    /// # Errors
    /// When it is no message of this kind.
    pub(crate) fn take<M: DeserializeOwned>(&mut self) -> std::io::Result<Option<M>> {
        let Some((length, rest)) = self.bytes.split_first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let length = u32::from_le_bytes(*length) as usize;
        if length > LONGEST_BYTES {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "message is too long"));
        }
        let Some(message) = rest.get(..length) else { return Ok(None) };
        let message = serde_json::from_slice(message)?;
        self.bytes.drain(..LENGTH_BYTES + length);
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn messages_arrive_whole_however_they_are_cut() {
        let sent = [Request::Stop { signal: 15, grace_ms: 250 }, Request::Kill];
        let bytes: Vec<u8> = sent.iter().flat_map(|message| encode(message).unwrap()).collect();
        for step in 1..bytes.len() {
            let mut inbox = Inbox::default();
            let mut received = Vec::new();
            for part in bytes.chunks(step) {
                inbox.push(part);
                while let Some(message) = inbox.take::<Request>().unwrap() {
                    received.push(message);
                }
            }
            assert_eq!(received, sent);
        }
    }

    #[test]
    fn arguments_need_not_be_utf8() {
        let start = Request::Start(Box::new(Start {
            program: OsString::from_vec(vec![b'/', 0xff]),
            name: "x".into(),
            args: vec![OsString::from_vec(vec![0xfe])],
            folder: None,
            environment: vec![("A".into(), OsString::from_vec(vec![0x80]))],
            account: Some(Account { uid: 1, gid: 2, groups: vec![2, 3] }),
            limits: Vec::new(),
            isolation: Isolation::Session,
            cgroup: CgroupWish::Inherit,
            memory_limit_bytes: Some(1),
        }));
        let mut inbox = Inbox::default();
        inbox.push(&encode(&start).unwrap());
        assert_eq!(inbox.take::<Request>().unwrap(), Some(start));
    }

    proptest! {
        #[test]
        fn rubbish_is_refused_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut inbox = Inbox::default();
            inbox.push(&bytes);
            let _ = inbox.take::<Reply>();
        }
    }
}
