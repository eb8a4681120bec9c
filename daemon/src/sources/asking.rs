//! How a source is asked: one question, one answer, whatever its kind.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use soakd_profiles::{JvmHeap, Source, SourceKind};
use soakd_sampler::{Membership, ProcessId};

use super::failure::SourceFailure;
use super::offer::{self, Offer};
use super::{command, jvm};
use crate::exit::{Exit, Failure};
use crate::exposition::{Kind, Sample};
use crate::heap_source;
use crate::http::{self, HttpUrl};
use crate::target::SpawnSpec;

/// Longest answer that is read of an endpoint: some fifty thousand lines. While it is read it takes ten times as much memory.
const LONGEST_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// One source, ready to be asked.
#[derive(Debug, Clone)]
pub(super) enum Asking {
    /// An endpoint.
    Http { url: HttpUrl, form: Form },
    /// A command; a single number that it prints is called by this name.
    Command { spec: Box<SpawnSpec>, name: String },
    /// The Java virtual machines among the processes of the target.
    Jvm { what: JvmHeap, signalled: BTreeSet<ProcessId> },
}

/// What an endpoint answers with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    Exposition,
    Expvar,
    Json,
}

impl Asking {
    /// How the source `name` is asked; `spec` is how a command of the profile is started.
    ///
    /// # Errors
    /// [`Exit::Config`] for an address that cannot be used, and what `spec` says.
    pub(super) fn new(
        name: &str,
        source: &Source,
        spec: impl FnOnce(&[String]) -> Result<SpawnSpec, Failure>,
    ) -> Result<Self, Failure> {
        let address = |url: &str| -> Result<HttpUrl, Failure> {
            url.parse().map_err(|error| {
                Failure::new(Exit::Config, format!("source `{name}` cannot be asked at `{url}`: {error}"))
            })
        };
        Ok(match &source.kind {
            SourceKind::Prometheus { url } => Self::Http { url: address(url)?, form: Form::Exposition },
            SourceKind::Expvar { url } => Self::Http { url: address(url)?, form: Form::Expvar },
            SourceKind::Json { url } => Self::Http { url: address(url)?, form: Form::Json },
            SourceKind::Command { command } => Self::Command { spec: Box::new(spec(command)?), name: name.to_owned() },
            SourceKind::Jvm(what) => Self::Jvm { what: *what, signalled: BTreeSet::new() },
        })
    }

    /// Asks once; `None` where `over` came first.
    pub(super) async fn ask(
        &mut self,
        membership: &Membership,
        timeout: Duration,
        over: impl Future<Output = ()>,
    ) -> Option<Result<Offer, SourceFailure>> {
        match self {
            Self::Http { url, form } => {
                let answer = tokio::select! {
                    biased;
                    () = over => return None,
                    answer = http::get(url, timeout, LONGEST_ANSWER_BYTES) => answer,
                };
                Some(answer.map_err(SourceFailure::from).and_then(|answer| understood(answer, *form)))
            }
            Self::Command { spec, name } => {
                let text = command::run((**spec).clone(), timeout, over).await?;
                Some(text.and_then(|text| offer::of_output(&text, name)))
            }
            Self::Jvm { what, signalled } => {
                let bytes = jvm::heap(membership, *what, signalled, timeout, over).await?;
                Some(bytes.map(|value| {
                    let sample = Sample { name: heap_source::METRIC.to_owned(), labels: Vec::new(), value };
                    Offer { samples: vec![(sample, Kind::Gauge)], document: None }
                }))
            }
        }
    }
}

fn understood(answer: http::HttpAnswer, form: Form) -> Result<Offer, SourceFailure> {
    match answer.status {
        200..=299 => {}
        status @ 300..=399 => return Err(SourceFailure::Redirect { status, to: answer.location }),
        status => return Err(SourceFailure::Status(status)),
    }
    let text = String::from_utf8_lossy(&answer.body);
    match form {
        Form::Exposition => offer::of_exposition(&text),
        Form::Expvar => offer::of_document(&text, true),
        Form::Json => offer::of_document(&text, false),
    }
}
