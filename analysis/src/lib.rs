#![doc = include_str!("../README.md")]
//!
//! # Map
//!
//! | module | what it holds |
//! |---|---|
//! | [`series`] | one metric over time, checked when it is built |
//! | [`quantity`] | what a series counts, its quantum, how it is written for people |
//! | [`question`] | what is asked of a series: tolerance, confidence, warm-up, limit |
//! | [`estimate`] | a value with its interval |
//! | [`judgement`] | the answer: kind, rate, model, evidence |
//! | [`judge`](mod@judge) | from a finished series to its judgement |
//! | [`models`] | the growth models, a file each |
//! | [`curve`] | from a model that a judgement names back to its curve |
//! | [`monitor`] | the same, one sample at a time, with early decisions |
//! | [`combine`](mod@combine) | several series, one answer |
//! | [`formats`] | from the text that recorders write to series |
//! | [`runs`] | numbers of whole runs: baselines, steps, differences between builds |

#![expect(clippy::neg_cmp_op_on_partial_ord, reason = "comparisons are written so that NaN fails")]

mod agreement;
mod assess;
mod collections;
pub mod combine;
pub mod curve;
mod cycle;
mod digest;
pub mod estimate;
mod evidence;
mod fit;
mod floors;
pub mod formats;
mod interval;
pub mod judge;
pub mod judgement;
mod jumps;
mod label;
mod level;
mod lives;
pub mod models;
pub mod monitor;
mod packed_cells;
mod projection;
pub mod quantity;
pub mod question;
pub mod runs;
mod select;
pub mod series;
mod span;
mod stats;
mod tolerance;
mod trace;
mod trend;
mod view;

pub use combine::{Combined, Role, Witness, combine};
pub use estimate::Estimate;
pub use judge::judge;
pub use judgement::{Judgement, JudgementKind};
pub use monitor::Monitor;
pub use quantity::Quantity;
pub use question::{Question, Tolerance};
pub use series::{Series, SeriesError};
pub use tolerance::default_tolerance_per_hour;
