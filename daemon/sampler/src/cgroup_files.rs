//! The files of one cgroup, kept open and read in place.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::cgroup::CgroupVersion;
use crate::cgroup_stat::{CgroupStat, fill_events};
use crate::error::SampleError;
use crate::fields::{as_reading, number};
use crate::kept_file::KeptFile;
use crate::metric::MetricId;
use crate::pressure::Pressure;
use crate::reading::Reading;

/// Files of one number.
const NUMBERS_V2: &[(&str, MetricId)] = &[
    ("memory.current", MetricId::Cgroup),
    ("memory.swap.current", MetricId::CgroupSwap),
    ("memory.peak", MetricId::CgroupPeak),
];
const NUMBERS_V1: &[(&str, MetricId)] = &[
    ("memory.usage_in_bytes", MetricId::Cgroup),
    ("memory.kmem.usage_in_bytes", MetricId::CgroupKernel),
    ("memory.kmem.tcp.usage_in_bytes", MetricId::CgroupSock),
    ("memory.max_usage_in_bytes", MetricId::CgroupPeak),
    ("memory.failcnt", MetricId::CgroupMax),
];

fn open_folder(path: &Path) -> Result<OwnedFd, SampleError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(removed)
}

/// A cgroup that was removed answers ENODEV behind open files, and is not there for others.
fn removed(errno: Errno) -> SampleError {
    match errno {
        Errno::NODEV | Errno::NOENT => SampleError::CgroupRemoved,
        other => other.into(),
    }
}

/// As [`removed`], of what a kept file answers.
fn named(error: SampleError) -> SampleError {
    match error {
        SampleError::Vanished => SampleError::CgroupRemoved,
        SampleError::Kernel { errno } if errno == Errno::NODEV.raw_os_error() => SampleError::CgroupRemoved,
        other => other,
    }
}

/// The files that tell the memory of a cgroup.
#[derive(Debug)]
pub(crate) struct MemoryFiles {
    version: CgroupVersion,
    stat: KeptFile<4096>,
    events: Option<KeptFile<512>>,
    numbers: Vec<(KeptFile<64>, MetricId)>,
}

impl MemoryFiles {
    /// Opens them. Files that this kernel lacks give nothing.
    ///
    /// # Errors
    /// [`SampleError::Unsupported`] where the memory controller is not at work in this cgroup.
    pub(crate) fn open(path: &Path, version: CgroupVersion) -> Result<Self, SampleError> {
        let folder = open_folder(path)?;
        let stat = KeptFile::open(&folder, "memory.stat").map_err(|error| match error {
            SampleError::Vanished => SampleError::Unsupported,
            other => other,
        })?;
        let (events, numbers) = match version {
            CgroupVersion::V1 => ("memory.oom_control", NUMBERS_V1),
            CgroupVersion::V2 => ("memory.events", NUMBERS_V2),
        };
        let opened = numbers.iter().filter_map(|(name, metric)| Some((KeptFile::open(&folder, name).ok()?, *metric)));
        Ok(Self { version, stat, events: KeptFile::open(&folder, events).ok(), numbers: opened.collect() })
    }

    /// Reads all of them.
    ///
    /// # Errors
    /// [`SampleError::CgroupRemoved`], and whatever else keeps `memory.stat` from being read.
    pub(crate) fn read(&mut self, reading: &mut Reading) -> Result<(), SampleError> {
        let version = self.version;
        let stat = self.stat.read(|text, _| Some(CgroupStat::parse(text, version))).map_err(named)?;
        stat.fill(reading)?;
        for (file, metric) in &mut self.numbers {
            if let Ok(Some(value)) = file.read(|text, _| Some(number(text.trim_ascii_end()))) {
                reading.set(*metric, as_reading(value));
            }
        }
        if let Some(events) = &mut self.events {
            // Counts that cannot be read are missing, and nothing else is.
            let _ = events.read(|text, _| {
                fill_events(text, reading);
                Some(())
            });
        }
        // Where nothing is counted as swapped out there is no such file, or no swap.
        let swap = reading.get(MetricId::CgroupSwap).unwrap_or(0.0);
        if let Some(bytes) = stat.anon_kernel() {
            reading.set(MetricId::CgroupAnonKernel, as_reading(bytes) + swap);
        }
        Ok(())
    }
}

/// The file that tells the number of tasks.
#[derive(Debug)]
pub(crate) struct PidsFile(KeptFile<64>);

impl PidsFile {
    /// Opens it; `None` where the controller is not at work.
    pub(crate) fn open(path: &Path) -> Option<Self> {
        let folder = open_folder(path).ok()?;
        KeptFile::open(&folder, "pids.current").ok().map(Self)
    }

    /// Reads it; what cannot be read is missing.
    pub(crate) fn read(&mut self, reading: &mut Reading) {
        if let Ok(Some(count)) = self.0.read(|text, _| Some(number(text.trim_ascii_end()))) {
            reading.set(MetricId::CgroupPids, as_reading(count));
        }
    }
}

/// Opens the pressure files of the cgroup at `path`.
pub(crate) fn open_pressure(path: &Path) -> Option<Pressure> {
    let names = [
        ("cpu.pressure", MetricId::CgroupCpuPressure),
        ("memory.pressure", MetricId::CgroupMemoryPressure),
        ("io.pressure", MetricId::CgroupIoPressure),
    ];
    open_folder(path).ok().map(|folder| Pressure::open(&folder, names))
}
