//! What the probe in a target says, from the bytes of its shared memory: see [`soakd_probe::layout`].
//!
//! The target wrote it, so that it may be anything: bytes in, numbers or a reason out, and never a panic.

use soakd_probe::layout;

use crate::error::SampleError;
use crate::process_id::ProcessId;

/// Live heaps beyond this are no counts: 64 PiB.
const MOST_BYTES: u64 = 1 << 56;

/// What stands before the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeHeader {
    /// Whether the heap is counted, or only operations.
    pub counts_heap: bool,
    /// Whether the counts are those of a profiler that runs in the target.
    pub is_profiled: bool,
    /// Pid of the process that counts, in its own pid namespace.
    pub pid: u32,
    /// Start time of that process; `None` where it could not find out.
    pub start_ticks: Option<u64>,
    /// Slots to be read.
    pub slots_used: usize,
    /// Live bytes that came with a `fork`.
    pub inherited_bytes: u64,
    /// Live blocks that came with a `fork`.
    pub inherited_blocks: u64,
    /// Phase marks ever made.
    pub marks_count: u64,
}

/// A phase that a process of the target says it has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseMark {
    /// Which process.
    pub process: ProcessId,
    /// When, in nanoseconds of the host's monotonic clock, as far as the target can be believed.
    pub monotonic_nanos: u64,
    /// Its name; control characters are replaced.
    pub name: String,
}

/// What the counters come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProbeCounts {
    /// Bytes allocated and not freed.
    pub live_bytes: u64,
    /// Blocks allocated and not freed.
    pub live_blocks: u64,
    /// Operations done.
    pub operations: u64,
}

fn u32_at(memory: &[u8], place: usize) -> Option<u32> {
    memory.get(place..)?.first_chunk().copied().map(u32::from_ne_bytes)
}

fn u64_at(memory: &[u8], place: usize) -> Option<u64> {
    memory.get(place..)?.first_chunk().copied().map(u64::from_ne_bytes)
}

impl ProbeHeader {
    /// Parses the beginning of the memory.
    ///
    /// # Errors
    /// [`SampleError::ProbeVersion`] for one that this crate does not read, [`SampleError::Garbled`] for one that is cut off, not
    /// begun, or says of itself what cannot be.
    pub fn parse(memory: &[u8]) -> Result<Self, SampleError> {
        const GARBLED: SampleError = SampleError::Garbled { expected: "the memory of a probe" };
        let number = |place| u32_at(memory, place).ok_or(GARBLED);
        let count = |place| u64_at(memory, place).ok_or(GARBLED);
        if memory.len() < layout::HEADER_BYTES || count(layout::MAGIC_AT)? != layout::MAGIC {
            return Err(GARBLED);
        }
        let version = number(layout::VERSION_AT)?;
        if version != layout::VERSION {
            return Err(SampleError::ProbeVersion { found: version });
        }
        let flags = number(layout::FLAGS_AT)?;
        let slots_used = number(layout::SLOTS_USED_AT)? as usize;
        if slots_used > layout::SLOTS_COUNT {
            return Err(GARBLED);
        }
        Ok(Self {
            counts_heap: flags & layout::COUNTS_HEAP != 0,
            is_profiled: flags & layout::PROFILED != 0,
            pid: number(layout::PID_AT)?,
            start_ticks: Some(count(layout::START_TICKS_AT)?).filter(|ticks| *ticks != 0),
            slots_used,
            inherited_bytes: count(layout::INHERITED_BYTES_AT)?,
            inherited_blocks: count(layout::INHERITED_BLOCKS_AT)?,
            marks_count: count(layout::MARKS_COUNT_AT)?,
        })
    }

    /// Sums up the slots: those of what was freed, which were read first, and those of what was allocated.
    ///
    /// # Errors
    /// [`SampleError::Garbled`] where the sum cannot be: more freed than allocated, or more than any memory.
    pub fn counts(&self, freed: &[u8], allocated: &[u8]) -> Result<ProbeCounts, SampleError> {
        let sum = |slots: &[u8], place: usize| {
            slots.chunks_exact(layout::SLOT_BYTES).filter_map(|slot| u64_at(slot, place)).fold(0, u64::wrapping_add)
        };
        let live = |inherited: u64, place: usize| {
            inherited.wrapping_add(sum(allocated, place)).wrapping_sub(sum(freed, place))
        };
        let counts = ProbeCounts {
            live_bytes: live(self.inherited_bytes, 0),
            live_blocks: live(self.inherited_blocks, 8),
            operations: sum(allocated, 16),
        };
        if counts.live_bytes > MOST_BYTES || counts.live_blocks > MOST_BYTES || counts.operations > MOST_BYTES {
            return Err(SampleError::Garbled { expected: "counts of a heap" });
        }
        Ok(counts)
    }
}

/// The marks from number `seen` on that `memory` still has, for `process`; gives the number that has been seen by then.
pub(crate) fn marks(
    memory: &[u8],
    header: &ProbeHeader,
    seen: u64,
    process: ProcessId,
    into: &mut Vec<PhaseMark>,
) -> u64 {
    let kept = layout::MARKS_KEPT_COUNT as u64;
    // Those before have been written over; a count that fell back is a target that lies, and is believed from now on.
    let first = if seen > header.marks_count { header.marks_count } else { seen };
    let first = first.max(header.marks_count.saturating_sub(kept));
    for number in first..header.marks_count {
        let place = layout::MARKS_AT + usize::try_from(number % kept).unwrap_or(0) * layout::MARK_BYTES;
        let Some(mark) = memory.get(place..place + layout::MARK_BYTES) else { return header.marks_count };
        if u64_at(mark, 0) != Some(number.wrapping_add(1)) {
            // It is being written, and is there the next time; unless it never will be.
            if header.marks_count - number > 1 {
                continue;
            }
            return number;
        }
        let name = &mark[layout::MARK_BYTES - layout::MARK_NAME_BYTES..];
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        let name: String =
            String::from_utf8_lossy(name).chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        into.push(PhaseMark { process, monotonic_nanos: u64_at(mark, 8).unwrap_or(0), name });
    }
    header.marks_count
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn memory(slots_used: u32) -> Vec<u8> {
        let mut memory = vec![0; layout::HEADER_BYTES];
        memory[layout::MAGIC_AT..][..8].copy_from_slice(&layout::MAGIC.to_ne_bytes());
        memory[layout::VERSION_AT..][..4].copy_from_slice(&layout::VERSION.to_ne_bytes());
        memory[layout::FLAGS_AT..][..4].copy_from_slice(&layout::COUNTS_HEAP.to_ne_bytes());
        memory[layout::SLOTS_USED_AT..][..4].copy_from_slice(&slots_used.to_ne_bytes());
        memory
    }

    fn slot(counters: [u64; 3]) -> Vec<u8> {
        let mut slot = vec![0; layout::SLOT_BYTES];
        for (place, counter) in counters.iter().enumerate() {
            slot[place * 8..][..8].copy_from_slice(&counter.to_ne_bytes());
        }
        slot
    }

    fn mark(memory: &mut [u8], number: u64, name: &[u8]) {
        memory[layout::MARKS_COUNT_AT..][..8].copy_from_slice(&(number + 1).to_ne_bytes());
        let place = layout::MARKS_AT + (number as usize % layout::MARKS_KEPT_COUNT) * layout::MARK_BYTES;
        memory[place..][..8].copy_from_slice(&(number + 1).to_ne_bytes());
        memory[place + 8..][..8].copy_from_slice(&(number * 10).to_ne_bytes());
        memory[place + 16..][..name.len()].copy_from_slice(name);
    }

    const PROCESS: ProcessId = ProcessId { start_ticks: 1, pid: 2 };

    fn names(memory: &[u8], seen: u64) -> (Vec<String>, u64) {
        let mut found = Vec::new();
        let seen = marks(memory, &ProbeHeader::parse(memory).unwrap(), seen, PROCESS, &mut found);
        (found.into_iter().map(|mark| mark.name).collect(), seen)
    }

    #[test]
    fn what_one_thread_allocated_and_another_one_freed_cancels_out() {
        let header = ProbeHeader::parse(&memory(2)).unwrap();
        let freed = [slot([0; 3]), slot([700, 3, 0])].concat();
        let allocated = [slot([1000, 5, 40]), slot([0, 0, 2])].concat();
        let counts = header.counts(&freed, &allocated).unwrap();
        assert_eq!(counts, ProbeCounts { live_bytes: 300, live_blocks: 2, operations: 42 });
    }

    #[test]
    fn more_freed_than_allocated_is_no_count() {
        let header = ProbeHeader::parse(&memory(1)).unwrap();
        let counts = header.counts(&slot([1, 0, 0]), &slot([0; 3]));
        assert_eq!(counts, Err(SampleError::Garbled { expected: "counts of a heap" }));
        assert!(header.counts(&slot([0; 3]), &slot([1 << 60, 0, 0])).is_err());
    }

    #[test]
    fn another_version_is_named_and_what_is_cut_off_or_not_begun_is_refused() {
        let mut other = memory(1);
        other[layout::VERSION_AT] = 7;
        assert_eq!(ProbeHeader::parse(&other), Err(SampleError::ProbeVersion { found: 7 }));
        assert!(matches!(ProbeHeader::parse(&memory(1)[1..]), Err(SampleError::Garbled { .. })));
        assert!(matches!(ProbeHeader::parse(&[0; layout::HEADER_BYTES]), Err(SampleError::Garbled { .. })));
        assert!(matches!(ProbeHeader::parse(&memory(70_000)), Err(SampleError::Garbled { .. })));
    }

    #[test]
    fn marks_are_told_once_and_those_that_were_written_over_are_left_out() {
        let mut memory = memory(1);
        assert_eq!(names(&memory, 0), (vec![], 0));
        mark(&mut memory, 0, b"warm\x1b[31m");
        assert_eq!(names(&memory, 0), (vec!["warm\u{fffd}[31m".to_owned()], 1));
        assert_eq!(names(&memory, 1), (vec![], 1));
        for number in 1..100 {
            mark(&mut memory, number, b"more");
        }
        assert_eq!(names(&memory, 1).0.len(), layout::MARKS_KEPT_COUNT);
        // Announced, and not written yet.
        memory[layout::MARKS_COUNT_AT..][..8].copy_from_slice(&101_u64.to_ne_bytes());
        assert_eq!(names(&memory, 100), (vec![], 100));
    }

    proptest! {
        #[test]
        fn no_memory_whatever_makes_a_panic(mut bytes in proptest::collection::vec(any::<u8>(), 4096..5000), seen: u64) {
            bytes[..8].copy_from_slice(&layout::MAGIC.to_ne_bytes());
            bytes[8..12].copy_from_slice(&layout::VERSION.to_ne_bytes());
            if let Ok(header) = ProbeHeader::parse(&bytes) {
                let _ = header.counts(&bytes, &bytes[1..]);
                let mut found = Vec::new();
                let seen = marks(&bytes, &header, seen, PROCESS, &mut found);
                prop_assert!(found.len() <= layout::MARKS_KEPT_COUNT && seen <= header.marks_count);
            }
        }
    }
}
