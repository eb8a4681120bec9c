//! What the daemon is told by signals.

use std::fmt;

use futures_util::StreamExt;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::exfiltrator::SignalOnly;
use signal_hook_tokio::SignalsInfo;

use crate::exit::{Exit, Failure};

/// What a signal asks of the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// SIGTERM or SIGINT: end in good order. A second one: at once.
    Stop,
    /// SIGHUP: read the configuration again.
    Reload,
}

/// The signals that the daemon listens to.
pub struct DaemonSignals(SignalsInfo<SignalOnly>);

impl fmt::Debug for DaemonSignals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DaemonSignals").finish_non_exhaustive()
    }
}

impl DaemonSignals {
    /// Listens from now on.
    ///
    /// # Errors
    /// [`Exit::Internal`] where the kernel refuses a handler.
    pub fn listen() -> Result<Self, Failure> {
        SignalsInfo::<SignalOnly>::new([SIGINT, SIGTERM, SIGHUP])
            .map(Self)
            .map_err(|error| Failure::new(Exit::Internal, format!("cannot listen to signals: {error}")))
    }

    /// The next one. Cancel-safe.
    pub async fn next(&mut self) -> Told {
        match self.0.next().await {
            Some(SIGHUP) => Told::Reload,
            Some(_) => Told::Stop,
            // No signal can come any more: nobody asks for anything.
            None => std::future::pending().await,
        }
    }
}
