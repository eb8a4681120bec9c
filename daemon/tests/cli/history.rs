//! Runs of the past: listed, followed, thinned, exported, compared.

use std::fs;

use crate::place::{Place, SHORT};

fn soaked(place: &Place, runs: usize) {
    for _ in 0..runs {
        place.run([&["run", "--quiet"], SHORT, &["--", "sleep", "600"]].concat()).ends_with(0);
    }
}

#[test]
fn runs_are_kept_with_what_was_tested_and_can_be_asked_for() {
    let place = Place::new();
    place.run(["history", "list"]).ends_with(0).says("no run fits");
    for (branch, commit) in [("main", "1111111aaaa"), ("odd \u{1b}[31mname", "2222222bbbb")] {
        let mut soakd = place.soakd([&["run", "--quiet"], SHORT, &["--", "sleep", "600"]].concat());
        soakd.env("SOAKD_COMMIT", commit).env("SOAKD_BRANCH", branch);
        place.finish(soakd).ends_with(0);
    }
    let listed = place.run(["history", "list"]);
    listed.ends_with(0).results_in("1111111  main").results_in("odd \\u{1b}[31mname");
    assert!(!listed.stdout.contains('\u{1b}'), "{listed}");
    let main = place.run(["history", "list", "--branch", "main", "--format", "json"]).json();
    assert_eq!(main.as_array().map(Vec::len), Some(1));
    assert_eq!((&main[0]["commit"], &main[0]["outcome"]), (&"1111111aaaa".into(), &"pass".into()));
    let id = main[0]["run"].as_str().expect("an id");
    let run = &place.run(["report", id, "--format", "json"]).json()["run"];
    assert_eq!((&run["commit"], &run["branch"]), (&"1111111aaaa".into(), &"main".into()), "the verdict tells both");
    assert!(main[0]["samples"]["count"].as_u64() > Some(10), "{main:#}");
    for (filter, count) in [
        (["--outcome", "fail"], 0),
        (["--since", "1h"], 2),
        (["--since", "2100-01-01"], 0),
        (["-n", "1"], 1),
        (["--profile", "sleep"], 2),
    ] {
        let answer = place.run([&["history", "list", "--format", "json"], &filter[..]].concat());
        assert_eq!(answer.ends_with(0).json().as_array().map(Vec::len), Some(count), "{filter:?}");
    }
    place.run(["history", "list", "--since", "yesterday"]).ends_with(64).says("hint: expected how long ago");
    place.run(["history", "show"]).ends_with(0).results_in("no baseline: 1 of 10 good runs");
    place.run(["history", "show", "nothing"]).ends_with(66);
    let trend = place.run(["history", "trend", "--format", "json"]).ends_with(0).json();
    let level = trend.as_array().expect("a list").iter().find(|one| one["measure"] == "baseline").expect("a level");
    assert_eq!(level["points"][0]["commit"], "1111111aaaa");
    let drawn = place.run(["history", "trend", "--svg", "trend.svg"]);
    drawn.ends_with(0).results_in("2 runs of profile `sleep`").says("wrote trend.svg");
    let svg = fs::read_to_string(place.path("trend.svg")).expect("a picture");
    assert!(svg.contains("baseline of anon_swap_bytes") && svg.contains("1111111"), "{svg}");
    place
        .run(["history", "trend", "--svg", "nowhere/trend.svg"])
        .ends_with(73)
        .says("cannot write `nowhere/trend.svg`");
}

#[test]
fn pruning_says_what_it_does_and_loses_no_verdict() {
    let place = Place::new();
    soaked(&place, 2);
    let before = place.run(["report", "last", "--format", "json"]).json();
    let nothing = place.run(["history", "prune"]);
    nothing.ends_with(0).results_in("nothing to do: 2 runs");
    place.run(["history", "prune", "--short", "1ms", "--dry-run"]).ends_with(0).results_in("nothing was done");
    place
        .run(["history", "prune", "--short", "1ms"])
        .ends_with(0)
        .results_in("thinned to minutes")
        .results_in("2 of 2 runs");
    place.run(["history", "prune", "--short", "1ms"]).ends_with(0).results_in("nothing to do");
    assert_eq!(place.run(["report", "last", "--format", "json"]).json(), before, "the verdict stays");
    let again = place.run(["report", "last", "--again", "--format", "json"]).json();
    assert_eq!(again["samples"]["count"], before["samples"]["count"]);
    assert!(again["warnings"].to_string().contains("thinned to minutes"), "{again:#}");

    let last = before["run"]["id"].as_str().expect("an id");
    place.run(["history", "baseline", "set", "sleep", "--run", last]).ends_with(0).results_in("fixed");
    let removed = place.run(["history", "prune", "--reports", "1ms", "--format", "json"]).ends_with(0).json();
    assert_eq!(removed.as_array().map(Vec::len), Some(1), "a fixed baseline is kept: {removed:#}");
    assert_eq!(removed[0]["what"], "remove");
    assert_eq!(place.run(["history", "list", "--format", "json"]).json()[0]["run"], last);
    assert_eq!(fs::read_dir(place.path("state/runs")).expect("a folder").count(), 1);
}

#[test]
fn a_run_looks_after_what_is_older_than_it_is_kept_and_says_so() {
    let place = Place::new();
    soaked(&place, 1);
    let first = place.only_run();
    let run = |name: &str, value: &str| {
        let mut soakd = place.soakd([&["run", "--quiet"], SHORT, &["--", "sleep", "600"]].concat());
        soakd.env(name, value);
        place.finish(soakd)
    };
    run("SOAKD_KEEP_SHORT", "soon").ends_with(0).says("nothing is thinned or removed: `SOAKD_KEEP_SHORT=soon`");
    let thinned = run("SOAKD_KEEP_SHORT", "1ms");
    thinned.ends_with(0).says(&format!("note: run `{first}`: thinned to minutes, since it is older"));
    place.run(["history", "show", &first]).ends_with(0).results_in("kept as minutes");
    let removed = run("SOAKD_KEEP_REPORTS", "1ms");
    removed.ends_with(0).says(&format!("note: run `{first}`: removed, since it is older"));
    place.run(["history", "list"]).ends_with(0).says("no run fits");
}

#[test]
fn an_archive_holds_each_run_once_by_day_and_commit() {
    let place = Place::new();
    let mut soakd = place.soakd([&["run", "--quiet"], SHORT, &["--", "sleep", "600"]].concat());
    soakd.env("SOAKD_COMMIT", "../../escape");
    place.finish(soakd).ends_with(0);
    place.run(["history", "export", "archive"]).ends_with(0).results_in("2 files written, 0 were there already");
    place.run(["history", "export", "archive"]).ends_with(0).results_in("0 files written, 2 were there already");
    let run = place.only_run();
    let day = format!("archive/{}/{}/{}", &run[..4], &run[4..6], &run[6..8]);
    let file = place.path(&format!("{day}/unknown-{run}.json"));
    place.run(["report", file.to_str().expect("a path")]).ends_with(0).results_in("PASS");

    // What cannot be written is named, and written the next time.
    place.write("second", "in the way");
    place.run(["history", "export", "second"]).ends_with(73).says("cannot write `second/").says("hint: ");
    fs::remove_file(place.path("second")).expect("a file");
    place.run(["history", "export", "second"]).ends_with(0).results_in("2 files written");
}

#[test]
fn a_run_is_held_against_ten_earlier_ones_where_the_profile_asks_for_it() {
    let place = Place::new();
    let profile = |budgets: &str, command: &str| {
        format!(
            "[target]\ncommand = ['sh', '-c', '{command}']\n[sample]\ninterval = '10ms'\n\
             [judge]\nduration = '1s'\ntolerance = '1TiB/h'\nmetrics = ['anon_swap_bytes']\n{budgets}"
        )
    };
    place.write("held.toml", &profile("regressions = true\n", "exec sleep 600"));
    place.run(["run", "held.toml", "--quiet", "--out", "first"]).ends_with(0);
    assert!(place.verdict("first")["warnings"].to_string().contains("0 good runs"), "{:#}", place.verdict("first"));
    for _ in 0..10 {
        place.run(["run", "held.toml", "--quiet"]).ends_with(0);
    }
    let baseline = place.run(["history", "baseline", "show", "held"]);
    baseline.ends_with(0).results_in("11 good runs tell the noise").results_in("baseline of anon_swap_bytes");
    place.run(["run", "held.toml", "--quiet", "--out", "alike"]).ends_with(0);
    assert!(place.verdict("alike")["budgets"].to_string().contains("history: baseline of anon_swap_bytes"));

    // The same profile with a program that holds megabytes more: nothing leaks, and it is a regression.
    let more = "x=$(head -c 8000000 /dev/zero | tr \\\\0 x); while :; do sleep 1; done";
    place.write("held.toml", &profile("regressions = true\nwarmup = \"500ms\"\n", more));
    let worse = place.run(["run", "held.toml", "--for", "3s", "--out", "worse"]);
    // A run of another length is compared with none.
    assert!(place.verdict("worse")["warnings"].to_string().contains("good runs"), "{worse}");
    place.write("held.toml", &profile("regressions = true\n", more));
    let once = place.run(["run", "held.toml", "--out", "once"]);
    once.ends_with(1).results_in("unconfirmed: budget `history: baseline of anon_swap_bytes`");
    once.results_in("run it again: one run that is off may be chance");
    // Judged again it stays what it was.
    place.run(["report", "last", "--again"]).ends_with(1).results_in("unconfirmed: budget");
    // The same on another branch confirms nothing: it is another thing that is tested.
    let mut elsewhere = place.soakd(["run", "held.toml", "--out", "elsewhere"]);
    elsewhere.env("SOAKD_BRANCH", "topic");
    place.finish(elsewhere).ends_with(1).results_in("unconfirmed: budget `history: baseline of anon_swap_bytes`");
    let worse = place.run(["run", "held.toml", "--out", "worst"]);
    assert!(matches!(worse.status.code(), Some(2 | 3)), "{worse}");
    worse.results_in("violated: budget `history: baseline of anon_swap_bytes`");
    // Neither those that wait nor those that failed are part of what later runs are held against.
    // The twelve before, and the one of another length, with which none of these is compared.
    place.run(["history", "baseline", "show", "held"]).results_in("13 good runs tell the noise");
    place.nothing_is_left();
}

#[test]
fn two_runs_two_files_and_two_profiles_are_compared() {
    let place = Place::new();
    soaked(&place, 2);
    let ids = place.run(["history", "list", "--format", "json"]).json();
    let id = |place: usize| ids[place]["run"].as_str().expect("an id").to_owned();
    let runs = place.run(["compare", &id(0), &id(1), "--format", "json"]);
    runs.ends_with(4);
    assert_eq!(runs.json()["schema"], "soakd.comparison/1");
    let schema = place.run(["schema", "compare"]).ends_with(0).json();
    jsonschema::meta::validate(&schema).expect("it is a JSON Schema");
    let schema = jsonschema::validator_for(&schema).expect("it can be used");
    let is_valid = |document: &serde_json::Value| {
        schema.validate(document).unwrap_or_else(|error| panic!("{}: {error}", error.instance_path()));
    };
    is_valid(&runs.json());
    let mut wrong = runs.json();
    wrong["outcome"] = "good".into();
    assert!(!schema.is_valid(&wrong));
    let file = |place_of: usize| format!("state/runs/{}/verdict.json", id(place_of));
    place.run(["compare", &file(0), &file(1)]).ends_with(4).results_in("the noise between runs is not known");
    place.run(["compare", "nothing", &file(1)]).ends_with(66);
    place.write("foreign.json", "{}");
    place.run(["compare", "foreign.json", &file(1)]).ends_with(65).says("not a verdict");
    place.run(["compare", "demo", &file(1)]).ends_with(64).says("a profile can only be compared with a profile");

    let profile = |script: &str| {
        format!(
            "[target]\ncommand = ['sh', '-c', '{script}']\n[sample]\ninterval = '20ms'\n\
             [judge]\nduration = '1s'\ntolerance = '1TiB/h'\nmetrics = ['anon_swap_bytes']\n"
        )
    };
    place.write("old.toml", &profile("exec sleep 600"));
    place.write("new.toml", &profile("x=$(head -c 8000000 /dev/zero | tr \\\\0 x); while :; do sleep 1; done"));
    let turns = place.run(["compare", "old.toml", "new.toml", "--rounds", "3"]);
    turns.results_in("more (anon_swap_bytes)").results_in("3 rounds").says("round 3 of 3, in turns");
    turns.ends_with(2);
    let side = place.run(["compare", "old.toml", "old.toml", "--rounds", "2", "--side-by-side", "--format", "json"]);
    assert!(matches!(side.status.code(), Some(0 | 4)), "{side}");
    assert_eq!(side.json()["runs"].as_array().map(Vec::len), Some(2));
    is_valid(&side.json());
    place.nothing_is_left();
}
