//! Growth for ever, alone or on top of bounded memory.

use super::{allocators, caches, collectors, loads};
use crate::scene::{Scene, Trace};

/// Even growth over the run on top of `under`.
fn even(scene: &mut Scene, under: Trace) -> Trace {
    let growth = scene.leak();
    let line = scene.trace(|x| growth * x);
    // A fill beside a leak is no longer what decides.
    Trace { fills_until: None, ..under.leaking(&line, growth) }
}

pub(super) fn under_quiet(scene: &mut Scene) -> Trace {
    let under = loads::quiet(scene);
    even(scene, under)
}

pub(super) fn under_generational(scene: &mut Scene) -> Trace {
    let under = collectors::generational(scene);
    even(scene, under)
}

pub(super) fn under_pacer(scene: &mut Scene) -> Trace {
    let under = collectors::pacer(scene);
    even(scene, under)
}

pub(super) fn under_few_collections(scene: &mut Scene) -> Trace {
    let under = collectors::few_collections(scene);
    even(scene, under)
}

pub(super) fn under_ttl_waves(scene: &mut Scene) -> Trace {
    let under = caches::ttl_waves(scene);
    even(scene, under)
}

pub(super) fn under_warmup(scene: &mut Scene) -> Trace {
    // What the warm-up still adds at the end is no part of the growth that lasts.
    let under = Trace { rate: 0.0, ..caches::mixture(scene) };
    even(scene, under)
}

pub(super) fn under_fill(scene: &mut Scene) -> Trace {
    let until = scene.between(0.2, 0.5);
    let under = caches::fill_until(scene, until);
    even(scene, under)
}

pub(super) fn under_levels(scene: &mut Scene) -> Trace {
    let under = allocators::levels(scene);
    even(scene, under)
}

pub(super) fn under_pool(scene: &mut Scene) -> Trace {
    let under = loads::pool(scene);
    even(scene, under)
}

pub(super) fn under_load(scene: &mut Scene) -> Trace {
    let under = loads::waves(scene);
    even(scene, under)
}

/// Blocks of one size, as an arena or a heap that expands shows a steady leak.
pub(super) fn in_steps(scene: &mut Scene) -> Trace {
    let growth = scene.leak();
    let steps = scene.log_between(6.0, 200.0).round();
    let phase = scene.between(0.0, 1.0);
    let stairs = scene.trace(|x| growth / steps * (x * steps + phase).floor());
    Trace::bounded(scene.trace(|_| 0.0)).leaking(&stairs, growth)
}

/// Growth while a wave of load is above its mean; the rate is the mean of the run.
pub(super) fn in_waves(scene: &mut Scene) -> Trace {
    let growth = scene.leak();
    let waves = scene.whole(5, 40) as f64;
    let busy = scene.between(0.2, 0.7);
    let stairs = scene.trace(|x| growth / waves * ((x * waves).floor() + ((x * waves).fract() / busy).min(1.0)));
    Trace { restartable: false, ..Trace::bounded(scene.trace(|_| 0.0)).leaking(&stairs, growth) }
}

/// Random amounts at random times.
pub(super) fn in_batches(scene: &mut Scene) -> Trace {
    let growth = scene.leak();
    let count = scene.log_between(15.0, 500.0);
    let batches: Vec<(f64, f64)> =
        scene.events(count).into_iter().map(|at| (at, growth / count * scene.exponential())).collect();
    let (mut next, mut level) = (0, 0.0);
    let stairs = scene.trace(|x| {
        while let Some((_, size)) = batches.get(next).filter(|(at, _)| *at <= x) {
            level += size;
            next += 1;
        }
        level
    });
    let drawn = stairs.last().copied();
    Trace { drawn, restartable: false, ..Trace::bounded(scene.trace(|_| 0.0)).leaking(&stairs, growth) }
}

/// A fixed amount for each operation; the load has busy and idle times, the rate is the mean of the run.
pub(super) fn per_operation(scene: &mut Scene) -> Trace {
    let growth = scene.leak();
    let waves = scene.between(2.0, 12.0);
    let depth = scene.between(0.2, 0.9);
    let phase = scene.between(0.0, std::f64::consts::TAU);
    let rate = scene.log_between(2.0, 2000.0);
    let ops = loads::operations(scene, |x| rate * (1.0 + depth * (std::f64::consts::TAU * waves * x + phase).sin()));
    let all = ops.last().copied().unwrap_or(1.0).max(1.0);
    let line: Vec<f64> = ops.iter().map(|done| growth * done / all).collect();
    let trace = Trace::bounded(scene.trace(|_| 0.0)).leaking(&line, growth);
    Trace { ops: Some(ops), restartable: false, ..trace }
}

pub(super) fn late(scene: &mut Scene) -> Trace {
    let growth = scene.leak();
    let onset = scene.between(0.1, 0.6);
    let line = scene.trace(|x| growth * (x - onset).max(0.0));
    Trace { restartable: false, ..Trace::bounded(scene.trace(|_| 0.0)).leaking(&line, growth) }
}

/// The rate at the end is `growth`; it was e^power times less at the start.
pub(super) fn exponential(scene: &mut Scene) -> Trace {
    let growth = scene.leak();
    let power = scene.between(0.7, 4.0);
    let curve = scene.trace(|x| growth / power * ((power * (x - 1.0)).exp() - (-power).exp()));
    Trace { restartable: false, ..Trace::bounded(scene.trace(|_| 0.0)).leaking(&curve, growth) }
}

pub(super) fn quadratic(scene: &mut Scene) -> Trace {
    let growth = scene.leak();
    let curve = scene.trace(|x| 0.5 * growth * x * x);
    Trace { restartable: false, ..Trace::bounded(scene.trace(|_| 0.0)).leaking(&curve, growth) }
}
