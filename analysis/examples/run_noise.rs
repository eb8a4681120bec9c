//! How often an unchanged run is called a regression, and how often a changed one is found: simulated histories.
//!
//! ```text
//! cargo run --release -p soakd-analysis --example run_noise -- [HISTORIES] [SEED]
//! ```

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program, not the pure library")]

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use soakd_analysis::runs::{Baseline, Scale, Worse};

/// What counts as a regression at the least.
const THRESHOLD: f64 = 0.1;
/// Numbers of one run that share the chance of a false failure.
const MEASURES: usize = 5;
/// Chance of a false failure that is aimed at, for all of them.
const CHANCE: f64 = 0.05;

/// A kind of noise between runs: its name, and the logarithms of `count` successive runs.
type Kind = (&'static str, fn(&mut Pcg64, usize) -> Vec<f64>);

const KINDS: &[Kind] = &[
    ("normal, 3 %", |random, count| (0..count).map(|_| 0.03 * normal(random)).collect()),
    ("normal, 7 %", |random, count| (0..count).map(|_| 0.07 * normal(random)).collect()),
    ("normal, 15 %", |random, count| (0..count).map(|_| 0.15 * normal(random)).collect()),
    ("heavy tails (t, 3 degrees)", |random, count| (0..count).map(|_| 0.06 * heavy(random)).collect()),
    ("one run in ten 30 % off", |random, count| {
        (0..count).map(|_| 0.04 * normal(random) + if random.random::<f64>() < 0.1 { 0.3 } else { 0.0 }).collect()
    }),
    ("two kinds of host, 20 % apart", |random, count| {
        (0..count).map(|_| 0.03 * normal(random) + if random.random::<bool>() { 0.2 } else { 0.0 }).collect()
    }),
    ("memory of 0.5 from run to run", |random, count| {
        let mut last = 0.08 * normal(random);
        (0..count)
            .map(|_| {
                last = 0.5 * last + 0.08 * 0.75_f64.sqrt() * normal(random);
                last
            })
            .collect()
    }),
];

/// Box & Muller (1958).
fn normal(random: &mut Pcg64) -> f64 {
    let (u, v): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// Student's t with three degrees of freedom.
fn heavy(random: &mut Pcg64) -> f64 {
    let squares: f64 = (0..3).map(|_| normal(random).powi(2)).sum();
    normal(random) / (squares / 3.0).sqrt()
}

/// Whether any of the measures of a run that is `change` larger counts as a regression: by a bare threshold against the
/// mean, by the same against the run before, and beyond noise.
fn judged(random: &mut Pcg64, kind: &Kind, count: usize, change: f64) -> [bool; 3] {
    let mut found = [false; 3];
    for measure in 0..MEASURES {
        let runs: Vec<f64> = (kind.1)(random, count + 1).into_iter().map(|place| 100.0 * place.exp()).collect();
        // Only one of the measures changes.
        let value = runs[count] * if measure == 0 { 1.0 + change } else { 1.0 };
        let mean = runs[..count].iter().sum::<f64>() / count as f64;
        found[0] |= value > mean * (1.0 + THRESHOLD);
        found[1] |= value > runs[count - 1] * (1.0 + THRESHOLD);
        let baseline = Baseline::of(&runs[..count], Scale::Ratio);
        found[2] |=
            baseline.is_some_and(|baseline| value > baseline.limit(Worse::Up, THRESHOLD, CHANCE / MEASURES as f64));
    }
    found
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().unwrap_or(0));
    let histories = arguments.next().filter(|count| *count > 0).unwrap_or(4000);
    let seed = arguments.next().unwrap_or(1);
    println!("{MEASURES} measures of each run, {histories} histories of each kind, seed {seed}");
    println!(
        "{:32} {:>5} {:>12} {:>12} {:>12} {:>12} {:>12}",
        "noise between runs", "runs", "10 % (mean)", "10 % (last)", "beyond noise", "finds +30 %", "finds +60 %"
    );
    for kind in KINDS {
        for count in [10, 20] {
            let mut random = Pcg64::seed_from_u64(seed);
            let mut share = |change: f64| {
                let mut counts = [0_u64; 3];
                for _ in 0..histories {
                    let found = judged(&mut random, kind, count, change);
                    counts.iter_mut().zip(found).for_each(|(count, found)| *count += u64::from(found));
                }
                counts.map(|count| 100.0 * count as f64 / histories as f64)
            };
            let ([mean, last, ours], [_, _, third], [_, _, double]) = (share(0.0), share(0.3), share(0.6));
            println!(
                "{:32} {count:>5} {mean:>10.1} % {last:>10.1} % {ours:>10.1} % {third:>10.1} % {double:>10.1} %",
                kind.0
            );
        }
    }
}
