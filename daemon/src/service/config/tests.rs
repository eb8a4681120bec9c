//! The example file, the messages, and what a new file changes.

use std::time::Duration;

use proptest::prelude::*;
use soakd_profiles::document::{Key, Shape};

use super::*;
use crate::service::schedule::{Missed, When};

const EXAMPLE: &str = include_str!("../../../config/soakd.toml");

fn config(text: &str) -> Config {
    Config::parse(text, "soakd.toml").unwrap_or_else(|faults| panic!("error: {faults}"))
}

fn faults(text: &str) -> String {
    let faults = Config::parse(text, "soakd.toml").unwrap_err();
    format!("error: {faults}")
}

/// The example with every key in force.
fn uncommented() -> String {
    let key = regex::Regex::new(r"(?m)^# (\[\[|[a-z_]+ = )").unwrap();
    key.replace_all(EXAMPLE, "$1").into_owned()
}

#[test]
fn the_example_as_it_stands_is_an_empty_file() {
    assert_eq!(config(EXAMPLE), Config::default());
    assert_eq!(config(""), Config::default());
}

#[test]
fn the_example_tells_the_defaults() {
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    let told = config(&uncommented());
    let usual = Config::default();
    assert_eq!(told.daemon, usual.daemon);
    assert_eq!(told.api, usual.api);
    assert_eq!(told.limits, usual.limits);
    assert_eq!(told.target, usual.target);
    let kept = crate::history::retention::Retention::of_environment(|_| None).unwrap();
    assert_eq!(told.retention.over(kept), crate::history::retention::Retention { most_bytes: Some(2 << 30), ..kept });
    assert_eq!(usual.retention.over(kept), kept);
    let nightly = ScheduleEntry {
        name: "nightly-api".to_owned(),
        profile: "api".to_owned(),
        scenario: Some("full".to_owned()),
        environment: Some("staging".to_owned()),
        stage: Some("nightly".to_owned()),
        duration: Some(hours(6)),
        when: When::parse("30 2 * * *").unwrap(),
        time_zone: told.schedules[0].time_zone.clone(),
        jitter: Duration::from_secs(600),
        missed: Missed::Once,
        late: Some(hours(6)),
        priority: 0,
        timeout: Some(hours(12)),
        retries: 1,
        retry_after: ScheduleEntry::USUAL_RETRY_AFTER,
        is_exclusive: false,
        is_enabled: true,
    };
    assert_eq!(told.schedules, [nightly]);
    assert_eq!(told.schedules[0].time_zone.as_ref().and_then(|zone| zone.iana_name()), Some("Europe/Berlin"));
    let postgres = WatchEntry {
        name: "postgres".to_owned(),
        target: WatchTarget::Unit("postgresql.service".to_owned()),
        profile: Some("postgres".to_owned()),
        period: WatchEntry::USUAL_PERIOD,
        interval: WatchEntry::USUAL_INTERVAL,
    };
    assert_eq!(told.watches, [postgres]);
    let page = AlertEntry {
        way: Way::Command(vec!["/usr/local/bin/page".to_owned(), "soakd".to_owned()]),
        on: News::USUAL.to_vec(),
        timeout: AlertEntry::USUAL_TIMEOUT,
        repeat: AlertEntry::USUAL_REPEAT,
        only: Vec::new(),
    };
    assert_eq!(told.alerts, [page]);
}

#[test]
fn entries_with_nothing_but_what_they_need_have_the_defaults_that_the_example_tells() {
    let least = config(
        "[[schedule]]\nname = 'a'\nprofile = 'p'\nwhen = '@daily'\n[[watch]]\nname = 'b'\npid = 7\n[[alert]]\ncommand = 'page'",
    );
    let schedule = &least.schedules[0];
    assert_eq!((schedule.missed, schedule.late, schedule.jitter), (Missed::Once, None, Duration::ZERO));
    assert_eq!((schedule.retries, schedule.timeout, schedule.priority), (0, None, 0));
    assert!(schedule.is_enabled && !schedule.is_exclusive && schedule.time_zone.is_none());
    let example = config(&uncommented());
    assert_eq!(
        (least.watches[0].period, least.watches[0].interval),
        (example.watches[0].period, example.watches[0].interval)
    );
    assert_eq!(least.alerts[0].on, example.alerts[0].on);
    assert_eq!(least.alerts[0].repeat, example.alerts[0].repeat);
}

/// The keys of a section that are neither in the example nor shown there as another way to say the same.
fn missing_in_example(keys: &[Key], section: &str) -> Vec<String> {
    let value: toml_keys::Keys = toml_keys::of(&uncommented(), section);
    keys.iter().filter(|key| !value.contains(key.name)).map(|key| format!("{section}.{}", key.name)).collect()
}

/// The keys under a header of the example, read line by line: what the reader would not tell is told.
mod toml_keys {
    use std::collections::BTreeSet;

    pub(super) struct Keys(BTreeSet<String>);

    impl Keys {
        pub(super) fn contains(&self, key: &str) -> bool {
            self.0.contains(key)
        }
    }

    pub(super) fn of(text: &str, section: &str) -> Keys {
        let headers = [format!("[{section}]"), format!("[[{section}]]")];
        let mut inside = false;
        let mut keys = BTreeSet::new();
        for line in text.lines() {
            if line.starts_with('[') {
                inside = headers.iter().any(|header| header == line);
            } else if let Some((key, _)) = line.split_once(" = ").filter(|_| inside && !line.starts_with('#')) {
                assert!(keys.insert(key.to_owned()), "{section}.{key} twice");
            }
        }
        Keys(keys)
    }
}

#[test]
fn every_key_is_in_the_example_and_in_what_is_shown() {
    let told = config(&uncommented()).shown();
    let mut missing = Vec::new();
    for section in keys::CONFIG {
        let (keys, shown) = match section.shape {
            Shape::Section(keys) => (keys, &told[section.name]),
            Shape::Sections(keys) => (keys, &told[section.name][0]),
            _ => panic!("{}", section.name),
        };
        missing.extend(missing_in_example(keys, section.name));
        let shown: Vec<&String> = shown.as_object().unwrap().keys().collect();
        let mut known: Vec<&str> = keys.iter().map(|key| key.name).collect();
        let mut shown: Vec<&str> = shown.into_iter().map(String::as_str).collect();
        known.sort_unstable();
        shown.sort_unstable();
        assert_eq!(shown, known, "{}", section.name);
    }
    assert_eq!(missing, ["watch.cgroup", "watch.process", "watch.pid", "alert.webhook"]);
}

#[test]
fn what_is_shown_can_be_read_again() {
    let first = config(&uncommented());
    let mut shown = first.shown();
    // What is unset has no word of its own in the file.
    for entry in shown.as_object_mut().unwrap().values_mut() {
        let tables: Vec<&mut Value> = match entry {
            Value::Array(entries) => entries.iter_mut().collect(),
            other => vec![other],
        };
        for table in tables {
            table.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        }
    }
    let mut text = String::new();
    for (section, value) in shown.as_object().unwrap() {
        let (header, tables) = match value {
            Value::Array(entries) => (format!("[[{section}]]"), entries.clone()),
            other => (format!("[{section}]"), vec![other.clone()]),
        };
        for table in tables {
            text.push_str(&format!("{header}\n"));
            for (key, value) in table.as_object().unwrap() {
                text.push_str(&format!("{key} = {value}\n"));
            }
        }
    }
    assert_eq!(config(&text), first, "{text}");
}

#[test]
fn the_schema_takes_the_example_and_refuses_what_the_reader_refuses() {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let valid = |value: &Value| validator.is_valid(value);
    assert!(valid(&json!({})));
    assert!(valid(&json!({
        "limits": { "slots": 4, "cpu_headroom": 0.0 },
        "schedule": [{ "name": "a", "profile": "b", "when": "@daily", "priority": -3, "missed": "skip" }],
        "alert": [{ "command": ["a"], "on": ["leak", "missed"] }],
    })));
    for wrong in [
        json!({ "limit": {} }),
        json!({ "limits": { "slots": 0 } }),
        json!({ "limits": { "slots": "${SLOTS}" } }),
        json!({ "limits": { "cpu_headroom": 1.5 } }),
        json!({ "schedule": { "name": "a" } }),
        json!({ "schedule": [{ "missed": "twice" }] }),
        json!({ "alert": [{ "on": ["leaks"] }] }),
    ] {
        assert!(!valid(&wrong), "{wrong}");
    }
}

#[test]
fn wrong_values_are_told_all_at_once() {
    insta::assert_snapshot!(faults(include_str!("tests/wrong-values.toml")));
}

#[test]
fn wrong_entries_are_told_all_at_once() {
    insta::assert_snapshot!(faults(include_str!("tests/wrong-entries.toml")));
}

#[test]
fn a_file_that_is_not_toml_is_told_by_its_line() {
    insta::assert_snapshot!(faults("[limits]\nslots = \n[api]\nlisten = 'nowhere'\n"));
    let bytes = b"[daemon]\nprofiles = ['\xff']\n";
    insta::assert_snapshot!(Config::parse_with(bytes, "soakd.toml", jiff::tz::db()).unwrap_err().to_string());
}

#[test]
fn a_host_without_time_zone_files_is_told_so() {
    let text = "[[schedule]]\nname = 'a'\nprofile = 'p'\nwhen = '@daily'\ntime_zone = ";
    let none = TimeZoneDatabase::none();
    let berlin = Config::parse_with(format!("{text}'Europe/Berlin'").as_bytes(), "soakd.toml", &none);
    insta::assert_snapshot!(berlin.unwrap_err().to_string());
    let utc = Config::parse_with(format!("{text}'UTC'").as_bytes(), "soakd.toml", &none).unwrap();
    assert_eq!(utc.schedules[0].time_zone, Some(jiff::tz::TimeZone::UTC));
}

#[test]
fn a_file_that_is_not_there_is_the_defaults_unless_it_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("soakd.toml");
    assert_eq!(Config::load(&path, WhenMissing::Usual).unwrap(), Config::default());
    let error = Config::load(&path, WhenMissing::Fault).unwrap_err().to_string();
    assert!(error.ends_with("soakd.toml`: no such file or directory"), "{error}");
    std::fs::write(&path, "[limits]\nslots = 3\n").unwrap();
    assert_eq!(Config::load(&path, WhenMissing::Fault).unwrap().limits.slots, 3);
    std::fs::write(&path, "[limits]\nslot = 3\n").unwrap();
    let error = Config::load(&path, WhenMissing::Usual).unwrap_err().to_string();
    assert!(error.contains("soakd.toml`, line 2, column 1: unknown key `slot` in `[limits]`"), "{error}");
    let error = Config::load(folder.path(), WhenMissing::Usual).unwrap_err().to_string();
    assert!(error.ends_with("not a regular file"), "{error}");
}

#[test]
fn paths_are_those_of_the_service_unless_the_file_names_others() {
    let usual = Api::default();
    let state = Path::new("/var/lib/soakd");
    assert_eq!(usual.socket_path(Some(Path::new("/run/soakd")), state), Some("/run/soakd/soakd.sock".into()));
    assert_eq!(usual.socket_path(None, state), Some("/var/lib/soakd/soakd.sock".into()));
    assert_eq!(usual.token_path(state), Path::new("/var/lib/soakd/api-token"));
    let other = config("[api]\nsocket = 'off'\ntoken_file = '/etc/soakd/token'\nlisten = 'off'").api;
    assert_eq!(other.socket_path(None, state), None);
    assert_eq!(other.token_path(state), Path::new("/etc/soakd/token"));
    assert_eq!(other.listen, None);
}

#[test]
fn a_socket_that_no_kernel_takes_is_refused() {
    let path = |length: usize| format!("[api]\nsocket = '/{}'", "s".repeat(length - 1));
    assert!(Config::parse(&path(107), "soakd.toml").is_ok());
    let told = faults(&path(108));
    assert!(told.ends_with("is not the path of a socket: it is 108 bytes long, and a socket takes 107"), "{told}");
}

#[test]
fn a_schedule_is_submitted_as_it_stands_in_the_file() {
    let submission = config(&uncommented()).schedules[0].submission();
    assert_eq!(
        serde_json::to_value(&submission).unwrap(),
        json!({
            "name": "nightly-api", "profile": "api", "scenario": "full", "environment": "staging", "stage": "nightly",
            "for": "6h", "priority": 0, "exclusive": false, "timeout": "12h", "retries": 1, "retry_after": "5m",
        })
    );
}

#[test]
fn reading_is_free_on_loopback_alone() {
    for (listen, needs_token) in [
        ("127.0.0.1:7625", false),
        ("[::1]:7625", false),
        ("[::ffff:127.0.0.1]:7625", false),
        ("0.0.0.0:7625", true),
        ("[::]:7625", true),
        ("192.0.2.1:7625", true),
        ("off", false),
    ] {
        let api = config(&format!("[api]\nlisten = '{listen}'")).api;
        assert_eq!(api.reading_needs_token(), needs_token, "{listen}");
    }
}

#[test]
fn a_name_pattern_takes_whole_names() {
    let watches = config("[[watch]]\nname = 'w'\nprocess = 'post(gres|master)|pg_.*'").watches;
    let WatchTarget::Process(pattern) = &watches[0].target else { panic!("{watches:?}") };
    assert!(["postgres", "postmaster", "pg_dump"].iter().all(|name| pattern.fits(name)));
    assert!(["postgres_exporter", "xpg_dump", "postgres\n"].iter().all(|name| !pattern.fits(name)));
}

#[test]
fn an_alert_tells_what_it_was_asked_for() {
    let config = config(
        "[[watch]]\nname = 'w'\npid = 1\n[[alert]]\nwebhook = 'http://h/'\non = ['lost', 'lost']\nprofiles = ['w']",
    );
    let alert = &config.alerts[0];
    assert_eq!(alert.on, [News::Lost]);
    assert!(alert.tells(News::Lost, "w"));
    assert!(!alert.tells(News::Leak, "w") && !alert.tells(News::Lost, "other"));
}

#[test]
fn a_reload_tells_what_it_changes() {
    let old = config(
        "[[schedule]]\nname = 'nightly'\nprofile = 'a'\nwhen = '@nightly'\n\
         [[schedule]]\nname = 'old'\nprofile = 'a'\nwhen = '@daily'\n\
         [[alert]]\ncommand = 'page'\n",
    );
    let new = config(
        "[api]\nlisten = '127.0.0.1:80'\nhosts = ['soak']\n[limits]\nslots = 4\n[retention]\nmax_size = '1500MB'\n\
         [[schedule]]\nname = 'nightly'\nprofile = 'a'\nwhen = '15 1 * * *'\nfor = '2h'\n\
         [[watch]]\nname = 'db'\nunit = 'db.service'\n\
         [[alert]]\ncommand = 'page'\ntimeout = '5s'\n",
    );
    let sentences: Vec<String> = Config::difference(&old, &new).iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(sentences.join("\n"));
    assert_eq!(Config::difference(&new, &new), []);
    let restart: Vec<bool> = Config::difference(&old, &new).iter().map(|change| change.needs_restart).collect();
    assert_eq!(restart.iter().filter(|needs| **needs).count(), 1);
}

#[test]
fn sizes_are_shown_as_they_could_be_written() {
    for (bytes, text) in [(0, "0B"), (1500, "1500B"), (1024, "1KiB"), (256 << 20, "256MiB"), (3 << 30, "3GiB")] {
        assert_eq!(show_bytes(bytes), text);
        assert_eq!(soakd_profiles::units::size(text), Some(bytes));
    }
}

/// Lines that are nearly right: keys that there are, under headers that there are, with values of every kind.
fn nearly_right() -> impl Strategy<Value = String> {
    let section = proptest::sample::select(
        keys::CONFIG
            .iter()
            .map(|section| match section.shape {
                Shape::Section(keys) => (format!("[{}]", section.name), keys),
                Shape::Sections(keys) => (format!("[[{}]]", section.name), keys),
                _ => panic!("{}", section.name),
            })
            .collect::<Vec<_>>(),
    );
    let value = prop_oneof![
        Just("'a'".to_owned()),
        Just("'@daily'".to_owned()),
        Just("'auto'".to_owned()),
        Just("'Europe/Berlin'".to_owned()),
        Just("'90s'".to_owned()),
        Just("'/a'".to_owned()),
        Just("['a', 'leak']".to_owned()),
        Just("{ a = 1 }".to_owned()),
        Just("1979-05-27".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:?}")),
        any::<bool>().prop_map(|yes| yes.to_string()),
        "'[^'\n\r]{0,12}'",
    ];
    let lines = section.prop_flat_map(move |(header, keys)| {
        let line = (proptest::sample::select(keys.iter().map(|key| key.name).collect::<Vec<_>>()), value.clone());
        proptest::collection::vec(line, 0..6).prop_map(move |lines| {
            let lines = lines.into_iter().map(|(key, value)| format!("{key} = {value}\n"));
            format!("{header}\n{}", lines.collect::<String>())
        })
    });
    proptest::collection::vec(lines, 0..5).prop_map(|sections| sections.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_read_or_refused_with_places_in_it(text in prop_oneof![any::<String>(), nearly_right()]) {
        match Config::parse(&text, "soakd.toml") {
            Ok(config) => prop_assert_eq!(Config::difference(&config, &config.clone()), vec![]),
            Err(faults) => for fault in faults.as_slice() {
                prop_assert!(fault.line <= text.matches('\n').count() + 1, "{}", fault);
                prop_assert!(!fault.to_string().contains('\n'), "{}", fault);
            },
        }
    }
}
