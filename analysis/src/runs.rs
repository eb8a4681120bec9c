//! Numbers of whole runs: one run against the noise between earlier ones, steps in a history, two builds side by side.
//!
//! A run comes to one number for each thing that is measured (its settled baseline, its throughput). Such numbers differ
//! from run to run though nothing has changed, often by more than what one would call a regression, so everything here
//! asks both how large a change is and whether chance could have made it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`scale`] | how numbers are compared: as ratios, or as differences |
//! | [`baseline`] | earlier runs, and the value from which a further one is a regression |
//! | [`confirmation`] | one run held against them; a regression has to be there in the next run too |
//! | [`steps`](mod@steps) | where the level of a history changed, and by how much |
//! | [`difference`] | two builds: paired rounds, or two estimates |

pub mod baseline;
pub mod confirmation;
pub mod difference;
pub mod scale;
pub mod steps;

pub use baseline::{Baseline, FEWEST_RUNS};
pub use confirmation::{Held, Question, Standing, hold};
pub use difference::{Difference, Direction, of_estimates, of_pairs};
pub use scale::{Scale, Worse};
pub use steps::{Step, steps};
