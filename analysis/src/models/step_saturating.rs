//! A warm-up beside a change of level, or one that starts late.

use super::{Basis, Columns, Family, Form, GrowthModel, SLOWEST_SATURATION, STEP, across, even, length, place};

/// A saturation from a place on; a step and a saturation.
#[derive(Debug)]
pub(super) struct StepSaturating;

impl GrowthModel for StepSaturating {
    fn name(&self) -> &'static str {
        "step_saturating"
    }

    fn family(&self) -> Family {
        Family::Bounded
    }

    fn forms(&self) -> &'static [Form] {
        const FORMS: &[Form] = &[
            Form {
                columns: |at| Columns::new(&[Basis::DelayedSaturation(at[0], at[1])]),
                parameters: &[place("start", 0.02, 0.85), length("time_constant", 0.01, SLOWEST_SATURATION)],
                grid: |_| across(even(0.05, 0.8, 9), [0.05, 0.15, 0.4].into_iter()),
                refined: true,
                min_blocks: 11,
                same_sign: false,
            },
            Form {
                columns: |at| Columns::new(&[Basis::Step(at[0]), Basis::Saturation(at[1])]),
                parameters: &[STEP, length("time_constant", 0.008, SLOWEST_SATURATION)],
                grid: |layout| across(layout.some_edges(24), [0.03, 0.1, 0.3].into_iter()),
                refined: true,
                min_blocks: 11,
                same_sign: false,
            },
        ];
        FORMS
    }
}
