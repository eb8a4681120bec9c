//! What soakd runs in and on.

use super::{Finding, Host};

/// `CAP_SYS_ADMIN` and `CAP_PERFMON` of linux/capability.h.
const SYS_ADMIN: u32 = 21;
const PERFMON: u32 = 38;

/// Clock sources that are read without a system call.
const FAST_CLOCKS: &[&str] =
    &["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter", "timebase", "tod"];

/// Files that container engines leave, and their names.
const CONTAINER_FILES: &[(&str, &str)] = &[("/.dockerenv", "Docker"), ("/run/.containerenv", "Podman")];

pub(super) fn container(host: &Host) -> Finding {
    let mut signs: Vec<String> = CONTAINER_FILES
        .iter()
        .filter(|(file, _)| host.path(file).exists())
        .map(|(file, engine)| format!("`{file}` ({engine})"))
        .collect();
    if let Some(engine) = host.read("/run/systemd/container").ok().filter(|engine| !engine.is_empty()) {
        signs.push(format!("`/run/systemd/container` ({engine})"));
    }
    let user_map = host.read("/proc/self/uid_map").unwrap_or_default();
    let is_whole_map = user_map.split_ascii_whitespace().eq(["0", "0", "4294967295"]);
    if !user_map.is_empty() && !is_whole_map {
        signs.push("a user namespace (`/proc/self/uid_map`)".to_owned());
    }
    if signs.is_empty() {
        return Finding::ok("no sign of a container");
    }
    Finding::limited(
        format!("signs of a container: {}", signs.join(", ")),
        "only processes inside can be seen and attached, root inside may be nobody outside, and figures of the host are \
         those of all that runs on it",
    )
    .action("to soak processes of the host, run soakd there, or share its pid namespace (`--pid=host`)")
}

pub(super) fn systemd(host: &Host) -> Finding {
    if host.path("/run/systemd/system").exists() {
        return Finding::ok("systemd runs this host");
    }
    Finding::limited("systemd does not run this host", "`soakd attach --unit` has no units to attach to")
        .action("attach by `--pid`, `--name` or `--cgroup`")
}

pub(super) fn perf(host: &Host) -> Finding {
    let Ok(text) = host.read("/proc/sys/kernel/perf_event_paranoid") else {
        return Finding::missing(
            "the kernel has no performance events",
            "nothing that is sampled needs them; who grew cannot be told by page faults",
        );
    };
    let paranoid = text.parse::<i32>().unwrap_or(i32::MAX);
    let found = format!("`kernel.perf_event_paranoid` is {text}");
    if paranoid <= 2 || host.has_capability(PERFMON) || host.has_capability(SYS_ADMIN) {
        return Finding::ok(found);
    }
    Finding::limited(
        found,
        "nothing that is sampled needs it; who grew cannot be told by page faults without a privilege",
    )
    .action("for that: `sysctl kernel.perf_event_paranoid=2`, or `CAP_PERFMON`")
}

pub(super) fn clock_source(host: &Host) -> Finding {
    let Ok(current) = host.read("/sys/devices/system/clocksource/clocksource0/current_clocksource") else {
        return Finding::ok("the kernel does not name its clock source");
    };
    if FAST_CLOCKS.contains(&current.as_str()) {
        return Finding::ok(format!("clock source `{current}`"));
    }
    Finding::limited(
        format!("clock source `{current}`"),
        "each look at the clock is a slow system call: latencies are coarser and sampling costs more",
    )
    .action("let the machine use `tsc` (kernel parameter `tsc=reliable` where it is)")
}
