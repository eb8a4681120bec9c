//! The command line of the reference service, as types that another program can take into its own.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::leak::{ByteCount, GRAMMAR, LeakSpec};

/// The reference service: what it is asked to do.
#[derive(Debug, Clone, Args)]
pub struct ReferenceArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ReferenceCommand,
}

/// What the reference service can do.
#[derive(Debug, Clone, Subcommand)]
pub enum ReferenceCommand {
    /// Serve HTTP until SIGTERM or SIGINT
    #[command(after_long_help = GRAMMAR)]
    Serve(ServeArgs),
    /// Perform operations without HTTP, as fast as possible or at a rate
    #[command(after_long_help = GRAMMAR)]
    Run(RunArgs),
    /// Send operations to a running service over HTTP
    Drive(DriveArgs),
}

/// Arguments of `serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// Address to listen on; port 0 takes a free one, which is printed
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Operations per second that the service performs on itself, without a client
    #[arg(long, value_name = "OPERATIONS_PER_SECOND", value_parser = parse_rate_per_s)]
    pub traffic: Option<f64>,
    /// Kind of operation of the service's own traffic
    #[arg(long, value_enum, value_name = "KIND", default_value_t = Workload::Mixed, requires = "traffic")]
    pub operation: Workload,
    /// What is the same for both ways to run
    #[command(flatten)]
    pub service: ServiceArgs,
}

/// Arguments of `run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Kind of operation
    #[arg(long, value_enum, value_name = "KIND", default_value_t = Workload::Mixed)]
    pub operation: Workload,
    /// How many operations; 0 runs until SIGTERM or SIGINT
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub operations: u64,
    /// Operations per second [default: as fast as possible]
    #[arg(long, value_name = "OPERATIONS_PER_SECOND", value_parser = parse_rate_per_s)]
    pub rate: Option<f64>,
    /// File that holds the number of operations done so far, rewritten in place at most ten times a second
    #[arg(long, value_name = "FILE")]
    pub progress_file: Option<PathBuf>,
    /// File that gets what has really leaked, as JSON, when the operations are done
    #[arg(long, value_name = "FILE")]
    pub truth_file: Option<PathBuf>,
    /// What is the same for both ways to run
    #[command(flatten)]
    pub service: ServiceArgs,
}

/// Arguments of `drive`.
#[derive(Debug, Clone, Args)]
pub struct DriveArgs {
    /// Address of the service, as it printed it: http://HOST:PORT
    #[arg(value_name = "URL")]
    pub url: String,
    /// Kind of operation
    #[arg(long, value_enum, value_name = "KIND", default_value_t = Workload::Mixed)]
    pub operation: Workload,
    /// How many operations; 0 goes on until SIGTERM or SIGINT
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub operations: u64,
    /// Operations per second [default: as fast as the service answers]
    #[arg(long, value_name = "OPERATIONS_PER_SECOND", value_parser = parse_rate_per_s)]
    pub rate: Option<f64>,
    /// How many are under way at the same time
    #[arg(long, value_name = "N", default_value = "1")]
    pub parallel: NonZeroU32,
    /// File that holds the number of operations done so far, rewritten in place at most ten times a second
    #[arg(long, value_name = "FILE")]
    pub progress_file: Option<PathBuf>,
    /// Seed of everything random: the same seed gives the same requests
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// What the service is made of, with and without HTTP.
#[derive(Debug, Clone, Args)]
pub struct ServiceArgs {
    /// A leak, such as `linear:64B/op`; may be given several times, see below for all of them
    #[arg(long = "leak", value_name = "SPEC")]
    pub leaks: Vec<LeakSpec>,
    /// Memory at which all leaks together stop growing, so that a forgotten service does not take the host down
    #[arg(long, value_name = "SIZE", default_value = "4GiB")]
    pub leak_limit: ByteCount,
    /// Entries of the cache of policy decisions, which never holds more
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub cache_entries: u32,
    /// Seed of everything random: the same seed gives the same requests
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// Kind of operation on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Policy evaluation
    Evaluate,
    /// Verification of one signed proof
    Verify,
    /// Verification of a signed biometric template and comparison with a fresh sample
    Biometric,
    /// Verification of many signed proofs at once
    Batch,
    /// Decoding of a telemetry message
    Decode,
    /// Configuration instantiation
    Configure,
    /// Collection and encoding of the metrics
    Metrics,
    /// All of them, in random order
    Mixed,
}

fn parse_rate_per_s(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("expected a number of operations per second above 0".to_owned()),
    }
}
