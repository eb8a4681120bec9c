//! What one tick gives.

use crate::error::SampleError;
use crate::inheritance::SHARED;
use crate::metric::MetricId;
use crate::metric_set::MetricSet;
use crate::probe_memory::PhaseMark;
use crate::process_id::ProcessId;
use crate::reading::Reading;
use crate::sampler::SamplerId;
use crate::stat::Comm;
use crate::tree::Member;

/// All that one tick has read. It is kept from tick to tick, and filled anew.
#[derive(Debug, Clone, Default)]
pub struct TreeReading {
    /// The sums over the tree. A metric that some member could not be read for is `None`: part of a sum is no sum.
    pub totals: Reading,
    /// Each member that was alive, the oldest first.
    pub members: Vec<MemberReading>,
    /// Who is there for the first time in this tick.
    pub arrivals: Vec<Member>,
    /// Who was there in the last tick and is not any more. The sums fell by what these held: that is no cure.
    pub departures: Vec<Member>,
    /// Phases that members said they began since the last tick.
    pub marks: Vec<PhaseMark>,
    /// Why the members could not be listed anew, if so; those known before were read.
    pub membership_failure: Option<SampleError>,
    /// What was read, with or without success. The rest is `None` because it was not its turn.
    pub due: MetricSet,
}

impl TreeReading {
    /// Whether the same members were there in this tick and the last one, so that the sums can be compared.
    #[must_use]
    pub fn has_same_members(&self) -> bool {
        self.arrivals.is_empty() && self.departures.is_empty()
    }
}

/// What one tick has read of one member.
#[derive(Debug, Clone, Copy)]
pub struct MemberReading {
    /// Which process.
    pub id: ProcessId,
    /// Pid of its parent when it was found.
    pub parent_pid: u32,
    /// Its short name.
    pub comm: Comm,
    /// Its values.
    pub reading: Reading,
    /// Why a source gave nothing, by [`SamplerId`].
    pub failures: [Option<SampleError>; SamplerId::COUNT],
    /// Ticks since it was found, this one included.
    pub age_ticks: u64,
    /// What it had in common with another member when it was forked, and that the sums leave out; see [`MemberReading::inherited`].
    pub(crate) inherited: [f64; SHARED.len()],
}

impl From<&Member> for MemberReading {
    /// A reading without values.
    fn from(member: &Member) -> Self {
        Self {
            id: member.id,
            parent_pid: member.parent_pid,
            comm: member.comm,
            reading: Reading::default(),
            failures: [None; SamplerId::COUNT],
            age_ticks: 0,
            inherited: [0.0; SHARED.len()],
        }
    }
}

impl MemberReading {
    /// Why `sampler` gave nothing in this tick, if so.
    #[must_use]
    pub fn failure(&self, sampler: SamplerId) -> Option<SampleError> {
        self.failures[sampler as usize]
    }

    /// How much of its `metric` it had in common with another member when it was forked, and still has.
    #[must_use]
    pub fn inherited(&self, metric: MetricId) -> f64 {
        let of = if metric == MetricId::Rss { MetricId::Anon } else { metric };
        SHARED.iter().position(|shared| *shared == of).map_or(0.0, |place| self.inherited[place])
    }

    /// What it adds to the sum of `metric` over the tree: its value, without what it has inherited.
    #[must_use]
    pub fn part_of_sum(&self, metric: MetricId) -> Option<f64> {
        Some((self.reading.get(metric)? - self.inherited(metric)).max(0.0))
    }
}
