//! Who belongs to a target: the descendants of some processes, or the members of a cgroup.
//!
//! # What is promised
//!
//! * A member is a pid with its start time. Once in, it stays until it ends, also when its parent ends first and
//!   it is handed to another one. A process that took over the pid of a member is another process.
//! * [`ProcessTree::refresh`] finds a new descendant at the latest on the second call after its birth, where the
//!   kernel tells the pid it gave out last (see `births`) and calls are at least five milliseconds apart, and within
//!   [`UNWATCHED_SEARCH`] elsewhere (a `/proc` of another pid namespace, or one that a container imitates). As a safety net all processes
//!   are searched every [`WATCHED_SEARCH`], by a list that trees share and that is no older than that. While nothing is born on the host, a call costs one `pread`; what is born is looked
//!   at once for all trees that share a [`BirthWatch`].
//! * A process whose parent was born and died between two calls belongs to nobody that is known, and is missed
//!   unless it was handed to one of the roots. That is what a subreaper is for: with soakd as the subreaper and
//!   as a root that is left out, such orphans are found.
//! * Zombies are no members.
//! * For a cgroup, the lists of members are read on every call, so a process that is moved in or out counts at
//!   once, and so do new cgroups below.

use std::path::PathBuf;
use std::time::Duration;

use crate::birth_record::{Newcomer, Onlooker};
use crate::births::{BirthWatch, Births};
use crate::cgroup::CgroupMembers;
use crate::error::SampleError;
use crate::listing::Listed;
use crate::proc_root::ProcRoot;
use crate::process_id::{Liveness, ProcessId, read_stat};
use crate::shared_listing::SharedListing;
use crate::stat::Comm;
use crate::status::thread_group;

/// How often all processes are searched although births are watched.
pub const WATCHED_SEARCH: Duration = Duration::from_secs(30);
/// How often all processes are searched where births cannot be watched.
pub const UNWATCHED_SEARCH: Duration = Duration::from_secs(1);

/// So many processes may come to the host from one refresh to the next before more room for them is made.
const USUAL_NEWCOMERS: usize = 128;

/// Which processes belong to the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
    /// The descendants of some processes.
    Descendants {
        /// Where the tree begins.
        of: Vec<ProcessId>,
        /// Whether these are members themselves.
        include_roots: bool,
    },
    /// The members of the cgroup at this folder (such as `/sys/fs/cgroup/system.slice/nginx.service`), v1 or v2,
    /// and of all cgroups below it.
    Cgroup(PathBuf),
}

/// A process of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Which process.
    pub id: ProcessId,
    /// Pid of its parent when it was found.
    pub parent_pid: u32,
    /// Its short name when it was found.
    pub comm: Comm,
    /// Where its stack began when it was found; see [`crate::Stat::start_stack`].
    pub start_stack: u64,
}

impl From<Listed> for Member {
    fn from(listed: Listed) -> Self {
        Self { id: listed.id, parent_pid: listed.parent_pid, comm: listed.comm, start_stack: listed.start_stack }
    }
}

/// Keeps the list of members. See the module for what it promises.
#[derive(Debug)]
pub struct ProcessTree {
    root: ProcRoot,
    /// The roots sorted.
    membership: Membership,
    /// Sorted: the oldest first.
    members: Vec<Member>,
    excluded: Vec<ProcessId>,
    births: BirthWatch,
    onlooker: Onlooker,
    /// Who has come to the host since the last refresh.
    newcomers: Vec<Newcomer>,
    /// Pids of those that may belong to the target, while they are read.
    suspects: Vec<u32>,
    listing: SharedListing,
    /// The pass of the list that was searched last.
    pass: u64,
    /// Processes on the host at that time.
    processes_count: usize,
    unreadable_count: usize,
    cgroup: Option<CgroupMembers>,
    candidates: Vec<Listed>,
    /// Pids of members, roots and excluded processes, sorted, while candidates are compared with them.
    relatives: Vec<u32>,
    cgroup_pids: Vec<u32>,
    searched_at: Option<Duration>,
    generation: u64,
}

impl ProcessTree {
    /// A tree without members: the first [`ProcessTree::refresh`] finds them.
    #[must_use]
    pub fn new(root: ProcRoot, membership: Membership) -> Self {
        Self::with_births(root, membership, BirthWatch::of_this_process())
    }

    /// As [`ProcessTree::new`], and learns of births from `births` if that watches the same `root`.
    #[must_use]
    pub fn with_births(root: ProcRoot, mut membership: Membership, births: BirthWatch) -> Self {
        if let Membership::Descendants { of, .. } = &mut membership {
            of.sort_unstable();
        }
        let cgroup = match &membership {
            Membership::Cgroup(path) => Some(CgroupMembers::new(path.clone())),
            Membership::Descendants { .. } => None,
        };
        let births = births.or_of(&root);
        Self {
            listing: births.listing(),
            births,
            onlooker: Onlooker::default(),
            newcomers: Vec::with_capacity(USUAL_NEWCOMERS),
            suspects: Vec::with_capacity(USUAL_NEWCOMERS),
            root,
            membership,
            members: Vec::new(),
            excluded: Vec::new(),
            pass: 0,
            processes_count: 0,
            unreadable_count: 0,
            cgroup,
            candidates: Vec::new(),
            relatives: Vec::new(),
            cgroup_pids: Vec::new(),
            searched_at: None,
            generation: 0,
        }
    }

    /// Leaves `process` and all its descendants out: a load driver, for example, that soakd started beside the target.
    pub fn exclude(&mut self, process: ProcessId) {
        self.excluded.push(process);
        self.forget(process);
        // Descendants of it that are members already leave on the next search.
        self.searched_at = None;
    }

    /// The members as of the last refresh, the oldest first.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// A number that changes when the list of members does.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Processes that the last search could not look into (`hidepid`); some may belong to the target.
    #[must_use]
    pub fn unreadable_count(&self) -> usize {
        self.unreadable_count
    }

    /// Takes in what was born. `now` is time since any fixed point, on a clock that does not jump.
    ///
    /// Members that ended are taken out by a search, or when the caller says so ([`ProcessTree::forget`]), which
    /// [`crate::TreeSampler`] does as soon as a read finds them gone.
    ///
    /// # Errors
    /// When `/proc` or the cgroup cannot be listed; [`SampleError::Vanished`] when the cgroup was removed, and the
    /// tree then has no members.
    pub fn refresh(&mut self, now: Duration) -> Result<&[Member], SampleError> {
        let births = self.births.look(&mut self.onlooker, now, self.processes_count, &mut self.newcomers);
        let pause = if births == Births::Unwatched { UNWATCHED_SEARCH } else { WATCHED_SEARCH };
        let is_due = self.searched_at.is_none_or(|at| now.saturating_sub(at) >= pause);
        if is_due || births == Births::Unknown {
            // Only where each newcomer was told of is the search a safety net, for which the list of another tree will do.
            let is_safety_net = births == Births::Told && self.searched_at.is_some();
            self.search_since(is_safety_net.then_some(self.pass))?;
            self.searched_at = Some(now);
        } else if self.cgroup.is_some() {
            self.read_cgroup(false)?;
        } else if !self.newcomers.is_empty() {
            self.take_in_newcomers();
        }
        Ok(&self.members)
    }

    /// Searches all processes now, and takes out the members that ended.
    ///
    /// # Errors
    /// As [`ProcessTree::refresh`].
    pub fn search(&mut self) -> Result<&[Member], SampleError> {
        self.search_since(None)?;
        Ok(&self.members)
    }

    /// Searches all processes, by a list that was made after the pass `known` or by one that is made now.
    fn search_since(&mut self, known: Option<u64>) -> Result<(), SampleError> {
        if self.cgroup.is_some() {
            self.retain_living();
            return self.read_cgroup(true);
        }
        let listing = self.listing.clone();
        let mut shared = listing.lock();
        let is_new = shared.read_since(&self.root, known)?;
        self.pass = shared.pass;
        let listing = &shared.listing;
        (self.processes_count, self.unreadable_count) = (listing.processes().len(), listing.unreadable_count());
        let is_listed = |id: ProcessId| listing.find(id.pid).is_some_and(|found| found.id == id && !found.has_ended);
        let root = &self.root;
        // Since the list was made somebody may have come or ended. One that is there but not readable any more is kept: that it ended is
        // not known.
        let has_ended = |id: ProcessId| matches!(id.liveness(root), Ok(Liveness::Gone | Liveness::Zombie));
        let is_there = |id: ProcessId| (is_new && is_listed(id)) || !has_ended(id);
        let before = self.members.len();
        self.members.retain(|member| is_there(member.id));
        self.excluded.retain(|id| is_there(*id));
        let excluded = &self.excluded;
        self.members.retain(|member| !excluded.contains(&member.id));
        if self.members.len() != before {
            self.generation += 1;
        }
        shared.list_candidates();
        std::mem::swap(&mut self.candidates, &mut shared.candidates);
        self.list_relatives();
        self.claim_candidates();
        std::mem::swap(&mut self.candidates, &mut shared.candidates);
        Ok(())
    }

    /// Takes `process` out: it was found to have ended.
    pub fn forget(&mut self, process: ProcessId) {
        if let Ok(index) = self.members.binary_search_by_key(&process, |member| member.id) {
            self.members.remove(index);
            self.generation += 1;
        }
    }

    fn retain_living(&mut self) {
        let before = self.members.len();
        let root = &self.root;
        self.members.retain(|member| !matches!(member.id.liveness(root), Ok(Liveness::Gone | Liveness::Zombie)));
        if self.members.len() != before {
            self.generation += 1;
        }
    }

    /// Makes members of those newcomers that belong to the target.
    ///
    /// What is known of a newcomer may be as old as the last refresh: it may have another parent by now, or have ended. So those that may
    /// belong are read anew, and no others.
    fn take_in_newcomers(&mut self) {
        self.newcomers.sort_unstable_by_key(|newcomer| newcomer.pid);
        self.list_relatives();
        let mut suspects = std::mem::take(&mut self.suspects);
        suspects.clear();
        suspects
            .extend(self.newcomers.iter().filter(|newcomer| self.may_belong(newcomer)).map(|newcomer| newcomer.pid));
        self.candidates.clear();
        while let Some(pid) = suspects.pop() {
            // Vanished, unreadable or garbled: the next search looks again.
            let Ok(stat) = read_stat(&self.root, pid) else { continue };
            if stat.has_ended() {
                continue;
            }
            let parent_pid = stat.parent_pid;
            self.candidates.push(stat.into());
            // A parent that nobody has found yet, since it could not be seen when its pid was tried.
            let is_known = self.is_relative(parent_pid)
                || suspects.contains(&parent_pid)
                || self.candidates.iter().any(|candidate| candidate.id.pid == parent_pid);
            if !is_known && self.onlooker.may_be_new(parent_pid) {
                suspects.push(parent_pid);
            }
        }
        self.suspects = suspects;
        self.claim_candidates();
    }

    /// Whether `newcomer` may belong to the target: it is a root, or the line of its parents ends at a relative or cannot be followed.
    ///
    /// A line that ends at another process, which was there at the last refresh and is no relative, is somebody else's, also if somebody of
    /// it has ended since: orphans are handed to one of their ancestors.
    fn may_belong(&self, newcomer: &Newcomer) -> bool {
        if self.is_relative(newcomer.pid) {
            return true;
        }
        let mut child = newcomer;
        // No line is longer than this, unless a pid was used twice.
        for _ in 0..self.newcomers.len() {
            if self.is_relative(child.parent_pid) {
                return true;
            }
            match self.newcomers.binary_search_by_key(&child.parent_pid, |newcomer| newcomer.pid) {
                Ok(place) => child = &self.newcomers[place],
                Err(_) => return !child.parent_was_found && self.onlooker.may_be_new(child.parent_pid),
            }
        }
        true
    }

    /// Whether the last [`ProcessTree::list_relatives`] has listed `pid`.
    fn is_relative(&self, pid: u32) -> bool {
        self.relatives.binary_search(&pid).is_ok()
    }

    /// Lists the pids of members, roots and excluded processes.
    fn list_relatives(&mut self) {
        self.relatives.clear();
        self.relatives.extend(self.members.iter().map(|member| member.id.pid));
        if let Membership::Descendants { of, .. } = &self.membership {
            self.relatives.extend(self.excluded.iter().chain(of).map(|id| id.pid));
        }
        self.relatives.sort_unstable();
    }

    /// Makes members of those candidates that descend from members or roots, as these are listed as relatives.
    fn claim_candidates(&mut self) {
        let Membership::Descendants { of, include_roots } = &self.membership else { return };
        let is_root = |id: ProcessId| of.binary_search(&id).is_ok();
        self.candidates.retain(|candidate| {
            let id = candidate.id;
            let is_member = self.members.binary_search_by_key(&id, |member| member.id).is_ok();
            let is_left_out = self.excluded.contains(&id) || (!include_roots && is_root(id));
            !(is_member || is_left_out)
        });
        // A parent may come after its child in the list, so go round until nothing changes.
        let mut has_changed = true;
        while has_changed {
            has_changed = false;
            let mut index = 0;
            while let Some(candidate) = self.candidates.get(index).copied() {
                let id = candidate.id;
                let is_a_root = is_root(id);
                if !is_a_root && self.relatives.binary_search(&candidate.parent_pid).is_err() {
                    index += 1;
                    continue;
                }
                self.candidates.swap_remove(index);
                // The pid of a dead relative may have been used again: ask the process that has it now.
                let parent = ProcessId::of(&self.root, candidate.parent_pid).ok();
                let is_excluded = parent.is_some_and(|parent| self.excluded.contains(&parent));
                let is_child = parent.is_some_and(|parent| {
                    is_root(parent) || self.members.binary_search_by_key(&parent, |member| member.id).is_ok()
                });
                if !(is_a_root || is_child || is_excluded) {
                    continue;
                }
                // The pid of a thread answers as well, and its parent is that of its process.
                if !is_a_root && thread_group(&self.root, id.pid) != Ok(id.pid) {
                    continue;
                }
                if is_excluded {
                    self.excluded.push(id);
                } else if let Err(place) = self.members.binary_search_by_key(&id, |member| member.id) {
                    self.members.insert(place, candidate.into());
                    self.generation += 1;
                }
                if let Err(place) = self.relatives.binary_search(&id.pid) {
                    self.relatives.insert(place, id.pid);
                }
                has_changed = true;
            }
        }
    }

    fn read_cgroup(&mut self, look_below: bool) -> Result<(), SampleError> {
        let Some(cgroup) = &mut self.cgroup else { return Ok(()) };
        if let Err(error) = cgroup.read(look_below, &mut self.cgroup_pids) {
            if error == SampleError::Vanished && !self.members.is_empty() {
                self.members.clear();
                self.generation += 1;
            }
            return Err(error);
        }
        self.cgroup_pids.sort_unstable();
        self.cgroup_pids.dedup();
        let pids = &self.cgroup_pids;
        let before = self.members.len();
        self.members.retain(|member| pids.binary_search(&member.id.pid).is_ok());
        let mut has_changed = self.members.len() != before;
        if self.members.len() == pids.len() {
            self.generation += u64::from(has_changed);
            return Ok(());
        }
        self.relatives.clear();
        self.relatives.extend(self.members.iter().map(|member| member.id.pid));
        self.relatives.sort_unstable();
        for pid in pids {
            if self.relatives.binary_search(pid).is_ok() {
                continue;
            }
            let Ok(stat) = read_stat(&self.root, *pid) else { continue };
            let id = ProcessId::from_stat(&stat);
            if stat.has_ended() || self.excluded.contains(&id) {
                continue;
            }
            if let Err(place) = self.members.binary_search_by_key(&id, |member| member.id) {
                self.members.insert(place, Listed::from(stat).into());
                has_changed = true;
            }
        }
        if has_changed {
            self.generation += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pid of a newcomer of which the tree was told at its last refresh.
    const FOUND_BEFORE: u32 = 108;

    /// A tree of the process 50, on a host where all above `new_above` have come since the last refresh.
    fn tree(newcomers: &[(u32, u32)]) -> ProcessTree {
        let of = vec![ProcessId { start_ticks: 1, pid: 50 }];
        let mut tree = ProcessTree::new(ProcRoot::default(), Membership::Descendants { of, include_roots: false });
        tree.newcomers.extend(newcomers.iter().map(|(pid, parent_pid)| Newcomer {
            pid: *pid,
            parent_pid: *parent_pid,
            parent_was_found: *parent_pid == FOUND_BEFORE,
        }));
        let mut record = crate::birth_record::BirthRecord::new();
        for second in 1..=3 {
            let now = Duration::from_secs(second);
            record.look(&mut tree.onlooker, now, (164, 256), &mut |_| None, &mut Vec::new());
        }
        assert!(tree.onlooker.may_be_new(101) && !tree.onlooker.may_be_new(100));
        tree.list_relatives();
        tree
    }

    fn suspects(newcomers: &[(u32, u32)]) -> Vec<u32> {
        let tree = tree(newcomers);
        tree.newcomers.iter().filter(|newcomer| tree.may_belong(newcomer)).map(|newcomer| newcomer.pid).collect()
    }

    #[test]
    fn only_those_are_read_anew_whose_line_of_parents_leads_to_the_tree_or_is_lost() {
        // A child, its grandchild; a child of somebody else, its grandchild.
        assert_eq!(suspects(&[(110, 50), (111, 110), (112, 7), (113, 112)]), [110, 111]);
        // The parent was born since, and nobody has found it: it may have been a child, and its child may be handed to the root by now.
        assert_eq!(suspects(&[(114, 109), (115, 114)]), [114, 115]);
        // A parent that was there before, or was told of before, is no relative, or it would be known.
        assert!(suspects(&[(114, 99), (115, FOUND_BEFORE), (116, 115)]).is_empty());
        // The root itself; two that are each other's parent, since a pid was used twice.
        assert_eq!(suspects(&[(50, 1), (120, 121), (121, 120)]), [50, 120, 121]);
    }
}
