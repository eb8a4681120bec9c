//! The daemon: soaks in a queue and on a schedule, targets that are watched without end, told of while it goes on.
//!
//! | module | what it holds |
//! |---|---|
//! | [`config`] | `soakd.toml`: what it says, what is wrong with it, what a new one changes |
//! | [`schedule`] | when runs are due, and what becomes of those that were missed; pure, time is handed in |
//! | [`status`] | what the daemon tells of itself, as the API and the pages show it |
//! | [`submission`] | what somebody wants soaked |
//! | [`handle`] | how the API speaks with the daemon |
//! | [`notify`] | what the service manager is told, and its watchdog |

pub mod config;
pub mod handle;
pub mod notify;
pub mod schedule;

pub use soakd_status::{status, submission};
