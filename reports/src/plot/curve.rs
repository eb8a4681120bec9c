//! From the growth model of a judgement back to its curve.
//!
//! The document names the model and its parameters; the shape follows from the same table of models that was fitted.
//! Only the level is not among the parameters: it is the one at which the curve runs through the middle of the samples.

use soakd_analysis::judgement::{LevelEvent, ModelChoice};
use soakd_analysis::models::{Basis, Clock, Columns, Form, GrowthModel, MODELS, Measure};
use soakd_analysis::{Judgement, Quantity};

use crate::recording::Recorded;

/// Share of the judged part that the fit leaves out at its start.
const BURN_IN: f64 = 0.02;

/// A fitted curve over time.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    columns: Columns,
    coefficients: Vec<f64>,
    /// Where the fitted part begins, in seconds of the run.
    pub(crate) from_s: f64,
    length_s: f64,
    /// Operations counted at times, where the model advances with them.
    operations: Option<Vec<(f64, f64)>>,
    jumps: Vec<LevelEvent>,
    level: f64,
}

/// What a name that tells more stands for.
fn shape(name: &str) -> &str {
    match name {
        "burst" | "load" | "cyclic" => "constant",
        "staircase" | "cyclic_drift" => "linear",
        other => other,
    }
}

impl Curve {
    /// The curve of a judgement through `points`, the samples that were judged; `None` where there is no model, or one
    /// that this version does not know.
    pub(crate) fn of(
        judgement: &Judgement,
        unit: Quantity,
        points: &[(f64, f64)],
        operations: Option<&Recorded>,
    ) -> Option<Self> {
        let choice = judgement.model.as_ref()?;
        let (first_s, last_s) = (points.first()?.0, points.last()?.0);
        let from_s = first_s + BURN_IN * (last_s - first_s);
        let length_s = last_s - from_s;
        if !(length_s > 0.0) {
            return None;
        }
        let name = shape(&choice.name);
        let named = |name: &str| MODELS.iter().find(|model| model.name() == name);
        // A step may be one of the shape, or a jump beside a constant.
        let model = named(name).filter(|model| name != "step" || form_of(**model, choice).is_some());
        let model = model.or_else(|| if name == "step" { named("constant") } else { None })?;
        let by_ops = model.clock() == Clock::Operations;
        let counted: Option<Vec<(f64, f64)>> = operations.map(|operations| operations.points().collect());
        let operations = if by_ops { Some(counted?) } else { None };
        let scale = match &operations {
            Some(counted) => between(counted, last_s) - between(counted, from_s),
            None => length_s,
        };
        let form = form_of(*model, choice)?;
        let mut place = [0.0; soakd_analysis::models::MOST_PARAMETERS];
        for (slot, parameter) in place.iter_mut().zip(form.parameters) {
            let value = choice.parameters.get(&parameter_name(parameter.name, parameter.measure, by_ops))?.value;
            *slot = match parameter.measure {
                Measure::Number => value,
                Measure::Length => value / scale,
                Measure::Place => (value - if by_ops { 0.0 } else { from_s }) / scale,
            };
        }
        let columns = (form.columns)(&place);
        let mut coefficients = Vec::new();
        for (index, basis) in columns.iter().enumerate() {
            let value = choice.parameters.get(&coefficient_name(basis, index, unit, by_ops))?.value;
            coefficients.push(match basis {
                Basis::Line | Basis::Hinge(_) if !by_ops => value * scale / 3600.0,
                Basis::Line | Basis::Hinge(_) => value * scale,
                _ => value,
            });
        }
        let plain = Self { columns, coefficients, from_s, length_s, operations, jumps: Vec::new(), level: 0.0 }
            .levelled(points);
        let stepped = Self { jumps: judgement.events.clone(), ..plain.clone() }.levelled(points);
        // Jumps were fitted beside the shape, or only seen in it: the curve that is nearer to the samples tells.
        let is_nearer = !stepped.jumps.is_empty() && stepped.distance(points) < plain.distance(points);
        Some(if is_nearer { stepped } else { plain })
    }

    /// Its value at the time `t_s`.
    pub(crate) fn at(&self, t_s: f64) -> f64 {
        let share = match &self.operations {
            Some(counted) => {
                let (first, last) = (between(counted, self.from_s), between(counted, self.from_s + self.length_s));
                (between(counted, t_s) - first) / (last - first).max(f64::MIN_POSITIVE)
            }
            None => (t_s - self.from_s) / self.length_s,
        };
        let grown: f64 =
            self.columns.iter().zip(&self.coefficients).map(|(basis, factor)| factor * basis.at(share.max(0.0))).sum();
        let jumped: f64 = self.jumps.iter().filter(|jump| jump.t_s <= t_s).map(|jump| jump.change).sum();
        self.level + grown + jumped
    }

    fn levelled(mut self, points: &[(f64, f64)]) -> Self {
        let after = points.iter().filter(|(t_s, _)| *t_s >= self.from_s);
        let mut off: Vec<f64> = after.map(|(t_s, value)| value - self.at(*t_s)).collect();
        off.sort_by(f64::total_cmp);
        self.level += off.get(off.len() / 2).copied().unwrap_or(0.0);
        self
    }

    /// Sum of the distances from the samples.
    fn distance(&self, points: &[(f64, f64)]) -> f64 {
        points.iter().filter(|(t_s, _)| *t_s >= self.from_s).map(|(t_s, value)| (value - self.at(*t_s)).abs()).sum()
    }
}

/// The way of writing `model` whose parameters are those of the document.
fn form_of(model: &dyn GrowthModel, choice: &ModelChoice) -> Option<&'static Form> {
    let by_ops = model.clock() == Clock::Operations;
    let has_all = |form: &&Form| {
        let mut names =
            form.parameters.iter().map(|parameter| parameter_name(parameter.name, parameter.measure, by_ops));
        names.all(|name| choice.parameters.contains_key(&name))
    };
    model.forms().iter().filter(has_all).max_by_key(|form| form.parameters.len())
}

fn parameter_name(name: &str, measure: Measure, by_ops: bool) -> String {
    match (measure, by_ops) {
        (Measure::Number, _) => name.to_owned(),
        (Measure::Length | Measure::Place, true) => format!("{name}_ops"),
        (Measure::Length | Measure::Place, false) => format!("{name}_s"),
    }
}

/// The name under which a judgement tells the height of a column.
fn coefficient_name(basis: &Basis, index: usize, unit: Quantity, by_ops: bool) -> String {
    let unit = match unit {
        Quantity::Bytes => "_bytes",
        Quantity::Count => "_count",
        Quantity::Other => "",
    };
    match basis {
        Basis::Line | Basis::Hinge(_) if !by_ops => format!("growth{unit}_per_hour"),
        Basis::Line | Basis::Hinge(_) => format!("growth{unit}_per_op"),
        Basis::Power(_) | Basis::Exponential(_) => format!("growth{unit}"),
        Basis::Step(_) => format!("step{unit}"),
        Basis::Logarithm(_) => format!("growth_per_e_folding{unit}"),
        Basis::Ramp(..) => format!("ramp{unit}_per_run"),
        Basis::Saturation(_) if index > 0 => format!("slow_fill{unit}"),
        Basis::Saturation(_) | Basis::DelayedSaturation(..) | Basis::PowerSaturation(..) => format!("fill{unit}"),
    }
}

/// The value of a line of points at `t_s`; level beyond its ends.
fn between(points: &[(f64, f64)], t_s: f64) -> f64 {
    let after = points.partition_point(|point| point.0 < t_s);
    match (after.checked_sub(1).and_then(|before| points.get(before)), points.get(after)) {
        (Some(a), Some(b)) if b.0 > a.0 => a.1 + (b.1 - a.1) * (t_s - a.0) / (b.0 - a.0),
        (_, Some(b)) => b.1,
        (Some(a), None) => a.1,
        (None, None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use soakd_analysis::{Question, Series, Tolerance, judge};

    use super::*;

    /// What a judged series and its curve differ by, as a share of how far the series moves.
    fn off(value: impl Fn(f64) -> f64) -> (String, f64) {
        let noise = |i: u32| f64::from(i.wrapping_mul(2_654_435_769) >> 16) / 65_536.0 - 0.5;
        let points: Vec<(f64, f64)> =
            (0..1200_u32).map(|i| (f64::from(i), value(f64::from(i) / 1200.0) + 40_000.0 * noise(i))).collect();
        let (t_s, values) = points.iter().copied().unzip();
        let series = Series::new(Quantity::Bytes, t_s, values).unwrap();
        let question = Question { tolerance: Tolerance::PerHour(65_536.0), ..Question::new(1200.0) };
        let judgement = judge(&series, &question);
        let curve = Curve::of(&judgement, Quantity::Bytes, &points, None).expect("a known model");
        let height = (0..=100).map(|i| value(f64::from(i) / 100.0)).fold(0.0, f64::max) - value(0.0);
        let far = (5..=100).map(|i| f64::from(i) / 100.0).map(|x| (curve.at(1199.0 * x) - value(x)).abs());
        (judgement.model.unwrap().name, far.fold(0.0, f64::max) / height.max(40_000.0))
    }

    #[test]
    fn the_curve_of_a_judgement_runs_through_what_was_judged() {
        type Shape = fn(f64) -> f64;
        let shapes: [(&str, Shape); 5] = [
            ("constant", |_| 40.0 * 1_048_576.0),
            ("linear", |x| (40.0 + 8.0 * x) * 1_048_576.0),
            ("saturating", |x| (40.0 + 8.0 * (1.0 - (-x / 0.15).exp())) * 1_048_576.0),
            ("late_onset", |x| (40.0 + 12.0 * (x - 0.5).max(0.0)) * 1_048_576.0),
            ("exponential", |x| (40.0 + 0.5 * (3.0 * x).exp()) * 1_048_576.0),
        ];
        for (shape, value) in shapes {
            let (model, off) = off(value);
            assert!(off < 0.15, "{shape}, explained by {model}: off by {off:.3}");
        }
    }
}
