//! Signals as events of the run.

use std::fmt;

use futures_util::StreamExt;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::exfiltrator::origin::{Origin, WithOrigin};
use signal_hook::low_level::signal_name;
use signal_hook_tokio::SignalsInfo;

use crate::exit::{Exit, Failure};
use crate::requests::Request;

/// The name of a signal, such as `SIGTERM`.
#[must_use]
pub fn name(signal: i32) -> String {
    signal_name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned)
}

fn sender(origin: &Origin) -> String {
    match &origin.process {
        Some(process) => format!("process {} of user {}", process.pid, process.uid),
        None => "the kernel".to_owned(),
    }
}

/// The signals that a run listens to.
pub struct Signals {
    inner: SignalsInfo<WithOrigin>,
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signals").finish_non_exhaustive()
    }
}

impl Signals {
    /// Listens to SIGINT, SIGTERM, SIGHUP (end with a verdict) and SIGUSR1 (print the estimate).
    ///
    /// # Errors
    /// [`Exit::Internal`] where the kernel refuses a handler.
    pub fn listen() -> Result<Self, Failure> {
        let inner = SignalsInfo::<WithOrigin>::new([SIGINT, SIGTERM, SIGHUP, SIGUSR1])
            .map_err(|error| Failure::new(Exit::Internal, format!("cannot listen to signals: {error}")))?;
        Ok(Self { inner })
    }

    /// The next request. Cancel-safe.
    pub async fn next(&mut self) -> Option<Request> {
        let origin = self.inner.next().await?;
        Some(match origin.signal {
            SIGUSR1 => Request::Estimate,
            signal => Request::Stop { signal, sender: sender(&origin) },
        })
    }
}
