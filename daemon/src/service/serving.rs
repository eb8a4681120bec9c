//! The API of a daemon, from its configuration: bound before the daemon is ready, ended after its last run.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use tokio::sync::watch;

use super::api::listen::{ListenError, Listeners};
use super::api::token::{Token, TokenError};
use super::api::{self, Settings};
use super::config::Config;
use super::handle::Handle;
use crate::exit::{Exit, Failure};
use crate::exit_of;
use crate::store::Store;

/// The API at work.
#[derive(Debug)]
pub struct Serving {
    stop: watch::Sender<bool>,
    thread: JoinHandle<std::io::Result<()>>,
}

impl Serving {
    /// Binds and serves what `config` asks for; `None` where that is nothing.
    ///
    /// # Errors
    /// [`Failure`] where something cannot be bound, or there is no token to be had.
    pub fn start(config: &Config, state: &Path, handle: &Handle) -> Result<Option<Self>, Failure> {
        let runtime = std::env::var_os("RUNTIME_DIRECTORY");
        let runtime = runtime.as_deref().and_then(|folders| std::env::split_paths(folders).next());
        let socket = config.api.socket_path(runtime.as_deref(), state);
        if socket.is_none() && config.api.listen.is_none() {
            return Ok(None);
        }
        let token = Token::load_or_make(&config.api.token_path(state)).map_err(|error| no_token(&error))?;
        let listeners = Listeners::bind(socket.as_deref(), config.api.listen).map_err(|error| not_bound(&error))?;
        told(socket, &listeners);
        let settings = Settings {
            token,
            hosts: config.api.hosts.clone(),
            longest_body_bytes: usize::try_from(config.api.longest_body_bytes).unwrap_or(usize::MAX),
            timeout: config.api.timeout,
        };
        handle.board().set_profile_folders(config.daemon.profiles.clone());
        // A connection of its own: what it reads holds up nobody who records.
        let store = Store::open(state).map_err(exit_of::store)?.store;
        let (stop, stopped) = watch::channel(false);
        let thread = api::serve(handle.clone(), store, listeners, settings, stopped)
            .map_err(|error| Failure::new(Exit::Internal, format!("cannot start the API: {error}")))?;
        Ok(Some(Self { stop, thread }))
    }

    /// Ends it, and waits until it has.
    pub fn end(self) {
        // It may have ended by a fault of its own.
        let _ = self.stop.send(true);
        match self.thread.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the API had ended before"),
            Err(_) => tracing::error!("the API had ended by a fault of soakd"),
        }
    }
}

/// Where it can be reached, for the log.
fn told(socket: Option<PathBuf>, listeners: &Listeners) {
    if let Some(socket) = socket {
        tracing::info!(socket = %socket.display(), "the API listens");
    }
    if let Some(address) = listeners.address() {
        tracing::info!(%address, "the API and the dashboard listen: http://{address}/");
    }
}

fn not_bound(error: &ListenError) -> Failure {
    Failure::new(Exit::Unavailable, error.to_string()).hint(error.hint())
}

fn no_token(error: &TokenError) -> Failure {
    Failure::new(Exit::CannotWrite, error.to_string()).hint(error.hint())
}
