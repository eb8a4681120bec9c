//! A served API, and who asks it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::body::Bytes;
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use crate::http::{HttpAnswer, Method, Question, Server, exchange, follow};
use crate::service::api::listen::Listeners;
use crate::service::api::token::Token;
use crate::service::api::{Settings, serve};
use crate::service::handle::tests::idle;
use crate::service::handle::{Handle, Order, Refusal};
use crate::service::status::{Job, JobState, LiveEvent};
use crate::service::submission::Submission;
use crate::store::Store;

/// Long enough for any host; only a test that hangs gets there.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// A served API.
pub(super) struct Served {
    pub(super) folder: tempfile::TempDir,
    pub(super) handle: Handle,
    pub(super) socket: PathBuf,
    pub(super) address: SocketAddr,
    pub(super) token: Token,
    stop: watch::Sender<bool>,
    api: Option<JoinHandle<std::io::Result<()>>>,
}

impl Served {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    /// With other settings than the usual.
    pub(super) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("soakd.sock");
        let listeners = Listeners::bind(Some(&socket), Some("127.0.0.1:0".parse().unwrap())).unwrap();
        let address = listeners.address().unwrap();
        let token = Token::load_or_make(&folder.path().join("api-token")).unwrap();
        let mut settings =
            Settings { token: token.clone(), hosts: Vec::new(), longest_body_bytes: 64 * 1024, timeout: PATIENCE };
        change(&mut settings);
        let (handle, orders) = Handle::new(idle());
        handle.board().set_profile_folders(vec![folder.path().join("profiles")]);
        let daemon = handle.clone();
        let (store, queue) = (Store::open(folder.path()).unwrap().store, Store::open(folder.path()).unwrap().store);
        std::thread::spawn(move || obey(&daemon, &queue, orders));
        let (stop, stopped) = watch::channel(false);
        let api = Some(serve(handle.clone(), store, listeners, settings, stopped).unwrap());
        Self { folder, handle, socket, address, token, stop, api }
    }

    /// A store beside that of the API, as the daemon has one.
    pub(super) fn store(&self) -> Store {
        Store::open(self.folder.path()).unwrap().store
    }

    fn ask(&self, method: Method, path: &str, json: Option<&str>) -> HttpAnswer {
        let question = Question { method, path, json: json.map(|json| Bytes::from(json.to_owned())), bearer: None };
        let server = Server::Unix(self.socket.clone());
        runtime().block_on(exchange(&server, &question, PATIENCE, 64 << 20)).unwrap()
    }

    /// Asks over the Unix socket.
    pub(super) fn get(&self, path: &str) -> HttpAnswer {
        self.ask(Method::GET, path, None)
    }

    /// The JSON that is the answer, which has to be a good one.
    pub(super) fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Tells something over the Unix socket.
    pub(super) fn post(&self, path: &str, json: &str) -> HttpAnswer {
        self.ask(Method::POST, path, Some(json))
    }

    /// Follows the events until `take` has enough.
    pub(super) fn follow(&self, take: impl FnMut(&[u8]) -> ControlFlow<()>) {
        let question = Question { method: Method::GET, path: "/api/v1/events", json: None, bearer: None };
        let server = Server::Unix(self.socket.clone());
        let refused = runtime().block_on(follow(&server, &question, PATIENCE, 1 << 20, take)).unwrap();
        assert_eq!(refused, None);
    }

    /// Sends these bytes over TCP and gives back all that comes until the other side closes.
    pub(super) fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // The other side may have closed by then, having seen enough.
        let _ = stream.write_all(bytes);
        rest(&mut stream)
    }

    /// The status of what comes back for a request of this head, sent over TCP.
    pub(super) fn status_of(&self, head: &str) -> u16 {
        let answer = self.raw(format!("{head}\r\nconnection: close\r\n\r\n").as_bytes());
        status(&answer)
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Ends the API and waits for its end.
    pub(super) fn stop(&mut self) {
        self.stop.send_replace(true);
        if let Some(api) = self.api.take() {
            api.join().unwrap().unwrap();
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// All that comes until the other side closes, however it does that.
pub(super) fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    loop {
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(length) => answer.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(error) => panic!("nothing more came: {error}"),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of an answer.
pub(super) fn status(answer: &str) -> u16 {
    let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    status.unwrap_or_else(|| panic!("no answer: {answer:?}"))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

pub(super) fn job(id: u64, submission: Submission) -> Job {
    Job {
        id,
        name: submission.profile.clone().unwrap_or_else(|| "a job".to_owned()),
        submission,
        schedule: None,
        planned: None,
        state: JobState::Queued,
        attempts_count: 0,
        queued: "2026-11-26T00:00:00Z".parse().unwrap(),
        not_before: None,
        started: None,
        ended: None,
        run: None,
        outcome: None,
        exit_code: None,
        message: None,
    }
}

/// A daemon that queues what it is given and runs nothing.
fn obey(daemon: &Handle, store: &Store, mut orders: mpsc::Receiver<Order>) {
    let refuse =
        |message: &str| Refusal::Invalid { message: message.to_owned(), hint: Some("ask otherwise".to_owned()) };
    while let Some(order) = orders.blocking_recv() {
        let board = daemon.board();
        match order {
            Order::Submit { submission, reply } => {
                let answer = match submission.profile.as_deref() {
                    Some("unknown") => Err(refuse("there is no profile `unknown`")),
                    Some("forbidden") => Err(Refusal::Forbidden { message: "not allowed".to_owned(), hint: None }),
                    _ if board.status().queue.len() >= 2000 => Err(Refusal::QueueFull(2000)),
                    _ => {
                        let job = store.add_job(job(0, *submission), None).unwrap().unwrap();
                        board.update(|status| status.queue.push(job.clone()));
                        board.tell(LiveEvent::Job { job: Box::new(job.clone()) });
                        Ok(job)
                    }
                };
                let _ = reply.send(answer);
            }
            Order::Cancel { which, by, reply } => {
                let found = board.status().queue.into_iter().find(|job| job.id.to_string() == which);
                let answer = match found {
                    None => Err(Refusal::NotFound(format!("there is no job `{which}`"))),
                    Some(mut job) => {
                        board.update(|status| status.queue.retain(|other| other.id != job.id));
                        job.state = JobState::Cancelled;
                        job.message = Some(by);
                        store.set_job(&job).unwrap();
                        board.tell(LiveEvent::Job { job: Box::new(job.clone()) });
                        Ok(job)
                    }
                };
                let _ = reply.send(answer);
            }
            Order::Trigger { name, reply } => {
                let answer = match name.as_str() {
                    "nightly" => Ok(job(7, Submission::default())),
                    _ => Err(Refusal::NotFound(format!("there is no entry `{name}` in the schedule"))),
                };
                let _ = reply.send(answer);
            }
            Order::Reload { reply } => {
                let _ = reply.send(Ok(vec!["slots: 2 to 4".to_owned()]));
            }
        }
    }
}
