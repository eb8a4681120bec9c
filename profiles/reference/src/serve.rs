//! The service over HTTP: listening, its ticker, its own traffic, and its end.

use std::future::IntoFuture;
use std::io::{self, Write};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::arguments::{ServeArgs, Workload};
use crate::error::ReferenceError;
use crate::leak::Leaks;
use crate::pacer::Pacer;
use crate::requests::RequestGenerator;
use crate::routes;
use crate::service::Service;

/// How long requests that are under way may take after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);

/// How often the service's own traffic looks at the clock.
const TRAFFIC_TICK: Duration = Duration::from_millis(5);

/// Serves until SIGTERM or SIGINT.
pub(crate) fn serve(arguments: &ServeArgs) -> Result<(), ReferenceError> {
    // One thread: the C library then keeps one arena, and the level of memory stays as steady as the work.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ReferenceError::Runtime)?;
    runtime.block_on(serve_until_stopped(arguments))
}

async fn serve_until_stopped(arguments: &ServeArgs) -> Result<(), ReferenceError> {
    let mut signals = Signals::take().map_err(ReferenceError::Signals)?;
    let address = arguments.listen;
    let listener = TcpListener::bind(address).await.map_err(|source| ReferenceError::Listen { address, source })?;
    let local = listener.local_addr().map_err(|source| ReferenceError::Listen { address, source })?;
    let requests = RequestGenerator::new(arguments.service.seed);
    let examples = RequestGenerator::new(arguments.service.seed);
    let service = Arc::new(Service::new(&arguments.service)?);

    let (stop, stopped) = watch::channel(false);
    let server =
        axum::serve(listener, routes::router(Arc::clone(&service), examples)).with_graceful_shutdown(async move {
            // An error means that the sender is gone, and so is the server.
            let mut stopped = stopped;
            let _ = stopped.wait_for(|&is_stopped| is_stopped).await;
        });
    let mut server = pin!(server.into_future());
    tokio::spawn(keep_ticking(Arc::clone(&service)));
    if let Some(per_s) = arguments.traffic {
        tokio::spawn(work_on_itself(service, requests, arguments.operation, per_s));
    }
    print_ready(&local.to_string()).map_err(ReferenceError::Output)?;

    tokio::select! {
        outcome = &mut server => return outcome.map_err(ReferenceError::Serve),
        () = signals.next() => {}
    }
    stop.send_replace(true);
    tokio::select! {
        outcome = &mut server => outcome.map_err(ReferenceError::Serve),
        // A second signal, or a client that does not finish its request.
        () = signals.next() => Ok(()),
        () = tokio::time::sleep(GRACE) => Ok(()),
    }
}

fn print_ready(address: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "listening on http://{address}")?;
    output.flush()
}

async fn keep_ticking(service: Arc<Service>) {
    let mut ticks = tokio::time::interval(Leaks::TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        service.tick();
    }
}

async fn work_on_itself(service: Arc<Service>, mut requests: RequestGenerator, workload: Workload, per_s: f64) {
    let begun = Instant::now();
    let mut pacer = Pacer::new(per_s);
    let mut ticks = tokio::time::interval(TRAFFIC_TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        for _ in 0..pacer.take_due(begun.elapsed().as_secs_f64()) {
            let operation = requests.pick(workload);
            let body = requests.request(operation);
            // A refusal is in the metrics; its own traffic has nobody else to tell.
            let _ = service.perform(operation, &body);
            tokio::task::yield_now().await;
        }
    }
}

/// SIGTERM and SIGINT as something to wait for. The handler writes a byte, which wakes the runtime.
struct Signals {
    pipe: UnixStream,
}

impl Signals {
    fn take() -> io::Result<Self> {
        let (reader, writer) = StdUnixStream::pair()?;
        for signal in [SIGTERM, SIGINT] {
            signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
        }
        reader.set_nonblocking(true)?;
        Ok(Self { pipe: UnixStream::from_std(reader)? })
    }

    async fn next(&mut self) {
        // The other end lives as long as the process, so there is no end of file and no error to see.
        let _ = self.pipe.read_u8().await;
    }
}
