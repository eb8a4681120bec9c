//! What all requests share.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{Semaphore, watch};

use super::guard::Guard;
use super::nights::Kept;
use super::problem::Problem;
use crate::service::handle::{Board, Handle};
use crate::store::Store;

/// How many requests read the store or render at once. It has one connection; the second prepares what it asks.
pub(super) const READERS: usize = 2;

/// How many clients follow the events at once.
pub(super) const FOLLOWERS: usize = 64;

/// What all requests share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) handle: Handle,
    pub(super) store: Arc<Store>,
    pub(super) guard: Guard,
    pub(super) longest_body_bytes: usize,
    pub(super) timeout: Duration,
    pub(super) readers: Arc<Semaphore>,
    pub(super) followers: Arc<Semaphore>,
    /// True once the API is to end.
    pub(super) stop: watch::Receiver<bool>,
    pub(super) openapi: OnceLock<Bytes>,
    /// What has been read of runs that have ended.
    pub(super) nights: Mutex<Kept>,
}

impl Shared {
    pub(super) fn board(&self) -> &Board {
        self.handle.board()
    }

    /// Computes or reads beside the requests that only have to be passed on.
    pub(super) async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let place = Arc::clone(&self.readers).acquire_owned().await;
        let work = move || {
            let done = work();
            // Given back only here: a client that does not wait does not make room for more work.
            drop(place);
            done
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|_| Err(Problem::internal("the answer could not be made: a fault of soakd's own")))
    }

    /// Reads the store.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Store) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let store = Arc::clone(&self.store);
        self.beside(move || query(&store)).await
    }
}
