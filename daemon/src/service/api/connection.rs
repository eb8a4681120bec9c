//! Connections: accepted up to a number, each limited in what it may cost.

use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::FutureExt;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncWriteExt;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::answer::answer;
use super::guard::Caller;
use super::listen::Listeners;
use super::patience::{Patient, Stream};
use super::shared::Shared;

/// Connections at once over each of the ways in, so that who takes all of one does not close the other.
pub(super) const CONNECTIONS: usize = 256;

/// Bytes of a request's head, and of what waits to be written.
const BUFFER_BYTES: usize = 64 * 1024;

/// How long requests that go on may take when the API ends.
const LAST_MOMENTS: Duration = Duration::from_secs(2);

/// How long nobody is let in after the system could not.
const PAUSE: Duration = Duration::from_millis(100);

/// What those are told who come when all places are taken.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// A way in.
enum Door {
    Unix { listener: tokio::net::UnixListener, path: PathBuf },
    Tcp { listener: tokio::net::TcpListener, is_public: bool },
}

impl Door {
    async fn accept(&self) -> io::Result<(Box<dyn Stream>, Caller)> {
        match self {
            Self::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                let uid = stream.peer_cred().ok().map(|peer| peer.uid());
                Ok((Box::new(stream), Caller::Unix { uid }))
            }
            Self::Tcp { listener, is_public } => {
                let (stream, from) = listener.accept().await?;
                let at = stream.local_addr()?.ip();
                stream.set_nodelay(true)?;
                Ok((Box::new(stream), Caller::Tcp { from, at, is_public: *is_public }))
            }
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Self::Unix { path, .. } = self {
            // A socket that nobody listens on is of no use to anybody.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn doors(listeners: Listeners) -> io::Result<Vec<Door>> {
    let tcp = |listener: TcpListener| {
        let is_public = !listener.local_addr()?.ip().to_canonical().is_loopback();
        io::Result::Ok(Door::Tcp { listener: tokio::net::TcpListener::from_std(listener)?, is_public })
    };
    let tcp = listeners.tcp.map(tcp).transpose()?;
    let unix = listeners.unix.map(|(listener, path)| {
        io::Result::Ok(Door::Unix { listener: tokio::net::UnixListener::from_std(listener)?, path })
    });
    Ok(tcp.into_iter().chain(unix.transpose()?).collect())
}

/// Serves until it is to stop.
pub(super) async fn serve(shared: Arc<Shared>, router: Router, listeners: Listeners) -> io::Result<()> {
    let mut open = JoinSet::new();
    for door in doors(listeners)? {
        let (shared, router) = (Arc::clone(&shared), router.clone());
        open.spawn(serve_door(door, shared, router));
    }
    while open.join_next().await.is_some() {}
    Ok(())
}

async fn serve_door(door: Door, shared: Arc<Shared>, router: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut stop = shared.stop.clone();
    loop {
        let accepted = tokio::select! {
            () = stopped(&mut stop) => break,
            Some(_) = connections.join_next() => continue,
            accepted = door.accept() => accepted,
        };
        let (mut stream, caller) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // No descriptors are left, or the client has gone again: neither ends the service.
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            // As much of it as the system takes at once: nobody waits for who is not let in.
            let _ = stream.write_all(FULL).now_or_never();
            continue;
        };
        let (shared, router) = (Arc::clone(&shared), router.clone());
        connections.spawn(async move {
            serve_connection(stream, caller, shared, router).await;
            drop(place);
        });
    }
    drop(door);
    let ended = async { while connections.join_next().await.is_some() {} };
    // Whoever is not done by then is cut off with the end of the runtime.
    let _ = tokio::time::timeout(LAST_MOMENTS, ended).await;
}

async fn serve_connection(stream: Box<dyn Stream>, caller: Caller, shared: Arc<Shared>, router: Router) {
    let (patience, mut stop) = (shared.timeout, shared.stop.clone());
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| answer(Arc::clone(&shared), router.clone(), caller.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Also how long a connection may be kept without a request.
        .header_read_timeout(patience)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(Patient::new(stream, patience)), service);
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::trace!(%error, "a connection ended early");
    }
}

/// Waits until the API is to stop.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Who would say so is gone: that is the end too.
    let _ = stop.wait_for(|stop| *stop).await;
}
