//! What to read of a tree, and within which bounds.

use rustix::process::{Resource, getrlimit};

use crate::metric::{METRICS, MetricId, Scope};
use crate::proc_root::ProcRoot;
use crate::sampler::SAMPLERS;
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
    /// Largest share of time, 0 to 1, in which a member's address space may be walked, and of this process's own time for
    /// the look at descriptors and sockets of all members.
    pub walk_share_ratio: f64,
    /// Most members whose files stay open; each takes a descriptor for each source and one for its folder. The others are opened at
    /// each tick, which costs some ten times as much. By default as many as three quarters of the limit on open files allow.
    pub kept_members_max_count: usize,
}

/// 4 GiB: a walk of some 50 ms.
const WALK_LIMIT_BYTES: u64 = 4 << 30;
/// One part in a thousand.
const WALK_SHARE_RATIO: f64 = 0.001;

impl TreeOptions {
    /// The defaults for a target.
    #[must_use]
    pub fn new(root: ProcRoot, membership: Membership) -> Self {
        let files_limit = getrlimit(Resource::Nofile).current.unwrap_or(1 << 20);
        let kept_files = usize::try_from(files_limit / 4 * 3).unwrap_or(usize::MAX);
        Self {
            root,
            membership,
            metrics: METRICS.iter().filter(|row| row.scope != Scope::Host).map(|row| row.id).collect(),
            walk_limit_bytes: WALK_LIMIT_BYTES,
            walk_share_ratio: WALK_SHARE_RATIO,
            kept_members_max_count: kept_files / (SAMPLERS.len() + 1),
        }
    }
}
