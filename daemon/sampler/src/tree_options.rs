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
    /// Largest share of time, 0 to 1, in which a member's address space may be walked, and half as much of this process's own
    /// time for the look at descriptors and sockets of all members.
    pub walk_share_ratio: f64,
    /// Most members whose files stay open; the others are opened at each tick, which costs some ten times as much. By default as
    /// many as the limit on open files allows; see [`TreeOptions::members_kept_within`].
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
        let files_limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        Self {
            root,
            membership,
            metrics: METRICS.iter().filter(|row| row.scope != Scope::Host).map(|row| row.id).collect(),
            walk_limit_bytes: WALK_LIMIT_BYTES,
            walk_share_ratio: WALK_SHARE_RATIO,
            kept_members_max_count: Self::members_kept_within(files_limit),
        }
    }

    /// Of how many members the files stay open where this process may have `files_limit` open: three quarters are for them. Each
    /// member takes a descriptor for its folder and one for every source that keeps one.
    #[must_use]
    pub fn members_kept_within(files_limit: u64) -> usize {
        let of_each = 1 + SAMPLERS.iter().filter(|row| row.keeps_descriptor).count();
        usize::try_from(files_limit / 4 * 3).unwrap_or(usize::MAX) / of_each
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_limit_is_enough_for_a_hundred_members_or_so() {
        assert_eq!(TreeOptions::members_kept_within(0), 0);
        assert_eq!(TreeOptions::members_kept_within(1024), 96);
        assert!(TreeOptions::members_kept_within(u64::MAX) > 1 << 30);
    }
}
