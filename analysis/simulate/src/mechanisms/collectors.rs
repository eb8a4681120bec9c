//! Runtimes that collect garbage.

use crate::scene::{Scene, Trace};

/// Young collections every now and then; what survives is promoted and goes with the next full collection.
pub(super) fn generational(scene: &mut Scene) -> Trace {
    let young = scene.size(0.02, 0.3);
    let old = scene.size(0.02, 0.4);
    let full_cycles = scene.log_between(3.0, 60.0);
    let young_per_full = scene.whole(4, 14) as f64;
    let unrest = scene.between(0.05, 0.3);
    let (mut in_young, mut in_old) = (0.0, 0.0);
    let mut before = 0.0;
    let mut young_limit = young;
    let mut old_limit = old;
    let speed = young * young_per_full * full_cycles;
    let mut signal = Vec::with_capacity(scene.x.len());
    for index in 0..scene.x.len() {
        let mut due = speed * (scene.x[index] - before);
        before = scene.x[index];
        // Several collections may fall between two samples.
        while in_young + due >= young_limit {
            due -= young_limit - in_young;
            in_young = 0.0;
            in_old += old / young_per_full;
            young_limit = young * (1.0 + unrest * scene.between(-1.0, 1.0));
            if in_old >= old_limit {
                in_old = 0.0;
                old_limit = old * (1.0 + unrest * scene.between(-1.0, 1.0));
            }
        }
        in_young += due;
        signal.push(in_young + in_old);
    }
    Trace::bounded(signal)
}

/// The heap grows to twice its live size and is collected; RSS keeps the peak and gives pages back slowly.
pub(super) fn pacer(scene: &mut Scene) -> Trace {
    let live = scene.size(0.05, 0.4);
    let cycles = scene.log_between(10.0, 400.0);
    let giving_back = scene.log_between(0.005, 0.1);
    let unrest = scene.wander(0.02);
    let (mut heap, mut resident, mut before) = (live, live, 0.0);
    let mut signal = Vec::with_capacity(scene.x.len());
    for (index, x) in scene.x.iter().enumerate() {
        let passed = x - before;
        before = *x;
        heap += live * cycles * passed * (1.0 + 0.3 * unrest[index]).max(0.1);
        // The goal follows the live size, which wanders a little.
        let goal = 2.0 * live * (1.0 + 0.03 * unrest[index]);
        if heap >= goal {
            resident = f64::max(resident, goal);
            heap = live + (heap - goal) % live;
        }
        resident = f64::max(heap, resident + (heap - resident) * (1.0 - (-passed / giving_back).exp()));
        signal.push(resident);
    }
    Trace::bounded(signal)
}

/// The committed heap expands when collections free too little; each expansion makes the next rarer.
pub(super) fn heap_steps(scene: &mut Scene) -> Trace {
    let step = scene.size(0.03, 0.25);
    let steps = scene.whole(2, 7);
    let mut at = scene.between(0.005, 0.05);
    let slowing = scene.between(1.4, 2.2);
    let mut times = Vec::new();
    for _ in 0..steps {
        if at > 0.6 {
            break;
        }
        times.push(at);
        at *= slowing;
    }
    let ripple = 0.1 * step;
    let cycles = scene.log_between(20.0, 300.0);
    Trace::fill(
        scene.trace(|x| step * times.iter().filter(|time| **time <= x).count() as f64 + ripple * (x * cycles).fract()),
        times.last().copied().unwrap_or_default(),
    )
}

/// A large heap that is collected six to sixteen times in the run, never at the same level and never down to the same: the live
/// set warms up and wanders.
pub(super) fn few_collections(scene: &mut Scene) -> Trace {
    let size = scene.size(0.05, 0.5);
    let pace = size * scene.between(6.0, 16.0);
    let unrest = scene.between(0.02, 0.3);
    let correlation = scene.between(0.02, 0.3);
    let live = scene.wander(correlation);
    let wandering = size * scene.log_between(0.003, 0.1);
    let warm_up = size * scene.between(0.0, 0.5);
    let time = scene.log_between(0.005, 0.12);
    let (mut heap, mut limit, mut before) = (0.0, size * scene.between(0.3, 1.0), 0.0);
    let mut signal = Vec::with_capacity(scene.x.len());
    for (index, live) in live.into_iter().enumerate() {
        let x = scene.x[index];
        heap += pace * (x - before);
        before = x;
        if heap >= limit {
            heap = 0.0;
            limit = size * (1.0 + unrest * scene.between(-1.0, 1.0));
        }
        signal.push(heap + wandering * live + warm_up * (1.0 - (-x / time).exp()));
    }
    Trace::bounded(signal)
}

/// A heap that is collected eight to sixteen times while bursts leave ever less behind.
pub(super) fn few_collections_retaining(scene: &mut Scene) -> Trace {
    let bursts: Vec<f64> = (0..scene.whole(2, 5)).map(|_| scene.between(0.02, 0.7)).collect();
    let kept = scene.size(0.02, 0.2);
    let mut sorted = bursts;
    sorted.sort_by(f64::total_cmp);
    let levels = scene.trace(|x| {
        let past = sorted.iter().filter(|at| **at <= x).count() as i32;
        kept * (1.0 - 0.5_f64.powi(past))
    });
    let mut trace = few_collections(scene);
    trace.signal.iter_mut().zip(&levels).for_each(|(value, level)| *value += level);
    trace
}
