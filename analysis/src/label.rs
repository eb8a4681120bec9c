//! Which growth model explains the series best, by name, with its parameters and the scores of the others.
//!
//! The label explains, the interval decides. Shapes are fitted beside cycles and jumps; a name that only says
//! "constant" where a cycle, a step or bursts were seen is made more telling here.

use std::collections::BTreeMap;

use crate::assess::Assessment;
use crate::estimate::Estimate;
use crate::fit::Fit;
use crate::judgement::{ModelChoice, ModelScore};
use crate::models::{Basis, Measure};
use crate::quantity::Quantity;
use crate::stats::{order, student};
use crate::trace::View;
use crate::view::Beside;

/// Peaks this many robust standard deviations above the middle are bursts, if they are rare.
const BURST: f64 = 12.0;
const RARE: f64 = 0.12;
/// Jumps that give back this share of what they brought are a burst that was released.
const RETURNED: f64 = 0.7;

fn has_bursts(found: &Assessment) -> bool {
    let trace = &found.lives.newest().trace;
    let middle = order::median_of(&trace.middle);
    let sigma = order::robust_sigma(&trace.middle).max(found.chosen.panel.rounding.sqrt());
    let high = trace.peak.iter().filter(|peak| **peak > middle + BURST * sigma).count();
    high > 0 && (high as f64) < RARE * trace.len() as f64
}

/// The telling name for `plain`, the name of the shape.
fn telling(plain: &'static str, found: &Assessment) -> &'static str {
    let up: f64 = found.jumps.iter().map(|jump| jump.height.max(0.0)).sum();
    let down: f64 = found.jumps.iter().map(|jump| (-jump.height).max(0.0)).sum();
    let cyclic = found.chosen.beside == Beside::Cycle
        || (found.chosen.view == View::Troughs && found.chosen.beside == Beside::Nothing);
    match plain {
        "constant" if up > 0.0 && down > RETURNED * up => "burst",
        "constant" if up + down > 0.0 => "step",
        "constant" if found.chosen.beside == Beside::Load => "load",
        "constant" if found.chosen.beside != Beside::Cycle && has_bursts(found) => "burst",
        "constant" if cyclic => "cyclic",
        "linear" if found.jumps.len() >= 2 && found.jumps.iter().all(|jump| jump.height > 0.0) => "staircase",
        "linear" if cyclic => "cyclic_drift",
        other => other,
    }
}

fn unit(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Bytes => "_bytes",
        Quantity::Count => "_count",
        Quantity::Other => "",
    }
}

/// Where the units of shares come from.
struct Scale {
    length: f64,
    origin: f64,
    suffix: &'static str,
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
    let mut insert = |name: String, estimate: Estimate, factor: f64, shift: f64| {
        let scaled = estimate.scaled(factor);
        let moved = Estimate {
            value: scaled.value + shift,
            low: scaled.low.map(|bound| bound + shift),
            high: scaled.high.map(|bound| bound + shift),
            ..scaled
        };
        if moved.value.is_finite() {
            out.insert(name, moved);
        }
    };
    let unit = unit(quantity);
    for (i, (basis, c)) in fit.columns().iter().zip(&fit.coefficients).enumerate() {
        let name = match basis {
            Basis::Line | Basis::Hinge(_) if !fit.is_by_ops() => format!("growth{unit}_per_hour"),
            Basis::Line | Basis::Hinge(_) => format!("growth{unit}_per_op"),
            Basis::Power(_) | Basis::Exponential(_) => format!("growth{unit}"),
            Basis::Step(_) => format!("step{unit}"),
            Basis::Logarithm(_) => format!("growth_per_e_folding{unit}"),
            Basis::Ramp(..) => format!("ramp{unit}_per_run"),
            Basis::Saturation(_) if i > 0 => format!("slow_fill{unit}"),
            _ => format!("fill{unit}"),
        };
        let factor = match basis {
            Basis::Line | Basis::Hinge(_) if !fit.is_by_ops() => 3600.0 / found.length,
            Basis::Line | Basis::Hinge(_) => 1.0 / found.operations(),
            _ => 1.0,
        };
        insert(name, estimate(*c, fit.error_of(i), f64::MIN, f64::MAX), factor, 0.0);
    }
    let scale = if fit.is_by_ops() {
        Scale { length: found.operations(), origin: 0.0, suffix: "_ops" }
    } else {
        Scale { length: found.length, origin: origin_t_s, suffix: "_s" }
    };
    for (d, parameter) in fit.form.parameters.iter().enumerate() {
        let error = if fit.form.refined { fit.error_of(fit.coefficients.len() + d) } else { None };
        let estimate = estimate(fit.place[d], error, parameter.low, parameter.high);
        match parameter.measure {
            Measure::Number => insert(parameter.name.to_owned(), estimate, 1.0, 0.0),
            Measure::Length => insert(format!("{}{}", parameter.name, scale.suffix), estimate, scale.length, 0.0),
            Measure::Place => {
                insert(format!("{}{}", parameter.name, scale.suffix), estimate, scale.length, scale.origin)
            }
        }
    }
    out
}

/// The best model with its parameters, and the scores of all.
pub(crate) fn choose(found: &Assessment, quantity: Quantity, origin_t_s: f64, confidence: f64) -> Option<ModelChoice> {
    let mut fits: Vec<&Fit> = found.selection.fits.iter().collect();
    fits.sort_by(|a, b| a.score.total_cmp(&b.score));
    let best = *fits.first()?;
    let mut scores: Vec<ModelScore> = Vec::new();
    let mut parameters = parameters(best, found, quantity, origin_t_s, confidence);
    if let Some(cycles) = found.chosen.cycles {
        let period_s = found.length / cycles;
        parameters.insert("period_s".to_owned(), Estimate { value: period_s, low: None, high: None, confidence });
    }
    for fit in fits {
        let name = telling(fit.name(), found);
        if !scores.iter().any(|score| score.name == name) {
            scores.push(ModelScore { name: name.to_owned(), behind: fit.score - best.score });
        }
    }
    Some(ModelChoice { name: telling(best.name(), found).to_owned(), parameters, scores })
}
