//! Judges whether a time series grows without bound.
//!
//! Series in, judgement out: no I/O, no clock, no threads, no async. The same series always gives the
//! same judgement.
//!
//! | module | what it holds |
//! |---|---|
//! | [`series`] | one metric over time, checked when it is built |
//! | [`quantity`] | what a series counts, its quantum, how it is written for people |
//! | [`question`] | what is asked of a series: tolerance, confidence, warm-up, limit |
//! | [`estimate`] | a value with its interval |
//! | [`judgement`] | the answer: kind, rate, model, evidence |
//! | [`judge`](mod@judge) | from a finished series to its judgement |
//! | [`monitor`] | the same, one sample at a time, with early decisions |
//! | [`formats`] | from the text that recorders write to series |

#![expect(clippy::neg_cmp_op_on_partial_ord, reason = "comparisons are written so that NaN fails")]
#![expect(dead_code, reason = "the report and the monitor use the rest")]

mod assess;
mod cycle;
mod digest;
pub mod estimate;
mod fit;
mod floors;
pub mod formats;
pub mod judge;
pub mod judgement;
mod jumps;
mod level;
pub mod models;
pub mod monitor;
pub mod quantity;
pub mod question;
mod select;
pub mod series;
mod stats;
mod tolerance;
mod trace;
mod trend;
mod view;

pub use estimate::Estimate;
pub use judge::judge;
pub use judgement::{Judgement, JudgementKind};
pub use monitor::Monitor;
pub use quantity::Quantity;
pub use question::{Question, Tolerance};
pub use series::{Series, SeriesError};
