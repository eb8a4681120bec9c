//! Growth in portions: a table that doubles, a pool that grows by blocks, a batch job that keeps its data.
//!
//! Steps are differences between neighbouring blocks of a fine series that stand out of the usual ones, all of them upwards
//! but for few. The height of a step and the steps per hour are told with the interval that the spread of the heights and
//! of the gaps between steps gives: that of the gaps on a logarithmic scale, on which it holds for regular as for random
//! steps (for steps at random times it is about that of a Poisson count).

use std::collections::BTreeMap;

use super::motion::{Motion, Moved, Scene, medians, stairs};
use super::{Family, GrowthModel};
use crate::estimate::Estimate;
use crate::judgement::LevelEvent;
use crate::stats::{order, student};
use crate::trace::Trace;

/// A level that rises in steps.
#[derive(Debug)]
pub(super) struct Staircase;

/// Blocks in which steps are looked for.
const BLOCKS: usize = 512;
const FEWEST_BLOCKS: usize = 24;
/// A step is this many deviations of the usual differences high, and this share of the whole growth.
const CLEAR: f64 = 6.0;
const LEAST_SHARE: f64 = 0.01;
/// Two steps are an event each; three make a staircase.
const FEWEST: usize = 3;
/// More steps than this share of the blocks are a slope.
const MOST_SHARE: f64 = 0.2;
/// The steps make up this share of the growth at least, and those that go down at most that share of those that go up.
const WHOLE: f64 = 0.6;
const DOWN: f64 = 0.2;
/// The faster half of the run has at most this many times the growth of the other: steps that become smaller or rarer are a
/// fill, others that come late have begun late.
const EVEN: f64 = 2.0;
/// Blocks on either side of a step that tell its levels.
const BESIDE: usize = 6;

impl GrowthModel for Staircase {
    fn name(&self) -> &'static str {
        "staircase"
    }

    fn family(&self) -> Family {
        Family::Sustained
    }

    fn motion(&self) -> Option<&'static dyn Motion> {
        Some(&Self)
    }
}

/// One step: between which times it came, and its height.
#[derive(Debug, Clone, Copy)]
struct Stair {
    from: f64,
    to: f64,
    height: f64,
}

impl Stair {
    fn at(&self) -> f64 {
        0.5 * (self.from + self.to)
    }
}

/// The steps of a trace, upwards and downwards.
fn steps(trace: &Trace, rounding: f64) -> Vec<Stair> {
    let blocks = medians(trace, BLOCKS.min(trace.len()));
    let (v, m) = (&blocks.v, blocks.v.len());
    if m < FEWEST_BLOCKS {
        return Vec::new();
    }
    let differences: Vec<f64> = v.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let usual = order::median_of(&differences);
    let range = order::percentile(v, 1.0) - order::percentile(v, 0.0);
    let sigma = order::robust_sigma(&differences).max(rounding.sqrt());
    let threshold = (CLEAR * sigma).max(LEAST_SHARE * range);
    let big: Vec<usize> = (0..m - 1).filter(|&i| (differences[i] - usual).abs() > threshold).collect();
    if big.is_empty() || big.len() as f64 > 2.0 * MOST_SHARE * m as f64 {
        return Vec::new();
    }
    // A step in the middle of a block shows as two differences.
    let runs: Vec<(usize, usize)> = big
        .chunk_by(|a, b| b - a == 1 && differences[*a] * differences[*b] > 0.0)
        .filter_map(|run| Some((*run.first()?, *run.last()? + 1)))
        .collect();
    runs.iter()
        .enumerate()
        .map(|(k, &(a, b))| {
            let before = k.checked_sub(1).map_or(0, |k| runs[k].1);
            let after = runs.get(k + 1).map_or(m - 1, |next| next.0);
            let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
            let low = mean(&v[a.saturating_sub(BESIDE - 1).max(before)..=a]);
            let high = mean(&v[b..=(b + BESIDE - 1).min(after)]);
            Stair { from: blocks.t[a], to: blocks.t[b], height: high - low }
        })
        .collect()
}

/// Steps per hour by the gaps between them.
fn per_hour(scene: &Scene<'_>, stairs: &[Stair]) -> Estimate {
    let gaps: Vec<f64> = stairs.windows(2).map(|pair| pair[1].at() - pair[0].at()).collect();
    let n = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / n;
    let variance = gaps.iter().map(|gap| (gap - mean) * (gap - mean)).sum::<f64>() / (n - 1.0).max(1.0);
    // Each step lies anywhere between two blocks.
    let width = stairs.iter().map(|stair| stair.to - stair.from).fold(0.0, f64::max);
    let error = (variance.max(width * width / 6.0) / n).sqrt() / mean;
    let factor = (student::two_sided(1.0 - scene.confidence, n - 1.0) * error).exp();
    let value = 3600.0 / mean;
    let high = Some(value * factor).filter(|high| high.is_finite());
    Estimate { value, low: Some(value / factor), high, confidence: scene.confidence }
}

impl Motion for Staircase {
    fn fit(&self, scene: &Scene<'_>) -> Option<Moved> {
        if scene.several {
            return None;
        }
        let all = steps(scene.trace, scene.panel.rounding);
        let (up, down): (Vec<Stair>, Vec<Stair>) = all.iter().partition(|stair| stair.height > 0.0);
        let risen: f64 = up.iter().map(|stair| stair.height).sum();
        let fallen: f64 = down.iter().map(|stair| -stair.height).sum();
        let tenth = scene.trace.len().div_ceil(10);
        let middle = &scene.trace.middle;
        let growth = order::median_of(&middle[middle.len() - tenth..]) - order::median_of(&middle[..tenth]);
        if up.len() < FEWEST || !(fallen <= DOWN * risen) || !(risen - fallen >= WHOLE * growth) || !(growth > 0.0) {
            return None;
        }
        let middle_s = scene.trace.start() + 0.5 * scene.trace.length();
        let early: f64 = all.iter().filter(|stair| stair.at() < middle_s).map(|stair| stair.height).sum();
        let late = risen - fallen - early;
        if !(early.max(late) <= EVEN * early.min(late)) {
            return None;
        }
        let heights: Vec<f64> = up.iter().map(|stair| stair.height).collect();
        let height = scene.mean(&heights, scene.panel.rounding.sqrt());
        let first = up.first()?;
        let parameters = BTreeMap::from([
            (scene.named("step"), height),
            ("steps_per_hour".to_owned(), per_hour(scene, &up)),
            ("first_step_s".to_owned(), scene.between(first.from, first.to)),
            ("steps".to_owned(), scene.counted(up.len())),
        ]);
        // Steps of one height, or each of its own: whichever explains the blocks better.
        let told = |heights: &dyn Fn(&Stair) -> f64, hidden: usize| {
            let edges: Vec<(f64, f64)> = all.iter().map(|stair| (stair.at(), heights(stair))).collect();
            let cells = stairs(&scene.trace.t, &edges);
            let turns = edges.iter().map(|(t, change)| LevelEvent { t_s: scene.at_s(*t), change: *change });
            Moved {
                columns: vec![scene.on_blocks(&cells)],
                cells,
                within_columns: 0,
                hidden,
                line: false,
                slope: 0.0,
                beside_jumps: false,
                beside_shapes: false,
                parameters: parameters.clone(),
                turns: turns.collect(),
            }
        };
        let even = told(&|stair| stair.height.signum() * height.value, all.len());
        let uneven = told(&|stair| stair.height, 2 * all.len() - 1);
        let score = |moved: &Moved| scene.score(moved).map_or(f64::INFINITY, |score| score.blocks - score.gain);
        Some(if score(&even) <= score(&uneven) { even } else { uneven })
    }
}

#[cfg(test)]
mod tests {
    use super::super::motion::simulated::{Coverage, Noise, SEEDS, simulate};
    use super::*;

    /// `count` steps or so of 2 MB over 3,000 s, their heights spread by a share; at even times, or at random but for a quarter
    /// of the mean gap: steps within two blocks count as one.
    fn climbed(seed: u64, count: f64, uneven: f64, is_random: bool) -> Option<Moved> {
        let mut noise = Noise::new(seed);
        let gap = 3000.0 / count;
        let mut at = if is_random { 0.0 } else { -gap * noise.uniform() };
        let mut edges = Vec::new();
        while at < 3000.0 {
            at += if is_random { gap * (0.25 - 0.75 * (1.0 - noise.uniform()).ln()) } else { gap };
            edges.push((at, 2e6 * (1.0 + uneven * (2.0 * noise.uniform() - 1.0))));
        }
        let t: Vec<f64> = (0..3000).map(f64::from).collect();
        let level = stairs(&t, &edges);
        let simulated = simulate(3000, |t| 5e7 + level[t as usize] + 1e5 * noise.next(0.5));
        Staircase.fit(&simulated.scene())
    }

    #[test]
    fn intervals_of_a_staircase_hold_its_parameters() {
        for (count, uneven, is_random) in [(12.0, 0.0, false), (20.0, 0.5, false), (30.0, 0.3, true)] {
            let mut coverage = Coverage::default();
            for seed in SEEDS {
                let moved = climbed(seed, count, uneven, is_random);
                coverage.take(moved.as_ref(), &[("step_bytes", 2e6), ("steps_per_hour", count * 1.2)]);
            }
            coverage.holds();
        }
    }

    #[test]
    fn a_line_a_wave_and_one_step_are_no_staircase() {
        for seed in SEEDS {
            let mut noise = Noise::new(seed);
            let mut level =
                |value: fn(f64) -> f64| Staircase.fit(&simulate(1000, |t| value(t) + noise.next(0.5)).scene());
            assert!(level(|t| t).is_none() && level(|t| 50.0 * (t / 20.0).sin()).is_none(), "seed {seed}");
            assert!(level(|t| if t < 300.0 { 0.0 } else { 100.0 }).is_none(), "seed {seed}");
        }
    }
}
