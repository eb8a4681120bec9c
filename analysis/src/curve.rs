//! From a growth model to the names under which a judgement tells it, and from those back to its curve.
//!
//! A judgement names the model that explains the series best and its parameters. Both directions stand here, so that what
//! is drawn is what was fitted. Only the level is not among the parameters: whoever draws the curve lays it through the
//! samples.

use std::f64::consts::TAU;

use crate::judgement::ModelChoice;
use crate::models::{
    Basis, Clock, Columns, Fall, Form, GrowthModel, MODELS, MOST_PARAMETERS, Measure, Parameter, tooth,
};
use crate::quantity::Quantity;

/// The suffix of a parameter in the unit of a series.
#[must_use]
pub fn suffix(unit: Quantity) -> &'static str {
    match unit {
        Quantity::Bytes => "_bytes",
        Quantity::Count => "_count",
        Quantity::Other => "",
    }
}

/// What a shape advances along: shares of it are told in its unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    /// Time or operations.
    pub clock: Clock,
    /// Where the share 0 lies: seconds of the series' time, or 0 operations.
    pub from: f64,
    /// How long the share 1 is: seconds, or operations.
    pub length: f64,
}

impl Axis {
    /// The name of a shape parameter.
    #[must_use]
    pub fn parameter(&self, parameter: &Parameter) -> String {
        match (parameter.measure, self.clock) {
            (Measure::Number, _) => parameter.name.to_owned(),
            (Measure::Length | Measure::Place, Clock::Operations) => format!("{}_ops", parameter.name),
            (Measure::Length | Measure::Place, Clock::Time) => format!("{}_s", parameter.name),
        }
    }

    /// What a shape parameter is multiplied by to be told, and what is added then.
    #[must_use]
    pub fn scale(&self, parameter: &Parameter) -> (f64, f64) {
        match parameter.measure {
            Measure::Number => (1.0, 0.0),
            Measure::Length => (self.length, 0.0),
            Measure::Place => (self.length, self.from),
        }
    }

    /// The name of the height of column `index` of a shape.
    #[must_use]
    pub fn height(&self, basis: &Basis, index: usize, unit: Quantity) -> String {
        let unit = suffix(unit);
        match basis {
            Basis::Line | Basis::Hinge(_) => match self.clock {
                Clock::Time => format!("growth{unit}_per_hour"),
                Clock::Operations => format!("growth{unit}_per_op"),
            },
            Basis::Power(_) | Basis::Exponential(_) => format!("growth{unit}"),
            Basis::Step(_) => format!("step{unit}"),
            Basis::Logarithm(_) => format!("growth_per_e_folding{unit}"),
            Basis::Ramp(..) => format!("ramp{unit}_per_run"),
            Basis::Saturation(_) if index > 0 => format!("slow_fill{unit}"),
            Basis::Saturation(_) | Basis::DelayedSaturation(..) | Basis::PowerSaturation(..) => format!("fill{unit}"),
        }
    }

    /// What the height of a column is multiplied by to be told.
    #[must_use]
    pub fn factor(&self, basis: &Basis) -> f64 {
        match (basis, self.clock) {
            (Basis::Line | Basis::Hinge(_), Clock::Time) => 3600.0 / self.length,
            (Basis::Line | Basis::Hinge(_), Clock::Operations) => 1.0 / self.length,
            _ => 1.0,
        }
    }
}

/// What goes up and down again beside a shape.
#[derive(Debug, Clone)]
enum Wave {
    /// Height and time of a peak, of the fundamental and of the overtone.
    Sinusoid { period_s: f64, heights: [(f64, f64); 2] },
    /// A slow rise by a height and sudden falls.
    Sawtooth { period_s: f64, height: f64, falls: Vec<Fall> },
}

impl Wave {
    fn of(choice: &ModelChoice, unit: Quantity) -> Option<Self> {
        let value = |name: &str| choice.parameters.get(name).map(|estimate| estimate.value);
        let of_unit = |name: &str| value(&format!("{name}{}", suffix(unit)));
        let period_s = value("period_s").filter(|period_s| *period_s > 0.0)?;
        if let (Some(amplitude), Some(peak_s)) = (of_unit("amplitude"), value("peak_s")) {
            let overtone = of_unit("overtone").zip(value("overtone_peak_s")).unwrap_or_default();
            return Some(Self::Sinusoid { period_s, heights: [(amplitude, peak_s), overtone] });
        }
        let (height, fall_s) = (of_unit("height")?, value("fall_s")?);
        let mut falls: Vec<Fall> = choice.turns.iter().map(|turn| (turn.t_s, -turn.change)).collect();
        if falls.is_empty() {
            falls.push((fall_s, height));
        }
        Some(Self::Sawtooth { period_s, height, falls })
    }

    fn at(&self, t_s: f64) -> f64 {
        match self {
            Self::Sinusoid { period_s, heights } => {
                let of = |(order, (height, peak_s)): (f64, (f64, f64))| {
                    height * (TAU * order * (t_s - peak_s) / period_s).cos()
                };
                [1.0, 2.0].into_iter().zip(*heights).map(of).sum()
            }
            Self::Sawtooth { period_s, height, falls } => tooth(t_s, falls, *period_s, *height),
        }
    }
}

/// A curve over time, up to a level.
#[derive(Debug, Clone)]
pub struct Curve {
    columns: Columns,
    heights: Vec<f64>,
    axis: Axis,
    /// Operations counted at times, in order, where the shape advances with them, and their count at its start.
    operations: Option<(Vec<(f64, f64)>, f64)>,
    wave: Option<Wave>,
    /// Sudden changes: when, and by how much.
    turns: Vec<(f64, f64)>,
}

impl Curve {
    /// The curve of a model of a series in `unit` that was fitted from `from_s` on, over `length_s` seconds. `operations`
    /// are counts at times, in order. `None` for a model that this version does not know, or whose parameters are missing.
    #[must_use]
    pub fn of(
        choice: &ModelChoice,
        unit: Quantity,
        from_s: f64,
        length_s: f64,
        operations: Option<Vec<(f64, f64)>>,
    ) -> Option<Self> {
        let model = MODELS.iter().find(|model| model.name() == choice.name)?;
        let operations = match model.clock() {
            Clock::Operations => operations.map(|counted| {
                let first = between(&counted, from_s);
                (counted, first)
            }),
            Clock::Time => None,
        };
        let axis = match (&operations, model.clock()) {
            (Some((counted, first)), _) => {
                Axis { clock: Clock::Operations, from: 0.0, length: between(counted, from_s + length_s) - first }
            }
            (None, Clock::Time) => Axis { clock: Clock::Time, from: from_s, length: length_s },
            (None, Clock::Operations) => return None,
        };
        if !(axis.length > 0.0) {
            return None;
        }
        let value = |name: &str| choice.parameters.get(name).map(|estimate| estimate.value);
        let wave = Wave::of(choice, unit);
        let turns: Vec<(f64, f64)> = match wave {
            // Those of a sawtooth are its falls.
            Some(_) => Vec::new(),
            None => choice.turns.iter().map(|turn| (turn.t_s, turn.change)).collect(),
        };
        let mut curve = Self { columns: Columns::new(&[]), heights: Vec::new(), axis, operations, wave, turns };
        if let Some(form) = form_of(*model, choice, &axis).filter(|_| curve.turns.is_empty()) {
            let mut place = [0.0; MOST_PARAMETERS];
            for (slot, parameter) in place.iter_mut().zip(form.parameters) {
                let (factor, shift) = axis.scale(parameter);
                *slot = (value(&axis.parameter(parameter))? - shift) / factor;
            }
            curve.columns = (form.columns)(&place);
            for (index, basis) in curve.columns.iter().enumerate() {
                curve.heights.push(value(&axis.height(basis, index, unit))? / axis.factor(basis));
            }
            return Some(curve);
        }
        model.motion()?;
        let unit = suffix(unit);
        let line = value(&format!("growth{unit}_per_hour")).or(value(&format!("trough_drift{unit}_per_hour")));
        if let Some(per_hour) = line.filter(|_| curve.turns.is_empty()) {
            curve.columns = Columns::new(&[Basis::Line]);
            curve.heights.push(per_hour / axis.factor(&Basis::Line));
        }
        Some(curve)
    }

    /// Its value at the time `t_s` of the series, up to a level.
    #[must_use]
    pub fn at(&self, t_s: f64) -> f64 {
        let share = match &self.operations {
            Some((counted, first)) => (between(counted, t_s) - first) / self.axis.length,
            None => (t_s - self.axis.from) / self.axis.length,
        };
        let grown: f64 =
            self.columns.iter().zip(&self.heights).map(|(basis, height)| height * basis.at(share.max(0.0))).sum();
        let moved = self.wave.as_ref().map_or(0.0, |wave| wave.at(t_s));
        let turned: f64 = self.turns.iter().take_while(|turn| turn.0 <= t_s).map(|turn| turn.1).sum();
        grown + moved + turned
    }

    /// Times between which it is smooth: where a picture must not cut corners. Empty for a smooth curve.
    pub fn turns_s(&self) -> impl Iterator<Item = f64> {
        let falls = match &self.wave {
            Some(Wave::Sawtooth { falls, .. }) => falls.as_slice(),
            _ => &[],
        };
        falls.iter().chain(&self.turns).map(|turn| turn.0)
    }

    /// Seconds in which it goes up and down once; `None` where it does not.
    #[must_use]
    pub fn period_s(&self) -> Option<f64> {
        match &self.wave {
            Some(Wave::Sinusoid { period_s, .. } | Wave::Sawtooth { period_s, .. }) => Some(*period_s),
            None => None,
        }
    }

    /// Whether it explains sudden changes of level by itself.
    #[must_use]
    pub fn has_turns(&self) -> bool {
        !self.turns.is_empty()
    }
}

/// The way of writing `model` whose parameters are those of the judgement.
fn form_of(model: &dyn GrowthModel, choice: &ModelChoice, axis: &Axis) -> Option<&'static Form> {
    let has_all = |form: &&Form| {
        form.parameters.iter().all(|parameter| choice.parameters.contains_key(&axis.parameter(parameter)))
    };
    model.forms().iter().filter(has_all).max_by_key(|form| form.parameters.len())
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
    use std::collections::BTreeMap;

    use super::*;
    use crate::estimate::Estimate;
    use crate::judgement::LevelEvent;

    fn choice(name: &str, parameters: &[(&str, f64)], turns: &[(f64, f64)]) -> ModelChoice {
        let estimate = |value: f64| Estimate { value, low: None, high: None, confidence: 0.95 };
        ModelChoice {
            name: name.to_owned(),
            parameters: parameters.iter().map(|(name, value)| ((*name).to_owned(), estimate(*value))).collect(),
            turns: turns.iter().map(|(t_s, change)| LevelEvent { t_s: *t_s, change: *change }).collect(),
            scores: Vec::new(),
        }
    }

    fn curve(choice: &ModelChoice) -> Curve {
        Curve::of(choice, Quantity::Bytes, 100.0, 3600.0, None).expect("a known model")
    }

    #[test]
    fn every_shape_is_told_and_drawn_alike() {
        let counted: Vec<(f64, f64)> = (0..=40).map(|i| (100.0 * f64::from(i), 7.0 * f64::from(i * i))).collect();
        let (from_s, length_s) = (100.0, 3600.0);
        for model in MODELS {
            for form in model.forms() {
                let (first, last) = (between(&counted, from_s), between(&counted, from_s + length_s));
                let (axis, share) = match model.clock() {
                    Clock::Time => (Axis { clock: Clock::Time, from: from_s, length: length_s }, 0.75),
                    Clock::Operations => (
                        Axis { clock: Clock::Operations, from: 0.0, length: last - first },
                        (between(&counted, 2800.0) - first) / (last - first),
                    ),
                };
                let mut place = [0.0; MOST_PARAMETERS];
                let mut told = BTreeMap::new();
                for (slot, parameter) in place.iter_mut().zip(form.parameters) {
                    *slot = 0.6 * parameter.low + 0.4 * parameter.high;
                    let (factor, shift) = axis.scale(parameter);
                    told.insert(axis.parameter(parameter), *slot * factor + shift);
                }
                let columns = (form.columns)(&place);
                let mut grown = [0.0, 0.0];
                for (index, basis) in columns.iter().enumerate() {
                    let height = 3e6 + 1e6 * index as f64;
                    told.insert(axis.height(basis, index, Quantity::Bytes), height * axis.factor(basis));
                    grown[0] += height * basis.at(0.0);
                    grown[1] += height * basis.at(share);
                }
                let told: Vec<(&str, f64)> = told.iter().map(|(name, value)| (name.as_str(), *value)).collect();
                let choice = choice(model.name(), &told, &[]);
                let drawn = Curve::of(&choice, Quantity::Bytes, from_s, length_s, Some(counted.clone())).unwrap();
                let far = drawn.at(2800.0) - drawn.at(from_s) - (grown[1] - grown[0]);
                assert!(far.abs() < 1.0, "{}: {far} off", model.name());
            }
        }
    }

    #[test]
    fn waves_steps_and_bursts_are_drawn_where_they_were() {
        let parameters = [("amplitude_bytes", 5.0), ("peak_s", 130.0), ("period_s", 60.0)];
        let sinusoid = curve(&choice("cyclic", &parameters, &[]));
        assert!((sinusoid.at(190.0) - 5.0).abs() < 1e-9 && (sinusoid.at(160.0) + 5.0).abs() < 1e-9);
        assert_eq!(sinusoid.period_s(), Some(60.0));

        let parameters =
            [("height_bytes", 8.0), ("fall_s", 200.0), ("period_s", 100.0), ("trough_drift_bytes_per_hour", 36.0)];
        let even = curve(&choice("cyclic_drift", &parameters, &[]));
        assert!((even.at(650.0) - even.at(600.0) - 4.0 - 0.5).abs() < 1e-9);
        let uneven = curve(&choice("cyclic", &parameters[..3], &[(200.0, -8.0), (240.0, -4.0), (400.0, -16.0)]));
        assert!((uneven.at(320.0) - 8.0).abs() < 1e-9 && uneven.at(400.0).abs() < 1e-9);
        assert_eq!(uneven.turns_s().collect::<Vec<_>>(), [200.0, 240.0, 400.0]);

        let burst = curve(&choice("burst", &[("height_bytes", 9.0)], &[(300.0, 9.0), (340.0, -8.0)]));
        assert_eq!([250.0, 320.0, 500.0].map(|t_s| burst.at(t_s)), [0.0, 9.0, 1.0]);
        assert!(burst.has_turns());
    }

    #[test]
    fn a_model_that_is_not_known_and_one_without_its_parameters_have_no_curve() {
        let none = |choice: &ModelChoice| Curve::of(choice, Quantity::Bytes, 0.0, 100.0, None).is_none();
        assert!(none(&choice("of_another_version", &[], &[])));
        assert!(none(&choice("linear", &[], &[])));
        assert!(none(&choice("linear_ops", &[("growth_bytes_per_op", 1.0)], &[])));
        assert!(Curve::of(&choice("constant", &[], &[]), Quantity::Bytes, 0.0, 0.0, None).is_none());
    }
}
