//! Growth that never stops but gets ever slower: fragmentation, logarithmic fills.

use super::{Basis, Columns, Family, Form, GrowthModel, STEP, across, along, geometric, length, number};

/// A logarithm, a power up to 0.6, a step and a logarithm, or a warm-up and a logarithm.
#[derive(Debug)]
pub(super) struct Sublinear;

impl GrowthModel for Sublinear {
    fn name(&self) -> &'static str {
        "sublinear"
    }

    fn family(&self) -> Family {
        Family::Bounded
    }

    fn forms(&self) -> &'static [Form] {
        const FORMS: &[Form] = &[
            Form {
                columns: |at| Columns::new(&[Basis::Logarithm(at[0])]),
                parameters: &[length("scale", 0.0002, 0.3)],
                grid: |_| along(geometric(0.0005, 0.3, 8)),
                refined: true,
                min_blocks: 0,
                same_sign: false,
            },
            Form {
                columns: |at| Columns::new(&[Basis::Power(at[0])]),
                parameters: &[number("exponent", 0.1, 0.6)],
                grid: |_| along([0.2, 0.35, 0.5, 0.6]),
                refined: true,
                min_blocks: 0,
                same_sign: false,
            },
            Form {
                columns: |at| Columns::new(&[Basis::Step(at[0]), Basis::Logarithm(at[1])]),
                parameters: &[STEP, length("scale", 0.001, 0.3)],
                grid: |layout| across(layout.some_edges(16), [0.003, 0.03, 0.2].into_iter()),
                refined: true,
                min_blocks: 11,
                same_sign: false,
            },
            Form {
                columns: |at| Columns::new(&[Basis::Saturation(at[0]), Basis::Logarithm(at[1])]),
                parameters: &[length("time_constant", 0.004, 0.2), length("scale", 0.001, 0.3)],
                grid: |_| across(geometric(0.01, 0.1, 4), geometric(0.003, 0.3, 4)),
                refined: true,
                min_blocks: 11,
                same_sign: false,
            },
        ];
        FORMS
    }
}
