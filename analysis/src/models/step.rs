//! Lasting changes of level: a reload, a table that doubles, a reconfiguration.

use std::collections::BTreeMap;

use super::motion::{Motion, Moved, Scene, stairs};
use super::{Basis, Columns, Family, Form, GrowthModel, STEP, along};
use crate::judgement::LevelEvent;
use crate::stats::autoregression::{long_run_ratio, whitened};
use crate::stats::least_squares::{Space, dot, partial};

/// A step at an edge between blocks; or the jumps that every other shape stands beside.
#[derive(Debug)]
pub(super) struct Step;

impl GrowthModel for Step {
    fn name(&self) -> &'static str {
        "step"
    }

    fn family(&self) -> Family {
        Family::Bounded
    }

    fn forms(&self) -> &'static [Form] {
        const FORMS: &[Form] = &[Form {
            columns: |at| Columns::new(&[Basis::Step(at[0])]),
            parameters: &[STEP],
            grid: |layout| along(layout.edges.iter().copied()),
            refined: false,
            min_blocks: 0,
            same_sign: false,
        }];
        FORMS
    }

    fn motion(&self) -> Option<&'static dyn Motion> {
        Some(&Self)
    }
}

/// Names of the place and the height of each jump.
const NAMES: [[&str; 2]; 3] = [["step_s", "step"], ["second_step_s", "second_step"], ["third_step_s", "third_step"]];

impl Motion for Step {
    /// Jumps over a level; their heights by regression on the blocks.
    fn fit(&self, scene: &Scene<'_>) -> Option<Moved> {
        let panel = scene.panel;
        let m = panel.x.len();
        if scene.jumps.is_empty() || scene.jump_columns.len() != scene.jumps.len() {
            return None;
        }
        let white: Vec<Vec<f64>> = std::iter::once(&vec![1.0; m])
            .chain(scene.jump_columns)
            .map(|column| whitened(column, scene.rho))
            .collect();
        let values = whitened(&panel.v, scene.rho);
        let rest = Space::of(white.iter().map(Vec::as_slice)).residual(&values);
        let ratio = long_run_ratio(&rest);
        let estimated = (2 * scene.jumps.len() + 2) as f64;
        let variance = (dot(&rest, &rest) + m as f64 * panel.rounding) / (m as f64 - estimated).max(1.0) * ratio;
        let freedom = ((m as f64 - estimated) / ratio).max(3.0);
        let mut parameters = BTreeMap::new();
        let mut edges = Vec::new();
        for (k, (jump, [place, height])) in scene.jumps.iter().zip(NAMES).enumerate() {
            let others = white.iter().enumerate().filter(|(i, _)| *i != k + 1).map(|(_, column)| column.as_slice());
            let found = partial(&Space::of(others), &white[k + 1], &values)?;
            let error = (variance / found.information).sqrt();
            parameters.insert(place.to_owned(), scene.between(jump.from, jump.to));
            parameters.insert(scene.named(height), scene.estimate(found.coefficient, error, freedom));
            edges.push((jump.to, found.coefficient));
        }
        Some(Moved {
            cells: stairs(&scene.trace.t, &edges),
            columns: scene.jump_columns.to_vec(),
            hidden: scene.jumps.len(),
            parameters,
            turns: edges.iter().map(|(t, change)| LevelEvent { t_s: scene.at_s(*t), change: *change }).collect(),
            ..Moved::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::motion::simulated::{Coverage, Noise, SEEDS, simulate};
    use super::*;

    #[test]
    fn intervals_of_jumps_hold_their_heights_and_times() {
        let mut coverage = Coverage::default();
        for seed in SEEDS {
            let mut noise = Noise::new(seed);
            let (first, second) = (300.0 + 200.0 * noise.uniform(), 700.0 + 200.0 * noise.uniform());
            let level = |t: f64| if t < first { 0.0 } else { 6e6 } + if t < second { 0.0 } else { 4e6 };
            let simulated = simulate(1200, |t| 5e7 + level(t) + 1.5e5 * noise.next(0.5));
            let truth = [("step_s", first), ("step_bytes", 6e6), ("second_step_s", second), ("second_step_bytes", 4e6)];
            coverage.take(Step.fit(&simulated.scene()).as_ref(), &truth);
        }
        coverage.holds();
    }
}
