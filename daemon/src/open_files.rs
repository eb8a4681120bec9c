//! The limit on open files: raised for soakd, which keeps several open for each process of a target, and given back to whatever
//! it starts.
//!
//! A program must find the soft limit that its user set: one that calls `select` cannot use descriptors above 1,023, one that closes
//! all that it may have open takes seconds where the limit is a billion, and a program may size its tables by it.

use std::io;
use std::sync::OnceLock;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};

/// What this process was started with; empty where it was not changed.
static BEFORE: OnceLock<Rlimit> = OnceLock::new();

/// Raises the soft limit of this process to the hard one.
///
/// # Errors
/// Where the kernel refuses, which it does when its own limit (`fs.nr_open`) was lowered below the hard one.
pub fn raise() -> io::Result<()> {
    let before = getrlimit(Resource::Nofile);
    if before.current == before.maximum {
        return Ok(());
    }
    setrlimit(Resource::Nofile, Rlimit { current: before.maximum, ..before })?;
    // Whoever was first knows what it was.
    BEFORE.get_or_init(|| before);
    Ok(())
}

/// The soft limit that what is started gets back; `None` where this process has not raised its own, or had none.
#[must_use]
pub fn given_back() -> Option<u64> {
    BEFORE.get().and_then(|before| before.current)
}

/// Gives a child that has not started anything yet the limit that this process was started with.
///
/// # Errors
/// When it has gone.
pub(crate) fn give_back(child: Pid) -> io::Result<()> {
    if let Some(before) = BEFORE.get() {
        prlimit(Some(child), Resource::Nofile, *before)?;
    }
    Ok(())
}
