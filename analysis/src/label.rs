//! Which growth model explains the series best, by name, with its parameters and the scores of the others.
//!
//! The label explains, the interval decides: models of motion are fitted here, once a judgement is made. Every shape was
//! fitted beside the cycle, the load and the jumps that were seen; only a level and a line are also scored alone, since
//! beside one of these they are a model of their own (`cyclic`, `burst`, `load`, `step`).

use std::collections::BTreeMap;

use crate::assess::Assessment;
use crate::curve::Axis;
use crate::estimate::Estimate;
use crate::fit::Fit;
use crate::judgement::{LevelEvent, ModelChoice, ModelScore};
use crate::models::{Clock, MODELS, Moved, Scene, Score};
use crate::quantity::Quantity;
use crate::stats::student;
use crate::view::Beside;

/// What the trace looks like to models of motion.
fn scene<'a>(found: &'a Assessment, quantity: Quantity, origin_t_s: f64, confidence: f64) -> Scene<'a> {
    let chosen = &found.chosen;
    let (beside, jump_columns) = chosen.panel.nuisance.split_at(chosen.beside_columns.min(chosen.panel.nuisance.len()));
    Scene {
        trace: &found.lives.newest().trace,
        several: found.lives.count() > 1,
        panel: &chosen.panel,
        starts: &chosen.starts,
        view: chosen.view,
        rho: found.selection.rho,
        ratio: found.selection.ratio,
        jumps: &found.jumps,
        jump_columns,
        load_columns: if chosen.beside == Beside::Load { beside } else { &[] },
        cycle_columns: if chosen.beside == Beside::Cycle { beside } else { &[] },
        cycles: chosen.cycles,
        quantity,
        origin_t_s,
        confidence,
        seen: Default::default(),
    }
}

fn parameters(
    fit: &Fit,
    found: &Assessment,
    quantity: Quantity,
    origin_t_s: f64,
    confidence: f64,
) -> BTreeMap<String, Estimate> {
    let mut out = BTreeMap::new();
    let width = student::two_sided(1.0 - confidence, fit.freedom);
    let estimate = |value: f64, error: Option<f64>, low: f64, high: f64| {
        let half = error.map(|error| width * error).filter(|half| half.is_finite());
        let bound = |side: f64| half.map(|half| (value + side * half).clamp(low, high));
        Estimate { value, low: bound(-1.0), high: bound(1.0), confidence }
    };
    let mut insert = |name: String, estimate: Estimate, (factor, shift): (f64, f64)| {
        let scaled = estimate.scaled(factor);
        let moved = Estimate {
            value: scaled.value + shift,
            low: scaled.low.map(|bound| bound + shift),
            high: scaled.high.map(|bound| bound + shift),
            ..scaled
        };
        out.insert(name, moved);
    };
    let axis = match fit.is_by_ops() {
        true => Axis { clock: Clock::Operations, from: 0.0, length: found.operations() },
        false => Axis { clock: Clock::Time, from: origin_t_s, length: found.length },
    };
    for (i, (basis, height)) in fit.columns().iter().zip(&fit.coefficients).enumerate() {
        let height = estimate(*height, fit.error_of(i), f64::MIN, f64::MAX);
        insert(axis.height(basis, i, quantity), height, (axis.factor(basis), 0.0));
    }
    for (d, parameter) in fit.form.parameters.iter().enumerate() {
        let error = if fit.form.refined { fit.error_of(fit.coefficients.len() + d) } else { None };
        let estimate = estimate(fit.place[d], error, parameter.low, parameter.high);
        insert(axis.parameter(parameter), estimate, axis.scale(parameter));
    }
    out
}

/// A row of the table: less is better.
struct Row {
    name: &'static str,
    score: f64,
    told: Told,
}

/// Where the parameters of a row come from.
#[derive(Clone, Copy)]
enum Told {
    Shape(usize),
    Motion(usize),
}

fn is_wave(name: &str) -> bool {
    matches!(name, "cyclic" | "cyclic_drift")
}

/// Models of motion that were seen.
struct Motions {
    seen: Vec<(&'static str, Moved, Score)>,
    /// The one that every shape stands beside, if one explains the cells within the blocks.
    beside: Option<usize>,
}

impl Motions {
    fn of(scene: &Scene<'_>) -> Self {
        let mut seen: Vec<(&'static str, Moved, Score)> = MODELS
            .iter()
            .filter_map(|model| {
                let moved = model.motion()?.fit(scene)?;
                let score = scene.score(&moved)?;
                Some((model.name(), moved, score))
            })
            .collect();
        // The wave is the same over a level and over a line: what is beneath it is for the blocks to say.
        let waves = || seen.iter().filter(|one| is_wave(one.0)).map(|one| one.2.gain);
        let gain = waves().fold(0.0, f64::max);
        seen.iter_mut().filter(|one| is_wave(one.0)).for_each(|one| one.2.gain = gain);
        let net = |index: &usize| seen[*index].2.gain - seen[*index].2.paid;
        let beside = (0..seen.len())
            .filter(|index| seen[*index].1.beside_shapes && net(index) > 0.0)
            .max_by(|a, b| net(a).total_cmp(&net(b)));
        Self { seen, beside }
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.seen.iter().position(|one| one.0 == name)
    }

    /// What each shape owes to the motion beside it: less than zero.
    fn credit(&self) -> f64 {
        self.beside.map_or(0.0, |index| self.seen[index].2.paid - self.seen[index].2.gain)
    }

    fn rows(&self) -> impl Iterator<Item = Row> {
        let credit = self.credit();
        self.seen.iter().enumerate().map(move |(index, (name, moved, score))| {
            // What explains the jumps may have the motion beside it, too.
            let gain = if moved.beside_shapes { score.gain } else { score.gain.max(-credit) };
            Row { name, score: score.blocks - gain, told: Told::Motion(index) }
        })
    }

    /// The model that a level (or a line) is beside what was seen, if it has a name of its own.
    fn renames(&self, line: bool, found: &Assessment) -> Option<usize> {
        let wave = if line { "cyclic_drift" } else { "cyclic" };
        match (self.beside, found.chosen.beside) {
            (Some(index), _) if !line => Some(index),
            (Some(index), _) if is_wave(self.seen[index].0) => self.find(wave),
            (_, Beside::Cycle) => self.find(wave),
            (_, Beside::Load) if !line => self.find("load"),
            (_, Beside::Nothing) if !line && !found.jumps.is_empty() => self.find("step"),
            _ => None,
        }
    }

    /// The wave beside a shape, for its parameters.
    fn wave(&self, found: &Assessment) -> Option<&Moved> {
        let is_wave =
            found.chosen.beside == Beside::Cycle || self.beside.is_some_and(|index| is_wave(self.seen[index].0));
        self.find("cyclic").filter(|_| is_wave).map(|index| &self.seen[index].1)
    }
}

/// The best model with its parameters, and the scores of all.
pub(crate) fn choose(found: &Assessment, quantity: Quantity, origin_t_s: f64, confidence: f64) -> Option<ModelChoice> {
    let scene = scene(found, quantity, origin_t_s, confidence);
    let motions = Motions::of(&scene);
    let mut rows: Vec<Row> = motions.rows().collect();
    for (index, fit) in found.selection.fits.iter().enumerate() {
        let line = match fit.name() {
            "constant" => Some(false),
            "linear" => Some(true),
            _ => None,
        };
        let alone = line.filter(|line| motions.renames(*line, found).is_some()).and_then(|line| scene.alone(line));
        let score = alone.unwrap_or(fit.score + scene.places() + motions.credit());
        rows.push(Row { name: fit.name(), score, told: Told::Shape(index) });
    }
    rows.retain(|row| row.score.is_finite());
    rows.sort_by(|a, b| a.score.total_cmp(&b.score));
    let best = rows.first()?;
    // A step beside the jumps is one more of them: the jumps themselves tell more.
    let told = motions.find(best.name).map_or(best.told, Told::Motion);
    let (mut parameters, turns): (BTreeMap<String, Estimate>, Vec<LevelEvent>) = match told {
        Told::Motion(index) => (motions.seen[index].1.parameters.clone(), motions.seen[index].1.turns.clone()),
        Told::Shape(index) => {
            let mut told = parameters(&found.selection.fits[index], found, quantity, origin_t_s, confidence);
            let wave = motions.wave(found);
            for (name, estimate) in wave.iter().flat_map(|wave| &wave.parameters) {
                told.entry(name.clone()).or_insert(*estimate);
            }
            (told, wave.map(|wave| wave.turns.clone()).unwrap_or_default())
        }
    };
    parameters.retain(|_, estimate| estimate.is_finite());
    let mut scores: Vec<ModelScore> = Vec::new();
    for row in &rows {
        if !scores.iter().any(|score| score.name == row.name) {
            scores.push(ModelScore { name: row.name.to_owned(), behind: row.score - best.score });
        }
    }
    Some(ModelChoice { name: best.name.to_owned(), parameters, turns, scores })
}
