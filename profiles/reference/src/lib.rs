//! The reference service of soakd: a small HTTP service that does real work, and leaks when told to.
//!
//! It is the demo, the fixture of the tests and the ground truth of the benchmarks. Clean, it stays flat: its caches are
//! bounded, its metrics have a fixed set of labels, one thread does everything. With leaks switched on it grows in a known
//! way, holds what it leaks in ordinary heap allocations, and tells the truth about it at `GET /truth`.
//!
//! The program is this library: the `soakd` binary carries it as `soakd reference`, and `soakd-reference` is the same alone.
//!
//! ```
//! use clap::Parser;
//! use soakd_reference::{ReferenceArgs, run};
//!
//! #[derive(Parser)]
//! struct Program {
//!     #[command(flatten)]
//!     reference: ReferenceArgs,
//! }
//!
//! // A hundred policy evaluations, each of which leaks 64 bytes.
//! let program = Program::parse_from([
//!     "program", "run", "--operation", "evaluate", "--operations", "100", "--leak", "linear:64B/op",
//! ]);
//! run(program.reference)?;
//! # Ok::<(), soakd_reference::ReferenceError>(())
//! ```
//!
//! # Modules
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`arguments`] | the command line: [`ReferenceArgs`], [`ServeArgs`], [`RunArgs`] |
//! | [`leak`] | the grammar of leaks, how much of each is due, and what holds it |
//! | `operation` | [`Operation`], the kinds of work, and where they are served |
//! | `work` | the work itself: policies, proofs, telemetry, configurations |
//! | `requests` | [`RequestGenerator`]: random requests of every kind from a seed |
//! | `service` | takes a request, works, counts, leaks, answers |
//! | `metrics`, `lru` | what it counts; its bounded cache |
//! | `serve`, `routes` | the service over HTTP |
//! | `batch_run`, `drive` | operations without HTTP; operations sent to a running service |
//! | `pacer`, `progress` | operations at a rate; their count for whoever watches |

pub mod arguments;
mod batch_run;
mod drive;
mod error;
pub mod leak;
mod lru;
mod metrics;
mod operation;
mod pacer;
mod progress;
mod requests;
mod routes;
mod serve;
mod service;
mod work;

pub use arguments::{DriveArgs, ReferenceArgs, ReferenceCommand, RunArgs, ServeArgs, Workload};
pub use error::ReferenceError;
pub use operation::Operation;
pub use requests::RequestGenerator;

/// Runs the program: serves until SIGTERM or SIGINT, or performs or sends the operations that were asked for.
///
/// It uses the process's standard output, takes SIGTERM and SIGINT (and does not give them back, so end the process when it
/// returns), and builds its own single-threaded runtime: call it from a thread that is not inside one.
///
/// # Errors
/// [`ReferenceError`] when it cannot listen, write its output or files, or start its work.
pub fn run(arguments: ReferenceArgs) -> Result<(), ReferenceError> {
    match arguments.command {
        ReferenceCommand::Serve(arguments) => serve::serve(&arguments),
        ReferenceCommand::Run(arguments) => batch_run::run(&arguments),
        ReferenceCommand::Drive(arguments) => drive::drive(&arguments),
    }
}
