//! Nothing, then growth: what leaks only in a state that is reached late.

use super::{Basis, Columns, Family, Form, GrowthModel, across, along, even, length, place};

/// A line that starts at a place, without and with a warm-up before.
#[derive(Debug)]
pub(super) struct LateOnset;

impl GrowthModel for LateOnset {
    fn name(&self) -> &'static str {
        "late_onset"
    }

    fn family(&self) -> Family {
        Family::Sustained
    }

    fn forms(&self) -> &'static [Form] {
        const FORMS: &[Form] = &[
            Form {
                columns: |at| Columns::new(&[Basis::Hinge(at[0])]),
                parameters: &[place("onset", 0.05, 0.8)],
                grid: |layout| along(even(0.08, layout.latest_onset.max(0.08), 13)),
                refined: true,
                min_blocks: 0,
                same_sign: false,
            },
            Form {
                columns: |at| Columns::new(&[Basis::Saturation(at[0]), Basis::Hinge(at[1])]),
                parameters: &[length("time_constant", 0.005, 0.2), place("onset", 0.05, 0.8)],
                grid: |layout| across([0.015, 0.05, 0.15], even(0.08, layout.latest_onset.max(0.08), 7)),
                refined: true,
                min_blocks: 11,
                same_sign: false,
            },
        ];
        FORMS
    }
}
