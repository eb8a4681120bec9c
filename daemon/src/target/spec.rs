//! What the run asks of a target: how to start it, when it is ready, how to stop it, or what to attach to.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use regex::bytes::Regex;
use serde::{Deserialize, Serialize};

use super::output::LineCounter;
use super::printed::Printed;
use crate::keeper::KeeperProgram;

/// How to start a target (or a load driver, which is kept in the same way).
#[derive(Debug, Clone)]
pub struct SpawnSpec {
    /// The program: a path, or a name that is looked up in `PATH`.
    pub program: OsString,
    /// Its arguments, without the program itself.
    pub args: Vec<OsString>,
    /// From where relative programs and working directories are meant: the folder of the profile. `None`: soakd's own.
    pub base_folder: Option<PathBuf>,
    /// Where it runs; `None`: where soakd runs.
    pub working_folder: Option<PathBuf>,
    /// Variables it is given, on top of what it inherits.
    pub environment: BTreeMap<OsString, OsString>,
    /// Whether it inherits soakd's environment. The variables with which a service manager speaks to soakd itself
    /// (`NOTIFY_SOCKET`, `WATCHDOG_*`, `LISTEN_*`, `JOURNAL_STREAM`, …) are never inherited.
    pub inherit: InheritEnvironment,
    /// The user it runs as, by name or number; `None`: soakd's own.
    pub user: Option<String>,
    /// The group it runs as, by name or number; `None`: the first group of `user`.
    pub group: Option<String>,
    /// What keeps it: by default a child of this process. Where it is in a unit of systemd, that names the user of those that name none.
    pub keeper: KeeperProgram,
    /// Limits set before it starts.
    pub limits: Vec<ResourceLimit>,
    /// Whether it leads a group or a session of its own.
    pub isolation: Isolation,
    /// Whether it is put into a cgroup of its own where the host allows that.
    pub cgroup: CgroupWish,
    /// Most memory for its tree, through the cgroup; where there is none with a memory controller, a
    /// [`Placement`](super::Placement) says so and nothing is limited.
    pub memory_limit_bytes: Option<u64>,
    /// What is kept of its output.
    pub output: OutputSpec,
    /// What is counted in its output.
    pub counters: Vec<LineCounter>,
    /// What keeps its standard output, where that is an answer.
    pub printed: Option<Printed>,
    /// When it counts as ready, for the first start and for every restart. `None`: at once.
    pub ready: Option<ReadySpec>,
    /// What happens when it exits without having been asked to.
    pub restart: RestartPolicy,
}

impl SpawnSpec {
    /// A command with all else at its default: inherited environment, own process group, own cgroup where possible,
    /// output kept up to 64 MiB only if a file is named, ready at once, never restarted.
    #[must_use]
    pub fn command<A: Into<OsString>>(program: impl Into<OsString>, args: impl IntoIterator<Item = A>) -> Self {
        Self {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            base_folder: None,
            working_folder: None,
            environment: BTreeMap::new(),
            inherit: InheritEnvironment::Yes,
            user: None,
            group: None,
            keeper: KeeperProgram::default(),
            limits: Vec::new(),
            isolation: Isolation::ProcessGroup,
            cgroup: CgroupWish::OwnWherePossible,
            memory_limit_bytes: None,
            output: OutputSpec::default(),
            counters: Vec::new(),
            printed: None,
            ready: None,
            restart: RestartPolicy::default(),
        }
    }
}

/// Whether the target starts from soakd's environment or from an empty one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InheritEnvironment {
    /// It does, apart from what is meant for soakd alone.
    #[default]
    Yes,
    /// It starts empty.
    No,
}

/// What the target leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// A process group of its own in the keeper's session, without a terminal.
    #[default]
    ProcessGroup,
    /// A session of its own.
    Session,
}

/// Whether a cgroup is made for the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CgroupWish {
    /// Where the host lets us.
    #[default]
    OwnWherePossible,
    /// Never: it stays in soakd's.
    Inherit,
}

/// One limit of `setrlimit`, soft and hard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceLimit {
    /// What is limited.
    pub resource: LimitedResource,
    /// The soft limit; `None`: none.
    pub soft: Option<u64>,
    /// The hard limit; `None`: none.
    pub hard: Option<u64>,
}

/// What `setrlimit` limits, with the units of the kernel (bytes, seconds, counts).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitedResource {
    /// Address space, in bytes.
    AddressSpace,
    /// Size of a core dump, in bytes.
    Core,
    /// CPU time, in seconds.
    Cpu,
    /// Data segment and private mappings, in bytes.
    Data,
    /// Size of a file it writes, in bytes.
    FileSize,
    /// Locked memory, in bytes.
    LockedMemory,
    /// Open descriptors.
    OpenFiles,
    /// Processes and threads of its user.
    Processes,
    /// Stack, in bytes.
    Stack,
}

/// What is kept of what the target prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputSpec {
    /// Where standard output and error go, interleaved by line; `None`: nowhere, watchers still see every line.
    pub file: Option<PathBuf>,
    /// Most bytes kept: the beginning and the most recent part, half each.
    pub limit_bytes: u64,
}

impl Default for OutputSpec {
    fn default() -> Self {
        Self { file: None, limit_bytes: 64 * 1024 * 1024 }
    }
}

/// When a target counts as ready, and how long that may take.
#[derive(Debug, Clone)]
pub struct ReadySpec {
    /// The sign.
    pub when: ReadyWhen,
    /// How long it may take until it shows.
    pub timeout: Duration,
}

/// The sign of a target that is ready.
#[derive(Debug, Clone)]
pub enum ReadyWhen {
    /// An HTTP GET of an address is answered (`http` only).
    Http {
        /// The address.
        url: String,
        /// The statuses that count, usually 200 to 399.
        status: RangeInclusive<u16>,
    },
    /// This port accepts connections.
    Tcp(SocketAddr),
    /// A line of its output matches.
    Line(Regex),
    /// This much time has passed.
    Delay(Duration),
}

impl fmt::Display for ReadyWhen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { url, .. } => write!(f, "an answer from `{url}`"),
            Self::Tcp(address) => write!(f, "a connection to `{address}`"),
            Self::Line(regex) => write!(f, "a line of output that matches `{regex}`"),
            Self::Delay(delay) => write!(f, "{} to pass", humantime_of(*delay)),
        }
    }
}

/// A duration for people.
fn humantime_of(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

/// What happens when the target exits by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartPolicy {
    /// After which exits it is started again.
    pub when: RestartWhen,
    /// How often at most; `None`: without limit.
    pub limit_count: Option<u32>,
    /// How long to wait before it is started again.
    pub delay: Duration,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self { when: RestartWhen::Never, limit_count: None, delay: Duration::from_secs(1) }
    }
}

/// After which exits a target is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestartWhen {
    /// After none: its exit ends the run.
    #[default]
    Never,
    /// After a status other than 0, and after a signal.
    OnFailure,
    /// After every exit that soakd did not ask for.
    Always,
}

/// How a spawned target is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopSpec {
    /// The number of the signal that asks it to end; every process of its tree gets it.
    pub signal: i32,
    /// How long it may take before what is left is killed.
    pub grace: Duration,
}

impl Default for StopSpec {
    fn default() -> Self {
        Self { signal: rustix::process::Signal::TERM.as_raw(), grace: Duration::from_secs(10) }
    }
}

/// Which running target to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachSpec {
    /// What names it.
    pub to: AttachTo,
    /// Whether a successor is waited for when it ends.
    pub follow: Follow,
}

/// What names a running target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttachTo {
    /// A pid; its children belong to it.
    Pid(u32),
    /// The name of a process (`comm`), or the file name of its program. All matches must be one tree.
    Name(String),
    /// A systemd unit; `.service` is added where there is no suffix.
    Unit(String),
    /// A cgroup: a folder under `/sys/fs/cgroup`, or its path as in `/proc/PID/cgroup`.
    Cgroup(PathBuf),
}

impl fmt::Display for AttachTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pid(pid) => write!(f, "pid `{pid}`"),
            Self::Name(name) => write!(f, "process `{name}`"),
            Self::Unit(unit) => write!(f, "unit `{unit}`"),
            Self::Cgroup(path) => write!(f, "cgroup `{}`", path.display()),
        }
    }
}

/// What happens when an attached target ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Follow {
    /// The watch ends.
    #[default]
    No,
    /// Its successor (same name, unit or cgroup) is waited for this long.
    Successor {
        /// How long after the end of the last one; `None`: for ever.
        within: Option<Duration>,
    },
}
