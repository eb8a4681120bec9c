//! Rounds through the address spaces of all members, spread over as many ticks as it takes: walks through their pages, and looks at
//! the beginning of their list of mappings.
//!
//! A walk takes a fraction of a millisecond for a small process and 10 ms for each GiB. A thousand of them in one tick would
//! cost the next ticks; so a tick walks for a few milliseconds and the next one goes on. When everybody was walked, all values
//! are told at once.

use std::time::Duration;

use crate::duty::EXPLAINING_SHARE_RATIO;
use crate::error::SampleError;
use crate::fields::as_reading;
use crate::metric::MetricId;
use crate::open_member::OpenMember;
use crate::pace::Pace;
use crate::proc_root::ProcRoot;
use crate::process_id::ProcessId;
use crate::reading::Reading;
use crate::sampler::{SamplerId, SamplerRow};
use crate::sampler_status::SamplerReport;
use crate::tree_reading::MemberReading;

/// A tick begins no further walk after this much walking, and looks at no further descriptors after as much of that.
pub(crate) const SLICE: Duration = Duration::from_millis(5);
/// Largest share of time for walks through all address spaces but the largest: 0.015 % of a core.
const CPU_SHARE_RATIO: f64 = 0.000_15;
/// What a walk is taken to cost for each page of 4 KiB before one was seen: four times what it does on an idle host, which is about what a busy one needs.
const COST_OF_A_PAGE: Duration = Duration::from_nanos(200);

/// What is read in rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Round {
    /// The pages of each address space, which holds up the process.
    Pages,
    /// The beginning of each list of mappings.
    Mappings,
}

impl Round {
    /// Number of them.
    pub(crate) const COUNT: usize = 2;

    /// The one in which `source` is read, if it is read in rounds.
    pub(crate) fn of(source: SamplerId) -> Option<Self> {
        match source {
            SamplerId::SmapsRollup => Some(Self::Pages),
            SamplerId::HeapMapping => Some(Self::Mappings),
            _ => None,
        }
    }

    /// Its pace, where pages of a process may be walked for `walk_share_ratio` of the time.
    pub(crate) fn pace(self, walk_share_ratio: f64) -> Pace {
        Pace::new(match self {
            Self::Pages => walk_share_ratio,
            Self::Mappings => EXPLAINING_SHARE_RATIO,
        })
    }
}

/// The round that goes on, if one does.
#[derive(Debug, Clone)]
pub(crate) struct WalkRound {
    round: Round,
    pub(crate) is_going_on: bool,
    /// One has come to its end, so it is known what they cost.
    is_known: bool,
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
    /// One that does not go on.
    pub(crate) fn new(round: Round) -> Self {
        Self { round, is_going_on: false, is_known: false, longest: Duration::ZERO, total: Duration::ZERO }
    }

    /// Whether the first round may begin, when so much time has `passed` since the first tick; if not, how long it has to wait from then on.
    ///
    /// The first walk holds the target up like any other: so it comes when what it is expected to take is no more than `walk_share_ratio` of the
    /// time so far, and in a run that is too short for that not at all. One that is expected to be over within [`SLICE`] is taken at once.
    pub(crate) fn may_be_first(
        &self,
        members: &[MemberReading],
        limit_bytes: u64,
        walk_share_ratio: f64,
        passed: Duration,
    ) -> Result<(), Duration> {
        if self.is_known || self.round != Round::Pages {
            return Ok(());
        }
        let sizes = members.iter().filter_map(|member| member.reading.get(MetricId::Rss));
        let walked = sizes.filter(|bytes| *bytes <= as_reading(limit_bytes));
        let pages_count = walked.fold(0.0, f64::max) / 4096.0;
        let expected = COST_OF_A_PAGE.mul_f64(pages_count);
        let pause = Duration::try_from_secs_f64(expected.as_secs_f64() / walk_share_ratio).unwrap_or(Duration::MAX);
        if expected <= SLICE || passed >= pause { Ok(()) } else { Err(pause) }
    }

    /// Begins a round.
    pub(crate) fn begin(&mut self, open: &mut [OpenMember]) {
        *self = Self { is_going_on: true, is_known: self.is_known, ..Self::new(self.round) };
        open.iter_mut().for_each(|open| open.walked[self.round as usize] = None);
    }

    /// Walks through some of those that are left. Once nobody is, what the round has cost. Of pages: the longest walk, since it is in
    /// this one that a target had to wait, or more where soakd itself would take too much time. Of mappings: all of it.
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
            let place = self.round as usize;
            if open.is_gone || open.walked[place].is_some() {
                continue;
            }
            if now.saturating_sub(begin) >= SLICE {
                return None;
            }
            let is_too_large = self.round == Round::Pages
                && member.reading.get(MetricId::Rss).is_some_and(|bytes| bytes > as_reading(walking.limit_bytes));
            if is_too_large {
                open.walked[place] = Some(Err(SampleError::TooLarge));
                continue;
            }
            let start = (walking.clock)();
            let result = walking.walk(open, self.round);
            now = (walking.clock)();
            let took = now.saturating_sub(start);
            walking.report.cost.record(1, took);
            self.longest = self.longest.max(took);
            self.total += took;
            match result {
                Err(SampleError::Vanished) => open.is_gone = true,
                other => open.walked[place] = Some(other),
            }
        }
        self.is_going_on = false;
        self.is_known = true;
        tell(walking, open, members, self.round);
        if self.round == Round::Mappings {
            return Some(self.total);
        }
        Some(self.longest.max((self.total - self.longest).mul_f64(walk_share_ratio.clamp(0.0, 1.0) / CPU_SHARE_RATIO)))
    }
}

impl Walking<'_> {
    /// One walk, and the page faults of the process meanwhile.
    fn walk(&mut self, open: &mut OpenMember, round: Round) -> Result<Reading, SampleError> {
        let touches_pages = round == Round::Pages;
        let before = if touches_pages { self.faults(open) } else { None };
        let mut reading = Reading::default();
        open.read(self.root, self.row, &mut reading)?;
        if let Some(before) = before
            && let Some(after) = self.faults(open)
        {
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
fn tell(walking: &mut Walking<'_>, open: &mut [OpenMember], members: &mut [MemberReading], round: Round) {
    let row = walking.row;
    let (mut reads, mut failures, mut last): (u32, u32, Option<(ProcessId, SampleError)>) = (0, 0, None);
    for (open, member) in open.iter_mut().zip(members) {
        match open.walked[round as usize].take() {
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
