//! What `memory.stat` and the files beside it say about the memory of a cgroup, in v1 and in v2.
//!
//! The same words mean the same in both: `file` holds tmpfs and shared memory too, `kernel` holds all kernel memory.

use crate::cgroup::CgroupVersion;
use crate::error::SampleError;
use crate::fields::{as_reading, number, whole_lines};
use crate::metric::MetricId;
use crate::reading::Reading;

/// What is read from `memory.stat`, in bytes, of a cgroup with all below it; `None` where there is no such line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CgroupStat {
    /// Resident anonymous memory.
    pub anon: Option<u64>,
    /// Page cache, with tmpfs and shared memory.
    pub file: Option<u64>,
    /// tmpfs and shared memory.
    pub shmem: Option<u64>,
    /// All kernel memory; v1 has it in another file.
    pub kernel: Option<u64>,
    /// Kernel objects; v1 does not tell.
    pub slab: Option<u64>,
    /// Kernel objects that can be dropped; v1 does not tell.
    pub slab_reclaimable: Option<u64>,
    /// Network buffers; v1 has them in another file.
    pub sock: Option<u64>,
    /// Memory that is swapped out; v2 has it in another file.
    pub swap: Option<u64>,
}

impl CgroupStat {
    /// Parses the text of `memory.stat`.
    #[must_use]
    pub fn parse(text: &[u8], version: CgroupVersion) -> Self {
        let mut stat = Self::default();
        // Before Linux 5.18 v2 tells only the parts of kernel memory.
        let mut parts: Option<u64> = None;
        for (name, bytes) in pairs(text) {
            let place = match (version, name) {
                (CgroupVersion::V2, b"anon") | (CgroupVersion::V1, b"total_rss") => &mut stat.anon,
                (CgroupVersion::V2, b"file") | (CgroupVersion::V1, b"total_cache") => &mut stat.file,
                (CgroupVersion::V2, b"shmem") | (CgroupVersion::V1, b"total_shmem") => &mut stat.shmem,
                (CgroupVersion::V1, b"total_swap") => &mut stat.swap,
                (CgroupVersion::V2, b"kernel") => &mut stat.kernel,
                (CgroupVersion::V2, b"slab") => &mut stat.slab,
                (CgroupVersion::V2, b"slab_reclaimable") => &mut stat.slab_reclaimable,
                (CgroupVersion::V2, b"sock") => &mut stat.sock,
                (CgroupVersion::V2, b"kernel_stack" | b"pagetables" | b"percpu" | b"vmalloc") => {
                    parts = Some(parts.unwrap_or(0).saturating_add(bytes));
                    continue;
                }
                _ => continue,
            };
            *place = Some(bytes);
        }
        stat.kernel = stat.kernel.or_else(|| parts?.checked_add(stat.slab?));
        stat
    }

    /// What a leak holds in memory: anonymous memory, and kernel memory without what can be dropped. `None` where that is not
    /// told apart, as by v1: names and inodes of files that were looked at would look like a leak.
    #[must_use]
    pub fn anon_kernel(&self) -> Option<u64> {
        let kernel = self.kernel?.saturating_sub(self.slab_reclaimable?);
        self.anon?.checked_add(kernel)
    }

    /// Puts what was found into `reading`.
    ///
    /// # Errors
    /// [`SampleError::Garbled`] without the lines that every kernel has.
    pub fn fill(&self, reading: &mut Reading) -> Result<(), SampleError> {
        let found = [
            (MetricId::CgroupAnon, self.anon),
            (MetricId::CgroupFile, self.file),
            (MetricId::CgroupShmem, self.shmem),
            (MetricId::CgroupKernel, self.kernel),
            (MetricId::CgroupSlab, self.slab),
            (MetricId::CgroupSlabReclaimable, self.slab_reclaimable),
            (MetricId::CgroupSock, self.sock),
            (MetricId::CgroupSwap, self.swap),
        ];
        for (metric, bytes) in found {
            if let Some(bytes) = bytes {
                reading.set(metric, as_reading(bytes));
            }
        }
        self.anon.zip(self.file).map(drop).ok_or(SampleError::Garbled { expected: "the lines of `memory.stat`" })
    }
}

/// Puts the counts of `memory.events` (v2) or `memory.oom_control` (v1) into `reading`.
pub(crate) fn fill_events(text: &[u8], reading: &mut Reading) {
    for (name, count) in pairs(text) {
        let metric = match name {
            b"high" => MetricId::CgroupHigh,
            b"max" => MetricId::CgroupMax,
            b"oom" => MetricId::CgroupOom,
            b"oom_kill" => MetricId::CgroupOomKill,
            _ => continue,
        };
        reading.set(metric, as_reading(count));
    }
}

/// Lines of a name and a number.
fn pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], u64)> {
    whole_lines(text).filter_map(|line| {
        let blank = line.iter().position(|byte| *byte == b' ')?;
        Some((&line[..blank], number(&line[blank + 1..])?))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const V2: &str = include_str!("../fixtures/cgroup/v2/memory.stat");
    const V1: &str = include_str!("../fixtures/cgroup/v1/memory.stat");

    #[test]
    fn v2_tells_all_kinds() {
        let stat = CgroupStat::parse(V2.as_bytes(), CgroupVersion::V2);
        let (kernel, reclaimable) = (stat.kernel.unwrap(), stat.slab_reclaimable.unwrap());
        assert!(reclaimable > 0 && kernel > reclaimable, "{stat:?}");
        let expected = stat.anon.unwrap() + kernel - reclaimable;
        assert_eq!(stat.anon_kernel(), Some(expected));
        assert!(stat.slab.unwrap() >= reclaimable && stat.sock.is_some() && stat.shmem.is_some());
        assert_eq!(stat.swap, None);
    }

    #[test]
    fn an_older_v2_tells_the_parts_of_kernel_memory() {
        let text = "anon 100\nfile 7\nkernel_stack 10\npagetables 20\npercpu 5\nslab_reclaimable 8\nslab 40\nsock 3\n";
        let stat = CgroupStat::parse(text.as_bytes(), CgroupVersion::V2);
        assert_eq!((stat.kernel, stat.anon_kernel()), (Some(75), Some(167)));
    }

    #[test]
    fn v1_counts_all_below_and_does_not_tell_what_can_be_dropped() {
        let stat = CgroupStat::parse(V1.as_bytes(), CgroupVersion::V1);
        assert!(stat.anon.is_some_and(|bytes| bytes > 0) && stat.file.is_some() && stat.shmem.is_some());
        assert_eq!((stat.swap, stat.kernel), (Some(0), None));
        let with_kernel = CgroupStat { kernel: Some(1 << 20), ..stat };
        assert_eq!(with_kernel.anon_kernel(), None);
    }

    #[test]
    fn a_text_without_the_lines_is_garbled() {
        for (text, version) in [("", CgroupVersion::V2), (V1, CgroupVersion::V2), (V2, CgroupVersion::V1)] {
            let filled = CgroupStat::parse(text.as_bytes(), version).fill(&mut Reading::default());
            assert!(matches!(filled, Err(SampleError::Garbled { .. })));
        }
    }

    #[test]
    fn events_are_counted() {
        let mut reading = Reading::default();
        fill_events(b"low 0\nhigh 3\nmax 12\noom 2\noom_kill 1\noom_group_kill 0\n", &mut reading);
        let expected = [
            (MetricId::CgroupHigh, 3.0),
            (MetricId::CgroupMax, 12.0),
            (MetricId::CgroupOom, 2.0),
            (MetricId::CgroupOomKill, 1.0),
        ];
        assert_eq!(reading.iter().collect::<Vec<_>>(), expected);
        let mut reading = Reading::default();
        fill_events(b"oom_kill_disable 0\nunder_oom 0\noom_kill 4\n", &mut reading);
        assert_eq!(reading.iter().collect::<Vec<_>>(), [(MetricId::CgroupOomKill, 4.0)]);
    }

    proptest! {
        #[test]
        fn any_text_gives_finite_values(text in prop::collection::vec(any::<u8>(), 0..300), number in "[a-z_]{1,9} [0-9]{0,22}\n") {
            for version in [CgroupVersion::V1, CgroupVersion::V2] {
                for text in [&text[..], number.as_bytes()] {
                    let mut reading = Reading::default();
                    let _ = CgroupStat::parse(text, version).fill(&mut reading);
                    fill_events(text, &mut reading);
                    prop_assert!(reading.iter().all(|(_, value)| value.is_finite() && value >= 0.0));
                }
            }
        }
    }
}
