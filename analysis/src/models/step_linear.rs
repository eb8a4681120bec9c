//! Steady growth beside one lasting change of level.

use super::{Basis, Columns, Family, Form, GrowthModel, STEP, along};

/// A step and a line.
#[derive(Debug)]
pub(super) struct StepLinear;

impl GrowthModel for StepLinear {
    fn name(&self) -> &'static str {
        "step_linear"
    }

    fn family(&self) -> Family {
        Family::Sustained
    }

    fn forms(&self) -> &'static [Form] {
        const FORMS: &[Form] = &[Form {
            columns: |at| Columns::new(&[Basis::Step(at[0]), Basis::Line]),
            parameters: &[STEP],
            grid: |layout| along(layout.edges.iter().copied()),
            refined: false,
            min_blocks: 0,
            same_sign: false,
        }];
        FORMS
    }
}
