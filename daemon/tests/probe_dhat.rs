//! A target in `dhat` mode, soaked by the real program: this test program itself, started again.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and shows what soakd said"
)]

mod probed;

use probed::{for_ever, is_target, series, soak};

#[global_allocator]
static PROBE: soakd_probe::DhatProbe = soakd_probe::DhatProbe;

/// A call stack with a name that can be looked for.
#[inline(never)]
fn keeps_for_ever() {
    std::mem::forget(vec![1_u8; 1000]);
}

#[inline(never)]
fn gives_back() {
    drop(std::hint::black_box(vec![1_u8; 1000]));
}

#[test]
#[ignore = "not a test: a target of the other"]
fn loses_memory_under_the_profiler() {
    if is_target() {
        // Ended by SIGTERM, which it does not handle.
        let _profile = soakd_probe::profile_heap();
        for_ever(|_| {
            keeps_for_ever();
            gives_back();
            soakd_probe::op();
        });
    }
}

#[test]
fn what_was_not_freed_is_told_by_its_call_stack_and_the_profile_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let verdict = soak(folder.path(), "loses_memory_under_the_profiler", &["--for", "8s", "--tolerate", "64B/op"]);
    let profile = std::fs::read(folder.path().join("out/dhat-heap.json")).expect("the run keeps the profile");
    let profile: serde_json::Value = serde_json::from_slice(&profile).expect("it is whole");
    assert_eq!(profile["mode"], "rust-heap");
    let attribution = verdict["attribution"].as_array().expect("a list");
    let first = attribution.first().unwrap_or_else(|| panic!("nobody is named: {verdict:#}"));
    let what = first["what"].as_str().expect("text");
    assert!(what.starts_with("not freed: ") && what.contains("keeps_for_ever"), "{what}");
    assert!(first["share"].as_f64() > Some(0.9), "{first}");
    assert!(attribution.iter().all(|part| !part["what"].as_str().unwrap_or_default().contains("gives_back")));
    let heap = series(&verdict, "heap_live_bytes");
    assert_eq!(heap["judgement"], "leak", "{heap:#}");
    let per_op = heap["rate_per_op"]["value"].as_f64().expect("a rate");
    assert!((900.0..1100.0).contains(&per_op), "the statistics of the profiler are published: {per_op}");
}
