//! Operations without HTTP.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::arguments::RunArgs;
use crate::error::ReferenceError;
use crate::leak::Leaks;
use crate::pacer::Pacer;
use crate::progress::{Progress, create};
use crate::requests::RequestGenerator;
use crate::service::Service;

/// Pause between looks at the clock when operations come at a rate.
const REST: Duration = Duration::from_millis(2);

/// Performs the operations, until they are done or SIGTERM or SIGINT comes.
pub(crate) fn run(arguments: &RunArgs) -> Result<(), ReferenceError> {
    let is_stopped = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&is_stopped)).map_err(ReferenceError::Signals)?;
    }
    let mut requests = RequestGenerator::new(arguments.service.seed);
    let mut progress = Progress::new(arguments.progress_file.as_deref())?;
    let truth_file = arguments.truth_file.as_deref().map(create).transpose()?;
    let service = Service::new(&arguments.service)?;
    let begun = Instant::now();
    let mut pacer = arguments.rate.map(Pacer::new);
    let mut last_tick = begun;
    let is_wanted =
        |done: u64| (arguments.operations == 0 || done < arguments.operations) && !is_stopped.load(Ordering::Relaxed);
    while is_wanted(service.operations()) {
        let due = match &mut pacer {
            Some(pacer) => pacer.take_due(begun.elapsed().as_secs_f64()),
            None => 1,
        };
        for _ in 0..due {
            if !is_wanted(service.operations()) {
                break;
            }
            let operation = requests.pick(arguments.operation);
            let body = requests.request(operation);
            service.perform(operation, &body).map_err(|error| ReferenceError::Operation {
                operation: operation.name(),
                reason: error.to_string(),
            })?;
        }
        let now = Instant::now();
        if now - last_tick >= Leaks::TICK {
            last_tick = now;
            service.tick();
        }
        progress.show(now, service.operations(), false)?;
        if pacer.is_some() {
            thread::sleep(REST);
        }
    }
    progress.finish(service.operations())?;
    if let Some((mut file, path)) = truth_file {
        let truth = serde_json::to_string_pretty(&service.truth()).map_err(io::Error::from);
        truth.and_then(|truth| writeln!(file, "{truth}")).map_err(|source| ReferenceError::File { path, source })?;
    }
    Ok(())
}
