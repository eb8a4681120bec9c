//! What becomes of a test for which this host lacks a right.

use std::io::Write;

/// Tells that the test is skipped, and fails it where nothing may be missing.
pub(crate) fn skipped(missing: &str) {
    let required = std::env::var("SOAKD_TEST_REQUIRE").is_ok_and(|required| required == "all");
    assert!(!required, "SOAKD_TEST_REQUIRE=all, and missing: {missing}");
    // Not by `eprintln!`, whose words are kept back where a test passes.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {missing}");
}
