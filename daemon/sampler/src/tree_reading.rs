//! What one tick gives.

use crate::error::SampleError;
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
    /// Who is there for the first time in this tick. Its memory is part of the sums from the next tick on if it looks
    /// like a copy of its parent, see [`MemberReading::is_copy_of_parent`].
    pub arrivals: Vec<Member>,
    /// Who was there in the last tick and is not any more. The sums fell by what these held: that is no cure.
    pub departures: Vec<Member>,
    /// Phases that members said they began since the last tick.
    pub marks: Vec<PhaseMark>,
    /// Why the members could not be listed anew, if so; those known before were read.
    pub membership_failure: Option<SampleError>,
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
    /// It was born since the last tick and its address space is as large as that of its parent: it has not
    /// called `exec` yet, and shares its pages (`fork`) or its whole address space (`vfork`). Its memory is not summed.
    pub is_copy_of_parent: bool,
}

impl MemberReading {
    pub(crate) fn new(member: &Member) -> Self {
        Self {
            id: member.id,
            parent_pid: member.parent_pid,
            comm: member.comm,
            reading: Reading::default(),
            failures: [None; SamplerId::COUNT],
            is_copy_of_parent: false,
        }
    }

    /// Why `sampler` gave nothing in this tick, if so.
    #[must_use]
    pub fn failure(&self, sampler: SamplerId) -> Option<SampleError> {
        self.failures[sampler as usize]
    }
}
