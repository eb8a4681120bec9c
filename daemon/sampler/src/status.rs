//! `/proc/PID/status`: what is swapped out, and resident memory by kind.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::error::SampleError;
use crate::fields::{as_reading, kib_as_bytes, name_and_rest, number, whole_lines};
use crate::kept_file::KeptFile;
use crate::metric::MetricId;
use crate::proc_root::ProcRoot;
use crate::reading::Reading;
use crate::sampler::Sampler;

/// What is read from `/proc/PID/status`; `None` where the kernel has no such line or it makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// Pid of the process that a thread belongs to.
    pub thread_group: Option<u32>,
    /// Resident pages of files, in bytes.
    pub rss_file_bytes: Option<u64>,
    /// Resident shared memory and tmpfs pages, in bytes.
    pub rss_shmem_bytes: Option<u64>,
    /// Anonymous memory that is swapped out, in bytes.
    pub swap_bytes: Option<u64>,
    /// Whether any line about memory is there: kernel threads and zombies have none.
    pub has_memory: bool,
}

impl Status {
    /// Parses the text of `/proc/PID/status`. Lines that are missing, cut off or odd leave `None`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut status = Self::default();
        for line in whole_lines(text) {
            // Most lines are of no use here; their first letters tell.
            if !matches!(line.first(), Some(b'V' | b'R' | b'T')) {
                continue;
            }
            let Some((name, rest)) = name_and_rest(line) else { continue };
            match name {
                b"Tgid" => status.thread_group = number(rest).and_then(|pid| u32::try_from(pid).ok()),
                b"VmSize" => status.has_memory = true,
                b"RssFile" => status.rss_file_bytes = kib_as_bytes(rest),
                b"RssShmem" => status.rss_shmem_bytes = kib_as_bytes(rest),
                b"VmSwap" => {
                    status.swap_bytes = kib_as_bytes(rest);
                    // Nothing that is wanted comes after it.
                    break;
                }
                _ => {}
            }
        }
        status
    }
}

/// Reads `/proc/PID/status`, which it keeps open.
#[derive(Debug)]
pub(crate) struct StatusSampler {
    file: KeptFile<4096>,
}

impl StatusSampler {
    pub(crate) fn open(process: &Arc<OwnedFd>) -> Result<Self, SampleError> {
        Ok(Self { file: KeptFile::open(process, "status")? })
    }
}

impl Sampler for StatusSampler {
    fn read(&mut self, reading: &mut Reading) -> Result<(), SampleError> {
        let status = self.file.read(|text, is_whole| {
            let status = Status::parse(text);
            // A process in thousands of groups has a long line before those about memory.
            (is_whole || status.swap_bytes.is_some()).then_some(status)
        })?;
        if !status.has_memory {
            return Err(SampleError::NoMemory);
        }
        let found = [
            (MetricId::RssFile, status.rss_file_bytes),
            (MetricId::RssShmem, status.rss_shmem_bytes),
            (MetricId::Swap, status.swap_bytes),
        ];
        for (metric, value) in found {
            if let Some(value) = value {
                reading.set(metric, as_reading(value));
            }
        }
        // RssFile and RssShmem came with Linux 4.5, VmSwap with 2.6.34 and only where the kernel can swap.
        if status.rss_file_bytes.is_none() { Err(SampleError::Unsupported) } else { Ok(()) }
    }
}

/// The process that the thread or process `pid` belongs to.
pub(crate) fn thread_group(root: &ProcRoot, pid: u32) -> Result<u32, SampleError> {
    let text = std::fs::read(root.process_file(pid, "status"))?;
    Status::parse(&text).thread_group.ok_or(SampleError::Garbled { expected: "`Tgid` in `status`" })
}
