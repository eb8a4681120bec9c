//! Shapes that advance with operations instead of time: what leaks per request, what fills per key.

use super::{
    Basis, Clock, Columns, Family, Form, GrowthModel, LATEST_STOP, SLOWEST_SATURATION, SLOWEST_WARM_UP, along, even,
    geometric, length, place,
};

macro_rules! by_operations {
    ($doc:literal, $model:ident, $name:literal, $family:ident, $columns:expr, $parameters:expr, $grid:expr) => {
        #[doc = $doc]
        #[derive(Debug)]
        pub(super) struct $model;

        impl GrowthModel for $model {
            fn name(&self) -> &'static str {
                $name
            }

            fn family(&self) -> Family {
                Family::$family
            }

            fn clock(&self) -> Clock {
                Clock::Operations
            }

            fn forms(&self) -> &'static [Form] {
                const FORMS: &[Form] = &[Form {
                    columns: $columns,
                    parameters: $parameters,
                    grid: $grid,
                    refined: true,
                    min_blocks: 0,
                    same_sign: false,
                }];
                FORMS
            }
        }
    };
}

by_operations!(
    "The same growth with every operation.",
    LinearOps,
    "linear_ops",
    Sustained,
    |_| Columns::new(&[Basis::Line]),
    &[],
    |_| along([0.0])
);
by_operations!(
    "A warm-up and the same growth with every operation.",
    SaturatingLinearOps,
    "saturating_linear_ops",
    Sustained,
    |at| Columns::new(&[Basis::Saturation(at[0]), Basis::Line]),
    &[length("time_constant", 0.005, SLOWEST_WARM_UP)],
    |_| along(geometric(0.008, SLOWEST_WARM_UP, 10))
);
by_operations!(
    "A saturation in operations.",
    SaturatingOps,
    "saturating_ops",
    Bounded,
    |at| Columns::new(&[Basis::Saturation(at[0])]),
    &[length("constant", 0.005, SLOWEST_SATURATION)],
    |_| along(geometric(0.008, SLOWEST_SATURATION, 14))
);
by_operations!(
    "A logarithm of operations.",
    SublinearOps,
    "sublinear_ops",
    Bounded,
    |at| Columns::new(&[Basis::Logarithm(at[0])]),
    &[length("scale", 0.0002, 0.3)],
    |_| along(geometric(0.0005, 0.3, 8))
);
by_operations!(
    "A fill that ends after a number of operations.",
    RampStopOps,
    "ramp_stop_ops",
    Bounded,
    |at| Columns::new(&[Basis::Ramp(0.0, at[0])]),
    &[place("stop", 0.04, LATEST_STOP)],
    |_| along(even(0.06, LATEST_STOP, 13))
);
