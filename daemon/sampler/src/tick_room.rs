//! How much a single tick takes on beside what is read at every tick.
//!
//! Sources that are read now and then come due together: in a tree of a thousand they would take so long that the next tick at
//! ten a second is late. So a tick takes on a few, and those that are left come next, by turns. It counts reads and not time: how
//! much is spread is the same on a busy host.

/// By default so many processes are read from one source or another in one tick: a few milliseconds. A tree of up to three hundred has
/// everything in one.
pub(crate) const READS: usize = 2048;
/// What is read in slices (see [`crate::walk_round`]) counts for each process as so many, and as no more than half of [`READS`].
const SLICED_READS: usize = 16;

/// What a tick still has room for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TickRoom {
    left: usize,
    /// Nothing was taken on yet. The first always is, however many processes there are.
    is_untouched: bool,
}

impl TickRoom {
    /// For one tick that has room for so many reads.
    pub(crate) fn of(reads: usize) -> Self {
        Self { left: reads, is_untouched: true }
    }

    /// For one with room for everything: somebody waits for the values.
    pub(crate) fn without_end() -> Self {
        Self::of(usize::MAX)
    }

    /// Takes on a source of all `members_count` members, if there is room.
    pub(crate) fn takes_sweep(&mut self, members_count: usize) -> bool {
        self.takes(members_count)
    }

    /// Takes on a slice of a source that is dear, if there is room.
    pub(crate) fn takes_slice(&mut self, members_count: usize) -> bool {
        self.takes(members_count.saturating_mul(SLICED_READS).min(READS / 2))
    }

    fn takes(&mut self, reads: usize) -> bool {
        let has_room = self.is_untouched || reads <= self.left;
        if has_room {
            self.left = self.left.saturating_sub(reads);
            self.is_untouched = false;
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken_on(members_count: usize, mut room: TickRoom) -> (usize, usize) {
        let sweeps = (0..5).filter(|_| room.takes_sweep(members_count)).count();
        (sweeps, (0..3).filter(|_| room.takes_slice(members_count)).count())
    }

    #[test]
    fn a_small_tree_has_everything_in_one_tick_and_a_large_one_at_least_something() {
        let usual = TickRoom::of(READS);
        assert_eq!(taken_on(1, usual), (5, 3));
        assert_eq!(taken_on(30, usual), (5, 3));
        assert_eq!(taken_on(1000, usual), (2, 0));
        assert_eq!(taken_on(1_000_000, usual), (1, 0));
        assert_eq!(taken_on(1_000_000, TickRoom::without_end()), (5, 3));
    }
}
