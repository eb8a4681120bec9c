//! Allocators and the kernel: memory that is kept, given back, or only touched later.

use crate::scene::{Scene, Trace};

/// Records of random sums: they come ever more rarely, so that the level grows like a logarithm.
pub(super) fn high_water(scene: &mut Scene) -> Trace {
    // Records of exponential sums grow by `spread / x` at the share x of the run: at the end 5 to 30 % of the tolerance.
    let spread = scene.tolerance * scene.between(0.05, 0.3);
    let mut highest = 0.0;
    let mut signal = Vec::with_capacity(scene.x.len());
    for _ in 0..scene.x.len() {
        highest = f64::max(highest, spread * scene.exponential());
        signal.push(highest);
    }
    Trace { restartable: false, ..Trace::bounded(signal) }
}

/// Bursts at random; what they freed is given back along a smooth step.
pub(super) fn dirty_decay(scene: &mut Scene) -> Trace {
    let size = scene.size(0.02, 0.3);
    let decay = scene.log_between(0.005, 0.05);
    let count = scene.log_between(5.0, 150.0);
    let bursts: Vec<(f64, f64)> =
        scene.events(count).into_iter().map(|at| (at, size * scene.between(0.3, 1.5))).collect();
    // The smooth step of Ken Perlin: jemalloc's decay curve has the same form.
    let kept = |age: f64| {
        if (0.0..1.0).contains(&age) { 1.0 - age * age * age * (age * (age * 6.0 - 15.0) + 10.0) } else { 0.0 }
    };
    let mut first = 0;
    Trace::bounded(scene.trace(|x| {
        while bursts.get(first).is_some_and(|(at, _)| x - at >= decay) {
            first += 1;
        }
        bursts[first..].iter().take_while(|(at, _)| *at <= x).map(|(at, size)| size * kept((x - at) / decay)).sum()
    }))
}

/// Switches between levels at random times.
pub(super) fn levels(scene: &mut Scene) -> Trace {
    let size = scene.size(0.01, 0.2);
    let levels: Vec<f64> = (0..scene.whole(2, 4)).map(|_| size * scene.between(0.0, 1.0)).collect();
    let count = scene.between(6.0, 30.0);
    let switches: Vec<(f64, f64)> =
        scene.events(count).into_iter().map(|at| (at, levels[scene.whole(0, levels.len() - 1)])).collect();
    let mut next = 0;
    let mut level = levels[0];
    Trace::bounded(scene.trace(|x| {
        while let Some((_, to)) = switches.get(next).filter(|(at, _)| *at <= x) {
            level = *to;
            next += 1;
        }
        level
    }))
}

/// Bursts of about one size, each of which finds more room left by those before.
pub(super) fn retained_bursts(scene: &mut Scene) -> Trace {
    let first = scene.size(0.03, 0.3);
    let shrinking = scene.between(0.25, 0.55);
    let spacing = scene.between(0.06, 0.2);
    let burst = first * scene.between(0.5, 2.0);
    let start = scene.between(0.02, 0.15);
    let length = 0.3 * spacing;
    Trace::fill(
        scene.trace(|x| {
            if x < start {
                return 0.0;
            }
            let number = ((x - start) / spacing).floor();
            let retained = first * (1.0 - shrinking.powf(number + 1.0)) / (1.0 - shrinking);
            let during = if (x - start) % spacing < length { burst } else { 0.0 };
            retained + during
        }),
        start + 3.0 * spacing,
    )
}

/// Touching pages at random: what is still untouched falls off exponentially.
pub(super) fn touched_pages(scene: &mut Scene) -> Trace {
    let size = scene.size(0.05, 1.0);
    let time = scene.log_between(0.01, 0.12);
    Trace::fill(scene.trace(|x| size * (1.0 - (-x / time).exp())), 3.0 * time)
}

/// A table that is copied into one of twice the size as its keys come in; the copy shows as a peak.
pub(super) fn doubling_table(scene: &mut Scene) -> Trace {
    let end = scene.size(0.1, 0.8);
    let doublings = scene.whole(2, 6);
    let last = scene.between(0.1, 0.6);
    let growth = scene.between(0.01, 0.04);
    Trace::fill(
        scene.trace(|x| {
            let mut size = end / 2.0_f64.powi(doublings as i32);
            for doubling in 1..=doublings {
                let at = last * 0.5_f64.powi((doublings - doubling) as i32);
                if x >= at {
                    size *= 2.0;
                    if x < at + growth {
                        size *= 1.3;
                    }
                }
            }
            size
        }),
        last + growth,
    )
}

/// Idle phases in which pages leave, busy ones in which they return.
pub(super) fn swapped(scene: &mut Scene) -> Trace {
    let size = scene.size(0.05, 0.4);
    let cycles = scene.between(2.0, 9.0);
    let busy = scene.between(0.3, 0.7);
    let leaving = scene.between(0.1, 0.6);
    let phase = scene.between(0.0, 1.0);
    Trace::bounded(scene.trace(|x| {
        let place = (x * cycles + phase).fract();
        if place < busy { size } else { size * (-(place - busy) / leaving).exp() }
    }))
}
