//! The numeric core: small, dense, deterministic.
//!
//! Everything here works on at most a few hundred numbers, except [`order`], which selects instead of sorting.

pub(crate) mod autoregression;
pub(crate) mod least_squares;
pub(crate) mod order;
pub(crate) mod student;
pub(crate) mod wandering;
