//! The mapping `[heap]` in `/proc/PID/maps`: what `malloc` of most C libraries extends with `brk`, as an address range.
//!
//! It needs no walk through page tables. It is no count of what lives: it holds what the allocator keeps, grows with
//! fragmentation, and knows nothing of blocks that are mapped apart. So it is the last resort where nobody tells a live heap.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};

use crate::error::SampleError;
use crate::fields::as_reading;
use crate::metric::MetricId;
use crate::reading::Reading;
use crate::sampler::Sampler;

/// So much of the text is looked at. The mapping follows those of the program itself, which come first.
const MOST_BYTES: usize = 64 * 1024;
const PIECE_BYTES: usize = 4096;
/// The kernel writes no more lines than it is asked for. These hold the mapping of most programs, for a third of the price of a page of lines.
const FIRST_BYTES: usize = 1024;

/// What the beginning of `maps` tells of the heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct HeapMapping {
    bytes: u64,
    is_complete: bool,
}

impl HeapMapping {
    /// Takes one line, without its end.
    fn look(&mut self, line: &[u8]) {
        if line.ends_with(b"[heap]") {
            self.bytes += range_bytes(line).unwrap_or(0);
        } else {
            // Its parts lie side by side.
            self.is_complete = self.bytes > 0;
        }
    }
}

/// The size of `555555577000-555555598000 rw-p …`.
fn range_bytes(line: &[u8]) -> Option<u64> {
    let range = std::str::from_utf8(line.split(|byte| *byte == b' ').next()?).ok()?;
    let (from, to) = range.split_once('-')?;
    u64::from_str_radix(to, 16).ok()?.checked_sub(u64::from_str_radix(from, 16).ok()?)
}

/// Reads the beginning of `/proc/PID/maps`, opening it each time: an open one goes silent after `exec`.
#[derive(Debug)]
pub(crate) struct HeapMappingSampler {
    process: Arc<OwnedFd>,
}

impl HeapMappingSampler {
    pub(crate) fn open(process: &Arc<OwnedFd>) -> Result<Self, SampleError> {
        Ok(Self { process: Arc::clone(process) })
    }
}

impl Sampler for HeapMappingSampler {
    fn read(&mut self, reading: &mut Reading) -> Result<(), SampleError> {
        let file = rustix::fs::openat(&*self.process, "maps", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let mut buffer = [0; PIECE_BYTES];
        let (mut found, mut seen, mut kept) = (HeapMapping::default(), 0, 0);
        while !found.is_complete && seen < MOST_BYTES {
            let until = if seen == 0 { FIRST_BYTES } else { PIECE_BYTES };
            let count = rustix::io::read(&file, &mut buffer[kept..until])?;
            if count == 0 {
                if seen == 0 {
                    return Err(SampleError::NoMemory);
                }
                // One that has no such mapping has an empty one.
                found.is_complete = true;
                break;
            }
            seen += count;
            let filled = kept + count;
            let ends = buffer[..filled].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            buffer[..ends].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).for_each(|line| {
                if !found.is_complete {
                    found.look(line);
                }
            });
            buffer.copy_within(ends..filled, 0);
            // A line that fills the buffer is none of those that are meant.
            kept = if filled - ends == PIECE_BYTES { 0 } else { filled - ends };
        }
        if found.is_complete {
            reading.set(MetricId::Brk, as_reading(found.bytes));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<f64>, SampleError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("maps"), text).unwrap();
        let process = Arc::new(OwnedFd::from(std::fs::File::open(folder.path()).unwrap()));
        let mut reading = Reading::default();
        HeapMappingSampler::open(&process)?.read(&mut reading)?;
        Ok(reading.get(MetricId::Brk))
    }

    const PROGRAM: &str = "555555554000-555555577000 r-xp 00000000 08:01 42                         /usr/bin/server\n";
    const HEAP: &str = "555555577000-555555598000 rw-p 00000000 00:00 0                          [heap]\n";
    const LIBRARY: &str = "7ffff7dd5000-7ffff7dfa000 r--p 00000000 08:01 43                         /lib/libc.so.6\n";

    #[test]
    fn the_parts_of_the_heap_are_added_up() {
        assert_eq!(read(&[PROGRAM, HEAP, LIBRARY].concat()), Ok(Some(f64::from(0x21000))));
        let more = "555555598000-555555599000 r--p 00000000 00:00 0                          [heap]\n";
        assert_eq!(read(&[PROGRAM, HEAP, more, LIBRARY, HEAP].concat()), Ok(Some(f64::from(0x22000))));
    }

    #[test]
    fn a_program_without_a_heap_mapping_has_an_empty_one_and_a_kernel_thread_none() {
        assert_eq!(read(&[PROGRAM, LIBRARY].concat()), Ok(Some(0.0)));
        assert_eq!(read(""), Err(SampleError::NoMemory));
    }

    #[test]
    fn a_heap_behind_many_mappings_is_found_and_one_behind_too_many_is_not_made_up() {
        let many = PROGRAM.repeat(200);
        assert_eq!(read(&[many.as_str(), HEAP, LIBRARY].concat()), Ok(Some(f64::from(0x21000))));
        let too_many = PROGRAM.repeat(2 * MOST_BYTES / PROGRAM.len());
        assert_eq!(read(&[too_many.as_str(), HEAP, LIBRARY].concat()), Ok(None));
        let long = format!("{PROGRAM}{}\n{HEAP}{LIBRARY}", "x".repeat(3 * PIECE_BYTES));
        assert!(read(&long).is_ok());
    }
}
