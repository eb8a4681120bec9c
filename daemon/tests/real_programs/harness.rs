//! Runs the tests that need other programs, and says at the end which could not run.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};

/// A program that a test needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Program {
    /// Name of the executable.
    pub(crate) name: &'static str,
    /// Debian package that brings it.
    pub(crate) package: &'static str,
}

/// A real systemd: PID 1 of this host, or the wrapper that `$SOAKD_TEST_SYSTEMD` names.
pub(crate) const SYSTEMD: Program = Program { name: "systemd", package: "systemd" };

/// A kernel for a machine of its own: the file that `$SOAKD_TEST_KERNEL` names.
pub(crate) const KERNEL: Program = Program { name: "kernel", package: "linux-image-cloud-amd64" };

/// The right to choose the pid of the next process.
pub(crate) const CHOSEN_PIDS: Program = Program { name: "chosen pids", package: "" };

/// Where the pid before the next one is chosen.
pub(crate) const NEXT_PID: &str = "/proc/sys/kernel/ns_last_pid";

/// The right to mount a file system.
pub(crate) const MOUNTS: Program = Program { name: "mounts", package: "" };

/// A cgroup of its own for what soakd starts.
pub(crate) const OWN_CGROUP: Program = Program { name: "own cgroup", package: "" };

/// One test against real programs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// What must be true, as a sentence.
    pub(crate) name: &'static str,
    /// What it needs beside soakd.
    pub(crate) needs: &'static [Program],
    /// The test itself; it panics where it fails.
    pub(crate) test: fn(),
}

/// Where `program` is, if it is here.
#[must_use]
pub(crate) fn find(program: Program) -> Option<PathBuf> {
    if program == SYSTEMD {
        return systemd_wrapper();
    }
    if program == KERNEL {
        return std::env::var_os("SOAKD_TEST_KERNEL").map(PathBuf::from).filter(|file| file.is_file());
    }
    if program == CHOSEN_PIDS {
        // To be root is not enough in a container. Writing what stands there changes nothing.
        let may = std::fs::read(NEXT_PID).and_then(|last| std::fs::write(NEXT_PID, last.trim_ascii()));
        return may.ok().map(|()| NEXT_PID.into());
    }
    if program == MOUNTS {
        return may_mount().then(|| "/proc/self/mounts".into());
    }
    if program == OWN_CGROUP {
        return has_own_cgroup().then(|| "/proc/self/cgroup".into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps servers out of an ordinary user's PATH.
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(program.name)).find(|file| file.is_file())
}

fn systemd_wrapper() -> Option<PathBuf> {
    std::env::var_os("SOAKD_TEST_SYSTEMD").map(PathBuf::from).filter(|file| file.is_file())
}

fn may_mount() -> bool {
    let Ok(folder) = tempfile::tempdir() else { return false };
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(folder.path()).output();
    let may = mounted.is_ok_and(|output| output.status.success());
    if may {
        let _ = Command::new("umount").arg(folder.path()).output();
    }
    may
}

/// Asks the program itself.
fn has_own_cgroup() -> bool {
    let asked = Command::new(env!("CARGO_BIN_EXE_soakd")).args(["doctor", "--format", "json"]).output();
    let Some(report) = asked.ok().and_then(|asked| serde_json::from_slice::<serde_json::Value>(&asked.stdout).ok())
    else {
        return false;
    };
    let checks = report["checks"].as_array().cloned().unwrap_or_default();
    checks.iter().any(|check| check["name"] == "cgroup" && check["status"] == "ok")
}

fn say(program: Program) -> String {
    if program == SYSTEMD {
        "systemd (name a wrapper that runs a command under one in $SOAKD_TEST_SYSTEMD)".to_owned()
    } else if program == KERNEL {
        format!("a kernel (unpack Debian's {} and name its vmlinuz in $SOAKD_TEST_KERNEL)", program.package)
    } else if program == CHOSEN_PIDS {
        format!("the right to write {NEXT_PID} (root of the host)")
    } else if program == MOUNTS {
        "the right to mount a file system (root of the host)".to_owned()
    } else if program == OWN_CGROUP {
        "a cgroup of its own for a target (`soakd doctor` says why not)".to_owned()
    } else {
        format!("{} (Debian package {})", program.name, program.package)
    }
}

/// Tests, and which of them cannot run here.
pub(crate) struct Trials {
    /// Those that run, fail for want of a program, or are counted as ignored.
    pub(crate) all: Vec<Trial>,
    skipped: Vec<String>,
}

/// Makes tests of `cases`; a missing program skips its tests, or fails them where `$SOAKD_TEST_REQUIRE` is `all`.
pub(crate) fn trials(cases: &[Case]) -> Trials {
    let required = std::env::var("SOAKD_TEST_REQUIRE").is_ok_and(|value| value == "all");
    let mut trials = Trials { all: Vec::new(), skipped: Vec::new() };
    for case in cases {
        let missing: Vec<String> =
            case.needs.iter().filter(|program| find(**program).is_none()).map(|program| say(*program)).collect();
        let test = case.test;
        trials.all.push(if missing.is_empty() {
            Trial::test(case.name, move || {
                test();
                Ok(())
            })
        } else if required {
            let why = format!("SOAKD_TEST_REQUIRE=all, and missing: {}", missing.join(", "));
            Trial::test(case.name, move || Err(Failed::from(why)))
        } else {
            trials.skipped.push(format!("{}: missing {}", case.name, missing.join(", ")));
            Trial::test(case.name, || Ok(())).with_ignored_flag(true)
        });
    }
    trials
}

/// Runs the tests, and says at the end which could not run.
#[must_use]
pub(crate) fn run(trials: Trials) -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Soaks wait most of their time; but they may share two cores with each other, and many more would only measure the crowd.
    arguments.test_threads = arguments.test_threads.or(Some(4));
    let listing = arguments.list;
    let count = trials.all.len();
    let conclusion = libtest_mimic::run(&arguments, trials.all);
    if !listing && !trials.skipped.is_empty() {
        println!("{} of {count} tests skipped, since something is missing here:", trials.skipped.len());
        for line in &trials.skipped {
            println!("  {line}");
        }
    }
    conclusion.exit_code()
}
