//! Endpoints and commands whose numbers are recorded: what they give, and everything that can be wrong with them.

use rustix::process::Signal;
use serde_json::Value;

use crate::helpers::{growing, growing_twice};
use crate::place::{LONG, Place, SHORT};
use crate::tiny_server::{Manner, TinyServer};

const IDLE: &str = "[target]\ncommand = 'sleep 600'\n";

/// `[source.NAME]` with these lines.
fn source(name: &str, lines: &str) -> String {
    format!("[source.{name}]\ninterval = '100ms'\n{lines}\n")
}

/// The verdict on an idle target with these sources, after a run that ends like this and is long enough for each of them
/// to be asked on a busy machine.
fn soaked(place: &Place, sources: &str, exit_code: i32) -> Value {
    place.write("sources.toml", &format!("{IDLE}{sources}"));
    let options = ["--interval", "50ms", "--for", "6s", "--tolerate", "1TiB/h", "--out", "out"];
    place.run([&["run", "sources.toml"], &options[..]].concat()).ends_with(exit_code);
    place.nothing_is_left();
    place.verdict("out")
}

fn report<'a>(verdict: &'a Value, name: &str) -> &'a Value {
    let sources = verdict["sources"].as_array().expect("sources");
    sources.iter().find(|source| source["name"] == name).unwrap_or_else(|| panic!("no `{name}` in {sources:#?}"))
}

/// Why the source gave nothing, in the verdict's words.
fn reasons(verdict: &Value, name: &str) -> Vec<String> {
    let failures = report(verdict, name)["failures"].as_array().expect("failures");
    failures.iter().map(|failure| failure["why"].as_str().expect("a reason").to_owned()).collect()
}

/// The columns of the samples that were recorded, each with its values.
fn columns(place: &Place) -> Vec<(String, Vec<f64>)> {
    place.run(["report", "--csv", "samples.csv", "--quiet"]);
    let text = std::fs::read_to_string(place.path("samples.csv")).expect("the samples");
    let mut lines = text.lines();
    let names = lines.next().expect("a header").split(',').map(str::to_owned);
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let values = |place: usize| rows.iter().filter_map(|row| row.get(place)?.parse().ok()).collect();
    names.enumerate().map(|(place, name)| (name, values(place))).collect()
}

fn column<'a>(columns: &'a [(String, Vec<f64>)], name: &str) -> &'a [f64] {
    let found = columns.iter().find(|(known, _)| known == name);
    found.map(|(_, values)| values.as_slice()).unwrap_or_else(|| panic!("no `{name}` in {columns:?}"))
}

#[test]
fn each_thing_that_can_be_wrong_with_an_endpoint_has_a_name_and_harms_nothing() {
    let place = Place::new();
    let cases: [(&str, Manner, &str, &str); 8] = [
        ("silent", Manner::Silent, "timeout = '200ms'", "timed_out"),
        ("babbling", Manner::Babbles, "", "not_http"),
        ("flooding", Manner::Floods, "", "too_long"),
        ("refusing", Manner::Counts { status: 503 }, "", "http_status"),
        ("redirecting", Manner::Redirects, "", "redirect"),
        ("garbage", Manner::Says(|_| "<html>\nhello\n</html>\n".to_owned()), "", "garbage"),
        ("nan", Manner::Says(|_| "level NaN\n".to_owned()), "", "not_finite"),
        ("empty", Manner::Says(|_| String::new()), "", "garbage"),
    ];
    let servers: Vec<TinyServer> = cases.iter().map(|(_, manner, ..)| TinyServer::start(*manner)).collect();
    let mut sources: String = cases
        .iter()
        .zip(&servers)
        .map(|((name, _, lines, _), server)| source(name, &format!("prometheus = '{}'\n{lines}", server.url())))
        .collect();
    let gone = TinyServer::start(Manner::Silent).url();
    sources.push_str(&source("gone", &format!("prometheus = '{gone}'")));
    sources.push_str(&source("nojson", &format!("json = '{}'", servers[3].url())));
    let verdict = soaked(&place, &sources, 0);
    for (name, _, _, why) in cases {
        assert_eq!(reasons(&verdict, name), [why], "{name}");
        assert_eq!(report(&verdict, name)["status"], "failed", "{name}");
    }
    assert_eq!(reasons(&verdict, "gone"), ["unreachable"]);
    assert!(verdict["samples"]["count"].as_u64() > Some(20), "the target is sampled all the same: {verdict:#}");
    let warned = verdict["warnings"].as_array().expect("warnings").len();
    assert!(warned >= cases.len(), "each is told: {verdict:#}");
}

#[test]
fn gauges_counters_pointers_expvar_and_commands_become_series() {
    let place = Place::new();
    let metrics = TinyServer::start(Manner::Says(|asked| {
        format!(
            "# TYPE hits counter\nhits_total {asked}\n# TYPE \"odd.name, of\" gauge\n{{\"odd.name, of\",shard=\"1\"}} 4\n\
             {{\"odd.name, of\",shard=\"2\"}} 5\n"
        )
    }));
    let status = TinyServer::start(Manner::Says(|_| r#"{"queue": {"length": 7}, "text": "x"}"#.to_owned()));
    let vars = TinyServer::start(Manner::Says(|_| {
        r#"{"cmdline": ["/srv"], "sessions": 3, "memstats": {"HeapInuse": 8192, "HeapAlloc": 5000}}"#.to_owned()
    }));
    let sources = [
        source("app", &format!("prometheus = '{}'\nlabels = {{}}", metrics.url())),
        source(
            "queue",
            &format!("json = '{}'\nseries = {{ waiting_count = {{ pointer = '/queue/length' }} }}", status.url()),
        ),
        source("go", &format!("expvar = '{}debug/vars'", vars.url())),
        source("spool_count", "command = ['sh', '-c', 'echo 12']"),
        source("tool", "command = ['sh', '-c', 'echo open=3; echo; echo idle 4; echo words >&2']"),
    ];
    let verdict = soaked(&place, &sources.concat(), 0);
    for name in ["app", "queue", "go", "spool_count", "tool"] {
        assert_eq!(report(&verdict, name)["status"], "active", "{verdict:#}");
    }
    let columns = columns(&place);
    let always = |name: &str, value: f64| {
        let values = column(&columns, name);
        assert!(!values.is_empty() && values.iter().all(|found| *found == value), "{name}: {values:?}");
    };
    always("odd_name_of_count", 9.0);
    always("waiting_count", 7.0);
    always("sessions_count", 3.0);
    always("go_memstats_heap_inuse_bytes", 8192.0);
    always("heap_live_bytes", 5000.0);
    always("spool_count", 12.0);
    always("open_count", 3.0);
    always("idle_count", 4.0);
    let hits = column(&columns, "hits_total_count");
    assert!(hits.len() > 1 && hits.windows(2).all(|pair| pair[1] > pair[0]), "{hits:?}");
    // A counter says nothing by growing, whoever looks at it.
    let analyzed = place.run(["analyze", "samples.csv", "--format", "json"]);
    assert!(
        !analyzed.stdout.contains("hits_total_count") && analyzed.stdout.contains("odd_name_of_count"),
        "{analyzed}"
    );
    assert_eq!(verdict["heap"]["from"], "runtime");
    assert_eq!(verdict["heap"]["source"], "go");
    assert_eq!(verdict["heap"]["metric"], "go_memstats_heap_alloc_bytes");
    // An idle sleep is one process, and this is its heap as far as anybody knows.
    assert_eq!(verdict["heap"]["whole_target"], true);
}

#[test]
fn a_number_of_the_target_that_grows_is_a_leak_by_itself() {
    let place = Place::new();
    let server = TinyServer::start(Manner::Says(|asked| format!("app_sessions {}\napp_idle 3\n", asked * 10)));
    let app = source("app", &format!("prometheus = '{}'\njudge = ['app_sessions', 'app_idle']", server.url()));
    place.write("growing.toml", &format!("{IDLE}{app}[judge]\ntolerances = {{ app_sessions_count = '10/h' }}\n"));
    let answer = place.run(["run", "growing.toml", "--interval", "50ms", "--for", "8s", "--out", "out"]);
    place.nothing_is_left();
    assert!(matches!(answer.status.code(), Some(2 | 3)), "{answer}");
    let verdict = place.verdict("out");
    let series = verdict["series"].as_array().expect("series");
    let of = |metric: &str| series.iter().find(|series| series["metric"] == metric).expect("it is judged");
    assert_eq!(of("app_sessions_count")["judgement"], "leak");
    assert_eq!(of("app_sessions_count")["tolerance"]["value"], 10.0);
    assert_eq!(of("app_sessions_count")["scope"]["name"], "app");
    assert_ne!(of("app_idle_count")["judgement"], "leak");
    assert_eq!(verdict["decided_by"][0]["metric"], "app_sessions_count");
    // The same answer from what was recorded.
    let id = verdict["run"]["id"].as_str().expect("an id").to_owned();
    let again = place.run(["report", &id, "--again", "--format", "json"]);
    assert_eq!(again.status.code(), answer.status.code(), "{again}");
}

#[test]
fn what_is_to_be_judged_and_is_never_offered_is_no_pass() {
    let place = Place::new();
    let server = TinyServer::start(Manner::Says(|_| "app_idle 3\n".to_owned()));
    let app = source("app", &format!("prometheus = '{}'\njudge = ['app_sessions']", server.url()));
    let verdict = soaked(&place, &app, 4);
    assert_eq!(reasons(&verdict, "app"), ["missing"]);
    assert_eq!(report(&verdict, "app")["status"], "partly");
    assert!(verdict["summary"].as_str().expect("a summary").contains("app_sessions_count"), "{verdict:#}");
}

#[test]
fn a_counter_that_is_set_back_is_a_break_and_no_shrinking() {
    let place = Place::new();
    let server = TinyServer::start(Manner::Says(|asked| format!("hits_total {}\n", asked % 7)));
    let verdict = soaked(&place, &source("app", &format!("prometheus = '{}'", server.url())), 0);
    assert_eq!(reasons(&verdict, "app"), ["counter_reset"]);
    let events = verdict["events"].as_array().expect("events");
    assert!(events.iter().any(|event| event["kind"] == "source"), "{events:#?}");
}

#[test]
fn memory_that_grows_over_a_bounded_heap_is_retention() {
    let place = Place::new();
    let server = TinyServer::start(Manner::Says(|_| "app_heap 1000000\n".to_owned()));
    let lines = format!("prometheus = '{}'\nseries = {{ heap_live_bytes = {{ metric = 'app_heap' }} }}", server.url());
    place.write("growing.toml", &format!("{}{}", growing(), source("app", &lines)));
    let options = ["run", "growing.toml", "--interval", "50ms", "--for", "10s", "--tolerate", "1MiB/h", "--out", "out"];
    let answer = place.run(options);
    place.nothing_is_left();
    let verdict = place.verdict("out");
    let series = verdict["series"].as_array().expect("series");
    let judgement = |metric: &str| {
        let found = series.iter().find(|series| series["metric"] == metric && series["role"] == "judged");
        found.map(|series| series["judgement"].clone())
    };
    assert_eq!(judgement("heap_live_bytes"), Some("no_leak".into()), "{verdict:#}");
    assert_eq!(judgement("anon_swap_bytes"), Some("retention".into()), "{verdict:#}");
    assert_eq!(answer.status.code(), Some(1), "{answer}");
    assert!(answer.stdout.contains("live heap: told by `app`"), "{answer}");
}

#[test]
fn the_heap_of_one_process_does_not_excuse_what_another_one_keeps() {
    let place = Place::new();
    let server = TinyServer::start(Manner::Says(|_| "go_memstats_heap_alloc_bytes 1000000\n".to_owned()));
    let app = source("app", &format!("prometheus = '{}'", server.url()));
    place.write("growing.toml", &format!("{}{app}", growing_twice()));
    let options = ["run", "growing.toml", "--interval", "50ms", "--for", "10s", "--tolerate", "1MiB/h", "--out", "out"];
    let answer = place.run(options);
    place.nothing_is_left();
    assert!(matches!(answer.status.code(), Some(2 | 3)), "{answer}");
    let verdict = place.verdict("out");
    assert_eq!(verdict["heap"]["whole_target"], false, "{verdict:#}");
    let series = verdict["series"].as_array().expect("series");
    let of = |metric: &str| series.iter().find(|series| series["metric"] == metric).expect("it is told");
    assert_eq!(of("anon_swap_bytes")["judgement"], "leak");
    assert_eq!(of("heap_live_bytes")["scope"]["name"], "app");
}

#[test]
fn commands_that_hang_fail_or_leave_something_running_leave_nothing() {
    let place = Place::new();
    let sources = [
        source("hanging", "command = ['sh', '-c', 'sleep 600 & sleep 600']\ntimeout = '300ms'"),
        source("escaping", "command = ['sh', '-c', 'setsid sleep 600 & echo 3']"),
        source("failing", "command = ['sh', '-c', 'echo 3; echo no such thing >&2; exit 7']"),
        source("chatting", "command = ['sh', '-c', 'yes \"$(printf %060000d 0)\"']\ntimeout = '30s'"),
        source("absent", "command = ['soakd-no-such-program']"),
        source("talking", "command = ['echo', 'no number']"),
    ];
    let verdict = soaked(&place, &sources.concat(), 0);
    for (name, why) in [
        ("hanging", "timed_out"),
        ("failing", "command_failed"),
        ("absent", "cannot_start"),
        ("talking", "garbage"),
        ("chatting", "too_long"),
    ] {
        assert_eq!(reasons(&verdict, name), [why], "{name}");
    }
    assert_eq!(report(&verdict, "escaping")["status"], "active", "{verdict:#}");
    let failing = report(&verdict, "failing");
    assert!(failing["failures"][0]["last"].as_str().expect("a text").contains("no such thing"), "{failing:#}");
}

#[test]
fn a_command_of_a_source_ends_with_a_soakd_that_is_killed() {
    let place = Place::new();
    place.write("sources.toml", &format!("{IDLE}{}", source("hanging", "command = ['sleep', '601']\ntimeout = '9m'")));
    let running = place.start(place.soakd([&["run", "sources.toml"], LONG].concat()));
    crate::place::eventually("the command runs", || !place.processes("sleep 601").is_empty());
    running.signal(Signal::KILL);
    place.nothing_will_be_left();
}

#[test]
fn how_sources_did_is_known_of_a_run_that_was_killed() {
    let place = Place::new();
    let counting = TinyServer::start(Manner::Says(|asked| format!("level {asked}\n")));
    let gone = TinyServer::start(Manner::Silent).url();
    let sources = [
        source("app", &format!("prometheus = '{}'", counting.url())),
        source("gone", &format!("prometheus = '{gone}'")),
        source("java", "jvm = 'used'"),
    ];
    place.write("sources.toml", &format!("{IDLE}{}", sources.concat()));
    let running = place.start(place.soakd([&["run", "sources.toml"], LONG].concat()));
    let kept = |name: &str| place.last_events().iter().any(|text| text.contains(&format!("\"name\":\"{name}\"")));
    crate::place::eventually("all are in the record", || {
        place.samples_count() > 0 && ["app", "gone", "java"].into_iter().all(kept)
    });
    running.signal(Signal::KILL);
    running.answer();
    place.nothing_will_be_left();
    let first = place.run(["report", "last", "--format", "json"]).json();
    let again = place.run(["report", "last", "--again", "--format", "json"]).json();
    for verdict in [&first, &again] {
        assert_eq!(report(verdict, "app")["status"], "active", "{:#}", verdict["sources"]);
        assert_eq!(reasons(verdict, "gone"), ["unreachable"]);
        // An idle sleep is no virtual machine.
        assert_eq!(reasons(verdict, "java"), ["no_jvm"]);
    }
    assert!(!first["events"].to_string().contains("source_status"), "what stands in `sources` is no event");
}

#[test]
fn an_endpoint_that_is_away_while_its_target_restarts_is_a_gap_and_no_leak() {
    let place = Place::new();
    let port =
        std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port");
    place.write(
        "restarting.toml",
        &format!(
            "[target]\ncommand = ['{}', 'reference', 'serve', '--listen', '{port}']\nrestart = 'always'\n\
             restart_delay = '1s'\nready = {{ line = 'listening on' }}\n\
             [source.app]\nprometheus = 'http://{port}/metrics'\ninterval = '100ms'\n\
             judge = ['soakd_reference_cache_entries']\n",
            env!("CARGO_BIN_EXE_soakd"),
        ),
    );
    let mut running = place.start(place.soakd([&["run", "restarting.toml"], LONG, &["--out", "out"]].concat()));
    let serving = format!("{} reference serve", env!("CARGO_BIN_EXE_soakd"));
    let away = |happened: &str| {
        crate::place::eventually(happened, || place.last_events().iter().any(|text| text.contains(happened)));
    };
    crate::place::eventually("the endpoint is asked", || place.has_series("soakd_reference_cache_entries_count"));
    for pid in place.processes(&serving) {
        let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw).expect("a pid");
        rustix::process::kill_process(pid, Signal::KILL).expect("it runs");
    }
    away("gives nothing");
    away("answers again");
    assert!(running.runs());
    running.signal(Signal::INT);
    let answer = running.answer();
    place.nothing_is_left();
    let verdict = place.verdict("out");
    assert!(reasons(&verdict, "app").contains(&"unreachable".to_owned()), "{answer}");
    assert_eq!(report(&verdict, "app")["status"], "partly");
    let series = verdict["series"].as_array().expect("series");
    assert!(series.iter().all(|series| series["judgement"] != "leak"), "{series:#?}");
}

#[test]
fn an_endpoint_is_named_on_the_command_line() {
    let place = Place::new();
    let server = TinyServer::start(Manner::Says(|_| "app_idle 3\n".to_owned()));
    let url = format!("{}metrics", server.url());
    let options = [SHORT, &["--metrics-url", &url, "--out", "out"]].concat();
    place.soak("check", &options, "exec sleep 600").ends_with(0);
    let verdict = place.verdict("out");
    assert_eq!(report(&verdict, "metrics")["asked"], url.as_str());
    assert_eq!(report(&verdict, "metrics")["series_count"], 1);
    place.soak("check", &["--metrics-url", "localhost:1"], "exec sleep 600").ends_with(64);
}

#[test]
fn the_reference_service_tells_what_it_leaks() {
    let place = Place::new();
    let port =
        std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port");
    place.write(
        "reference.toml",
        &format!(
            "[target]\ncommand = ['{}', 'reference', 'serve', '--listen', '{port}', '--leak', 'linear:4KiB/op']\n\
             ready = {{ line = 'listening on' }}\n[load]\ndriver = 'reference'\noperation = 'verify'\nrate = '100/s'\n\
             [source.app]\nprometheus = 'http://{port}/metrics'\ninterval = '100ms'\n\
             judge = ['soakd_reference_leaked_bytes']\n",
            env!("CARGO_BIN_EXE_soakd"),
        ),
    );
    let options =
        ["run", "reference.toml", "--interval", "50ms", "--for", "8s", "--tolerate", "1MiB/h", "--out", "out"];
    let answer = place.run(options);
    place.nothing_is_left();
    assert!(matches!(answer.status.code(), Some(2 | 3)), "{answer}");
    let verdict = place.verdict("out");
    let series = verdict["series"].as_array().expect("series");
    let leaked = series.iter().find(|series| series["metric"] == "soakd_reference_leaked_bytes").expect("it is judged");
    assert_eq!(leaked["judgement"], "leak", "{leaked:#}");
    // What the service says of itself is exact.
    let per_op = leaked["rate_per_op"]["value"].as_f64().expect("a rate per operation");
    assert!((3500.0..4700.0).contains(&per_op), "{per_op} B/op");
}
