//! Whether a target can have a cgroup of its own.

use std::fs;
use std::path::{Path, PathBuf};

use soakd_sampler::{Cgroup, CgroupMounts, CgroupVersion};

use super::{Finding, Host};

const WITHOUT: &str =
    "targets share soakd's cgroup: their tree is followed by parents alone, and no memory limit can be set";

pub(super) fn cgroup(host: &Host) -> Finding {
    let mounts = CgroupMounts::parse(&host.read("/proc/self/mountinfo").unwrap_or_default());
    let memberships = host.read("/proc/self/cgroup").unwrap_or_default();
    let Some(own) = mounts.memory_cgroup_in(memberships.as_bytes()) else {
        return Finding::missing("no cgroup hierarchy that accounts for memory is mounted", WITHOUT)
            .action("mount it: `mount -t cgroup2 none /sys/fs/cgroup`");
    };
    let layout = mounts.layout().name();
    let shown = own.path.display();
    match try_to_make(&host.path(&own.path.to_string_lossy())) {
        Err(error) => Finding::limited(
            format!("cgroups are {layout}, and none can be made below `{shown}`: {error}"),
            WITHOUT,
        )
        .action("let systemd delegate one: `systemd-run --user --scope -p Delegate=yes soakd …`, or `Delegate=memory` in the unit"),
        Ok(()) if hands_down_memory(host, &own) => {
            Finding::ok(format!("cgroups are {layout}, and a target can have one of its own below `{shown}`"))
        }
        Ok(()) => Finding::limited(
            format!("cgroups are {layout}, and a target can have one below `{shown}`, but without the memory controller"),
            "a target's tree is held together by its cgroup, but its memory is not counted there and cannot be limited",
        )
        .action("hand the controller down: `Delegate=memory` and `DelegateSubgroup=soakd` in the unit"),
    }
}

/// Makes a cgroup and removes it: permission bits alone do not tell.
fn try_to_make(inside: &Path) -> std::io::Result<()> {
    let probe: PathBuf = inside.join(format!("soakd-doctor-{}", std::process::id()));
    fs::create_dir(&probe)?;
    fs::remove_dir(&probe)
}

/// Whether a cgroup below `own` has the memory controller. A v1 hierarchy has it throughout.
fn hands_down_memory(host: &Host, own: &Cgroup) -> bool {
    let file = own.path.join("cgroup.subtree_control");
    let enabled = || host.read(&file.to_string_lossy()).unwrap_or_default();
    own.version == CgroupVersion::V1 || enabled().split(' ').any(|controller| controller == "memory")
}
