//! How much memory a process may use before something stops it: for the time until a limit is reached.

use std::path::PathBuf;

use crate::cgroup::CgroupMounts;
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
    /// The memory of the host, for all its processes together.
    Host,
}

/// A limit on memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryLimit {
    /// How much.
    pub bytes: u64,
    /// What sets it.
    pub source: LimitSource,
}

impl LimitSource {
    /// Whether a series of `metric` is stopped by it: at the latest when the series reaches the limit.
    #[must_use]
    pub fn stops(&self, metric: MetricId) -> bool {
        use MetricId::{Anon, AnonSwap, CgroupAnonKernel, Pss, Rss, Uss, Virtual};
        match self {
            Self::AddressSpace => matches!(metric, Anon | AnonSwap | Pss | Rss | Uss | Virtual),
            Self::DataSegment => matches!(metric, Anon | AnonSwap | Uss),
            // File pages in `rss_bytes` can be dropped, so that for it the limit comes later than it says.
            Self::Cgroup(_) | Self::Host => matches!(metric, Anon | AnonSwap | CgroupAnonKernel | Pss | Rss | Uss),
        }
    }

    /// Whether each process has the limit for itself; else it is for a whole tree.
    #[must_use]
    pub fn is_for_each_process(&self) -> bool {
        matches!(self, Self::AddressSpace | Self::DataSegment)
    }
}

/// All limits on the memory of `pid`, the smallest first. The host's is always among them, where `meminfo` can be read.
///
/// # Errors
/// When `/proc/PID/limits` cannot be read, which is also how a process that ended is noticed.
pub fn memory_limits(root: &ProcRoot, pid: u32) -> Result<Vec<MemoryLimit>, SampleError> {
    let text = std::fs::read(root.process_file(pid, "limits"))?;
    let mut limits = Vec::new();
    let named = [("Max address space", LimitSource::AddressSpace), ("Max data size", LimitSource::DataSegment)];
    for (name, source) in named {
        limits.extend(soft_limit(&text, name).map(|bytes| MemoryLimit { bytes, source }));
    }
    let cgroup = CgroupMounts::read(root).and_then(|mounts| mounts.memory_cgroup(root, pid)).ok().flatten();
    if let Some(cgroup) = cgroup
        && let Some(bytes) = cgroup.memory_limit_bytes()
    {
        limits.push(MemoryLimit { bytes, source: LimitSource::Cgroup(cgroup.path) });
    }
    let host = std::fs::read(root.path().join("meminfo")).ok().and_then(|text| Meminfo::parse(&text).total_bytes);
    limits.extend(host.map(|bytes| MemoryLimit { bytes, source: LimitSource::Host }));
    limits.sort_by_key(|limit| limit.bytes);
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
        let limits = memory_limits(&ProcRoot::new(proc), 7).unwrap();
        let expected = [
            (1 << 20, LimitSource::Host),
            (32 << 20, LimitSource::Cgroup(cgroups.join("a/b"))),
            (64 << 20, LimitSource::DataSegment),
        ];
        assert_eq!(limits, expected.map(|(bytes, source)| MemoryLimit { bytes, source }));
    }

    #[test]
    fn this_process_is_limited_by_the_host_at_least() {
        let limits = memory_limits(&ProcRoot::default(), std::process::id()).unwrap();
        assert!(limits.iter().any(|limit| limit.source == LimitSource::Host && limit.bytes > 0));
        assert_eq!(memory_limits(&ProcRoot::default(), u32::MAX - 1), Err(SampleError::Vanished));
    }

    #[test]
    fn an_address_space_is_stopped_by_its_own_limit_only() {
        assert!(LimitSource::AddressSpace.stops(MetricId::Virtual));
        assert!(!LimitSource::Host.stops(MetricId::Virtual));
        assert!(LimitSource::Host.stops(MetricId::AnonSwap));
        assert!(!LimitSource::Cgroup(PathBuf::new()).stops(MetricId::Fds));
    }
}
