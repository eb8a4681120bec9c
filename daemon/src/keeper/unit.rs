//! A keeper, and with it a target, in a transient unit of systemd instead of below soakd.
//!
//! A sandbox, a capability set and the limits of a cgroup are inherited by all that a service starts, and cannot be taken off again.
//! So under a sandboxed soakd the target would be another program than the one that users run. systemd starts the keeper for us: it
//! has its own cgroup, its own user and none of our restrictions. All else stays as it is: the keeper speaks over its socket, and
//! ends what it keeps when that comes to its end.
//!
//! systemd is asked by `systemd-run`, which hands over the socket, and which is let go as soon as the keeper has reported: it would
//! do nothing but wait, in our memory.

use std::io::{self, IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};

use super::SUBCOMMAND;
use super::protocol::Account;
use crate::target::cgroup_hierarchies::{CgroupHierarchies, pids_in};

/// The second argument of a keeper that systemd has started.
pub(super) const IN_UNIT: &str = "--in-unit";
/// What asks systemd.
const SYSTEMD_RUN: &str = "systemd-run";
/// How long systemd may take until the keeper has reported: much longer than it ever takes, also on a host that is booting.
pub(super) const LONGEST_START: Duration = Duration::from_secs(90);
/// How long systemd waits for what has lost its keeper before it kills it, and how long that may take.
const STOP_TIMEOUT_S: u64 = 2;
const LONGEST_STOP: Duration = Duration::from_secs(30);
/// How often it is looked whether the cgroup of a unit is empty: its end makes no event for us.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How much of what `systemd-run` says is kept.
const LONGEST_WORDS_BYTES: u64 = 4096;

/// The transient units in which targets are started, and what belongs to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitSpec {
    /// What they are for, a line: shown by `systemctl` and in the journal.
    pub description: String,
    /// The user that targets run as which name none, by name or number; `None`: the user of the service manager, root.
    pub user: Option<String>,
    /// The group beside it; `None`: the first one of the user.
    pub group: Option<String>,
    /// The slice that they are in, so that an administrator can limit all of them together.
    pub slice: String,
    /// Most tasks (processes and threads) in each; `None`: the host's default.
    pub tasks_max_count: Option<u64>,
}

impl UnitSpec {
    /// The slice of the shipped units, in which targets are unless something else is said.
    pub const SLICE: &str = "soakd-targets.slice";

    /// Units with this description; all else is as systemd has it by default.
    #[must_use]
    pub fn new(description: impl Into<String>) -> Self {
        Self {
            description: description.into(),
            user: None,
            group: None,
            slice: Self::SLICE.to_owned(),
            tasks_max_count: None,
        }
    }
}

/// Why there is no keeper in a unit.
#[derive(Debug, thiserror::Error)]
pub enum UnitError {
    /// The program that asks systemd cannot be started.
    #[error("`systemd-run` cannot be started: {0}")]
    NoSystemdRun(io::Error),
    /// systemd was asked, and has not started it.
    #[error("systemd has not started `{unit}`: {said}")]
    Refused {
        /// Name of the unit.
        unit: String,
        /// What `systemd-run` said, or how it ended.
        said: String,
    },
    /// Nothing came of it.
    #[error("systemd has not started `{unit}` within {} s", LONGEST_START.as_secs())]
    NotInTime {
        /// Name of the unit.
        unit: String,
    },
    /// The file of this program has been replaced.
    #[error("`{}` is version {found}, and the soakd that runs is version {}", program.display(), env!("CARGO_PKG_VERSION"))]
    OtherVersion {
        /// The file.
        program: PathBuf,
        /// What it is now.
        found: String,
    },
    /// Anything that has nothing to do with systemd.
    #[error("{0}")]
    Other(#[from] io::Error),
}

impl UnitError {
    /// What to do about it, where there is something to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoSystemdRun(_) => "targets in units of their own need a host whose service manager is systemd",
            Self::Refused { said, .. } if said.contains("bus") || said.contains("booted with systemd") => {
                "targets in units of their own need a host whose service manager is systemd; `systemctl is-system-running` tells"
            }
            Self::Refused { said, .. } if said.contains("denied") || said.contains("uthenticat") => {
                "only root may have systemd start units: run soakd as root"
            }
            Self::Refused { unit, .. } | Self::NotInTime { unit } => {
                return Some(format!("`journalctl --unit={unit}` tells more"));
            }
            Self::OtherVersion { .. } => "it was upgraded: restart it, as in `systemctl restart soakd`",
            Self::Other(_) => return None,
        };
        Some(hint.to_owned())
    }
}

/// What is asked of systemd for one keeper.
pub(super) struct Asked<'a> {
    pub(super) spec: &'a UnitSpec,
    pub(super) program: &'a Path,
    pub(super) account: Option<&'a Account>,
    pub(super) memory_limit_bytes: Option<u64>,
}

/// `systemd-run` at work, and the unit that it was told to start.
pub(super) struct Starting {
    pub(super) unit: String,
    child: Child,
}

impl Asked<'_> {
    /// Asks for a unit with `socket` as the standard input of the keeper.
    pub(super) fn start(&self, socket: OwnedFd) -> Result<Starting, UnitError> {
        let unit = next_name();
        let child = Command::new(SYSTEMD_RUN)
            .args(self.arguments(&unit))
            .stdin(socket)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(UnitError::NoSystemdRun)?;
        Ok(Starting { unit, child })
    }

    fn arguments(&self, unit: &str) -> Vec<String> {
        let spec = self.spec;
        // The manager expands variables in the words of a command.
        let program = self.program.display().to_string().replace('$', "$$");
        let mut arguments: Vec<String> =
            ["--quiet", "--no-ask-password", "--collect", "--wait", "--pipe", "--service-type=exec"]
                .map(str::to_owned)
                .into();
        arguments.push(format!("--unit={unit}"));
        arguments.push(format!("--slice={}", spec.slice));
        arguments.push(format!("--description={}", spec.description));
        if let Some(account) = self.account {
            arguments.push(format!("--uid={}", account.uid));
            arguments.push(format!("--gid={}", account.gid));
        }
        let mut properties = vec![
            // The target gets a cgroup below that of the unit, without the keeper.
            "Delegate=yes".to_owned(),
            // Out of memory is how the target ends, and for the keeper to tell.
            "OOMPolicy=continue".to_owned(),
            format!("TimeoutStopSec={STOP_TIMEOUT_S}"),
            "SyslogIdentifier=soakd-keeper".to_owned(),
        ];
        properties.extend(self.memory_limit_bytes.map(|bytes| format!("MemoryMax={bytes}")));
        properties.extend(spec.tasks_max_count.map(|count| format!("TasksMax={count}")));
        arguments.extend(properties.into_iter().map(|property| format!("--property={property}")));
        arguments.extend(["--".to_owned(), program, SUBCOMMAND.to_owned(), IN_UNIT.to_owned()]);
        arguments
    }
}

/// A name that no other unit of this process has.
fn next_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("soakd-target-{}-{}.service", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Starting {
    /// The keeper has reported: the unit goes on without the one who asked for it.
    pub(super) fn let_go(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// There is no keeper: why not.
    pub(super) fn failure(mut self) -> UnitError {
        // It has ended by itself, or is about to: the socket that it was to hand over has.
        let mut said = String::new();
        if let Some(errors) = self.child.stderr.take() {
            let _ = errors.take(LONGEST_WORDS_BYTES).read_to_string(&mut said);
        }
        let ended = self.child.wait();
        let said = match said.lines().map(str::trim).find(|line| !line.is_empty()) {
            Some(line) => line.to_owned(),
            None => format!(
                "`systemd-run` ended with {}",
                ended.map_or_else(|error| error.to_string(), |status| status.to_string())
            ),
        };
        UnitError::Refused { unit: self.unit, said }
    }
}

/// The folder of the cgroup of `unit`, in which `pid` is.
pub(super) fn cgroup_of(unit: &str, pid: u32) -> Option<PathBuf> {
    let memberships = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let layout = CgroupHierarchies::of_host();
    layout.of_units().find_map(|mount| {
        let folder = CgroupHierarchies::folder_in(mount, &memberships)?;
        folder.ancestors().find(|above| above.file_name().is_some_and(|name| name == unit)).map(Path::to_path_buf)
    })
}

/// Waits until nothing is left in the cgroup of a unit whose keeper has ended: systemd ends what is.
///
/// # Errors
/// When it takes too long.
pub(super) async fn emptied(cgroup: &Path) -> io::Result<()> {
    let empty = async {
        while pids_in(cgroup).is_ok_and(|pids| !pids.is_empty()) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(LONGEST_STOP, empty).await.map_err(|_| io::ErrorKind::TimedOut.into())
}

/// Hands descriptors over a socket, before anything else is said on it.
pub(super) fn hand_over(socket: impl AsFd, descriptors: &[BorrowedFd<'_>; 2]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    rustix::net::sendmsg(socket, &[IoSlice::new(b"2")], &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Takes what was handed over.
pub(super) fn take_over(socket: impl AsFd) -> io::Result<[OwnedFd; 2]> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut count = [0_u8];
    rustix::net::recvmsg(socket, &mut [IoSliceMut::new(&mut count)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let received: Vec<OwnedFd> = ancillary
        .drain()
        .flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect(),
            _ => Vec::new(),
        })
        .collect();
    <[OwnedFd; 2]>::try_from(received).map_err(|_| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn arguments(spec: &UnitSpec, account: Option<&Account>, memory_limit_bytes: Option<u64>) -> Vec<String> {
        let program = Path::new("/opt/$x/soakd");
        Asked { spec, program, account, memory_limit_bytes }.arguments("soakd-target-1-1.service")
    }

    #[test]
    fn systemd_is_asked_for_what_the_target_needs_and_nothing_else() {
        let spec = UnitSpec { tasks_max_count: Some(500), ..UnitSpec::new("soakd run 7: ./server") };
        let account = Account { uid: 990, gid: 980, groups: vec![980] };
        insta::assert_snapshot!(arguments(&spec, Some(&account), Some(1 << 30)).join("\n"));
        let plain = arguments(&UnitSpec::new("x"), None, None);
        assert!(!plain.iter().any(|word| word.contains("id=") || word.contains("Max=")), "{plain:?}");
    }

    #[test]
    fn names_are_used_once() {
        assert_ne!(next_name(), next_name());
    }

    #[test]
    fn descriptors_go_over_a_socket() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let ((mut read_output, output), (mut read_errors, errors)) = (io::pipe().unwrap(), io::pipe().unwrap());
        hand_over(&ours, &[output.as_fd(), errors.as_fd()]).unwrap();
        drop((output, errors));
        let [output, errors] = take_over(&theirs).unwrap();
        File::from(output).write_all(b"out").unwrap();
        File::from(errors).write_all(b"err").unwrap();
        let mut text = String::new();
        read_output.read_to_string(&mut text).unwrap();
        read_errors.read_to_string(&mut text).unwrap();
        assert_eq!(text, "outerr");
        drop(ours);
        assert!(take_over(&theirs).is_err(), "nothing was handed over");
    }

    #[test]
    fn what_systemd_run_says_is_told_with_what_to_do() {
        let refused = |said: &str| UnitError::Refused { unit: "u.service".to_owned(), said: said.to_owned() };
        let errors = [
            UnitError::NoSystemdRun(io::ErrorKind::NotFound.into()),
            refused("System has not been booted with systemd as init system (PID 1). Can't operate."),
            refused("Failed to connect to bus: No such file or directory"),
            refused("Failed to start transient service unit: Access denied"),
            refused("Failed to start transient service unit: Interactive authentication required."),
            refused("Job for u.service failed because the control process exited with error code."),
            UnitError::NotInTime { unit: "u.service".to_owned() },
            UnitError::OtherVersion { program: "/usr/bin/soakd".into(), found: "0.2.0".to_owned() },
        ];
        let said: Vec<String> =
            errors.iter().map(|error| format!("{error}\n  hint: {}", error.hint().unwrap())).collect();
        insta::assert_snapshot!(said.join("\n").replace(env!("CARGO_PKG_VERSION"), "RUNNING"));
    }

    #[test]
    fn one_who_asks_and_fails_is_quoted() {
        let starting = |script: &str| Starting {
            unit: "u.service".to_owned(),
            child: Command::new("sh").args(["-c", script]).stderr(Stdio::piped()).spawn().unwrap(),
        };
        let said = |script: &str| starting(script).failure().to_string();
        assert_eq!(said("echo; echo 'no way' >&2; echo more >&2"), "systemd has not started `u.service`: no way");
        assert!(
            said("exec 2>/dev/null; exit 3")
                .starts_with("systemd has not started `u.service`: `systemd-run` ended with")
        );
    }
}
