//! Things that are counted: descriptors, threads.

use super::loads::operations;
use crate::scene::{Scene, Trace};

/// How many come and go at each moment around a mean: a stationary count with memory.
fn coming_and_going(scene: &mut Scene, mean: f64) -> Vec<f64> {
    let correlation = scene.log_between(0.002, 0.05);
    scene.wander(correlation).into_iter().map(|value| (mean + mean.sqrt() * value).max(0.0).round()).collect()
}

fn plus(mut counts: Vec<f64>, more: &[f64]) -> Vec<f64> {
    for (count, more) in counts.iter_mut().zip(more) {
        *count += more;
    }
    counts
}

/// A pool that opens one more whenever the demand is higher than ever.
pub(super) fn pool(scene: &mut Scene) -> Trace {
    let most = scene.whole(5, 200) as f64;
    let full = scene.between(0.03, 0.5);
    let passing = scene.log_between(0.3, 20.0);
    let fill = scene.trace(|x| (most * (x / full).min(1.0).powf(0.7)).floor());
    Trace::fill(plus(coming_and_going(scene, passing), &fill), full)
}

/// Connections of clients that come and go.
pub(super) fn churn(scene: &mut Scene) -> Trace {
    let mean = scene.log_between(2.0, 500.0);
    Trace::bounded(coming_and_going(scene, mean))
}

/// Threads on demand, kept up to a limit; early demand starts most of them.
pub(super) fn threads(scene: &mut Scene) -> Trace {
    let most = scene.whole(2, 64) as f64;
    let time = scene.log_between(0.01, 0.1);
    Trace::fill(scene.trace(|x| (most * (1.0 - (-x / time).exp()) + 0.5).floor()), 3.0 * time)
}

/// Every lost thing is lost by one operation, at random.
fn lost(scene: &mut Scene, count: f64) -> Vec<f64> {
    let times = scene.events(count);
    let mut so_far = 0;
    scene.trace(|x| {
        while times.get(so_far).is_some_and(|at| *at <= x) {
            so_far += 1;
        }
        so_far as f64
    })
}

/// One in a thousand operations forgets to close.
pub(super) fn leaked_descriptors(scene: &mut Scene) -> Trace {
    let leaked = scene.tolerance * scene.log_between(1.2, 30.0);
    let passing = scene.log_between(0.3, 10.0);
    let per_sample = 1000.0 * leaked / scene.x.len() as f64;
    let growth = lost(scene, leaked);
    let trace = Trace::bounded(coming_and_going(scene, passing)).leaking(&growth, leaked);
    Trace { ops: Some(operations(scene, |_| per_sample)), drawn: growth.last().copied(), ..trace }
}

/// Some requests start a thread that waits for ever.
pub(super) fn leaked_threads(scene: &mut Scene) -> Trace {
    let leaked = scene.tolerance * scene.log_between(1.2, 30.0);
    let growth = lost(scene, leaked);
    Trace { drawn: growth.last().copied(), fills_until: None, ..threads(scene).leaking(&growth, leaked) }
}
