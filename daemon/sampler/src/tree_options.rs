//! What to read of a tree, and within which bounds.

use crate::births::BirthWatch;
use crate::file_budget::FileBudget;
use crate::metric::{METRICS, MetricId, Scope};
use crate::proc_root::ProcRoot;
use crate::tick_room::READS;
use crate::tree::Membership;

/// What to read, and within which bounds.
#[derive(Debug, Clone)]
pub struct TreeOptions {
    /// What is read as `/proc`.
    pub root: ProcRoot,
    /// Who belongs to the target.
    pub membership: Membership,
    /// What is asked for; sources of nothing that is asked for stay off. By default all metrics of processes and trees.
    pub metrics: Vec<MetricId>,
    /// Resident size of a process above which its address space is not walked (`pss_bytes`, `uss_bytes`, `swap_pss_bytes`).
    pub walk_limit_bytes: u64,
    /// Largest share of time, 0 to 1, in which a member's address space may be walked, and a fifth of that of this process's
    /// own time for the look at descriptors and sockets of all members.
    pub walk_share_ratio: f64,
    /// What the files are taken from that stay open; those of members beyond it are opened at each tick, which costs some ten times as
    /// much. By default what all samplers of this process share.
    pub files: FileBudget,
    /// Who tells of births on this host, if it watches the same `root`. By default what all samplers of this process share.
    pub births: BirthWatch,
    /// Most processes that one tick reads from one source or another, beside memory and probes, which are always read; the other sources
    /// that are due come in the next ticks. One source at least is read, whatever the number of members.
    pub tick_reads_max_count: usize,
}

/// 4 GiB: a walk of some 50 ms.
const WALK_LIMIT_BYTES: u64 = 4 << 30;
/// Half a part in a thousand: with the first walk, which is free, that is less than a thousandth of any run that comes to a second one.
const WALK_SHARE_RATIO: f64 = 0.000_5;

impl TreeOptions {
    /// The defaults for a target.
    #[must_use]
    pub fn new(root: ProcRoot, membership: Membership) -> Self {
        Self {
            root,
            membership,
            metrics: METRICS.iter().filter(|row| row.scope != Scope::Host).map(|row| row.id).collect(),
            walk_limit_bytes: WALK_LIMIT_BYTES,
            walk_share_ratio: WALK_SHARE_RATIO,
            files: FileBudget::of_this_process(),
            births: BirthWatch::of_this_process(),
            tick_reads_max_count: READS,
        }
    }
}
