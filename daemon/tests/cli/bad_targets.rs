//! Targets that do not do what is expected of them: each is named for what it is, and nothing is left of it.

use std::process::Command;

use rustix::process::Signal;

use crate::place::{LONG, Place, SHORT, eventually, is_root};
use crate::tiny_server::{Manner, TinyServer};

#[test]
fn a_program_that_cannot_be_started_is_told_why() {
    let place = Place::new();
    place.write("text", "no program");
    place.run(["check", "--", "./text"]).ends_with(69).says("cannot start target `./text`").says("chmod +x");
    let script = place.write("script", "#!/no/such/interpreter\n");
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).expect("its own file");
    place.run(["check", "--", "./script"]).ends_with(69).says("its interpreter `/no/such/interpreter` does not exist");
    place.run(["check", "--", "no-such-program"]).ends_with(69).says("hint: install it, or give its path");
    place.nothing_is_left();
}

#[test]
fn a_target_that_exits_at_once_is_told_with_its_status_and_what_it_said() {
    let place = Place::new();
    let answer = place.soak("check", LONG, "echo 'no such file: app.conf' >&2; exit 7");
    answer.ends_with(69).says("target ended with status 7").says("    no such file: app.conf");
    place.nothing_is_left();
}

#[test]
fn a_target_that_dies_in_the_middle_is_told_with_what_is_kept() {
    let place = Place::new();
    let answer = place.soak("run", LONG, "echo working; sleep 1; echo dying; exit 3");
    answer.ends_with(69).says("target ended with status 3 after ").says(" samples kept").says("    working\n    dying");
    place.nothing_is_left();

    let run = place.only_run();
    assert!(!place.path("state/runs").join(&run).join("verdict.json").exists(), "there is no verdict");
    place.run(["report", &run]).results_in("the target ended with status 3");
    let answer = place.run(["report", &run, "--csv", "series.csv", "--format", "json"]);
    let kept = answer.json()["samples"]["count"].as_u64().expect("a count");
    let csv = std::fs::read_to_string(place.path("series.csv")).expect("the series were written");
    assert_eq!(csv.lines().count() as u64, kept + 1, "a header and each sample that is kept");
}

#[test]
fn a_target_that_dies_of_a_signal_is_told_with_its_name() {
    let place = Place::new();
    place.soak("run", LONG, "sleep 0.2; kill -SEGV $$").ends_with(69).says("target ended by SIGSEGV");
    place.nothing_is_left();
}

#[test]
fn a_target_that_ignores_the_signal_is_killed_after_its_grace() {
    let place = Place::new();
    let script = "trap \"\" TERM; echo deaf; while :; do sleep 1; done";
    let target = format!("[target]\ncommand = ['sh', '-c', '{script}']\nready = {{ line = 'deaf' }}\n");
    place.write("deaf.toml", &format!("{target}stop = {{ grace = '300ms' }}\n"));
    place.run([&["run", "deaf.toml"], SHORT, &["--out", "out"]].concat()).ends_with(0);
    place.nothing_is_left();
    let events = &place.verdict("out")["events"];
    let stopped = events.as_array().and_then(|events| events.iter().find(|event| event["kind"] == "stopped"));
    let text = stopped.and_then(|event| event["text"].as_str()).unwrap_or_else(|| panic!("{events:#}"));
    assert!(text.contains("did not end in time and was killed"), "{text}");
}

#[test]
fn processes_that_fork_away_are_measured_and_ended() {
    let place = Place::new();
    let script = "(setsid sh -c 'sleep 601 & sleep 602 & wait' &) ; exec sleep 600";
    place.soak("run", &[SHORT, &["--out", "out"]].concat(), script).ends_with(0);
    place.nothing_is_left();
    let csv = place.run(["report", "last", "--csv", "series.csv"]);
    csv.ends_with(0);
    // All four at the end: none of them has less than one thread.
    let threads = last_value(&std::fs::read_to_string(place.path("series.csv")).expect("series"), "threads_count");
    assert_eq!(threads, Some(4.0));
}

/// The last value of a column.
fn last_value(csv: &str, column: &str) -> Option<f64> {
    let place = csv.lines().next()?.split(',').position(|name| name == column)?;
    csv.lines().skip(1).filter_map(|line| line.split(',').nth(place)?.parse().ok()).last()
}

#[test]
fn a_target_whose_first_process_leaves_its_work_to_another_is_soaked_on() {
    let place = Place::new();
    let answer = place.soak("run", &[SHORT, &["--out", "out"]].concat(), "setsid sleep 600 & sleep 0.3");
    answer.ends_with(0);
    assert_eq!(place.verdict("out")["run"]["ended"]["why"], "planned_end");
    place.nothing_is_left();
}

#[test]
fn a_target_that_is_restarted_never_looks_as_if_it_shrank_or_grew() {
    let place = Place::new();
    let script = "piece=$(head -c 3000000 /dev/zero | tr \"\\0\" x); echo up; sleep 1; exit 1";
    let target = format!("[target]\ncommand = ['sh', '-c', '{script}']\n");
    place.write(
        "restarts.toml",
        &format!("{target}restart = 'on-failure'\nrestart_limit = 0\nrestart_delay = '50ms'\n"),
    );
    place.run(["run", "restarts.toml", "--interval", "20ms", "--for", "4s", "--tolerate", "1TiB/h", "--out", "out"]);
    let verdict = place.verdict("out");
    let events = verdict["events"].as_array().expect("events");
    assert!(events.iter().filter(|event| event["kind"] == "restart").count() >= 2, "{events:#?}");
    assert!(!verdict["samples"]["gaps"].as_array().expect("gaps").is_empty(), "a restart is a gap");
    let series = verdict["series"].as_array().expect("series");
    assert!(series.iter().all(|series| series["judgement"] != "leak"), "{series:#?}");
    place.nothing_is_left();
}

#[test]
fn a_target_that_uses_up_its_restarts_is_told_as_dead() {
    let place = Place::new();
    let restart = "restart = 'always'\nrestart_limit = 2\nrestart_delay = '10ms'\n";
    place.write("dies.toml", &format!("[target]\ncommand = ['sh', '-c', 'echo x >> starts; exit 5']\n{restart}"));
    place.run([&["run", "dies.toml"], LONG].concat()).ends_with(69).says("target ended with status 5");
    assert_eq!(std::fs::read_to_string(place.path("starts")).expect("it was started"), "x\nx\nx\n");
    place.nothing_is_left();
}

#[test]
fn an_attached_target_is_left_unharmed() {
    let place = Place::new();
    let mut target = place.start(sleeper());
    let pid = target.pid().to_string();
    place.run([&["attach", "--pid", &pid], SHORT].concat()).ends_with(0);
    assert!(target.runs(), "attaching must not harm it");
}

#[test]
fn an_attached_target_that_ends_is_not_mistaken_for_another() {
    let place = Place::new();
    let target = place.start(sleeper());
    let pid = target.pid().to_string();
    let soakd = place.start(place.soakd([&["attach", "--pid", &pid], LONG].concat()));
    place.await_samples(3);
    // Gone and reaped: from here on the number may be somebody else's.
    target.signal(Signal::KILL);
    target.answer();
    // How it ended only its parent knows, so it counts as no death.
    soakd.answer().ends_with(4);
    assert_eq!(place.run(["report", "last", "--format", "json"]).json()["run"]["ended"]["why"], "target_exited");
    place.run(["attach", "--pid", &pid]).ends_with(69).says(&format!("`{pid}` is not running"));
}

#[test]
fn a_process_of_another_user_is_measured_as_far_as_that_is_allowed() {
    let place = Place::new();
    // Where the tests do not run as root, the first process is somebody else's.
    let target = place.start(sleeper());
    let pid = if is_root() { target.pid().to_string() } else { "1".to_owned() };
    let options = [&["attach", "--pid", &pid], SHORT, &["--format", "json"]].concat();
    let answer = place.finish(place.soakd_as_nobody(&[], &options));
    let verdict = answer.json();
    let warnings = verdict["warnings"].as_array().expect("warnings");
    let warned = |text| warnings.iter().any(|warning| warning["text"].as_str().is_some_and(|said| said.contains(text)));
    assert!(warned("`pss_bytes`") && warned("not measured"), "{warnings:#?}");
    assert!(verdict["samples"]["count"].as_u64().expect("a count") > 10);
}

/// A process of the test's own.
fn sleeper() -> Command {
    let mut command = Command::new("sleep");
    command.arg("600");
    command
}

#[test]
fn an_endpoint_that_never_says_ready_ends_the_run_with_what_it_said() {
    let place = Place::new();
    let refused = {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        format!("http://{}/", listener.local_addr().expect("an address"))
    };
    let servers = [Manner::Counts { status: 500 }, Manner::Babbles, Manner::Silent].map(TinyServer::start);
    let wrong = [
        (servers[0].url(), "the last answer was status 500"),
        (servers[1].url(), ""),
        (servers[2].url(), ""),
        (refused, "refused"),
    ];
    for (index, (url, answer)) in wrong.iter().enumerate() {
        let name = format!("{index}.toml");
        place.write(
            &name,
            &format!("[target]\ncommand = 'sleep 600'\nready = {{ http = '{url}', timeout = '500ms' }}\n"),
        );
        let said = place.run([&["check", &name], SHORT].concat());
        said.ends_with(69)
            .says("target was not ready within 0.5 s")
            .says(url)
            .says(answer)
            .says("hint: raise the timeout");
        place.nothing_is_left();
    }
    assert!(servers.iter().all(|server| server.asked_count() > 0), "{servers:?}");
}

#[test]
fn a_counter_that_cannot_be_read_is_a_warning_and_no_end() {
    let place = Place::new();
    for manner in [Manner::Counts { status: 404 }, Manner::Babbles, Manner::Silent] {
        let server = TinyServer::start(manner);
        let counter = format!("work_total@{}", server.url());
        let answer = place
            .run([&["check", "--operations", &counter, "--format", "json"], SHORT, &["--", "sleep", "600"]].concat());
        answer.ends_with(0);
        eventually("it was asked", || server.asked_count() > 0);
        let warnings = answer.json()["warnings"].to_string();
        assert!(warnings.contains("no operation was counted"), "{manner:?}: {warnings}");
        assert_eq!(answer.json()["series"][0]["rate_per_op"], serde_json::Value::Null);
        place.nothing_is_left();
    }
}
