//! Real Rust targets with the probe in them, soaked by the real program: this test program itself, started again as each of them.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and shows what soakd said"
)]

mod probed;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};

use soakd_probe::Probe;

use probed::{for_ever, is_target, series, soak};

/// The allocator of the system, which can be told to keep what is given back.
struct Keeping;

static KEEPS: AtomicBool = AtomicBool::new(false);
/// Smaller blocks are always given back.
const LARGE_BYTES: usize = 16 * 1024;

// SAFETY: every call is passed on to the system's allocator, or, for a block that is given back, left out.
unsafe impl GlobalAlloc for Keeping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !(KEEPS.load(Ordering::Relaxed) && layout.size() >= LARGE_BYTES) {
            // SAFETY: the caller's promises.
            unsafe { System.dealloc(block, layout) };
        }
    }
}

#[global_allocator]
static PROBE: Probe<Keeping> = Probe::new(Keeping);

/// What each operation of the leaking target loses.
const LOST_BYTES: usize = 100;

#[test]
#[ignore = "not a test: a target of the others"]
fn loses_a_hundred_bytes_per_operation() {
    if is_target() {
        soakd_probe::phase("begun");
        for_ever(|_| {
            std::mem::forget(vec![1_u8; LOST_BYTES]);
            soakd_probe::op();
        });
    }
}

#[test]
#[ignore = "not a test: a target of the others"]
fn gives_back_to_an_allocator_that_keeps() {
    if is_target() {
        KEEPS.store(true, Ordering::Relaxed);
        for_ever(|_| drop(std::hint::black_box(vec![1_u8; LARGE_BYTES])));
    }
}

#[test]
fn a_leak_is_judged_by_the_live_heap_and_per_operation_though_no_profile_says_where_these_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = "loses_a_hundred_bytes_per_operation";
    let verdict = soak(folder.path(), name, &["--for", "15s", "--tolerate", "64B/op"]);
    let heap = series(&verdict, "heap_live_bytes");
    assert_eq!((&heap["judgement"], &heap["role"]), (&"leak".into(), &"judged".into()), "{heap:#}");
    let rate = |end: &str| heap["rate_per_op"][end].as_f64().expect("a number");
    let lost = LOST_BYTES as f64;
    assert!(rate("low") <= lost && rate("high") >= lost, "{:#}", heap["rate_per_op"]);
    // Each sample is exact to one operation.
    assert!((rate("value") - lost).abs() < 0.5, "{:#}", heap["rate_per_op"]);
    assert_eq!(verdict["decided_by"][0]["metric"], "heap_live_bytes");
    assert_eq!((&verdict["heap"]["from"], &verdict["heap"]["whole_target"]), (&"api".into(), &true.into()));
    let counted = verdict["load"]["operations"].as_f64().expect("operations are counted");
    assert!((2000.0..=6400.0).contains(&counted), "{counted}");
    let events = verdict["events"].as_array().expect("events");
    assert!(events.iter().any(|event| event["kind"] == "phase" && event["text"] == "begun"), "{events:#?}");
}

#[test]
fn memory_that_grows_over_a_bounded_heap_is_retention() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = "gives_back_to_an_allocator_that_keeps";
    let verdict = soak(folder.path(), name, &["--for", "15s", "--tolerate", "64MiB/h"]);
    assert_eq!(series(&verdict, "heap_live_bytes")["judgement"], "no_leak", "{:#}", verdict["series"]);
    assert_eq!(series(&verdict, "anon_swap_bytes")["judgement"], "retention", "{:#}", verdict["series"]);
    assert_eq!(verdict["outcome"], "warn", "{}", verdict["summary"]);
    assert!(verdict["load"].is_null(), "it never said that it had done an operation");
}
