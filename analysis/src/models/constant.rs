//! Nothing changes but the noise.

use super::{Columns, Family, Form, GrowthModel, along};

/// A level.
#[derive(Debug)]
pub(super) struct Constant;

impl GrowthModel for Constant {
    fn name(&self) -> &'static str {
        "constant"
    }

    fn family(&self) -> Family {
        Family::Bounded
    }

    fn forms(&self) -> &'static [Form] {
        const FORMS: &[Form] = &[Form {
            columns: |_| Columns::new(&[]),
            parameters: &[],
            grid: |_| along([0.0]),
            refined: false,
            min_blocks: 0,
            same_sign: false,
        }];
        FORMS
    }
}
