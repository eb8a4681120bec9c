//! News of the daemon, told to programs and addresses.
//!
//! On a thread of its own, so that a webhook that hangs or a program that waits for ever holds nothing up but the next news, and that
//! for its own time limit at most.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use soakd_analysis::JudgementKind;
use soakd_reports::Outcome;

use super::config::{AlertEntry, News, Way};
use super::standing::{Stand, Standing};
use crate::exit::{Exit, Failure};
use crate::http::{self, Method, Question, Server};

/// News that may wait to be told; what comes beyond that is left out, and said so in the log.
const WAITING: usize = 256;
/// How often it is looked whether a program has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What is read of a webhook's answer.
const LONGEST_ANSWER_BYTES: usize = 64 * 1024;

/// Names the form of the document.
const SCHEMA: &str = "soakd.alert/1";

/// What a program gets on its standard input, and an address as the body of a `POST`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alert {
    /// `soakd.alert/1`.
    pub schema: &'static str,
    /// What sort of news, as in the configuration: `leak`, `recovered`, …
    pub news: &'static str,
    /// What it is about: an entry of the schedule, a watch, a job.
    pub subject: String,
    /// What stands since then, in a sentence.
    pub summary: Option<String>,
    /// The judgement that goes with it.
    pub judgement: Option<JudgementKind>,
    /// What the run came to; `None` where there is no verdict.
    pub outcome: Option<Outcome>,
    /// The run.
    pub run: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The host that tells it.
    pub host: Option<String>,
}

impl Alert {
    /// News about `subject`.
    #[must_use]
    pub fn new(news: News, subject: &str, standing: &Standing, at: Timestamp) -> Self {
        Self {
            schema: SCHEMA,
            news: news.word(),
            subject: subject.to_owned(),
            summary: standing.summary.clone(),
            judgement: standing.judgement,
            outcome: match standing.stand {
                Some(Stand::Verdict { outcome }) => Some(outcome),
                Some(Stand::Failed | Stand::Lost) | None => None,
            },
            run: standing.run.clone(),
            at,
            host: None,
        }
    }
}

/// One alert, and how it is told.
#[derive(Debug)]
struct Errand {
    way: Way,
    timeout: Duration,
    alert: Alert,
}

/// The thread that tells.
#[derive(Debug)]
pub struct Alerts {
    errands: SyncSender<Errand>,
}

impl Alerts {
    /// Starts it. It ends when this is dropped, after what it has in hand.
    ///
    /// # Errors
    /// [`Exit::Internal`] where there is no thread to be had.
    pub fn start() -> Result<Self, Failure> {
        let (errands, taken) = sync_channel(WAITING);
        std::thread::Builder::new()
            .name("alerts".to_owned())
            .spawn(move || tell_all(&taken))
            .map_err(|error| Failure::new(Exit::Internal, format!("cannot start the thread of the alerts: {error}")))?;
        Ok(Self { errands })
    }

    /// Tells `alert` in all ways of `entries` that want this news of this subject and have not told it lately. `standing` remembers that.
    pub fn tell(&self, entries: &[AlertEntry], news: News, alert: &Alert, standing: &mut Standing) {
        for entry in entries {
            let is_wanted = entry.tells(news, &alert.subject);
            if !is_wanted || !standing.is_to_be_told(&named(&entry.way), news, alert.at, entry.repeat) {
                continue;
            }
            let errand = Errand { way: entry.way.clone(), timeout: entry.timeout, alert: alert.clone() };
            match self.errands.try_send(errand) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => {
                    tracing::error!(subject = alert.subject, "news is not told: {WAITING} others wait to be told");
                }
                Err(TrySendError::Disconnected(_)) => tracing::error!("news is not told: its thread has ended"),
            }
        }
    }
}

/// A way, in a word.
fn named(way: &Way) -> String {
    match way {
        Way::Command(command) => command.join(" "),
        Way::Webhook(url) => url.to_string(),
    }
}

fn tell_all(errands: &Receiver<Errand>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "no news is told");
            return;
        }
    };
    for Errand { way, timeout, alert } in errands {
        let told = match (&way, serde_json::to_vec(&alert)) {
            (_, Err(error)) => Err(error.to_string()),
            (Way::Command(command), Ok(document)) => run(command, &document, timeout),
            (Way::Webhook(url), Ok(document)) => {
                let path = url.path();
                let question = Question { method: Method::POST, path, json: Some(document.into()), bearer: None };
                let server = Server::Tcp(url.clone());
                let answer = http::exchange(&server, &question, timeout, LONGEST_ANSWER_BYTES);
                match runtime.block_on(answer) {
                    Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
                    Ok(answer) => Err(format!("it answered with status {}", answer.status)),
                    Err(error) => Err(error.to_string()),
                }
            }
        };
        match told {
            Ok(()) => tracing::info!(subject = alert.subject, news = alert.news, way = named(&way), "news was told"),
            Err(error) => {
                tracing::error!(
                    subject = alert.subject,
                    news = alert.news,
                    way = named(&way),
                    "news was not told: {error}"
                );
            }
        }
    }
}

/// Runs a program to its end, or to the end of its time.
fn run(command: &[String], document: &[u8], timeout: Duration) -> Result<(), String> {
    let Some((program, arguments)) = command.split_first() else { return Err("the command is empty".to_owned()) };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("it cannot be started: {error}"))?;
    let deadline = Instant::now() + timeout;
    if let Some(mut input) = child.stdin.take() {
        // It fits into a pipe, so that nobody waits; and who does not read it may have reasons.
        let _ = input.write_all(document);
    }
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("it ended with {status}")),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(LOOK_EVERY),
            Ok(None) => {
                end(&mut child);
                return Err(format!("it did not end within {} s and was killed", timeout.as_secs_f64()));
            }
            Err(error) => {
                end(&mut child);
                return Err(format!("it cannot be waited for: {error}"));
            }
        }
    }
}

/// Kills a program with all that is in its process group.
fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        // It may have ended meanwhile.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn entry(way: Way) -> AlertEntry {
        let (timeout, repeat) = (PATIENCE, Duration::from_secs(3600));
        AlertEntry { way, on: vec![News::Leak], timeout, repeat, only: vec!["nightly".to_owned()] }
    }

    fn alert(subject: &str) -> Alert {
        Alert::new(News::Leak, subject, &Standing::default(), "2026-11-26T00:00:00Z".parse().expect("a time"))
    }

    fn shell(script: String) -> Vec<String> {
        vec!["sh".to_owned(), "-c".to_owned(), script]
    }

    #[test]
    fn a_program_gets_the_news_once_and_only_that_which_it_wants() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("told");
        let done = folder.path().join("done");
        let script = format!("cat >> {0}; echo >> {0}", file.display());
        let alerts = Alerts::start().expect("a thread");
        let entries = [entry(Way::Command(shell(script)))];
        let mut standing = Standing::default();
        alerts.tell(&entries, News::Leak, &alert("other"), &mut standing);
        alerts.tell(&entries, News::Recovered, &alert("nightly"), &mut standing);
        alerts.tell(&entries, News::Leak, &alert("nightly"), &mut standing);
        alerts.tell(&entries, News::Leak, &alert("nightly"), &mut standing);
        // One after the other: when this one is done, so are those before.
        let mark = entry(Way::Command(shell(format!("touch {}", done.display()))));
        alerts.tell(&[mark], News::Leak, &alert("nightly"), &mut Standing::default());
        let deadline = Instant::now() + PATIENCE;
        while !done.exists() && Instant::now() < deadline {
            std::thread::sleep(LOOK_EVERY);
        }
        let told = std::fs::read_to_string(file).expect("told");
        let lines: Vec<serde_json::Value> =
            told.lines().map(|line| serde_json::from_str(line).expect("a document")).collect();
        assert_eq!(lines.len(), 1, "{told}");
        assert_eq!(
            (&lines[0]["schema"], &lines[0]["news"], &lines[0]["subject"]),
            (&"soakd.alert/1".into(), &"leak".into(), &"nightly".into())
        );
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_what_it_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let pid = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", pid.display());
        let error = run(&shell(script), b"{}", Duration::from_millis(500)).expect_err("it hangs");
        assert!(error.contains("was killed"), "{error}");
        // On a busy host it may not have come so far.
        if let Ok(pid) = std::fs::read_to_string(pid) {
            let gone = || match std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())) {
                Ok(stat) => stat.contains(") Z"),
                Err(_) => true,
            };
            let deadline = Instant::now() + PATIENCE;
            while !gone() && Instant::now() < deadline {
                std::thread::sleep(LOOK_EVERY);
            }
            assert!(gone(), "process {pid} lives on");
        }
    }

    #[test]
    fn an_address_that_hangs_holds_the_next_news_up_for_its_time_only() {
        use std::io::{BufRead, BufReader, Read};
        use std::net::TcpListener;

        // Connections are taken by the kernel, and nobody ever answers.
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = |listener: &TcpListener| {
            let address = listener.local_addr().expect("bound");
            Way::Webhook(format!("http://{address}/hook?a=b").parse().expect("an address"))
        };
        let alerts = Alerts::start().expect("a thread");
        let hangs = AlertEntry { timeout: Duration::from_millis(300), ..entry(url(&silent)) };
        let entries = [hangs, entry(url(&listener))];
        alerts.tell(&entries, News::Leak, &alert("nightly"), &mut Standing::default());
        let (stream, _) = listener.accept().expect("somebody asks");
        let mut stream = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        let mut first = String::new();
        loop {
            line.clear();
            stream.read_line(&mut line).expect("a head");
            if first.is_empty() {
                first.clone_from(&line);
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a number");
            }
            if line.trim().is_empty() {
                break;
            }
        }
        assert_eq!(first.trim(), "POST /hook?a=b HTTP/1.1");
        let mut body = vec![0; length];
        stream.read_exact(&mut body).expect("a body");
        let told: serde_json::Value = serde_json::from_slice(&body).expect("a document");
        assert_eq!(told["news"], "leak");
        stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("answered");
    }

    #[test]
    fn what_a_program_ends_with_is_told() {
        assert_eq!(run(&shell("exit 0".to_owned()), b"{}", PATIENCE), Ok(()));
        let failed = run(&shell("exit 3".to_owned()), b"{}", PATIENCE).expect_err("it failed");
        assert!(failed.contains('3'), "{failed}");
        let missing = run(&["/nowhere/at/all".to_owned()], b"{}", PATIENCE).expect_err("it is missing");
        assert!(missing.contains("cannot be started"), "{missing}");
    }
}
