//! What the daemon tells of itself: documents, pages, metrics.
//!
//! Documents in, text out: nothing here reads a clock, a file or a socket, and nothing knows how soaks are run.
//!
//! ```
//! use soakd_status::submission::Submission;
//! let submission = Submission { profile: Some("nightly".to_owned()), ..Submission::default() };
//! assert_eq!(submission.priority, 0);
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`status`] | what the daemon tells of itself, as the API and the pages show it |
//! | [`submission`] | what somebody wants soaked |

pub mod status;
pub mod submission;
