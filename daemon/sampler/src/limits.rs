//! How much a process may use of what can leak before something stops it: for the time until a limit is reached.

use std::path::PathBuf;

use crate::cgroup::{CgroupController, CgroupMounts};
use crate::error::SampleError;
use crate::fields::{number, whole_lines, words};
use crate::host_memory::Meminfo;
use crate::metric::MetricId;
use crate::proc_root::ProcRoot;

/// What sets a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitSource {
    /// The cgroup at this folder, or one above it. For all its members together; its page cache is dropped before they hit it.
    Cgroup(PathBuf),
    /// `RLIMIT_AS`, for the address space of each process, touched or not.
    AddressSpace,
    /// `RLIMIT_DATA`, for the private writable mappings of each process, touched or not.
    DataSegment,
    /// `RLIMIT_NOFILE`, for the descriptors of each process.
    OpenFiles,
    /// `pids.max` of the cgroup at this folder, or of one above it: threads of all its members together.
    Tasks(PathBuf),
    /// The memory of the host, for all its processes together.
    Host,
}

/// A limit on what a process, or several together, may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// How much: bytes, descriptors or threads.
    pub amount: u64,
    /// What sets it.
    pub source: LimitSource,
}

impl LimitSource {
    /// Whether a series of `metric` is stopped by it: at the latest when the series reaches the limit.
    #[must_use]
    pub fn stops(&self, metric: MetricId) -> bool {
        use MetricId::{Anon, AnonSwap, CgroupAnonKernel, Fds, Pss, Rss, Threads, Uss, Virtual};
        match self {
            Self::AddressSpace => matches!(metric, Anon | AnonSwap | Pss | Rss | Uss | Virtual),
            Self::DataSegment => matches!(metric, Anon | AnonSwap | Uss),
            Self::OpenFiles => metric == Fds,
            Self::Tasks(_) => metric == Threads,
            // File pages in `rss_bytes` can be dropped, so that for it the limit comes later than it says.
            Self::Cgroup(_) | Self::Host => matches!(metric, Anon | AnonSwap | CgroupAnonKernel | Pss | Rss | Uss),
        }
    }

    /// Whether each process has the limit for itself; else it is for a whole tree.
    #[must_use]
    pub fn is_for_each_process(&self) -> bool {
        matches!(self, Self::AddressSpace | Self::DataSegment | Self::OpenFiles)
    }
}

/// All limits on `pid`, the smallest amount first. The memory of the host is always among them, where `meminfo` can be read.
///
/// # Errors
/// When `/proc/PID/limits` cannot be read, which is also how a process that ended is noticed.
pub fn limits(root: &ProcRoot, pid: u32) -> Result<Vec<Limit>, SampleError> {
    let text = std::fs::read(root.process_file(pid, "limits"))?;
    let named = [
        ("Max address space", LimitSource::AddressSpace),
        ("Max data size", LimitSource::DataSegment),
        ("Max open files", LimitSource::OpenFiles),
    ];
    let of_itself =
        named.into_iter().filter_map(|(name, source)| Some(Limit { amount: soft_limit(&text, name)?, source }));
    let mut limits: Vec<Limit> = of_itself.collect();
    // A host without cgroups limits by the others alone.
    if let (Ok(mounts), Ok(groups)) = (CgroupMounts::read(root), std::fs::read(root.process_file(pid, "cgroup"))) {
        if let Some(cgroup) = mounts.memory_cgroup_in(&groups)
            && let Some(amount) = cgroup.memory_limit_bytes()
        {
            limits.push(Limit { amount, source: LimitSource::Cgroup(cgroup.path) });
        }
        if let Some(cgroup) = mounts.cgroup_in(&groups, CgroupController::Pids)
            && let Some(amount) = cgroup.tasks_limit_count()
        {
            limits.push(Limit { amount, source: LimitSource::Tasks(cgroup.path) });
        }
    }
    let host = std::fs::read(root.path().join("meminfo")).ok().and_then(|text| Meminfo::parse(&text).total_bytes);
    limits.extend(host.map(|amount| Limit { amount, source: LimitSource::Host }));
    limits.sort_by_key(|limit| limit.amount);
    Ok(limits)
}

/// The soft limit of that name in the text of `/proc/PID/limits`; `None` when it is `unlimited` or missing.
fn soft_limit(text: &[u8], name: &str) -> Option<u64> {
    let line = whole_lines(text).find_map(|line| line.strip_prefix(name.as_bytes()))?;
    number(words(line).next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: &str = "\
Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max data size             67108864             unlimited            bytes     
Max open files            20000                20000                files     
Max address space         unlimited            unlimited            bytes     
";

    #[test]
    fn the_soft_limit_counts_and_unlimited_is_none() {
        assert_eq!(soft_limit(LIMITS.as_bytes(), "Max data size"), Some(64 << 20));
        assert_eq!(soft_limit(LIMITS.as_bytes(), "Max address space"), None);
        assert_eq!(soft_limit(LIMITS.as_bytes(), "Max resident set"), None);
        assert_eq!(soft_limit(b"Max data size   671088", "Max data size"), None, "cut off");
    }

    #[test]
    fn limits_come_from_rlimits_cgroup_and_host_the_smallest_first() {
        let folder = tempfile::tempdir().unwrap();
        let (proc, cgroups) = (folder.path().join("proc"), folder.path().join("cgroup"));
        std::fs::create_dir_all(proc.join("7")).unwrap();
        std::fs::create_dir_all(proc.join("self")).unwrap();
        std::fs::create_dir_all(cgroups.join("a/b")).unwrap();
        std::fs::write(proc.join("7/limits"), LIMITS).unwrap();
        std::fs::write(proc.join("7/cgroup"), "0::/a/b\n").unwrap();
        let mounts = format!("31 23 0:28 / {} rw - cgroup2 cgroup2 rw\n", cgroups.display());
        std::fs::write(proc.join("self/mountinfo"), mounts).unwrap();
        std::fs::write(proc.join("meminfo"), "MemTotal:       1024 kB\n").unwrap();
        std::fs::write(cgroups.join("a/b/memory.max"), "max\n").unwrap();
        std::fs::write(cgroups.join("a/memory.max"), "33554432\n").unwrap();
        std::fs::write(cgroups.join("a/b/pids.max"), "400\n").unwrap();
        let limits = limits(&ProcRoot::new(proc), 7).unwrap();
        let expected = [
            (400, LimitSource::Tasks(cgroups.join("a/b"))),
            (20_000, LimitSource::OpenFiles),
            (1 << 20, LimitSource::Host),
            (32 << 20, LimitSource::Cgroup(cgroups.join("a/b"))),
            (64 << 20, LimitSource::DataSegment),
        ];
        assert_eq!(limits, expected.map(|(amount, source)| Limit { amount, source }));
    }

    #[test]
    fn this_process_is_limited_by_the_host_at_least() {
        let found = limits(&ProcRoot::default(), std::process::id()).unwrap();
        assert!(found.iter().any(|limit| limit.source == LimitSource::Host && limit.amount > 0));
        assert_eq!(limits(&ProcRoot::default(), u32::MAX - 1), Err(SampleError::Vanished));
    }

    #[test]
    fn each_limit_stops_what_it_limits() {
        assert!(LimitSource::AddressSpace.stops(MetricId::Virtual));
        assert!(!LimitSource::Host.stops(MetricId::Virtual));
        assert!(LimitSource::Host.stops(MetricId::AnonSwap));
        assert!(!LimitSource::Cgroup(PathBuf::new()).stops(MetricId::Fds));
        assert!(LimitSource::OpenFiles.stops(MetricId::Fds) && LimitSource::OpenFiles.is_for_each_process());
        assert!(LimitSource::Tasks(PathBuf::new()).stops(MetricId::Threads));
    }
}
