//! How often an unchanged history is said to have a step, and how often a step is found, and where: simulated histories.
//!
//! ```text
//! cargo run --release -p soakd-analysis --example step_noise -- [HISTORIES] [SEED]
//! ```

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program, not the pure library")]

mod noise;

use noise::{Kind, heavy, normal, remembering};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use soakd_analysis::runs::{Scale, steps};

/// As trends ask: smaller changes are not worth a word.
const SMALLEST: f64 = 0.05;
const CONFIDENCE: f64 = 0.95;
/// Runs in a history.
const LENGTHS: [usize; 3] = [20, 50, 200];
/// Changes that are looked for, half-way through.
const CHANGES: [f64; 3] = [0.1, 0.2, 0.4];
/// A change is found where it is told this near to its place, in runs.
const NEAR: usize = 2;

const KINDS: &[Kind] = &[
    ("normal, 3 %", |random, count| (0..count).map(|_| 0.03 * normal(random)).collect()),
    ("normal, 7 %", |random, count| (0..count).map(|_| 0.07 * normal(random)).collect()),
    ("normal, 15 %", |random, count| (0..count).map(|_| 0.15 * normal(random)).collect()),
    ("heavy tails (t, 3 degrees), 6 %", |random, count| (0..count).map(|_| 0.06 * heavy(random)).collect()),
    ("one run in ten 30 % off", |random, count| {
        (0..count).map(|_| 0.04 * normal(random) + if random.random::<f64>() < 0.1 { 0.3 } else { 0.0 }).collect()
    }),
    ("two kinds of host, 20 % apart", |random, count| {
        (0..count).map(|_| 0.03 * normal(random) + if random.random::<bool>() { 0.2 } else { 0.0 }).collect()
    }),
    ("memory of 0.3, 7 %", |random, count| remembering(random, count, 0.07, 0.3)),
    ("memory of 0.5, 7 %", |random, count| remembering(random, count, 0.07, 0.5)),
    ("memory of 0.7, 7 %", |random, count| remembering(random, count, 0.07, 0.7)),
];

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().unwrap_or(0));
    let histories = arguments.next().filter(|count| *count > 0).unwrap_or(400);
    let seed = arguments.next().unwrap_or(1);
    println!("{histories} histories of each kind, seed {seed}");
    println!(
        "no change: histories with a step; one change half-way: found within {NEAR} runs of it, and its exact place\n"
    );
    print!("{:32} {:>5} {:>9}", "noise between runs", "runs", "no change");
    CHANGES.iter().for_each(|change| print!("   {:>16}", format!("+{:.0} %", 100.0 * change)));
    println!();
    for kind in KINDS {
        for count in LENGTHS {
            let mut random = Pcg64::seed_from_u64(seed);
            let mut found = |change: f64| {
                let (mut any, mut near, mut exact) = (0_u64, 0_u64, 0_u64);
                for _ in 0..histories {
                    let mut runs: Vec<f64> =
                        (kind.1)(&mut random, count).iter().map(|place| 100.0 * place.exp()).collect();
                    runs[count / 2..].iter_mut().for_each(|run| *run *= 1.0 + change);
                    let steps = steps(&runs, Scale::Ratio, SMALLEST, CONFIDENCE);
                    any += u64::from(!steps.is_empty());
                    near += u64::from(
                        steps.iter().any(|step| step.change.value > 0.0 && step.at.abs_diff(count / 2) <= NEAR),
                    );
                    exact += u64::from(steps.iter().any(|step| step.change.value > 0.0 && step.at == count / 2));
                }
                [any, near, exact].map(|count| 100.0 * count as f64 / histories as f64)
            };
            let [any, ..] = found(0.0);
            print!("{:32} {count:>5} {any:>7.1} %", kind.0);
            for change in CHANGES {
                let [_, near, exact] = found(change);
                print!("   {near:>5.1} %, {exact:>5.1} %");
            }
            println!();
        }
    }
}
