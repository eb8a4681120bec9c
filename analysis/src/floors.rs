//! Do new floors keep coming? A floor is a level that is never undercut again.

use crate::lives::Lives;
use crate::stats::order;
use crate::trace::View;

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
        let (mut pause, mut run) = (0, 0);
        for rise in &rises {
            run = if *rise > 0.0 { 0 } else { run + 1 };
            pause = pause.max(run);
        }
        let total = floor[n - 1] - floor[0];
        let largest = rises.iter().copied().fold(0.0, f64::max);
        Self {
            share: rises.iter().filter(|rise| **rise > 0.0).count() as f64 / rises.len() as f64,
            pace: pace(&floor),
            pause,
            largest: if total > 0.0 { largest / total } else { 1.0 },
        }
    }
}

/// Values of the same windows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Windows {
    pub(crate) middles: Vec<f64>,
    pub(crate) troughs: Vec<f64>,
    pub(crate) peaks: Vec<f64>,
}

/// Rise of the ceiling, the level that was never exceeded before, in the last third over that in the middle third.
///
/// What is bounded reaches its ceiling ever more rarely, whereas a floor may still creep up below a ceiling that stands.
fn ceiling_pace(peaks: &[f64]) -> f64 {
    // Seen backwards from above, a ceiling is a floor.
    let mirrored: Vec<f64> = peaks.iter().rev().map(|peak| -peak).collect();
    let ceiling: Vec<f64> = lower_envelope(&mirrored).iter().rev().map(|level| -level).collect();
    pace(&ceiling)
}

/// Rise in the last third over the rise in the middle third.
fn pace(levels: &[f64]) -> f64 {
    let n = levels.len();
    if n < 3 {
        return 0.0;
    }
    let middle = levels[2 * n / 3] - levels[n / 3];
    let late = levels[n - 1] - levels[2 * n / 3];
    if middle > 0.0 {
        late / middle
    } else if late > 0.0 {
        9.0
    } else {
        0.0
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

/// Whether the floor goes on rising, by medians, minima and maxima of the same windows.
pub(crate) fn persistence(windows: &Windows) -> Persistence {
    let (a, b) = (Floors::of(&windows.middles), Floors::of(&windows.troughs));
    let share = a.share.max(b.share);
    let pace = a.pace.min(b.pace);
    let pause = a.pause.min(b.pause);
    let largest = a.largest.min(b.largest);
    if share >= 0.8 && pace.max(ceiling_pace(&windows.peaks)) >= 0.85 && pause <= 2 && largest <= 0.3 {
        Persistence::Strong
    } else if share >= 0.35 && pace >= 0.5 && pause <= 6 && largest <= 0.5 {
        Persistence::Fair
    } else {
        Persistence::None
    }
}

/// The windows of all lives, by age.
pub(crate) fn windows(lives: &Lives) -> Windows {
    let late = lives.after(SKIPPED);
    let ranges = late.ranges(WINDOWS);
    Windows {
        middles: late.blocks(&ranges, View::Middle).v,
        troughs: late.blocks(&ranges, View::Troughs).v,
        peaks: late
            .means(&ranges, |life, range| life.peak[range.clone()].iter().copied().fold(f64::NEG_INFINITY, f64::max)),
    }
}

/// The windows of a few blocks.
pub(crate) fn windows_of_blocks(x: &[f64], v: &[f64]) -> Windows {
    let mut windows = Windows::default();
    let (Some(first), Some(last)) = (x.first(), x.last()) else { return windows };
    let start = first + SKIPPED * (last - first);
    let skipped = x.partition_point(|x| *x < start);
    let mut from = skipped;
    let start = x.get(from).copied().unwrap_or(*last);
    for k in 1..=WINDOWS {
        let edge = start + (last - start) * k as f64 / WINDOWS as f64;
        let to = if k == WINDOWS { x.len() } else { from + x[from..].partition_point(|x| *x < edge) };
        if to > from {
            windows.middles.push(order::median_of(&v[from..to]));
            windows.troughs.push(v[from..to].iter().copied().fold(f64::INFINITY, f64::min));
            windows.peaks.push(v[from..to].iter().copied().fold(f64::NEG_INFINITY, f64::max));
        }
        from = to;
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(values: &[f64]) -> Windows {
        Windows { middles: values.to_vec(), troughs: values.to_vec(), peaks: values.to_vec() }
    }

    #[test]
    fn a_floor_that_slows_down_under_a_ceiling_that_does_not_is_strong_and_under_one_that_stands_is_none() {
        let floor: Vec<f64> = (0..20).map(|i| 1.0 - (-f64::from(i) / 8.0).exp()).collect();
        let rises: Vec<f64> = (0..20).map(|i| if i % 3 == 0 { 10.0 + f64::from(i) } else { 3.0 }).collect();
        let windows = |peaks: Vec<f64>| Windows { middles: floor.clone(), troughs: floor.clone(), peaks };
        assert_eq!(persistence(&windows(rises)), Persistence::Strong);
        assert_eq!(persistence(&windows(vec![20.0; 20])), Persistence::None);
    }

    #[test]
    fn a_line_under_noise_is_persistent_and_a_saturation_is_not() {
        let noise = |i: usize| ((i * 7919) % 13) as f64 * 0.1;
        let line: Vec<f64> = (0..20).map(|i| i as f64 + 0.5 * noise(i)).collect();
        assert_eq!(persistence(&same(&line)), Persistence::Strong);
        let saturation: Vec<f64> = (0..20).map(|i| 20.0 * (1.0 - (-(i as f64) / 3.0).exp()) + 0.1 * noise(i)).collect();
        assert_eq!(persistence(&same(&saturation)), Persistence::None);
        assert_eq!(persistence(&same(&[1.0; 20])), Persistence::None);
        assert_eq!(persistence(&Windows::default()), Persistence::None);
    }

    #[test]
    fn one_large_step_is_not_persistent() {
        let step: Vec<f64> = (0..20).map(|i| if i < 10 { 0.0 } else { 100.0 }).collect();
        assert_eq!(persistence(&same(&step)), Persistence::None);
    }
}
