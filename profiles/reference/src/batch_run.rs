//! Operations without HTTP, and their count for whoever watches.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::arguments::RunArgs;
use crate::error::ReferenceError;
use crate::leak::Leaks;
use crate::pacer::Pacer;
use crate::requests::RequestGenerator;
use crate::service::Service;

/// How often the progress file is rewritten.
const FILE_INTERVAL: Duration = Duration::from_millis(100);

/// How often the count is printed.
const LINE_INTERVAL: Duration = Duration::from_secs(1);

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
        progress.show(now, service.operations())?;
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

fn create(path: &Path) -> Result<(File, PathBuf), ReferenceError> {
    let path = path.to_owned();
    match File::create(&path) {
        Ok(file) => Ok((file, path)),
        Err(source) => Err(ReferenceError::File { path, source }),
    }
}

/// Where the count is told.
struct Progress {
    file: Option<(File, PathBuf)>,
    last_file: Instant,
    last_line: Instant,
}

impl Progress {
    fn new(path: Option<&Path>) -> Result<Self, ReferenceError> {
        let now = Instant::now();
        let progress = Self { file: path.map(create).transpose()?, last_file: now, last_line: now };
        progress.write_file(0)?;
        Ok(progress)
    }

    fn show(&mut self, now: Instant, operations: u64) -> Result<(), ReferenceError> {
        if now - self.last_file >= FILE_INTERVAL {
            self.last_file = now;
            self.write_file(operations)?;
        }
        if now - self.last_line >= LINE_INTERVAL {
            self.last_line = now;
            print_line(operations)?;
        }
        Ok(())
    }

    fn finish(&self, operations: u64) -> Result<(), ReferenceError> {
        self.write_file(operations)?;
        print_line(operations)
    }

    /// One write of constant length, so that a reader never finds half a number or a rest of the last one.
    fn write_file(&self, operations: u64) -> Result<(), ReferenceError> {
        let Some((file, path)) = &self.file else { return Ok(()) };
        file.write_all_at(format!("{operations:<20}\n").as_bytes(), 0)
            .map_err(|source| ReferenceError::File { path: path.clone(), source })
    }
}

fn print_line(operations: u64) -> Result<(), ReferenceError> {
    let mut output = io::stdout().lock();
    writeln!(output, "operations {operations}").and_then(|()| output.flush()).map_err(ReferenceError::Output)
}
