//! Any numbers as a series.

#![no_main]

use libfuzzer_sys::fuzz_target;
use soakd_analysis::{Estimate, Quantity, Question, Series, Tolerance, judge};

fn finite(estimate: Option<Estimate>) -> bool {
    estimate.is_none_or(|estimate| {
        estimate.value.is_finite()
            && estimate.low.is_none_or(f64::is_finite)
            && estimate.high.is_none_or(f64::is_finite)
    })
}

fuzz_target!(|input: (u8, f64, Vec<(f64, f64)>)| {
    let (kind, planned_s, points) = input;
    let quantity = [Quantity::Bytes, Quantity::Count, Quantity::Other][usize::from(kind % 3)];
    let tolerance = [Tolerance::Default, Tolerance::PerHour(1e6), Tolerance::PerOp(64.0), Tolerance::PerRun(0.0)]
        [usize::from(kind / 3 % 4)];
    // Steps rather than times, so that most inputs pass the checks of a series.
    let mut now_s = 0.0;
    let mut t_s = Vec::with_capacity(points.len());
    let mut values = Vec::with_capacity(points.len());
    for (step_s, value) in points {
        now_s += step_s.abs();
        t_s.push(now_s);
        values.push(value);
    }
    let ops: Vec<f64> = (0..values.len()).map(|index| (index * usize::from(kind)) as f64).collect();
    let Ok(series) = Series::new(quantity, t_s, values) else { return };
    let Ok(series) = series.with_ops(ops) else { return };
    let mut question = Question::new(planned_s);
    question.tolerance = tolerance;
    let judgement = judge(&series, &question);
    assert!(finite(judgement.rate_per_hour) && finite(judgement.rate_per_op) && finite(judgement.time_to_limit_s));
    assert!(judgement.tolerance_per_hour.is_finite());
    assert!(judgement.mde_per_hour.is_none_or(f64::is_finite));
});
