//! Disk space of the paths that a profile names, measured on a thread of its own: a slow or hanging disk makes no sample late.
//!
//! A round over all paths is handed over once, with the first sample after it. Rounds are at least an interval apart, and so far
//! apart that they take no more than [`SHARE_RATIO`] of the time.

use std::path::PathBuf;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use soakd_sampler::{DiskError, DiskUsage, MetricId, Reading, disk_usage};

use crate::clock::Stopwatch;

/// Largest share of time, 0 to 1, that counting may take.
const SHARE_RATIO: f64 = 0.01;
/// Most files below one path.
const MOST_FILES: u64 = 1_000_000;

/// How a path, or all of them, did the last time.
#[derive(Debug, Clone, Default)]
struct Slot {
    /// What the last round gave for each path, until somebody takes it.
    fresh: Option<Vec<DiskUsage>>,
    /// Why the last round gave nothing.
    failures: Vec<DiskError>,
    has_given: bool,
}

/// Measures paths again and again until it is dropped.
#[derive(Debug)]
pub struct DiskWatch {
    slot: Arc<Mutex<Slot>>,
    /// Its end tells the thread to end.
    _stop: mpsc::Sender<()>,
}

impl DiskWatch {
    /// Starts to measure `paths`, at most once in `interval`. `None` where there is none, or no thread can be started.
    #[must_use]
    pub fn start(paths: Vec<PathBuf>, interval: Duration) -> Option<Self> {
        if paths.is_empty() {
            return None;
        }
        let slot = Arc::new(Mutex::new(Slot::default()));
        let (stop, stopped) = mpsc::channel();
        let shared = Arc::clone(&slot);
        // Nobody waits for it: a file system that hangs holds up this thread, and not the end of the run.
        std::thread::Builder::new()
            .name("disk".to_owned())
            .spawn(move || measure(&paths, interval, &shared, &stopped))
            .ok()?;
        Some(Self { slot, _stop: stop })
    }

    /// Puts what the last round gave into `reading`, if that has not been done, and gives it for each path.
    pub fn take(&self, reading: &mut Reading) -> Option<Vec<DiskUsage>> {
        let usage = self.slot.lock().unwrap_or_else(PoisonError::into_inner).fresh.take()?;
        let sum = |of: fn(&DiskUsage) -> u64| usage.iter().map(of).fold(0, u64::saturating_add) as f64;
        reading.set(MetricId::Disk, sum(|usage| usage.bytes));
        reading.set(MetricId::DiskFiles, sum(|usage| usage.files_count));
        Some(usage)
    }

    /// What keeps the paths from being measured, in words; empty where nothing does.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        if !slot.has_given && slot.failures.is_empty() {
            return vec!["the paths have not been counted to the end yet".to_owned()];
        }
        slot.failures.iter().map(ToString::to_string).collect()
    }
}

fn measure(paths: &[PathBuf], interval: Duration, slot: &Mutex<Slot>, stopped: &mpsc::Receiver<()>) {
    let goes_on = || !matches!(stopped.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    loop {
        let watch = Stopwatch::start();
        let (mut usages, mut failures) = (Vec::with_capacity(paths.len()), Vec::new());
        for path in paths {
            match disk_usage(path, MOST_FILES, &goes_on) {
                Ok(usage) => usages.push(usage),
                Err(DiskError::GivenUp) => return,
                Err(error) => failures.push(error),
            }
        }
        let took = watch.elapsed();
        {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            // Part of a sum is no sum.
            slot.fresh = failures.is_empty().then_some(usages);
            slot.has_given |= failures.is_empty();
            slot.failures = failures;
        }
        let pause = interval.saturating_sub(took).max(took.div_f64(SHARE_RATIO));
        if stopped.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes until there is something, or a fault.
    fn taken(watch: &DiskWatch) -> Reading {
        loop {
            let mut reading = Reading::default();
            watch.take(&mut reading);
            if reading.get(MetricId::Disk).is_some() || watch.faults().iter().any(|fault| fault.contains('`')) {
                return reading;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn each_round_is_handed_over_once() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("log"), vec![7; 1 << 16]).expect("a file");
        let paths = vec![folder.path().join("log"), folder.path().to_owned()];
        let watch = DiskWatch::start(paths, Duration::from_secs(3600)).expect("a thread");
        let reading = taken(&watch);
        assert_eq!(reading.get(MetricId::DiskFiles), Some(3.0));
        assert!(reading.get(MetricId::Disk) >= Some(131_072.0));
        let mut again = Reading::default();
        watch.take(&mut again);
        assert_eq!(again.iter().count(), 0);
        assert!(watch.faults().is_empty());
    }

    #[test]
    fn a_path_that_is_not_there_is_named_and_there_is_no_sum() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = folder.path().join("missing");
        let paths = vec![folder.path().to_owned(), missing.clone()];
        let watch = DiskWatch::start(paths, Duration::from_millis(1)).expect("a thread");
        assert_eq!(taken(&watch).iter().count(), 0);
        assert_eq!(watch.faults(), [format!("`{}` is not there", missing.display())]);
        // As soon as it is there, it counts.
        std::fs::write(&missing, "").expect("a file");
        while !watch.faults().is_empty() {
            std::thread::yield_now();
        }
        assert_eq!(taken(&watch).get(MetricId::DiskFiles), Some(3.0));
    }

    #[test]
    fn nothing_named_nothing_measured() {
        assert!(DiskWatch::start(Vec::new(), Duration::from_secs(1)).is_none());
    }
}
