//! The reference service as a process, and a small HTTP client for it.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::expect_used, reason = "a test that cannot go on ends here")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

/// Only ends a test that hangs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The program with its arguments.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_soakd-reference"));
    command.args(arguments);
    command
}

/// A running program that does not outlive its test.
pub(crate) struct Program {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Program {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::spawn(command(arguments))
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, output }
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("its output");
        line.trim_end().to_owned()
    }

    pub(crate) fn send(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")).expect("a pid");
        kill_process(pid, signal).expect("the signal is sent");
    }

    /// Waits for its end; what it wrote since the last [`line`](Self::line) comes along.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let status = wait_for("the end of the program", || self.child.try_wait().expect("its status"));
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("its output");
        (status, rest)
    }

    /// How many entries a folder of the process in `/proc` has, such as `fd` or `task`.
    pub(crate) fn count(&self, folder: &str) -> usize {
        fs::read_dir(format!("/proc/{}/{folder}", self.child.id())).expect("the process").count()
    }

    pub(crate) fn has_descriptor(&self, number: u32) -> bool {
        fs::symlink_metadata(format!("/proc/{}/fd/{number}", self.child.id())).is_ok()
    }

    /// A value of the process's `status`, in bytes.
    pub(crate) fn status_bytes(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the process");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the value");
        let kib: u64 = line.trim_matches([':', ' ', '\t']).trim_end_matches(" kB").parse().expect("a number");
        kib * 1024
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It is gone already when the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `look` finds something.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A service that listens, and a client of it.
pub(crate) struct Service {
    pub(crate) program: Program,
    pub(crate) address: String,
    runtime: Runtime,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Service {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut program = Program::start(&[&["serve"], arguments].concat());
        let ready = program.line();
        let address = ready.strip_prefix("listening on http://").unwrap_or_else(|| panic!("{ready}")).to_owned();
        Self { program, address, runtime: Builder::new_current_thread().enable_all().build().expect("a runtime") }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, Vec::new())
    }

    pub(crate) fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.request(Method::POST, path, body.into())
    }

    pub(crate) fn request(&self, method: Method, path: &str, body: Vec<u8>) -> Answer {
        self.runtime.block_on(async {
            let stream = TcpStream::connect(&self.address).await.expect("a connection");
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
            let connection = tokio::spawn(connection);
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("host", &self.address)
                .body(Full::new(Bytes::from(body)))
                .expect("a request");
            let response = sender.send_request(request).await.expect("an answer");
            let status = response.status();
            let content_type = response.headers().get("content-type");
            let content_type = content_type.map(|value| value.to_str().expect("text").to_owned()).unwrap_or_default();
            let body = response.into_body().collect().await.expect("a body").to_bytes().to_vec();
            // The connection is closed when this returns, so that it does not count as a descriptor of the service.
            drop(sender);
            connection.await.expect("the connection's task").expect("an orderly end");
            Answer { status, content_type, body }
        })
    }

    pub(crate) fn truth(&self) -> Value {
        self.get("/truth").json()
    }

    /// A metric without labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").text();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).expect("the metric");
        line.parse().expect("a number")
    }
}
