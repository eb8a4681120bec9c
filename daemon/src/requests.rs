//! What is asked of a run from outside while it goes on, and where that comes from.

use tokio::sync::mpsc;

use crate::signals::Signals;

/// A request to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// End the run now, with a verdict on what there is. A second one skips the grace of the target.
    Stop {
        /// Number of the signal.
        signal: i32,
        /// Who sent it, in words.
        sender: String,
    },
    /// The same, by the daemon.
    End {
        /// Why.
        why: String,
    },
    /// Leave an attached target alone, and the run to be gone on with later.
    Suspend,
    /// Print the current estimate.
    Estimate,
}

/// Where requests come from.
#[derive(Debug)]
pub enum Requests {
    /// Signals to this process.
    Signals(Signals),
    /// The daemon that the run is part of.
    Daemon(mpsc::UnboundedReceiver<Request>),
}

impl Requests {
    /// The next request. Cancel-safe.
    pub async fn next(&mut self) -> Option<Request> {
        match self {
            Self::Signals(signals) => signals.next().await,
            Self::Daemon(requests) => match requests.recv().await {
                Some(request) => Some(request),
                // A daemon that has let go of the run asks nothing more of it.
                None => std::future::pending().await,
            },
        }
    }
}
