//! The dashboard in a real browser, and the live view in a real terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use serde_json::{Value, json};
use soakd::service::handle::Board;
use soakd::service::status::{LiveEvent, LiveRun, Status};

use crate::browser::{Browser, has_browser};
use crate::ctl::Served;
use crate::place::{LONG, Place, SHORT, eventually};

const MIB: f64 = 1024.0 * 1024.0;

/// Texts of a page whose contrast with what is behind them is too low for WCAG 2.2 AA.
const TOO_FAINT: &str = r#"(() => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const mixed = (colours) => {
    context.clearRect(0, 0, 1, 1);
    for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); }
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const says = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    if (!says || !element.checkVisibility()) continue;
    const behind = [];
    for (let at = element; at; at = at.parentElement) behind.unshift(getComputedStyle(at).backgroundColor);
    const style = getComputedStyle(element);
    const ground = mixed(behind);
    const ink = mixed([...behind, element instanceof SVGElement ? style.fill : style.color]);
    const [a, b] = [light(ground), light(ink)].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) faint.push(element.tagName + "." + element.getAttribute("class") + ": " + element.textContent.trim().slice(0, 30));
  }
  return faint;
})()"#;

/// What has the focus.
const FOCUS: &str = "document.activeElement.textContent.trim().slice(0, 40)";

fn live_run(id: &str, level: f64) -> LiveRun {
    let run = json!({
        "id": id, "profile": "sleep", "job": null, "watch": null, "target": "sleep 600 </script><b>&", "pid": 7,
        "started": "2026-11-26T00:00:00Z", "phase": "loaded", "t_s": 60.0, "planned_s": 3600.0, "samples_count": 60,
        "series": [{
            "metric": "anon_swap_bytes", "source": null, "unit": "bytes", "level": level,
            "rate_per_hour": {"value": 3.0 * MIB, "low": 2.0 * MIB, "high": 4.0 * MIB, "confidence": 0.95},
            "tolerance_per_hour": MIB, "judgement": "leak", "time_to_limit_s": null,
        }],
        "warnings": ["`pss_bytes` is not measured"],
    });
    serde_json::from_value(run).expect("a run")
}

fn show(board: &Board, run: LiveRun) {
    board.update(|status: &mut Status| status.running = vec![run.clone()]);
    board.tell(LiveEvent::Run { run: Box::new(run) });
}

#[test]
fn the_dashboard_lives_in_a_browser_and_asks_nobody_else() {
    if !has_browser() {
        return;
    }
    let place = Place::new();
    place.run([&["run", "--quiet"], SHORT, &["--", "sleep", "600"]].concat()).ends_with(0);
    let id = place.only_run();
    let served = Served::new(&place);
    let board = served.board();
    show(board, live_run(&id, 132.0 * MIB));

    let mut browser = Browser::new();
    browser.look(1280, "light");
    browser.open(&served.url);
    browser.await_that("document.getElementById('link').className === 'link on'");
    assert_eq!(browser.value("document.querySelector('h1').textContent"), "1 run goes on and shows a leak.");
    assert_eq!(browser.value("document.querySelectorAll('polyline.s-series').length >= 2"), true, "it has samples");

    let mut focused = Vec::new();
    for _ in 0..6 {
        browser.press("Tab", 9);
        focused.push(browser.value(FOCUS));
    }
    assert_eq!(focused, ["Skip to the content", "soakd", "Overview", "Queue", "Schedule", "sleep"]);
    show(board, live_run(&id, 200.0 * MIB));
    browser.await_that("document.querySelector('.figures dd').textContent === '200 MiB'");
    assert_eq!(browser.value(FOCUS), "sleep", "what has changed around it takes no focus away");

    let pages = ["/", "/queue", "/schedule", "/profiles/sleep", "/runs/none", &format!("/runs/{id}")];
    for (width, scheme) in [(320, "light"), (1280, "dark")] {
        browser.look(width, scheme);
        for page in pages {
            browser.open(&format!("{}{page}", served.url));
            assert_eq!(browser.value(TOO_FAINT), json!([]), "{page} {scheme}");
            let over = browser.value("document.documentElement.scrollWidth - document.documentElement.clientWidth");
            assert_eq!(over, 0, "{page} at {width}");
        }
    }
    // The last of these is the page of the run: it becomes its report when it ends.
    browser.await_that("document.getElementById('link').className === 'link on'");
    board.update(|status| status.running.clear());
    board.tell(LiveEvent::RunEnded { id: id.clone() });
    browser.await_that("document.querySelector('header.pass') !== null");
    browser.await_that("document.querySelectorAll('figure.drawn canvas').length > 0");

    let elsewhere: Vec<String> = browser
        .asked_for()
        .into_iter()
        .filter(|url| !url.starts_with(&served.url) && !url.starts_with("data:"))
        .collect();
    assert!(elsewhere.iter().all(|url| url == "about:blank"), "{elsewhere:?}");
    // A page that is not there is told by the browser as well.
    let complaints: Vec<&Value> =
        browser.complaints().into_iter().filter(|said| !said.to_string().contains("/runs/none")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[test]
fn a_daemon_at_work_is_seen_in_a_browser() {
    if !has_browser() {
        return;
    }
    let place = Place::new();
    place.write(
        "steady.toml",
        "name = 'steady'\n[target]\ncommand = ['sh', '-c', 'while :; do sleep 0.1; done']\n\
         [judge]\nduration = '1h'\ntolerance = '1TiB/h'\n[sample]\ninterval = '20ms'\n\
         [budget.default]\nmost = { metric = 'rss_bytes', peak = '1GiB' }\n",
    );
    let profiles = place.path("");
    let config = format!(
        "[daemon]\nprofiles = ['{}']\n[api]\nlisten = '127.0.0.1:0'\n[limits]\nslots = 1\nmemory_headroom = '1MiB'\n\
         [[schedule]]\nname = 'often'\nprofile = 'steady'\nwhen = '* * * * * *'\n",
        profiles.display()
    );
    place.write("soakd.toml", &config);
    let mut daemon = place.start(place.soakd(["daemon", "--config", "soakd.toml"]));
    daemon.await_message("the daemon is ready");
    let said = daemon.said();
    let url =
        said.split_once("dashboard listen: ").and_then(|(_, rest)| rest.split_whitespace().next()).expect("an address");

    let mut browser = Browser::new();
    browser.open(url);
    browser.await_that("document.querySelector('.soak h3')?.textContent === 'steady'");
    browser.await_that("document.querySelectorAll('.soak polyline.s-series').length > 0");
    let path = "document.querySelector('.soak polyline.s-series').getAttribute('points')";
    let before = browser.value(path);
    browser.await_that(&format!("{path} !== {before}"));
    browser.value("document.querySelector('.soak h3 a').click()");
    browser.await_that("document.querySelector('h1')?.textContent === 'steady'");
    browser.await_that("document.querySelector('.series .about')?.textContent.startsWith('model ')");
    let budget = browser.value("document.querySelector('ul.budgets li').textContent");
    let budget = budget.as_str().unwrap_or_default();
    assert!(budget.starts_with("most: rss_bytes may reach 1 GiB; at most "), "{budget}");
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
    daemon.signal(Signal::TERM);
    daemon.answer().ends_with(0);
}

#[test]
fn metrics_are_served_as_they_are_asked_for() {
    let place = Place::new();
    let served = Served::new(&place);
    let board = served.board();
    show(board, live_run("20261126T000000Z-x-1", MIB));
    let ask = |accept: &str| {
        let address = served.url.strip_prefix("http://").expect("an address");
        let mut stream = std::net::TcpStream::connect(address).expect("it listens");
        let question =
            format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
        stream.write_all(question.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer.to_lowercase()
    };
    let text = ask("text/plain");
    assert!(text.contains("content-type: text/plain; version=0.0.4") && text.contains("soakd_live_level{"), "{text}");
    let open = ask("application/openmetrics-text; version=1.0.0");
    assert!(open.contains("content-type: application/openmetrics-text") && open.contains("# eof"), "{open}");
}

/// A terminal, and what was written to it so far.
struct Terminal {
    ours: File,
    theirs: OwnedFd,
    written: Arc<Mutex<String>>,
}

impl Terminal {
    fn new() -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&ours).expect("ours");
        unlockpt(&ours).expect("ours");
        let name = ptsname(&ours, Vec::new()).expect("a name");
        let theirs = File::options().read(true).write(true).open(name.to_str().expect("a path")).expect("a terminal");
        tcsetwinsize(&theirs, Winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).expect("a size");
        let ours = File::from(ours);
        let written = Arc::new(Mutex::new(String::new()));
        let (mut reader, kept) = (ours.try_clone().expect("a file"), Arc::clone(&written));
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut piece) {
                kept.lock().expect("whole").push_str(&String::from_utf8_lossy(&piece[..count]));
            }
        });
        Self { ours, theirs: theirs.into(), written }
    }

    fn stdio(&self) -> Stdio {
        self.theirs.try_clone().expect("a descriptor").into()
    }

    fn await_text(&self, text: &str) {
        eventually(text, || self.written.lock().expect("whole").contains(text));
    }

    /// Whether lines are edited and keys shown, as a shell wants it.
    fn is_as_before(&self) -> bool {
        let modes = tcgetattr(&self.theirs).expect("a terminal").local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }
}

const ENTERED: &str = "\u{1b}[?1049h";
const LEFT: &str = "\u{1b}[?25h\u{1b}[?1049l";

#[test]
fn a_terminal_shows_the_runs_here_and_is_given_back() {
    let place = Place::new();
    let soak = place.start(place.soakd([&["run"], LONG, &["--", "sleep", "600"]].concat()));
    place.await_samples(5);
    let id = place.only_run();
    place.run(["watch", "--once"]).ends_with(0).results_in("1 run goes on").results_in("sleep");

    for (end, code) in [("q", Some(0)), ("", Some(143))] {
        let terminal = Terminal::new();
        let mut command = place.soakd(["watch"]);
        command.env("LC_ALL", "C.UTF-8").env_remove("NO_COLOR");
        command.stdin(terminal.stdio()).stdout(terminal.stdio()).stderr(terminal.stdio());
        let mut watch = command.spawn().expect("it starts");
        terminal.await_text(ENTERED);
        terminal.await_text("under load");
        terminal.await_text("q quits");
        assert!(!terminal.is_as_before(), "keys come as they are pressed");
        if end.is_empty() {
            let pid = i32::try_from(watch.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a pid");
            rustix::process::kill_process(pid, Signal::TERM).expect("it runs");
        } else {
            (&terminal.ours).write_all(end.as_bytes()).expect("keys");
        }
        let mut status = None;
        eventually("the view ends", || {
            status = watch.try_wait().expect("a child");
            status.is_some()
        });
        assert_eq!(status.expect("ended").code(), code);
        terminal.await_text(LEFT);
        assert!(terminal.is_as_before());
    }

    // Without a terminal: how it is, then what changes.
    let watch = place.start(place.soakd(["watch"]));
    eventually("how it is", || watch.results().contains("1 run goes on"));
    soak.signal(Signal::INT);
    soak.answer();
    eventually("the end of the run is told", || watch.results().contains(&format!("run `{id}` has ended")));
    watch.signal(Signal::INT);
    watch.answer().ends_with(130);
}

#[test]
fn a_terminal_follows_a_daemon() {
    let place = Place::new();
    let served = Served::new(&place);
    let board = served.board();
    show(board, live_run("20261126T000000Z-x-1", 132.0 * MIB));
    let terminal = Terminal::new();
    let mut command = place.soakd(["ctl", "watch", "--socket"]);
    command.arg(&served.socket).env("LC_ALL", "C.UTF-8");
    command.stdin(terminal.stdio()).stdout(terminal.stdio()).stderr(terminal.stdio());
    let mut watch = command.spawn().expect("it starts");
    terminal.await_text(ENTERED);
    terminal.await_text("132 MiB");
    show(board, live_run("20261126T000000Z-x-1", 200.0 * MIB));
    terminal.await_text("200 MiB");
    (&terminal.ours).write_all(b"xq").expect("keys");
    let mut status = None;
    eventually("the view ends", || {
        status = watch.try_wait().expect("a child");
        status.is_some()
    });
    assert_eq!(status.expect("ended").code(), Some(0));
    terminal.await_text(LEFT);
    assert!(terminal.is_as_before());
}
