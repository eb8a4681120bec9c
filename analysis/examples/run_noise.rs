//! How often an unchanged run is failed as a regression, and how soon a changed one is: simulated histories.
//!
//! Each history is lived through run by run, as soakd does: what was beyond its limit waits for the next run to confirm
//! it, what failed is no part of later baselines.
//!
//! ```text
//! cargo run --release -p soakd-analysis --example run_noise -- [HISTORIES] [SEED]
//! ```

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program, not the pure library")]

mod noise;

use noise::{Kind, heavy, normal, remembering};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use soakd_analysis::runs::{Held, Question, Scale, Standing, Worse, hold};

/// What counts as a regression at the least.
const THRESHOLD: f64 = 0.1;
/// Numbers of one run that share the chance of a false failure.
const MEASURES: usize = 5;
/// Chance of a false failure that is aimed at, for all of them.
const CHANCE: f64 = 0.05;
/// Runs that are looked at in each history, after those that the first baseline is made of.
const WATCHED: usize = 10;
/// Runs after a change in which it has to be found.
const PATIENCE: usize = 5;

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
    ("memory of 0.5 from run to run", |random, count| remembering(random, count, 0.08, 0.5)),
    ("memory of 0.7 from run to run", |random, count| remembering(random, count, 0.08, 0.7)),
];

/// What one history came to.
#[derive(Default)]
struct Lived {
    runs: u64,
    /// Failed by a bare threshold against the mean of the baseline.
    by_mean: u64,
    /// Failed by the same against the run before.
    by_last: u64,
    failed: u64,
    warned: u64,
    /// Runs until a change had failed one, counted from 1; `None` where it went unseen.
    found_after: Option<usize>,
}

/// A run that was lived through.
struct Past {
    values: Vec<f64>,
    is_good: bool,
    /// Which of its measures were beyond their limits.
    beyond: Vec<bool>,
}

/// Runs in a row until now in which `measure` was beyond.
fn waiting(past: &[Past], measure: usize) -> usize {
    past.iter().rev().take_while(|run| run.beyond[measure]).count()
}

/// Lives through a history whose first measure changes by `change` after a full baseline of `count` and some runs more.
fn live(random: &mut Pcg64, kind: &Kind, count: usize, change: f64) -> Lived {
    let unchanged = count + WATCHED;
    let length = if change > 0.0 { unchanged + PATIENCE } else { unchanged };
    let places: Vec<Vec<f64>> = (0..MEASURES).map(|_| (kind.1)(random, length)).collect();
    let question = Question { worse: Worse::Up, threshold: THRESHOLD, chance: CHANCE, numbers: MEASURES };
    let mut past: Vec<Past> = Vec::new();
    let mut lived = Lived::default();
    for run in 0..length {
        let change = |measure: usize| if measure == 0 && run >= unchanged { 1.0 + change } else { 1.0 };
        let values: Vec<f64> =
            (0..MEASURES).map(|measure| 100.0 * places[measure][run].exp() * change(measure)).collect();
        let longest = (0..MEASURES).map(|measure| waiting(&past, measure)).max().unwrap_or(0);
        let good: Vec<&Past> = past[..past.len() - longest].iter().filter(|run| run.is_good).collect();
        let good = &good[good.len().saturating_sub(count)..];
        let held: Vec<Option<Held>> = (0..MEASURES)
            .map(|measure| {
                let good: Vec<f64> = good.iter().map(|run| run.values[measure]).collect();
                hold(values[measure], &good, &[], waiting(&past, measure), Scale::Ratio, &question)
            })
            .collect();
        let is =
            |measure: usize, standing: Standing| held[measure].as_ref().is_some_and(|held| held.standing == standing);
        let any = |standing: Standing| (0..MEASURES).any(|measure| is(measure, standing));
        let (failed, warned) = (any(Standing::Regression), any(Standing::Unconfirmed));
        if run >= count && run < unchanged {
            let mean =
                |measure: usize| past[run - count..].iter().map(|run| run.values[measure]).sum::<f64>() / count as f64;
            let bare = |against: &dyn Fn(usize) -> f64| {
                (0..MEASURES).any(|measure| values[measure] > against(measure) * (1.0 + THRESHOLD))
            };
            lived.runs += 1;
            lived.by_mean += u64::from(bare(&mean));
            lived.by_last += u64::from(bare(&|measure| past[run - 1].values[measure]));
            lived.failed += u64::from(failed);
            lived.warned += u64::from(warned && !failed);
        }
        if run >= unchanged && is(0, Standing::Regression) && lived.found_after.is_none() {
            lived.found_after = Some(run - unchanged + 1);
        }
        let beyond = (0..MEASURES).map(|measure| held[measure].is_some() && !is(measure, Standing::Within)).collect();
        past.push(Past { values, is_good: !failed, beyond });
    }
    lived
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().unwrap_or(0));
    let histories = arguments.next().filter(|count| *count > 0).unwrap_or(400);
    let seed = arguments.next().unwrap_or(1);
    println!(
        "{MEASURES} measures of each run, {histories} histories of each kind, {WATCHED} runs of each, seed {seed}"
    );
    println!("unchanged runs: failed by 10 % over the mean, by 10 % over the run before, by soakd; warned by soakd");
    println!("changed runs: failed within {PATIENCE} runs of the change, mean number of runs until then\n");
    println!(
        "{:30} {:>4} {:>7} {:>7} {:>7} {:>7}   {:>13} {:>13} {:>13}",
        "noise between runs", "runs", "mean", "last", "failed", "warned", "+20 %", "+40 %", "+60 %"
    );
    for kind in KINDS {
        for count in [10, 20] {
            let mut random = Pcg64::seed_from_u64(seed);
            let mut all = Lived::default();
            for _ in 0..histories {
                let one = live(&mut random, kind, count, 0.0);
                all.runs += one.runs;
                all.by_mean += one.by_mean;
                all.by_last += one.by_last;
                all.failed += one.failed;
                all.warned += one.warned;
            }
            let share = |count: u64| 100.0 * count as f64 / all.runs as f64;
            print!(
                "{:30} {count:>4} {:>5.1} % {:>5.1} % {:>5.2} % {:>5.1} %  ",
                kind.0,
                share(all.by_mean),
                share(all.by_last),
                share(all.failed),
                share(all.warned)
            );
            for change in [0.2, 0.4, 0.6] {
                let found: Vec<usize> =
                    (0..histories).filter_map(|_| live(&mut random, kind, count, change).found_after).collect();
                let delay = found.iter().sum::<usize>() as f64 / found.len().max(1) as f64;
                print!(" {:>5.1} % {delay:>5.1}", 100.0 * found.len() as f64 / histories as f64);
            }
            println!();
        }
    }
}
