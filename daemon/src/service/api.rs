//! The API: what the daemon is asked and told over HTTP, on a Unix socket and over TCP at the same time.
//!
//! It runs on a thread of its own. What is asked about now comes from the [board](super::handle::Board), orders go to the
//! daemon's loop, and what was recorded comes from a store of its own: a slow question holds up no run.
//!
//! | module | what it holds |
//! |---|---|
//! | [`documents`] | what is given and taken, as JSON and as queries |
//! | [`openapi`] | the document about all of it |
//! | `routes`, `route` | the table of routes, from which both are made: what is mounted, and that document |
//! | `daemon`, `jobs`, `runs`, `reports`, `samples`, `events`, `profiles`, `history` | what answers |
//! | `pages`, `nights` | what the pages for people and the metrics show |
//! | `thinning` | fewer samples that tell the same |
//! | [`listen`], [`token`], `guard` | where it listens, and who may ask for what |
//! | `connection`, `patience`, `answer` | connections and requests, and what they may cost |
//! | `shared`, `problem`, `numbers` | what all requests share: state, refusals, bounds |

mod answer;
mod connection;
mod daemon;
pub mod documents;
mod events;
mod guard;
mod history;
mod jobs;
pub mod listen;
mod nights;
mod numbers;
pub mod openapi;
mod pages;
mod patience;
mod problem;
mod profiles;
mod reports;
mod route;
mod routes;
mod runs;
mod samples;
mod shared;
mod thinning;
pub mod token;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use self::guard::Guard;
use self::listen::Listeners;
use self::shared::{FOLLOWERS, READERS, Shared};
use self::token::Token;
use super::handle::Handle;
use crate::store::Store;

/// What the API is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What allows changes over TCP.
    pub token: Token,
    /// Names of this service in the `Host` header besides those of the loopback, in lower case.
    pub hosts: Vec<String>,
    /// The longest request body that is read.
    pub longest_body_bytes: usize,
    /// How long a client may take: for a request, and to take more of an answer.
    pub timeout: Duration,
}

/// Serves the API on `listeners` until `stop` says true, on a thread of its own.
///
/// # Errors
/// Where the thread cannot be started, or the listeners cannot be waited for.
pub fn serve(
    handle: Handle,
    store: Store,
    listeners: Listeners,
    settings: Settings,
    stop: watch::Receiver<bool>,
) -> io::Result<JoinHandle<io::Result<()>>> {
    let shared = Arc::new(Shared {
        handle,
        store: Arc::new(store),
        guard: Guard { token: settings.token, hosts: settings.hosts, own_uid: rustix::process::geteuid().as_raw() },
        longest_body_bytes: settings.longest_body_bytes,
        timeout: settings.timeout,
        readers: Arc::new(Semaphore::new(READERS)),
        followers: Arc::new(Semaphore::new(FOLLOWERS)),
        stop,
        openapi: OnceLock::new(),
        nights: Mutex::default(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(READERS).build()?;
    let routes = routes::routes().into_iter().chain(pages::routes()).collect();
    let router = answer::router(&shared, routes);
    std::thread::Builder::new().name("soakd-api".to_owned()).spawn(move || {
        let served = runtime.block_on(connection::serve(shared, router, listeners));
        // What is read for a client that is gone is not waited for.
        runtime.shutdown_background();
        served
    })
}
