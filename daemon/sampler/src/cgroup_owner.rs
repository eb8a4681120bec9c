//! Whose a cgroup is: what it counts is the target's only where nobody else is in it.

use std::path::PathBuf;

use crate::cgroup::CgroupMembers;
use crate::error::SampleError;
use crate::proc_root::ProcRoot;
use crate::process_id::{Liveness, read_stat};
use crate::tree_reading::MemberReading;

/// Most parents that are asked for on the way up; no real tree is as deep.
const MOST_PARENTS: usize = 64;

/// Checks again and again that a cgroup, with all below it, holds the target and nobody else.
#[derive(Debug)]
pub(crate) struct CgroupOwner {
    list: CgroupMembers,
    pids: Vec<u32>,
    member_pids: Vec<u32>,
    /// Whether a stranger was there at the last check. It may be a child that the tree has not found yet and whose parent has
    /// ended, so only one that is there twice counts.
    saw_stranger: bool,
}

impl CgroupOwner {
    /// For the cgroup at `folder`.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { list: CgroupMembers::new(folder), pids: Vec::new(), member_pids: Vec::new(), saw_stranger: false }
    }

    /// Whether a stranger was there at the last check, who is forgiven once.
    pub(crate) fn saw_stranger(&self) -> bool {
        self.saw_stranger
    }

    /// Whether the cgroup is the target's own. `is_first`: nothing is known about it yet, so that no stranger is forgiven.
    ///
    /// # Errors
    /// [`SampleError::CgroupShared`] where strangers are in it, [`SampleError::CgroupRemoved`], [`SampleError::Vanished`]
    /// where some member is not in it (any more).
    pub(crate) fn check(
        &mut self,
        root: &ProcRoot,
        members: &[MemberReading],
        is_first: bool,
    ) -> Result<(), SampleError> {
        self.list.read(is_first, &mut self.pids).map_err(|error| match error {
            SampleError::Vanished => SampleError::CgroupRemoved,
            other => other,
        })?;
        self.pids.sort_unstable();
        self.member_pids.clear();
        self.member_pids.extend(members.iter().map(|member| member.id.pid));
        self.member_pids.sort_unstable();
        let is_outside = |member: &&MemberReading| {
            self.pids.binary_search(&member.id.pid).is_err() && member.id.liveness(root) == Ok(Liveness::Alive)
        };
        if members.iter().any(|member| is_outside(&member)) {
            return Err(SampleError::Vanished);
        }
        let is_stranger =
            |pid: u32| self.member_pids.binary_search(&pid).is_err() && !descends_from(root, pid, &self.member_pids);
        let sees_stranger = self.list.has_unnamed() || self.pids.iter().any(|pid| is_stranger(*pid));
        let is_shared = sees_stranger && (is_first || self.saw_stranger);
        self.saw_stranger = sees_stranger;
        if is_shared { Err(SampleError::CgroupShared) } else { Ok(()) }
    }
}

/// Whether `pid` descends from one of `members` (sorted), or has ended by now.
fn descends_from(root: &ProcRoot, pid: u32, members: &[u32]) -> bool {
    let mut pid = pid;
    for step in 0..MOST_PARENTS {
        match read_stat(root, pid) {
            Ok(stat) if step == 0 && stat.has_ended() => return true,
            Ok(stat) if members.binary_search(&stat.parent_pid).is_ok() => return true,
            Ok(stat) => pid = stat.parent_pid,
            Err(SampleError::Vanished) => return step == 0,
            Err(_) => return false,
        }
    }
    false
}
