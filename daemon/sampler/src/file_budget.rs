//! How many files may stay open for the members of all trees that this process samples.
//!
//! The limit on open files is one for the whole process, so samplers share what they may keep: each takes for a member what that
//! member needs and gives it back when it lets go of it. Who finds nothing left opens the files of a member at each tick, and
//! takes them for good as soon as another one has given some back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use rustix::process::{Resource, getrlimit};

use crate::sampler::SAMPLERS;

/// The share of the limit on open files that is for members, in quarters; the rest is for all else that this process does.
const QUARTERS: u64 = 3;

/// A number of files that may stay open for members, shared by all that hold a clone of it.
#[derive(Debug, Clone)]
pub struct FileBudget(Arc<Account>);

#[derive(Debug)]
struct Account {
    /// `None`: three quarters of the soft limit, whatever it is at the time.
    files_count: Option<usize>,
    taken_count: AtomicUsize,
}

static OF_THIS_PROCESS: LazyLock<FileBudget> = LazyLock::new(|| FileBudget::new(None));

impl Default for FileBudget {
    /// That of this process: see [`FileBudget::of_this_process`].
    fn default() -> Self {
        Self::of_this_process()
    }
}

impl FileBudget {
    fn new(files_count: Option<usize>) -> Self {
        Self(Arc::new(Account { files_count, taken_count: AtomicUsize::new(0) }))
    }

    /// Three quarters of the soft limit on open files, as it is whenever somebody takes of them. It is the same for all who ask, so that
    /// any number of samplers stay below the limit together.
    #[must_use]
    pub fn of_this_process() -> Self {
        OF_THIS_PROCESS.clone()
    }

    /// `files_count` files, for all samplers that are handed a clone.
    #[must_use]
    pub fn of(files_count: usize) -> Self {
        Self::new(Some(files_count))
    }

    /// How many files are taken at present.
    #[must_use]
    pub fn taken_count(&self) -> usize {
        self.0.taken_count.load(Ordering::Relaxed)
    }

    /// How many files one member takes: its folder, and one for each source that keeps one.
    #[must_use]
    pub fn files_of_a_member() -> usize {
        1 + SAMPLERS.iter().filter(|row| row.keeps_descriptor).count()
    }

    /// Of how many members the files stay open where this process may have `files_limit` open.
    #[must_use]
    pub fn members_kept_within(files_limit: u64) -> usize {
        within(files_limit) / Self::files_of_a_member()
    }

    /// What one member needs, if that much is left.
    pub(crate) fn take_for_a_member(&self) -> Option<FileShare> {
        let files_count =
            self.0.files_count.unwrap_or_else(|| within(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)));
        let files_of_a_member = Self::files_of_a_member();
        let with_it = |taken: usize| taken.checked_add(files_of_a_member).filter(|taken| *taken <= files_count);
        self.0.taken_count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, with_it).ok()?;
        Some(FileShare(self.clone()))
    }
}

fn within(files_limit: u64) -> usize {
    usize::try_from(files_limit / 4 * QUARTERS).unwrap_or(usize::MAX)
}

/// What a member has taken; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct FileShare(FileBudget);

impl Drop for FileShare {
    fn drop(&mut self) {
        self.0.0.taken_count.fetch_sub(FileBudget::files_of_a_member(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_limit_is_enough_for_a_hundred_members_or_so() {
        assert_eq!(FileBudget::members_kept_within(0), 0);
        assert_eq!(FileBudget::members_kept_within(1024), 96);
        assert!(FileBudget::members_kept_within(u64::MAX) > 1 << 30);
    }

    #[test]
    fn whoever_holds_a_clone_takes_of_the_same_and_gives_it_back() {
        let of_each = FileBudget::files_of_a_member();
        let budget = FileBudget::of(3 * of_each - 1);
        let other = budget.clone();
        let first = budget.take_for_a_member().unwrap();
        let second = other.take_for_a_member().unwrap();
        assert!(budget.take_for_a_member().is_none() && other.take_for_a_member().is_none());
        assert_eq!(budget.taken_count(), 2 * of_each);
        drop(first);
        let third = other.take_for_a_member();
        assert!(third.is_some());
        drop((second, third));
        assert_eq!(budget.taken_count(), 0);
        assert!(FileBudget::of(0).take_for_a_member().is_none());
    }
}
