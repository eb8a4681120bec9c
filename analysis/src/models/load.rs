//! Memory that follows the rate of operations: buffers and sessions of what is being worked on.

use std::collections::BTreeMap;

use super::motion::{Motion, Moved, Scene};
use super::{Family, GrowthModel};
use crate::stats::autoregression::{long_run_ratio, whitened};
use crate::stats::least_squares::{Space, dot, partial};

/// A level in proportion to the load, now and smoothed.
#[derive(Debug)]
pub(super) struct Load;

impl GrowthModel for Load {
    fn name(&self) -> &'static str {
        "load"
    }

    fn family(&self) -> Family {
        Family::Bounded
    }

    fn motion(&self) -> Option<&'static dyn Motion> {
        Some(&Self)
    }
}

impl Motion for Load {
    fn fit(&self, scene: &Scene<'_>) -> Option<Moved> {
        let panel = scene.panel;
        let (first, others) = scene.load_columns.split_first()?;
        let m = panel.x.len() as f64;
        // Columns are relative to the mean load. Of one that is smoothed and one that is not the sum of the heights counts:
        // it is the height of the first beside their difference.
        let differences: Vec<Vec<f64>> =
            others.iter().map(|other| other.iter().zip(first).map(|(a, b)| a - b).collect()).collect();
        let ones = vec![1.0; panel.x.len()];
        let white = |column: &[f64]| whitened(column, scene.rho);
        let beside: Vec<Vec<f64>> =
            std::iter::once(&ones).chain(&differences).chain(scene.jump_columns).map(|column| white(column)).collect();
        let mut space = Space::of(beside.iter().map(Vec::as_slice));
        let values = white(&panel.v);
        let held = partial(&space, &white(first), &values)?;
        space.add(&white(first));
        let rest = space.residual(&values);
        let ratio = long_run_ratio(&rest);
        let estimated = (beside.len() + 2) as f64;
        let variance = (dot(&rest, &rest) + m * panel.rounding) / (m - estimated).max(1.0) * ratio;
        let freedom = ((m - estimated) / ratio).max(3.0);
        let held = scene.estimate(held.coefficient, (variance / held.information).sqrt(), freedom);
        Some(Moved {
            cells: vec![0.0; scene.trace.len()],
            columns: scene.load_columns.to_vec(),
            beside_jumps: true,
            beside_shapes: true,
            parameters: BTreeMap::from([(format!("{}_at_mean_load", scene.named("held")), held)]),
            ..Moved::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::motion::simulated::{Coverage, Noise, SEEDS, simulate};
    use super::*;

    #[test]
    fn the_interval_of_what_the_mean_load_holds_holds_it() {
        let mut coverage = Coverage::default();
        for seed in SEEDS {
            let mut noise = Noise::new(seed);
            let load: Vec<f64> = (0..128).map(|block| (f64::from(block) / 9.0).sin() * 0.4).collect();
            let mut simulated =
                simulate(1280, |t| 5e7 + 3e6 * load[((t / 10.0) as usize).min(127)] + 1e5 * noise.next(0.5));
            simulated.load = vec![load];
            coverage.take(Load.fit(&simulated.scene()).as_ref(), &[("held_bytes_at_mean_load", 3e6)]);
        }
        coverage.holds();
        assert!(Load.fit(&simulate(1280, |t| t).scene()).is_none());
    }
}
