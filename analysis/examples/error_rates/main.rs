//! How often the judge is wrong: every mechanism of the simulator, many seeds, counts with 95 % intervals.
//!
//! ```text
//! cargo run --release -p soakd-analysis --example error_rates -- [SEEDS] [FIRST_SEED] [MECHANISM] [--longest]
//! ```
//!
//! `MECHANISM` is the start of a name. `--longest` shows the judge the longest life of a target alone, so that what the
//! others add can be told.
//!
//! Prints a line for each mechanism and the sums to standard output, and every wrong answer to standard error.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a program, not the pure library"
)]

mod tally;

use std::process::ExitCode;

use soakd_simulate::{Case, MECHANISMS, generate};
use tally::{Share, Tally};

fn cell(share: Share) -> String {
    match share.of {
        0 => String::from("-"),
        _ => format!("{}/{}", share.hits, share.of),
    }
}

fn line(name: &str, tally: &Tally) {
    println!(
        "{name:26} {:>11} {:>11} {:>11} {:>11} {:>11} {:>11} {:>11}",
        cell(tally.false_leaks),
        cell(tally.false_stops),
        cell(tally.confirmed),
        cell(tally.clear_found),
        cell(tally.found),
        cell(tally.missed),
        cell(tally.covered),
    );
}

/// A case as if its target had only lived once, for the longest time.
fn longest_life(mut case: Case) -> Case {
    let mut edges: Vec<usize> =
        case.restarts_s.iter().map(|restart_s| case.t_s.partition_point(|t_s| t_s < restart_s)).collect();
    edges.insert(0, 0);
    edges.push(case.t_s.len());
    let seconds = |pair: &&[usize]| case.t_s[pair[1] - 1] - case.t_s[pair[0]];
    let Some(longest) = edges.windows(2).max_by(|a, b| seconds(a).total_cmp(&seconds(b))) else { return case };
    let range = longest[0]..longest[1];
    case.values = case.values[range.clone()].to_vec();
    case.ops = case.ops.map(|ops| ops[range.clone()].to_vec());
    case.t_s = case.t_s[range].to_vec();
    case.restarts_s = Vec::new();
    case
}

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let before = arguments.len();
    arguments.retain(|argument| argument != "--longest");
    let longest = arguments.len() < before;
    let number = |index: usize, default: u64| match arguments.get(index) {
        Some(text) => text.parse().ok(),
        None => Some(default),
    };
    let (Some(seeds), Some(first)) = (number(0, 50), number(1, 1)) else {
        eprintln!("usage: error_rates [SEEDS] [FIRST_SEED] [MECHANISM] [--longest]");
        return ExitCode::from(64);
    };
    let only = arguments.get(2);
    println!(
        "{:26} {:>11} {:>11} {:>11} {:>11} {:>11} {:>11} {:>11}",
        "mechanism", "false leak", "false stop", "confirmed", "clear found", "found", "missed", "covered"
    );
    let mut all = Tally::default();
    for mechanism in MECHANISMS.iter().filter(|mechanism| only.is_none_or(|only| mechanism.name.starts_with(only))) {
        let mut tally = Tally::default();
        for seed in first..first + seeds {
            let case = generate(mechanism, seed);
            match tally::assess(&if longest { longest_life(case) } else { case }) {
                Ok((one, wrong)) => {
                    tally.plus(&one);
                    wrong.iter().for_each(|sentence| eprintln!("{sentence}"));
                }
                Err(error) => {
                    eprintln!("error: {} seed {seed}: {error}", mechanism.name);
                    return ExitCode::FAILURE;
                }
            }
        }
        line(mechanism.name, &tally);
        all.plus(&tally);
    }
    line("all", &all);
    println!();
    for (name, share, goal) in [
        ("false leak", all.false_leaks, "at most 1 %"),
        ("false early stop", all.false_stops, "at most 1 %"),
        ("clear leaks found", all.clear_found, "at least 95 %"),
        ("leaks called no_leak", all.missed, "at most 1 %"),
        ("interval holds the rate", all.covered, "at least 93 %"),
        ("bounded confirmed", all.confirmed, "as many as possible"),
    ] {
        let (low, high) = share.interval();
        println!(
            "{name:26} {:6.2} %  ({} of {}; 95 % interval {:.2} to {:.2} %), goal {goal}",
            100.0 * share.ratio(),
            share.hits,
            share.of,
            100.0 * low,
            100.0 * high
        );
    }
    ExitCode::SUCCESS
}
