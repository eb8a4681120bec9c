//! Short stays far above the level, of which a share may be kept.
//!
//! Bursts are runs of cells whose peaks stand far out of the middle of the trace, if they are rare; or a jump up with one
//! down that gives most of it back. Start and length are known to the cells beside them. Height and share retained come from
//! the means of the cells before, in and after a burst: with the interval that their spread gives where there are
//! three or more, else with that of the noise of those means, its memory counted (delta method).

use std::collections::BTreeMap;
use std::ops::Range;

use super::motion::{Motion, Moved, Scene, stairs};
use super::{Family, GrowthModel};
use crate::estimate::Estimate;
use crate::judgement::LevelEvent;
use crate::jumps::Jump;
use crate::stats::autoregression::coefficient;
use crate::stats::order;
use crate::trace::Trace;

/// A level, and bursts.
#[derive(Debug)]
pub(super) struct Burst;

/// Peaks this many robust standard deviations above the middle are bursts, if they are rare. What a burst leaves behind spreads
/// the values as well: where nothing is that far out, the deviation counts as this many times that from cell to cell.
const FAR: f64 = 12.0;
const WANDERING: f64 = 2.0;
const RARE: f64 = 0.12;
/// Jumps that give back this share of what they brought are a burst that was released.
const RETURNED: f64 = 0.7;
/// Bursts that are told one by one; more are noise with a heavy tail.
const MOST: usize = 24;
/// Most cells before and after a burst that tell the level there, and the fewest.
const AROUND: usize = 60;
const FEWEST_AROUND: usize = 3;
/// From this many bursts on their spread tells more than the noise.
const MANY: usize = 3;
/// A share retained that is this many standard errors away from none counts as one in the curve.
const KEPT: f64 = 3.0;

impl GrowthModel for Burst {
    fn name(&self) -> &'static str {
        "burst"
    }

    fn family(&self) -> Family {
        Family::Bounded
    }

    fn motion(&self) -> Option<&'static dyn Motion> {
        Some(&Self)
    }
}

/// One burst: its cells, and what they show.
struct One {
    cells: Range<usize>,
    height: f64,
    retained: f64,
    height_error: f64,
    retained_error: f64,
}

/// Runs of cells far above the middle, if they are rare.
fn far_out(trace: &Trace, rounding: f64) -> Vec<Range<usize>> {
    let middle = order::median_of(&trace.middle);
    let runs = |sigma: f64| -> Vec<Range<usize>> {
        let edge = FAR * sigma.max(rounding.sqrt());
        // A burst goes on while it stays half as far out; a single cell below that does not end it.
        let high: Vec<usize> = (0..trace.len()).filter(|&i| trace.peak[i] > middle + 0.5 * edge).collect();
        let runs = high.chunk_by(|a, b| b - a <= 2);
        let far = runs.filter(|run| run.iter().any(|&i| trace.peak[i] > middle + edge));
        let runs: Vec<Range<usize>> = far.filter_map(|run| Some(*run.first()?..*run.last()? + 1)).collect();
        let cells: usize = runs.iter().map(ExactSizeIterator::len).sum();
        if (cells as f64) < RARE * trace.len() as f64 { runs } else { Vec::new() }
    };
    let by_values: Vec<Range<usize>> = runs(order::robust_sigma(&trace.middle));
    if !by_values.is_empty() {
        return by_values;
    }
    let steps: Vec<f64> = trace.middle.windows(2).map(|pair| pair[1] - pair[0]).collect();
    runs(WANDERING * order::robust_sigma(&steps) / std::f64::consts::SQRT_2)
}

/// The burst between jumps up and jumps down that give back most of what came.
fn between_jumps(scene: &Scene<'_>) -> Option<Range<usize>> {
    let (up, down): (Vec<&Jump>, Vec<&Jump>) = scene.jumps.iter().partition(|jump| jump.height > 0.0);
    let (start, end) = (up.first()?.to, down.last()?.to);
    let sum = |jumps: &[&Jump]| jumps.iter().map(|jump| jump.height).sum::<f64>();
    if !(start < end) || !(-sum(&down) > RETURNED * sum(&up)) || up.iter().any(|jump| jump.to > end) {
        return None;
    }
    let cell = |t: f64| scene.trace.t.partition_point(|other| *other < t);
    Some(cell(start)..cell(end)).filter(|cells| !cells.is_empty())
}

/// `cells` to where the level before is left and that after is reached, half of the height each.
fn widened(values: &[f64], cells: &Range<usize>, between: (usize, usize)) -> Option<Range<usize>> {
    let core = order::median_of(&values[cells.clone()]);
    let before = order::median_of(&values[cells.start.saturating_sub(AROUND).max(between.0)..cells.start]);
    let after = order::median_of(&values[cells.end..(cells.end + AROUND).min(between.1)]);
    let above = |i: usize, level: f64| values[i] > level + 0.5 * (core - level);
    let start = (between.0..cells.start).rev().find(|&i| !above(i, before))? + 1;
    let end = (cells.end..between.1).find(|&i| !above(i, after))?;
    // Cells at the edge of the run of peaks may only touch the burst.
    let from = (start..end).find(|&i| above(i, before))?;
    let to = (from..end).rev().find(|&i| above(i, after))? + 1;
    Some(from..to)
}

/// Mean of some cells and the variance of that mean in noise with the memory `rho`.
fn level(values: &[f64], rho: f64, rounding: f64) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let independent = (n * (1.0 - rho) / (1.0 + rho)).max(1.0);
    (mean, (squares / (n - 1.0).max(1.0) + rounding) / independent)
}

/// Bursts in the order of time. `None` where one lies at an end of the trace, or where there are several lives.
fn bursts(scene: &Scene<'_>) -> Option<Vec<One>> {
    let trace = scene.trace;
    if scene.several {
        return None;
    }
    let mut runs = far_out(trace, scene.panel.rounding);
    let jumped = between_jumps(scene);
    let is_jumped = jumped.is_some();
    if let Some(cells) = jumped {
        runs = vec![cells];
    }
    if runs.is_empty() || runs.len() > MOST {
        return None;
    }
    // What lasts shorter than a cell shows in its peak only.
    let values = if is_jumped { &trace.middle } else { &trace.peak };
    let neighbours = |k: usize| {
        let from = k.checked_sub(1).map_or(0, |before| runs[before].end);
        (from, runs.get(k + 1).map_or(trace.len(), |next| next.start))
    };
    let cells: Option<Vec<Range<usize>>> =
        runs.iter().enumerate().map(|(k, run)| widened(values, run, neighbours(k))).collect();
    let cells = cells?;
    // The memory of the noise, by the longest quiet part.
    let ends = cells.iter().map(|cells| cells.end).chain([0]);
    let quiet = ends
        .map(|from| from..cells.iter().map(|cells| cells.start).filter(|to| *to > from).min().unwrap_or(trace.len()))
        .max_by_key(ExactSizeIterator::len)?;
    let middle = order::median_of(&values[quiet.clone()]);
    let rest: Vec<f64> = values[quiet].iter().map(|value| value - middle).collect();
    let rho = coefficient(&rest, 1).min(0.97);
    cells
        .iter()
        .enumerate()
        .map(|(k, one)| {
            let from = k.checked_sub(1).map_or(0, |before| cells[before].end);
            let to = cells.get(k + 1).map_or(trace.len(), |next| next.start);
            let (before, after) =
                (one.start.saturating_sub(AROUND).max(from)..one.start, one.end..(one.end + AROUND).min(to));
            if before.len() < FEWEST_AROUND || after.len() < FEWEST_AROUND {
                return None;
            }
            let of = |cells: Range<usize>| level(&values[cells], rho, scene.panel.rounding);
            let ((low, low_v), (core, core_v), (late, late_v)) = (of(before), of(one.clone()), of(after));
            let height = core - low;
            let retained = (late - low) / height;
            // Retained is late less low over core less low: its derivatives by the three levels.
            let error = (late_v + (retained - 1.0).powi(2) * low_v + retained.powi(2) * core_v).sqrt() / height;
            (height > 0.0).then_some(One {
                cells: one.clone(),
                height,
                retained,
                height_error: (core_v + low_v).sqrt(),
                retained_error: error,
            })
        })
        .collect()
}

impl Motion for Burst {
    fn fit(&self, scene: &Scene<'_>) -> Option<Moved> {
        let bursts = bursts(scene)?;
        let trace = scene.trace;
        let count = bursts.len();
        // A burst begins between its first cell and the one before it.
        let start = |one: &One| (trace.t[one.cells.start - 1], trace.t[one.cells.start]);
        let end = |one: &One| (trace.t[one.cells.end - 1], trace.t[one.cells.end.min(trace.len() - 1)]);
        let middle = |edge: (f64, f64)| 0.5 * (edge.0 + edge.1);
        let lengths: Vec<f64> = bursts.iter().map(|one| middle(end(one)) - middle(start(one))).collect();
        let first = bursts.first()?;
        let noise = |of: fn(&One) -> f64, error: fn(&One) -> f64| {
            let n = count as f64;
            let mean = bursts.iter().map(of).sum::<f64>() / n;
            scene.estimate(mean, bursts.iter().map(|one| error(one).powi(2)).sum::<f64>().sqrt() / n, AROUND as f64)
        };
        let mean = |of: fn(&One) -> f64, error: fn(&One) -> f64| {
            if count < MANY {
                return noise(of, error);
            }
            let own = bursts.iter().map(|one| error(one).powi(2)).sum::<f64>() / count as f64;
            scene.mean(&bursts.iter().map(of).collect::<Vec<f64>>(), own.sqrt())
        };
        let height = mean(|one| one.height, |one| one.height_error);
        let retained = mean(|one| one.retained, |one| one.retained_error);
        let cell = bursts.iter().map(|one| start(one).1 - start(one).0).fold(0.0, f64::max);
        let length = if count < MANY {
            let at_most: f64 = bursts.iter().map(|one| end(one).1 - start(one).0).fold(0.0, f64::max);
            let at_least = bursts.iter().map(|one| end(one).0 - start(one).1).fold(f64::INFINITY, f64::min);
            let value = lengths.iter().sum::<f64>() / count as f64;
            Estimate { value, low: Some(at_least), high: Some(at_most), confidence: scene.confidence }
        } else {
            scene.mean(&lengths, cell / 6.0_f64.sqrt())
        };
        let parameters = BTreeMap::from([
            ("start_s".to_owned(), scene.between(start(first).0, start(first).1)),
            ("length_s".to_owned(), length),
            (scene.named("height"), height),
            ("retained_ratio".to_owned(), retained),
            ("bursts".to_owned(), scene.counted(count)),
        ]);
        let kept = |one: &One| if one.retained.abs() > KEPT * one.retained_error { one.retained } else { 0.0 };
        let edges: Vec<(f64, f64)> = bursts
            .iter()
            .flat_map(|one| [(middle(start(one)), one.height), (middle(end(one)), (kept(one) - 1.0) * one.height)])
            .collect();
        let cells = stairs(&trace.t, &edges);
        let turns = edges.iter().map(|(t, change)| LevelEvent { t_s: scene.at_s(*t), change: *change });
        Some(Moved {
            columns: vec![scene.on_blocks(&cells)],
            cells,
            within_columns: 0,
            // Start, length, height and share retained of each; one height is that of the column.
            hidden: 4 * count - 1,
            line: false,
            slope: 0.0,
            beside_jumps: scene.jumps.is_empty(),
            beside_shapes: scene.jumps.is_empty(),
            parameters,
            turns: turns.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::motion::simulated::{Coverage, Noise, SEEDS, simulate};
    use super::*;

    /// Bursts of 40 s, or so where there are more than two, that keep a share each; what is kept adds up.
    fn bursting(seed: u64, count: usize, retained: f64, rho: f64) -> (Option<Moved>, f64) {
        let mut noise = Noise::new(seed);
        let each = 3000.0 / count as f64;
        let bursts: Vec<(f64, f64)> = (0..count)
            .map(|k| {
                let start = each * (k as f64 + 0.3 + 0.3 * noise.uniform());
                (start, start + 40.0 + if count > 2 { 20.0 * (noise.uniform() - 0.5) } else { 0.0 })
            })
            .collect();
        let height = 9e6;
        let simulated = simulate(3000, |t| {
            let part = |(start, end): &(f64, f64)| match t {
                _ if t < *start => 0.0,
                _ if t < *end => height,
                _ => retained * height,
            };
            5e7 + bursts.iter().map(part).sum::<f64>() + 2e5 * noise.next(rho)
        });
        (Burst.fit(&simulated.scene()), bursts[0].0)
    }

    #[test]
    fn intervals_of_bursts_hold_their_parameters() {
        for (count, retained, rho) in [(1, 0.0, 0.5), (1, 0.15, 0.0), (2, 0.0, 0.7), (6, 0.0, 0.5), (5, 0.02, 0.3)] {
            let mut coverage = Coverage::default();
            for seed in SEEDS {
                let (moved, start) = bursting(seed, count, retained, rho);
                let known =
                    [("height_bytes", 9e6), ("length_s", 40.0), ("retained_ratio", retained), ("start_s", start)];
                coverage.take(moved.as_ref(), &known);
            }
            coverage.holds();
        }
    }

    #[test]
    fn a_jump_that_is_given_back_is_a_burst_and_one_that_stays_is_none() {
        let mut noise = Noise::new(610_000);
        let value = |t: f64, end: f64| if (200.0..end).contains(&t) { 9e6 } else { 0.0 };
        let back = simulate(1000, |t| value(t, 700.0) + 1e5 * noise.normal());
        let moved = Burst.fit(&back.scene()).unwrap();
        assert!((moved.parameters["length_s"].value - 500.0).abs() < 10.0, "{:?}", moved.parameters);
        assert_eq!(moved.turns.len(), 2);
        let stays = simulate(1000, |t| value(t, 2000.0) + 1e5 * noise.normal());
        assert!(Burst.fit(&stays.scene()).is_none());
    }

    #[test]
    fn noise_has_no_bursts() {
        for seed in SEEDS {
            let mut noise = Noise::new(seed);
            assert!(Burst.fit(&simulate(600, |_| noise.next(0.5)).scene()).is_none(), "seed {seed}");
        }
    }
}
