//! Operations sent to a running service over HTTP: the load of a soak.
//!
//! SIGUSR1 makes it finish what is under way and wait, SIGUSR2 makes it go on. While it waits, the progress file says so.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

use crate::arguments::DriveArgs;
use crate::error::ReferenceError;
use crate::operation::Operation;
use crate::pacer::Pacer;
use crate::progress::Progress;
use crate::requests::RequestGenerator;

/// How often the count, the rate and the signals are looked at.
const TICK: Duration = Duration::from_millis(10);
/// Pause before a service that does not answer is tried again.
const RETRY: Duration = Duration::from_millis(100);
/// A service that has not answered for so long is gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// What all connections share.
#[derive(Debug)]
struct Shared {
    host: String,
    wanted: u64,
    begun: AtomicU64,
    done: AtomicU64,
    errors: AtomicU64,
    is_stopped: Arc<AtomicBool>,
    /// Not 0 while nothing new is to be begun.
    held: Arc<AtomicUsize>,
    /// Operations that have been sent and not been answered.
    under_way: AtomicU64,
    turns: Semaphore,
}

impl Shared {
    fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed) != 0 && !self.is_stopped.load(Ordering::Relaxed)
    }

    /// Takes one of the operations that are still to be done.
    fn begin(&self) -> bool {
        let begun = self.begun.fetch_add(1, Ordering::Relaxed);
        !self.is_stopped.load(Ordering::Relaxed) && (self.wanted == 0 || begun < self.wanted)
    }
}

/// Sends the operations, until they are done or SIGTERM or SIGINT comes.
pub(crate) fn drive(arguments: &DriveArgs) -> Result<(), ReferenceError> {
    let is_stopped = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&is_stopped)).map_err(ReferenceError::Signals)?;
    }
    let held = Arc::new(AtomicUsize::new(0));
    for (signal, value) in [(SIGUSR1, 1), (SIGUSR2, 0)] {
        signal_hook::flag::register_usize(signal, Arc::clone(&held), value).map_err(ReferenceError::Signals)?;
    }
    let host = arguments
        .url
        .strip_prefix("http://")
        .map(|rest| rest.trim_end_matches('/').to_owned())
        .filter(|host| !host.is_empty() && !host.contains('/'))
        .ok_or_else(|| ReferenceError::Url { url: arguments.url.clone() })?;
    let shared = Rc::new(Shared {
        host,
        wanted: arguments.operations,
        begun: AtomicU64::new(0),
        done: AtomicU64::new(0),
        errors: AtomicU64::new(0),
        is_stopped,
        held,
        under_way: AtomicU64::new(0),
        turns: Semaphore::new(0),
    });
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ReferenceError::Runtime)?;
    LocalSet::new().block_on(&runtime, all(arguments, shared))
}

async fn all(arguments: &DriveArgs, shared: Rc<Shared>) -> Result<(), ReferenceError> {
    let mut progress = Progress::new(arguments.progress_file.as_deref())?;
    let mut connections = JoinSet::new();
    for number in 0..u64::from(arguments.parallel.get()) {
        let requests = RequestGenerator::new(arguments.seed.wrapping_add(number));
        connections.spawn_local(one(arguments.clone(), Rc::clone(&shared), requests));
    }
    let begun = Instant::now();
    let mut pacer = arguments.rate.map(Pacer::new);
    let mut ticks = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            ended = connections.join_next() => match ended {
                None => break,
                Some(Ok(result)) => result?,
                // A task that panicked has said so; the others go on.
                Some(Err(_)) => {}
            },
            _ = ticks.tick() => {
                if let Some(pacer) = &mut pacer {
                    let due = pacer.take_due(begun.elapsed().as_secs_f64());
                    // What falls into a pause is not made up for.
                    let due = if shared.is_held() { 0 } else { due };
                    shared.turns.add_permits(usize::try_from(due).unwrap_or(usize::MAX));
                }
                if shared.is_stopped.load(Ordering::Relaxed) {
                    break;
                }
                let rests = shared.is_held() && shared.under_way.load(Ordering::Relaxed) == 0;
                progress.show(Instant::now(), shared.done.load(Ordering::Relaxed), rests)?;
            }
        }
    }
    progress.finish(shared.done.load(Ordering::Relaxed))
}

/// One connection: one operation after the other.
async fn one(arguments: DriveArgs, shared: Rc<Shared>, mut requests: RequestGenerator) -> Result<(), ReferenceError> {
    let mut connection: Option<SendRequest<Full<Bytes>>> = None;
    let mut last_answer = Instant::now();
    while shared.begin() {
        if arguments.rate.is_some()
            && let Ok(turn) = shared.turns.acquire().await
        {
            turn.forget();
        }
        while shared.is_held() {
            tokio::time::sleep(TICK).await;
        }
        shared.under_way.fetch_add(1, Ordering::Relaxed);
        let operation = requests.pick(arguments.operation);
        let body = requests.request(operation);
        loop {
            match attempt(&shared.host, &mut connection, operation, body.clone()).await {
                Ok(is_success) => {
                    last_answer = Instant::now();
                    let counter = if is_success { &shared.done } else { &shared.errors };
                    counter.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                Err(reason) => {
                    connection = None;
                    shared.errors.fetch_add(1, Ordering::Relaxed);
                    if last_answer.elapsed() > PATIENCE || shared.is_stopped.load(Ordering::Relaxed) {
                        return Err(ReferenceError::Gone { host: shared.host.clone(), reason });
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
        shared.under_way.fetch_sub(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Sends one operation and reads all of its answer. `Ok(false)` is an answer that refuses.
async fn attempt(
    host: &str,
    connection: &mut Option<SendRequest<Full<Bytes>>>,
    operation: Operation,
    body: Vec<u8>,
) -> Result<bool, String> {
    let sender = match connection {
        Some(sender) if !sender.is_closed() => sender,
        _ => {
            let stream = TcpStream::connect(host).await.map_err(|error| error.to_string())?;
            let (sender, served) = handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
            tokio::task::spawn_local(async move {
                // How a connection ends shows in the requests that are made over it.
                let _ = served.await;
            });
            connection.insert(sender)
        }
    };
    let method = if operation == Operation::Metrics { hyper::Method::GET } else { hyper::Method::POST };
    let request = Request::builder()
        .method(method)
        .uri(operation.path())
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, operation.request_content_type())
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| error.to_string())?;
    sender.ready().await.map_err(|error| error.to_string())?;
    let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let is_success = answer.status().is_success();
    answer.into_body().collect().await.map_err(|error| error.to_string())?;
    Ok(is_success)
}
