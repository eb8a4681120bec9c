//! The shipped profiles: valid, described, and `reference` equal to the defaults in code.

use soakd_profiles::{
    BudgetLimit, Choice, LoadError, Profile, Surroundings, TargetSource, library, load, load_shipped, parse,
    profile_schema,
};

const METRICS: &[&str] = &["anon_swap_bytes", "rss_bytes", "uss_bytes", "fds_count"];

fn only_soakd(name: &str) -> Option<String> {
    (name == "SOAKD").then(|| "/opt/with space/soakd".to_owned())
}

const SURROUNDINGS: Surroundings<'static> = Surroundings { variable: &only_soakd, metrics: METRICS };

#[test]
fn every_shipped_profile_is_valid_and_described() {
    let shipped = library();
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/library")).unwrap() {
        let stem = file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
        assert!(shipped.iter().any(|profile| profile.name == stem), "`{stem}` is not in the table");
    }
    for profile in &shipped {
        let loaded = load(profile.name, SURROUNDINGS).unwrap_or_else(|error| panic!("{}: {error}", profile.name));
        assert_eq!(loaded.name, profile.name);
        assert_eq!(loaded.description, profile.description);
        assert!(!profile.description.is_empty(), "{}", profile.name);
        loaded.plan(Choice::default()).unwrap();
        for stage in loaded.stages.keys() {
            loaded.plan(Choice { stage: Some(stage), ..Choice::default() }).unwrap();
        }
    }
}

#[test]
fn reference_is_every_key_at_its_default() {
    let mut reference = load_shipped("reference", SURROUNDINGS).unwrap();
    assert_eq!(reference.budgets.remove("default"), Some(std::collections::BTreeMap::new()));
    let expected =
        Profile { name: "reference".to_owned(), description: reference.description.clone(), ..Profile::default() };
    assert_eq!(reference, expected);
}

#[test]
fn reference_names_every_key_and_each_of_its_examples_is_right() {
    let text = library().into_iter().find(|profile| profile.name == "reference").unwrap().text;
    let schema = profile_schema();
    let sections = schema["properties"].as_object().unwrap();
    let mut examples = 0;
    let mut section = "";
    let mut keys = std::collections::BTreeSet::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name;
        }
        let example = line.strip_prefix("#: ");
        if let Some((key, _)) = example.unwrap_or(line).split_once(" = ").filter(|(key, _)| !key.starts_with('#')) {
            keys.insert(format!("{}.{key}", section.split('.').next().unwrap()));
        }
        let Some(example) = example else { continue };
        examples += 1;
        let key = example.split(' ').next().unwrap();
        let driver = match (section, key) {
            ("load", "operation" | "operations" | "rate" | "url") => "driver = \"reference\"",
            ("load", "command") => "driver = \"command\"",
            ("load", "times" | "pause" | "parallel") => "driver = \"repeat\"\ncommand = \"true\"",
            _ => "",
        };
        let text = match section {
            "" => example.to_owned(),
            _ => format!("[{section}]\n{driver}\n{example}"),
        };
        if let Err(faults) = parse(text.as_bytes(), "example", None, SURROUNDINGS) {
            panic!("{example}\n{faults}");
        }
    }
    assert!(examples > 20, "{examples}");
    for (name, section) in sections {
        match section["properties"].as_object() {
            Some(properties) => {
                for key in properties.keys() {
                    assert!(keys.contains(&format!("{name}.{key}")), "`{key}` of `[{name}]` is not in reference.toml");
                }
            }
            None if section["type"] == "string" => assert!(keys.contains(&format!(".{name}")), "`{name}`"),
            None => assert!(text.contains(&format!("\n[{name}")), "`[{name}]`"),
        }
    }
}

#[test]
fn every_shipped_profile_follows_the_schema_and_the_schema_refuses_what_is_wrong() {
    let schema = profile_schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for profile in library() {
        let table: toml::Table = profile.text.parse().unwrap();
        let json = serde_json::to_value(table).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", profile.name);
    }
    for wrong in [
        r#"{"judge": {"duration": 5}}"#,
        r#"{"judge": {"fail_on": "huge"}}"#,
        r#"{"sampel": {}}"#,
        r#"{"sample": {"intervall": "1s"}}"#,
        r#"{"budget": {"default": {"x": {"grow": 5}}}}"#,
        r#"{"checkpoint": {"collect": {"signal": "KILL"}}}"#,
        r#"{"target": {"attach": {"pid": 0}}}"#,
    ] {
        assert!(!validator.is_valid(&serde_json::from_str(wrong).unwrap()), "{wrong}");
    }
}

#[test]
fn the_demo_starts_the_program_that_it_is_given() {
    let demo = load_shipped("demo", SURROUNDINGS).unwrap();
    let Some(TargetSource::Command(command)) = &demo.target.source else { panic!("no command") };
    assert_eq!(command[..3], ["/opt/with space/soakd", "reference", "serve"]);
    let leaking = load_shipped("demo-leak", SURROUNDINGS).unwrap();
    let Some(TargetSource::Command(with_leak)) = &leaking.target.source else { panic!("no command") };
    assert_eq!(*with_leak, [&command[..], &["--leak".to_owned(), "linear:256B/op".to_owned()]].concat());
    // Nothing else differs, or the one that passes would say nothing about the one that does not.
    assert_eq!((&leaking.load, &leaking.sample, &leaking.judge), (&demo.load, &demo.sample, &demo.judge));
    let without = Surroundings { variable: &|_| None, metrics: METRICS };
    let error = load_shipped("demo", without).unwrap_err();
    assert!(error.to_string().contains("variable `SOAKD` is not set"), "{error}");
}

#[test]
fn the_limits_that_teams_use_can_be_written() {
    let text = r#"
        [budget.default]
        requests = { growth = "50MB", per_operations = 100_000 }
        cache = { metric = "uss_bytes", growth = "30MB", per_operations = 100_000 }
        hourly = { rate = "1MB/h" }
        total = { metric = "rss_bytes", peak = "100MB" }
        after = { cleanup = "10MB" }
        [judge]
        duration = "24h"
    "#;
    let profile = parse(text.as_bytes(), "teams", None, SURROUNDINGS).unwrap();
    let limits = |name: &str| profile.budgets["default"][name].limit.clone();
    assert_eq!(limits("requests"), BudgetLimit::Growth { max: 50e6, per_operations: Some(100_000) });
    assert_eq!(limits("cache"), BudgetLimit::Growth { max: 30e6, per_operations: Some(100_000) });
    assert_eq!(limits("hourly"), BudgetLimit::Rate { max_per_hour: 1e6 });
    assert_eq!(limits("total"), BudgetLimit::Peak { max: 100e6 });
    assert_eq!(limits("after"), BudgetLimit::Cleanup { within: 10e6, settle: BudgetLimit::DEFAULT_SETTLE });
}

#[test]
fn a_name_that_is_nearly_right_gets_a_hint() {
    let error = load("dmeo", SURROUNDINGS).unwrap_err();
    assert!(matches!(error, LoadError::Unknown { .. }));
    assert_eq!(error.hint().as_deref(), Some("did you mean `demo`?"));
}

#[test]
fn the_readme_lists_every_shipped_profile_and_its_examples_are_right() {
    let readme = include_str!("../README.md");
    for profile in library() {
        assert!(readme.contains(&format!("\n| `{}` | ", profile.name)), "{}", profile.name);
    }
    let examples: Vec<&str> = readme.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 5);
    for example in examples {
        parse(example.as_bytes(), "example", None, SURROUNDINGS).unwrap_or_else(|faults| panic!("{example}\n{faults}"));
    }
}
