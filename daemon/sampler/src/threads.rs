//! The folder `/proc/PID/task`: how many threads there are.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};

use crate::error::SampleError;
use crate::fields::as_reading;
use crate::metric::MetricId;
use crate::reading::Reading;
use crate::sampler::Sampler;

/// Takes the number of threads from the number of links of `/proc/PID/task`: like any folder it has two, and one more
/// for each folder in it. The folder is kept open: that costs a tenth of reading `stat` or `status`, which also give it.
#[derive(Debug)]
pub(crate) struct ThreadSampler {
    folder: OwnedFd,
}

impl ThreadSampler {
    pub(crate) fn open(process: &Arc<OwnedFd>) -> Result<Self, SampleError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { folder: rustix::fs::openat(&**process, "task", flags, Mode::empty())? })
    }
}

impl Sampler for ThreadSampler {
    fn read(&mut self, reading: &mut Reading) -> Result<(), SampleError> {
        let facts = rustix::fs::fstat(&self.folder)?;
        // Fewer than three links: the process has just ended, or, if it still lives, this kernel does not count folders as links.
        let threads = facts.st_nlink.checked_sub(2).filter(|count| *count > 0).ok_or(SampleError::Vanished)?;
        reading.set(MetricId::Threads, as_reading(threads));
        Ok(())
    }
}
