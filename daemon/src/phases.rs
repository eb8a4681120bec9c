//! The phases of a run, as its events tell them.
//!
//! starting → (ready) → before the load → (load started) → under load → (load ended) → after the load. Growth is judged
//! under load; the other two are there for the cleanup check. A run without a load of its own is under load from
//! readiness on.

use crate::series::Window;
use crate::store::Event;

/// Kind of the event that ends the start: the target is ready.
pub const READY: &str = "ready";
/// Kind of the event with which the judged part begins.
pub const LOAD_STARTED: &str = "load_started";
/// Kind of the event with which the judged part ends.
pub const LOAD_ENDED: &str = "load_ended";
/// Kind of the event that tells how the load driver was stopped.
pub const LOAD_STOPPED: &str = "load_stopped";
/// Kind of the event with which a checkpoint begins: until its end, samples are no part of the ordinary series.
pub const CHECKPOINT_BEGAN: &str = "checkpoint_began";
/// Kind of the event with which a checkpoint ends that gave a settled sample.
pub const CHECKPOINT: &str = "checkpoint";
/// Kind of the event with which a checkpoint ends that gave none.
pub const CHECKPOINT_FAILED: &str = "checkpoint_failed";
/// Kind of the event that separates one process from its successor.
pub const RESTART: &str = "restart";
/// Kind of the event that the target said it began a phase of its own.
pub const PHASE: &str = "phase";
/// Kind of the event that the main process ended.
pub const EXIT: &str = "exit";
/// Kind of the event that the kernel killed processes of the target for want of memory.
pub const OOM_KILL: &str = "oom_kill";

/// Kind of the event that the target's own cgroup came to hold others as well: from then on, what it counts is not the target's.
pub const CGROUP_SHARED: &str = "cgroup_shared";

/// Kind of the event that somebody set the wall clock of the host.
pub const CLOCK_JUMPED: &str = "clock_jumped";

/// When the phases of a run began and ended, in seconds of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Phases {
    /// The target was ready; 0 where it never was.
    pub ready_s: f64,
    /// The judged part.
    pub load: Window,
    /// The load rested and the target was made to settle.
    pub checkpoints: Vec<Window>,
    /// The target has been replaced.
    pub restarts_s: Vec<f64>,
    /// The end of the run.
    pub end_s: f64,
}

impl Phases {
    /// The phases of a run of `end_s` seconds, from its events.
    #[must_use]
    pub fn of(events: &[Event], end_s: f64) -> Self {
        let first = |kind: &str| events.iter().find(|event| event.kind == kind).map(|event| event.t_s);
        let ready_s = first(READY).unwrap_or(0.0);
        let from_s = first(LOAD_STARTED).unwrap_or(ready_s);
        let to_s = first(LOAD_ENDED).unwrap_or(end_s);
        let restarts_s = events.iter().filter(|event| event.kind == RESTART).map(|event| event.t_s).collect();
        Self { ready_s, load: Window { from_s, to_s }, checkpoints: checkpoints(events, end_s), restarts_s, end_s }
    }

    /// Whether `t_s` lies inside a checkpoint.
    #[must_use]
    pub fn is_checkpoint(&self, t_s: f64) -> bool {
        // They do not overlap and are in order of their time.
        let next = self.checkpoints.partition_point(|window| window.from_s <= t_s);
        next.checked_sub(1).and_then(|last| self.checkpoints.get(last)).is_some_and(|window| window.holds(t_s))
    }

    /// The part between readiness and load.
    #[must_use]
    pub fn before(&self) -> Window {
        Window { from_s: self.ready_s, to_s: self.load.from_s }
    }

    /// The part after the load.
    #[must_use]
    pub fn after(&self) -> Window {
        Window { from_s: self.load.to_s, to_s: self.end_s }
    }
}

/// The windows of checkpoints; one that never ended lasts until `end_s`.
fn checkpoints(events: &[Event], end_s: f64) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    let mut open = false;
    for event in events {
        match event.kind.as_str() {
            CHECKPOINT_BEGAN => {
                windows.push(Window { from_s: event.t_s, to_s: end_s });
                open = true;
            }
            CHECKPOINT | CHECKPOINT_FAILED if open => {
                if let Some(window) = windows.last_mut() {
                    window.to_s = event.t_s;
                }
                open = false;
            }
            _ => {}
        }
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(t_s: f64, kind: &str) -> Event {
        Event { t_s, kind: kind.to_owned(), text: String::new() }
    }

    #[test]
    fn without_a_load_the_run_is_judged_from_readiness_to_its_end() {
        let phases = Phases::of(&[event(2.0, READY), event(30.0, RESTART)], 60.0);
        assert_eq!(phases.load, Window { from_s: 2.0, to_s: 60.0 });
        assert_eq!(phases.restarts_s, [30.0]);
    }

    #[test]
    fn the_load_has_a_before_and_an_after() {
        let phases = Phases::of(&[event(1.0, READY), event(5.0, LOAD_STARTED), event(50.0, LOAD_ENDED)], 60.0);
        assert_eq!(phases.before(), Window { from_s: 1.0, to_s: 5.0 });
        assert_eq!(phases.load, Window { from_s: 5.0, to_s: 50.0 });
        assert_eq!(phases.after(), Window { from_s: 50.0, to_s: 60.0 });
    }

    #[test]
    fn a_checkpoint_lasts_from_its_beginning_to_its_end() {
        let events = [
            event(5.0, CHECKPOINT_BEGAN),
            event(7.0, CHECKPOINT),
            event(20.0, CHECKPOINT_BEGAN),
            event(22.0, CHECKPOINT_FAILED),
            event(50.0, CHECKPOINT_BEGAN),
        ];
        let phases = Phases::of(&events, 60.0);
        assert_eq!(phases.checkpoints.len(), 3);
        for (t_s, inside) in
            [(4.9, false), (5.0, true), (7.0, true), (7.1, false), (21.0, true), (23.0, false), (59.0, true)]
        {
            assert_eq!(phases.is_checkpoint(t_s), inside, "{t_s}");
        }
    }

    #[test]
    fn a_run_that_never_was_ready_is_judged_whole() {
        assert_eq!(Phases::of(&[], 9.0).load, Window { from_s: 0.0, to_s: 9.0 });
    }
}
