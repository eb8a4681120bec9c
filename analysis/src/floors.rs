//! Do new floors keep coming? A floor is a level that is never undercut again.

use crate::stats::order;
use crate::trace::{Trace, View};

/// Windows of equal time that are compared.
const WINDOWS: usize = 20;
/// Share of the trace that is left out at its start.
const SKIPPED: f64 = 0.05;

/// How the floor of twenty windows rises.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Floors {
    /// Share of windows that raise the floor.
    pub(crate) share: f64,
    /// Rise in the last third over the rise in the middle third.
    pub(crate) pace: f64,
    /// Longest run of windows without a new floor.
    pub(crate) pause: usize,
    /// Largest rise as a share of all.
    pub(crate) largest: f64,
}

/// The floor from each window to the end.
fn lower_envelope(values: &[f64]) -> Vec<f64> {
    let mut floor = values.to_vec();
    for i in (0..floor.len().saturating_sub(1)).rev() {
        floor[i] = floor[i].min(floor[i + 1]);
    }
    floor
}

impl Floors {
    pub(crate) fn of(values: &[f64]) -> Self {
        let floor = lower_envelope(values);
        let n = floor.len();
        if n < 3 {
            return Self { share: 0.0, pace: 0.0, pause: n, largest: 1.0 };
        }
        let rises: Vec<f64> = floor.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let middle = floor[2 * n / 3] - floor[n / 3];
        let late = floor[n - 1] - floor[2 * n / 3];
        let pace = if middle > 0.0 {
            late / middle
        } else if late > 0.0 {
            9.0
        } else {
            0.0
        };
        let (mut pause, mut run) = (0, 0);
        for rise in &rises {
            run = if *rise > 0.0 { 0 } else { run + 1 };
            pause = pause.max(run);
        }
        let total = floor[n - 1] - floor[0];
        let largest = rises.iter().copied().fold(0.0, f64::max);
        Self {
            share: rises.iter().filter(|rise| **rise > 0.0).count() as f64 / rises.len() as f64,
            pace,
            pause,
            largest: if total > 0.0 { largest / total } else { 1.0 },
        }
    }
}

/// How surely new floors keep coming.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Persistence {
    /// They pause, slow down, or most of the rise is one step.
    None,
    /// They keep coming, at no less than half of the earlier pace.
    Fair,
    /// Nearly every window raises the floor, and at a pace that no shape which slows down could keep: the slowest
    /// saturation that counts as bounded would be at 0.57 of its earlier pace, a logarithm at 0.7, a power at 0.8.
    Strong,
}

/// Whether the floor goes on rising, by medians and minima of the same windows.
pub(crate) fn persistence(middles: &[f64], troughs: &[f64]) -> Persistence {
    let (a, b) = (Floors::of(middles), Floors::of(troughs));
    let share = a.share.max(b.share);
    let pace = a.pace.min(b.pace);
    let pause = a.pause.min(b.pause);
    let largest = a.largest.min(b.largest);
    if share >= 0.8 && pace >= 0.85 && pause <= 2 && largest <= 0.3 {
        Persistence::Strong
    } else if share >= 0.35 && pace >= 0.5 && pause <= 6 && largest <= 0.5 {
        Persistence::Fair
    } else {
        Persistence::None
    }
}

/// Medians and minima of the windows of a trace.
pub(crate) fn windows(trace: &Trace) -> (Vec<f64>, Vec<f64>) {
    let late = trace.after(SKIPPED);
    let ranges = late.ranges(WINDOWS);
    (late.blocks(&ranges, View::Middle).v, late.blocks(&ranges, View::Troughs).v)
}

/// Medians and minima of the windows of a few blocks.
pub(crate) fn windows_of_blocks(x: &[f64], v: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (mut middles, mut troughs) = (Vec::new(), Vec::new());
    let (Some(first), Some(last)) = (x.first(), x.last()) else { return (middles, troughs) };
    let start = first + SKIPPED * (last - first);
    let skipped = x.partition_point(|x| *x < start);
    let mut from = skipped;
    let start = x.get(from).copied().unwrap_or(*last);
    for k in 1..=WINDOWS {
        let edge = start + (last - start) * k as f64 / WINDOWS as f64;
        let to = if k == WINDOWS { x.len() } else { from + x[from..].partition_point(|x| *x < edge) };
        if to > from {
            middles.push(order::median_of(&v[from..to]));
            troughs.push(v[from..to].iter().copied().fold(f64::INFINITY, f64::min));
        }
        from = to;
    }
    (middles, troughs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_under_noise_is_persistent_and_a_saturation_is_not() {
        let noise = |i: usize| ((i * 7919) % 13) as f64 * 0.1;
        let line: Vec<f64> = (0..20).map(|i| i as f64 + 0.5 * noise(i)).collect();
        assert_eq!(persistence(&line, &line), Persistence::Strong);
        let saturation: Vec<f64> = (0..20).map(|i| 20.0 * (1.0 - (-(i as f64) / 3.0).exp()) + 0.1 * noise(i)).collect();
        assert_eq!(persistence(&saturation, &saturation), Persistence::None);
        assert_eq!(persistence(&[1.0; 20], &[1.0; 20]), Persistence::None);
        assert_eq!(persistence(&[], &[]), Persistence::None);
    }

    #[test]
    fn one_large_step_is_not_persistent() {
        let step: Vec<f64> = (0..20).map(|i| if i < 10 { 0.0 } else { 100.0 }).collect();
        assert_eq!(persistence(&step, &step), Persistence::None);
    }
}
