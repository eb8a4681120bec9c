//! Scales with ticks at round places: times as people read clocks, bytes in IEC units.

use soakd_analysis::Quantity;

use crate::amount::{clock, in_unit_of, span};

/// A place with its label.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    pub(crate) at: f64,
    pub(crate) label: String,
}

/// A scale from one value to another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) ticks: Vec<Tick>,
}

impl Axis {
    /// Where a value lies: 0 at the beginning, 1 at the end, between 0 and 1 always.
    pub(crate) fn share(&self, value: f64) -> f64 {
        ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }

    pub(crate) fn holds(&self, value: f64) -> bool {
        self.from <= value && value <= self.to
    }
}

const TIME_STEPS: [f64; 22] = [
    0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0,
    21_600.0, 43_200.0, 86_400.0, 172_800.0, 604_800.0,
];
const MOST_TIME_TICKS: f64 = 8.0;
const MOST_VALUE_TICKS: f64 = 5.0;

fn ticks(from: f64, to: f64, step: f64, label: impl Fn(f64) -> String) -> Vec<Tick> {
    let mut ticks = Vec::new();
    let first = (from / step).ceil();
    let mut place = first;
    // A step is at least an eighth of the scale; the bound holds even where adding 1 no longer changes the number.
    while place * step <= to * (1.0 + 1e-12) && ticks.len() < 32 {
        ticks.push(Tick { at: place * step, label: label(place * step) });
        place += 1.0;
    }
    ticks
}

/// A scale of time, in seconds of the run.
pub(crate) fn time_axis(from_s: f64, to_s: f64) -> Axis {
    time_axis_of(from_s, to_s, MOST_TIME_TICKS)
}

/// The same for a picture in which so many labels have room.
pub(crate) fn time_axis_of(from_s: f64, to_s: f64, most: f64) -> Axis {
    let to_s = if to_s > from_s { to_s } else { from_s + 1.0 };
    let least = (to_s - from_s) / most;
    let step = TIME_STEPS.into_iter().find(|step| *step >= least).unwrap_or_else(|| round_step(least));
    let label = |t_s: f64| match step {
        step if step >= 86_400.0 => span(t_s),
        step if step < 1.0 => format!("{t_s:.1} s"),
        _ => clock(t_s),
    };
    Axis { from: from_s, to: to_s, ticks: ticks(from_s, to_s, step, label) }
}

/// The next of 1, 2, 5, 10, 20, … that is not below `least`.
fn round_step(least: f64) -> f64 {
    let power = 10.0_f64.powf(least.max(f64::MIN_POSITIVE).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= least).unwrap_or(least)
}

/// A scale of values with some room above and below.
pub(crate) fn value_axis(unit: Quantity, low: f64, high: f64) -> Axis {
    let room = if high > low { 0.08 * (high - low) } else { (0.05 * high.abs()).max(1.0) };
    let from = if low >= 0.0 { (low - room).max(0.0) } else { low - room };
    let to = high + room;
    let (factor, _) = in_unit_of(unit, from.abs().max(to.abs()));
    let mut step = factor * round_step((to - from) / factor / MOST_VALUE_TICKS);
    if unit == Quantity::Count {
        step = step.max(1.0);
    }
    let label = |value: f64| {
        let (factor, name) = in_unit_of(unit, from.abs().max(to.abs()));
        let decimals = if step / factor >= 1.0 { 0.0 } else { (-(step / factor).log10()).ceil().min(9.0) };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 9")]
        let text = format!("{:.*}", decimals as usize, value / factor);
        if name.is_empty() { text } else { format!("{text} {name}") }
    };
    Axis { from, to, ticks: ticks(from, to, step, label) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn ticks_lie_at_round_places() {
        assert_eq!(
            labels(&time_axis(0.0, 60.0)),
            ["0:00:00", "0:00:10", "0:00:20", "0:00:30", "0:00:40", "0:00:50", "0:01:00"]
        );
        let mib = 1_048_576.0;
        assert_eq!(labels(&value_axis(Quantity::Bytes, 40.0 * mib, 50.0 * mib)), ["40 MiB", "45 MiB", "50 MiB"]);
        assert_eq!(labels(&value_axis(Quantity::Count, 23.0, 23.0)), ["22", "23", "24"]);
        assert_eq!(labels(&value_axis(Quantity::Other, 0.0, 0.01))[1], "0.005");
    }

    #[test]
    fn no_range_is_too_strange() {
        for (low, high) in [(0.0, 0.0), (-1e18, 1e18), (1e300, 1e300), (5e-324, 1e-300), (-3.0, -3.0)] {
            for unit in [Quantity::Bytes, Quantity::Count, Quantity::Other] {
                let axis = value_axis(unit, low, high);
                assert!(axis.from < axis.to && axis.ticks.len() <= 32, "{low} {high}: {axis:?}");
            }
        }
        assert!(time_axis(0.0, 1e12).ticks.len() <= 12);
    }
}
