//! One soak with the real binary, and what came of it.

use std::ffi::OsStr;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Ends a hung test; nothing is expected to take that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// What a soak answered.
#[derive(Debug)]
pub(crate) struct Soak {
    pub(crate) output: Output,
    pub(crate) verdict: Value,
}

impl Soak {
    /// Runs `soakd ARGUMENTS --out … --state …` to its end and reads the verdict it wrote.
    ///
    /// # Panics
    /// Where there is no verdict; with what soakd said.
    pub(crate) fn run<S: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = S>, rest: &[&str]) -> Self {
        let out = folder.join("out");
        let output = Command::new(env!("CARGO_BIN_EXE_soakd"))
            .args(arguments)
            .arg("--state")
            .arg(folder.join("state"))
            .arg("--out")
            .arg(&out)
            .args(rest)
            .stdin(Stdio::null())
            .output()
            .expect("soakd starts");
        let text = std::fs::read_to_string(out.join("verdict.json"))
            .unwrap_or_else(|error| panic!("no verdict ({error}); soakd said:\n{}", said(&output)));
        println!("{}", said(&output));
        Self { verdict: serde_json::from_str(&text).expect("verdict.json is JSON"), output }
    }

    /// The judgement of one series of the whole tree, in the verdict's word.
    pub(crate) fn judgement(&self, metric: &str) -> &str {
        self.series(metric)["judgement"].as_str().expect("a judgement")
    }

    /// The entry of one series of the whole tree.
    pub(crate) fn series(&self, metric: &str) -> &Value {
        let all = self.verdict["series"].as_array().expect("a list of series");
        all.iter()
            .find(|series| series["metric"] == metric)
            .unwrap_or_else(|| panic!("`{metric}` is not judged: {all:#?}"))
    }

    /// Fails unless the run was judged as leaking, in `metric`, and the exit code says so too.
    pub(crate) fn must_leak(&self, metric: &str) {
        assert_eq!(self.judgement(metric), "leak", "{}", said(&self.output));
        assert!(matches!(self.output.status.code(), Some(2 | 3)), "{}", said(&self.output));
    }

    /// Fails if any series was called a leak.
    pub(crate) fn must_not_leak(&self) {
        let all = self.verdict["series"].as_array().expect("a list of series");
        assert!(all.iter().all(|series| series["judgement"] != "leak"), "{}", said(&self.output));
        assert!(matches!(self.output.status.code(), Some(0 | 1 | 4)), "{}", said(&self.output));
    }
}

/// Everything a finished process printed.
pub(crate) fn said(output: &Output) -> String {
    format!(
        "status {:?}\n{}{}",
        output.status.code(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// A server of the test's own, ended with the test.
#[derive(Debug)]
pub(crate) struct Server(Child);

impl Server {
    /// Starts `command` and waits until something listens on `port`.
    pub(crate) fn start(command: &mut Command, port: u16) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let server = Self(child.expect("the server starts"));
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "nothing listens on port {port}");
            std::thread::yield_now();
        }
        server
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Whether it still runs: attaching must not harm it.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
