//! Waits until a target shows the sign that it is ready.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::error::TargetError;
use super::output::Output;
use super::spec::{ReadySpec, ReadyWhen};
use crate::http::{self, HttpUrl};

/// How long one question may take, and how long to wait until the next.
const ONE_TRY: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// What is read of an answer that only its status matters of.
const LONGEST_BODY_BYTES: usize = 1 << 20;

/// A wait that has begun: made before the target starts, so that no line of it is missed.
#[derive(Debug)]
pub(super) struct ReadyWait {
    spec: ReadySpec,
    sign: Sign,
    output: Output,
    last_answer: Arc<Mutex<Option<String>>>,
}

#[derive(Debug)]
enum Sign {
    Http(HttpUrl, RangeInclusive<u16>),
    Tcp(std::net::SocketAddr),
    Line(oneshot::Receiver<()>),
    Delay(Duration),
}

impl ReadyWait {
    /// Begins to watch the output.
    ///
    /// # Errors
    /// When the address to ask is none.
    pub(super) fn begin(spec: &ReadySpec, output: &Output) -> Result<Self, TargetError> {
        let sign = match &spec.when {
            ReadyWhen::Http { url, status } => {
                let address = url.parse().map_err(|error: http::HttpUrlError| TargetError::ReadyAddress {
                    url: url.clone(),
                    what: error.to_string(),
                })?;
                Sign::Http(address, status.clone())
            }
            ReadyWhen::Tcp(address) => Sign::Tcp(*address),
            ReadyWhen::Line(regex) => Sign::Line(output.next_match(regex.clone())),
            ReadyWhen::Delay(delay) => Sign::Delay(*delay),
        };
        Ok(Self { spec: spec.clone(), sign, output: output.clone(), last_answer: Arc::default() })
    }

    /// Waits for the sign.
    ///
    /// # Errors
    /// When it does not show in time.
    pub(super) async fn done(self) -> Result<(), TargetError> {
        // A delay is a sign that cannot be late.
        let timeout = match &self.sign {
            Sign::Delay(delay) => self.spec.timeout.max(delay.saturating_add(ONE_TRY)),
            _ => self.spec.timeout,
        };
        let last_answer = Arc::clone(&self.last_answer);
        let late = |last_lines| TargetError::NotReadyInTime {
            timeout: self.spec.timeout,
            waited_for: self.spec.when.clone(),
            last_answer: last_answer.lock().unwrap_or_else(PoisonError::into_inner).take(),
            last_lines,
        };
        let shown = tokio::time::timeout(timeout, shown(self.sign, &self.last_answer)).await;
        shown.map_err(|_| late(self.output.last_lines()))
    }
}

async fn shown(sign: Sign, last_answer: &Mutex<Option<String>>) {
    let note = |answer: String| *last_answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    let mut pause = FIRST_PAUSE;
    match sign {
        Sign::Delay(delay) => tokio::time::sleep(delay).await,
        Sign::Line(found) => {
            if found.await.is_err() {
                // Its output has ended; that it does too will be seen.
                std::future::pending::<()>().await;
            }
        }
        Sign::Tcp(address) => loop {
            match tokio::time::timeout(ONE_TRY, TcpStream::connect(address)).await {
                Ok(Ok(_)) => return,
                Ok(Err(error)) => note(error.to_string()),
                Err(_) => note("no answer".to_owned()),
            }
            rest(&mut pause).await;
        },
        Sign::Http(url, status) => loop {
            match http::get(&url, ONE_TRY, LONGEST_BODY_BYTES).await {
                Ok(answer) if status.contains(&answer.status) => return,
                Ok(answer) => note(format!("the last answer was status {}", answer.status)),
                // Whatever it says at such length, it answers.
                Err(http::HttpError::TooLong(_)) => return,
                Err(error) => note(error.to_string()),
            }
            rest(&mut pause).await;
        },
    }
}

async fn rest(pause: &mut Duration) {
    tokio::time::sleep(*pause).await;
    *pause = (*pause * 2).min(LONGEST_PAUSE);
}
