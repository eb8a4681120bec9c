//! What a judgement costs, from a thousand points to a million, and what one more sample costs.
//!
//! ```text
//! cargo bench -p soakd-analysis --bench judge
//! ```
//!
//! `judge/86400` is a day at 1 s, `least_squares` beside it the same series in one pass of a straight line: the
//! cheapest rule that people use. The cost of a judgement should fall behind that line's in growth, since everything
//! after the first pass works on a bounded number of blocks.

#![allow(missing_docs, reason = "the macros of criterion make public items")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use soakd_analysis::{Estimate, Monitor, Quantity, Question, Series, judge};

const LENGTHS: [usize; 6] = [1_000, 10_000, 86_400, 100_000, 300_000, 1_000_000];
/// From runs too short for any look to the longest; 450 is the shortest that has one and no more.
const FOLLOWED: [usize; 7] = [60, 450, 600, 1_000, 10_000, 86_400, 1_000_000];

/// A warm-up, a sawtooth, wandering noise in pages and a leak: every part of the judge has something to do.
fn points(length: usize) -> (Vec<f64>, Vec<f64>) {
    let mut rng = Pcg64Mcg::seed_from_u64(7);
    let mut noise = 0.0;
    let t_s: Vec<f64> = (0..length).map(|index| index as f64).collect();
    let values = t_s
        .iter()
        .map(|t_s| {
            let x = t_s / length as f64;
            noise = 0.95 * noise + rng.random::<f64>() - 0.5;
            let bytes = 3e8 + 5e7 * (1.0 - (-x / 0.03).exp()) + 2e7 * (x * 37.3).fract() + 1e6 * noise + 2e7 * x;
            (bytes / 4096.0).round() * 4096.0
        })
        .collect();
    (t_s, values)
}

fn series(length: usize) -> Series {
    let (t_s, values) = points(length);
    Series::new(Quantity::Bytes, t_s, values).unwrap_or_else(|error| panic!("the points are proper: {error}"))
}

/// The same with the process replaced eleven times.
fn restarting(length: usize) -> Series {
    let series = series(length);
    let restarts_s = (1..12).map(|k| (k * length / 12) as f64).collect();
    series.with_restarts(restarts_s).unwrap_or_else(|error| panic!("the restarts are proper: {error}"))
}

fn slope(series: &Series) -> f64 {
    let n = series.len() as f64;
    let mean_t = series.t_s().iter().sum::<f64>() / n;
    let mean_v = series.values().iter().sum::<f64>() / n;
    let (mut tv, mut tt) = (0.0, 0.0);
    for (t_s, value) in series.t_s().iter().zip(series.values()) {
        tv += (t_s - mean_t) * (value - mean_v);
        tt += (t_s - mean_t) * (t_s - mean_t);
    }
    tv / tt
}

fn judgements(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("judge");
    group.sample_size(10);
    for length in LENGTHS {
        let series = series(length);
        let question = Question::new(series.duration_s());
        group.throughput(Throughput::Elements(length as u64));
        group.bench_with_input(BenchmarkId::from_parameter(length), &series, |bencher, series| {
            bencher.iter(|| judge(black_box(series), &question));
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("judge_12_processes");
    group.sample_size(10);
    for length in [86_400, 1_000_000] {
        let series = restarting(length);
        let question = Question::new(series.duration_s());
        group.throughput(Throughput::Elements(length as u64));
        group.bench_with_input(BenchmarkId::from_parameter(length), &series, |bencher, series| {
            bencher.iter(|| judge(black_box(series), &question));
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("least_squares");
    for length in [86_400, 1_000_000] {
        let series = series(length);
        group.throughput(Throughput::Elements(length as u64));
        group.bench_with_input(BenchmarkId::from_parameter(length), &series, |bencher, series| {
            bencher.iter(|| slope(black_box(series)));
        });
    }
    group.finish();
}

/// A whole run through the monitor, asked after every sample as a run is that goes on to its end: divide by the length for the
/// cost of one update.
fn follow(question: Question, t_s: &[f64], values: &[f64]) -> Option<Estimate> {
    let mut monitor = Monitor::new(Quantity::Bytes, question);
    for (t_s, value) in t_s.iter().zip(values) {
        if monitor.push(*t_s, *value, None).is_ok() {
            black_box(monitor.decision());
        }
    }
    monitor.rate_per_hour()
}

fn updates(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("monitor");
    group.sample_size(10);
    for length in FOLLOWED {
        let (t_s, values) = points(length);
        group.throughput(Throughput::Elements(length as u64));
        group.bench_function(BenchmarkId::from_parameter(length), |bencher| {
            bencher.iter(|| follow(Question::new(length as f64), &t_s, &values));
        });
    }
    group.finish();
}

/// A named warm-up brings several looks in place of one.
fn updates_after_a_warm_up(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("monitor_named_warm_up");
    group.sample_size(10);
    for length in FOLLOWED {
        let (t_s, values) = points(length);
        group.throughput(Throughput::Elements(length as u64));
        group.bench_function(BenchmarkId::from_parameter(length), |bencher| {
            bencher.iter(|| {
                let question = Question { warmup_s: Some(0.1 * length as f64), ..Question::new(length as f64) };
                follow(question, &t_s, &values)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, judgements, updates, updates_after_a_warm_up);
criterion_main!(benches);
