//! The soakd program: command line, runs, store.

pub mod doctor;
pub mod store;
pub mod target;
