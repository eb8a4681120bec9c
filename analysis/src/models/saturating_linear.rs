//! A leak under a warm-up.

use super::{
    Basis, Columns, Family, Form, GrowthModel, SLOWEST_WARM_UP, STEP, across, along, even, geometric, length, place,
};

/// An even fill beside growth has ended at this share of the run: what comes after has to show the growth.
const LATEST_FILL: f64 = 0.6;

/// Saturation and a line; a fill that ends and a line; two saturations and a line; a step, a saturation and a line.
#[derive(Debug)]
pub(super) struct SaturatingLinear;

impl GrowthModel for SaturatingLinear {
    fn name(&self) -> &'static str {
        "saturating_linear"
    }

    fn family(&self) -> Family {
        Family::Sustained
    }

    fn forms(&self) -> &'static [Form] {
        const FORMS: &[Form] = &[
            Form {
                columns: |at| Columns::new(&[Basis::Saturation(at[0]), Basis::Line]),
                parameters: &[length("time_constant", 0.005, SLOWEST_WARM_UP)],
                grid: |_| along(geometric(0.008, SLOWEST_WARM_UP, 10)),
                refined: true,
                min_blocks: 0,
                same_sign: false,
            },
            Form {
                columns: |at| Columns::new(&[Basis::Saturation(at[0]), Basis::Saturation(at[1]), Basis::Line]),
                parameters: &[
                    length("fast_time_constant", 0.004, 0.2),
                    length("slow_time_constant", 0.02, SLOWEST_WARM_UP),
                ],
                grid: |_| {
                    let taus = geometric(0.01, SLOWEST_WARM_UP, 5);
                    let mut places = across(taus.clone(), taus);
                    places.retain(|at| at[1] > 1.5 * at[0]);
                    places
                },
                refined: true,
                min_blocks: 11,
                same_sign: true,
            },
            Form {
                columns: |at| Columns::new(&[Basis::Ramp(0.0, at[0]), Basis::Line]),
                parameters: &[place("fill_end", 0.04, LATEST_FILL)],
                grid: |_| along(even(0.06, LATEST_FILL, 10)),
                refined: true,
                min_blocks: 0,
                same_sign: true,
            },
            Form {
                columns: |at| Columns::new(&[Basis::Step(at[0]), Basis::Saturation(at[1]), Basis::Line]),
                parameters: &[STEP, length("time_constant", 0.008, SLOWEST_WARM_UP)],
                grid: |layout| across(layout.some_edges(24), [0.02, 0.06, 0.18].into_iter()),
                refined: true,
                min_blocks: 11,
                same_sign: false,
            },
        ];
        FORMS
    }
}
