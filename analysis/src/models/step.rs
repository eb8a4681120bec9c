//! One lasting change of level.

use super::{Basis, Columns, Family, Form, GrowthModel, STEP, along};

/// A step at an edge between blocks.
#[derive(Debug)]
pub(super) struct Step;

impl GrowthModel for Step {
    fn name(&self) -> &'static str {
        "step"
    }

    fn family(&self) -> Family {
        Family::Bounded
    }

    fn forms(&self) -> &'static [Form] {
        const FORMS: &[Form] = &[Form {
            columns: |at| Columns::new(&[Basis::Step(at[0])]),
            parameters: &[STEP],
            grid: |layout| along(layout.edges.iter().copied()),
            refined: false,
            min_blocks: 0,
            same_sign: false,
        }];
        FORMS
    }
}
