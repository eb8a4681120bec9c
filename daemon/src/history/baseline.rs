//! What the runs of a profile are held against: the last good runs, or fixed ones.

use jiff::Timestamp;
use soakd_analysis::runs::FEWEST_RUNS;
use soakd_reports::{Host, Verdict};

use super::entry::{self, Entry, Filter};
use super::waiting;
pub use crate::store::BaselineChoice as Choice;
use crate::store::{Store, StoreError};

/// Of the runs of a profile the newest are looked at: so many, and so many for each run that a baseline wants. What the noise was before
/// that is history, and a run that ends does not read years of it.
const MOST_EARLIER: usize = 200;
const MOST_FOR_EACH: usize = 4;

/// The runs of a baseline.
#[derive(Debug, Clone)]
pub struct BaselineRuns {
    /// How they were chosen.
    pub choice: Choice,
    /// Runs that the level is taken from; empty for a rolling baseline, whose level is that of the noise.
    pub fixed: Vec<Entry>,
    /// Good runs that tell the noise between runs. None of them was beyond its limits and still waits to be confirmed.
    pub noise: Vec<Entry>,
    /// Every run like it, good or not, oldest first.
    pub earlier: Vec<Entry>,
}

/// What a run has to be like to be held against another.
#[derive(Debug, Clone, Copy, Default)]
pub struct Like<'a> {
    /// On such a host; `None`: on any.
    pub host: Option<&'a Host>,
    /// Planned to last as long, in seconds; `None`: any length.
    pub planned_s: Option<f64>,
    /// Started before; `None`: at any time.
    pub before: Option<Timestamp>,
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
    let last = MOST_EARLIER.max(MOST_FOR_EACH * count);
    let filter = Filter { profile: Some(profile.to_owned()), last: Some(last), ..Filter::default() };
    let alike = |entry: &Entry| {
        let run = &entry.record.run;
        let is_whole = |verdict: &Verdict| {
            !verdict.run.ended.cut_short() && like.host.is_none_or(|host| alike_hosts(host, &verdict.run.host))
        };
        run.scenario.as_deref() == scenario
            && like.before.is_none_or(|before| run.started < before)
            && like.planned_s.is_none_or(|planned_s| (run.planned_s / planned_s - 1.0).abs() < 0.01)
            && entry.verdict.as_ref().is_some_and(is_whole)
    };
    let earlier: Vec<Entry> = entry::list(store, &filter)?.into_iter().filter(alike).collect();
    let is_asked_for = |entry: &Entry| branch.is_none() || entry.record.run.branch == branch;
    let settled = earlier.iter().zip(waiting::waits(&earlier)).filter(|(_, waits)| !waits).map(|(entry, _)| entry);
    let mut noise: Vec<Entry> = settled.filter(|entry| entry.is_good() && is_asked_for(entry)).cloned().collect();
    noise.drain(..noise.len().saturating_sub(count));
    let mut fixed = Vec::new();
    if let Choice::Fixed { runs } = &choice {
        for id in runs {
            fixed.push(entry::of(store, store.run(id)?)?);
        }
    }
    Ok(BaselineRuns { choice, fixed, noise, earlier })
}

/// Levels of different machines are not compared. Names of hosts change with each job of a CI server; what the machine
/// has does not.
fn alike_hosts(a: &Host, b: &Host) -> bool {
    a.arch == b.arch && a.cpus_count == b.cpus_count
}
