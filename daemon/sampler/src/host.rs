//! What is known of the host: for the verdict's environment and for `soakd doctor`.

use std::path::{Path, PathBuf};

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::cgroup::{CgroupLayout, CgroupMounts};
use crate::descriptors::size_is_a_count;
use crate::proc_root::ProcRoot;

/// Facts about the host. What could not be found out is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// Name of the host.
    pub hostname: Option<String>,
    /// The operating system, as it calls itself.
    pub system: Option<String>,
    /// Version of the kernel.
    pub kernel: Option<String>,
    /// Instruction set: `x86_64`.
    pub architecture: String,
    /// CPUs that are online.
    pub cpus_count: usize,
    /// Memory.
    pub memory_bytes: u64,
    /// Swap space.
    pub swap_bytes: u64,
    /// Size of a page: the smallest step of a memory series.
    pub page_bytes: u64,
    /// Clock ticks for a second: the unit of CPU times and start times.
    pub ticks_per_s: u64,
    /// Changes when the host boots: two runs with the same one saw no restart between them.
    pub boot_id: Option<String>,
    /// How cgroups are mounted.
    pub cgroup_layout: CgroupLayout,
    /// What the kernel's clock is made from: `tsc` is good, `hpet` or `acpi_pm` make reading it slow.
    pub clock_source: Option<String>,
    /// When memory is given in huge pages: `always`, `madvise` or `never`. With `always`, resident memory moves
    /// in steps of 2 MiB that are no growth of the program.
    pub transparent_hugepages: Option<String>,
    /// Whether the kernel tells the number of descriptors at once (Linux 6.2), or each must be listed.
    pub counts_descriptors: bool,
    /// Whether the kernel has `smaps_rollup` (Linux 4.14), from which `pss_bytes` and `uss_bytes` come.
    pub has_smaps_rollup: bool,
}

impl HostFacts {
    /// Collects the facts. Takes some milliseconds: for the start of a run, not for a tick.
    #[must_use]
    pub fn read(root: &ProcRoot) -> Self {
        Self::read_from(root, Path::new("/sys"))
    }

    /// As [`HostFacts::read`], with another folder in place of `/sys`.
    #[must_use]
    pub fn read_from(root: &ProcRoot, sys: &Path) -> Self {
        let refresh =
            RefreshKind::nothing().with_memory(MemoryRefreshKind::everything()).with_cpu(CpuRefreshKind::nothing());
        let system = System::new_with_specifics(refresh).ok();
        let cpus_count = system.as_ref().map_or(0, |system| system.cpus().len());
        Self {
            hostname: System::host_name().ok(),
            system: System::long_os_version().ok(),
            kernel: System::kernel_version().ok(),
            architecture: System::cpu_arch(),
            // At least the one that this runs on.
            cpus_count: cpus_count.max(1),
            memory_bytes: system.as_ref().map_or(0, System::total_memory),
            swap_bytes: system.as_ref().map_or(0, System::total_swap),
            page_bytes: rustix::param::page_size() as u64,
            ticks_per_s: rustix::param::clock_ticks_per_second(),
            boot_id: read_line(&root.path().join("sys/kernel/random/boot_id")),
            cgroup_layout: CgroupMounts::read(root).map_or(CgroupLayout::None, |mounts| mounts.layout()),
            clock_source: read_line(&sys.join("devices/system/clocksource/clocksource0/current_clocksource")),
            transparent_hugepages: read_line(&sys.join("kernel/mm/transparent_hugepage/enabled"))
                .and_then(|line| chosen(&line).map(str::to_owned)),
            counts_descriptors: size_is_a_count(),
            has_smaps_rollup: root.path().join("self/smaps_rollup").exists(),
        }
    }
}

/// The first line of the file at `path`; `None` when it cannot be read or is empty.
fn read_line(path: &PathBuf) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().next().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned)
}

/// The word in brackets: `always [madvise] never`.
fn chosen(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once('[')?;
    rest.split_once(']').map(|(word, _)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_has_a_kernel_and_memory() {
        let facts = HostFacts::read(&ProcRoot::default());
        assert!(facts.kernel.as_deref().is_some_and(|kernel| kernel.contains('.')), "{facts:?}");
        assert!(facts.cpus_count > 0 && facts.memory_bytes > 0 && facts.page_bytes >= 4096 && facts.ticks_per_s > 0);
        assert!(facts.boot_id.is_some_and(|id| id.len() == 36));
    }

    #[test]
    fn what_is_not_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let facts = HostFacts::read_from(&ProcRoot::new(folder.path()), folder.path());
        assert_eq!((facts.boot_id, facts.clock_source, facts.transparent_hugepages), (None, None, None));
        assert_eq!(facts.cgroup_layout, CgroupLayout::None);
        assert!(!facts.has_smaps_rollup);
    }

    #[test]
    fn the_chosen_word_stands_in_brackets() {
        assert_eq!(chosen("always [madvise] never"), Some("madvise"));
        assert_eq!(chosen("always madvise never"), None);
        assert_eq!(chosen("[always"), None);
    }
}
