//! What the runs of the past say together: lists, trends, baselines, what is kept and for how long.
//!
//! | module | what it holds |
//! |---|---|
//! | [`entry`] | a run with its verdict, and which of them are asked for |
//! | [`measure`] | the few numbers that a run comes to |
//! | [`baseline`] | what the runs of a profile are held against |
//! | [`waiting`] | runs that were beyond their limits, and whether the next ones confirmed it |
//! | [`regression`] | a run held against its baseline, as budgets of its verdict |
//! | [`trend`] | numbers over runs, and where they changed |
//! | [`retention`] | what is thinned and what is removed |
//! | [`tidy`](mod@tidy) | that carried out |
//! | [`archive`] | runs as files in a folder |
//! | [`when`](mod@when) | points in time as people name them |

pub mod archive;
pub mod baseline;
pub mod entry;
pub mod measure;
pub mod regression;
pub mod retention;
pub mod tidy;
pub mod trend;
pub mod waiting;
pub mod when;
