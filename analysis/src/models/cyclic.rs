//! Up and down again: a daily load, entries that live for a time, a collector. The wave is a sinusoid or a sawtooth,
//! whichever explains the series better.

use super::motion::{Motion, Moved, Scene};
use super::{Family, GrowthModel, sawtooth, sinusoid};

/// A wave over a level.
#[derive(Debug)]
pub(super) struct Cyclic;

/// A wave over a line: the troughs drift.
#[derive(Debug)]
pub(super) struct CyclicDrift;

/// The better of the two waves.
fn wave(scene: &Scene<'_>, line: bool) -> Option<Moved> {
    let waves = [sinusoid::fit(scene, line), sawtooth::fit(scene, line)];
    let scored = waves.into_iter().flatten().filter_map(|moved| {
        let score = scene.score(&moved)?;
        Some((score.blocks - score.gain, moved))
    });
    scored.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, moved)| moved)
}

impl GrowthModel for Cyclic {
    fn name(&self) -> &'static str {
        "cyclic"
    }

    fn family(&self) -> Family {
        Family::Bounded
    }

    fn motion(&self) -> Option<&'static dyn Motion> {
        Some(&Self)
    }
}

impl Motion for Cyclic {
    fn fit(&self, scene: &Scene<'_>) -> Option<Moved> {
        wave(scene, false)
    }
}

impl GrowthModel for CyclicDrift {
    fn name(&self) -> &'static str {
        "cyclic_drift"
    }

    fn family(&self) -> Family {
        Family::Sustained
    }

    fn motion(&self) -> Option<&'static dyn Motion> {
        Some(&Self)
    }
}

impl Motion for CyclicDrift {
    fn fit(&self, scene: &Scene<'_>) -> Option<Moved> {
        wave(scene, true)
    }
}
