//! The daemon: soaks in a queue and on a schedule, targets that are watched without end, told of while it goes on.
//!
//! | module | what it holds |
//! |---|---|
//! | [`status`] | what the daemon tells of itself, as the API and the pages show it |
//! | [`submission`] | what somebody wants soaked |
//! | [`handle`] | how the API speaks with the daemon |
//! | [`notify`] | what the service manager is told, and its watchdog |

pub mod handle;
pub mod notify;

pub use soakd_status::{status, submission};
