//! The daemon's own memory: what runs have given back goes back to the system.
//!
//! By default the C library's allocator has an arena for each of many threads, and keeps in each what was once needed there. Runs come
//! and go, each with a thread for its samples, so that the daemon would seem to grow with their number.

/// Few arenas from now on. To be called before there are threads.
pub fn keep_small() {
    #[cfg(target_env = "gnu")]
    {
        const ARENAS: libc::c_int = 2;
        // SAFETY: sets a number in the allocator, which is made to be called at any time; a refusal changes nothing.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, ARENAS) };
    }
}

/// Gives back what is free. Takes some milliseconds at most: after a run, not while one is sampled.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: works under the allocator's own locks, and moves nothing that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn memory_in_use_stays_as_it_is() {
        super::keep_small();
        let kept: Vec<Box<[u8; 1000]>> = (0..1000).map(|_| Box::new([7; 1000])).collect();
        drop((0..1000).map(|_| vec![1_u8; 5000]).collect::<Vec<_>>());
        super::give_back();
        assert!(kept.iter().all(|bytes| bytes.iter().all(|byte| *byte == 7)));
    }
}
