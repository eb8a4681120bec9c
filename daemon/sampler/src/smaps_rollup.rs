//! `/proc/PID/smaps_rollup`: proportional, unique and shared memory, huge pages and pages given back, at the price of a
//! walk through the page tables.
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
    /// Resident pages that others use too, unchanged since they were read from a file.
    pub shared_clean_bytes: Option<u64>,
    /// Resident pages that others use too, changed.
    pub shared_dirty_bytes: Option<u64>,
    /// Pages given back by `MADV_FREE` that are still resident (since Linux 4.12).
    pub lazy_free_bytes: Option<u64>,
    /// Anonymous memory in transparent huge pages.
    pub anon_huge_bytes: Option<u64>,
    /// Shared memory in transparent huge pages.
    pub shmem_huge_bytes: Option<u64>,
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
                b"Shared_Clean" => &mut rollup.shared_clean_bytes,
                b"Shared_Dirty" => &mut rollup.shared_dirty_bytes,
                b"LazyFree" => &mut rollup.lazy_free_bytes,
                b"AnonHugePages" => &mut rollup.anon_huge_bytes,
                b"ShmemPmdMapped" => &mut rollup.shmem_huge_bytes,
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

    /// Resident memory, in bytes, without what the program has given back lazily.
    #[must_use]
    pub fn rss_kept_bytes(&self) -> Option<u64> {
        self.rss_bytes?.checked_sub(self.lazy_free_bytes?)
    }

    /// Memory, in bytes, that other processes use too.
    #[must_use]
    pub fn shared_bytes(&self) -> Option<u64> {
        self.shared_clean_bytes?.checked_add(self.shared_dirty_bytes?)
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
        // A kernel that cannot swap, or is older than a line, leaves it out.
        let found = [
            (MetricId::SwapPss, self.swap_pss_bytes),
            (MetricId::RssKept, self.rss_kept_bytes()),
            (MetricId::LazyFree, self.lazy_free_bytes),
            (MetricId::AnonHuge, self.anon_huge_bytes),
            (MetricId::ShmemHuge, self.shmem_huge_bytes),
            (MetricId::Shared, self.shared_bytes()),
        ];
        for (metric, bytes) in found {
            if let Some(bytes) = bytes {
                reading.set(metric, as_reading(bytes));
            }
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
