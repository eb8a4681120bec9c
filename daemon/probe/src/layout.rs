//! The shared memory that a probe fills and soakd reads, byte by byte: version 1.
//!
//! It is a memfd with the name [`NAME`] that the target keeps open, so that a reader finds it as
//! `/proc/PID/fd/N -> /memfd:soakd-probe (deleted)` at any time, and it goes away with the target whatever ends that. All
//! numbers are in the byte order of the host, and every counter is eight bytes, aligned. A probe in another language, or one that
//! is preloaded into any native program, needs nothing but this page.
//!
//! | offset | bytes | what |
//! | --- | --- | --- |
//! | [`MAGIC_AT`] | 8 | [`MAGIC`], written last: without it the rest is not there yet |
//! | [`VERSION_AT`] | 4 | [`VERSION`]; a reader refuses any other |
//! | [`FLAGS_AT`] | 4 | what is counted: [`COUNTS_HEAP`], [`PROFILED`] |
//! | [`PID_AT`] | 4 | pid of the process that counts, as it knows it itself (in its own pid namespace) |
//! | [`SLOTS_USED_AT`] | 4 | slots that have ever been used, from the first one on; at most [`SLOTS_COUNT`] |
//! | [`START_TICKS_AT`] | 8 | start time of that process (field 22 of its `stat`); 0 where it could not read it |
//! | [`INHERITED_BYTES_AT`] | 8 | live bytes that it got from its parent by `fork` |
//! | [`INHERITED_BLOCKS_AT`] | 8 | live blocks likewise |
//! | [`MARKS_COUNT_AT`] | 8 | phase marks ever made; the last [`MARKS_KEPT_COUNT`] of them are kept |
//! | [`MARKS_AT`] | [`MARK_BYTES`] each | a ring of marks: mark *n* is at place *n* modulo [`MARKS_KEPT_COUNT`] |
//! | [`FREED_AT`] | [`SLOT_BYTES`] each | what was given back: bytes, blocks |
//! | [`ALLOCATED_AT`] | [`SLOT_BYTES`] each | what was allocated: bytes, blocks; and operations |
//!
//! A mark is: its number, counted from 1 and written last (8 bytes); nanoseconds of the monotonic clock (8 bytes); its name
//! ([`MARK_NAME_BYTES`], UTF-8, filled up with zeros). A mark at whose place another number stands is not there yet, or not any more.
//!
//! # What a reader may rely on
//!
//! Live heap is inherited, plus all that was allocated, minus all that was freed, modulo 2⁶⁴, summed over the slots in use. Slot 0
//! is counted in by atomic addition by whoever has no slot of its own; every other one has a single writer at a time, and its
//! counters go on from where the thread before left them. What is freed was counted as allocated before, so a reader that reads
//! *freed* before *allocated*, which is the order of their places, never counts a block as freed only: what it finds is the live
//! heap at some instant of its reading, plus at most what was allocated while it read. (Exception: threads that take their
//! first slot between the two reads.)
//!
//! What stands here was written by the target, and may be anything.

/// Name of the memfd.
pub const NAME: &str = "soakd-probe";

/// The first eight bytes.
pub const MAGIC: u64 = u64::from_ne_bytes(*b"soakd\0pr");
/// The version that this page describes.
pub const VERSION: u32 = 1;

/// Flag: the heap counters are kept. Without it a program only counts operations.
pub const COUNTS_HEAP: u32 = 1;
/// Flag: the heap counters are those of the dhat profiler, which runs in the target.
pub const PROFILED: u32 = 2;

/// Place of the magic number.
pub const MAGIC_AT: usize = 0;
/// Place of the version.
pub const VERSION_AT: usize = 8;
/// Place of the flags.
pub const FLAGS_AT: usize = 12;
/// Place of the pid.
pub const PID_AT: usize = 16;
/// Place of the number of slots in use.
pub const SLOTS_USED_AT: usize = 20;
/// Place of the start time.
pub const START_TICKS_AT: usize = 24;
/// Place of the inherited bytes.
pub const INHERITED_BYTES_AT: usize = 32;
/// Place of the inherited blocks.
pub const INHERITED_BLOCKS_AT: usize = 40;
/// Place of the number of marks.
pub const MARKS_COUNT_AT: usize = 48;
/// Place of the marks.
pub const MARKS_AT: usize = 1024;
/// Size of the header, marks included.
pub const HEADER_BYTES: usize = 4096;

/// Size of a mark.
pub const MARK_BYTES: usize = 64;
/// Longest name of a mark.
pub const MARK_NAME_BYTES: usize = 48;
/// Marks that are kept.
pub const MARKS_KEPT_COUNT: usize = (HEADER_BYTES - MARKS_AT) / MARK_BYTES;

/// Size of a slot, so that no two threads write to the same cache line, nor to a pair of lines that are fetched together.
pub const SLOT_BYTES: usize = 128;
/// Slots there are; threads beyond share the first one.
pub const SLOTS_COUNT: usize = 4096;
/// Place of the slots of what was freed: bytes at 0, blocks at 8.
pub const FREED_AT: usize = HEADER_BYTES;
/// Place of the slots of what was allocated: bytes at 0, blocks at 8, operations at 16.
pub const ALLOCATED_AT: usize = FREED_AT + SLOTS_COUNT * SLOT_BYTES;
/// Size of the whole. Pages that nobody has written to take no memory.
pub const TOTAL_BYTES: usize = ALLOCATED_AT + SLOTS_COUNT * SLOT_BYTES;
