//! Whatever the numbers are, a judgement comes back, all of it finite: the bounded version of the fuzz targets.

use proptest::prelude::*;
use soakd_analysis::{Judgement, JudgementKind, Monitor, Quantity, Question, Series, Tolerance, judge};

/// Numbers that break arithmetic, among ordinary ones.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => 0.0..1e10_f64,
        2 => prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO,
        1 => prop::sample::select(vec![0.0, -0.0, 1.0, 4096.0, f64::MIN_POSITIVE, f64::MAX, f64::MIN, 2.0_f64.powi(60), 5e-324]),
    ]
}

fn quantity() -> impl Strategy<Value = Quantity> {
    prop::sample::select(vec![Quantity::Bytes, Quantity::Count, Quantity::Other])
}

fn tolerance() -> impl Strategy<Value = Tolerance> {
    prop::sample::select(vec![
        Tolerance::Default,
        Tolerance::PerHour(1e6),
        Tolerance::PerOp(64.0),
        Tolerance::PerRun(0.0),
        Tolerance::PerHour(f64::NAN),
    ])
}

/// Names of the numbers of a judgement that are not finite. JSON has no such number: they would be `null`.
fn not_finite(judgement: &Judgement) -> Vec<&'static str> {
    let estimates = [
        ("rate_per_hour", judgement.rate_per_hour),
        ("rate_per_op", judgement.rate_per_op),
        ("time_to_limit_s", judgement.time_to_limit_s),
        ("growth_over_horizon_ratio", judgement.growth_over_horizon_ratio),
    ];
    let numbers = [
        ("mde_per_hour", judgement.mde_per_hour),
        ("mde_per_op", judgement.mde_per_op),
        ("needed_s", judgement.needed_s),
        ("settled_baseline", judgement.settled_baseline),
        ("final_level", judgement.final_level),
        ("onset_s", judgement.onset_s),
        ("tolerance_per_hour", Some(judgement.tolerance_per_hour)),
        ("warmup_s", Some(judgement.warmup_s)),
    ];
    let estimates = estimates.into_iter().filter_map(|(name, estimate)| {
        let estimate = estimate?;
        let all = [Some(estimate.value), estimate.low, estimate.high];
        all.into_iter().flatten().any(|number| !number.is_finite()).then_some(name)
    });
    let numbers = numbers.into_iter().filter_map(|(name, number)| number.filter(|n| !n.is_finite()).map(|_| name));
    let model = judgement.model.iter().flat_map(|model| {
        let parameters = model.parameters.values().flat_map(|one| [Some(one.value), one.low, one.high]).flatten();
        let turns = model.turns.iter().flat_map(|turn| [turn.t_s, turn.change]);
        let scores = model.scores.iter().map(|score| score.behind);
        parameters.chain(turns).chain(scores).filter(|number| !number.is_finite()).map(|_| "model")
    });
    estimates.chain(numbers).chain(model).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_numbers_are_judged(
        quantity in quantity(),
        tolerance in tolerance(),
        planned_s in value(),
        limit in prop::option::of(value()),
        points in prop::collection::vec((1e-6..1e6_f64, value()), 0..300),
        counted in any::<bool>(),
        restart_s in prop::option::of(0.0..1e7_f64),
    ) {
        let mut now_s = 0.0;
        let (mut t_s, mut values) = (Vec::new(), Vec::new());
        for (step_s, value) in points {
            now_s += step_s;
            t_s.push(now_s);
            values.push(value);
        }
        let ops: Vec<f64> = (0..values.len()).map(|index| 10.0 * index as f64).collect();
        let mut series = Series::new(quantity, t_s, values).unwrap().with_restarts(restart_s.into_iter().collect()).unwrap();
        if counted {
            series = series.with_ops(ops).unwrap();
        }
        let mut question = Question::new(planned_s);
        question.tolerance = tolerance;
        question.limit = limit;
        let judgement = judge(&series, &question);
        prop_assert_eq!(not_finite(&judgement), Vec::<&str>::new());
        prop_assert_eq!(judge(&series, &question), judgement);
    }

    #[test]
    fn any_lives_are_judged(
        planned_s in value(),
        warmup_s in prop::option::of(value()),
        lives in prop::collection::vec((prop::collection::vec((1e-3..1e3_f64, value()), 30..90), 0..3_u8), 2..6),
    ) {
        let mut now_s = 0.0;
        let (mut t_s, mut values, mut restarts_s) = (Vec::new(), Vec::new(), Vec::new());
        for (points, kind) in lives {
            let long_s = if kind == 0 { 1e9 } else { 1.0 };
            for (index, (step_s, value)) in points.into_iter().enumerate() {
                // A life may begin with a gap longer than all the others.
                now_s += if index == 1 { step_s * long_s } else { step_s };
                if index == 0 {
                    restarts_s.push(now_s);
                }
                t_s.push(now_s);
                values.push(if kind == 2 { 1e8 } else { value });
            }
        }
        let mut monitor = Monitor::new(Quantity::Bytes, Question::new(planned_s));
        for (t_s, value) in t_s.iter().zip(&values) {
            if restarts_s.contains(t_s) {
                monitor.restart(*t_s);
            }
            prop_assert!(monitor.push(*t_s, *value, None).is_ok());
        }
        let series = Series::new(Quantity::Bytes, t_s, values).unwrap().with_restarts(restarts_s).unwrap();
        let mut question = Question::new(planned_s);
        let judgement = judge(&series, &question);
        prop_assert_eq!(not_finite(&judgement), Vec::<&str>::new());
        prop_assert_eq!(monitor.judgement(), judgement);
        question.warmup_s = warmup_s;
        prop_assert_eq!(not_finite(&judge(&series, &question)), Vec::<&str>::new());
    }

    #[test]
    fn any_samples_are_followed(
        planned_s in 1.0..1e5_f64,
        samples in prop::collection::vec((0_u8..20, -10.0..1e3_f64, value()), 0..200),
    ) {
        let mut monitor = Monitor::new(Quantity::Bytes, Question::new(planned_s));
        let mut now_s = 0.0;
        for (kind, step_s, value) in samples {
            now_s += step_s;
            match kind {
                0 => monitor.restart(now_s),
                1 => prop_assert!(monitor.push(f64::NAN, value, None).is_err()),
                2 => prop_assert!(monitor.push(now_s, f64::INFINITY, None).is_err()),
                _ => drop(monitor.push(now_s, value, None)),
            }
            if let Some(judgement) = monitor.decision() {
                prop_assert_eq!(not_finite(&judgement), Vec::<&str>::new());
            }
        }
        prop_assert_eq!(not_finite(&monitor.judgement()), Vec::<&str>::new());
    }
}

#[test]
fn a_million_points_in_one_second_are_judged() {
    let t_s: Vec<f64> = (0..1_000_000).map(|index| f64::from(index) * 1e-6).collect();
    let values = vec![2.0_f64.powi(60); t_s.len()];
    let series = Series::new(Quantity::Bytes, t_s, values).unwrap();
    let judgement = judge(&series, &Question::new(1.0));
    assert_eq!(judgement.points, 1_000_000);
    assert_eq!(not_finite(&judgement), Vec::<&str>::new());
}

#[test]
fn times_whose_differences_overflow_are_told() {
    let t_s: Vec<f64> = (0..100).map(|index| f64::MAX * (f64::from(index) / 49.5 - 1.0)).collect();
    let series = Series::new(Quantity::Bytes, t_s, vec![1e8; 100]).unwrap();
    let judgement = judge(&series, &Question::new(60.0));
    assert_eq!(judgement.judgement, JudgementKind::Inconclusive);
    assert_eq!(not_finite(&judgement), Vec::<&str>::new());
}
