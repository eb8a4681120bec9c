//! From the memory of a mechanism to what a recorder sees of it: noise, pages, gaps, jitter, restarts.

use crate::case::{Case, Label, Truth};
use crate::mechanisms::{Kind, Mechanism};
use crate::scene::{Scene, Trace};

const PAGE_BYTES: f64 = 4096.0;
const HUGE_PAGE_BYTES: f64 = 2.0 * 1024.0 * 1024.0;

/// Huge pages only move processes of this size by less than they tolerate.
const HUGE_FROM_BYTES: f64 = 1024.0 * 1024.0 * 1024.0;

/// Noise in units of the series.
fn noise(scene: &mut Scene) -> Vec<f64> {
    let size = scene.base * scene.log_between(1e-5, 0.01);
    let points = scene.x.len();
    match scene.whole(0, 5) {
        0 => vec![0.0; points],
        1 => (0..points).map(|_| size * scene.normal()).collect(),
        2 => {
            let correlation = scene.log_between(0.002, 0.1);
            scene.wander(correlation).into_iter().map(|value| size * value).collect()
        }
        3 => {
            // A random walk; at the end of the run it is as far off as a tenth to three tolerances.
            let end = scene.tolerance * scene.log_between(0.1, 3.0);
            let step = end / (points as f64).sqrt();
            let mut level = 0.0;
            (0..points)
                .map(|_| {
                    level += step * scene.normal();
                    level
                })
                .collect()
        }
        4 => {
            // Spikes upwards only, as of short allocations; infinite variance.
            (0..points).map(|_| 0.3 * size * (scene.exponential() / 1.8).exp().min(1e3)).collect()
        }
        _ => {
            let correlation = scene.log_between(0.002, 0.05);
            let slow = scene.wander(correlation);
            slow.into_iter().map(|value| size * (0.7 * value + 0.7 * scene.normal())).collect()
        }
    }
}

/// Operations of a steady load with a little unrest.
fn steady_ops(scene: &mut Scene) -> Vec<f64> {
    let total = scene.log_between(500.0, 1e7);
    let unrest = scene.wander(0.01);
    let mut done = 0.0;
    let points = scene.x.len() as f64;
    unrest
        .iter()
        .map(|value| {
            done += (total / points * (1.0 + 0.1 * value)).max(0.0);
            done.floor()
        })
        .collect()
}

/// Which samples a recorder takes: all, or not those in gaps and not those that it lost.
fn kept(scene: &mut Scene) -> Vec<bool> {
    let mut kept = vec![true; scene.x.len()];
    if scene.chance(0.25) {
        for _ in 0..scene.whole(1, 3) {
            let from = scene.between(0.05, 0.9);
            let until = from + scene.between(0.005, 0.05);
            for (keep, x) in kept.iter_mut().zip(&scene.x) {
                *keep &= !(from..until).contains(x);
            }
        }
    }
    if scene.chance(0.25) {
        for keep in &mut kept {
            *keep &= !scene.chance(0.02);
        }
    }
    kept
}

pub(crate) fn finish(mechanism: &Mechanism, seed: u64, mut scene: Scene, trace: Trace) -> Case {
    let Trace { mut signal, rate, drawn, leaks, ops, fills_until, restartable, mut restarts } = trace;
    let mut ops = match ops {
        Some(ops) => Some(ops),
        None => scene.chance(0.5).then(|| steady_ops(&mut scene)),
    };
    let mut kept = kept(&mut scene);

    if restartable && scene.chance(0.05) {
        let points = signal.len();
        let at = (points as f64 * scene.between(0.25, 0.75)) as usize;
        let down = scene.whole(1, 3);
        signal.copy_within(0..points - at, at);
        if let Some(ops) = &mut ops {
            ops.copy_within(0..points - at, at);
        }
        for keep in &mut kept[at.saturating_sub(down)..at] {
            *keep = false;
        }
        kept[at] = true;
        restarts.push(at);
    } else if !restarts.is_empty() {
        let down = scene.whole(1, 3);
        for &at in &restarts {
            for keep in &mut kept[at.saturating_sub(down)..at] {
                *keep = false;
            }
        }
        for &at in &restarts {
            kept[at] = true;
            if let Some(ops) = &mut ops {
                let done = ops[at];
                ops[at..].iter_mut().for_each(|ops| *ops -= done);
            }
        }
    }

    let noise = match mechanism.kind {
        Kind::Bytes => noise(&mut scene),
        Kind::Count => vec![0.0; signal.len()],
    };
    let huge = mechanism.kind == Kind::Bytes && scene.base > HUGE_FROM_BYTES && scene.chance(0.3);
    let quantum = match (mechanism.kind, huge) {
        (Kind::Count, _) => 1.0,
        (Kind::Bytes, false) => PAGE_BYTES,
        (Kind::Bytes, true) => HUGE_PAGE_BYTES,
    };
    let step_s = scene.planned_s / scene.x.len() as f64;
    let jitter = if scene.chance(0.5) { 0.1 } else { 0.0 };

    let mut case = Case {
        mechanism: mechanism.name,
        seed,
        metric: mechanism.metric,
        t_s: Vec::with_capacity(signal.len()),
        values: Vec::with_capacity(signal.len()),
        ops: ops.is_some().then(Vec::new),
        restarts_s: Vec::new(),
        planned_s: scene.planned_s,
        truth: Truth {
            label: match leaks {
                true if rate.min(drawn.unwrap_or(rate)) > scene.tolerance => Label::Leak,
                true => Label::SubTolerance,
                false => Label::NoLeak,
            },
            rate_per_s: rate / scene.planned_s,
            tolerance_per_s: scene.tolerance / scene.planned_s,
            fills_until_s: fills_until.map(|until| until * scene.planned_s),
        },
    };
    for index in 0..signal.len() {
        let late_s = jitter * step_s * scene.between(0.0, 1.0);
        if !kept[index] {
            continue;
        }
        let t_s = index as f64 * step_s + late_s;
        if restarts.contains(&index) {
            case.restarts_s.push(t_s);
        }
        case.t_s.push(t_s);
        case.values.push((((scene.base + signal[index] + noise[index]) / quantum).round() * quantum).max(quantum));
        if let (Some(into), Some(ops)) = (&mut case.ops, &ops) {
            into.push(ops[index]);
        }
    }
    case
}
