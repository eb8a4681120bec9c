//! A target that is replaced behind its pid, while soakd cannot see it happen.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use soakd::store::Store;

use crate::harness::{CHOSEN_PIDS, Case, NEXT_PID};
use crate::soak::PATIENCE;

pub(crate) const CASES: &[Case] = &[Case {
    name: "a_process_that_was_given_the_pid_of_the_target_is_not_taken_for_it",
    needs: &[CHOSEN_PIDS],
    test: replaced,
}];

/// A process of the test, ended with it.
struct Own(Child);

impl Own {
    fn start(command: &mut Command) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(quiet.spawn().expect("it starts"))
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw).expect("a pid");
        kill_process(pid, signal).expect("it is there");
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn sleeper() -> Own {
    Own::start(Command::new("sleep").arg("600"))
}

/// A process with this pid, which nobody has any more.
fn with_pid(pid: u32) -> Own {
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "others were always quicker to take pid {pid}");
        fs::write(NEXT_PID, (pid - 1).to_string()).expect("the next pid can be chosen");
        let process = sleeper();
        if process.0.id() == pid {
            return process;
        }
    }
}

fn await_samples(state: &Path) {
    let deadline = Instant::now() + PATIENCE;
    let sampled = || {
        let store = Store::open(state).ok()?.store;
        store.samples_count(store.run("last").ok()?.key).ok()
    };
    while sampled().unwrap_or(0) < 3 {
        assert!(Instant::now() < deadline, "soakd takes no samples");
        std::thread::yield_now();
    }
}

fn replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let (state, out) = (folder.path().join("state"), folder.path().join("out"));
    fs::create_dir(&state).expect("a folder");
    let target = sleeper();
    let pid = target.0.id();
    let mut command = Command::new(env!("CARGO_BIN_EXE_soakd"));
    command.args(["attach", "--interval", "20ms", "--for", "1h", "--pid", &pid.to_string()]);
    let mut soakd = Own::start(command.arg("--state").arg(&state).arg("--out").arg(&out));
    await_samples(&state);

    soakd.signal(Signal::STOP);
    drop(target);
    let mut heir = with_pid(pid);
    soakd.signal(Signal::CONT);

    assert_eq!(soakd.0.wait().expect("it ends").code(), Some(4));
    let verdict = fs::read_to_string(out.join("verdict.json")).expect("there is a verdict");
    let verdict: Value = serde_json::from_str(&verdict).expect("it is JSON");
    assert_eq!(verdict["run"]["ended"]["why"], "target_exited", "{verdict:#}");
    assert!(matches!(heir.0.try_wait(), Ok(None)), "it is none of soakd's business");
}
