//! The soakd program: command line, runs, store.
pub mod store;

pub mod target;
