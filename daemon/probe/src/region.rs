//! The shared memory as atomic counters: what [`crate::layout`] says in bytes, in types. Safe code only.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::layout;

/// The whole of it. Only ever seen through a reference into the mapping; all its parts are atomic, and all zero to begin with.
#[repr(C)]
pub(crate) struct Region {
    pub(crate) header: Header,
    freed: [FreedSlot; layout::SLOTS_COUNT],
    allocated: [AllocatedSlot; layout::SLOTS_COUNT],
}

#[repr(C, align(4096))]
pub(crate) struct Header {
    magic: AtomicU64,
    version: AtomicU32,
    flags: AtomicU32,
    pid: AtomicU32,
    slots_used: AtomicU32,
    start_ticks: AtomicU64,
    inherited_bytes: AtomicU64,
    inherited_blocks: AtomicU64,
    marks_count: AtomicU64,
    reserved: [AtomicU64; (layout::MARKS_AT - layout::MARKS_COUNT_AT) / 8 - 1],
    marks: [Mark; layout::MARKS_KEPT_COUNT],
}

#[repr(C)]
struct Mark {
    number: AtomicU64,
    nanos: AtomicU64,
    name: [AtomicU64; layout::MARK_NAME_BYTES / 8],
}

/// What was given back.
#[repr(C, align(128))]
pub(crate) struct FreedSlot {
    bytes: AtomicU64,
    blocks: AtomicU64,
}

/// What was allocated, and operations.
#[repr(C, align(128))]
pub(crate) struct AllocatedSlot {
    bytes: AtomicU64,
    blocks: AtomicU64,
    operations: AtomicU64,
}

const _: () = {
    use std::mem::{offset_of, size_of};
    assert!(size_of::<Region>() == layout::TOTAL_BYTES && size_of::<Mark>() == layout::MARK_BYTES);
    assert!(offset_of!(Region, freed) == layout::FREED_AT && offset_of!(Region, allocated) == layout::ALLOCATED_AT);
    assert!(size_of::<FreedSlot>() == layout::SLOT_BYTES && size_of::<AllocatedSlot>() == layout::SLOT_BYTES);
    assert!(offset_of!(Header, magic) == layout::MAGIC_AT && offset_of!(Header, version) == layout::VERSION_AT);
    assert!(offset_of!(Header, flags) == layout::FLAGS_AT && offset_of!(Header, pid) == layout::PID_AT);
    assert!(offset_of!(Header, slots_used) == layout::SLOTS_USED_AT);
    assert!(offset_of!(Header, start_ticks) == layout::START_TICKS_AT);
    assert!(offset_of!(Header, inherited_bytes) == layout::INHERITED_BYTES_AT);
    assert!(offset_of!(Header, inherited_blocks) == layout::INHERITED_BLOCKS_AT);
    assert!(offset_of!(Header, marks_count) == layout::MARKS_COUNT_AT);
    assert!(offset_of!(Header, marks) == layout::MARKS_AT);
};

/// What one allocation, or many, or an operation changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) allocated_bytes: u64,
    pub(crate) allocated_blocks: u64,
    pub(crate) freed_bytes: u64,
    pub(crate) freed_blocks: u64,
    pub(crate) operations: u64,
}

/// Bytes and blocks that are allocated and not freed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) bytes: u64,
    pub(crate) blocks: u64,
}

/// Who fills a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) pid: u32,
    pub(crate) start_ticks: u64,
    pub(crate) inherited: Live,
}

/// The counters of the slot of one thread. Only that thread may add to them.
#[derive(Clone, Copy)]
pub(crate) struct OwnSlot {
    pub(crate) index: usize,
    freed: &'static FreedSlot,
    allocated: &'static AllocatedSlot,
}

/// Adds without a locked instruction: nobody else writes, and a reader sees the old value or the new one.
#[inline]
fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

impl OwnSlot {
    #[inline]
    pub(crate) fn allocated(&self, bytes: u64) {
        add(&self.allocated.bytes, bytes);
        add(&self.allocated.blocks, 1);
    }

    #[inline]
    pub(crate) fn freed(&self, bytes: u64) {
        add(&self.freed.bytes, bytes);
        add(&self.freed.blocks, 1);
    }

    #[inline]
    pub(crate) fn grown(&self, bytes: u64) {
        add(&self.allocated.bytes, bytes);
    }

    #[inline]
    pub(crate) fn shrunk(&self, bytes: u64) {
        add(&self.freed.bytes, bytes);
    }

    #[inline]
    pub(crate) fn operations(&self, more: u64) {
        add(&self.allocated.operations, more);
    }

    pub(crate) fn apply(&self, change: Change) {
        add(&self.allocated.bytes, change.allocated_bytes);
        add(&self.allocated.blocks, change.allocated_blocks);
        add(&self.allocated.operations, change.operations);
        add(&self.freed.bytes, change.freed_bytes);
        add(&self.freed.blocks, change.freed_blocks);
    }
}

impl Region {
    /// Says whose counters these are. A reader takes no notice of them before.
    pub(crate) fn begin(&self, owner: Owner) {
        let header = &self.header;
        header.version.store(layout::VERSION, Ordering::Relaxed);
        header.pid.store(owner.pid, Ordering::Relaxed);
        header.start_ticks.store(owner.start_ticks, Ordering::Relaxed);
        header.inherited_bytes.store(owner.inherited.bytes, Ordering::Relaxed);
        header.inherited_blocks.store(owner.inherited.blocks, Ordering::Relaxed);
        header.slots_used.store(1, Ordering::Relaxed);
        header.magic.store(layout::MAGIC, Ordering::Release);
    }

    pub(crate) fn set_flags(&self, flags: u32) {
        // It is set by the first allocation of each thread, and stays.
        if self.header.flags.load(Ordering::Relaxed) & flags != flags {
            self.header.flags.fetch_or(flags, Ordering::Relaxed);
        }
    }

    /// The slot of the thread that has taken `index`.
    pub(crate) fn slot(&'static self, index: usize) -> OwnSlot {
        // Before anything is counted there, so that a reader looks at it.
        self.header.slots_used.fetch_max(u32::try_from(index + 1).unwrap_or(u32::MAX), Ordering::SeqCst);
        OwnSlot { index, freed: &self.freed[index], allocated: &self.allocated[index] }
    }

    /// Counts in the slot that all share.
    pub(crate) fn apply_shared(&self, change: Change) {
        let (allocated, freed) = (&self.allocated[0], &self.freed[0]);
        for (counter, more) in [
            (&allocated.bytes, change.allocated_bytes),
            (&allocated.blocks, change.allocated_blocks),
            (&allocated.operations, change.operations),
            (&freed.bytes, change.freed_bytes),
            (&freed.blocks, change.freed_blocks),
        ] {
            if more != 0 {
                counter.fetch_add(more, Ordering::Relaxed);
            }
        }
    }

    /// What is live by now. Exact while nobody else counts.
    pub(crate) fn live(&self) -> Live {
        let used = (self.header.slots_used.load(Ordering::Relaxed) as usize).min(layout::SLOTS_COUNT);
        let mut live = Live {
            bytes: self.header.inherited_bytes.load(Ordering::Relaxed),
            blocks: self.header.inherited_blocks.load(Ordering::Relaxed),
        };
        for freed in &self.freed[..used] {
            live.bytes = live.bytes.wrapping_sub(freed.bytes.load(Ordering::Relaxed));
            live.blocks = live.blocks.wrapping_sub(freed.blocks.load(Ordering::Relaxed));
        }
        for allocated in &self.allocated[..used] {
            live.bytes = live.bytes.wrapping_add(allocated.bytes.load(Ordering::Relaxed));
            live.blocks = live.blocks.wrapping_add(allocated.blocks.load(Ordering::Relaxed));
        }
        live
    }

    /// Replaces what the shared slot says about the heap: the counts of somebody who counts everything on his own.
    #[cfg(feature = "dhat")]
    pub(crate) fn publish(&self, total: Live, live: Live) {
        let (allocated, freed) = (&self.allocated[0], &self.freed[0]);
        allocated.bytes.store(total.bytes, Ordering::Relaxed);
        allocated.blocks.store(total.blocks, Ordering::Relaxed);
        freed.bytes.store(total.bytes.wrapping_sub(live.bytes), Ordering::Relaxed);
        freed.blocks.store(total.blocks.wrapping_sub(live.blocks), Ordering::Relaxed);
    }

    /// Adds a mark. Without a lock, which `fork` could copy while it is held.
    pub(crate) fn mark(&self, nanos: u64, name: &str) {
        let name = &name.as_bytes()[..name.floor_char_boundary(layout::MARK_NAME_BYTES)];
        let mut padded = [0; layout::MARK_NAME_BYTES];
        padded[..name.len()].copy_from_slice(name);
        let number = self.header.marks_count.fetch_add(1, Ordering::Relaxed);
        let place = usize::try_from(number % layout::MARKS_KEPT_COUNT as u64).unwrap_or(0);
        let mark = &self.header.marks[place];
        mark.number.store(0, Ordering::Relaxed);
        mark.nanos.store(nanos, Ordering::Relaxed);
        for (word, bytes) in mark.name.iter().zip(padded.chunks_exact(8)) {
            let mut eight = [0; 8];
            eight.copy_from_slice(bytes);
            word.store(u64::from_ne_bytes(eight), Ordering::Relaxed);
        }
        mark.number.store(number.wrapping_add(1), Ordering::Release);
    }
}
