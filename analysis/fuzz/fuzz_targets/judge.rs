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

fuzz_target!(|input: (u8, f64, i8, i8, Vec<(u16, i16)>)| {
    let (kind, planned_s, time_scale, value_scale, points) = input;
    let quantity = [Quantity::Bytes, Quantity::Count, Quantity::Other][usize::from(kind % 3)];
    let tolerance = [Tolerance::Default, Tolerance::PerHour(1e6), Tolerance::PerOp(64.0), Tolerance::PerRun(0.0)]
        [usize::from(kind / 3 % 4)];
    // Numbers of one scale make series that are judged; numbers of any bits are refused, or are as odd as numbers can be.
    let walks = kind & 64 != 0;
    let is_wild = kind & 128 != 0;
    let scaled = |number: f64, scale: i8| number * f64::from(scale).exp2();
    let mut now_s = 0.0;
    let mut level = 0.0;
    let mut t_s = Vec::with_capacity(points.len());
    let mut values = Vec::with_capacity(points.len());
    for (step, value) in points {
        now_s += scaled(f64::from(step) + 1.0, time_scale);
        level = if walks { level + f64::from(value) } else { f64::from(value) };
        let bits = (u64::from(step) << 48) | (u64::from(value.unsigned_abs()) << 32);
        t_s.push(now_s);
        values.push(if is_wild { f64::from_bits(bits) } else { scaled(level, value_scale) });
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
