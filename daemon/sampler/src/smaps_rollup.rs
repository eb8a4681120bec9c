//! `/proc/PID/smaps_rollup`: proportional and unique memory, at the price of a walk through the page tables.
//!
//! The walk holds up the target's own `mmap`, `munmap` and `brk`, for about 10 ms for each GiB that is resident. Whoever
//! reads it decides how often, and above which size not at all; see [`crate::TreeSampler`].

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};

use crate::error::SampleError;
use crate::fields::{as_reading, kib_as_bytes, name_and_rest, whole_lines};
use crate::metric::MetricId;
use crate::reading::Reading;
use crate::sampler::Sampler;

/// What is read from `/proc/PID/smaps_rollup`, in bytes; `None` where a line is missing or makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SmapsRollup {
    /// Resident memory, exact.
    pub rss_bytes: Option<u64>,
    /// Resident memory, shared pages divided by the number of their users.
    pub pss_bytes: Option<u64>,
    /// Resident pages that only this process uses, unchanged since they were read from a file.
    pub private_clean_bytes: Option<u64>,
    /// Resident pages that only this process uses, changed.
    pub private_dirty_bytes: Option<u64>,
    /// Huge pages from the pool of the host that only this process uses.
    pub private_hugetlb_bytes: Option<u64>,
    /// Swapped-out memory, shared pages divided by the number of their users.
    pub swap_pss_bytes: Option<u64>,
}

impl SmapsRollup {
    /// Parses the text of `/proc/PID/smaps_rollup`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut rollup = Self::default();
        for line in whole_lines(text) {
            let Some((name, rest)) = name_and_rest(line) else { continue };
            let place = match name {
                b"Rss" => &mut rollup.rss_bytes,
                b"Pss" => &mut rollup.pss_bytes,
                b"Private_Clean" => &mut rollup.private_clean_bytes,
                b"Private_Dirty" => &mut rollup.private_dirty_bytes,
                b"Private_Hugetlb" => &mut rollup.private_hugetlb_bytes,
                b"SwapPss" => &mut rollup.swap_pss_bytes,
                _ => continue,
            };
            *place = kib_as_bytes(rest);
        }
        rollup
    }

    /// Memory, in bytes, that no other process shares.
    #[must_use]
    pub fn uss_bytes(&self) -> Option<u64> {
        let resident = self.private_clean_bytes?.checked_add(self.private_dirty_bytes?)?;
        resident.checked_add(self.private_hugetlb_bytes.unwrap_or(0))
    }

    /// Puts what was found into `reading`.
    ///
    /// # Errors
    /// [`SampleError::NoMemory`] for an empty text, [`SampleError::Garbled`] where a line is missing.
    pub fn fill(&self, reading: &mut Reading) -> Result<(), SampleError> {
        if *self == Self::default() {
            return Err(SampleError::NoMemory);
        }
        const GARBLED: SampleError = SampleError::Garbled { expected: "the lines of `smaps_rollup`" };
        reading.set(MetricId::Pss, as_reading(self.pss_bytes.ok_or(GARBLED)?));
        reading.set(MetricId::Uss, as_reading(self.uss_bytes().ok_or(GARBLED)?));
        // A kernel that cannot swap leaves the line out.
        if let Some(bytes) = self.swap_pss_bytes {
            reading.set(MetricId::SwapPss, as_reading(bytes));
        }
        Ok(())
    }
}

/// Reads `/proc/PID/smaps_rollup`, opening it each time: an open one belongs to the address space of its opening and
/// goes silent after `exec`.
#[derive(Debug)]
pub(crate) struct SmapsRollupSampler {
    process: Arc<OwnedFd>,
}

impl SmapsRollupSampler {
    pub(crate) fn open(process: &Arc<OwnedFd>) -> Result<Self, SampleError> {
        Ok(Self { process: Arc::clone(process) })
    }
}

impl Sampler for SmapsRollupSampler {
    fn read(&mut self, reading: &mut Reading) -> Result<(), SampleError> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&*self.process, "smaps_rollup", flags, Mode::empty()) {
            // The file came with Linux 4.14. Where the folder is still there, it is the file that is missing.
            Err(rustix::io::Errno::NOENT)
                if rustix::fs::statat(&*self.process, "statm", rustix::fs::AtFlags::empty()).is_ok() =>
            {
                return Err(SampleError::Unsupported);
            }
            other => other?,
        };
        let mut buffer = [0; 4096];
        let length = rustix::io::pread(&file, &mut buffer, 0)?;
        SmapsRollup::parse(&buffer[..length]).fill(reading)
    }
}
