//! Chromium, spoken to over a pipe: what a page shows, what it asks for, and what it complains of.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::place::eventually;

/// Only ever ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A window of a browser.
#[derive(Debug)]
pub(crate) struct Browser {
    child: Child,
    questions: File,
    said: Receiver<Value>,
    last_id: u64,
    session: Option<String>,
    events: Vec<Value>,
    _folder: TempDir,
}

/// Whether there is a browser. Where all is required, a missing one fails the test; elsewhere it is told.
pub(crate) fn has_browser() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join("chromium").is_file());
    if !found {
        let is_required = std::env::var("SOAKD_TEST_REQUIRE").is_ok_and(|required| required == "all");
        assert!(!is_required, "`chromium` is missing and SOAKD_TEST_REQUIRE=all: install the package `chromium`");
        let _ = writeln!(std::io::stderr(), "SKIPPED: `chromium` is missing");
    }
    found
}

impl Browser {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (asked, told) = (folder.path().join("asked"), folder.path().join("told"));
        let made = Command::new("mkfifo").args([&asked, &told]).status();
        assert!(made.is_ok_and(|status| status.success()), "pipes can be made");
        // Chromium speaks over its descriptors 3 and 4, with a NUL behind each message.
        let script = "exec chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
            --disable-background-networking --disable-component-update --disable-sync --remote-debugging-pipe \
            --user-data-dir=\"$2\" about:blank 3<\"$0\" 4>\"$1\"";
        let child = Command::new("sh")
            .args(["-c", script])
            .args([&asked, &told, &folder.path().join("profile")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let questions = File::options().write(true).open(&asked).expect("a pipe");
        let answers = File::open(&told).expect("a pipe");
        let (tell, said) = channel();
        std::thread::spawn(move || {
            let mut answers = BufReader::new(answers);
            let mut message = Vec::new();
            while answers.read_until(0, &mut message).is_ok_and(|count| count > 0) {
                let parsed = serde_json::from_slice(message.strip_suffix(&[0]).unwrap_or(&message));
                if parsed.is_ok_and(|message: Value| tell.send(message).is_err()) {
                    break;
                }
                message.clear();
            }
        });
        let (last_id, session, events) = (0, None, Vec::new());
        let mut browser = Self { child, questions, said, last_id, session, events, _folder: folder };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", &attach);
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser
    }

    /// Asks, and waits for the answer.
    pub(crate) fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.last_id += 1;
        let mut question = json!({"id": self.last_id, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            question["sessionId"] = json!(session);
        }
        let text = question.to_string() + "\0";
        self.questions.write_all(text.as_bytes()).expect("the browser listens");
        loop {
            let message = self.said.recv_timeout(PATIENCE).expect("the browser answers");
            if message["id"] == json!(self.last_id) {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    /// Opens a page, and waits until it is there.
    pub(crate) fn open(&mut self, url: &str) {
        self.call("Page.navigate", &json!({"url": url}));
        self.await_that("document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /// The value of an expression in the page.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", &parameters);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true. A page may be on its way out meanwhile.
    #[track_caller]
    pub(crate) fn await_that(&mut self, expression: &str) {
        eventually(expression, || {
            let parameters = json!({"expression": expression, "returnByValue": true});
            let answer = self.call("Runtime.evaluate", &parameters);
            answer["result"]["value"] == json!(true)
        });
    }

    /// Presses a key.
    pub(crate) fn press(&mut self, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let parameters = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", &parameters);
        }
    }

    /// Makes the window so wide, in light or dark.
    pub(crate) fn look(&mut self, width: u32, scheme: &str) {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", &features);
    }

    /// The addresses that were asked for so far.
    pub(crate) fn asked_for(&self) -> Vec<String> {
        let asked = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        asked.filter_map(|event| event["params"]["request"]["url"].as_str().map(str::to_owned)).collect()
    }

    /// What the browser complained of so far.
    pub(crate) fn complaints(&self) -> Vec<&Value> {
        let is_complaint = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Log.entryAdded") => event["params"]["entry"]["level"] == "error",
            Some("Runtime.consoleAPICalled") => event["params"]["type"] == "error",
            _ => false,
        };
        self.events.iter().filter(is_complaint).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
