//! The daemon in bad luck: a disk without room, a state folder that cannot be, a long queue, a damaged store.

use rustix::process::Signal;
use soakd::service::status::{Job, JobState};
use soakd::service::submission::Submission;
use soakd::store::{JobFilter, Store};

use crate::place::{Place, eventually};

const CONFIG: &str = "[api]\nlisten = 'off'\n[daemon]\ncommands = 'any'\n[limits]\nmemory_headroom = '1MiB'\n";

fn ctl(place: &Place, arguments: &[&str]) -> crate::answer::Answer {
    let socket = place.path("state/soakd.sock").display().to_string();
    place.run([&["ctl", "--socket", &socket], arguments].concat())
}

#[test]
fn a_daemon_whose_disk_is_full_says_so_and_goes_on_when_there_is_room() {
    let place = Place::new();
    place.write("soakd.toml", CONFIG);
    let mut daemon = place.start(place.soakd(["daemon", "--config", "soakd.toml"]));
    daemon.await_message("the daemon is ready");
    let submit = ["submit", "--for", "2s", "--interval", "20ms", "--tolerate", "1TiB/h", "--", "sleep", "600"];
    daemon.limit_files_to(0);
    let refused = ctl(&place, &submit);
    assert!(!refused.status.success(), "{refused}");
    refused.says("the disk is full or ");
    assert!(daemon.runs());
    daemon.limit_files_to(1 << 30);
    let mut waited = submit.to_vec();
    waited.insert(1, "--wait");
    ctl(&place, &waited).ends_with(0).results_in("no_leak");
    daemon.signal(Signal::TERM);
    daemon.answer().ends_with(0);
}

#[test]
fn a_daemon_of_many_targets_and_few_open_files_watches_what_it_can_and_says_so() {
    const TARGETS: usize = 100;
    let place = Place::new();
    let targets: Vec<_> = (0..TARGETS)
        .map(|_| {
            let mut command = std::process::Command::new("sleep");
            command.arg("600");
            place.start(command)
        })
        .collect();
    let watches = targets.iter().enumerate().map(|(number, target)| {
        let pid = target.pid();
        format!("[[watch]]\nname = 'w{number}'\npid = {pid}\nperiod = '24h'\ninterval = '100ms'\n")
    });
    place.write("soakd.toml", &format!("{CONFIG}{}", watches.collect::<String>()));
    let soakd = place.soakd(["daemon", "--config", "soakd.toml"]);
    // Each target takes some ten; soakd raises the soft limit by itself.
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -n 200 && exec \"$0\" \"$@\""]).arg(soakd.get_program()).args(soakd.get_args());
    limited.envs(soakd.get_envs().filter_map(|(name, value)| Some((name, value?)))).env_remove("SOAKD_LOG");
    limited.current_dir(place.path(""));
    let mut daemon = place.start(limited);
    daemon.await_message("Too many open files");
    let sampled = |store: &Store| {
        let runs = store.runs().expect("the store can be read");
        runs.iter().filter(|run| store.samples_count(run.key).is_ok_and(|count| count >= 20)).count()
    };
    eventually("some are sampled all the same", || sampled(&place.store()) >= 3);
    assert!(daemon.runs());
    let said = daemon.said();
    assert!(!said.contains("is not running"), "every target runs: {said}");
    daemon.signal(Signal::TERM);
    daemon.answer().ends_with(0);
}

#[test]
fn a_state_folder_that_cannot_be_is_told() {
    let place = Place::new();
    place.write("soakd.toml", CONFIG);
    place.write("file", "");
    let daemon = place.soakd(["daemon", "--config", "soakd.toml", "--state", "file/below"]);
    place.finish(daemon).ends_with(73).says("cannot write `file/below").says("--state DIR");
}

#[test]
fn thousands_of_jobs_wait_and_a_damaged_store_is_kept_aside() {
    const JOBS: usize = 3000;
    let place = Place::new();
    place.write("soakd.toml", CONFIG);
    let store = Store::open(&place.path("state")).expect("the store opens").store;
    let job = Job {
        id: 0,
        name: "later".to_owned(),
        submission: Submission { profile: Some("demo".to_owned()), ..Submission::default() },
        schedule: None,
        planned: None,
        state: JobState::Queued,
        attempts_count: 0,
        queued: "2026-11-26T00:00:00Z".parse().expect("a time"),
        not_before: Some("2999-01-01T00:00:00Z".parse().expect("a time")),
        started: None,
        ended: None,
        run: None,
        outcome: None,
        exit_code: None,
        message: None,
    };
    for _ in 0..JOBS {
        store.add_job(job.clone(), None).expect("written");
    }
    let daemon = || place.start(place.soakd(["daemon", "--config", "soakd.toml"]));
    let mut first = daemon();
    first.await_message("the daemon is ready");
    ctl(&place, &["status"]).ends_with(0).results_in("3000 jobs wait");
    ctl(&place, &["cancel", "1500"]).ends_with(0);
    first.signal(Signal::TERM);
    first.answer().ends_with(0);
    let waiting = store.jobs_in_state(JobState::Queued).expect("readable").len();
    assert_eq!(waiting, JOBS - 1, "the queue outlives the daemon");
    drop(store);

    let file = place.path("state/soakd.sqlite");
    let mut bytes = std::fs::read(&file).expect("it is there");
    bytes[100..].fill(0xa5);
    std::fs::write(&file, bytes).expect("it can be written");
    let mut second = daemon();
    second.await_message("the store was damaged");
    second.await_message("the daemon is ready");
    eventually("it is told", || ctl(&place, &["status"]).stdout.contains("kept aside"));
    second.signal(Signal::TERM);
    second.answer().ends_with(0);
    let store = Store::open(&place.path("state")).expect("a new store").store;
    assert!(store.jobs(JobFilter::default()).expect("readable").is_empty());
}
