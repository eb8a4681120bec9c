//! What is soaked: `[target]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `[target]`: what is soaked, how it is started, when it is ready and how it is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// What to start or to attach to. `None` in a profile that leaves it to the command line
    /// (`soakd check ci-short -- ./server`).
    pub source: Option<TargetSource>,
    /// Working directory of the target, absolute or relative to soakd's own. A relative `working_directory` in a file
    /// was resolved against the folder of that file. `None`: see [`crate::Profile::start_folder`].
    pub working_directory: Option<PathBuf>,
    /// Variables set for the target, on top of the inherited ones.
    pub environment: BTreeMap<String, String>,
    /// Whether the target inherits nothing of soakd's own environment.
    pub clear_environment: bool,
    /// Name or number of the user to run as; `None`: soakd's own.
    pub user: Option<String>,
    /// Name or number of the group to run as; `None`: the user's first group, or soakd's own.
    pub group: Option<String>,
    /// When the target counts as ready; `None`: as soon as it has started.
    pub ready: Option<Ready>,
    /// How a started target is stopped. An attached one is never stopped.
    pub stop: Stop,
    /// What to do when a started target ends by itself.
    pub restart: Restart,
    /// How often it is started again at most; 0 means without limit.
    pub restart_limit: u32,
    /// Pause before it is started again.
    pub restart_delay: Duration,
    /// Whether an attached target is followed through its restart, or the run ends with it.
    pub follow: bool,
    /// What the target may use.
    pub limits: Limits,
    /// How much of the target's output is kept, in bytes; the newest stays.
    pub output_limit_bytes: u64,
}

impl Default for Target {
    fn default() -> Self {
        Self {
            source: None,
            working_directory: None,
            environment: BTreeMap::new(),
            clear_environment: false,
            user: None,
            group: None,
            ready: None,
            stop: Stop::default(),
            restart: Restart::Never,
            restart_limit: 3,
            restart_delay: Duration::from_secs(1),
            follow: false,
            limits: Limits::default(),
            output_limit_bytes: 64 * 1024 * 1024,
        }
    }
}

/// Where the target comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetSource {
    /// A program and its arguments, started by soakd; never empty. No shell is involved.
    Command(Vec<String>),
    /// Something that runs already.
    Attach(Attach),
}

/// A running target. Each is looked up when the run starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attach {
    /// A process, with its descendants; at least 1.
    Pid(u32),
    /// The process whose command name (`comm`, at most 15 bytes) this is.
    Name(String),
    /// A systemd unit, with its suffix: `nginx.service`.
    Unit(String),
    /// A control group, as a path below `/sys/fs/cgroup` or in full.
    Cgroup(PathBuf),
}

/// When a target is ready, and how long to wait for that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// What has to happen.
    pub when: ReadyWhen,
    /// How long to wait for it before the run is given up.
    pub timeout: Duration,
}

impl Ready {
    /// The default of [`Ready::timeout`].
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
}

/// What has to happen until a target is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadyWhen {
    /// A GET of `url` answers with a status from `status_low` to `status_high`, both included.
    Http {
        /// An `http://` address.
        url: String,
        /// Lowest status that counts (200).
        status_low: u16,
        /// Highest status that counts (399).
        status_high: u16,
    },
    /// A TCP connection to this `host:port` is accepted.
    Tcp(String),
    /// A line of the target's output matches this regular expression, which has been checked.
    Line(String),
    /// This much time has passed.
    Delay(Duration),
}

/// How a target is stopped: a signal, time to react, then SIGKILL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// The signal that asks it to end.
    pub signal: StopSignal,
    /// How long it has to do so.
    pub grace: Duration,
}

impl Default for Stop {
    fn default() -> Self {
        Self { signal: StopSignal::Term, grace: Duration::from_secs(10) }
    }
}

/// A signal that can ask a target to end. In a file: `TERM` or `SIGTERM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum StopSignal {
    /// SIGTERM
    Term,
    /// SIGINT
    Int,
    /// SIGHUP
    Hup,
    /// SIGQUIT
    Quit,
    /// SIGUSR1
    Usr1,
    /// SIGUSR2
    Usr2,
    /// SIGKILL
    Kill,
}

impl StopSignal {
    /// Every signal with its name in a file.
    pub const ALL: &[(&str, Self)] = &[
        ("TERM", Self::Term),
        ("INT", Self::Int),
        ("HUP", Self::Hup),
        ("QUIT", Self::Quit),
        ("USR1", Self::Usr1),
        ("USR2", Self::Usr2),
        ("KILL", Self::Kill),
    ];
}

/// What to do when a started target ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// The run ends with it.
    #[default]
    Never,
    /// It is started again unless it ended with status 0.
    OnFailure,
    /// It is started again.
    Always,
}

impl Restart {
    /// Every policy with its name in a file.
    pub const ALL: &[(&str, Self)] =
        &[("never", Self::Never), ("on-failure", Self::OnFailure), ("always", Self::Always)];
}

/// What a started target may use; `None` leaves a limit as it is inherited. All are resource limits (soft and hard) of
/// each process, but for `memory_bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Memory of the whole target, in bytes, through its own control group (`memory.max`, or `memory.limit_in_bytes` on
    /// v1). Where it cannot have one it is not held to the limit, and the run says so. (RLIMIT_AS is no substitute: it
    /// limits addresses, of which many programs reserve far more than they use.)
    pub memory_bytes: Option<u64>,
    /// RLIMIT_NOFILE: descriptors.
    pub open_files_count: Option<u64>,
    /// RLIMIT_NPROC: processes and threads of the target's user, whoever started them.
    pub processes_count: Option<u64>,
    /// RLIMIT_CORE: size of a core file, in bytes; 0 for none.
    pub core_file_bytes: Option<u64>,
    /// RLIMIT_FSIZE: size of a file that it writes, in bytes.
    pub file_size_bytes: Option<u64>,
    /// RLIMIT_STACK: stack of the main thread, in bytes.
    pub stack_bytes: Option<u64>,
    /// RLIMIT_CPU: processor time, in whole seconds.
    pub cpu_time: Option<Duration>,
}
