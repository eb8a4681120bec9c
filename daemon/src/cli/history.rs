//! Arguments of the commands about runs of the past.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use soakd_reports::Outcome;

use super::Format;
use crate::history::measure::Measure;
use crate::history::retention::{USUAL_NORMAL, USUAL_REPORTS, USUAL_SHORT};

/// `soakd history …`.
#[derive(Debug, Subcommand)]
pub enum HistoryCommand {
    /// The runs that are kept, oldest first
    List {
        /// Which runs
        #[command(flatten)]
        which: Which,
        /// Form of the result on standard output
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// One run: what was tested, what it came to, its numbers beside those of its baseline
    Show {
        /// Run id (or its beginning, or `last`)
        #[arg(value_name = "RUN", default_value = "last")]
        run: String,
        /// Form of the result on standard output
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Growth, settled baseline, peak, p99 and throughput over the runs, and between which commits they changed
    Trend {
        /// Profile whose runs are followed [default: that of the newest run]
        #[arg(value_name = "PROFILE")]
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
        #[arg(short = 'n', long, value_name = "N", default_value = "50")]
        last: usize,
        /// Only this metric; may be given several times
        #[arg(long, value_name = "M")]
        metric: Vec<String>,
        /// Only this measure; may be given several times
        #[arg(long, value_name = "MEASURE")]
        measure: Vec<Measure>,
        /// Also draw them into an SVG picture
        #[arg(long, value_name = "FILE")]
        svg: Option<PathBuf>,
        /// Form of the result on standard output
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Thin old samples to minutes and remove what is older than it is kept, as each run does at its end for a few; says what it does
    Prune {
        /// Keep samples of short runs (planned for less than an hour) in full for so long
        #[arg(long, value_name = "DURATION", default_value = USUAL_SHORT, env = "SOAKD_KEEP_SHORT")]
        short: String,
        /// Keep samples of other runs in full for so long
        #[arg(long, value_name = "DURATION", default_value = USUAL_NORMAL, env = "SOAKD_KEEP_NORMAL")]
        normal: String,
        /// Keep verdicts and minutes for so long
        #[arg(long, value_name = "DURATION", default_value = USUAL_REPORTS, env = "SOAKD_KEEP_REPORTS")]
        reports: String,
        /// The store may take so much: oldest samples are thinned first, then the oldest runs removed
        #[arg(long, value_name = "SIZE", env = "SOAKD_KEEP_SIZE")]
        max_size: Option<String>,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
        /// Form of the result on standard output
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Write runs into an archive folder: DIR/YYYY/MM/DD/COMMIT-RUN.json and the samples beside it
    Export {
        /// The folder; files that are there already are left alone
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Which runs
        #[command(flatten)]
        which: Which,
        /// Only verdicts, no samples
        #[arg(long)]
        no_samples: bool,
        /// Form of the result on standard output
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// What the runs of a profile are held against
    Baseline {
        /// What to do with baselines
        #[command(subcommand)]
        action: BaselineCommand,
    },
}

/// `soakd history baseline …`.
#[derive(Debug, Subcommand)]
pub enum BaselineCommand {
    /// Choose the baseline of a profile: the last good runs, or fixed ones
    Set {
        /// Name of the profile
        profile: String,
        /// Scenario of the profile
        #[arg(long, value_name = "S")]
        scenario: Option<String>,
        /// The last N good runs, at least 10
        #[arg(long, value_name = "N", conflicts_with = "run", required_unless_present = "run")]
        rolling: Option<usize>,
        /// Good runs of this branch only
        #[arg(long, value_name = "B", conflicts_with = "run")]
        branch: Option<String>,
        /// A fixed run; may be given several times
        #[arg(long, value_name = "RUN")]
        run: Vec<String>,
    },
    /// Show the baseline of a profile: its runs, level and noise of each number
    Show {
        /// Name of the profile [default: that of the newest run]
        profile: Option<String>,
        /// Scenario of the profile
        #[arg(long, value_name = "S")]
        scenario: Option<String>,
        /// Form of the result on standard output
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
}

/// Which runs are asked for.
#[derive(Debug, Clone, Default, Args)]
pub struct Which {
    /// Only runs of this profile
    #[arg(long, value_name = "P")]
    pub profile: Option<String>,
    /// Only runs of this branch
    #[arg(long, value_name = "B")]
    pub branch: Option<String>,
    /// Only runs with this outcome
    #[arg(long, value_name = "OUTCOME")]
    pub outcome: Option<OutcomeName>,
    /// Only runs since then: 7d, or a date
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Only the newest N runs
    #[arg(short = 'n', long, value_name = "N")]
    pub last: Option<usize>,
}

/// An outcome on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutcomeName {
    /// Every judged series within budget
    Pass,
    /// Minor
    Warn,
    /// A leak or a budget violation
    Fail,
    /// Critical
    Block,
    /// Undecided
    Inconclusive,
}

impl OutcomeName {
    /// The outcome.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Pass => Outcome::Pass,
            Self::Warn => Outcome::Warn,
            Self::Fail => Outcome::Fail,
            Self::Block => Outcome::Block,
            Self::Inconclusive => Outcome::Inconclusive,
        }
    }
}

/// `soakd compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Run id, verdict file, or profile (a file or the name of a shipped one)
    pub baseline: String,
    /// The same kind of thing, to be compared with it
    pub candidate: String,
    /// For profiles: rounds in which each of the two runs once
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub rounds: u32,
    /// For profiles: length of each run [default: that of the profile]
    #[arg(long = "for", value_name = "DURATION")]
    pub duration: Option<String>,
    /// For profiles: run both at the same time instead of in turns
    #[arg(long)]
    pub side_by_side: bool,
    /// The least change that matters, as a share
    #[arg(long, value_name = "SHARE", default_value = "0.1")]
    pub threshold: f64,
    /// Form of the result on standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// No progress, and only the first line of the result
    #[arg(short, long)]
    pub quiet: bool,
}
