//! Checkpoints: the load rests, the target collects and settles, a settled sample is taken, the load goes on.

use std::fs;

use serde_json::Value;

use crate::helpers::holding;
use crate::place::Place;
use crate::tiny_server::{Manner, TinyServer};

/// A target that does nothing but to note each SIGUSR1 that it gets.
const NOTES_SIGNALS: &str = "[target]\ncommand = ['sh', '-c', 'trap \"echo collected >> collected\" USR1; echo ready; while :; do \
                             sleep 0.02; done']\nready = { line = '^ready$' }\n";
/// Checkpoints as close to each other as they may be.
const EVERY: &str = "[checkpoint]\nevery = '1200ms'\nsettle = '100ms'\n";
const JUDGE: &str =
    "[sample]\ninterval = '20ms'\n[judge]\nduration = '5s'\ntolerance = '1TiB/h'\nmetrics = ['threads_count']\n";

/// Checkpoints that failed, but for one that the planned end of the run has overtaken, as it may on a busy machine.
fn failures(verdict: &Value) -> Vec<String> {
    let all = texts(verdict, "checkpoint_failed").into_iter().map(str::to_owned);
    all.filter(|text| text != "the run ended in the middle of it").collect()
}

fn run(place: &Place, text: &str) -> Value {
    place.write("checkpoints.toml", text);
    place.run(["run", "checkpoints.toml", "--out", "out"]);
    place.nothing_is_left();
    place.verdict("out")
}

fn texts<'a>(verdict: &'a Value, kind: &str) -> Vec<&'a str> {
    let events = verdict["events"].as_array().expect("events").iter();
    events.filter(|event| event["kind"] == kind).filter_map(|event| event["text"].as_str()).collect()
}

fn warnings(verdict: &Value) -> String {
    verdict["warnings"].to_string()
}

#[test]
fn a_driver_rests_while_the_target_collects_and_a_settled_sample_is_taken() {
    let place = Place::new();
    let load = "[load]\ndriver = 'command'\ncommand = ['sh', '-c', 'while :; do echo x >> work; sleep 0.01; done']\n\
                counter = { file = 'count' }\n";
    let verdict = run(&place, &format!("{NOTES_SIGNALS}{load}{EVERY}collect = {{ signal = 'USR1' }}\n{JUDGE}"));
    let taken = texts(&verdict, "checkpoint");
    assert!((1..=4).contains(&taken.len()), "{:#}", verdict["events"]);
    for text in &taken {
        assert!(
            ["the load rested", "collected in", "settled for", "`anon_swap_bytes`"]
                .iter()
                .all(|part| text.contains(part)),
            "{text}"
        );
    }
    // Sent for each of them; a shell may take several that come close together for one.
    assert!(!place.await_file("collected").is_empty());
    // Its series stand beside the ordinary ones, and are said to be too few to decide.
    let series = verdict["series"].as_array().expect("series");
    let settled = series.iter().find(|series| series["metric"] == "settled_threads_count").expect("it is told");
    assert_eq!((&settled["role"], settled["points"].as_u64()), (&"witness".into(), Some(taken.len() as u64)));
    assert!(warnings(&verdict).contains("settled samples were taken, 60 are needed"), "{:#}", verdict["warnings"]);
    // Both stand in the pictures: a mark for the checkpoints, a chart for what was settled.
    place.run(["report", "last", "--svg", "series.svg", "--html", "page.html"]);
    let svg = fs::read_to_string(place.path("series.svg")).expect("a picture");
    assert!(svg.contains(">checkpoint</text>"), "{svg}");
    let settled = svg.split("settled_threads_count").nth(1).expect("a chart of it");
    assert!(taken.len() < 2 || !settled.starts_with("</text>\n<text") || settled.contains("sampled"), "{settled}");
    let page = fs::read_to_string(place.path("page.html")).expect("a page");
    assert!(page.contains("\"checkpoint\""), "the page marks them too");
}

#[test]
fn what_the_load_does_during_a_checkpoint_is_nothing() {
    let place = Place::new();
    // The command of the checkpoint looks at what the driver does meanwhile.
    let work = "while :; do echo x >> work; done";
    let look =
        "before=$(wc -c < work); sleep 0.3; after=$(wc -c < work); echo $before $after $0 $SOAKD_TARGET_PID >> looks";
    let verdict = run(
        &place,
        &format!(
            "{NOTES_SIGNALS}[load]\ndriver = 'command'\ncommand = ['sh', '-c', '{work}']\n{EVERY}collect = {{ command = \
             ['sh', '-c', '{look}', '{{pid}}'] }}\n{JUDGE}"
        ),
    );
    assert!(!texts(&verdict, "checkpoint").is_empty(), "{:#}", verdict["events"]);
    for line in place.await_file("looks").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!((words.len(), words[0], words[2]), (4, words[1], words[3]), "{line}");
    }
    let size = |name: &str| fs::metadata(place.path(name)).expect("it is there").len();
    let last: u64 =
        place.await_file("looks").lines().last().and_then(|line| line.split(' ').next()?.parse().ok()).expect("a size");
    assert!(size("work") > last, "the load goes on afterwards");
}

#[test]
fn repeated_commands_finish_what_is_under_way_and_wait() {
    let place = Place::new();
    let work = "echo begun >> work; sleep 0.05; echo done >> work";
    let look = "grep -c begun work > begun; grep -c done work > done; cmp begun done";
    let verdict = run(
        &place,
        &format!(
            "{NOTES_SIGNALS}[load]\ndriver = 'repeat'\ncommand = ['sh', '-c', '{work}']\nparallel = 2\n{EVERY}collect = {{ \
             command = ['sh', '-c', '{look}'] }}\n{JUDGE}"
        ),
    );
    assert!(!texts(&verdict, "checkpoint").is_empty(), "{:#}", verdict["events"]);
    assert!(failures(&verdict).is_empty(), "{:#}", verdict["events"]);
    assert!(verdict["load"]["operations"].as_u64() > Some(2), "{:#}", verdict["load"]);
}

#[test]
fn the_reference_driver_rests_and_its_operations_stand_still() {
    let place = Place::new();
    let program = env!("CARGO_BIN_EXE_soakd");
    let look = "cut -c1-20 out/load-operations > one; sleep 0.2; cut -c1-20 out/load-operations > two; cmp one two";
    let verdict = run(
        &place,
        &format!(
            "[target]\ncommand = ['{program}', 'reference', 'serve', '--listen', '127.0.0.1:0']\nready = {{ line = 'listening on' \
             }}\n[load]\ndriver = 'reference'\nrate = '200/s'\nparallel = 2\n{EVERY}collect = {{ command = ['sh', '-c', \
             '{look}'] }}\n{JUDGE}"
        ),
    );
    assert!(!texts(&verdict, "checkpoint").is_empty(), "{:#}", verdict["events"]);
    assert!(failures(&verdict).is_empty(), "{:#}", verdict["events"]);
    // It had gone on each time.
    assert!(verdict["load"]["operations"].as_u64() > Some(100), "{:#}", verdict["load"]);
}

#[test]
fn a_target_with_traffic_of_its_own_is_sampled_all_the_same() {
    let place = Place::new();
    let verdict = run(&place, &format!("{NOTES_SIGNALS}[checkpoint]\ncount = 2\nsettle = 'quiet'\n{JUDGE}"));
    let taken = texts(&verdict, "checkpoint");
    // The second one would not have come to its end for certain.
    for text in &taken {
        assert!(text.contains("the traffic of the target goes on"), "{text}");
    }
    assert!(taken.len() + warnings(&verdict).matches("no settled sample was taken").count() > 0, "{verdict:#}");
}

#[test]
fn a_target_that_is_not_seen_to_collect_has_no_settled_sample_and_says_why() {
    for (collect, why) in [
        ("signal = 'USR2'", "does not handle SIGUSR2, which was not sent"),
        ("command = ['sh', '-c', 'echo no heap here; exit 3']", "ended with status 3: no heap here"),
        ("command = 'sleep 600', timeout = '50ms'", "took longer than 0.05 s"),
        ("command = './no-such-program'", "cannot start command `./no-such-program`"),
        ("http = 'http://127.0.0.1:1/gc'", "cannot connect"),
    ] {
        let place = Place::new();
        let verdict = run(&place, &format!("{NOTES_SIGNALS}{EVERY}collect = {{ {collect} }}\n{JUDGE}"));
        assert!(texts(&verdict, "checkpoint").is_empty(), "{collect}: {:#}", verdict["events"]);
        let failed = texts(&verdict, "checkpoint_failed");
        assert!(failed.first().is_some_and(|text| text.contains(why)), "{collect}: {failed:#?}");
        assert!(failed.len() <= 3, "{failed:#?}");
        assert!(warnings(&verdict).contains(why), "{:#}", verdict["warnings"]);
        assert!(!verdict["series"].to_string().contains("settled_threads_count"), "{:#}", verdict["series"]);
    }
}

#[test]
fn a_run_that_ends_in_a_checkpoint_leaves_nothing_behind() {
    let place = Place::new();
    let load = "[load]\ndriver = 'command'\ncommand = ['sh', '-c', 'while :; do sleep 0.02; done']\n";
    let collect = "collect = { command = ['sh', '-c', 'echo x > collecting; sleep 600'], timeout = '10m' }\n";
    let judge = JUDGE.replace("5s", "1h");
    place.write("checkpoints.toml", &format!("{NOTES_SIGNALS}{load}{EVERY}{collect}{judge}"));
    let soakd = place.start(place.soakd(["run", "checkpoints.toml", "--out", "out"]));
    place.await_file("collecting");
    soakd.signal(rustix::process::Signal::INT);
    soakd.answer();
    place.nothing_is_left();
    let verdict = place.verdict("out");
    assert_eq!(texts(&verdict, "checkpoint_failed"), ["the run ended in the middle of it"]);

    // Also when it cannot do anything about it itself.
    let soakd = place.start(place.soakd(["run", "checkpoints.toml", "--out", "again"]));
    fs::remove_file(place.path("collecting")).expect("it is there");
    place.await_file("collecting");
    soakd.signal(rustix::process::Signal::KILL);
    soakd.answer();
    place.nothing_will_be_left();
}

#[test]
fn the_levels_of_the_cleanup_are_taken_after_the_target_has_collected() {
    let place = Place::new();
    // It gives back what it holds when asked to, and not before.
    let target = holding(&place.path("loaded"), false);
    let load = "[load]\ndriver = 'command'\ncommand = ['sh', '-c', 'echo x > loaded; while :; do sleep 0.02; done']\n";
    let collect = "[checkpoint]\ncollect = { command = ['rm', '-f', 'loaded'] }\nsettle = '0s'\n";
    let judge = JUDGE.replace("5s", "2s");
    let budget = "[budget.default]\nafter = { cleanup = '8MiB', settle = '2s' }\n";
    let verdict = run(&place, &format!("{target}{load}{collect}{judge}{budget}"));
    assert_eq!(verdict["budgets"][0]["status"], "ok", "{:#}", verdict["budgets"]);
    assert_eq!(texts(&verdict, "checkpoint").len(), 2, "{:#}", verdict["events"]);
}

#[test]
fn sources_are_asked_at_the_settled_instant_and_what_they_cannot_give_is_said() {
    let place = Place::new();
    let server =
        TinyServer::start(Manner::Says(|asked| format!("held_bytes {asked}\n# TYPE done counter\ndone_total 7\n")));
    let gone = TinyServer::start(Manner::Silent).url();
    // Asked so rarely that what a checkpoint has is its own.
    let sources = format!(
        "[source.app]\ninterval = '1h'\nprometheus = '{}'\njudge = ['held_bytes']\n[source.gone]\ninterval = '1h'\n\
         prometheus = '{gone}'\n",
        server.url()
    );
    let verdict = run(&place, &format!("{NOTES_SIGNALS}{EVERY}{sources}{JUDGE}"));
    let taken = texts(&verdict, "checkpoint");
    assert!(!taken.is_empty(), "{:#}", verdict["events"]);
    assert!(taken.iter().all(|text| text.contains("source `gone`: cannot connect")), "{taken:#?}");
    assert!(warnings(&verdict).contains("settled samples are not whole"), "{:#}", verdict["warnings"]);
    let series = verdict["series"].as_array().expect("series");
    let settled = series.iter().find(|series| series["metric"] == "settled_held_bytes").expect("it is told");
    assert_eq!(settled["scope"]["name"], "app");
    assert_eq!(settled["points"].as_u64(), Some(taken.len() as u64), "{settled:#}");
    assert!(!series.iter().any(|series| series["metric"] == "settled_done_total_count"), "counters do not settle");
}
