//! The daemon: what it survives, and what it refuses.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use soakd::service::status::JobState;
use soakd::store::{JobFilter, RunState, Store};

use crate::place::{Place, eventually};

/// A target that neither ends nor grows, for longer than a test lasts.
const STEADY: &str = "name = 'steady'\n[target]\ncommand = ['sh', '-c', 'while :; do sleep 0.1; done']\n\
    [judge]\nduration = '1h'\ntolerance = '1TiB/h'\n[sample]\ninterval = '20ms'\n";

/// A program that ran before the daemon and runs after it.
struct Neighbour(Child);

impl Neighbour {
    fn new() -> Self {
        Self(Command::new("sleep").arg("603").stdin(Stdio::null()).spawn().expect("sleep is there"))
    }

    fn lives(&mut self) -> bool {
        self.0.try_wait().expect("a child").is_none()
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn store(place: &Place) -> Store {
    Store::open(&place.path("state")).expect("the store opens").store
}

/// A configuration with the profiles of the place.
fn config(place: &Place, rest: &str) {
    let profiles = place.path("");
    place.write(
        "soakd.toml",
        &format!("[daemon]\nprofiles = ['{}']\n[api]\nlisten = 'off'\n{rest}", profiles.display()),
    );
}

fn daemon(place: &Place) -> Command {
    place.soakd(["daemon", "--config", "soakd.toml"])
}

/// Number of samples of the runs of a profile.
fn samples_count(place: &Place, profile: &str) -> u64 {
    let store = store(place);
    let runs = store.runs().expect("readable");
    runs.iter()
        .filter(|record| record.run.profile == profile)
        .map(|record| store.samples_count(record.key).expect("readable"))
        .sum()
}

#[test]
fn a_daemon_that_is_killed_goes_on_where_it_was() {
    let place = Place::new();
    let mut neighbour = Neighbour::new();
    place.write("steady.toml", STEADY);
    let entries = "[limits]\nslots = 1\nmemory_headroom = '1MiB'\n\
        [[schedule]]\nname = 'often'\nprofile = 'steady'\nwhen = '* * * * * *'\n";
    let watch =
        format!("[[watch]]\nname = 'neighbour'\npid = {}\nperiod = '1h'\ninterval = '20ms'\n", neighbour.0.id());
    config(&place, &format!("{entries}{watch}"));
    let mut first = place.start(daemon(&place));
    first.await_message("the daemon is ready");
    eventually("both are sampled", || samples_count(&place, "steady") > 5 && samples_count(&place, "neighbour") > 5);
    first.signal(Signal::KILL);
    first.answer();
    eventually("the target has ended", || place.processes("sh -c while").is_empty());
    let cut_off = store(&place).jobs_in_state(JobState::Running).expect("readable");
    assert_eq!(cut_off.len(), 1, "{cut_off:?}");
    let before = samples_count(&place, "neighbour");

    // Nothing new is planned from here on.
    config(&place, &format!("{}{watch}", entries.replace("profile = 'steady'", "profile = 'steady'\nenabled = false")));
    let mut second = place.start(daemon(&place));
    second.await_message("was cut off, and is judged on what there is");
    second.await_message("goes on after a break");
    eventually("it is sampled again", || samples_count(&place, "neighbour") > before + 5);
    second.signal(Signal::TERM);
    let answer = second.answer();
    answer.ends_with(0).says("stopped");
    assert!(neighbour.lives(), "what is watched is left alone");
    place.nothing_will_be_left();

    let store = store(&place);
    let judged = store.job(cut_off[0].id).expect("readable").expect("kept");
    assert_eq!(judged.state, JobState::Done, "{judged:?}");
    let run = store.run(judged.run.as_deref().expect("it ran")).expect("kept");
    let verdict = store.verdict(run.key).expect("readable").expect("judged");
    assert_eq!(verdict["run"]["ended"]["why"], "soakd_killed");
    assert!(place.path("state/runs").join(run.run.id.as_str()).join("verdict.json").exists());

    let watched: Vec<_> =
        store.runs().expect("readable").into_iter().filter(|record| record.run.profile == "neighbour").collect();
    assert_eq!(watched.len(), 1, "the period goes on: {watched:?}");
    assert_eq!(watched[0].state, RunState::Interrupted, "and is to be gone on with");
    let gaps = store.gaps(watched[0].key).expect("readable");
    assert!(gaps.iter().any(|gap| gap.why == "soakd was not running" && gap.to_s > gap.from_s), "{gaps:?}");

    let jobs = store.jobs(JobFilter { limit: 10_000, ..JobFilter::default() }).expect("readable");
    let planned: BTreeSet<_> = jobs.iter().map(|job| job.planned).collect();
    assert_eq!(planned.len(), jobs.len(), "nothing is run twice");
    let of_runs: Vec<_> = jobs.iter().filter_map(|job| job.run.as_deref()).collect();
    assert_eq!(of_runs.iter().collect::<BTreeSet<_>>().len(), of_runs.len());
}

#[test]
fn a_daemon_refuses_what_is_wrong_and_goes_on() {
    let place = Place::new();
    place.write("soakd.toml", "[limits]\nslots = 'many'\n");
    place.finish(daemon(&place)).ends_with(78).says("`slots`");
    place.finish(place.soakd(["daemon", "--config", "nowhere.toml"])).ends_with(66).says("nowhere.toml");

    config(&place, "");
    let mut first = place.start(daemon(&place));
    first.await_message("the daemon is ready");
    place.finish(daemon(&place)).ends_with(69).says(&format!("another daemon (process {})", first.pid()));

    config(&place, "[limits]\nslots = 0.5\n");
    first.signal(Signal::HUP);
    first.await_message("the new configuration is refused and the old one goes on");
    config(&place, "[limits]\nslots = 7\n");
    first.signal(Signal::HUP);
    first.await_message("reloaded: `limits.slots` is `7` instead of `2`");
    assert!(first.runs());
    first.signal(Signal::TERM);
    first.answer().ends_with(0);
}

#[test]
fn a_soak_is_submitted_awaited_cancelled_and_shown_from_the_command_line() {
    let place = Place::new();
    place.write("steady.toml", STEADY);
    config(&place, "[limits]\nslots = 1\nmemory_headroom = '1MiB'\n");
    let mut running = place.start(daemon(&place));
    running.await_message("the daemon is ready");
    let socket = place.path("state/soakd.sock").display().to_string();
    let ctl = |arguments: &[&str]| place.run([&["ctl", "--socket", &socket], arguments].concat());
    ctl(&["submit", "steady", "--for", "2s", "--wait"]).ends_with(0).says("is queued").results_in("no_leak");
    let job = ctl(&["submit", "steady", "--format", "json"]).ends_with(0).json();
    let id = job["id"].to_string();
    let state = || ctl(&["show", &id, "--format", "json"]).ends_with(0).json()["state"].clone();
    eventually("it runs", || state() == "running");
    ctl(&["status"]).ends_with(0).results_in("1 of 1 slots taken");
    ctl(&["cancel", &id]).ends_with(0);
    eventually("it has ended", || !["queued", "running"].contains(&state().as_str().unwrap_or_default()));
    ctl(&["list"]).ends_with(0).results_in("steady");
    assert_eq!(ctl(&["history", "--format", "json"]).ends_with(0).json()["runs"].as_array().map(Vec::len), Some(2));
    ctl(&["submit", "/etc/passwd"]).says("error: ");
    // A folder that is configured later is known after a reload.
    std::fs::create_dir(place.path("later")).expect("a folder");
    place.write("later/second.toml", STEADY);
    let later = format!("[daemon]\nprofiles = ['{}']\n[api]\nlisten = 'off'\n", place.path("later").display());
    place.write("soakd.toml", &later);
    ctl(&["profiles", "second"]).ends_with(66);
    ctl(&["reload"]).ends_with(0).results_in("profiles");
    ctl(&["profiles", "second"]).ends_with(0).results_in("name = 'steady'");
    running.signal(Signal::TERM);
    running.answer().ends_with(0);
    ctl(&["status"]).ends_with(69).says("`soakd daemon` starts one");
}
