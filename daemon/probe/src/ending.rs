//! The end of a process that is profiled: something has to be written before, also where nobody returns from `main`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::system;

/// SIGTERM has come.
static IS_ASKED: AtomicBool = AtomicBool::new(false);
/// What is to be done before the end.
static LAST: OnceLock<fn()> = OnceLock::new();

/// Has `last` done when the process exits in order, and, where `is_asking` somebody calls [`end_if_asked`], at a SIGTERM that would
/// end it.
pub(crate) fn watch(last: fn(), is_asking: bool) {
    if LAST.set(last).is_ok() {
        system::at_exit(at_exit);
        if is_asking {
            system::catch_termination(&IS_ASKED);
        }
    }
}

extern "C" fn at_exit() {
    if let Some(last) = LAST.get() {
        last();
    }
}

/// Ends the process by SIGTERM after `last`, if that has come and the program left it to us: a program that has taken the signal
/// over since comes to its own end.
pub(crate) fn end_if_asked(last: fn()) {
    if IS_ASKED.load(Ordering::Relaxed) && system::catches_termination() {
        last();
        system::terminate();
    }
}
