//! Targets in units of systemd, with somebody else in the place of `systemd-run`. What a real one makes of it: `tests/systemd.rs`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::place::{Place, SHORT};

/// `soakd run` as ourselves in a unit, with this script as `systemd-run`.
fn soakd(place: &Place, systemd_run: &str) -> Command {
    let folder = place.path("bin");
    fs::create_dir_all(&folder).expect("a folder");
    let program = place.write("bin/systemd-run", &format!("#!/bin/sh\n{systemd_run}\n"));
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("its own file");
    let own = rustix::process::getuid().as_raw().to_string();
    let mut command = place.soakd(
        [&["run", "--in-unit", &own, "--out", "out"], SHORT, &["--", "sh", "-c", "echo up; exec sleep 600"]].concat(),
    );
    let path = std::env::var("PATH").expect("a PATH");
    command.env("PATH", format!("{}:{path}", folder.display()));
    command.env("SOAKD", env!("CARGO_BIN_EXE_soakd"));
    command
}

#[test]
fn a_target_is_kept_by_a_keeper_that_somebody_else_has_started() {
    let place = Place::new();
    // Hands its standard input on, as systemd does, and waits for an end that it will not see.
    let hands_on = "echo \"$@\" > arguments\nexec 3<&0\n\"$SOAKD\" __keeper --in-unit <&3 3<&- &\nexec sleep 600";
    place.finish(soakd(&place, hands_on)).ends_with(0).results_in("no_leak: ");
    assert_eq!(place.await_file("out/target.log"), "up\n");
    let arguments = place.await_file("arguments");
    assert!(arguments.contains("--description=soakd: target of `sh`"), "{arguments}");
    assert!(arguments.trim_end().ends_with("__keeper --in-unit"), "{arguments}");
    place.nothing_is_left();
}

#[test]
fn a_systemd_that_does_not_start_it_is_quoted() {
    let place = Place::new();
    place
        .finish(soakd(&place, "echo 'Failed to connect to bus: No such file or directory' >&2; exit 1"))
        .ends_with(69)
        .says("cannot start the target in a unit of its own: systemd has not started `soakd-target-")
        .says("Failed to connect to bus: No such file or directory")
        .says("hint: targets in units of their own need a host whose service manager is systemd");
    place.nothing_is_left();
}

#[test]
fn a_keeper_of_another_version_is_not_used() {
    let place = Place::new();
    let older = r#"{"Here":{"version":"0.0.1","pid":1,"start_ticks":1}}"#;
    let speaks = format!("printf '\\{:03o}\\0\\0\\0%s' '{older}' >&0\nexec sleep 600", older.len());
    place
        .finish(soakd(&place, &speaks))
        .ends_with(69)
        .says("soakd` is version 0.0.1, and the soakd that runs is version")
        .says("hint: it was upgraded: restart it");
    place.nothing_is_left();
}
