//! What a program says about itself: operations done, phases begun.

use crate::counting;
use crate::system::{self, Access};

/// An operation was done: a request served, a job finished, a round over.
///
/// soakd then lays growth on operations (`64 B/op`) without being told where they are counted. Costs about a nanosecond; can be
/// called from any thread, also without the allocator of this crate.
#[inline]
pub fn op() {
    counting::operations(1);
}

/// `count` operations were done; see [`op`].
#[inline]
pub fn ops(count: u64) {
    counting::operations(count);
}

/// A phase begins: `phase("warmed up")`. It becomes an event in the record of the run, at its own time.
///
/// Names are cut after 48 bytes. The last 48 marks between two samples are kept.
pub fn phase(name: &str) {
    if let Access::Ready(region) = system::region() {
        region.mark(system::monotonic_nanos(), name);
    }
}
