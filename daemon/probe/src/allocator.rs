//! The allocator that counts what another one does.

use std::alloc::{GlobalAlloc, Layout, System};

use crate::counting;

/// Wraps a program's allocator, and counts live bytes and blocks in memory that soakd reads.
///
/// One line of the program, anywhere:
///
/// ```
/// #[global_allocator]
/// static PROBE: soakd_probe::Probe = soakd_probe::Probe::system();
/// # fn main() {}
/// ```
///
/// Bytes are those that the program asked for (`Layout::size`). Counting costs two additions to memory that only the calling
/// thread writes to: no system call, no lock, no locked instruction. Where the shared memory cannot be had (no `memfd_create`,
/// no descriptor left at the first allocation) nothing is counted, and the program runs as ever.
#[derive(Debug, Clone, Copy, Default)]
pub struct Probe<A = System> {
    inner: A,
}

impl Probe<System> {
    /// Around the allocator of the system.
    #[must_use]
    pub const fn system() -> Self {
        Self::new(System)
    }
}

impl<A> Probe<A> {
    /// Around any other allocator.
    #[must_use]
    pub const fn new(inner: A) -> Self {
        Self { inner }
    }
}

// SAFETY: every call is passed on to `inner` as it came, and what `inner` answers is returned as it is, so that all promises
// are its own. Counting neither allocates nor unwinds.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Probe<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that `inner` asks for.
        let block = unsafe { self.inner.alloc(layout) };
        if !block.is_null() {
            counting::allocated(layout.size());
        }
        block
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        let block = unsafe { self.inner.alloc_zeroed(layout) };
        if !block.is_null() {
            counting::allocated(layout.size());
        }
        block
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { self.inner.dealloc(block, layout) };
        counting::freed(layout.size());
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as above.
        let moved = unsafe { self.inner.realloc(block, layout, new_size) };
        if !moved.is_null() {
            counting::resized(layout.size(), new_size);
        }
        moved
    }
}
