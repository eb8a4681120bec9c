#![doc = include_str!("../README.md")]
//!
//! # Map
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`layout`] | the shared memory, byte by byte: for this crate, for the reader, and for other probes |
//! | `region` | the same as atomic counters; slots, shared and owned; phase marks |
//! | `counting` | which slot a thread counts in, from its first allocation to after its end, and across `fork` |
//! | `allocator` | [`Probe`], the allocator that counts |
//! | `marks` | [`op`], [`ops`], [`phase`] |
//! | `heap_profile`, `ending` | `profile_heap`, with the feature `dhat`: the profiler of dhat, and its file, written whatever ends the program |
//! | `system` | everything that asks the C library, and with `allocator` the only `unsafe` code |

mod allocator;
mod counting;
#[cfg(feature = "dhat")]
mod ending;
#[cfg(feature = "dhat")]
mod heap_profile;
pub mod layout;
mod marks;
mod region;
mod system;

pub use allocator::Probe;
/// The allocator of a program that is profiled, in place of [`Probe`]. Every allocation takes a lock and unwinds the stack.
#[cfg(feature = "dhat")]
pub use dhat::Alloc as DhatProbe;
#[cfg(feature = "dhat")]
pub use heap_profile::{HeapProfile, profile_heap};
pub use marks::{op, ops, phase};
