//! Looks: what the processes of a target were made of at a few moments of a run, as it is kept in the store.
//!
//! A look is taken early, when a series becomes suspicious, some time after that, and at the end. What grew between the first and the
//! last one is named in the verdict; see [`crate::look_findings`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use soakd_sampler::{IdlePages, MappingSize, Membership, ProcRoot, ProcessId, ProcessLook, ProcessTree, SampleError};

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

/// What tells which memory was touched since a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TouchedBy {
    /// Referenced bits, which are cleared by `clear_refs` and counted in `smaps`.
    ReferencedBits,
    /// Idle page tracking, where the kernel has it and we may use it: it leaves the bits that the kernel goes by alone.
    IdlePages(IdlePages),
}

impl TouchedBy {
    /// The better one that this host has, where its `/sys` is `sys`.
    #[must_use]
    pub fn of_host(sys: &Path) -> Self {
        IdlePages::open(sys, &ProcRoot::default()).map_or(Self::ReferencedBits, Self::IdlePages)
    }

    /// Begins to watch what `process` touches.
    fn begin(&self, root: &ProcRoot, process: ProcessId) -> Result<(), SampleError> {
        match self {
            Self::ReferencedBits => soakd_sampler::clear_referenced(root, process),
            Self::IdlePages(pages) => pages.mark(process),
        }
    }

    /// Puts what was touched since into `mappings`, which `smaps` gave. `None` where it cannot be told.
    fn tell(&self, process: ProcessId, mappings: &mut BTreeMap<String, Mapping>) -> Option<()> {
        let Self::IdlePages(pages) = self else { return Some(()) };
        let idle = pages.idle_bytes(process).ok()?;
        for (name, mapping) in mappings {
            mapping.referenced_bytes = mapping.rss_bytes.saturating_sub(idle.get(name).copied().unwrap_or(0));
        }
        Some(())
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
    /// What tells what was touched since.
    pub touched_by: TouchedBy,
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
    /// What tells from now on what is touched.
    pub touched_by: TouchedBy,
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
        let mut touched_by = self.touched_by.clone();
        for (id, name) in self.chosen(&root) {
            // One that vanished is no part of it.
            let Ok(look) = ProcessLook::take(&root, id, WALK_LIMIT_BYTES) else { continue };
            let mut since_cleared_s =
                self.cleared.iter().find(|(known, _)| *known == id).map(|(_, cleared_s)| t_s - cleared_s);
            let mut mappings: Option<BTreeMap<String, Mapping>> =
                look.mappings.map(|all| all.into_iter().map(|(name, size)| (name, size.into())).collect());
            if let Some(mappings) = mappings.as_mut().filter(|_| since_cleared_s.is_some())
                && touched_by.tell(id, mappings).is_none()
            {
                since_cleared_s = None;
            }
            if self.clears
                && let Some(mappings) = &mappings
            {
                let mut begun = touched_by.begin(&root, id);
                if begun.is_err() && cleared.is_empty() && touched_by != TouchedBy::ReferencedBits {
                    // It is there, and not for us: what any user may do with a process of their own serves as well.
                    touched_by = TouchedBy::ReferencedBits;
                    begun = touched_by.begin(&root, id);
                }
                match begun {
                    Ok(()) => cleared.push((id, mappings.values().map(|size| size.rss_bytes).sum())),
                    Err(error) => clear_failure = Some(format!("process {} `{name}`: {error}", id.pid)),
                }
            }
            processes.push(LookedAt {
                pid: id.pid,
                start_ticks: id.start_ticks,
                name,
                mappings,
                descriptors: look.descriptors,
                threads: look.threads,
                failures: look.failures,
                since_cleared_s,
            });
        }
        let took_s = watch.elapsed().as_secs_f64();
        Taken {
            look: Look { t_s, why: self.why, took_s, processes, paths: self.paths },
            cleared,
            clear_failure,
            touched_by,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_page_tracking_is_taken_where_the_kernel_has_it() {
        let sys = tempfile::tempdir().expect("a folder");
        assert_eq!(TouchedBy::of_host(sys.path()), TouchedBy::ReferencedBits);
        let folder = sys.path().join("kernel/mm/page_idle");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("bitmap"), []).expect("a file");
        assert!(matches!(TouchedBy::of_host(sys.path()), TouchedBy::IdlePages(_)));
    }

    #[test]
    fn tracking_that_cannot_be_used_gives_way_to_referenced_bits() {
        let sys = tempfile::tempdir().expect("a folder");
        // A bitmap that is a folder can be written by nobody.
        std::fs::create_dir_all(sys.path().join("kernel/mm/page_idle/bitmap")).expect("a folder");
        let mut child = std::process::Command::new("sleep").arg("600").spawn().expect("it starts");
        let id = ProcessId::of(&ProcRoot::default(), child.id()).expect("it is there");
        let order = LookOrder {
            why: LookWhy::Suspicion,
            membership: Membership::Descendants { of: vec![id], include_roots: true },
            known: Vec::new(),
            cleared: Vec::new(),
            clears: true,
            touched_by: TouchedBy::of_host(sys.path()),
            paths: Vec::new(),
        };
        let taken = order.take(RunClock::start());
        child.kill().expect("it is ours");
        child.wait().expect("it is ours");
        assert_eq!((taken.touched_by, taken.clear_failure), (TouchedBy::ReferencedBits, None));
        assert_eq!(taken.cleared.len(), 1);
    }
}
