//! What a judgement must say of plain cases, and what must not change it.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use proptest::prelude::*;
use soakd_analysis::{Judgement, JudgementKind, Quantity, Question, Series, Tolerance, judge};

const MIB: f64 = 1024.0 * 1024.0;

/// Repeatable noise between -0.5 and 0.5.
fn noise(i: usize) -> f64 {
    let mut x = i as u64 ^ 0x9E37_79B9_7F4A_7C15;
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
}

fn pages(value: f64) -> f64 {
    (value / 4096.0).round() * 4096.0
}

fn series(quantity: Quantity, count: usize, interval_s: f64, value: impl Fn(f64) -> f64) -> Series {
    let t_s: Vec<f64> = (0..count).map(|i| i as f64 * interval_s).collect();
    let values = t_s.iter().map(|t| value(*t)).collect();
    Series::new(quantity, t_s, values).unwrap()
}

fn judged(series: &Series) -> Judgement {
    judge(series, &Question::new(series.duration_s()))
}

#[track_caller]
fn says(judgement: &Judgement, kind: JudgementKind) {
    assert_eq!(judgement.judgement, kind, "{:?}", judgement.evidence);
}

#[test]
fn short_runs_of_small_programs_are_judged_right() {
    // 10 to 60 s at 50 to 500 ms, a few MiB, no noise but pages.
    for (count, interval_s) in [(200, 0.05), (100, 0.1), (300, 0.1), (120, 0.5), (60, 0.5)] {
        let whole_s = count as f64 * interval_s;
        let level = series(Quantity::Bytes, count, interval_s, |_| 5.0 * MIB);
        says(&judged(&level), JudgementKind::NoLeak);
        for per_run in [2.0, 10.0, 100.0] {
            let leak = series(Quantity::Bytes, count, interval_s, |t| pages(5.0 * MIB + per_run * MIB * t / whole_s));
            says(&judged(&leak), JudgementKind::Leak);
        }
        let fill = series(Quantity::Bytes, count, interval_s, |t| {
            pages(5.0 * MIB + 3.0 * MIB * (1.0 - (-t / (0.05 * whole_s)).exp()))
        });
        says(&judged(&fill), JudgementKind::NoLeak);
    }
}

#[test]
fn growth_in_random_portions_is_no_leak_by_the_bound_that_is_reported_of_it() {
    // 60 portions of random size at random times, 0.2 MiB in all: a line below the tolerance, of which more is not known than that
    // it is below 1 MiB per run.
    let mut level = 10.0 * MIB;
    let levels: Vec<f64> = (0..1200)
        .map(|i| {
            let before = level;
            if noise(i) + 0.5 < 60.0 / 1200.0 {
                level -= 0.2 * MIB / 60.0 * (noise(i + 7777) + 0.5).ln();
            }
            pages(before)
        })
        .collect();
    let growing = series(Quantity::Bytes, levels.len(), 1.0, |t| levels[t as usize]);
    let judgement = judged(&growing);
    says(&judgement, JudgementKind::NoLeak);
    let high = judgement.rate_per_hour.and_then(|rate| rate.high).unwrap();
    assert!(judgement.tolerance_per_hour < high && high < 3.0 * MIB, "{high} {:?}", judgement.evidence);
    assert!(judgement.evidence[1].contains("a finer bound needs a longer run"), "{:?}", judgement.evidence);
    // Who names a tolerance gets no coarser answer than asked for.
    let mut question = Question::new(growing.duration_s());
    question.tolerance = Tolerance::PerHour(judgement.tolerance_per_hour);
    says(&judge(&growing, &question), JudgementKind::Inconclusive);
}

#[test]
fn fewer_than_about_forty_points_are_inconclusive_and_say_so() {
    for count in [0, 1, 2, 3, 10, 30] {
        let judgement = judged(&series(Quantity::Bytes, count, 1.0, |t| 5.0 * MIB + MIB * t));
        says(&judgement, JudgementKind::Inconclusive);
        assert!(judgement.evidence[0].contains("needed"), "{:?}", judgement.evidence);
        let planned_h = (count.max(2) - 1) as f64 / 3600.0;
        let mut question = Question::new(planned_h * 3600.0);
        let short = series(Quantity::Bytes, count, 1.0, |_| 5.0 * MIB);
        let tolerated = judge(&short, &question).tolerance_per_hour;
        assert!((tolerated * planned_h / (256.0 * 1024.0) - 1.0).abs() < 1e-9, "{tolerated}");
        question.tolerance = Tolerance::PerHour(77.0);
        assert_eq!(judge(&short, &question).tolerance_per_hour, 77.0);
    }
}

/// What the answer says and what its interval says.
fn agrees(judgement: &Judgement, coarse_per_hour: f64) -> Result<(), TestCaseError> {
    let Some(rate) = judgement.rate_per_hour else {
        prop_assert_eq!(judgement.judgement, JudgementKind::Inconclusive);
        return Ok(());
    };
    let (low, high) = (rate.low.unwrap_or(f64::NEG_INFINITY), rate.high.unwrap_or(f64::INFINITY));
    prop_assert!(low <= rate.value && rate.value <= high, "{rate:?} {:?}", judgement.evidence);
    match judgement.judgement {
        JudgementKind::Leak => {
            prop_assert!(low > 0.0 && rate.value > judgement.tolerance_per_hour, "{rate:?} {:?}", judgement.evidence);
        }
        JudgementKind::NoLeak => {
            let bound = judgement.tolerance_per_hour.max(coarse_per_hour);
            prop_assert!(high < bound, "{rate:?} {bound} {:?}", judgement.evidence);
        }
        JudgementKind::Inconclusive | JudgementKind::Retention => {}
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_answer_and_its_interval_agree(mechanism in 0..soakd_simulate::MECHANISMS.len(), seed in 30_000_u64..60_000) {
        let case = soakd_simulate::generate(&soakd_simulate::MECHANISMS[mechanism], seed);
        prop_assume!(case.t_s.len() < 20_000);
        let quantity = Quantity::of_metric(case.metric);
        let mut one = Series::new(quantity, case.t_s, case.values).unwrap().with_restarts(case.restarts_s).unwrap();
        if let Some(ops) = case.ops {
            one = one.with_ops(ops).unwrap();
        }
        let question = Question::new(case.planned_s);
        let coarse = if quantity == Quantity::Bytes { MIB / case.planned_s * 3600.0 } else { 0.0 };
        agrees(&judge(&one, &question), coarse)?;
    }
}

#[test]
fn a_descriptor_lost_per_thousand_operations_is_found_and_a_pool_is_not() {
    // 20 operations a second for 20 minutes: 24 descriptors.
    let count = 1200;
    let ops: Vec<f64> = (0..count).map(|i| 20.0 * i as f64).collect();
    let lost = series(Quantity::Count, count, 1.0, |t| 30.0 + (20.0 * t / 1000.0).floor()).with_ops(ops).unwrap();
    let judgement = judged(&lost);
    says(&judgement, JudgementKind::Leak);
    let per_op = judgement.rate_per_op.unwrap();
    assert!(per_op.low.unwrap() < 0.001 && per_op.high.unwrap() > 0.001, "{per_op:?}");

    let pool = series(Quantity::Count, count, 1.0, |t| 30.0 + (t / 9.0).floor().min(24.0));
    says(&judged(&pool), JudgementKind::NoLeak);
    let level = series(Quantity::Count, count, 1.0, |_| 17.0);
    says(&judged(&level), JudgementKind::NoLeak);
}

#[test]
fn a_tolerance_per_operation_is_held_against_growth_per_operation() {
    let ops: Vec<f64> = (0..600).map(|i| 100.0 * i as f64).collect();
    let grows = |per_op: f64| {
        series(Quantity::Bytes, 600, 1.0, |t| pages(50.0 * MIB + per_op * 100.0 * t)).with_ops(ops.clone()).unwrap()
    };
    let mut question = Question::new(600.0);
    question.tolerance = Tolerance::PerOp(100.0);
    says(&judge(&grows(300.0), &question), JudgementKind::Leak);
    says(&judge(&grows(30.0), &question), JudgementKind::NoLeak);
    let without = series(Quantity::Bytes, 600, 1.0, |t| 50.0 * MIB + t);
    let judgement = judge(&without, &question);
    says(&judgement, JudgementKind::Inconclusive);
    assert!(judgement.evidence[0].contains("no operations"), "{:?}", judgement.evidence);
}

#[test]
fn a_restart_is_not_shrinking_memory_and_a_leak_is_seen_behind_it() {
    let t_s: Vec<f64> = (0..1000).map(f64::from).collect();
    let values = (0..1000).map(|i| pages(50.0 * MIB + f64::from(i % 300) * 0.1 * MIB)).collect();
    let series = Series::new(Quantity::Bytes, t_s, values).unwrap().with_restarts(vec![300.0, 600.0, 900.0]).unwrap();
    let judgement = judged(&series);
    says(&judgement, JudgementKind::Leak);
    let rate = judgement.rate_per_hour.unwrap().value;
    assert!((rate / (360.0 * MIB) - 1.0).abs() < 0.02, "{rate}");
}

#[test]
fn a_warm_up_that_is_named_is_left_out() {
    let fills = series(Quantity::Bytes, 600, 1.0, |t| pages(50.0 * MIB + 0.2 * MIB * t.min(450.0)));
    let mut question = Question::new(600.0);
    question.warmup_s = Some(460.0);
    let judgement = judge(&fills, &question);
    says(&judgement, JudgementKind::NoLeak);
    assert!((judgement.settled_baseline.unwrap() / MIB - 140.0).abs() < 0.1);
    assert!(judgement.warmup_s >= 460.0);
}

#[test]
fn the_time_to_the_limit_follows_from_the_rate() {
    let leak = series(Quantity::Bytes, 600, 1.0, |t| pages(50.0 * MIB + 0.1 * MIB * t + 0.2 * MIB * noise(t as usize)));
    let mut question = Question::new(600.0);
    question.limit = Some(170.0 * MIB);
    let judgement = judge(&leak, &question);
    says(&judgement, JudgementKind::Leak);
    let time = judgement.time_to_limit_s.unwrap();
    assert!(time.low.unwrap() <= 601.0 && time.high.unwrap() >= 598.0, "{time:?}");
    let growth = judgement.growth_over_horizon_ratio.unwrap();
    assert!((growth.value / (0.1 * question.horizon_s / 50.0) - 1.0).abs() < 0.1);
}

#[test]
fn a_late_leak_tells_when_it_began() {
    let late = series(Quantity::Bytes, 1200, 1.0, |t| {
        pages(80.0 * MIB + 0.05 * MIB * (t - 600.0).max(0.0) + 0.1 * MIB * noise(t as usize))
    });
    let judgement = judged(&late);
    says(&judgement, JudgementKind::Leak);
    assert!((judgement.onset_s.unwrap() - 600.0).abs() < 30.0, "{:?}", judgement.onset_s);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn adding_a_constant_changes_no_rate_and_doubling_doubles_it(
        slope in 0.0..2000.0_f64,
        spread in 0.0..4.0_f64,
        fill in 0.0..20.0_f64,
        count in 60_usize..400,
    ) {
        let value = |i: usize| {
            let grown = slope * i as f64 + fill * MIB * (1.0 - (-(i as f64) / 20.0).exp());
            pages(100.0 * MIB + grown + spread * MIB * noise(i))
        };
        let mut question = Question::new(count as f64);
        question.tolerance = Tolerance::PerHour(3600.0 * 500.0);
        let rate = |scale: f64, shift: f64, quantity: Quantity, question: &Question| {
            let one = series(quantity, count, 1.0, |t| scale * value(t as usize) + shift);
            judge(&one, question).rate_per_hour
        };
        let plain = rate(1.0, 0.0, Quantity::Bytes, &question);
        prop_assert_eq!(plain, rate(1.0, 2.0_f64.powi(40), Quantity::Bytes, &question));
        // Without a quantum nothing sets a scale.
        let plain = rate(1.0, 0.0, Quantity::Other, &question).map(|rate| rate.scaled(2.0));
        question.tolerance = Tolerance::PerHour(2.0 * 3600.0 * 500.0);
        let doubled = rate(2.0, 0.0, Quantity::Other, &question);
        let close = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1.0),
            (a, b) => a == b,
        };
        prop_assert!(close(plain.map(|r| r.value), doubled.map(|r| r.value)), "{:?} {:?}", plain, doubled);
        prop_assert!(close(plain.and_then(|r| r.low), doubled.and_then(|r| r.low)));
    }
}

/// Lives of `life` samples at 1 min: `value(life, age)` in bytes, as shares of a life.
fn restarting(lives: usize, life: usize, value: impl Fn(usize, f64) -> f64) -> Series {
    let of = |i: usize| pages(value(i / life, (i % life) as f64 / life as f64));
    let count = lives * life;
    let t_s = (0..count).map(|i| 60.0 * i as f64).collect();
    let restarts_s = (1..lives).map(|k| (k * life) as f64 * 60.0).collect();
    Series::new(Quantity::Bytes, t_s, (0..count).map(of).collect()).unwrap().with_restarts(restarts_s).unwrap()
}

/// Noise of `bytes`, and a level and a warm-up that differ from life to life.
fn own_start(bytes: f64, life: usize, age: f64) -> f64 {
    let size = 20.0 + 10.0 * noise(life + 77);
    let at = 1_000_000 + life * 5000 + (age * 240.0) as usize;
    MIB * (300.0 + 20.0 * noise(life) + size * (1.0 - (-age / 0.04).exp())) + bytes * noise(at)
}

#[test]
fn a_leak_in_every_one_of_six_processes_is_found_with_the_evidence_of_all() {
    // Four hours each, in noise that hides the growth in single lives.
    let truth = 0.25 * MIB;
    let grown = |life: usize, age: f64| {
        let at = 1_000_000 + life * 5000 + (age * 240.0) as usize;
        MIB * (300.0 + 20.0 * noise(life) + 4.0 * noise(at)) + 4.0 * truth * age
    };
    let day = restarting(6, 240, grown);
    let mut question = Question::new(day.duration_s());
    question.tolerance = Tolerance::PerHour(64.0 * 1024.0);
    let all = judge(&day, &question);
    says(&all, JudgementKind::Leak);
    let rate = all.rate_per_hour.unwrap();
    assert!(rate.low.unwrap() < truth && truth < rate.high.unwrap(), "{rate:?}");
    assert!(all.evidence.iter().any(|sentence| sentence.starts_with("6 of 6 processes")), "{:?}", all.evidence);

    let alone: Vec<Judgement> = (0..6).map(|k| judge(&restarting(1, 240, |_, age| grown(k, age)), &question)).collect();
    let found = alone.iter().filter(|one| one.judgement == JudgementKind::Leak).count();
    let width = |one: &Judgement| one.rate_per_hour.map(|rate| rate.high.unwrap() - rate.low.unwrap()).unwrap();
    let mut widths: Vec<f64> = alone.iter().map(width).collect();
    widths.sort_by(f64::total_cmp);
    let gain = widths[3] / width(&all);
    assert!(found <= 3 && gain > 0.75 * 6.0_f64.sqrt(), "{found} {gain}");
}

#[test]
fn a_service_that_warms_up_or_fills_a_cache_after_every_restart_is_no_leak() {
    let warm = restarting(6, 240, |life, age| own_start(0.1 * MIB, life, age));
    says(&judged(&warm), JudgementKind::NoLeak);
    let fill = restarting(6, 240, |life, age| own_start(0.1 * MIB, life, age) + 40.0 * MIB * (age / 0.5).min(1.0));
    says(&judged(&fill), JudgementKind::NoLeak);
    // Five minutes each: none is ever older than its warm-up, and each ends higher than it began.
    let crashes = restarting(60, 40, |life, age| own_start(0.0, life, age) + 40.0 * MIB * (1.0 - (-age / 0.2).exp()));
    assert_ne!(judged(&crashes).judgement, JudgementKind::Leak);
}

#[test]
fn processes_whose_rates_contradict_each_other_are_told_and_do_not_make_a_leak_of_one() {
    let repaired =
        restarting(6, 240, |life, age| own_start(0.1 * MIB, life, age) + if life < 3 { 30.0 * MIB * age } else { 0.0 });
    let judgement = judged(&repaired);
    says(&judgement, JudgementKind::Inconclusive);
    assert!(judgement.evidence.iter().any(|s| s.contains("contradict each other: ")), "{:?}", judgement.evidence);
    let rate = judgement.rate_per_hour.unwrap();
    assert!(rate.low.unwrap() < 0.05 * MIB && rate.high.unwrap() > 7.5 * MIB, "{rate:?}");
    // All of them leak, at different rates: that stands.
    let loaded = restarting(6, 240, |life, age| own_start(0.1 * MIB, life, age) + (10.0 + life as f64) * MIB * age);
    let judgement = judged(&loaded);
    says(&judgement, JudgementKind::Leak);
    assert!(judgement.evidence.iter().any(|s| s.contains("contradict each other: ")), "{:?}", judgement.evidence);
}

/// A large heap that is collected about nine times in a day, at levels that vary, on top of `under(share of the run)`.
fn rarely_collected(under: impl Fn(f64) -> f64) -> Series {
    let (mut heap, mut limit, mut collections) = (0.0, 9.0 * MIB, 0);
    let values: Vec<f64> = (0..4320)
        .map(|i| {
            heap += 15.0 * MIB * 9.0 / 4320.0;
            if heap > limit {
                collections += 1;
                (heap, limit) = (0.0, 15.0 * MIB * (1.0 + 0.4 * noise(collections)));
            }
            pages(120.0 * MIB + heap + 0.2 * MIB * noise(i) + under(i as f64 / 4320.0))
        })
        .collect();
    Series::new(Quantity::Bytes, (0..4320).map(|i| 20.0 * f64::from(i)).collect(), values).unwrap()
}

#[test]
fn a_leak_under_nine_collections_is_seen_in_what_they_leave_and_a_warm_up_under_them_is_none() {
    let judgement = judged(&rarely_collected(|x| 6.0 * MIB * x));
    says(&judgement, JudgementKind::Leak);
    let rate = judgement.rate_per_hour.unwrap();
    let truth = 6.0 * MIB / 24.0;
    assert!(rate.low.unwrap() < truth && truth < rate.high.unwrap(), "{rate:?}");
    assert!(rate.high.unwrap() - rate.low.unwrap() < 2.0 * truth, "{rate:?}");
    for bounded in [0.0, 6.0] {
        let warm = judged(&rarely_collected(|x| bounded * MIB * (1.0 - (-x / 0.1).exp())));
        assert_ne!(warm.judgement, JudgementKind::Leak, "{:?}", warm.evidence);
    }
}

/// `holds` is what the interval of a parameter must hold.
#[track_caller]
fn is_explained_by(judgement: &Judgement, name: &str, alone: &str, holds: &[(&str, f64)]) {
    let model = judgement.model.as_ref().unwrap();
    assert_eq!(model.name, name, "{:?}", model.scores);
    for (parameter, value) in holds {
        let told = model.parameters.get(*parameter).unwrap_or_else(|| panic!("{parameter}: {:?}", model.parameters));
        assert!(told.low.unwrap() <= *value && *value <= told.high.unwrap(), "{parameter}: {told:?} without {value}");
    }
    assert_eq!((model.scores[0].name.as_str(), model.scores[0].behind), (name, 0.0));
    assert!(model.scores.windows(2).all(|pair| pair[0].behind <= pair[1].behind));
    // A level or a line alone is a row of the same table, and no match.
    let behind = model.scores.iter().find(|score| score.name == alone).unwrap().behind;
    assert!(behind > 10.0, "`{alone}` is only {behind} behind `{name}`");
}

#[test]
fn motion_is_a_model_with_parameters_and_a_score_of_its_own() {
    let hum = |t: f64| 60_000.0 * noise((t * 10.0) as usize);
    let wave = |t: f64| 50.0 * MIB + 4.0 * MIB * (t / 40.0).sin() + hum(t);
    let period_s = 80.0 * std::f64::consts::PI;
    let waves = judged(&series(Quantity::Bytes, 1500, 1.0, wave));
    says(&waves, JudgementKind::NoLeak);
    is_explained_by(&waves, "cyclic", "constant", &[("period_s", period_s), ("amplitude_bytes", 4.0 * MIB)]);

    let drift = |t: f64| wave(t) + 0.02 * MIB * t;
    let waves = judged(&series(Quantity::Bytes, 1500, 1.0, drift));
    says(&waves, JudgementKind::Leak);
    is_explained_by(&waves, "cyclic_drift", "linear", &[("period_s", period_s), ("growth_bytes_per_hour", 72.0 * MIB)]);

    // A collector whose troughs rise.
    let saw = |t: f64| 50.0 * MIB + 9.0 * MIB * (t / 31.0).fract() + 0.01 * MIB * t + hum(t);
    let teeth = judged(&series(Quantity::Bytes, 1500, 1.0, saw));
    says(&teeth, JudgementKind::Leak);
    let holds = [("period_s", 31.0), ("height_bytes", 9.0 * MIB), ("trough_drift_bytes_per_hour", 36.0 * MIB)];
    is_explained_by(&teeth, "cyclic_drift", "linear", &holds);

    let bursts = |t: f64| {
        let far = (300.0..340.0).contains(&t) || (700.0..750.0).contains(&t) || (1200.0..1245.0).contains(&t);
        50.0 * MIB + if far { 20.0 * MIB } else { 0.0 } + hum(t)
    };
    let bursts = judged(&series(Quantity::Bytes, 1500, 1.0, bursts));
    says(&bursts, JudgementKind::NoLeak);
    let holds = [("start_s", 299.5), ("length_s", 45.0), ("height_bytes", 20.0 * MIB), ("retained_ratio", 0.0)];
    is_explained_by(&bursts, "burst", "constant", &holds);
    assert_eq!(bursts.model.unwrap().turns.len(), 6);

    let stairs = |t: f64| 50.0 * MIB + 3.0 * MIB * ((t + 40.0) / 75.0).floor() + hum(t);
    let stairs = judged(&series(Quantity::Bytes, 1500, 1.0, stairs));
    says(&stairs, JudgementKind::Leak);
    is_explained_by(&stairs, "staircase", "linear", &[("step_bytes", 3.0 * MIB), ("steps_per_hour", 48.0)]);

    let jump = |t: f64| 50.0 * MIB + if t < 600.0 { 0.0 } else { 6.0 * MIB } + hum(t);
    let jump = judged(&series(Quantity::Bytes, 1500, 1.0, jump));
    says(&jump, JudgementKind::NoLeak);
    is_explained_by(&jump, "step", "constant", &[("step_s", 599.5), ("step_bytes", 6.0 * MIB)]);
}
