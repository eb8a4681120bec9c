//! Memory, load and pressure of the host, as context: `/proc/meminfo`, `/proc/loadavg`, `/proc/pressure`.

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};

use crate::error::SampleError;
use crate::fields::{as_reading, kib_as_bytes, name_and_rest, number, whole_lines, words};
use crate::kept_file::KeptFile;
use crate::metric::MetricId;
use crate::pressure::Pressure;
use crate::proc_root::ProcRoot;
use crate::reading::Reading;
use crate::sampler::Sampler;

/// What is read from `/proc/meminfo`, in bytes; `None` where a line is missing or makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Meminfo {
    /// Memory of the host.
    pub total_bytes: Option<u64>,
    /// Memory that programs can still get without swapping (since Linux 3.14).
    pub available_bytes: Option<u64>,
    /// Swap space.
    pub swap_total_bytes: Option<u64>,
    /// Swap space that is free.
    pub swap_free_bytes: Option<u64>,
    /// Kernel objects.
    pub slab_bytes: Option<u64>,
    /// Kernel objects that cannot be dropped.
    pub slab_unreclaimable_bytes: Option<u64>,
    /// Page tables.
    pub page_tables_bytes: Option<u64>,
}

impl Meminfo {
    /// Parses the text of `/proc/meminfo`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut meminfo = Self::default();
        for line in whole_lines(text) {
            let Some((name, rest)) = name_and_rest(line) else { continue };
            match name {
                b"MemTotal" => meminfo.total_bytes = kib_as_bytes(rest),
                b"MemAvailable" => meminfo.available_bytes = kib_as_bytes(rest),
                b"SwapTotal" => meminfo.swap_total_bytes = kib_as_bytes(rest),
                b"SwapFree" => meminfo.swap_free_bytes = kib_as_bytes(rest),
                b"Slab" => meminfo.slab_bytes = kib_as_bytes(rest),
                b"SUnreclaim" => meminfo.slab_unreclaimable_bytes = kib_as_bytes(rest),
                b"PageTables" => meminfo.page_tables_bytes = kib_as_bytes(rest),
                _ => {}
            }
        }
        meminfo
    }

    /// Puts what was found into `reading`.
    ///
    /// # Errors
    /// [`SampleError::Garbled`] without `MemTotal`, [`SampleError::Unsupported`] without `MemAvailable`.
    pub fn fill(&self, reading: &mut Reading) -> Result<(), SampleError> {
        if let (Some(total), Some(free)) = (self.swap_total_bytes, self.swap_free_bytes) {
            reading.set(MetricId::HostSwapUsed, as_reading(total.saturating_sub(free)));
        }
        let kernel = [
            (MetricId::HostSlab, self.slab_bytes),
            (MetricId::HostSlabUnreclaimable, self.slab_unreclaimable_bytes),
            (MetricId::HostPageTables, self.page_tables_bytes),
        ];
        for (metric, bytes) in kernel {
            if let Some(bytes) = bytes {
                reading.set(metric, as_reading(bytes));
            }
        }
        let total = self.total_bytes.ok_or(SampleError::Garbled { expected: "`MemTotal` in `meminfo`" })?;
        let available = self.available_bytes.ok_or(SampleError::Unsupported)?;
        reading.set(MetricId::HostAvailable, as_reading(available));
        reading.set(MetricId::HostUsed, as_reading(total.saturating_sub(available)));
        Ok(())
    }
}

/// The mean number of tasks over the last minute, from the text of `/proc/loadavg`: `0.17 0.05 …`.
fn parse_load(text: &[u8]) -> Option<f64> {
    let mut parts = words(whole_lines(text).next()?).next()?.split(|byte| *byte == b'.');
    let (whole, hundredths) = (number(parts.next()?)?, parts.next()?);
    if hundredths.len() != 2 || parts.next().is_some() {
        return None;
    }
    Some(as_reading(whole) + as_reading(number(hundredths)?) / 100.0)
}

/// Reads memory, swap, load and pressure of the host into a [`Reading`]; beside [`crate::TreeSampler`], as often as wanted.
#[derive(Debug)]
pub struct HostSampler {
    meminfo: KeptFile<4096>,
    loadavg: KeptFile<128>,
    /// `None` where the kernel does not measure it.
    pressure: Option<Pressure>,
}

impl HostSampler {
    /// Opens the files below `root`.
    ///
    /// # Errors
    /// When one of them cannot be opened.
    pub fn open(root: &ProcRoot) -> Result<Self, SampleError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder: OwnedFd = rustix::fs::open(root.path(), flags, Mode::empty())?;
        let names = [
            ("cpu", MetricId::HostCpuPressure),
            ("memory", MetricId::HostMemoryPressure),
            ("io", MetricId::HostIoPressure),
        ];
        let pressure = rustix::fs::openat(&folder, "pressure", flags, Mode::empty()).ok();
        Ok(Self {
            meminfo: KeptFile::open(&folder, "meminfo")?,
            loadavg: KeptFile::open(&folder, "loadavg")?,
            pressure: pressure.map(|folder| Pressure::open(&folder, names)),
        })
    }
}

impl Sampler for HostSampler {
    fn read(&mut self, reading: &mut Reading) -> Result<(), SampleError> {
        if let Some(pressure) = &mut self.pressure {
            pressure.read(reading);
        }
        let load = self.loadavg.read(|text, _| Some(parse_load(text)))?;
        if let Some(load) = load {
            reading.set(MetricId::HostLoad, load);
        }
        // All lines that are wanted stand in the first 4,096 bytes, which is more than the text has.
        self.meminfo.read(|text, _| Some(Meminfo::parse(text)))?.fill(reading)?;
        load.map(drop).ok_or(SampleError::Garbled { expected: "the fields of `loadavg`" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_is_what_cannot_be_had_any_more() {
        let text = "MemTotal:       24684084 kB\nMemFree:        23059832 kB\nMemAvailable:   24170976 kB\n\
                    SwapCached:            0 kB\nSwapTotal:       2097148 kB\nSwapFree:        2097048 kB\n\
                    PageTables:         8840 kB\nSlab:             301020 kB\nSUnreclaim:        91020 kB\n";
        let mut reading = Reading::default();
        Meminfo::parse(text.as_bytes()).fill(&mut reading).unwrap();
        assert_eq!(reading.get(MetricId::HostAvailable), Some(24_170_976.0 * 1024.0));
        assert_eq!(reading.get(MetricId::HostUsed), Some(513_108.0 * 1024.0));
        assert_eq!(reading.get(MetricId::HostSwapUsed), Some(102_400.0));
        assert_eq!(reading.get(MetricId::HostSlab), Some(301_020.0 * 1024.0));
        assert_eq!(reading.get(MetricId::HostSlabUnreclaimable), Some(91_020.0 * 1024.0));
        assert_eq!(reading.get(MetricId::HostPageTables), Some(8_840.0 * 1024.0));
    }

    #[test]
    fn missing_lines_are_gaps_with_a_reason() {
        let mut reading = Reading::default();
        let old = Meminfo::parse(b"MemTotal: 100 kB\nMemFree: 50 kB\n").fill(&mut reading);
        assert_eq!(old, Err(SampleError::Unsupported));
        let odd = Meminfo::parse(b"MemTotal: 100 MB\nMemAvailable: 50 kB\n").fill(&mut reading);
        assert!(matches!(odd, Err(SampleError::Garbled { .. })));
        assert_eq!(reading.iter().count(), 0);
    }

    #[test]
    fn load_is_the_first_word() {
        assert_eq!(parse_load(b"12.05 0.05 0.14 1/94 14749\n"), Some(12.05));
        for bad in [&b""[..], b"0.5 0.05\n", b"1 2 3\n", b"-0.10 0\n", b"0.10", b"0.10.1 0\n"] {
            assert_eq!(parse_load(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn this_host_has_memory() {
        let mut reading = Reading::default();
        HostSampler::open(&ProcRoot::default()).unwrap().read(&mut reading).unwrap();
        assert!(reading.get(MetricId::HostAvailable).unwrap() > 0.0);
        assert!(reading.get(MetricId::HostUsed).unwrap() > 0.0);
        assert!(reading.get(MetricId::HostLoad).is_some() && reading.get(MetricId::HostSwapUsed).is_some());
    }
}
