//! The units of soakd under a real systemd: installed, hardened, run by a timer, killed.
//!
//! One boot does for all of them: `systemd/inside.sh` runs the checks, and each is told here as a test.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test: it fails by panicking, and says what was skipped"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial};

/// What must be true, by the name of its function in the script.
const CHECKS: &[&str] = &[
    "installed",
    "units_are_valid",
    "exposure_is_low",
    "timer_runs_to_a_verdict",
    "target_is_in_a_unit_of_its_own",
    "failure_is_told",
    "warning_is_a_success",
    "killed_parent_ends_the_target",
    "killed_keeper_ends_the_run",
    "stopped_run_is_judged",
    "process_of_another_user_is_read",
    "nothing_else_is_written",
    "errors_are_plain",
    "daemon_becomes_ready",
    "members_of_its_group_may_speak_with_it",
    "daemon_reloads",
    "wrong_configuration_is_refused_on_reload",
    "second_daemon_is_refused",
    "killed_daemon_goes_on",
    "hung_daemon_is_restarted",
    "daemon_stops_in_order",
    "wrong_configuration_is_not_tried_again",
    "uninstalled",
];

/// Where there is a systemd.
#[derive(Debug, Clone)]
enum Systemd {
    /// A wrapper that runs a command beside one.
    Wrapper(PathBuf),
    /// This host, which is changed: units and users are installed.
    Here,
}

/// That of `$SOAKD_TEST_SYSTEMD`: a wrapper, or the word `here`. Without it this host's, where everything is required: it is then a
/// machine for tests.
fn systemd(is_required: bool) -> Option<Systemd> {
    let is_here = Path::new("/run/systemd/system").is_dir() && rustix::process::geteuid().is_root();
    match std::env::var_os("SOAKD_TEST_SYSTEMD") {
        Some(here) if here == "here" => is_here.then_some(Systemd::Here),
        Some(wrapper) => Some(PathBuf::from(wrapper)).filter(|file| file.is_file()).map(Systemd::Wrapper),
        None => (is_here && is_required).then_some(Systemd::Here),
    }
}

/// What came of the boot.
struct Booted {
    place: tempfile::TempDir,
    output: Output,
}

fn boot(systemd: &Systemd) -> Booted {
    let place = tempfile::tempdir().expect("a folder");
    let soakd = Path::new(env!("CARGO_BIN_EXE_soakd"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let script = root.join("daemon/tests/systemd/inside.sh");
    let variables =
        [("SOAKD", soakd.to_path_buf()), ("UNITS", root.join("systemd")), ("PLACE", place.path().to_path_buf())];
    let mut command = match systemd {
        Systemd::Here => Command::new("bash"),
        Systemd::Wrapper(wrapper) => {
            let mut command = Command::new(wrapper);
            command.arg("--bind").arg(place.path());
            for seen in [soakd.parent().expect("a folder of binaries"), &root.join("systemd"), &root.join("daemon")] {
                command.arg("--bind-ro").arg(seen);
            }
            for (name, value) in &variables {
                command.arg("--setenv").arg(format!("{name}={}", value.display()));
            }
            command.args(["--", "bash"]);
            command
        }
    };
    let output = command.arg(&script).envs(variables).output().expect("the wrapper starts");
    Booted { place, output }
}

fn result(booted: &Booted, name: &str) -> Result<(), Failed> {
    let results = booted.place.path().join("results");
    let read = |ending: &str| std::fs::read_to_string(results.join(format!("{name}.{ending}")));
    let said = read("said").unwrap_or_default();
    match read("status") {
        Ok(status) if status.trim() == "0" => Ok(()),
        Ok(status) => Err(format!("status {}:\n{said}", status.trim()).into()),
        Err(_) => Err(format!(
            "the script has not come so far ({}):\n{}{}{said}",
            booted.output.status,
            String::from_utf8_lossy(&booted.output.stdout),
            String::from_utf8_lossy(&booted.output.stderr)
        )
        .into()),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let is_required = std::env::var("SOAKD_TEST_REQUIRE").is_ok_and(|value| value == "all");
    let systemd = systemd(is_required);
    let booted: Arc<OnceLock<Booted>> = Arc::default();
    let trials = CHECKS.iter().map(|name| match &systemd {
        Some(systemd) => {
            let (systemd, booted) = (systemd.clone(), Arc::clone(&booted));
            Trial::test(*name, move || result(booted.get_or_init(|| boot(&systemd)), name))
        }
        None if is_required => Trial::test(*name, || Err("SOAKD_TEST_REQUIRE=all, and there is no systemd".into())),
        None => Trial::test(*name, || Ok(())).with_ignored_flag(true),
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if systemd.is_none() && !arguments.list {
        println!(
            "{} tests skipped: they need a systemd (name a wrapper that runs a command beside one in $SOAKD_TEST_SYSTEMD, or say \
             `here` to have the units installed into this system)",
            CHECKS.len()
        );
    }
    conclusion.exit_code()
}
