//! Growth in proportion to what is there already.

use super::{Basis, Columns, Family, Form, GrowthModel, across, along, geometric, length, number};

/// Exponential growth, half an e-folding over the run to eight, without and with a warm-up before.
#[derive(Debug)]
pub(super) struct Exponential;

impl GrowthModel for Exponential {
    fn name(&self) -> &'static str {
        "exponential"
    }

    fn family(&self) -> Family {
        Family::Sustained
    }

    fn forms(&self) -> &'static [Form] {
        const FORMS: &[Form] = &[
            Form {
                columns: |at| Columns::new(&[Basis::Exponential(at[0])]),
                parameters: &[number("e_foldings", 0.5, 8.0)],
                grid: |_| along([0.7, 1.2, 2.0, 3.0, 4.5, 6.0]),
                refined: true,
                min_blocks: 0,
                same_sign: false,
            },
            Form {
                columns: |at| Columns::new(&[Basis::Saturation(at[0]), Basis::Exponential(at[1])]),
                parameters: &[length("time_constant", 0.004, 0.2), number("e_foldings", 0.5, 8.0)],
                grid: |_| across(geometric(0.01, 0.15, 5), [1.0, 2.0, 3.5, 6.0].into_iter()),
                refined: true,
                min_blocks: 11,
                same_sign: false,
            },
        ];
        FORMS
    }
}
