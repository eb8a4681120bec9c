//! `extends`, variables, scenarios and stages: what a profile says once everything is put together.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use soakd_profiles::{
    Attach, Checkpoint, CheckpointWhen, Choice, Collect, CollectBy, CollectOf, CollectSignal, Counter, InconclusiveAs,
    LoadDriver, Pick, Profile, ReadyWhen, Settle, Severity, SourceKind, Surroundings, TargetSource, load_file, parse,
};

const SURROUNDINGS: Surroundings<'static> = Surroundings { variable: &variable, metrics: &[] };

fn variable(name: &str) -> Option<String> {
    match name {
        "TIMES" => Some("12".to_owned()),
        "STOP" => Some("true".to_owned()),
        _ => None,
    }
}

fn read(text: &str) -> Profile {
    parse(text.as_bytes(), "test", None, SURROUNDINGS).unwrap_or_else(|faults| panic!("{faults}"))
}

/// The profile `top`, which may extend `base.toml`.
#[expect(clippy::unwrap_used, reason = "a test may panic where its folder cannot be written")]
fn layered(base: &str, top: &str) -> Profile {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("base.toml"), base).unwrap();
    fs::write(folder.path().join("top.toml"), top).unwrap();
    load_file(&folder.path().join("top.toml"), SURROUNDINGS).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_source_replaces_one_of_the_same_name_and_others_stay_with_what_they_declare() {
    let profile = layered(
        "[source.app]\nprometheus = 'http://x/'\nlabels = { a = 'b' }\n[source.queue]\njson = 'http://x/'\n\
         series = { length_count = { pointer = '/length' } }",
        "extends = 'base.toml'\n[source.app]\ncommand = 'count'\njudge = ['open files']\n\
         [judge]\ntolerances = { length_count = '1/h', open_files_count = '2/h' }",
    );
    let app = &profile.sources["app"];
    assert_eq!(app.kind, SourceKind::Command { command: vec!["count".to_owned()] });
    assert_eq!((app.labels.len(), app.interval), (0, Duration::from_secs(5)));
    assert_eq!(app.judge, ["open_files_count"]);
    let queue = &profile.sources["queue"];
    assert_eq!(queue.series["length_count"], Pick::Pointer("/length".to_owned()));
    assert!(queue.record.is_empty(), "whoever picks single numbers wants no others");
    // It is kept with a run, and read back.
    let kept = serde_json::to_string(&profile).expect("JSON");
    assert_eq!(serde_json::from_str::<Profile>(&kept).expect("a profile").sources, profile.sources);
}

#[test]
fn tables_are_merged_key_by_key_and_the_name_is_not_inherited() {
    let profile = layered(
        "name = 'base'\ndescription = 'old'\n[target]\ncommand = './a'\nenvironment = { A = '1', B = '2' }\n[sample]\ninterval = '2s'",
        "extends = 'base.toml'\n[target]\nenvironment = { B = '3' }\n[judge]\nduration = '1h'",
    );
    assert_eq!((profile.name.as_str(), profile.description.as_str()), ("top", ""));
    assert_eq!(profile.target.source, Some(TargetSource::Command(vec!["./a".to_owned()])));
    assert_eq!(profile.target.environment["A"], "1");
    assert_eq!(profile.target.environment["B"], "3");
    assert_eq!(profile.sample.interval, Duration::from_secs(2));
    assert_eq!(profile.judge.duration, Duration::from_secs(3600));
}

#[test]
fn what_excludes_each_other_is_replaced_whole() {
    let profile = layered(
        "[target]\ncommand = './a'\nready = { http = 'http://h/', status = 204 }\n[load]\ndriver = 'repeat'\ncommand = 'x'\ntimes = 3",
        "extends = 'base.toml'\n[target]\nattach = { unit = 'a.service' }\nready = { delay = '2s' }\n[load]\ndriver = 'none'",
    );
    assert_eq!(profile.target.source, Some(TargetSource::Attach(Attach::Unit("a.service".to_owned()))));
    assert_eq!(profile.target.ready.unwrap().when, ReadyWhen::Delay(Duration::from_secs(2)));
    assert_eq!(profile.load.driver, LoadDriver::None);
    assert_eq!(profile.load.counter, None);
}

#[test]
fn a_shipped_profile_can_be_extended() {
    let profile = read("extends = 'ci-short'\n[judge]\nduration = '3m'");
    assert_eq!(profile.sample.interval, Duration::from_millis(100));
    assert_eq!(profile.judge.inconclusive, InconclusiveAs::Warn);
    assert_eq!(profile.judge.duration, Duration::from_secs(180));
}

#[test]
fn paths_are_resolved_against_the_folder_of_the_file_in_which_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("shared")).unwrap();
    fs::write(
        folder.path().join("shared/base.toml"),
        "[target]\nworking_directory = 'build'\n[load]\ncounter = { file = '/run/count' }",
    )
    .unwrap();
    fs::write(folder.path().join("top.toml"), "extends = 'shared/base.toml'\n[report]\nout = 'results'").unwrap();
    let profile = load_file(&folder.path().join("top.toml"), SURROUNDINGS).unwrap();
    assert_eq!(profile.target.working_directory, Some(folder.path().join("shared/build")));
    assert_eq!(profile.load.counter, Some(Counter::File(PathBuf::from("/run/count"))));
    assert_eq!(profile.report.out, Some(folder.path().join("results")));
    assert_eq!(profile.folder.as_deref(), Some(folder.path()));
}

#[test]
fn a_variable_can_stand_for_a_number_or_a_yes() {
    let profile = read(
        "[load]\ndriver = 'repeat'\ncommand = 'true'\ntimes = '${TIMES}'\nparallel = '${PARALLEL:-2}'\n[judge]\nearly_stop = '${STOP}'",
    );
    let LoadDriver::Repeat { times, parallel, .. } = profile.load.driver else { panic!("{:?}", profile.load) };
    assert_eq!((times, parallel), (12, 2));
    assert_eq!(profile.judge.early_stop, soakd_profiles::EarlyStop::Always);
}

const STAGED: &str = r#"
    [sample]
    interval = "2s"
    [load]
    driver = "repeat"
    command = "true"
    pause = "1s"
    [budget.default]
    hourly = { rate = "1MB/h" }
    total = { peak = "100MB" }
    [budget.production]
    total = { peak = "50MB" }
    [scenario.short]
    duration = "2m"
    operations = 10
    [scenario.other]
    load = { driver = "command", command = "./client" }
    [stage.release]
    scenario = "short"
    environment = "production"
    fail_on = "high"
"#;

#[test]
fn every_leak_fails_unless_the_profile_says_otherwise() {
    let judged = |text: &str| {
        let judge = read(text).judge;
        (judge.fail_on, judge.block_on)
    };
    assert_eq!(judged(""), (Severity::ALL[0].1, Severity::Critical));
    assert_eq!(judged("[judge]\nfail_on = 'high'"), (Severity::High, Severity::Critical));
    assert_eq!(judged("[judge]\nblock_on = 'low'"), (Severity::Low, Severity::Low));
}

#[test]
fn a_stage_brings_its_scenario_and_environment() {
    let profile = read(STAGED);
    let plan = profile.plan(Choice { stage: Some("release"), ..Choice::default() }).unwrap();
    assert_eq!(plan.scenario.as_deref(), Some("short"));
    assert_eq!(plan.environment, "production");
    assert_eq!(plan.profile.judge.duration, Duration::from_secs(120));
    assert_eq!((profile.judge.fail_on, plan.profile.judge.fail_on), (Severity::Low, Severity::High));
    assert_eq!(plan.budgets["total"], profile.budgets["production"]["total"]);
    assert_eq!(plan.budgets["hourly"], profile.budgets["default"]["hourly"]);
    let LoadDriver::Repeat { times, pause, .. } = plan.profile.load.driver else { panic!("{:?}", plan.profile.load) };
    assert_eq!((times, pause), (10, Duration::from_secs(1)));
}

#[test]
fn the_command_line_wins_over_the_stage_and_another_driver_starts_empty() {
    let choice = Choice { stage: Some("release"), scenario: Some("other"), environment: Some("default") };
    let plan = read(STAGED).plan(choice).unwrap();
    assert_eq!(plan.profile.load.driver, LoadDriver::Command { command: vec!["./client".to_owned()] });
    assert_eq!(plan.profile.sample.interval, Duration::from_secs(2));
    assert_eq!(plan.environment, "default");
    let error = read(STAGED).plan(Choice { environment: Some("staging"), ..Choice::default() }).unwrap_err();
    assert_eq!(error.to_string(), "profile `test` has no environment `staging`, expected `default` or `production`");
}

#[test]
fn a_tolerance_holds_for_metrics_of_its_unit_and_the_own_one_of_a_metric_wins() {
    let judge = read("[judge]\ntolerance = '1MiB/h'\ntolerances = { rss_bytes = '2MiB/h', fds_count = '3' }").judge;
    let amount = |metric| judge.tolerance_of(metric).map(|tolerance| tolerance.amount);
    assert_eq!(amount("anon_swap_bytes"), Some(1_048_576.0));
    assert_eq!(amount("rss_bytes"), Some(2_097_152.0));
    assert_eq!(amount("fds_count"), Some(3.0));
    assert_eq!(amount("threads_count"), None);
}

#[test]
fn a_profile_survives_being_stored() {
    let profile = read(STAGED);
    let json = serde_json::to_string(&profile).unwrap();
    assert_eq!(serde_json::from_str::<Profile>(&json).unwrap(), profile);
}

#[test]
fn a_checkpoint_is_merged_by_key_and_its_choices_are_replaced_whole() {
    let base = "[checkpoint]\nevery = '5m'\nsettle = 'quiet'\ncollect = { command = ['jcmd', '{pid}', 'GC.run'], timeout = '3s' }";
    let profile =
        layered(base, "extends = 'base.toml'\n[checkpoint]\ncount = 7\ncollect = { signal = 'SIGUSR1', of = 'all' }");
    let collect =
        Collect { by: CollectBy::Signal(CollectSignal::Usr1), of: CollectOf::All, timeout: Collect::DEFAULT_TIMEOUT };
    let expected = Checkpoint { when: Some(CheckpointWhen::Count(7)), collect: Some(collect), settle: Settle::Quiet };
    assert_eq!(profile.checkpoint, expected);
    // `every` alone is short for the `settle` of the base, but the whole is looked at.
    let faults = parse(b"[checkpoint]\nevery = '2s'\nsettle = '2s'", "test", None, SURROUNDINGS);
    assert!(faults.unwrap_err().to_string().contains("expected at least `3s`, a second more than `settle`"));
    // A run that was recorded before there were checkpoints can be judged again.
    let mut stored = serde_json::to_value(Profile::default()).unwrap();
    stored.as_object_mut().unwrap().remove("checkpoint");
    assert_eq!(serde_json::from_value::<Profile>(stored).unwrap(), Profile::default());
}
