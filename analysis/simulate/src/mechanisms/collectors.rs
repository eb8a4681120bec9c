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
