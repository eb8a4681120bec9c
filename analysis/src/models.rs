//! The growth models: two families of shapes, fitted to the same whitened blocks.
//!
//! *Sustained* shapes still grow at the end of the run; *bounded* ones have at least halved their speed or stopped.
//! That is all the difference between a leak and a warm-up that a run can show, so the bounds of the parameters are
//! the definition of "slowing down". Shape parameters are shares of the run.
//!
//! A third kind explains *motion* beside growth: waves, bursts, steps. It decides nothing; it is fitted to the trace when a
//! judgement is put into words, and scored on the same blocks ([`Motion`]). Each model is a file behind one trait;
//! [`MODELS`] is the table.

mod accelerating;
mod basis;
mod burst;
mod constant;
mod cyclic;
mod exponential;
mod late_onset;
mod linear;
mod load;
mod motion;
mod operations;
mod ramp_stop;
mod saturating;
mod saturating_linear;
mod saturating_ramp;
mod sawtooth;
mod sinusoid;
mod staircase;
mod step;
mod step_linear;
mod step_saturating;
mod sublinear;

pub use basis::{Basis, Columns};
pub(crate) use motion::Score;
pub use motion::{Motion, Moved, Scene};
pub(crate) use sawtooth::{Fall, tooth};

/// Whether a shape still grows at the end of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// It goes on.
    Sustained,
    /// It has stopped, or at least halved its speed.
    Bounded,
}

/// What a shape advances with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Time, as a share of the run.
    Time,
    /// Operations, as a share of those of the run.
    Operations,
}

/// What a shape parameter measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// A place in the run, as a share of it.
    Place,
    /// A length, as a share of the run.
    Length,
    /// A plain number.
    Number,
}

/// One shape parameter.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name in the report.
    pub name: &'static str,
    /// Smallest value.
    pub low: f64,
    /// Largest value.
    pub high: f64,
    /// What it measures; the report shows places and lengths in seconds or operations.
    pub measure: Measure,
}

/// What the grids of a form depend on.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Places between two blocks, within 0.04 to 0.96 of the run.
    pub edges: Vec<f64>,
    /// The latest place that has enough blocks behind it to see growth that starts there.
    pub latest_onset: f64,
}

impl Layout {
    /// The layout of blocks at the sorted places `x` (0 to 1).
    #[must_use]
    pub fn of(x: &[f64]) -> Self {
        let behind = (x.len() / 16).max(5).min(x.len());
        let last = if behind == 0 { 0.8 } else { x[x.len() - behind] - 1e-6 };
        let edges = x.windows(2).map(|pair| 0.5 * (pair[0] + pair[1])).filter(|edge| (0.04..0.96).contains(edge));
        Self { edges: edges.collect(), latest_onset: last.min(0.8) }
    }

    /// About `count` of the edges.
    #[must_use]
    pub fn some_edges(&self, count: usize) -> Vec<f64> {
        self.edges.iter().copied().step_by((self.edges.len() / count).max(1)).collect()
    }
}

/// Most shape parameters of a form.
pub const MOST_PARAMETERS: usize = 2;
/// Values of the shape parameters; those a form does not have are 0.
pub type Place = [f64; MOST_PARAMETERS];

/// One way to write a model: its columns, where to look for its parameters and within which bounds.
#[derive(Debug)]
pub struct Form {
    /// The columns at a place; the intercept is not among them.
    pub columns: fn(&Place) -> Columns,
    /// The parameters with their bounds.
    pub parameters: &'static [Parameter],
    /// Where to look first.
    pub grid: fn(&Layout) -> Vec<Place>,
    /// Whether to search on between the places of the grid. An edge between blocks cannot be refined.
    pub refined: bool,
    /// Fewest blocks to fit it to.
    pub min_blocks: usize,
    /// The first two coefficients must have the same sign: a warm-up, not a hump.
    pub same_sign: bool,
}

impl Form {
    /// Whether the first column is a step at an edge between blocks.
    pub(crate) fn is_stepped(&self) -> bool {
        self.parameters.first().is_some_and(|parameter| parameter.name == "step")
    }
}

/// Explains one series. Fitting is pure: the same blocks give the same fit. A model is a shape in one or more forms, motion,
/// or either of the two.
pub trait GrowthModel: Sync {
    /// Its name in the report.
    fn name(&self) -> &'static str;
    /// Whether it still grows at the end.
    fn family(&self) -> Family;
    /// What it advances with.
    fn clock(&self) -> Clock {
        Clock::Time
    }
    /// The ways to write it as a shape of the blocks; the best one stands for the model.
    fn forms(&self) -> &'static [Form] {
        &[]
    }
    /// How it is found in the trace, where it is motion beside growth.
    fn motion(&self) -> Option<&'static dyn Motion> {
        None
    }
}

/// Every growth model, in the order of the report.
pub static MODELS: &[&dyn GrowthModel] = &[
    &constant::Constant,
    &linear::Linear,
    &exponential::Exponential,
    &accelerating::Accelerating,
    &saturating::Saturating,
    &saturating_linear::SaturatingLinear,
    &saturating_ramp::SaturatingRamp,
    &sublinear::Sublinear,
    &ramp_stop::RampStop,
    &late_onset::LateOnset,
    &step::Step,
    &step_linear::StepLinear,
    &step_saturating::StepSaturating,
    &operations::LinearOps,
    &operations::SaturatingLinearOps,
    &operations::SaturatingOps,
    &operations::SublinearOps,
    &operations::RampStopOps,
    &cyclic::Cyclic,
    &cyclic::CyclicDrift,
    &burst::Burst,
    &staircase::Staircase,
    &load::Load,
];

/// Slowest saturation that counts as one: its speed at the end is e^(-1/0.6) = 19 % of that at the start.
pub(crate) const SLOWEST_SATURATION: f64 = 0.6;
/// Slowest warm-up that a sustained shape may have beside its growth.
pub(crate) const SLOWEST_WARM_UP: f64 = 0.25;
/// A bounded ramp has stopped for at least the last 18 % of the run.
pub(crate) const LATEST_STOP: f64 = 0.82;

/// `count` values from `low` to `high`, evenly spaced.
pub(crate) fn even(low: f64, high: f64, count: usize) -> impl Iterator<Item = f64> + Clone {
    (0..count).map(move |i| low + (high - low) * i as f64 / (count - 1).max(1) as f64)
}

/// `count` values from `low` to `high`, evenly spaced in their logarithm.
pub(crate) fn geometric(low: f64, high: f64, count: usize) -> impl Iterator<Item = f64> + Clone {
    even(low.ln(), high.ln(), count).map(f64::exp)
}

/// Places of one parameter.
pub(crate) fn along(values: impl IntoIterator<Item = f64>) -> Vec<Place> {
    values.into_iter().map(|value| [value, 0.0]).collect()
}

/// Places of two parameters: every pair.
pub(crate) fn across(first: impl IntoIterator<Item = f64>, second: impl Iterator<Item = f64> + Clone) -> Vec<Place> {
    first.into_iter().flat_map(|a| second.clone().map(move |b| [a, b])).collect()
}

pub(crate) const fn place(name: &'static str, low: f64, high: f64) -> Parameter {
    Parameter { name, low, high, measure: Measure::Place }
}

pub(crate) const fn length(name: &'static str, low: f64, high: f64) -> Parameter {
    Parameter { name, low, high, measure: Measure::Length }
}

pub(crate) const fn number(name: &'static str, low: f64, high: f64) -> Parameter {
    Parameter { name, low, high, measure: Measure::Number }
}

/// The place of a step.
pub(crate) const STEP: Parameter = place("step", 0.04, 0.96);

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        Layout::of(&(0..128).map(|i| f64::from(i) / 127.0).collect::<Vec<_>>())
    }

    #[test]
    fn every_model_has_a_unique_name_and_a_grid_within_its_bounds() {
        let mut names: Vec<_> = MODELS.iter().map(|model| model.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), MODELS.len());
        for model in MODELS {
            assert!(!model.forms().is_empty() || model.motion().is_some(), "{} explains nothing", model.name());
            for form in model.forms() {
                let grid = (form.grid)(&layout());
                assert!(!grid.is_empty(), "{} has no grid", model.name());
                for place in grid {
                    for (value, parameter) in place.iter().zip(form.parameters) {
                        let inside = parameter.low - 1e-9..=parameter.high + 1e-9;
                        assert!(inside.contains(value), "{}: {} = {value}", model.name(), parameter.name);
                    }
                    let columns = (form.columns)(&place);
                    assert!(columns.iter().all(|basis| basis.at(0.3).is_finite() && basis.slope_at_end().is_finite()));
                }
            }
        }
    }

    #[test]
    fn bounded_shapes_have_at_least_halved_their_speed_and_sustained_ones_go_on() {
        for model in MODELS {
            for form in model.forms() {
                for place in (form.grid)(&layout()) {
                    let columns = (form.columns)(&place);
                    let fastest = columns.iter().map(Basis::slope_at_end).fold(0.0, f64::max);
                    match model.family() {
                        Family::Sustained => assert!(fastest > 0.3, "{} stops", model.name()),
                        Family::Bounded => {
                            for basis in columns.iter() {
                                // Speed over the last percent against that of its fastest percent.
                                let speed = |x: f64| (basis.at(x) - basis.at(x - 0.01)).abs();
                                let top = (1..=100).map(|i| speed(f64::from(i) / 100.0)).fold(0.0, f64::max);
                                assert!(speed(1.0) <= 0.75 * top, "{} {place:?} goes on", model.name());
                            }
                        }
                    }
                }
            }
        }
    }
}
