//! What the daemon tells of itself: documents, pages, metrics, and a view for terminals.
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
//! | [`past`] | what pages and metrics show besides: samples of runs that go on, runs of the past |
//! | [`news`](mod@news) | what has changed between two moments, in lines |
//! | [`words`] | what goes on, in words |
//! | [`pages`] | pages for people |
//! | [`metrics`] | numbers for Prometheus and its kin |
//! | [`terminal`] | one picture of a terminal |

pub mod metrics;
pub mod news;
pub mod pages;
pub mod past;
#[cfg(test)]
mod samples;
pub mod status;
pub mod submission;
pub mod terminal;
pub mod words;
