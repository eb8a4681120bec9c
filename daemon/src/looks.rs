//! Looks: what the processes of a target were made of at a few moments of a run, as it is kept in the store.
//!
//! A look is taken early, when a series becomes suspicious, some time after that, and at the end. What grew between the first and the
//! last one is named in the verdict; see [`crate::look_findings`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use soakd_sampler::{MappingSize, Membership, ProcRoot, ProcessId, ProcessLook, ProcessTree};

use crate::clock::{RunClock, Stopwatch};

/// Resident size above which an address space is not walked: a walk of some 50 ms, during which the target's own memory calls
/// wait.
const WALK_LIMIT_BYTES: u64 = 4 << 30;
/// The largest processes, to which a look is confined; those of earlier looks come on top.
const MOST_PROCESSES: usize = 8;

/// Why a look was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookWhy {
    /// To compare later ones with.
    Base,
    /// A series had become suspicious.
    Suspicion,
    /// To see what was touched since.
    Touched,
    /// The load was over.
    End,
}

/// One look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// When, in seconds of the run.
    pub t_s: f64,
    /// Why.
    pub why: LookWhy,
    /// How long it took.
    pub took_s: f64,
    /// What was looked at.
    pub processes: Vec<LookedAt>,
    /// What the paths that the profile names took when they were last counted, in its order.
    #[serde(default)]
    pub paths: Vec<LookedAtPath>,
}

/// One path in a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookedAtPath {
    /// The path.
    pub path: PathBuf,
    /// Disk space.
    pub bytes: u64,
    /// Files and folders.
    pub files_count: u64,
}

/// One process in a look. A part that could not be read is `None`, with the reason in `failures`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LookedAt {
    /// Its pid.
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub start_ticks: u64,
    /// Its short name.
    pub name: String,
    /// Memory by mapping.
    pub mappings: Option<BTreeMap<String, Mapping>>,
    /// Descriptors by what they stand for.
    pub descriptors: Option<BTreeMap<String, u64>>,
    /// Threads by name.
    pub threads: Option<BTreeMap<String, u64>>,
    /// Why a part is missing.
    pub failures: Vec<String>,
    /// How long before the look its referenced bits were cleared, in seconds; `None` if they never were.
    pub since_cleared_s: Option<f64>,
}

/// Memory of the mappings of one name, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mapping {
    /// Resident pages.
    pub rss_bytes: u64,
    /// Anonymous pages, resident and swapped out.
    pub anon_swap_bytes: u64,
    /// Resident pages that were touched since the referenced bits were cleared.
    pub referenced_bytes: u64,
}

impl From<MappingSize> for Mapping {
    fn from(size: MappingSize) -> Self {
        Self {
            rss_bytes: size.rss_bytes,
            anon_swap_bytes: size.anonymous_bytes.saturating_add(size.swap_bytes),
            referenced_bytes: size.referenced_bytes,
        }
    }
}

/// A look that is to be taken.
#[derive(Debug, Clone)]
pub struct LookOrder {
    /// Why.
    pub why: LookWhy,
    /// The target.
    pub membership: Membership,
    /// Processes of earlier looks.
    pub known: Vec<ProcessId>,
    /// When referenced bits were cleared, by process.
    pub cleared: Vec<(ProcessId, f64)>,
    /// Whether they are cleared after this look.
    pub clears: bool,
    /// What the named paths took when they were last counted.
    pub paths: Vec<LookedAtPath>,
}

/// A look that was taken.
#[derive(Debug)]
pub struct Taken {
    /// What was found.
    pub look: Look,
    /// The processes whose referenced bits were cleared, and their resident memory.
    pub cleared: Vec<(ProcessId, u64)>,
    /// Why they could not be cleared of one.
    pub clear_failure: Option<String>,
}

impl LookOrder {
    /// Takes the look. Blocks for as long as the kernel walks, so it belongs on a thread where nobody waits.
    #[must_use]
    pub fn take(self, clock: RunClock) -> Taken {
        let watch = Stopwatch::start();
        let t_s = clock.t_s();
        let root = ProcRoot::default();
        let mut processes = Vec::new();
        let mut cleared = Vec::new();
        let mut clear_failure = None;
        for (id, name) in self.chosen(&root) {
            // One that vanished is no part of it.
            let Ok(look) = ProcessLook::take(&root, id, WALK_LIMIT_BYTES) else { continue };
            let since_cleared_s =
                self.cleared.iter().find(|(known, _)| *known == id).map(|(_, cleared_s)| t_s - cleared_s);
            if self.clears
                && let Some(mappings) = &look.mappings
            {
                match soakd_sampler::clear_referenced(&root, id) {
                    Ok(()) => cleared.push((id, mappings.values().map(|size| size.rss_bytes).sum())),
                    Err(error) => clear_failure = Some(format!("process {} `{name}`: {error}", id.pid)),
                }
            }
            processes.push(LookedAt {
                pid: id.pid,
                start_ticks: id.start_ticks,
                name,
                mappings: look.mappings.map(|all| all.into_iter().map(|(name, size)| (name, size.into())).collect()),
                descriptors: look.descriptors,
                threads: look.threads,
                failures: look.failures,
                since_cleared_s,
            });
        }
        let took_s = watch.elapsed().as_secs_f64();
        Taken { look: Look { t_s, why: self.why, took_s, processes, paths: self.paths }, cleared, clear_failure }
    }

    /// The largest processes of the target, and those that were looked at before.
    fn chosen(&self, root: &ProcRoot) -> Vec<(ProcessId, String)> {
        let mut tree = ProcessTree::new(root.clone(), self.membership.clone());
        let Ok(members) = tree.search() else { return Vec::new() };
        let size = |id| soakd_sampler::resident_bytes(root, id).unwrap_or(0);
        let mut members: Vec<_> =
            members.iter().map(|member| (size(member.id), member.id, member.comm.to_string())).collect();
        members.sort_by_key(|(bytes, id, _)| (std::cmp::Reverse(*bytes), *id));
        let chosen = members.into_iter().enumerate();
        let is_chosen = |place: usize, id: &ProcessId| place < MOST_PROCESSES || self.known.contains(id);
        chosen.filter(|(place, (_, id, _))| is_chosen(*place, id)).map(|(_, (_, id, name))| (id, name)).collect()
    }
}
