//! What the runs of a profile are held against: the last good runs, or fixed ones.

use soakd_analysis::runs::FEWEST_RUNS;
use soakd_reports::Host;

use super::entry::{self, Entry, Filter};
pub use crate::store::BaselineChoice as Choice;
use crate::store::{Store, StoreError};

/// The runs of a baseline.
#[derive(Debug, Clone)]
pub struct BaselineRuns {
    /// How they were chosen.
    pub choice: Choice,
    /// Runs that the level is taken from; empty for a rolling baseline, whose level is that of the noise.
    pub fixed: Vec<Entry>,
    /// Good runs that tell the noise between runs.
    pub noise: Vec<Entry>,
}

/// What a run has to be like to be held against another.
#[derive(Debug, Clone, Copy, Default)]
pub struct Like<'a> {
    /// On such a host; `None`: on any.
    pub host: Option<&'a Host>,
    /// Planned to last as long, in seconds; `None`: any length.
    pub planned_s: Option<f64>,
    /// Not this one.
    pub but: Option<&'a str>,
}

/// The baseline of `profile` and `scenario`, of runs that are `like` another.
///
/// # Errors
/// Why the store could not be read.
pub fn runs(store: &Store, profile: &str, scenario: Option<&str>, like: Like<'_>) -> Result<BaselineRuns, StoreError> {
    let choice = store.baseline(profile, scenario)?.unwrap_or_default();
    let (count, branch) = match &choice {
        Choice::Rolling { count, branch } => (*count, branch.clone()),
        Choice::Fixed { .. } => (2 * FEWEST_RUNS, None),
    };
    let filter = Filter { profile: Some(profile.to_owned()), branch, ..Filter::default() };
    let alike = |entry: &Entry| {
        entry.is_good()
            && entry.record.run.scenario.as_deref() == scenario
            && Some(entry.record.run.id.as_str()) != like.but
            && like.planned_s.is_none_or(|planned_s| (entry.record.run.planned_s / planned_s - 1.0).abs() < 0.01)
            && like
                .host
                .is_none_or(|host| entry.verdict.as_ref().is_some_and(|verdict| alike_hosts(host, &verdict.run.host)))
    };
    let mut noise: Vec<Entry> = entry::list(store, &filter)?.into_iter().filter(alike).collect();
    noise.drain(..noise.len().saturating_sub(count));
    let mut fixed = Vec::new();
    if let Choice::Fixed { runs } = &choice {
        for id in runs {
            fixed.push(entry::of(store, store.run(id)?)?);
        }
    }
    Ok(BaselineRuns { choice, fixed, noise })
}

/// Levels of different machines are not compared. Names of hosts change with each job of a CI server; what the machine
/// has does not.
fn alike_hosts(a: &Host, b: &Host) -> bool {
    a.arch == b.arch && a.cpus_count == b.cpus_count
}
