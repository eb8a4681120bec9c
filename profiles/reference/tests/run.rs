//! Operations without HTTP: exactly as many as asked for, and counted for whoever watches.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

mod program;

use program::{Program, command, wait_for};

#[test]
fn every_kind_of_operation_is_done_exactly_as_often_as_asked() {
    for kind in ["evaluate", "verify", "biometric", "batch", "decode", "configure", "metrics", "mixed"] {
        let folder = tempfile::tempdir().expect("a folder");
        let (progress, truth) = (folder.path().join("progress"), folder.path().join("truth.json"));
        let output = command(&["run", "--operation", kind, "--operations", "25", "--leak", "linear:128B/op"])
            .arg("--progress-file")
            .arg(&progress)
            .arg("--truth-file")
            .arg(&truth)
            .output()
            .expect("the program");
        assert!(output.status.success(), "{kind}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).ends_with("operations 25\n"));
        assert_eq!(fs::read_to_string(progress).expect("the count").trim_end(), "25");
        let truth: Value = serde_json::from_slice(&fs::read(truth).expect("the truth")).expect("JSON");
        assert_eq!((&truth["operations"], &truth["leaked_bytes"]), (&json!(25), &json!(3200)));
    }
}

#[test]
fn the_count_can_be_read_at_any_time_and_never_falls() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("progress");
    let program =
        Program::start(&["run", "--operation", "decode", "--progress-file", path.to_str().expect("a path of text")]);
    let read = || {
        let text = fs::read_to_string(&path).ok()?;
        // The file is there a moment before its first number.
        let word = text.split_whitespace().next()?.to_owned();
        Some(word.parse::<u64>().unwrap_or_else(|_| panic!("`{text}`")))
    };
    let mut counts = vec![wait_for("the file", read)];
    wait_for("five steps", || {
        let count = read().expect("a count");
        if counts.last() != Some(&count) {
            counts.push(count);
        }
        (counts.len() > 5).then_some(())
    });
    assert!(counts.is_sorted(), "{counts:?}");
    program.send(Signal::TERM);
    let (status, rest) = program.end();
    assert!(status.success(), "{status}");
    let last = rest.lines().last().expect("a line").to_owned();
    assert_eq!(last, format!("operations {}", read().expect("a count")));
}

#[test]
fn a_wrong_command_line_is_refused_with_what_was_expected() {
    for (arguments, expected) in [
        (
            &["serve", "--leak", "linear:64"][..],
            "`64` is no rate, expected an amount followed by `/op`, `/s`, `/m` or `/h`",
        ),
        (&["serve", "--leak", "leaner:1B/s"], "unknown kind of leak `leaner`"),
        (&["serve", "--traffic", "0"], "expected a number of operations per second above 0"),
        (&["serve", "--traffic", "inf"], "expected a number of operations per second above 0"),
        (&["serve", "--leak-limit", "1"], "`1` is no size"),
        (&["serve", "--cache-entries", "0"], "0 is not in 1..=1000000"),
        (&["run", "--operation", "dance"], "[possible values: evaluate"),
        (&[], "Usage:"),
    ] {
        let output = command(arguments).output().expect("the program");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(message.contains(expected), "{arguments:?}: {message}");
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
    }
    assert!(command(&["--help"]).output().expect("the program").status.success());
}

#[test]
fn a_file_that_cannot_be_written_is_named_before_the_work() {
    let output =
        command(&["run", "--operations", "1", "--progress-file", "/nowhere/count"]).output().expect("the program");
    assert_eq!(output.status.code(), Some(73));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(message, "error: cannot write `/nowhere/count`: No such file or directory (os error 2)\n");
    assert!(output.stdout.is_empty());
}
