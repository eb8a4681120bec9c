//! The error rates that the README promises, on a bounded sample of the simulator.
//!
//! The sample is fixed by its seeds, so that the test always gives the same answer. It fails where the sample refutes a
//! promise: where the 95 % interval of the share lies above the bound. `cargo run --release -p soakd-analysis --example
//! error_rates` gives the shares on as many seeds as wanted.

#![expect(clippy::panic, reason = "a test may fail")]

#[path = "../examples/error_rates/tally.rs"]
mod tally;

use soakd_analysis::{JudgementKind, judge};
use soakd_simulate::{MECHANISMS, generate, mechanism};
use tally::{Share, Tally};

/// Seeds of this test alone: nothing is to be tuned on their cases. The bounds were fixed before these were first run.
const SEEDS: std::ops::Range<u64> = 20_000..20_020;

/// Longer series cost most of the time and are no different in kind.
const MOST_POINTS: usize = 20_000;

#[track_caller]
fn at_most(name: &str, share: Share, bound: f64, wrong: &[String]) {
    let (low, high) = share.interval();
    assert!(
        low <= bound,
        "{name}: {} of {} (95 % interval {low:.3} to {high:.3}), promised at most {bound}\n{}",
        share.hits,
        share.of,
        wrong.join("\n")
    );
}

#[test]
fn error_rates_stay_within_what_is_promised() {
    let mut all = Tally::default();
    let mut wrong = Vec::new();
    for mechanism in MECHANISMS {
        for seed in SEEDS {
            let case = generate(mechanism, seed);
            if case.t_s.len() > MOST_POINTS {
                continue;
            }
            let (one, sentences) = tally::assess(&case).unwrap_or_else(|error| panic!("{}: {error}", mechanism.name));
            all.plus(&one);
            wrong.extend(sentences);
        }
    }
    let missing = |share: Share| Share { hits: share.of - share.hits, of: share.of };
    println!("{all:?}");
    at_most("false leaks", all.false_leaks, FALSE_LEAKS, &wrong);
    at_most("clear leaks not found", missing(all.clear_found), CLEAR_LEAKS_NOT_FOUND, &wrong);
    at_most("leaks called no_leak", all.missed, LEAKS_CALLED_NO_LEAK, &wrong);
    at_most("false early stops", all.false_stops, FALSE_EARLY_STOPS, &wrong);
    at_most("rates outside their interval", missing(all.covered), RATES_OUTSIDE, &wrong);
}

#[test]
fn growth_of_which_a_step_or_a_slower_shape_is_another_reading_is_not_acquitted() {
    // A shape with a step in it fits these curves, and ends below the tolerance or falls.
    for (name, seed) in [
        ("quadratic_leak", 1_340_109),
        ("exponential_leak", 1_340_208),
        ("exponential_leak", 1_340_459),
        ("exponential_leak", 1_340_344),
        ("exponential_leak", 1_340_178),
    ] {
        let mechanism = mechanism(name).unwrap_or_else(|| panic!("{name} is a mechanism"));
        let case = generate(mechanism, seed);
        let series = tally::series(&case).unwrap_or_else(|error| panic!("{name} {seed}: {error}"));
        let judgement = judge(&series, &tally::question(&case));
        assert_ne!(judgement.judgement, JudgementKind::NoLeak, "{name} {seed}: {:?}", judgement.evidence);
    }
}

/// Bounded series, or such that grow within the tolerance, that are called `leak`.
const FALSE_LEAKS: f64 = 0.01;

/// Leaks of at least twice the tolerance whose half the run could have seen, and that are not found.
const CLEAR_LEAKS_NOT_FOUND: f64 = 0.05;

/// Leaks above the tolerance that are called `no_leak`.
const LEAKS_CALLED_NO_LEAK: f64 = 0.01;

/// Bounded series at which a watched run ends early with `leak`; fills that are still filling included.
const FALSE_EARLY_STOPS: f64 = 0.01;

/// Rates that their nominal 95 % interval does not hold.
const RATES_OUTSIDE: f64 = 0.07;
