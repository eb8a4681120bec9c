//! Arguments of `soakd ctl`, which talks to the daemon.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};
use soakd_reports::RENDERERS;

use super::Format;
use super::history::OutcomeName;

/// Where the daemon is.
#[derive(Debug, Clone, Default, Args)]
pub struct DaemonPlace {
    /// The daemon's socket [default: soakd.sock in $RUNTIME_DIRECTORY, /run/soakd or the state folder]
    #[arg(long, global = true, value_name = "PATH", conflicts_with = "url", help_heading = "Daemon")]
    pub socket: Option<PathBuf>,
    /// The daemon's address, http://HOST:PORT, in place of a socket
    #[arg(long, global = true, value_name = "URL", help_heading = "Daemon")]
    pub url: Option<String>,
    /// File of the daemon's token, which changes over TCP need [default: that of the state folder for a daemon on this host]
    #[arg(long, global = true, value_name = "FILE", env = "SOAKD_TOKEN_FILE", help_heading = "Daemon")]
    pub token_file: Option<PathBuf>,
}

impl DaemonPlace {
    /// Whether somebody has said where it is.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.socket.is_some() || self.url.is_some()
    }
}

/// `soakd ctl …`.
#[derive(Debug, Args)]
pub struct CtlArgs {
    /// Where the daemon is
    #[command(flatten)]
    pub place: DaemonPlace,
    /// Form of the result on standard output
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// What is asked of the daemon
    #[command(subcommand)]
    pub action: CtlCommand,
}

/// What can be asked of the daemon.
#[derive(Debug, Subcommand)]
pub enum CtlCommand {
    /// All that goes on now
    Status,
    /// Follow what happens
    Watch,
    /// Queue a soak
    Submit(Box<SubmitArgs>),
    /// Jobs, newest first
    List {
        /// Only jobs that stand so
        #[arg(long, value_name = "STATE")]
        only: Option<StateName>,
        /// Only the newest N jobs
        #[arg(short = 'n', long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u32).range(1..=1000))]
        last: u32,
    },
    /// A job, or a run
    Show {
        /// Number of the job; or id of the run, its beginning, or `last`
        #[arg(value_name = "JOB|RUN")]
        which: String,
    },
    /// Take a job back, or end its run with a verdict on what there is
    Cancel {
        /// Number of the job
        #[arg(value_name = "JOB")]
        job: u64,
    },
    /// What comes next
    Schedule,
    /// Start an entry of the schedule now, besides its times
    RunSchedule {
        /// Its name in the configuration
        name: String,
        /// Wait for the verdict and end with its exit code
        #[arg(long)]
        wait: bool,
    },
    /// The profiles that can be named in a submission, or one of them
    Profiles {
        /// Show the text of this one
        name: Option<String>,
    },
    /// Targets that are watched without end
    Watches,
    /// Recorded runs, newest first
    History {
        /// Only runs of this profile
        #[arg(long, value_name = "P")]
        profile: Option<String>,
        /// Only runs with this outcome
        #[arg(long, value_name = "OUTCOME")]
        outcome: Option<OutcomeName>,
        /// Only runs since then: 7d, or a date
        #[arg(long, value_name = "WHEN")]
        since: Option<String>,
        /// Only the newest N runs
        #[arg(short = 'n', long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u32).range(1..=1000))]
        last: u32,
    },
    /// Growth, settled baseline, peak, p99 and throughput over the runs of a profile
    Trend {
        /// The profile [default: that of the newest run]
        profile: Option<String>,
        /// Scenario of the profile
        #[arg(long, value_name = "S")]
        scenario: Option<String>,
        /// Only runs of this branch
        #[arg(long, value_name = "B")]
        branch: Option<String>,
        /// Only runs since then: 7d, or a date
        #[arg(long, value_name = "WHEN")]
        since: Option<String>,
        /// Only the newest N runs
        #[arg(short = 'n', long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u32).range(1..=1000))]
        last: u32,
    },
    /// The verdict of a run that has ended; ends with its exit code
    Verdict {
        /// Id of the run, its beginning, or `last`
        #[arg(value_name = "RUN", default_value = "last")]
        run: String,
    },
    /// A report of a run that has ended
    Report {
        /// Id of the run, its beginning, or `last`
        #[arg(value_name = "RUN")]
        run: String,
        /// Format of the report
        #[arg(value_name = "NAME", value_parser = PossibleValuesParser::new(RENDERERS.iter().map(|renderer| renderer.name())))]
        report: String,
        /// File to write [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Samples of a run as CSV, or as arrays with --format json
    Samples {
        /// Id of the run, its beginning, or `last`
        #[arg(value_name = "RUN")]
        run: String,
        /// Only these series
        #[arg(long, value_name = "NAME,…")]
        series: Option<String>,
        /// At most so many points of each series; no peak is lost
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000))]
        points: Option<u32>,
    },
    /// What happened during a run
    Events {
        /// Id of the run, its beginning, or `last`
        #[arg(value_name = "RUN")]
        run: String,
    },
    /// Have the daemon read its configuration again
    Reload,
    /// The OpenAPI document of the daemon's API
    Openapi,
}

/// `soakd ctl submit`.
#[derive(Debug, Args)]
pub struct SubmitArgs {
    /// Profile: a name of `soakd ctl profiles`, or a file in one of the daemon's profile folders
    pub profile: Option<String>,
    /// What it is called in lists
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Wait for the verdict and end with its exit code
    #[arg(long)]
    pub wait: bool,
    /// Planned length of the run (90s, 10m, 8h)
    #[arg(long = "for", value_name = "DURATION")]
    pub duration: Option<String>,
    /// Growth that is accepted (1MiB/h, 64B/op, or 1MiB over the run)
    #[arg(long, value_name = "RATE")]
    pub tolerate: Option<String>,
    /// Time between samples (10ms to 10min)
    #[arg(long, value_name = "DURATION")]
    pub interval: Option<String>,
    /// Size and length of the load, as named in the profile
    #[arg(long, value_name = "S")]
    pub scenario: Option<String>,
    /// Whose budgets apply, as named in the profile
    #[arg(long, value_name = "E")]
    pub env: Option<String>,
    /// Gate of the delivery pipeline, as named in the profile
    #[arg(long, value_name = "G")]
    pub stage: Option<String>,
    /// Higher starts before lower
    #[arg(long, value_name = "N", default_value = "0", allow_hyphen_values = true)]
    pub priority: i32,
    /// Run with no other soak beside it
    #[arg(long)]
    pub exclusive: bool,
    /// End and judge the run after this time, however far it has come
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    /// How often it is tried again where it came to no verdict
    #[arg(long, value_name = "N", default_value = "0")]
    pub retries: u32,
    /// Time before it is tried again [default: a minute]
    #[arg(long, value_name = "DURATION")]
    pub retry_after: Option<String>,
    /// What to attach to in place of starting a target
    #[command(flatten)]
    pub attach: AttachArgs,
    /// The program to soak and its arguments, where the daemon lets any command run
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// A running program to attach to.
#[derive(Debug, Clone, Default, Args)]
#[group(multiple = false)]
pub struct AttachArgs {
    /// Attach to this process
    #[arg(long, value_name = "N")]
    pub attach_pid: Option<u32>,
    /// Attach to the process, or executable, of this name
    #[arg(long, value_name = "COMM")]
    pub attach_name: Option<String>,
    /// Attach to a systemd unit
    #[arg(long, value_name = "U.service")]
    pub attach_unit: Option<String>,
    /// Attach to a cgroup folder
    #[arg(long, value_name = "PATH")]
    pub attach_cgroup: Option<PathBuf>,
}

/// How a job stands, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StateName {
    /// It waits for its turn
    Queued,
    /// Its run goes on
    Running,
    /// Its run came to a verdict
    Done,
    /// There is no verdict
    Failed,
    /// Somebody took it back
    Cancelled,
}

impl StateName {
    /// Its word in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}
