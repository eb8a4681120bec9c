//! Memory that follows the load.

use crate::scene::{Scene, Trace};

/// Nothing happens.
pub(super) fn quiet(scene: &mut Scene) -> Trace {
    Trace::bounded(scene.trace(|_| 0.0))
}

/// The largest concurrency so far, up to the size of the pool.
pub(super) fn pool(scene: &mut Scene) -> Trace {
    let connection = scene.size(0.001, 0.02);
    let most = scene.whole(8, 60) as f64;
    let ramp = scene.between(0.02, 0.5);
    let unrest = scene.wander(0.02);
    let mut open = 0.0;
    let signal = scene
        .x
        .iter()
        .zip(&unrest)
        .map(|(x, unrest)| {
            let wanted = (most * (x / ramp).min(1.0) * (1.0 + 0.15 * unrest)).round();
            open = f64::max(open, wanted.clamp(0.0, most));
            // What is open at the end of the ramp is all there will ever be.
            if *x >= ramp {
                open = most;
            }
            connection * open
        })
        .collect();
    Trace::fill(signal, ramp)
}

/// Workers that grow at one pace and are replaced at a limit that differs from life to life.
pub(super) fn recycling(scene: &mut Scene) -> Trace {
    let workers = scene.whole(2, 12);
    let size = scene.size(0.05, 0.5) / workers as f64;
    let life = scene.log_between(0.03, 0.2);
    let mut signal = vec![0.0; scene.x.len()];
    for _ in 0..workers {
        let mut born = -life * scene.between(0.0, 1.0);
        let mut until = born + life * scene.between(0.8, 1.2);
        for (index, value) in signal.iter_mut().enumerate() {
            let x = scene.x[index];
            while x >= until {
                born = until;
                until += life * scene.between(0.8, 1.2);
            }
            *value += size * (x - born) / life;
        }
    }
    Trace { restartable: false, ..Trace::bounded(signal) }
}

/// Operations so far for a load that is `load(x)` operations per sample.
pub(super) fn operations(scene: &Scene, load: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut done = 0.0;
    scene
        .x
        .iter()
        .map(|x| {
            done += load(*x).max(0.0);
            done.floor()
        })
        .collect()
}

/// A load with a daily cycle.
pub(super) fn waves(scene: &mut Scene) -> Trace {
    let size = scene.size(0.05, 0.5);
    let waves = scene.between(1.5, 8.0);
    let phase = scene.between(0.0, std::f64::consts::TAU);
    let rate = scene.log_between(2.0, 2000.0);
    let load = move |x: f64| 1.0 + 0.7 * (std::f64::consts::TAU * waves * x + phase).sin();
    let trace = Trace::bounded(scene.trace(|x| size * load(x)));
    Trace { ops: Some(operations(scene, |x| rate * load(x))), restartable: false, ..trace }
}

/// A load that rises in a few steps within the first half and stays.
pub(super) fn ramp(scene: &mut Scene) -> Trace {
    let size = scene.size(0.02, 0.3);
    let steps = scene.whole(2, 5) as f64;
    let end = scene.between(0.15, 0.5);
    let rate = scene.log_between(2.0, 2000.0);
    let load = move |x: f64| 1.0 + (steps * x / end).floor().min(steps);
    let trace = Trace::fill(scene.trace(|x| size * load(x)), end);
    Trace { ops: Some(operations(scene, |x| rate * load(x))), ..trace }
}
