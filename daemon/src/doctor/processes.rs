//! Reading processes: what `/proc` shows, and of whom.

use super::{Finding, Host};

/// `CAP_SYS_PTRACE` of linux/capability.h.
const SYS_PTRACE: u32 = 19;

pub(super) fn proc(host: &Host) -> Finding {
    match host.read("/proc/self/stat") {
        Ok(_) => Finding::ok("`/proc` shows processes"),
        Err(error) => Finding::missing(
            format!("`/proc/self/stat` cannot be read: {error}"),
            "every figure about a process comes from there: nothing can be measured",
        )
        .action("mount it: `mount -t proc proc /proc`"),
    }
}

pub(super) fn smaps_rollup(host: &Host) -> Finding {
    match host.read("/proc/self/smaps_rollup") {
        Ok(_) => Finding::ok("`smaps_rollup` gives shared and private memory"),
        Err(error) => Finding::missing(
            format!("`/proc/self/smaps_rollup` cannot be read: {error}"),
            "`pss_bytes` and `uss_bytes` are not measured; resident and anonymous memory are",
        )
        .action("use Linux 4.14 or later"),
    }
}

/// The value of the mount option `hidepid` of `/proc`, unless it is the default.
fn hidepid_option(host: &Host) -> Option<String> {
    let mounts = host.read("/proc/self/mountinfo").ok()?;
    // Of several mounts on one place, the last is seen.
    let options = mounts
        .lines()
        .filter(|line| line.split(' ').nth(4) == Some("/proc"))
        .filter_map(|line| line.rsplit_once(' '))
        .next_back()?
        .1;
    let value = options.split(',').find_map(|option| option.strip_prefix("hidepid="))?;
    (!matches!(value, "0" | "off")).then(|| value.to_owned())
}

pub(super) fn hidepid(host: &Host) -> Finding {
    match hidepid_option(host) {
        None => Finding::ok("processes of all users are visible"),
        Some(value) if host.has_capability(SYS_PTRACE) => {
            Finding::ok(format!("`/proc` is mounted with `hidepid={value}`, which does not hold for soakd"))
        }
        Some(value) => Finding::limited(
            format!("`/proc` is mounted with `hidepid={value}`"),
            "processes of other users are hidden: they cannot be attached, and children that change their user are missed",
        )
        .action("run soakd as the user of the target, or in the group that the mount option `gid=` names"),
    }
}

pub(super) fn other_users(host: &Host) -> Finding {
    if host.has_capability(SYS_PTRACE) {
        return Finding::ok("processes of all users can be read");
    }
    Finding::limited(
        "soakd has no `CAP_SYS_PTRACE`",
        "of other users' processes the resident memory, threads and CPU time are measured, but no shared or private memory \
         (`pss_bytes`, `uss_bytes`) and no descriptors",
    )
    .action("run soakd as the user of the target, or give it the capability (systemd: `AmbientCapabilities=CAP_SYS_PTRACE`)")
}

pub(super) fn ptrace_scope(host: &Host) -> Finding {
    let scope = host.read("/proc/sys/kernel/yama/ptrace_scope").ok().and_then(|text| text.parse::<u8>().ok());
    let who = match scope {
        None | Some(0) => return Finding::ok("debuggers and profilers may attach to processes of the same user"),
        Some(3) => "to no process",
        Some(_) if host.has_capability(SYS_PTRACE) => {
            return Finding::ok("debuggers and profilers may attach, since soakd has `CAP_SYS_PTRACE`");
        }
        Some(1) => "only to its own children",
        Some(_) => "only with `CAP_SYS_PTRACE`",
    };
    Finding::limited(
        format!("`kernel.yama.ptrace_scope` is {}: a debugger may attach {who}", scope.unwrap_or_default()),
        "soakd samples without attaching, so all figures are there; stacks of a running target cannot be taken",
    )
    .action("for stacks: `sysctl kernel.yama.ptrace_scope=0` (3 can only be left by a reboot)")
}

pub(super) fn pidfd(host: &Host) -> Finding {
    match (host.kernel.pidfd)() {
        Ok(()) => Finding::ok("the end of a process is told at once"),
        Err(error) => Finding::limited(
            format!("`pidfd_open` does not work: {error}"),
            "the end of an attached target is noticed with the next sample, not at once",
        )
        .action("use Linux 5.3 or later, or let `pidfd_open` through the container's seccomp filter"),
    }
}

pub(super) fn children(host: &Host) -> Finding {
    let is_there =
        host.own_status("Pid").is_some_and(|pid| host.path(&format!("/proc/self/task/{pid}/children")).exists());
    // Not missed: soakd goes by the parents that processes name, also for a child that was adopted by another.
    Finding::ok(if is_there {
        "the kernel lists the children of a process; soakd finds trees by parents and can do without"
    } else {
        "the kernel does not list the children of a process; soakd finds trees by parents and can do without"
    })
}
