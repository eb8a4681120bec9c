//! Who looks on while a run goes on: the daemon, which shows it.

use std::fmt::Debug;

use soakd_reports::Warning;

use crate::service::status::LivePhase;
use crate::watch::Watch;

/// How a run stands at one moment.
#[derive(Debug)]
pub struct Now<'a> {
    /// How far it has come.
    pub phase: LivePhase,
    /// Main process of the target.
    pub pid: u32,
    /// Seconds since the start of the run.
    pub t_s: f64,
    /// Samples so far.
    pub samples_count: u64,
    /// Ticks that were missed so far.
    pub missed_ticks_count: u64,
    /// What is known of the judged series.
    pub watch: &'a mut Watch,
    /// What somebody should know.
    pub warnings: &'a [Warning],
}

/// Looks on.
pub trait Follower: Debug {
    /// The run has a new sample, or another phase.
    fn see(&self, now: Now<'_>);
}
