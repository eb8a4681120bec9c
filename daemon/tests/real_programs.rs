//! Soaks real programs with the real binary: what leaks must be called so, and what does not must not.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test: it fails by panicking, and says what was skipped"
)]

#[path = "real_programs/cgroup.rs"]
mod cgroup;
#[path = "real_programs/harness.rs"]
mod harness;
#[path = "real_programs/jvm.rs"]
mod jvm;
#[path = "real_programs/machine.rs"]
mod machine;
#[path = "real_programs/nginx.rs"]
mod nginx;
#[path = "real_programs/pid_reuse.rs"]
mod pid_reuse;
#[path = "real_programs/python.rs"]
mod python;
#[path = "real_programs/redis.rs"]
mod redis;
#[path = "real_programs/shell.rs"]
mod shell;
#[path = "real_programs/soak.rs"]
mod soak;
mod target_helper;
#[path = "real_programs/unit.rs"]
mod unit;
#[path = "real_programs/v2_host.rs"]
mod v2_host;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cases: Vec<harness::Case> = [
        redis::CASES,
        nginx::CASES,
        python::CASES,
        shell::CASES,
        unit::CASES,
        v2_host::CASES,
        cgroup::CASES,
        pid_reuse::CASES,
        jvm::CASES,
    ]
    .concat();
    harness::run(harness::trials(&cases))
}
