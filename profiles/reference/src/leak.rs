//! Leaks that can be switched on: their grammar, how much of each is due at any time, and what holds it.
//!
//! A [`LeakSpec`] is what the command line says. [`LeakSpec::due`] is how much should have leaked by now, a pure function of
//! time and operations. [`Leaks`] keeps what is held equal to what is due, in real memory, descriptors and threads, and
//! gives the [`Truth`] about it.

mod due;
mod hoard;
mod leaks;
mod parse;
mod quantity;
mod spec;

pub use leaks::{LeakTruth, Leaks, Truth};
pub use parse::{GRAMMAR, ParseLeakError};
pub use quantity::{ByteCount, Pace, ParseQuantityError, Per};
pub use spec::{LeakSpec, Resource};
