//! Lasting changes of level that are sudden: a reload, a table that doubles, a reconfiguration.

use crate::stats::order;
use crate::trace::Blocks;

/// A change of level between two times, in seconds of the trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Jump {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) height: f64,
}

/// More jumps than this are a staircase or a sawtooth, not a few events.
const MOST: usize = 3;

/// The isolated level shifts of a fine block series, at most [`MOST`]; nothing where the series moves in many steps,
/// where one comes too late to be told from an onset, or where the level returns.
pub(crate) fn find(blocks: &Blocks) -> Vec<Jump> {
    let v = &blocks.v;
    let m = v.len();
    if m < 24 {
        return Vec::new();
    }
    let steps: Vec<f64> = v.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let usual = order::median_of(&steps);
    let sigma = order::robust_sigma(&steps);
    let range = order::percentile(v, 0.97) - order::percentile(v, 0.03);
    let threshold = (9.0 * sigma).max(0.08 * range).max(1e-9);
    let big: Vec<usize> = (0..steps.len()).filter(|&i| (steps[i] - usual).abs() > threshold).collect();
    if big.is_empty() || big.len() > (m / 12).max(6) {
        return Vec::new();
    }
    let mut clusters: Vec<(usize, usize)> = Vec::new();
    let gap = (m / 40).max(2);
    let mut last = None;
    for &i in &big {
        match (clusters.last_mut(), last) {
            (Some(cluster), Some(before)) if i - before <= gap => cluster.1 = i + 1,
            _ => clusters.push((i, i + 1)),
        }
        last = Some(i);
    }
    let widest = (m / 14).max(2);
    if clusters.len() > MOST || clusters.iter().any(|(a, b)| b - a > widest) {
        return Vec::new();
    }
    let width = (m / 16).max(3);
    let mut jumps = Vec::new();
    for (a, b) in clusters {
        if a < 3 {
            // Part of the start.
            continue;
        }
        if b > m - 4 {
            return Vec::new();
        }
        let after = order::median_of(&v[b..(b + width).min(m)]);
        let before = order::median_of(&v[(a + 1).saturating_sub(width)..=a]);
        let height = after - before;
        if height.abs() < 5.0 * sigma || height.abs() < 0.05 * range {
            // A spike, not a shift.
            return Vec::new();
        }
        jumps.push(Jump { from: blocks.t[a], to: blocks.t[b], height });
    }
    jumps
}

/// Whether jumps can be events: one or two, or ever smaller ones. Three that do not shrink may be growth in portions.
pub(crate) fn are_events(jumps: &[Jump]) -> bool {
    jumps.len() <= 2 || jumps.windows(2).all(|pair| pair[0].height > pair[1].height)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(value: impl Fn(f64) -> f64) -> Blocks {
        let t: Vec<f64> = (0..128).map(f64::from).collect();
        let v = t.iter().map(|t| value(*t) + ((t * 0.618).fract() - 0.5)).collect();
        Blocks { t, v, ..Blocks::default() }
    }

    #[test]
    fn one_step_is_found_with_its_height_and_time() {
        let jumps = find(&blocks(|t| if t < 60.0 { 0.0 } else { 100.0 }));
        assert_eq!(jumps.len(), 1);
        assert_eq!((jumps[0].from, jumps[0].to), (59.0, 60.0));
        assert!((jumps[0].height - 100.0).abs() < 1.0);
    }

    #[test]
    fn three_jumps_are_events_only_if_they_shrink() {
        let jumps = |heights: &[f64]| -> Vec<Jump> {
            heights.iter().map(|height| Jump { from: 0.0, to: 1.0, height: *height }).collect()
        };
        assert!(are_events(&jumps(&[1.0, 2.0])));
        assert!(are_events(&jumps(&[3.0, 2.0, 1.0])));
        assert!(!are_events(&jumps(&[1.0, 1.0, 1.0])));
    }

    #[test]
    fn spikes_slopes_and_staircases_are_not_jumps() {
        assert!(find(&blocks(|t| if t == 60.0 { 100.0 } else { 0.0 })).is_empty());
        assert!(find(&blocks(|t| t * 3.0)).is_empty());
        assert!(find(&blocks(|t| (t / 10.0).floor() * 50.0)).is_empty());
    }
}
