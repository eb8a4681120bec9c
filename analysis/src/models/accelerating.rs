//! Growth that gets faster, but not in proportion: work that is redone over a list that grows.

use super::{Basis, Columns, Family, Form, GrowthModel, along, number};

/// A power of the time above 1.
#[derive(Debug)]
pub(super) struct Accelerating;

impl GrowthModel for Accelerating {
    fn name(&self) -> &'static str {
        "accelerating"
    }

    fn family(&self) -> Family {
        Family::Sustained
    }

    fn forms(&self) -> &'static [Form] {
        const FORMS: &[Form] = &[Form {
            columns: |at| Columns::new(&[Basis::Power(at[0])]),
            parameters: &[number("exponent", 1.15, 4.0)],
            grid: |_| along([1.3, 1.7, 2.2, 3.0]),
            refined: true,
            min_blocks: 0,
            same_sign: false,
        }];
        FORMS
    }
}
