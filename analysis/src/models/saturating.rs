//! A warm-up: a cache that fills, pools that reach their size.

use super::{Basis, Columns, Family, Form, GrowthModel, SLOWEST_SATURATION, across, along, geometric, length, number};

/// Exponential saturation, two of them, or one by a power law (mixtures of time constants).
#[derive(Debug)]
pub(super) struct Saturating;

impl GrowthModel for Saturating {
    fn name(&self) -> &'static str {
        "saturating"
    }

    fn family(&self) -> Family {
        Family::Bounded
    }

    fn forms(&self) -> &'static [Form] {
        const FORMS: &[Form] = &[
            Form {
                columns: |at| Columns::new(&[Basis::Saturation(at[0])]),
                parameters: &[length("time_constant", 0.005, SLOWEST_SATURATION)],
                grid: |_| along(geometric(0.008, SLOWEST_SATURATION, 14)),
                refined: true,
                min_blocks: 0,
                same_sign: false,
            },
            Form {
                columns: |at| Columns::new(&[Basis::Saturation(at[0]), Basis::Saturation(at[1])]),
                parameters: &[
                    length("fast_time_constant", 0.004, 0.2),
                    length("slow_time_constant", 0.02, SLOWEST_SATURATION),
                ],
                grid: |_| {
                    let taus = geometric(0.01, SLOWEST_SATURATION, 6);
                    let mut places = across(taus.clone(), taus);
                    places.retain(|at| at[1] > 1.5 * at[0] && at[0] <= 0.2 && at[1] >= 0.02);
                    places
                },
                refined: true,
                min_blocks: 11,
                same_sign: false,
            },
            Form {
                columns: |at| Columns::new(&[Basis::PowerSaturation(at[0], at[1])]),
                parameters: &[length("half_time", 0.001, 0.5), number("exponent", 0.2, 5.0)],
                grid: |_| across(geometric(0.003, 0.4, 9), [0.35, 0.6, 0.9, 1.4, 2.2, 3.5].into_iter()),
                refined: true,
                min_blocks: 11,
                same_sign: false,
            },
        ];
        FORMS
    }
}
