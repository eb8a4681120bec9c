//! `/proc/PID/io`: what a process has read from storage and written to it.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::error::SampleError;
use crate::fields::{as_reading, name_and_rest, number, whole_lines};
use crate::kept_file::KeptFile;
use crate::metric::MetricId;
use crate::reading::Reading;
use crate::sampler::Sampler;

/// What is read from `/proc/PID/io`; `None` where a line is missing or makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Io {
    /// Bytes fetched from storage since the start.
    pub read_bytes: Option<u64>,
    /// Bytes of pages that were changed and go to storage, sooner or later.
    pub written_bytes: Option<u64>,
}

impl Io {
    /// Parses the text of `/proc/PID/io`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut io = Self::default();
        for line in whole_lines(text) {
            match name_and_rest(line) {
                Some((b"read_bytes", rest)) => io.read_bytes = number(rest),
                Some((b"write_bytes", rest)) => io.written_bytes = number(rest),
                _ => {}
            }
        }
        io
    }

    /// Puts what was found into `reading`.
    ///
    /// # Errors
    /// [`SampleError::Garbled`] where a line is missing.
    pub fn fill(&self, reading: &mut Reading) -> Result<(), SampleError> {
        const GARBLED: SampleError = SampleError::Garbled { expected: "`read_bytes` and `write_bytes` in `io`" };
        let (read, written) = self.read_bytes.zip(self.written_bytes).ok_or(GARBLED)?;
        reading.set(MetricId::IoRead, as_reading(read));
        reading.set(MetricId::IoWritten, as_reading(written));
        Ok(())
    }
}

/// Reads `/proc/PID/io`, which it keeps open. The kernel shows it to who may trace the process.
#[derive(Debug)]
pub(crate) struct IoSampler {
    file: KeptFile<512>,
}

impl IoSampler {
    pub(crate) fn open(process: &Arc<OwnedFd>) -> Result<Self, SampleError> {
        Ok(Self { file: KeptFile::open(process, "io")? })
    }
}

impl Sampler for IoSampler {
    fn read(&mut self, reading: &mut Reading) -> Result<(), SampleError> {
        self.file.read(|text, _| Some(Io::parse(text)))?.fill(reading)
    }
}
