//! A source of readings: one trait, one row for each source.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::descriptors::DescriptorSampler;
use crate::error::SampleError;
use crate::heap_mapping::HeapMappingSampler;
use crate::io::IoSampler;
use crate::metric::{Detail, MetricId};
use crate::probe::ProbeSampler;
use crate::probe_memory::PhaseMark;
use crate::reading::Reading;
use crate::smaps_rollup::SmapsRollupSampler;
use crate::stat::StatSampler;
use crate::statm::StatmSampler;
use crate::status::StatusSampler;
use crate::threads::ThreadSampler;

/// A source of readings about one target. Holds open files and buffers, but no history.
pub trait Sampler: Send {
    /// Reads the target once into `reading`, without allocating. The caller stamps the time.
    ///
    /// # Errors
    /// Why some or all of the values were not read; they are then left as they were.
    fn read(&mut self, reading: &mut Reading) -> Result<(), SampleError>;

    /// Hands over the phases that the target said it began, as far as `read` has seen them and they were not handed over yet.
    fn take_marks(&mut self, _marks: &mut Vec<PhaseMark>) {}
}

/// The key of a source of readings about one process: its place in [`SAMPLERS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(usize)]
pub enum SamplerId {
    /// `statm`.
    Statm,
    /// The folder `fd`.
    Descriptors,
    /// The folder `task`.
    Threads,
    /// The shared memory of a probe in the target.
    Probe,
    /// `status`.
    Status,
    /// `stat`.
    Stat,
    /// `smaps_rollup`.
    SmapsRollup,
    /// `io`.
    Io,
    /// The links in the folder `fd`.
    DescriptorKinds,
    /// The tables of sockets in `net`.
    Sockets,
    /// `maps`.
    HeapMapping,
}

/// Opens a source for the process whose folder in `/proc` is given.
pub(crate) type Open = fn(&Arc<OwnedFd>) -> Result<Box<dyn Sampler>, SampleError>;

/// One source of readings about a process.
#[derive(Debug)]
pub struct SamplerRow {
    /// Its key.
    pub id: SamplerId,
    /// Its name in statuses and costs: the file or folder below `/proc/PID`, or what else it reads.
    pub name: &'static str,
    /// When it is read.
    pub detail: Detail,
    /// What it gives.
    pub metrics: &'static [MetricId],
    /// Whether it keeps a descriptor open for each process, besides that of its folder.
    pub(crate) keeps_descriptor: bool,
    /// Opens it for the process whose `/proc/PID` folder is given; `None` for what is read of all processes together.
    pub(crate) open: Option<Open>,
}

/// All sources of readings about a process, in the order in which they are read. The first tells whether it is still there.
pub static SAMPLERS: &[SamplerRow] = &[
    SamplerRow {
        id: SamplerId::Statm,
        name: "statm",
        detail: Detail::Fast,
        metrics: &[MetricId::Rss, MetricId::Anon, MetricId::Virtual],
        keeps_descriptor: true,
        open: Some(|process| Ok(Box::new(StatmSampler::open(process)?))),
    },
    SamplerRow {
        id: SamplerId::Descriptors,
        name: "fd",
        detail: Detail::Fast,
        metrics: &[MetricId::Fds],
        keeps_descriptor: true,
        open: Some(|process| Ok(Box::new(DescriptorSampler::open(process)?))),
    },
    SamplerRow {
        id: SamplerId::Threads,
        name: "task",
        detail: Detail::Fast,
        metrics: &[MetricId::Threads],
        keeps_descriptor: true,
        open: Some(|process| Ok(Box::new(ThreadSampler::open(process)?))),
    },
    SamplerRow {
        id: SamplerId::Probe,
        name: "probe",
        detail: Detail::Fast,
        metrics: &[MetricId::HeapLive, MetricId::HeapBlocks, MetricId::Operations],
        keeps_descriptor: true,
        open: Some(|process| Ok(Box::new(ProbeSampler::open(process)?))),
    },
    SamplerRow {
        id: SamplerId::Status,
        name: "status",
        detail: Detail::Full,
        metrics: &[MetricId::Swap, MetricId::RssFile, MetricId::RssShmem],
        keeps_descriptor: true,
        open: Some(|process| Ok(Box::new(StatusSampler::open(process)?))),
    },
    SamplerRow {
        id: SamplerId::Stat,
        name: "stat",
        detail: Detail::Full,
        metrics: &[MetricId::Cpu, MetricId::MinorFaults, MetricId::MajorFaults],
        keeps_descriptor: true,
        open: Some(|process| Ok(Box::new(StatSampler::open(process)?))),
    },
    SamplerRow {
        id: SamplerId::SmapsRollup,
        name: "smaps_rollup",
        detail: Detail::Slow,
        metrics: &[
            MetricId::Pss,
            MetricId::Uss,
            MetricId::SwapPss,
            MetricId::RssKept,
            MetricId::LazyFree,
            MetricId::AnonHuge,
            MetricId::ShmemHuge,
            MetricId::Shared,
        ],
        keeps_descriptor: false,
        open: Some(|process| Ok(Box::new(SmapsRollupSampler::open(process)?))),
    },
    SamplerRow {
        id: SamplerId::Io,
        name: "io",
        detail: Detail::Full,
        metrics: &[MetricId::IoRead, MetricId::IoWritten],
        keeps_descriptor: true,
        open: Some(|process| Ok(Box::new(IoSampler::open(process)?))),
    },
    SamplerRow {
        id: SamplerId::DescriptorKinds,
        name: "fd/*",
        detail: Detail::Slow,
        metrics: &[
            MetricId::FdsFiles,
            MetricId::FdsDeleted,
            MetricId::FdsMemoryFiles,
            MetricId::FdsSockets,
            MetricId::FdsPipes,
            MetricId::FdsEventFds,
            MetricId::FdsAnonInodes,
            MetricId::FdsOthers,
            MetricId::DeletedFiles,
        ],
        keeps_descriptor: false,
        open: None,
    },
    SamplerRow {
        id: SamplerId::Sockets,
        name: "net",
        detail: Detail::Slow,
        metrics: &[
            MetricId::SocketsEstablished,
            MetricId::SocketsCloseWait,
            MetricId::SocketsListen,
            MetricId::SocketsTcpOther,
            MetricId::SocketsUdp,
            MetricId::SocketsUnix,
            MetricId::SocketsOther,
        ],
        keeps_descriptor: false,
        open: None,
    },
    SamplerRow {
        id: SamplerId::HeapMapping,
        name: "maps",
        detail: Detail::Slow,
        metrics: &[MetricId::Brk],
        keeps_descriptor: false,
        open: Some(|process| Ok(Box::new(HeapMappingSampler::open(process)?))),
    },
];

impl SamplerId {
    /// Number of sources.
    pub const COUNT: usize = 11;

    /// The row of this source.
    #[must_use]
    pub fn row(self) -> &'static SamplerRow {
        &SAMPLERS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{METRICS, Scope};

    #[test]
    fn every_row_stands_at_its_key_and_has_a_unique_name() {
        assert_eq!(SAMPLERS.len(), SamplerId::COUNT);
        for (index, row) in SAMPLERS.iter().enumerate() {
            assert_eq!(row.id as usize, index);
            assert_eq!(SAMPLERS.iter().filter(|other| other.name == row.name).count(), 1, "{}", row.name);
        }
    }

    #[test]
    fn every_metric_of_a_process_has_one_source_of_its_level_of_detail() {
        for metric in METRICS.iter().filter(|metric| metric.scope == Scope::Process) {
            // The sum of two others.
            if metric.id == MetricId::AnonSwap {
                continue;
            }
            let sources: Vec<_> = SAMPLERS.iter().filter(|row| row.metrics.contains(&metric.id)).collect();
            assert_eq!(sources.len(), 1, "{}", metric.name);
            // Swap is read on every tick, though only where the host has swapped anything out.
            assert!(sources[0].detail == metric.detail || metric.id == MetricId::Swap, "{}", metric.name);
        }
    }

    #[test]
    fn sources_keep_the_descriptors_that_their_rows_say() {
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let folder = format!("/proc/{}/", child.id());
        let kept_count = || {
            let links = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
            let links = links.filter_map(|link| std::fs::read_link(link.path()).ok());
            links.filter(|link| link.to_string_lossy().starts_with(&folder)).count()
        };
        let process = crate::ProcRoot::default().open_process(child.id()).map(Arc::new).unwrap();
        for row in SAMPLERS {
            let Some(open) = row.open else {
                assert!(!row.keeps_descriptor, "{}", row.name);
                continue;
            };
            let mut sampler = open(&process).unwrap();
            let _ = sampler.read(&mut Reading::default());
            // This one has no probe.
            let keeps = row.keeps_descriptor && row.id != SamplerId::Probe;
            assert_eq!(kept_count(), usize::from(keeps), "{}", row.name);
        }
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn every_source_reads_this_process() {
        let process = crate::ProcRoot::default().open_process(std::process::id()).map(Arc::new).unwrap();
        // These tests have a probe, see `lib.rs`.
        soakd_probe::op();
        for (row, open) in SAMPLERS.iter().filter_map(|row| Some((row, row.open?))) {
            let mut reading = Reading::default();
            open(&process).unwrap().read(&mut reading).unwrap();
            for metric in row.metrics {
                assert!(reading.get(*metric).is_some(), "{} of {}", metric.name(), row.name);
            }
            assert_eq!(reading.iter().count(), row.metrics.len(), "{} gives what its row does not name", row.name);
        }
    }
}
