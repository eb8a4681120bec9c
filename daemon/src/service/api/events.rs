//! What happens, as it happens: server-sent events that begin with the status.
//!
//! A follower that cannot keep up is told to start over and let go, since what it missed is in the next status.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::connection::stopped;
use super::documents::Nothing;
use super::problem::Problem;
use super::route::Asked;
use crate::service::status::LiveEvent;

/// Something is sent so often, so that both sides learn whether the other is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// When a browser asks again after the stream has ended, in milliseconds.
const RETRY_MS: u32 = 2000;

pub(super) async fn follow(asked: Asked, _: Nothing) -> Result<Response, Problem> {
    let shared = &asked.shared;
    let place = Arc::clone(&shared.followers).try_acquire_owned();
    let place = place.map_err(|_| Problem::busy("as many clients follow the daemon as may"))?;
    // In this order: what happens in between comes twice rather than never.
    let news = shared.board().follow();
    let mut first = format!("retry: {RETRY_MS}\n").into_bytes();
    first.extend_from_slice(&event("status", &shared.board().status())?);
    let follower =
        Follower { first: Some(first.into()), news, stop: shared.stop.clone(), has_ended: false, _place: place };
    let events = stream::unfold(follower, |mut follower| async move {
        let bytes = follower.next().await?;
        Some((Ok::<Bytes, std::convert::Infallible>(bytes), follower))
    });
    let mut response = Response::new(Body::from_stream(events));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(response)
}

struct Follower {
    first: Option<Bytes>,
    news: Receiver<Arc<LiveEvent>>,
    stop: watch::Receiver<bool>,
    has_ended: bool,
    /// One of the places for followers, for as long as this one follows.
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// What is sent next; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        if self.has_ended {
            return None;
        }
        let news = tokio::select! {
            () = stopped(&mut self.stop) => return None,
            () = tokio::time::sleep(KEEP_ALIVE) => return Some(Bytes::from_static(b": still here\n\n")),
            news = self.news.recv() => news,
        };
        match news {
            // What cannot be written as JSON is our own fault; the next status has it right.
            Ok(news) => event(name(&news), &*news).ok().or_else(|| self.start_over(0)),
            Err(RecvError::Lagged(missed)) => self.start_over(missed),
            Err(RecvError::Closed) => None,
        }
    }

    fn start_over(&mut self, missed: u64) -> Option<Bytes> {
        self.has_ended = true;
        Some(format!("event: start_over\ndata: {{\"missed_count\":{missed}}}\n\n").into())
    }
}

fn name(event: &LiveEvent) -> &'static str {
    match event {
        LiveEvent::Run { .. } => "run",
        LiveEvent::Job { .. } => "job",
        LiveEvent::RunEnded { .. } => "run_ended",
        LiveEvent::Watch { .. } => "watch",
        LiveEvent::Reloaded => "reloaded",
    }
}

fn event<T: Serialize>(name: &str, data: &T) -> Result<Bytes, Problem> {
    // JSON has no line ends outside its strings, and none in them.
    let data = serde_json::to_string(data).map_err(|error| Problem::internal(error.to_string()))?;
    Ok(format!("event: {name}\ndata: {data}\n\n").into())
}
