//! What holds the leaked memory, descriptors and threads.

use std::collections::TryReserveError;
use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// Footprints of the blocks that a memory leak is made of, taken in turn. All lie below the size from which the C library
/// maps memory of its own, so that they mix with the service's other allocations.
const BLOCK_BYTES: [u64; 7] = [64, 192, 512, 1024, 4096, 16_384, 32_768];

/// Smallest footprint: a smaller allocation costs the heap as much.
const SMALLEST_BLOCK_BYTES: u64 = 48;

/// Least capacity of a buffer that will be released: above the largest size that the C library takes from its heap, so that
/// the kernel gets the memory back whatever else was allocated meanwhile. Only what is written to becomes resident.
const LEAST_BUFFER_BYTES: u64 = 33 << 20;

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

/// Heap memory that is kept, in blocks of many sizes. `held_bytes` is what the heap gives up for it (glibc, 64 bit),
/// pointers and headers included.
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

    /// Grows to `due_bytes`, less than one smallest block away from it. It never shrinks.
    pub(super) fn hold(&mut self, due_bytes: u64) {
        while self.held_bytes + SMALLEST_BLOCK_BYTES <= due_bytes {
            let missing_bytes = (due_bytes - self.held_bytes) / GRANULE_BYTES * GRANULE_BYTES;
            let preferred_bytes = BLOCK_BYTES[self.taken_count % BLOCK_BYTES.len()];
            // A rest that is too small for a block of its own goes with this one.
            let rest_bytes = missing_bytes.saturating_sub(preferred_bytes);
            let footprint_bytes = if rest_bytes < SMALLEST_BLOCK_BYTES { missing_bytes } else { preferred_bytes };
            self.take(footprint_bytes);
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

/// Heap memory that is released again: one buffer that fills.
#[derive(Debug)]
pub(super) struct BufferHoard {
    buffer: Vec<u8>,
    capacity_bytes: u64,
}

impl BufferHoard {
    /// For up to `most_bytes`.
    pub(super) fn new(most_bytes: u64) -> Self {
        Self { buffer: Vec::new(), capacity_bytes: most_bytes.max(LEAST_BUFFER_BYTES) }
    }

    pub(super) fn held_bytes(&self) -> u64 {
        self.buffer.len() as u64
    }

    /// Fills the buffer up to `due_bytes`, or gives it up and begins a new one when it holds more.
    pub(super) fn hold(&mut self, due_bytes: u64) -> Result<(), TryReserveError> {
        if self.held_bytes() > due_bytes {
            self.buffer = Vec::new();
        }
        if due_bytes > 0 {
            if self.buffer.capacity() == 0 {
                self.buffer.try_reserve_exact(self.capacity_bytes as usize)?;
            }
            // Written to, and not with zeros: the pages become resident.
            self.buffer.resize(due_bytes as usize, 0xA5);
        }
        Ok(())
    }
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
#[derive(Debug)]
pub(super) struct ThreadHoard {
    waiting: Vec<Sender<()>>,
    most_count: u64,
}

impl ThreadHoard {
    pub(super) fn new() -> Self {
        Self { waiting: Vec::new(), most_count: MOST_THREADS }
    }

    pub(super) fn held_count(&self) -> u64 {
        self.waiting.len() as u64
    }

    /// Starts threads until `due_count` are held.
    pub(super) fn hold(&mut self, due_count: u64) -> io::Result<()> {
        while self.held_count() < due_count {
            if self.held_count() == self.most_count {
                return Err(io::Error::other(format!("a leak starts at most {} threads", self.most_count)));
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
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn memory_follows_what_is_due(mut levels in proptest::collection::vec(0..600_000_u64, 1..20)) {
            let mut hoard = MemoryHoard::default();
            levels.sort_unstable();
            for due_bytes in levels {
                hoard.hold(due_bytes);
                let held_bytes = hoard.held_bytes();
                let counted: u64 = hoard.segments.iter().flatten().map(|block| footprint(block)).sum();
                prop_assert_eq!(held_bytes, counted);
                prop_assert!(held_bytes <= due_bytes && due_bytes - held_bytes < SMALLEST_BLOCK_BYTES);
            }
        }

        #[test]
        fn a_buffer_follows_what_is_due_up_and_down(levels in proptest::collection::vec(0..100_000_u64, 1..20)) {
            let mut hoard = BufferHoard::new(100_000);
            for due_bytes in levels {
                hoard.hold(due_bytes).expect("a small buffer");
                prop_assert_eq!(hoard.held_bytes(), due_bytes);
                prop_assert!(hoard.buffer.iter().all(|&byte| byte != 0));
                prop_assert!(hoard.buffer.capacity() == 0 || hoard.buffer.capacity() as u64 == LEAST_BUFFER_BYTES);
            }
            hoard.hold(0).expect("nothing");
            prop_assert_eq!(hoard.held_bytes(), 0);
        }
    }

    #[test]
    fn a_buffer_that_no_host_has_is_an_error() {
        assert!(BufferHoard::new(1 << 62).hold(1).is_err());
    }

    #[test]
    fn descriptors_and_threads_are_taken_up_to_what_is_due() {
        let mut files = DescriptorHoard::default();
        files.hold(3).expect("three files");
        files.hold(2).expect("nothing to do");
        assert_eq!(files.held_count(), 3);
        let mut threads = ThreadHoard { most_count: 3, ..ThreadHoard::new() };
        threads.hold(2).expect("two threads");
        assert_eq!(threads.held_count(), 2);
        let refusal = threads.hold(4).expect_err("one too many");
        assert_eq!((threads.held_count(), refusal.to_string().as_str()), (3, "a leak starts at most 3 threads"));
    }
}
