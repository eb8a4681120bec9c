//! What can go wrong with the program as a whole.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

/// Why the reference service could not start or had to stop.
#[derive(Debug, Error)]
pub enum ReferenceError {
    /// The runtime that serves requests could not be made.
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    /// SIGTERM or SIGINT could not be taken.
    #[error("cannot take SIGTERM and SIGINT")]
    Signals(#[source] io::Error),
    /// The address is in use, not of this host, or not allowed.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The server stopped by itself.
    #[error("cannot serve requests")]
    Serve(#[source] io::Error),
    /// Standard output is closed or full.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    /// The progress file or the truth file could not be written.
    #[error("cannot write `{path}`", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// One of the requests that the program makes for itself was refused: a bug.
    #[error("operation `{operation}` failed: {reason}")]
    Operation {
        /// Its kind.
        operation: &'static str,
        /// What the service answered.
        reason: String,
    },
    /// The address of the service to drive is none.
    #[error("`{url}` is no address of a service, expected http://HOST:PORT")]
    Url {
        /// What was given.
        url: String,
    },
    /// The service that is driven does not answer any more.
    #[error("the service at `{host}` does not answer: {reason}")]
    Gone {
        /// Where it was.
        host: String,
        /// What the last attempt gave.
        reason: String,
    },
    /// The policy that the service carries was refused by its engine.
    #[error("cannot load the policy: {reason}")]
    Policy {
        /// What the engine said.
        reason: String,
    },
}
