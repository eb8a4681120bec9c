//! A soak of this test program itself, started again as a target with a probe in it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Set in the target.
const TARGET: &str = "SOAKD_TEST_TARGET";

/// Whether this process is the target, and not the test of the same name.
pub(crate) fn is_target() -> bool {
    std::env::var_os(TARGET).is_some()
}

/// Soaks the ignored test `name` of this program and gives the verdict; the folder of the run is `out` in `folder`.
pub(crate) fn soak(folder: &Path, name: &str, options: &[&str]) -> Value {
    let program = std::env::current_exe().expect("this program has a path");
    let out = folder.join("out");
    let output = Command::new(env!("CARGO_BIN_EXE_soakd"))
        .args(["run", "--interval", "50ms", "--state"])
        .arg(folder.join("state"))
        .arg("--out")
        .arg(&out)
        .args(options)
        .arg("--")
        .arg(program)
        .args(["--ignored", "--exact", "--nocapture", name])
        .env(TARGET, "yes")
        .stdin(Stdio::null())
        .output()
        .expect("soakd starts");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    let text = std::fs::read_to_string(out.join("verdict.json")).unwrap_or_else(|error| panic!("{error}: {said}"));
    serde_json::from_str(&text).expect("a verdict is JSON")
}

/// One series of the whole target.
pub(crate) fn series<'a>(verdict: &'a Value, metric: &str) -> &'a Value {
    let all = verdict["series"].as_array().expect("a list of series");
    all.iter().find(|series| series["metric"] == metric).unwrap_or_else(|| panic!("no `{metric}`: {all:#?}"))
}

/// Does `work` for ever, 400 times a second by the clock, so that a busy host changes nothing about the rate.
pub(crate) fn for_ever(mut work: impl FnMut(u64)) -> ! {
    let (begun, mut done) = (Instant::now(), 0);
    loop {
        while (done as f64) < begun.elapsed().as_secs_f64() * 400.0 {
            work(done);
            done += 1;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
