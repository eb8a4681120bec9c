//! The list of all processes, held once for all trees of this process.
//!
//! A tree needs it when it begins, and then now and then as a safety net. It has room for every process of the host, and takes a
//! system call or two for each: a hundred trees with one each would be most of what a daemon holds, and much of what it does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::SampleError;
use crate::listing::{Listed, Listing, make_room};
use crate::proc_root::ProcRoot;

/// A list that several trees use in turn.
#[derive(Debug, Clone)]
pub(crate) struct SharedListing(Arc<Mutex<Shared>>);

/// The list, as one who uses it holds it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) listing: Listing,
    /// Room for those of the list that a tree looks at.
    pub(crate) candidates: Vec<Listed>,
    /// Number of the pass that the list is from; 0 before the first.
    pub(crate) pass: u64,
}

impl SharedListing {
    /// A list that nobody has read yet.
    pub(crate) fn new() -> Self {
        let shared = Shared { listing: Listing::new(), candidates: Vec::new(), pass: 0 };
        Self(Arc::new(Mutex::new(shared)))
    }

    /// The list for one user. Whoever panicked while holding it has left one that the next pass makes anew.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Reads all processes of `root`, unless a pass after `known` has done so; without a `known` one in any case. Whether it did.
    ///
    /// # Errors
    /// When `/proc` cannot be listed.
    pub(crate) fn read_since(&mut self, root: &ProcRoot, known: Option<u64>) -> Result<bool, SampleError> {
        let is_due = known.is_none_or(|known| self.pass <= known);
        if is_due {
            self.pass += 1;
            self.listing.read(root)?;
        }
        Ok(is_due)
    }

    /// Makes those that have not ended the candidates.
    pub(crate) fn list_candidates(&mut self) {
        self.candidates.clear();
        self.candidates.extend(self.listing.processes().iter().filter(|process| !process.has_ended));
        make_room(&mut self.candidates);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_serves_all_who_have_not_seen_it() {
        let shared = SharedListing::new();
        let root = ProcRoot::default();
        let own = std::process::id();
        assert_eq!(shared.lock().read_since(&root, Some(0)), Ok(true));
        assert_eq!(shared.clone().lock().read_since(&root, Some(0)), Ok(false), "another tree");
        assert!(shared.lock().listing.find(own).is_some());
        assert_eq!(shared.lock().read_since(&root, Some(1)), Ok(true));
        assert_eq!(shared.lock().read_since(&root, None), Ok(true), "now means now");
        assert_eq!(shared.lock().pass, 3);
    }
}
