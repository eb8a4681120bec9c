//! All leaks of a service: keeps what is held equal to what is due, and tells the truth about it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::hoard::{BufferHoard, DescriptorHoard, MemoryHoard, ThreadHoard};
use super::quantity::ByteCount;
use super::spec::{LeakSpec, Resource};

/// The leaks of a service, shared by its handlers and its ticker.
#[derive(Debug)]
pub struct Leaks {
    started: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    active: Vec<ActiveLeak>,
    limit_bytes: u64,
    operations: u64,
}

#[derive(Debug)]
struct ActiveLeak {
    spec: LeakSpec,
    operations_since_onset: u64,
    due: f64,
    hoard: Hoard,
    stopped_by: Option<String>,
}

#[derive(Debug)]
enum Hoard {
    Memory(MemoryHoard),
    Buffer(BufferHoard),
    Descriptors(DescriptorHoard),
    Threads(ThreadHoard),
}

/// What has really leaked so far, all leaks together and each alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Time since the service was ready.
    pub elapsed_s: f64,
    /// Operations since then.
    pub operations: u64,
    /// Heap memory held by all leaks, headers and pointers included.
    pub leaked_bytes: u64,
    /// Descriptors held by all leaks.
    pub leaked_descriptors: u64,
    /// Threads held by all leaks.
    pub leaked_threads: u64,
    /// Each leak, in the order of the command line.
    pub leaks: Vec<LeakTruth>,
}

/// What one leak holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeakTruth {
    /// The leak in its text form.
    pub leak: String,
    /// `true`: grows as long as the service runs. `false`: comes back down or stops by itself, so it is no leak.
    pub unbounded: bool,
    /// What should be held by now.
    pub due: f64,
    /// Heap memory that is held.
    pub bytes: u64,
    /// Descriptors that are held.
    pub descriptors: u64,
    /// Threads that are held.
    pub threads: u64,
    /// Why it stopped growing before its time: the limit, or what the kernel refused.
    pub stopped_by: Option<String>,
}

impl Leaks {
    /// Leaks that begin now and together hold at most `limit` of memory.
    #[must_use]
    pub fn new(specs: &[LeakSpec], limit: ByteCount) -> Self {
        let active = specs.iter().map(|spec| ActiveLeak::new(spec.clone())).collect();
        Self { started: Instant::now(), state: Mutex::new(State { active, limit_bytes: limit.0, operations: 0 }) }
    }

    /// Takes what is due for one more operation.
    pub fn operation_done(&self) {
        let elapsed_s = self.elapsed_s();
        self.state().operation_done(elapsed_s);
    }

    /// Takes and releases what is due by now. Call it every [`TICK`](Self::TICK).
    pub fn tick(&self) {
        let elapsed_s = self.elapsed_s();
        self.state().catch_up(elapsed_s);
    }

    /// How often [`tick`](Self::tick) is to be called.
    pub const TICK: std::time::Duration = std::time::Duration::from_millis(20);

    /// What has leaked so far.
    #[must_use]
    pub fn truth(&self) -> Truth {
        let elapsed_s = self.elapsed_s();
        self.state().truth(elapsed_s)
    }

    fn elapsed_s(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// A panic while the lock is held leaves counters that are still true of what is held.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn operation_done(&mut self, elapsed_s: f64) {
        self.operations += 1;
        for leak in &mut self.active {
            if elapsed_s >= leak.spec.onset().as_secs_f64() {
                leak.operations_since_onset += 1;
            }
        }
        self.catch_up(elapsed_s);
    }

    fn catch_up(&mut self, elapsed_s: f64) {
        for index in 0..self.active.len() {
            let held_by_all_bytes: u64 = self.active.iter().map(|leak| leak.hoard.bytes()).sum();
            let room_bytes = self.limit_bytes.saturating_sub(held_by_all_bytes);
            self.active[index].catch_up(elapsed_s, room_bytes);
        }
    }

    fn truth(&self, elapsed_s: f64) -> Truth {
        let leaks: Vec<LeakTruth> = self.active.iter().map(ActiveLeak::truth).collect();
        Truth {
            elapsed_s,
            operations: self.operations,
            leaked_bytes: leaks.iter().map(|leak| leak.bytes).sum(),
            leaked_descriptors: leaks.iter().map(|leak| leak.descriptors).sum(),
            leaked_threads: leaks.iter().map(|leak| leak.threads).sum(),
            leaks,
        }
    }
}

impl ActiveLeak {
    fn new(spec: LeakSpec) -> Self {
        let hoard = match spec.resource() {
            Resource::Memory => match &spec {
                LeakSpec::Cyclic { size, .. } | LeakSpec::Burst { size, .. } => Hoard::Buffer(BufferHoard::new(size.0)),
                _ => Hoard::Memory(MemoryHoard::default()),
            },
            Resource::Descriptors => Hoard::Descriptors(DescriptorHoard::default()),
            Resource::Threads => Hoard::Threads(ThreadHoard::new()),
        };
        Self { spec, operations_since_onset: 0, due: 0.0, hoard, stopped_by: None }
    }

    fn catch_up(&mut self, elapsed_s: f64, room_bytes: u64) {
        self.due = self.spec.due(elapsed_s, self.operations_since_onset);
        let due = self.due as u64;
        let allowed_bytes = self.hoard.bytes().saturating_add(room_bytes);
        let is_limited = self.spec.resource() == Resource::Memory && due > allowed_bytes;
        let outcome = match &mut self.hoard {
            Hoard::Memory(hoard) => {
                hoard.hold(due.min(allowed_bytes));
                Ok(())
            }
            Hoard::Buffer(hoard) => hoard.hold(due.min(allowed_bytes)).map_err(|error| error.to_string()),
            Hoard::Descriptors(hoard) => hoard.hold(due).map_err(|error| error.to_string()),
            Hoard::Threads(hoard) => hoard.hold(due).map_err(|error| error.to_string()),
        };
        let limit = is_limited.then(|| "the limit of memory for all leaks".to_owned());
        self.stopped_by = outcome.err().or(limit);
    }

    fn truth(&self) -> LeakTruth {
        LeakTruth {
            leak: self.spec.to_string(),
            unbounded: self.spec.is_unbounded(),
            due: self.due,
            bytes: self.hoard.bytes(),
            descriptors: match &self.hoard {
                Hoard::Descriptors(hoard) => hoard.held_count(),
                _ => 0,
            },
            threads: match &self.hoard {
                Hoard::Threads(hoard) => hoard.held_count(),
                _ => 0,
            },
            stopped_by: self.stopped_by.clone(),
        }
    }
}

impl Hoard {
    fn bytes(&self) -> u64 {
        match self {
            Self::Memory(hoard) => hoard.held_bytes(),
            Self::Buffer(hoard) => hoard.held_bytes(),
            Self::Descriptors(_) | Self::Threads(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn state(specs: &[&str], limit_bytes: u64) -> State {
        let active = specs.iter().map(|spec| ActiveLeak::new(spec.parse().expect("a leak"))).collect();
        State { active, limit_bytes, operations: 0 }
    }

    #[test]
    fn several_leaks_are_kept_apart() {
        let mut state = state(&["linear:64B/op", "step:1MiB@10s", "descriptors:0.5/op", "threads:1/s"], 1 << 30);
        for _ in 0..10 {
            state.operation_done(1.0);
        }
        let truth = state.truth(1.0);
        assert_eq!((truth.operations, truth.leaked_bytes), (10, 640));
        assert_eq!((truth.leaked_descriptors, truth.leaked_threads), (5, 1));
        state.catch_up(10.0);
        let truth = state.truth(10.0);
        assert_eq!((truth.leaks[0].bytes, truth.leaks[1].bytes), (640, MIB));
        assert!(truth.leaks[0].unbounded && !truth.leaks[1].unbounded);
        assert_eq!(truth.leaked_threads, 10);
    }

    #[test]
    fn what_is_bounded_is_released() {
        let mut state = state(&["burst:1MiB@1s+1s", "cyclic:1MiB/10s"], 1 << 30);
        let mut held = |elapsed_s| {
            state.catch_up(elapsed_s);
            state.truth(elapsed_s).leaked_bytes
        };
        assert_eq!(held(0.0), 0);
        assert!(held(1.5) > MIB);
        assert_eq!(held(5.0), MIB / 2);
        assert_eq!(held(10.0), 0);
    }

    #[test]
    fn operations_before_the_onset_do_not_count() {
        let mut state = state(&["late:1KiB/op@10s"], 1 << 30);
        state.operation_done(9.0);
        state.operation_done(10.0);
        assert_eq!(state.truth(10.0).leaked_bytes, 1024);
    }

    #[test]
    fn all_leaks_together_stop_at_the_limit_and_say_so() {
        let mut state = state(&["step:3MiB@0s", "step:3MiB@0s"], 4 * MIB);
        state.catch_up(1.0);
        state.catch_up(2.0);
        let truth = state.truth(2.0);
        assert!(truth.leaked_bytes <= 4 * MIB && truth.leaked_bytes > 4 * MIB - 64, "{truth:?}");
        assert_eq!(truth.leaks[0].stopped_by, None);
        assert_eq!(truth.leaks[1].stopped_by.as_deref(), Some("the limit of memory for all leaks"));
    }
}
