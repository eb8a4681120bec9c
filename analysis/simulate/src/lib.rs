//! Series whose truth is known, made by mechanisms that real programs have, so that error rates can be measured.
//!
//! The same mechanism and seed always give the same [`Case`]. Nothing here knows the analysis: a case is plain numbers.
//!
//! ```
//! let mechanism = soakd_simulate::mechanism("linear_cache_fill").unwrap();
//! let case = soakd_simulate::generate(mechanism, 7);
//! assert_eq!(case.truth.label, soakd_simulate::Label::NoLeak);
//! assert_eq!(case.t_s.len(), case.values.len());
//! ```
//!
//! A run is drawn first: its length (60 points to a day at 1 s), its pace, the size of the process (5 MB to 8 GB) and
//! with that its tolerance, max(0.5 % of the size, 256 KiB) over the run. The mechanism adds its own memory, then come
//! noise (white, autocorrelated, wandering, heavy-tailed), pages and huge pages, jitter, gaps, lost samples, restarts.
//! Leaks are drawn between 0.3 and 60 times the tolerance; those at or below it are labelled so.
//!
//! | module | what it holds |
//! |---|---|
//! | [`case`] | a series with its truth |
//! | [`mechanisms`] | the table of mechanisms; a file for each family |
//! | `scene` | the run that is drawn first: times, size, randomness |
//! | `finish` | noise, pages, gaps and restarts on top of a mechanism |

pub mod case;
mod finish;
pub mod mechanisms;
mod scene;

pub use case::{Case, Label, Truth};
pub use mechanisms::{MECHANISMS, Mechanism};

use scene::Scene;

/// The series that `mechanism` gives for `seed`.
#[must_use]
pub fn generate(mechanism: &Mechanism, seed: u64) -> Case {
    let mut scene = Scene::new(mechanism.name, seed, mechanism.kind);
    let trace = (mechanism.trace)(&mut scene);
    finish::finish(mechanism, seed, scene, trace)
}

/// The mechanism of this name.
#[must_use]
pub fn mechanism(name: &str) -> Option<&'static Mechanism> {
    MECHANISMS.iter().find(|mechanism| mechanism.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = MECHANISMS.iter().map(|mechanism| mechanism.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), MECHANISMS.len());
    }

    #[test]
    fn a_seed_gives_the_same_case_and_another_seed_another() {
        for mechanism in MECHANISMS {
            let case = generate(mechanism, 3);
            assert_eq!(case, generate(mechanism, 3), "{}", mechanism.name);
            assert_ne!(case.values, generate(mechanism, 4).values, "{}", mechanism.name);
        }
    }

    #[test]
    fn every_case_is_a_proper_series() {
        for mechanism in MECHANISMS {
            for seed in 0..20 {
                let case = generate(mechanism, seed);
                let at = format!("{} {seed}", mechanism.name);
                assert!(case.t_s.len() >= 40 && case.t_s.len() == case.values.len(), "{at}");
                assert!(case.t_s.windows(2).all(|pair| pair[0] < pair[1]), "{at}");
                assert!(case.values.iter().all(|value| value.is_finite() && *value >= 0.0), "{at}");
                assert!(case.restarts_s.iter().all(|restart| case.t_s.contains(restart)), "{at}");
                if let Some(ops) = &case.ops {
                    assert_eq!(ops.len(), case.t_s.len(), "{at}");
                    assert!(case.restarts_s.is_empty() || ops.windows(2).any(|pair| pair[0] > pair[1]), "{at}");
                }
                assert!(case.truth.tolerance_per_s > 0.0, "{at}");
                match case.truth.label {
                    Label::Leak => assert!(case.truth.rate_per_s > case.truth.tolerance_per_s, "{at}"),
                    Label::SubTolerance => assert!(case.truth.rate_per_s > 0.0, "{at}"),
                    Label::NoLeak => {
                        assert!(case.truth.rate_per_s < 0.5 * case.truth.tolerance_per_s, "{at}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_leak_without_noise_grows_by_its_rate() {
        let mechanism = mechanism("leak_under_quiet").unwrap();
        let case = (0..)
            .map(|seed| generate(mechanism, seed))
            .find(|case| case.restarts_s.is_empty() && case.truth.rate_per_s > 40.0 * case.truth.tolerance_per_s);
        let case = case.unwrap();
        let quarter = case.values.len() / 4;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let n = case.values.len();
        let growth = mean(&case.values[n - quarter..]) - mean(&case.values[..quarter]);
        let time = mean(&case.t_s[n - quarter..]) - mean(&case.t_s[..quarter]);
        assert!((growth / time / case.truth.rate_per_s - 1.0).abs() < 0.2, "{}", growth / time / case.truth.rate_per_s);
    }
}
