//! The folder `/proc/PID/fd`: how many descriptors are open.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, RawDir};

use crate::error::SampleError;
use crate::fields::{as_reading, number};
use crate::metric::MetricId;
use crate::reading::Reading;
use crate::sampler::Sampler;

/// How descriptors are counted here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counting {
    /// The kernel gives their number as the size of the folder (since Linux 6.2): 1 µs, whatever their number.
    BySize,
    /// Every entry is listed: dearer with each descriptor, and only allowed where the process may be traced.
    ByListing,
}

/// Counts the entries of `/proc/PID/fd`, which it keeps open: asking an open folder costs half of looking it up.
#[derive(Debug)]
pub(crate) struct DescriptorSampler {
    folder: OwnedFd,
    counting: Counting,
}

impl DescriptorSampler {
    pub(crate) fn open(process: &Arc<OwnedFd>) -> Result<Self, SampleError> {
        let counting = if size_is_a_count() { Counting::BySize } else { Counting::ByListing };
        let folder =
            rustix::fs::openat(&**process, "fd", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { folder, counting })
    }
}

impl Sampler for DescriptorSampler {
    fn read(&mut self, reading: &mut Reading) -> Result<(), SampleError> {
        let count = match self.counting {
            Counting::BySize => {
                let facts = rustix::fs::fstat(&self.folder)?;
                u64::try_from(facts.st_size)
                    .map_err(|_| SampleError::Garbled { expected: "a number of descriptors" })?
            }
            Counting::ByListing => count_entries(&self.folder)?,
        };
        reading.set(MetricId::Fds, as_reading(count));
        Ok(())
    }
}

/// Whether the size of the folder `fd` is the number of entries: asked of this very process, which has some open.
pub(crate) fn size_is_a_count() -> bool {
    rustix::fs::stat("/proc/self/fd").is_ok_and(|facts| facts.st_size > 0)
}

fn count_entries(folder: &OwnedFd) -> Result<u64, SampleError> {
    let folder = rustix::fs::openat(folder, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut buffer = [MaybeUninit::<u8>::uninit(); 8192];
    let mut entries = RawDir::new(&folder, &mut buffer);
    let mut count = 0;
    while let Some(entry) = entries.next() {
        count += u64::from(number(entry?.file_name().to_bytes()).is_some());
    }
    Ok(count)
}
