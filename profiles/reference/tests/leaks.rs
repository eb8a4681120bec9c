//! What the service says has leaked is what its process really holds.

#![expect(clippy::expect_used, reason = "a test that cannot go on ends here")]

use serde_json::json;
use soakd_reference::{Operation, RequestGenerator};

mod program;

use program::{Program, Service, wait_for};

const MIB: u64 = 1 << 20;

fn leaked_bytes(service: &Service) -> u64 {
    service.truth()["leaked_bytes"].as_u64().expect("a number")
}

#[test]
fn leaked_memory_is_resident() {
    let clean = Service::start(&[]);
    let leaking = Service::start(&["--leak", "step:64MiB@0s"]);
    wait_for("the step", || (leaked_bytes(&leaking) == 64 * MIB).then_some(()));
    let more_bytes = leaking.program.status_bytes("RssAnon") - clean.program.status_bytes("RssAnon");
    // The C library rounds what it takes from the kernel; it may not take less, nor much more.
    assert!((63 * MIB..68 * MIB).contains(&more_bytes), "{more_bytes}");
    assert_eq!(leaking.metric("soakd_reference_leaked_bytes"), (64 * MIB) as f64);
}

#[test]
fn a_leak_per_operation_follows_the_requests() {
    let service = Service::start(&["--leak", "linear:64B/op", "--leak", "descriptors:0.5/op"]);
    let descriptors_before = service.program.count("fd");
    let mut requests = RequestGenerator::new(1);
    for _ in 0..20 {
        service.post(Operation::Decode.path(), requests.request(Operation::Decode));
    }
    let truth = service.truth();
    assert_eq!((&truth["operations"], &truth["leaked_bytes"]), (&json!(20), &json!(1280)));
    assert_eq!(truth["leaked_descriptors"], 10);
    assert_eq!(truth["leaks"][1]["leak"], "descriptors:0.5/op");
    // Connections of this test come and go.
    wait_for("ten descriptors more", || (service.program.count("fd") == descriptors_before + 10).then_some(()));
}

#[test]
fn descriptors_and_threads_are_those_of_the_process() {
    let service = Service::start(&["--leak", "descriptors:100/s", "--leak", "threads:50/s"]);
    wait_for("twenty threads", || (service.program.count("task") > 20).then_some(()));
    wait_for("forty descriptors", || (service.program.count("fd") > 40).then_some(()));
    let before = service.program.count("task") as u64;
    let said = service.truth()["leaked_threads"].as_u64().expect("a number") + 1;
    let after = service.program.count("task") as u64;
    assert!((before..=after).contains(&said), "{before} {said} {after}");
}

#[test]
fn a_burst_is_released_and_its_memory_comes_back() {
    let service = Service::start(&["--leak", "burst:48MiB@0s+2s"]);
    // The peak stays visible, however late this looks.
    wait_for("the burst", || (service.program.status_bytes("VmHWM") > 48 * MIB).then_some(()));
    wait_for("its end", || (leaked_bytes(&service) == 0).then_some(()));
    wait_for("the memory", || (service.program.status_bytes("RssAnon") < 8 * MIB).then_some(()));
}

#[test]
fn a_service_without_descriptors_left_goes_on() {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "ulimit -n 64 && exec \"$@\"", "sh", env!("CARGO_BIN_EXE_soakd-reference")]);
    shell.args(["serve", "--leak", "descriptors:1000/s", "--traffic", "50"]);
    let mut program = Program::spawn(shell);
    assert!(program.line().starts_with("listening on"));
    // Nobody can connect any more, but it works on its own and ends in order.
    // Descriptors that whoever runs this test passed on may lie above the limit and do not count.
    wait_for("all descriptors", || (0..64).all(|number| program.has_descriptor(number)).then_some(()));
    program.send(rustix::process::Signal::TERM);
    assert!(program.end().0.success());
}

#[test]
fn a_run_leaks_as_it_goes() {
    let mut program = Program::start(&["run", "--leak", "linear:64KiB/op", "--operation", "metrics", "--rate", "500"]);
    program.line();
    wait_for("some MiB", || (program.status_bytes("RssAnon") > 16 * MIB).then_some(()));
}
