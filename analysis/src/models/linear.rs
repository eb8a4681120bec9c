//! Steady growth: the plain leak.

use super::{Basis, Columns, Family, Form, GrowthModel, along};

/// A straight line over the whole run.
#[derive(Debug)]
pub(super) struct Linear;

impl GrowthModel for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn family(&self) -> Family {
        Family::Sustained
    }

    fn forms(&self) -> &'static [Form] {
        const FORMS: &[Form] = &[Form {
            columns: |_| Columns::new(&[Basis::Line]),
            parameters: &[],
            grid: |_| along([0.0]),
            refined: false,
            min_blocks: 0,
            same_sign: false,
        }];
        FORMS
    }
}
