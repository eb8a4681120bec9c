//! The soakd program: command line, runs, store.

pub mod doctor;
pub mod http;
pub mod keeper;
pub mod store;
pub mod target;
