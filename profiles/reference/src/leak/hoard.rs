//! What holds the leaked memory, descriptors and threads.

use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// Footprints of the blocks that a memory leak is made of, taken in turn. All lie below the size from which the C library
/// maps memory of its own, so that they mix with the service's other allocations.
const BLOCK_BYTES: [u64; 7] = [64, 192, 512, 1024, 4096, 16_384, 32_768];

/// Smallest footprint: a smaller allocation costs the heap as much.
const SMALLEST_BLOCK_BYTES: u64 = 48;

/// What a block costs besides its contents: the allocator's header and the pointer to it.
const BLOCK_OVERHEAD_BYTES: u64 = 8 + size_of::<Box<[u8]>>() as u64;

/// Allocators round to this.
const GRANULE_BYTES: u64 = 16;

/// Pointers for each segment: the list of blocks grows by whole segments, so that it never doubles and moves.
const SEGMENT_BLOCKS: usize = 256;

/// Threads that one leak starts at most; a host has a few ten thousand.
const MOST_THREADS: u64 = 4096;

/// Enough for a thread that only waits.
const THREAD_STACK_BYTES: usize = 64 * 1024;

/// Heap memory. `held_bytes` is what the heap gives up for it (glibc, 64 bit), pointers and headers included.
#[derive(Debug, Default)]
pub(super) struct MemoryHoard {
    segments: Vec<Vec<Box<[u8]>>>,
    held_bytes: u64,
    taken_count: usize,
}

impl MemoryHoard {
    pub(super) fn held_bytes(&self) -> u64 {
        self.held_bytes
    }

    /// Grows or shrinks to `due_bytes`, less than one smallest block or granule away from it.
    pub(super) fn hold(&mut self, due_bytes: u64) {
        while self.held_bytes + SMALLEST_BLOCK_BYTES <= due_bytes {
            let missing_bytes = (due_bytes - self.held_bytes) / GRANULE_BYTES * GRANULE_BYTES;
            let preferred_bytes = BLOCK_BYTES[self.taken_count % BLOCK_BYTES.len()];
            // A rest that is too small for a block of its own goes with this one.
            let rest_bytes = missing_bytes.saturating_sub(preferred_bytes);
            let footprint_bytes = if rest_bytes < SMALLEST_BLOCK_BYTES { missing_bytes } else { preferred_bytes };
            self.take(footprint_bytes);
        }
        while self.held_bytes > due_bytes {
            let Some(block) = self.segments.last_mut().and_then(Vec::pop) else { break };
            self.held_bytes -= footprint(&block);
            if self.segments.last().is_some_and(Vec::is_empty) {
                self.segments.pop();
            }
        }
    }

    fn take(&mut self, footprint_bytes: u64) {
        // Written to, and not with zeros: the pages become resident.
        let contents = vec![0xA5_u8; (footprint_bytes - BLOCK_OVERHEAD_BYTES) as usize].into_boxed_slice();
        self.held_bytes += footprint(&contents);
        self.taken_count += 1;
        match self.segments.last_mut() {
            Some(segment) if segment.len() < SEGMENT_BLOCKS => segment.push(contents),
            _ => {
                let mut segment = Vec::with_capacity(SEGMENT_BLOCKS);
                segment.push(contents);
                self.segments.push(segment);
            }
        }
    }
}

fn footprint(block: &[u8]) -> u64 {
    block.len() as u64 + BLOCK_OVERHEAD_BYTES
}

/// Open files.
#[derive(Debug, Default)]
pub(super) struct DescriptorHoard {
    files: Vec<File>,
}

impl DescriptorHoard {
    pub(super) fn held_count(&self) -> u64 {
        self.files.len() as u64
    }

    /// Opens files until `due_count` are held.
    pub(super) fn hold(&mut self, due_count: u64) -> io::Result<()> {
        while self.held_count() < due_count {
            self.files.push(File::open("/dev/null")?);
        }
        Ok(())
    }
}

/// Threads that wait for a word that never comes; they end when the hoard is dropped.
#[derive(Debug, Default)]
pub(super) struct ThreadHoard {
    waiting: Vec<Sender<()>>,
}

impl ThreadHoard {
    pub(super) fn held_count(&self) -> u64 {
        self.waiting.len() as u64
    }

    /// Starts threads until `due_count` are held.
    pub(super) fn hold(&mut self, due_count: u64) -> io::Result<()> {
        while self.held_count() < due_count {
            if self.held_count() == MOST_THREADS {
                return Err(io::Error::other(format!("a leak starts at most {MOST_THREADS} threads")));
            }
            let (sender, receiver): (Sender<()>, Receiver<()>) = channel();
            thread::Builder::new().name("leaked".to_owned()).stack_size(THREAD_STACK_BYTES).spawn(move || {
                // Ends with an error when the hoard goes, which is all that is waited for.
                let _ = receiver.recv();
            })?;
            self.waiting.push(sender);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sixty_four_bytes_an_operation_are_one_block_an_operation() {
        let mut hoard = MemoryHoard::default();
        for operation in 1..=1000 {
            hoard.hold(64 * operation);
            assert_eq!(hoard.held_bytes(), 64 * operation);
        }
        assert_eq!(hoard.segments.iter().map(Vec::len).sum::<usize>(), 1000);
    }

    #[test]
    fn blocks_are_written_to() {
        let mut hoard = MemoryHoard::default();
        hoard.hold(100_000);
        assert!(hoard.segments.iter().flatten().all(|block| block.iter().all(|&byte| byte != 0)));
    }

    proptest! {
        #[test]
        fn memory_follows_what_is_due_up_and_down(levels in proptest::collection::vec(0..300_000_u64, 1..20)) {
            let mut hoard = MemoryHoard::default();
            for due_bytes in levels {
                let before_bytes = hoard.held_bytes();
                hoard.hold(due_bytes);
                let held_bytes = hoard.held_bytes();
                let counted: u64 = hoard.segments.iter().flatten().map(|block| footprint(block)).sum();
                prop_assert_eq!(held_bytes, counted);
                prop_assert!(held_bytes <= due_bytes);
                if due_bytes >= before_bytes {
                    prop_assert!(due_bytes - held_bytes < SMALLEST_BLOCK_BYTES, "{held_bytes} of {due_bytes}");
                }
            }
        }
    }

    #[test]
    fn descriptors_and_threads_are_taken_up_to_what_is_due() {
        let mut files = DescriptorHoard::default();
        files.hold(3).expect("three files");
        files.hold(2).expect("nothing to do");
        assert_eq!(files.held_count(), 3);
        let mut threads = ThreadHoard::default();
        threads.hold(2).expect("two threads");
        assert_eq!(threads.held_count(), 2);
    }
}
