//! A warm-up with a fill beside it that ends.

use super::{Basis, Columns, Family, Form, GrowthModel, LATEST_STOP, across, even, length, place};

/// A saturation and a line that stops.
#[derive(Debug)]
pub(super) struct SaturatingRamp;

impl GrowthModel for SaturatingRamp {
    fn name(&self) -> &'static str {
        "saturating_ramp"
    }

    fn family(&self) -> Family {
        Family::Bounded
    }

    fn forms(&self) -> &'static [Form] {
        const FORMS: &[Form] = &[Form {
            columns: |at| Columns::new(&[Basis::Saturation(at[0]), Basis::Ramp(0.0, at[1])]),
            parameters: &[length("time_constant", 0.004, 0.2), place("stop", 0.04, LATEST_STOP)],
            grid: |_| across([0.01, 0.03, 0.1], even(0.06, LATEST_STOP, 7)),
            refined: true,
            min_blocks: 11,
            same_sign: false,
        }];
        FORMS
    }
}
