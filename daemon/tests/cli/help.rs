//! The help as people read it, 100 columns wide.

use crate::place::Place;

fn help(place: &Place, command: &[&str]) -> String {
    let mut soakd = place.soakd([command, &["--help"]].concat());
    soakd.env("COLUMNS", "100");
    let answer = place.finish(soakd);
    answer.ends_with(0);
    assert!(answer.stderr.is_empty(), "{answer}");
    answer.stdout
}

#[test]
fn every_command_explains_itself() {
    let place = Place::new();
    let commands: &[&[&str]] = &[
        &[],
        &["check"],
        &["run"],
        &["attach"],
        &["report"],
        &["history"],
        &["history", "list"],
        &["history", "show"],
        &["history", "trend"],
        &["history", "prune"],
        &["history", "export"],
        &["history", "baseline"],
        &["history", "baseline", "set"],
        &["history", "baseline", "show"],
        &["compare"],
        &["ctl"],
        &["ctl", "submit"],
        &["analyze"],
        &["daemon"],
        &["profile"],
        &["profile", "list"],
        &["profile", "show"],
        &["profile", "validate"],
        &["profile", "new"],
        &["watch"],
        &["schema"],
        &["doctor"],
        &["selftest"],
        &["reference"],
        &["reference", "serve"],
        &["reference", "run"],
    ];
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("help");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for command in commands {
            let name = [&["soakd"], *command].concat().join("-");
            insta::assert_snapshot!(name, help(&place, command));
        }
    });
}

#[test]
fn no_command_is_left_out() {
    let place = Place::new();
    let commands = help(&place, &[]);
    // Descriptions that go on in the next line are indented further.
    let is_name = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let listed = commands.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<&str> = listed
        .filter(is_name)
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() > 5, "{commands}");
    for name in names {
        let snapshot = format!("{}/tests/cli/help/soakd-{name}.snap", env!("CARGO_MANIFEST_DIR"));
        assert!(std::path::Path::new(&snapshot).exists(), "`{name}` has no snapshot of its help");
    }
}

#[test]
fn the_version_is_told() {
    let place = Place::new();
    place.run(["--version"]).ends_with(0).results_in(env!("CARGO_PKG_VERSION"));
    place.run([""; 0]).ends_with(64);
}
