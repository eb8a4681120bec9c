//! Rounds of walks through the address spaces of all members, spread over as many ticks as it takes.
//!
//! A walk takes a fraction of a millisecond for a small process and 10 ms for each GiB. A thousand of them in one tick would
//! cost the next ticks; so a tick walks for a few milliseconds and the next one goes on. When everybody was walked, all values
//! are told at once.

use std::time::Duration;

use crate::error::SampleError;
use crate::fields::as_reading;
use crate::metric::MetricId;
use crate::open_member::OpenMember;
use crate::proc_root::ProcRoot;
use crate::process_id::ProcessId;
use crate::reading::Reading;
use crate::sampler::{SamplerId, SamplerRow};
use crate::sampler_status::SamplerReport;
use crate::tree_reading::MemberReading;

/// A tick begins no further walk after this much walking, and looks at no further descriptors after as much of that.
pub(crate) const SLICE: Duration = Duration::from_millis(5);
/// Largest share of time in which anybody's address space may be walked: 0.1 % of a core.
const CPU_SHARE_RATIO: f64 = 0.001;

/// The round that goes on, if one does.
#[derive(Debug, Clone, Default)]
pub(crate) struct WalkRound {
    pub(crate) is_going_on: bool,
    longest: Duration,
    total: Duration,
}

/// What a round is given at each tick.
pub(crate) struct Walking<'a> {
    pub(crate) root: &'a ProcRoot,
    pub(crate) row: &'a SamplerRow,
    pub(crate) clock: &'a mut dyn FnMut() -> Duration,
    pub(crate) limit_bytes: u64,
    pub(crate) report: &'a mut SamplerReport,
}

impl WalkRound {
    /// Begins a round.
    pub(crate) fn begin(&mut self, open: &mut [OpenMember]) {
        *self = Self { is_going_on: true, ..Self::default() };
        open.iter_mut().for_each(|open| open.walked = None);
    }

    /// Walks through some of those that are left. Once nobody is, what the round has cost: the longest walk, since it is in this one
    /// that a target had to wait, or more where soakd itself would take too much time.
    pub(crate) fn go_on(
        &mut self,
        walking: &mut Walking<'_>,
        open: &mut [OpenMember],
        members: &mut [MemberReading],
        walk_share_ratio: f64,
    ) -> Option<Duration> {
        let begin = (walking.clock)();
        let mut now = begin;
        for (open, member) in open.iter_mut().zip(&*members) {
            if open.is_gone || open.walked.is_some() {
                continue;
            }
            if now.saturating_sub(begin) >= SLICE {
                return None;
            }
            let is_too_large =
                member.reading.get(MetricId::Rss).is_some_and(|bytes| bytes > as_reading(walking.limit_bytes));
            if is_too_large {
                open.walked = Some(Err(SampleError::TooLarge));
                continue;
            }
            let start = (walking.clock)();
            let result = walking.walk(open);
            now = (walking.clock)();
            let took = now.saturating_sub(start);
            walking.report.cost.record(1, took);
            self.longest = self.longest.max(took);
            self.total += took;
            match result {
                Err(SampleError::Vanished) => open.is_gone = true,
                other => open.walked = Some(other),
            }
        }
        self.is_going_on = false;
        tell(walking, open, members);
        Some(self.longest.max(self.total.mul_f64(walk_share_ratio.clamp(0.0, 1.0) / CPU_SHARE_RATIO)))
    }
}

impl Walking<'_> {
    /// One walk, and the page faults of the process meanwhile.
    fn walk(&mut self, open: &mut OpenMember) -> Result<Reading, SampleError> {
        let before = self.faults(open);
        let mut reading = Reading::default();
        open.read(self.root, self.row, &mut reading)?;
        if let (Some(before), Some(after)) = (before, self.faults(open)) {
            *self.report.target_faults_count.get_or_insert(0.0) += (after - before).max(0.0);
        }
        Ok(reading)
    }

    fn faults(&self, open: &mut OpenMember) -> Option<f64> {
        let mut reading = Reading::default();
        open.read(self.root, SamplerId::Stat.row(), &mut reading).ok()?;
        Some(reading.get(MetricId::MinorFaults)? + reading.get(MetricId::MajorFaults)?)
    }
}

/// Puts what the round has given into the readings of this tick.
fn tell(walking: &mut Walking<'_>, open: &mut [OpenMember], members: &mut [MemberReading]) {
    let row = walking.row;
    let (mut reads, mut failures, mut last): (u32, u32, Option<(ProcessId, SampleError)>) = (0, 0, None);
    for (open, member) in open.iter_mut().zip(members) {
        match open.walked.take() {
            Some(Ok(walked)) => {
                reads += 1;
                for metric in row.metrics {
                    if let Some(value) = walked.get(*metric) {
                        member.reading.set(*metric, value);
                    }
                }
            }
            Some(Err(why)) => {
                failures += 1;
                last = Some((open.member.id, why));
                member.failures[row.id as usize] = Some(why);
            }
            None => {}
        }
    }
    walking.report.note_sweep(reads, failures, last);
}
