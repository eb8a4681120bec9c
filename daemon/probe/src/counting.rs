//! Which slot a thread counts in: from its first allocation, which may come before `main`, to those after its end, and across
//! `fork`.
//!
//! A thread takes a slot of its own when it first counts, and adds to it without a locked instruction. When it ends, the slot
//! goes to the next thread with its counts, so that the sum stays exact whoever frees what. Threads without a slot (more at
//! once than there are, or in their last destructors) share one, and add to that atomically.
//!
//! Nothing here allocates, locks or waits: it runs inside of the allocator.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::layout::{COUNTS_HEAP, SLOTS_COUNT};
use crate::region::{Change, Live, OwnSlot, Region};
use crate::system::{self, Access};

/// Where a thread stands that has no slot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WithoutSlot {
    /// It has not counted yet.
    New,
    /// It counts in the slot that all share, for good.
    Sharing,
}

thread_local! {
    // Neither has a destructor, so that both can be used as long as the thread can run at all.
    static SLOT: Cell<Option<OwnSlot>> = const { Cell::new(None) };
    static WITHOUT: Cell<WithoutSlot> = const { Cell::new(WithoutSlot::New) };
}

/// Which slots are taken, a bit each.
static TAKEN: [AtomicU64; SLOTS_COUNT / 64] = [const { AtomicU64::new(0) }; SLOTS_COUNT / 64];

/// What was counted by threads while another one was making the shared memory.
static PENDING: Pending = Pending::new();

/// A block was allocated.
#[inline]
pub(crate) fn allocated(bytes: usize) {
    match SLOT.get() {
        Some(slot) => slot.allocated(bytes as u64),
        None => count_heap(Change { allocated_bytes: bytes as u64, allocated_blocks: 1, ..Change::default() }),
    }
}

/// A block was given back.
#[inline]
pub(crate) fn freed(bytes: usize) {
    match SLOT.get() {
        Some(slot) => slot.freed(bytes as u64),
        None => count_heap(Change { freed_bytes: bytes as u64, freed_blocks: 1, ..Change::default() }),
    }
}

/// A block has another size.
#[inline]
pub(crate) fn resized(old_bytes: usize, new_bytes: usize) {
    let (grown, shrunk) = (new_bytes.saturating_sub(old_bytes), old_bytes.saturating_sub(new_bytes));
    match SLOT.get() {
        Some(slot) if grown > 0 => slot.grown(grown as u64),
        Some(slot) => slot.shrunk(shrunk as u64),
        None => {
            count_heap(Change { allocated_bytes: grown as u64, freed_bytes: shrunk as u64, ..Change::default() });
        }
    }
}

/// Operations were done.
#[inline]
pub(crate) fn operations(more: u64) {
    match SLOT.get() {
        Some(slot) => slot.operations(more),
        None => count_operations(more),
    }
}

#[cold]
fn count_operations(more: u64) {
    // Where this crate's allocator is installed this comes by `allocated`, so that it is known before the thread has a slot
    // that heap is counted at all.
    drop(std::hint::black_box(Box::new(0_u8)));
    count(Change { operations: more, ..Change::default() }, 0);
}

#[cold]
fn count_heap(change: Change) {
    count(change, COUNTS_HEAP);
}

/// Counts for a thread that has no slot; gives it one if it can have one.
#[cold]
fn count(change: Change, flags: u32) {
    let region = match system::region() {
        Access::Ready(region) => region,
        Access::Off => return,
        Access::BeingMade => {
            PENDING.add(change);
            // Whoever makes it takes in what is pending once it is ready; if it became so meanwhile, that may be over.
            let Access::Ready(region) = system::region() else { return };
            PENDING.move_to(region);
            region.set_flags(flags);
            return;
        }
    };
    region.set_flags(flags);
    if WITHOUT.get() == WithoutSlot::New {
        let slot = if system::notify_at_thread_end() { take_slot(region) } else { None };
        SLOT.set(slot);
        WITHOUT.set(WithoutSlot::Sharing);
    }
    match SLOT.get() {
        Some(slot) => slot.apply(change),
        None => region.apply_shared(change),
    }
}

/// The first free slot, so that those in use lie close together. Slot 0 is everybody's.
fn take_slot(region: &'static Region) -> Option<OwnSlot> {
    for (place, word) in TAKEN.iter().enumerate() {
        let reserved = u64::from(place == 0);
        loop {
            let free = !(word.load(Ordering::Relaxed) | reserved);
            if free == 0 {
                break;
            }
            let bit = free.trailing_zeros();
            // What the thread before counted there is seen, and added to.
            if word.fetch_or(1 << bit, Ordering::Acquire) & (1 << bit) == 0 {
                return Some(region.slot(place * 64 + bit as usize));
            }
        }
    }
    None
}

/// The thread ends: its slot is free for another one. What its last destructors still free is counted in the shared one.
pub(crate) fn thread_ended() {
    if let Some(slot) = SLOT.take() {
        TAKEN[slot.index / 64].fetch_and(!(1 << (slot.index % 64)), Ordering::Release);
    }
}

/// The shared memory has been made.
pub(crate) fn region_made(region: &'static Region) {
    PENDING.move_to(region);
}

/// In the child of a `fork`, whose only thread this is: it begins anew, with what `region`, the parent's, says that it inherited.
///
/// Other threads of the parent may have been between counting bytes and counting blocks: by so much the child's counts are off,
/// for good.
pub(crate) fn forked(region: Option<&Region>) -> Live {
    SLOT.set(None);
    WITHOUT.set(WithoutSlot::New);
    for word in &TAKEN {
        word.store(0, Ordering::Relaxed);
    }
    region.map_or_else(Live::default, Region::live)
}

/// Atomic counters of this process alone.
struct Pending {
    allocated_bytes: AtomicU64,
    allocated_blocks: AtomicU64,
    freed_bytes: AtomicU64,
    freed_blocks: AtomicU64,
    operations: AtomicU64,
}

impl Pending {
    const fn new() -> Self {
        Self {
            allocated_bytes: AtomicU64::new(0),
            allocated_blocks: AtomicU64::new(0),
            freed_bytes: AtomicU64::new(0),
            freed_blocks: AtomicU64::new(0),
            operations: AtomicU64::new(0),
        }
    }

    fn add(&self, change: Change) {
        // Sequentially consistent with the store that makes the region ready: either that comes later, and whoever stored it
        // finds this, or the look at it that follows here finds it ready.
        self.allocated_bytes.fetch_add(change.allocated_bytes, Ordering::SeqCst);
        self.allocated_blocks.fetch_add(change.allocated_blocks, Ordering::SeqCst);
        self.freed_bytes.fetch_add(change.freed_bytes, Ordering::SeqCst);
        self.freed_blocks.fetch_add(change.freed_blocks, Ordering::SeqCst);
        self.operations.fetch_add(change.operations, Ordering::SeqCst);
    }

    /// Moves what is there, each unit once, whoever else moves at the same time.
    fn move_to(&self, region: &Region) {
        region.apply_shared(Change {
            allocated_bytes: self.allocated_bytes.swap(0, Ordering::SeqCst),
            allocated_blocks: self.allocated_blocks.swap(0, Ordering::SeqCst),
            freed_bytes: self.freed_bytes.swap(0, Ordering::SeqCst),
            freed_blocks: self.freed_blocks.swap(0, Ordering::SeqCst),
            operations: self.operations.swap(0, Ordering::SeqCst),
        });
    }
}
