//! Caches: filled once, expiring, or flushed.

use crate::scene::{Scene, Trace};

/// The number of distinct keys seen grows like a power of time until the cache is full.
pub(super) fn skewed_lru(scene: &mut Scene) -> Trace {
    let size = scene.size(0.05, 1.0);
    let power = scene.between(0.45, 0.85);
    let full = scene.between(0.1, 0.7);
    Trace::fill(scene.trace(|x| size * (x / full).min(1.0).powf(power)), full)
}

/// Even filling, then even level.
pub(super) fn linear_fill(scene: &mut Scene) -> Trace {
    let until = scene.between(0.3, 0.8);
    fill_until(scene, until)
}

pub(super) fn fill_until(scene: &mut Scene, until: f64) -> Trace {
    let size = scene.size(0.02, 1.0);
    Trace::fill(scene.trace(|x| size * (x / until).min(1.0)), until)
}

/// Warm-ups with time constants from fast to slow. What the slowest still adds at the end is a fraction of the tolerance.
pub(super) fn mixture(scene: &mut Scene) -> Trace {
    let parts: Vec<(f64, f64)> =
        (0..scene.whole(2, 5)).map(|_| (scene.size(0.01, 0.3), scene.log_between(0.004, 0.16))).collect();
    let at_end: f64 = parts.iter().map(|(size, time)| size / time * (-1.0 / time).exp()).sum();
    let scale = (0.3 * scene.tolerance / at_end).min(1.0);
    let slowest = parts.iter().map(|(_, time)| *time).fold(0.0, f64::max);
    let trace = Trace::fill(
        scene.trace(|x| scale * parts.iter().map(|(size, time)| size * (1.0 - (-x / time).exp())).sum::<f64>()),
        3.0 * slowest,
    );
    Trace { rate: scale * at_end, ..trace }
}

/// Entries that live for a fixed time under a load in waves: the level is the load summed over that time.
pub(super) fn ttl_waves(scene: &mut Scene) -> Trace {
    let size = scene.size(0.05, 0.4);
    let waves = scene.between(3.0, 25.0);
    let depth = scene.between(0.3, 1.0);
    let live = scene.between(0.2, 1.2) / waves;
    let phase = scene.between(0.0, 1.0);
    let turn = std::f64::consts::TAU * waves;
    let summed = |x: f64| x - depth / turn * (turn * x + std::f64::consts::TAU * phase).cos();
    Trace::bounded(scene.trace(|x| size / live * (summed(x) - summed((x - live).max(0.0)))))
}

/// Write buffers fill and are flushed; every so often a merge takes as much again for a while.
pub(super) fn compaction(scene: &mut Scene) -> Trace {
    let buffer = scene.size(0.02, 0.2);
    let flushes = scene.log_between(8.0, 200.0);
    let every = scene.whole(4, 10) as f64;
    let merge = buffer * scene.between(0.5, 3.0);
    let length = scene.between(0.1, 0.6);
    Trace::bounded(scene.trace(|x| {
        let flush = x * flushes;
        let merging = flush.floor() % every == 0.0 && flush >= 1.0 && flush.fract() < length;
        buffer * flush.fract() + if merging { merge } else { 0.0 }
    }))
}
