//! `soakd ctl` against the API, with a daemon behind it that answers orders and runs nothing.

use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::json;
use soakd::service::api::listen::Listeners;
use soakd::service::api::token::Token;
use soakd::service::api::{Settings, serve};
use soakd::service::handle::{Board, Handle, Order, Refusal};
use soakd::service::status::{DaemonStatus, Job, JobState, LiveEvent, Status};
use soakd::store::Store;
use tokio::sync::{mpsc, watch};

use crate::place::{Place, SHORT};

#[test]
fn a_daemon_that_is_not_there_is_told_with_what_to_do() {
    let place = Place::new();
    let socket = place.path("none.sock").display().to_string();
    for command in [&["ctl", "status", "--socket", &socket][..], &["ctl", "status", "--url", "http://127.0.0.1:1"]] {
        let answer = place.run(command);
        answer.ends_with(69).says("error: no daemon answers at ").says("hint: `soakd daemon` starts one");
    }
    place.run(["ctl", "status", "--url", "https://localhost"]).ends_with(64);
    place.run(["ctl", "status", "--url", "http://localhost", "--token-file", "none"]).ends_with(66);
}

/// An API in the state folder of a place.
pub(crate) struct Served {
    pub(crate) socket: PathBuf,
    pub(crate) url: String,
    board: Board,
    stop: watch::Sender<bool>,
    api: Option<JoinHandle<std::io::Result<()>>>,
}

impl Served {
    pub(crate) fn new(place: &Place) -> Self {
        let state = place.path("state");
        std::fs::create_dir_all(&state).expect("a folder");
        let socket = state.join("soakd.sock");
        let listeners =
            Listeners::bind(Some(&socket), Some("127.0.0.1:0".parse().expect("an address"))).expect("it can listen");
        let url = format!("http://{}", listeners.address().expect("an address"));
        let settings = Settings {
            token: Token::load_or_make(&state.join("api-token")).expect("a token"),
            hosts: Vec::new(),
            longest_body_bytes: 1 << 16,
            timeout: Duration::from_secs(120),
        };
        let (handle, orders) = Handle::new(status());
        let (daemon, board) = (handle.clone(), handle.board().clone());
        let store = place.store();
        std::thread::spawn(move || obey(&daemon, &store, orders));
        let (stop, stopped) = watch::channel(false);
        let api = serve(handle, place.store(), listeners, settings, stopped).expect("it serves");
        Self { socket, url, board, stop, api: Some(api) }
    }

    /// What it shows.
    pub(crate) fn board(&self) -> &Board {
        &self.board
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(api) = self.api.take() {
            let _ = api.join();
        }
    }
}

fn status() -> Status {
    let daemon = DaemonStatus {
        slots_count: 2,
        ..DaemonStatus::beginning(
            "0.1.0",
            42,
            "2026-11-26T00:00:00Z".parse().expect("a time"),
            "/var/lib/soakd".to_owned(),
        )
    };
    Status { daemon, running: Vec::new(), queue: Vec::new(), schedule: Vec::new(), watches: Vec::new() }
}

/// A daemon whose jobs end by themselves with what their name says, once somebody follows.
fn obey(daemon: &Handle, store: &Store, mut orders: mpsc::Receiver<Order>) {
    let board = daemon.board();
    while let Some(order) = orders.blocking_recv() {
        match order {
            Order::Submit { submission, reply } => {
                let answer = json!({
                    "id": 1, "name": submission.name, "submission": *submission, "state": "queued", "attempts_count": 0,
                    "queued": "2026-11-26T00:00:00Z",
                });
                let job: Job = serde_json::from_value(answer).expect("a job");
                let job = store.add_job(job, None).expect("it is kept").expect("it is new");
                board.update(|status| status.queue = vec![job.clone()]);
                let _ = reply.send(Ok(job.clone()));
                if submission.name.as_deref() == Some("fails") {
                    let ended =
                        Job { state: JobState::Done, exit_code: Some(2), message: Some("leak".to_owned()), ..job };
                    store.set_job(&ended).expect("it is kept");
                    board.update(|status| status.queue.clear());
                    board.tell(LiveEvent::Job { job: Box::new(ended) });
                }
            }
            Order::Cancel { reply, .. } => {
                let _ = reply.send(Err(Refusal::Conflict("job 1 has ended".to_owned())));
            }
            Order::Trigger { name, reply } => {
                let _ = reply.send(Err(Refusal::NotFound(format!("there is no entry `{name}` in the schedule"))));
            }
            Order::Reload { reply } => {
                let _ = reply.send(Ok(vec!["slots: 2 to 4".to_owned()]));
            }
        }
    }
}

#[test]
fn what_is_asked_of_a_daemon_is_answered_in_text_and_json() {
    let place = Place::new();
    place.run([&["run", "--quiet"], SHORT, &["--", "sleep", "600"]].concat()).ends_with(0);
    let id = place.only_run();
    let served = Served::new(&place);
    let socket = served.socket.display().to_string();
    let ctl = |arguments: &[&str]| place.run([&["ctl", "--socket", &socket], arguments].concat());
    ctl(&["status"]).ends_with(0).results_in("0 of 2 slots taken");
    ctl(&["reload"]).ends_with(0).results_in("slots: 2 to 4");
    ctl(&["history"]).ends_with(0).results_in(&id);
    ctl(&["show", &id]).ends_with(0).results_in("series: ");
    ctl(&["verdict"]).ends_with(0).results_in("no_leak");
    ctl(&["report", &id, "markdown", "--out", "report.md"]).ends_with(0).says("wrote report.md");
    assert!(std::fs::read_to_string(place.path("report.md")).is_ok_and(|text| text.contains(&id)));
    ctl(&["samples", "last", "--points", "10"]).ends_with(0).results_in("t_s,");
    ctl(&["events", "last"]).ends_with(0);
    ctl(&["trend"]).ends_with(0).results_in("1 runs of profile");
    ctl(&["profiles"]).ends_with(0).results_in("demo-leak");
    ctl(&["profiles", "demo"]).ends_with(0).results_in("[target]");
    for nothing in ["list", "schedule", "watches"] {
        ctl(&[nothing]).ends_with(0).results_in("no");
        assert!(ctl(&[nothing, "--format", "json"]).ends_with(0).json().is_object());
    }
    assert_eq!(ctl(&["openapi"]).ends_with(0).json()["openapi"], "3.1.0");
    ctl(&["show", "99"]).ends_with(66).says("error: there is no job `99`");
    ctl(&["run-schedule", "none"]).ends_with(66).says("there is no entry `none`");
    ctl(&["cancel", "1"]).ends_with(69).says("job 1 has ended");
}

#[test]
fn who_waits_for_a_job_ends_with_its_exit_code_and_who_changes_something_over_tcp_shows_the_token() {
    let place = Place::new();
    let served = Served::new(&place);
    let url = served.url.as_str();
    // The token of the state folder is found.
    let waited = place.run(["ctl", "--url", url, "submit", "demo", "--name", "fails", "--wait"]);
    waited.ends_with(2).says("job 1 is queued").results_in("message: leak");
    place.write("token", "0123456789abcdef0123456789abcdef");
    let token = place.path("token");
    std::fs::set_permissions(&token, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("its own file");
    let wrong = place.run(["ctl", "--url", url, "--token-file", "token", "submit", "demo"]);
    wrong.ends_with(77).says("that is not the token of this daemon");
    // Reading needs none.
    place.run(["ctl", "--url", url, "--token-file", "token", "list"]).ends_with(0).results_in("fails");
}
