//! From the profile's counter to where operations are read.

use std::path::Path;
use std::time::Duration;

use regex::bytes::Regex;
use soakd_profiles::{Counter, Load, LoadDriver, OutputStream};

use crate::exit::{Exit, Failure};
use crate::exposition;
use crate::http::{self, HttpUrl};
use crate::load::progress_file;
use crate::operations::OperationCount;
use crate::sampling::OperationSource;
use crate::target::{LineCounter, Stream};

/// An endpoint is asked at most this often.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// How long an endpoint has to answer.
const POLL_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest answer that is read.
const LONGEST_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Where the sampling thread finds the number of operations of `load`, for a run in `folder`. `shared` is the count that a poller or a driver keeps.
///
/// # Errors
/// [`Exit::Config`] for a pattern or an address that cannot be used.
pub fn of(load: &Load, folder: &Path, shared: &OperationCount) -> Result<OperationSource, Failure> {
    Ok(match &load.counter {
        None => OperationSource::Probe,
        Some(Counter::File(path)) => OperationSource::File(path.clone()),
        Some(Counter::Driver) if matches!(load.driver, LoadDriver::Reference { .. }) => {
            OperationSource::File(progress_file(folder))
        }
        Some(Counter::Driver) => OperationSource::Shared(shared.clone()),
        Some(Counter::Prometheus { url, .. }) => {
            address(url)?;
            OperationSource::Shared(shared.clone())
        }
        Some(Counter::Line { pattern, stream }) => {
            let regex = Regex::new(pattern).map_err(|error| {
                Failure::new(Exit::Config, format!("cannot count lines that match `{pattern}`: {error}"))
            })?;
            let counter = LineCounter::new(regex);
            OperationSource::Lines(match stream {
                OutputStream::Both => counter,
                OutputStream::Stdout => counter.only(Stream::Output),
                OutputStream::Stderr => counter.only(Stream::Errors),
            })
        }
    })
}

fn address(url: &str) -> Result<HttpUrl, Failure> {
    url.parse().map_err(|error| Failure::new(Exit::Config, format!("cannot count operations at `{url}`: {error}")))
}

/// Asks a Prometheus endpoint for the count, again and again.
#[derive(Debug)]
pub struct Poller<'a> {
    counter: Option<&'a Counter>,
    count: OperationCount,
}

impl<'a> Poller<'a> {
    /// A poller for `counter`; one that does nothing where it is not an endpoint.
    #[must_use]
    pub fn new(counter: Option<&'a Counter>, count: &OperationCount) -> Self {
        Self { counter, count: count.clone() }
    }

    /// Polls until it is dropped. An endpoint that does not answer leaves the count as it was.
    pub async fn run(self) {
        let Some(Counter::Prometheus { url, metric, labels }) = self.counter else {
            return std::future::pending().await;
        };
        let Ok(address) = address(url) else {
            return std::future::pending().await;
        };
        let mut ticks = tokio::time::interval(POLL_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match http::get(&address, POLL_TIMEOUT, LONGEST_ANSWER_BYTES).await {
                Ok(answer) if answer.status == 200 => {
                    let text = String::from_utf8_lossy(&answer.body);
                    match exposition::sum_of(&text, metric, labels) {
                        Some(count) => self.count.set(count),
                        None => tracing::debug!(%url, %metric, "the endpoint has no such metric"),
                    }
                }
                Ok(answer) => tracing::debug!(%url, status = answer.status, "the endpoint refuses to answer"),
                Err(error) => tracing::debug!(%url, %error, "the endpoint does not answer"),
            }
        }
    }
}
