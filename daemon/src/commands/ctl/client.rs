//! The daemon, as it is asked.

use std::fmt::Write;
use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use hyper::body::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::place::Place;
use super::sent_events::{SentEvent, SentEvents};
use super::text::{safe, safe_lines};
use crate::exit::{Exit, Failure};
use crate::http::{HttpAnswer, HttpError, Method, Question, Server, exchange, follow};
use crate::service::api::documents::ErrorDocument;
use crate::service::api::token::Token;
use crate::service::status::Status;

/// How long an answer may take: reports of long runs are made while one waits.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long a stream may be silent. The daemon says at least every 15 s that it is there.
const SILENCE: Duration = Duration::from_secs(60);
/// The longest answer that is taken: the samples of a long run.
const LONGEST_BYTES: usize = 1 << 30;

/// Where the API is.
const API: &str = "/api/v1";

/// The daemon, as it is asked.
#[derive(Debug)]
pub(crate) struct Client {
    server: Server,
    token: Option<Token>,
    runtime: tokio::runtime::Runtime,
}

impl Client {
    pub(super) fn new(place: Place) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| Failure::new(Exit::Internal, format!("cannot ask the daemon: {error}")))?;
        Ok(Self { server: place.server, token: place.token, runtime })
    }

    /// All that goes on now.
    pub(crate) fn status(&self) -> Result<Status, Failure> {
        self.get("/status").and_then(understood)
    }

    /// The JSON at `path` below the API.
    pub(super) fn get(&self, path: &str) -> Result<Value, Failure> {
        parsed(&self.bytes(path)?)
    }

    /// What is at `path` below the API, as it is.
    pub(super) fn bytes(&self, path: &str) -> Result<Bytes, Failure> {
        self.ask(Method::GET, path, None)
    }

    /// Tells the daemon something.
    pub(super) fn post(&self, path: &str, body: &impl Serialize) -> Result<Value, Failure> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Failure::new(Exit::Internal, format!("cannot be written as JSON: {error}")))?;
        parsed(&self.ask(Method::POST, path, Some(body.into()))?)
    }

    fn ask(&self, method: Method, path: &str, json: Option<Bytes>) -> Result<Bytes, Failure> {
        let path = format!("{API}{path}");
        let question = Question { method, path: &path, json, bearer: self.token.as_ref().map(Token::as_str) };
        let answer = self.runtime.block_on(exchange(&self.server, &question, PATIENCE, LONGEST_BYTES));
        let answer = answer.map_err(|error| self.failed(&error))?;
        if (200..300).contains(&answer.status) { Ok(answer.body) } else { Err(refused(&answer)) }
    }

    /// Hands each event to `take` until that has enough or the daemon ends the stream.
    pub(super) fn follow(&self, mut take: impl FnMut(&SentEvent) -> ControlFlow<()>) -> Result<(), Failure> {
        let path = format!("{API}/events");
        let bearer = self.token.as_ref().map(Token::as_str);
        let question = Question { method: Method::GET, path: &path, json: None, bearer };
        let mut events = SentEvents::default();
        let pieces = follow(&self.server, &question, SILENCE, LONGEST_BYTES, |piece| {
            events.push(piece).iter().try_for_each(&mut take)
        });
        match self.runtime.block_on(pieces) {
            Ok(None) => Ok(()),
            Ok(Some(answer)) => Err(refused(&answer)),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn failed(&self, error: &HttpError) -> Failure {
        let server = &self.server;
        let HttpError::Connect(reason) = error else {
            return Failure::new(Exit::Unavailable, format!("the daemon at {server}: {error}"));
        };
        match reason.kind() {
            io::ErrorKind::PermissionDenied => {
                Failure::new(Exit::NoPermission, format!("the daemon at {server} may not be asked by this user"))
                    .hint("be root, or in the group of the socket")
            }
            _ => Failure::new(Exit::Unavailable, format!("no daemon answers at {server}: {reason}"))
                .hint("`soakd daemon` starts one; `--socket` or `--url` names another"),
        }
    }
}

fn parsed(bytes: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(bytes).map_err(|error| not_understood(&error))
}

/// An answer as what it should be.
pub(super) fn understood<T: DeserializeOwned>(answer: Value) -> Result<T, Failure> {
    serde_json::from_value(answer).map_err(|error| not_understood(&error))
}

fn not_understood(error: &serde_json::Error) -> Failure {
    Failure::new(Exit::BadData, format!("the answer of the daemon is not understood: {error}"))
        .hint("is the daemon of another version? `soakd ctl status` tells its own")
}

/// What the daemon says against it.
fn refused(answer: &HttpAnswer) -> Failure {
    let exit = match answer.status {
        400 | 413 | 415 | 422 => Exit::Usage,
        401 | 403 | 421 => Exit::NoPermission,
        404 => Exit::NoInput,
        _ => Exit::Unavailable,
    };
    match serde_json::from_slice::<ErrorDocument>(&answer.body) {
        Ok(ErrorDocument { error }) => {
            let failure = Failure::new(exit, safe_lines(&error.message, ""));
            match error.hint {
                Some(hint) => failure.hint(safe(&hint)),
                None => failure,
            }
        }
        Err(_) => Failure::new(exit, format!("the daemon answers with status {} and no reason", answer.status))
            .hint("is it a soakd that answers there?"),
    }
}

/// `text` as a part of a path or a query.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_path_is_one_part_whatever_it_holds() {
        assert_eq!(encoded("a/b?c=d&e f%é.toml"), "a%2Fb%3Fc%3Dd%26e%20f%25%C3%A9.toml");
    }

    #[test]
    fn a_refusal_is_told_in_the_words_of_the_daemon() {
        let answer = |status: u16, body: &str| HttpAnswer { status, body: body.to_owned().into(), location: None };
        let told =
            refused(&answer(404, r#"{"error":{"code":"not_found","message":"no \u001bjob","hint":"list them"}}"#));
        assert_eq!(told, Failure::new(Exit::NoInput, "no \\u{1b}job").hint("list them"));
        let told = refused(&answer(
            422,
            r#"{"error":{"code":"x","message":"`a.toml`, line 6\n  hint: y\u001b","hint":null}}"#,
        ));
        assert_eq!(told, Failure::new(Exit::Usage, "`a.toml`, line 6\n  hint: y\\u{1b}"), "lines stay lines");
        assert_eq!(refused(&answer(502, "<html>")).exit, Exit::Unavailable);
        assert_eq!(refused(&answer(401, "")).exit, Exit::NoPermission);
    }
}
