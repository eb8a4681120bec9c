//! The daemon: soaks in a queue and on a schedule, targets that are watched without end, told of while it goes on.
//!
//! | module | what it holds |
//! |---|---|
//! | [`config`] | `soakd.toml`: what it says, what is wrong with it, what a new one changes |
//! | [`schedule`] | when runs are due, and what becomes of those that were missed; pure, time is handed in |
//! | [`status`] | what the daemon tells of itself, as the API and the pages show it |
//! | [`submission`] | what somebody wants soaked |
//! | [`handle`] | how the API speaks with the daemon |
//! | [`supervisor`] | the loop that does the work |
//! | [`jobs`], [`queue`], [`headroom`] | jobs from their queueing to their end, which comes next, whether the host has room |
//! | [`planned`] | the entries of the schedule, and how far each has come |
//! | [`watches`] | targets that are watched without end |
//! | [`planning`] | from what was submitted to the plan of a run |
//! | [`runs`], [`showing`], [`keepers`] | runs that go on, what they show, where their targets are started |
//! | [`recovery`] | what becomes of the runs of the daemon before |
//! | [`standing`], [`standings`], [`alerts`] | what stands for whom, what of it is news, and who is told |
//! | [`lock`], [`store_opening`], [`housekeeping`], [`facts`], [`memory`] | one daemon for each state folder, its store, what it costs |
//! | [`signals`] | what it is told by signals |
//! | [`serving`] | the API, from the configuration |
//! | [`notify`] | what the service manager is told, and its watchdog |
//! | [`api`] | the API |

pub mod alerts;
pub mod api;
pub mod config;
pub mod facts;
pub mod handle;
pub mod headroom;
pub mod housekeeping;
pub mod jobs;
pub mod keepers;
pub mod lock;
pub mod memory;
pub mod notify;
pub mod planned;
pub mod planning;
pub mod queue;
pub mod recovery;
pub mod runs;
pub mod schedule;
pub mod serving;
pub mod showing;
pub mod signals;
pub mod standing;
pub mod standings;
pub mod store_opening;
pub mod supervisor;
pub mod watches;

pub use soakd_status::{status, submission};
