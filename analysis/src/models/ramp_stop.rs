//! A steady fill that ends: a buffer of fixed size, a cache that reaches its capacity.

use super::{Basis, Columns, Family, Form, GrowthModel, LATEST_STOP, across, along, even, place};

/// A line that stops, from the start or from later on.
#[derive(Debug)]
pub(super) struct RampStop;

impl GrowthModel for RampStop {
    fn name(&self) -> &'static str {
        "ramp_stop"
    }

    fn family(&self) -> Family {
        Family::Bounded
    }

    fn forms(&self) -> &'static [Form] {
        const FORMS: &[Form] = &[
            Form {
                columns: |at| Columns::new(&[Basis::Ramp(0.0, at[0])]),
                parameters: &[place("stop", 0.04, LATEST_STOP)],
                grid: |_| along(even(0.06, LATEST_STOP, 13)),
                refined: true,
                min_blocks: 0,
                same_sign: false,
            },
            Form {
                columns: |at| Columns::new(&[Basis::Ramp(at[0], at[1])]),
                parameters: &[place("start", 0.0, 0.9), place("stop", 0.04, LATEST_STOP)],
                grid: |_| {
                    let mut places = across(even(0.06, 0.94, 12), even(0.06, LATEST_STOP, 13));
                    places.retain(|at| at[1] - at[0] > 0.03);
                    places
                },
                refined: true,
                min_blocks: 11,
                same_sign: false,
            },
        ];
        FORMS
    }
}
