//! Arguments and help, nothing else.

pub mod ctl;
pub mod history;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::report_files::{self, ReportFiles};

/// Soaks a program and tells whether it grows without bound.
#[derive(Debug, Parser)]
#[command(name = "soakd", version, max_term_width = 100, subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 pass, 1 warn, 2 fail (leak or budget), 3 block (critical), 4 inconclusive;\n\
    64 to 78 no verdict (usage, input, target, output, permission, profile); 128+N ended by signal N.")]
pub struct Cli {
    /// Folder of the store and of the runs [default: $STATE_DIRECTORY, $XDG_STATE_HOME/soakd or ~/.local/state/soakd]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Everywhere")]
    pub state: Option<PathBuf>,
    /// Say more on standard error (-v phases, -vv every tick); $SOAKD_LOG takes a filter
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Everywhere")]
    pub verbose: u8,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What soakd can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// CI leak check: run a program, end as soon as the evidence decides, answer with the exit code
    Check(CheckArgs),
    /// Soak by a profile for its whole length
    Run(RunArgs),
    /// Watch a program that already runs, without touching it
    Attach(AttachArgs),
    /// Show the verdict of a recorded run or of a verdict file, or judge an interrupted run now
    Report(ReportArgs),
    /// What the runs of the past say: lists, trends, baselines, archives, and what is kept
    History {
        /// What to do with the history
        #[command(subcommand)]
        action: history::HistoryCommand,
    },
    /// Two builds: run ids or verdict files, or two profiles that are run in turns
    Compare(history::CompareArgs),
    /// Talk to the daemon: submit, list, show, cancel, follow, and all else that its API can do
    Ctl(ctl::CtlArgs),
    /// Judge recorded series: CSV, JSON lines, a Prometheus answer, mprof, psrecord or pidstat output
    Analyze(AnalyzeArgs),
    /// The service: soaks in a queue and on a schedule, targets that are watched without end
    Daemon(DaemonArgs),
    /// Live view of what goes on: of a daemon, or of the runs that are recorded here
    Watch(WatchArgs),
    /// List, show, check or begin profiles
    Profile {
        /// What to do with profiles
        #[command(subcommand)]
        action: ProfileCommand,
    },
    /// Print a JSON Schema
    Schema {
        /// Of which document
        document: SchemaDocument,
    },
    /// What this host lets soakd measure, and what is missing
    Doctor(DoctorArgs),
    /// Prove that the gate can pass and can fail on this host: soak the reference service clean and leaking
    Selftest(SelftestArgs),
    /// The reference service: a program to soak, with leaks that can be switched on
    Reference(soakd_reference::ReferenceArgs),
}

/// How long and how strictly; shared by the commands that soak.
#[derive(Debug, Clone, Default, Args)]
pub struct SoakArgs {
    /// Planned length of the run (90s, 10m, 8h)
    #[arg(long = "for", value_name = "DURATION")]
    pub duration: Option<String>,
    /// Growth that is accepted (1MiB/h, 64B/op, or 1MiB over the run)
    #[arg(long, value_name = "RATE")]
    pub tolerate: Option<String>,
    /// Leave out this much of the start as warm-up [default: found by itself]
    #[arg(long, value_name = "DURATION")]
    pub warmup: Option<String>,
    /// Time between samples (10ms to 10min)
    #[arg(long, value_name = "DURATION")]
    pub interval: Option<String>,
    /// Folder for verdict.json and the target's output [default: a new one in the state folder]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Also write these reports into the folder: html, junit, markdown, … (see `soakd report --help`)
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = PossibleValuesParser::new(report_files::names()), hide_possible_values = true)]
    pub report: Vec<String>,
    /// Size and length of the load, as named in the profile
    #[arg(long, value_name = "S")]
    pub scenario: Option<String>,
    /// Whose budgets apply, as named in the profile
    #[arg(long, value_name = "E")]
    pub env: Option<String>,
    /// Gate of the delivery pipeline, as named in the profile
    #[arg(long, value_name = "G")]
    pub stage: Option<String>,
    /// Endpoint whose gauges and counters are recorded too: Prometheus, OpenMetrics, or Go's /debug/vars
    #[arg(long, value_name = "URL")]
    pub metrics_url: Vec<String>,
    /// Start the target, and what else the run starts, in transient systemd units of their own, as this user where the profile names none
    #[arg(long, value_name = "USER")]
    pub in_unit: Option<String>,
    /// Form of the result on standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// No progress, and only the verdict's first line on standard output
    #[arg(short, long)]
    pub quiet: bool,
}

/// What to start; shared by the commands that start their target.
#[derive(Debug, Clone, Default, Args)]
pub struct StartArgs {
    /// When the target is ready: http://…, tcp:HOST:PORT, line:REGEX, or a delay such as 2s
    #[arg(long, value_name = "WHEN")]
    pub ready: Option<String>,
    /// What counts as an operation: line:REGEX of its output, file:PATH, or METRIC@http://…/metrics
    #[arg(long, value_name = "COUNTER")]
    pub operations: Option<String>,
    /// The program to soak and its arguments, in place of a profile's
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// `soakd check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Profile: a file, or the name of a shipped one (`soakd profile list`)
    pub profile: Option<String>,
    /// How long and how strictly
    #[command(flatten)]
    pub soak: SoakArgs,
    /// What to start
    #[command(flatten)]
    pub start: StartArgs,
}

/// `soakd run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Profile: a file, or the name of a shipped one (`soakd profile list`)
    pub profile: Option<String>,
    /// How long and how strictly
    #[command(flatten)]
    pub soak: SoakArgs,
    /// What to start
    #[command(flatten)]
    pub start: StartArgs,
}

/// `soakd attach`.
#[derive(Debug, Args)]
pub struct AttachArgs {
    /// What to watch
    #[command(flatten)]
    pub whom: AttachTo,
    /// Go on with its successor when the target restarts
    #[arg(long)]
    pub follow: bool,
    /// Profile whose other settings apply
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// How long and how strictly
    #[command(flatten)]
    pub soak: SoakArgs,
    /// What counts as an operation: file:PATH, or METRIC@http://…/metrics
    #[arg(long, value_name = "COUNTER")]
    pub operations: Option<String>,
}

/// The running program to attach to.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct AttachTo {
    /// Process id
    #[arg(long, value_name = "N")]
    pub pid: Option<i32>,
    /// Name of the process or of its executable
    #[arg(long, value_name = "COMM")]
    pub name: Option<String>,
    /// systemd unit
    #[arg(long, value_name = "U.service")]
    pub unit: Option<String>,
    /// cgroup folder
    #[arg(long, value_name = "PATH")]
    pub cgroup: Option<PathBuf>,
}

/// `soakd report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Run id (or its beginning, or `last`), or a verdict file
    #[arg(value_name = "RUN|FILE", default_value = "last")]
    pub subject: String,
    /// Judge the recorded samples again, though there is a verdict
    #[arg(long)]
    pub again: bool,
    /// Print the body of an issue about the run, in Markdown
    #[arg(long, conflicts_with = "quiet")]
    pub issue: bool,
    /// Form of the result on standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// Only the verdict's first line
    #[arg(short, long)]
    pub quiet: bool,
    /// What else to write
    #[command(flatten)]
    pub files: ReportFiles,
}

/// `soakd daemon`.
#[derive(Debug, Args)]
pub struct DaemonArgs {
    /// Configuration file [default: /etc/soakd/soakd.toml, where it is there]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Check the configuration and end
    #[arg(long)]
    pub check: bool,
}

/// `soakd watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Where the daemon is; where none is named and none answers, the runs that are recorded here are shown
    #[command(flatten)]
    pub place: ctl::DaemonPlace,
    /// Print how it is now, and end
    #[arg(long)]
    pub once: bool,
}

/// `soakd analyze`.
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// Series files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Judge only this column; may be given several times
    #[arg(long, value_name = "C")]
    pub column: Vec<String>,
    /// Growth that is accepted (1MiB/h, 64B/op, or 1MiB over the series)
    #[arg(long, value_name = "RATE")]
    pub tolerate: Option<String>,
    /// Leave out this much of the start as warm-up [default: found by itself]
    #[arg(long, value_name = "DURATION")]
    pub warmup: Option<String>,
    /// A level that must not be reached (512MiB)
    #[arg(long, value_name = "SIZE")]
    pub limit: Option<String>,
    /// Form of the result on standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// One line for each file
    #[arg(short, long)]
    pub quiet: bool,
}

/// `soakd profile …`.
#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    /// The shipped profiles
    List,
    /// A profile as soakd understands it, with every default filled in
    Show {
        /// Profile: a file, or the name of a shipped one; `reference` explains every key
        profile: String,
        /// The text of the profile as it stands
        #[arg(long)]
        source: bool,
    },
    /// Check profiles and show all their faults
    Validate {
        /// Profiles: files or names of shipped ones
        #[arg(required = true)]
        profiles: Vec<String>,
    },
    /// Begin a profile from a shipped one
    New {
        /// File to write; it must not exist
        file: PathBuf,
        /// The shipped profile to begin from
        #[arg(long, value_name = "NAME", default_value = "command")]
        from: String,
    },
}

/// Documents that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaDocument {
    /// verdict.json
    Verdict,
    /// A profile file
    Profile,
    /// What `soakd compare --format json` prints
    Compare,
    /// The configuration of `soakd daemon`
    Config,
}

/// `soakd doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Form of the result on standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// `soakd selftest`.
#[derive(Debug, Args)]
pub struct SelftestArgs {
    /// Length of each of the two runs
    #[arg(long = "for", value_name = "DURATION", default_value = "30s")]
    pub duration: String,
    /// Form of the result on standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// No progress
    #[arg(short, long)]
    pub quiet: bool,
}

/// Forms of a result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}
