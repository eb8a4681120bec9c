//! Attaching to a systemd unit, under a real systemd.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::harness::{Case, Program, SYSTEMD, find};
use crate::soak::said;

const PYTHON: Program = Program { name: "python3", package: "python3" };

pub(crate) const CASES: &[Case] = &[
    Case { name: "a_unit_that_leaks_is_found_by_its_name", needs: &[SYSTEMD, PYTHON], test: leaking_unit },
    Case { name: "a_unit_that_restarts_is_followed", needs: &[SYSTEMD, PYTHON], test: restarting_unit },
    Case { name: "a_unit_that_does_not_run_is_named", needs: &[SYSTEMD], test: absent_unit },
];

const GROWS: &str = "import time\nkept = []\nwhile True:\n    kept.append(bytearray(20000))\n    time.sleep(0.02)\n";
const STEADY: &str = "import time\nkept = bytearray(20000000)\nwhile True:\n    time.sleep(0.02)\n";

/// Runs a shell script in `folder` under systemd, with soakd as `$SOAKD`.
fn under_systemd(folder: &Path, script: &str) -> Output {
    let file = folder.join("inside.sh");
    std::fs::write(&file, script).expect("a script");
    let soakd = PathBuf::from(env!("CARGO_BIN_EXE_soakd"));
    let binaries = soakd.parent().expect("a folder of binaries");
    Command::new(find(SYSTEMD).expect("found before"))
        .arg("--bind")
        .arg(folder)
        .arg("--bind-ro")
        .arg(binaries)
        .arg("--setenv")
        .arg(format!("SOAKD={}", soakd.display()))
        .arg("--setenv")
        .arg(format!("PLACE={}", folder.display()))
        .args(["--", "/bin/sh", "-eu"])
        .arg(&file)
        .output()
        .expect("the wrapper starts")
}

/// A folder that a service can reach, with the scripts of the services.
fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("grows.py"), GROWS).expect("a script");
    std::fs::write(folder.path().join("steady.py"), STEADY).expect("a script");
    folder
}

fn verdict(folder: &Path, output: &Output) -> Value {
    let text = std::fs::read_to_string(folder.join("out/verdict.json"))
        .unwrap_or_else(|error| panic!("no verdict ({error}):\n{}", said(output)));
    println!("{}", said(output));
    serde_json::from_str(&text).expect("verdict.json is JSON")
}

fn leaking_unit() {
    let folder = place();
    let output = under_systemd(
        folder.path(),
        "systemd-run --quiet --unit=leaky --collect \"$(command -v python3)\" \"$PLACE/grows.py\"\n\
         status=0\n\
         \"$SOAKD\" attach --unit leaky.service --for 20s --interval 100ms --state \"$PLACE/state\" --out \"$PLACE/out\" \
         || status=$?\n\
         systemctl is-active leaky.service\n\
         exit $status\n",
    );
    let verdict = verdict(folder.path(), &output);
    assert!(matches!(verdict["outcome"].as_str(), Some("fail" | "block")), "{}", said(&output));
    assert!(matches!(output.status.code(), Some(2 | 3)), "{}", said(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.lines().any(|line| line == "active"), "the unit was harmed:\n{text}");
}

fn restarting_unit() {
    let folder = place();
    let output = under_systemd(
        folder.path(),
        "systemd-run --quiet --unit=steady --property=Restart=always --property=RestartSec=200ms \
             \"$(command -v python3)\" \"$PLACE/steady.py\"\n\
         status=0\n\
         (sleep 6; systemctl kill --signal=KILL steady.service) &\n\
         \"$SOAKD\" attach --unit steady.service --follow --for 25s --interval 100ms --state \"$PLACE/state\" \
             --out \"$PLACE/out\" || status=$?\n\
         wait\n\
         exit $status\n",
    );
    let verdict = verdict(folder.path(), &output);
    let events = verdict["events"].as_array().expect("events");
    assert!(events.iter().any(|event| event["kind"] == "restart"), "no restart in {events:?}\n{}", said(&output));
    let series = verdict["series"].as_array().expect("series");
    assert!(series.iter().all(|series| series["judgement"] != "leak"), "{}", said(&output));
}

fn absent_unit() {
    let folder = place();
    let output = under_systemd(
        folder.path(),
        "exec \"$SOAKD\" attach --unit nowhere.service --for 5s --state \"$PLACE/state\" --out \"$PLACE/out\"\n",
    );
    assert_eq!(output.status.code(), Some(69), "{}", said(&output));
    assert!(said(&output).contains("`nowhere.service`"), "{}", said(&output));
}
