//! What a run of the daemon shows of itself while it goes on.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use soakd_analysis::JudgementKind;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant};

use super::handle::Board;
use super::status::{LiveEvent, LiveRun};
use crate::run::{Follower, Now};

/// A run is shown anew at most this often, but for another phase.
const EVERY: Duration = Duration::from_secs(1);

/// Something about a run that the daemon's loop acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The run.
    pub run: String,
    /// The series in which the evidence has decided for a leak.
    pub metric: String,
}

/// Puts one run on the board, and takes it off when it is dropped.
#[derive(Debug)]
pub struct Showing {
    board: Board,
    found: mpsc::UnboundedSender<Found>,
    run: RefCell<LiveRun>,
    shown: Cell<Option<Instant>>,
    missed_ticks_count: Cell<u64>,
    decided: RefCell<BTreeSet<String>>,
}

impl Showing {
    /// Shows `run`, which is about to start.
    #[must_use]
    pub fn new(board: Board, found: mpsc::UnboundedSender<Found>, run: LiveRun) -> Self {
        board.update(|status| status.running.push(run.clone()));
        board.tell(LiveEvent::Run { run: Box::new(run.clone()) });
        Self {
            board,
            found,
            run: RefCell::new(run),
            shown: Cell::new(None),
            missed_ticks_count: Cell::new(0),
            decided: RefCell::new(BTreeSet::new()),
        }
    }
}

impl Follower for Showing {
    fn see(&self, now: Now<'_>) {
        let mut run = self.run.borrow_mut();
        let samples = now.samples_count - run.samples_count.min(now.samples_count);
        let missed = now.missed_ticks_count - self.missed_ticks_count.replace(now.missed_ticks_count);
        self.board.update(|status| {
            status.daemon.ticks_count += samples;
            status.daemon.missed_ticks_count += missed;
        });
        run.samples_count = now.samples_count;
        let is_due = self.shown.get().is_none_or(|shown| shown.elapsed() >= EVERY);
        if !is_due && run.phase == now.phase {
            return;
        }
        self.shown.set(Some(Instant::now()));
        run.phase = now.phase;
        run.pid = Some(now.pid);
        run.t_s = now.t_s;
        run.series = now.watch.live();
        run.warnings = now.warnings.iter().map(|warning| warning.text.clone()).collect();
        let mut decided = self.decided.borrow_mut();
        for series in run.series.iter().filter(|series| series.judgement == JudgementKind::Leak) {
            if decided.insert(series.metric.clone()) {
                // A loop that has ended acts on nothing.
                let _ = self.found.send(Found { run: run.id.clone(), metric: series.metric.clone() });
            }
        }
        let shown = run.clone();
        self.board.update(|status| {
            if let Some(place) = status.running.iter_mut().find(|place| place.id == shown.id) {
                *place = shown.clone();
            }
        });
        self.board.tell(LiveEvent::Run { run: Box::new(shown) });
    }
}

impl Drop for Showing {
    fn drop(&mut self) {
        let id = self.run.borrow().id.clone();
        self.board.update(|status| status.running.retain(|run| run.id != id));
        self.board.tell(LiveEvent::RunEnded { id });
    }
}
