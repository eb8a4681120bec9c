//! A cgroup of the target's own, where the host lets us make one.
//!
//! In the v2 hierarchy it ends a whole tree at one blow (`cgroup.kill`) and limits memory where the controller is
//! handed down; under the v1 memory controller it limits memory. Nothing outside of what we are in, or of what was
//! delegated to us, is touched. What could not be done is said, and the target runs all the same.

use std::fs;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::target::cgroup_hierarchies::{CgroupHierarchies, subfolders};
use crate::target::{LimitOutcome, Placement};

/// The cgroup of the keeper itself, in a unit that was delegated to it.
const KEEPER_NAME: &str = "keeper";
/// What their folders are called, before the pid of the keeper.
const NAME: &str = "soakd-target-";

/// The cgroups that a keeper has made.
#[derive(Debug, Default)]
pub(super) struct OwnCgroup {
    v2: Option<PathBuf>,
    v1_memory: Option<PathBuf>,
    memory_limit: Option<LimitOutcome>,
    remarks: Vec<String>,
}

/// So often is it tried to remove a cgroup, with so much time in between: half a second in all.
const REMOVAL_TRIES: u32 = 50;
const BETWEEN_REMOVALS: Duration = Duration::from_millis(10);

impl OwnCgroup {
    /// Makes them, below those that this process is in.
    pub(super) fn create(memory_limit_bytes: Option<u64>) -> Self {
        let layout = CgroupHierarchies::of_host();
        let memberships = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self::create_in(&layout, &memberships, memory_limit_bytes)
    }

    fn create_in(layout: &CgroupHierarchies, memberships: &str, memory_limit_bytes: Option<u64>) -> Self {
        let mut own = Self::default();
        let name = format!("{NAME}{}", std::process::id());
        let v2 = layout.v2().and_then(|mount| CgroupHierarchies::folder_in(mount, memberships));
        // A unit of our own has its limit from systemd, and all of v1 that a user may have.
        let is_in_unit = v2.as_ref().is_some_and(|inside| inside.ends_with(KEEPER_NAME));
        if let Some(inside) = v2 {
            let above = delegated_above(&inside).unwrap_or(inside);
            own.v2 = own.made(&above, &name);
            if own.v2.is_some() {
                hand_down(&above);
            }
        }
        let v1 = layout.v1("memory").and_then(|mount| CgroupHierarchies::folder_in(mount, memberships));
        if let Some(inside) = v1.filter(|_| !is_in_unit) {
            own.v1_memory = own.made(&inside, &name);
        }
        if own.v2.is_none() && own.v1_memory.is_none() && own.remarks.is_empty() {
            own.remarks.push("no cgroup hierarchy is mounted here".to_owned());
        }
        let held = limit_of_membership(layout, memberships);
        own.memory_limit = memory_limit_bytes.map(|bytes| match own.limit(bytes, held) {
            Ok(()) => LimitOutcome::Set,
            Err(why) => LimitOutcome::NotSet { why },
        });
        own
    }

    /// Without one, since none was wished for.
    pub(super) fn none(memory_limit_bytes: Option<u64>) -> Self {
        let why = "the target shares soakd's cgroup".to_owned();
        Self { memory_limit: memory_limit_bytes.map(|_| LimitOutcome::NotSet { why }), ..Self::default() }
    }

    fn made(&mut self, inside: &Path, name: &str) -> Option<PathBuf> {
        remove_abandoned(inside);
        let folder = inside.join(name);
        match fs::create_dir(&folder) {
            Ok(()) => Some(folder),
            Err(error) => {
                self.remarks.push(format!("no cgroup below `{}`: {error}", inside.display()));
                None
            }
        }
    }

    fn limit(&self, bytes: u64, held: Option<u64>) -> Result<(), String> {
        let failed = |file: &Path, error: io::Error| format!("`{}`: {error}", file.display());
        if let Some(folder) = &self.v2 {
            let file = folder.join("memory.max");
            if file.exists() {
                return fs::write(&file, bytes.to_string()).map_err(|error| failed(&file, error));
            }
        }
        match &self.v1_memory {
            // By the unit: nothing has to be set.
            None if held.is_some_and(|held| held <= bytes) => Ok(()),
            Some(folder) => {
                let file = folder.join("memory.limit_in_bytes");
                fs::write(&file, bytes.to_string()).map_err(|error| failed(&file, error))
            }
            None => Err("no cgroup with a memory controller is handed down to soakd (for a systemd service: \
                         Delegate=memory and DelegateSubgroup=)"
                .to_owned()),
        }
    }

    /// What soakd is told.
    pub(super) fn placement(&self) -> Placement {
        Placement {
            cgroup_v2: self.v2.clone(),
            cgroup_v1_memory: self.v1_memory.clone(),
            memory_limit: self.memory_limit.clone(),
            remarks: self.remarks.clone(),
        }
    }

    /// The files through which a process moves in.
    pub(super) fn doors(&mut self) -> Vec<OwnedFd> {
        let folders: Vec<PathBuf> = self.v2.iter().chain(&self.v1_memory).cloned().collect();
        let mut doors = Vec::new();
        for folder in folders {
            match fs::OpenOptions::new().write(true).open(folder.join("cgroup.procs")) {
                Ok(door) => doors.push(door.into()),
                Err(error) => self.give_up(&error),
            }
        }
        doors
    }

    /// Forgets the cgroups, since a process cannot be moved into them.
    pub(super) fn give_up(&mut self, error: &io::Error) {
        self.remarks.push(format!("the target cannot be moved into a cgroup of its own: {error}"));
        self.remove();
        if let Some(outcome) = &mut self.memory_limit {
            *outcome = LimitOutcome::NotSet { why: "the target has no cgroup of its own".to_owned() };
        }
    }

    /// Kills all that is in it. Where that is not possible the caller kills one by one.
    pub(super) fn kill(&self) {
        kill_in(self.v2.as_deref());
    }

    /// Removes what was made, once it is empty. The kernel may still count somebody in it who has just ended.
    pub(super) fn remove(&mut self) {
        for folder in self.v2.take().into_iter().chain(self.v1_memory.take()) {
            for _ in 0..REMOVAL_TRIES {
                remove_tree(&folder);
                if !folder.exists() {
                    break;
                }
                std::thread::sleep(BETWEEN_REMOVALS);
            }
        }
    }
}

/// The memory limit of the cgroups that this process is in, in bytes, where there is one.
fn limit_of_membership(layout: &CgroupHierarchies, memberships: &str) -> Option<u64> {
    let read = |mount, file| {
        let folder: PathBuf = CgroupHierarchies::folder_in(mount, memberships)?;
        let above = delegated_above(&folder).unwrap_or(folder);
        fs::read_to_string(above.join(file)).ok()?.trim().parse::<u64>().ok()
    };
    let v2 = layout.v2().and_then(|mount| read(mount, "memory.max"));
    let v1 = layout.v1("memory").and_then(|mount| read(mount, "memory.limit_in_bytes"));
    v2.into_iter().chain(v1).min()
}

/// Moves the keeper into a cgroup below that of its unit, where this was delegated to it: controllers are handed down only by a cgroup
/// that no process is in. Where it cannot, the target goes without its own limit, which is said then.
pub(super) fn step_aside() {
    let layout = CgroupHierarchies::of_host();
    let memberships = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let Some(inside) = layout.v2().and_then(|mount| CgroupHierarchies::folder_in(mount, &memberships)) else { return };
    let aside = inside.join(KEEPER_NAME);
    if fs::create_dir(&aside).is_ok() && fs::write(aside.join("cgroup.procs"), "0").is_err() {
        let _ = fs::remove_dir(&aside);
    }
}

/// Has the cgroups below `above` count what is in them: for the limit, and for the samples.
fn hand_down(above: &Path) {
    for controller in ["+memory", "+pids"] {
        // Refused while processes are in it, unless it is the top; then the files stay away.
        let file = fs::OpenOptions::new().write(true).open(above.join("cgroup.subtree_control"));
        let _ = file.and_then(|mut file| file.write_all(controller.as_bytes()));
    }
}

/// Kills all that is in this v2 cgroup, where the kernel has `cgroup.kill` (5.14).
pub(super) fn kill_in(folder: Option<&Path>) {
    if let Some(folder) = folder {
        let _ = fs::write(folder.join("cgroup.kill"), "1");
    }
}

/// Removes an empty cgroup, with those that the target made in it.
pub(super) fn remove_tree(folder: &Path) {
    for below in subfolders(folder) {
        remove_tree(&below);
    }
    // Left behind where something is in it after all: an empty folder is no harm.
    let _ = fs::remove_dir(folder);
}

/// Removes what a keeper has left that was killed together with its soakd. One that is not empty stays: the kernel
/// refuses to remove it.
fn remove_abandoned(inside: &Path) {
    for folder in subfolders(inside) {
        let keeper = folder.file_name().and_then(|name| name.to_str()?.strip_prefix(NAME)?.parse::<u32>().ok());
        if keeper.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            remove_tree(&folder);
        }
    }
}

/// The cgroup above, where it is one that a service manager has delegated to us and we are in a sub-cgroup of it
/// (`DelegateSubgroup=`): there, unlike in our own, controllers can be handed down.
fn delegated_above(inside: &Path) -> Option<PathBuf> {
    const UNITS: [&str; 3] = ["service", "scope", "slice"];
    let is_unit = inside.extension().is_some_and(|suffix| UNITS.iter().any(|unit| suffix == *unit));
    let above = inside.parent().filter(|_| !is_unit)?;
    let mut attribute = [0_u8; 8];
    let is_delegated = ["trusted.delegate", "user.delegate"].iter().any(|name| {
        rustix::fs::getxattr(above, *name, &mut attribute[..]).is_ok_and(|length| attribute[..length] == *b"1")
    });
    is_delegated.then(|| above.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that looks like a hierarchy; a plain file takes the place of each control file.
    fn host(filesystem: &str, options: &str) -> (tempfile::TempDir, CgroupHierarchies) {
        let folder = tempfile::tempdir().unwrap();
        let line = format!("1 2 0:1 / {} rw - {filesystem} none {options}\n", folder.path().display());
        fs::create_dir(folder.path().join("own")).unwrap();
        (folder, CgroupHierarchies::parse(&line))
    }

    #[test]
    fn a_limit_without_a_controller_is_said_not_to_hold() {
        let (folder, layout) = host("cgroup2", "rw");
        let mut own = OwnCgroup::create_in(&layout, "0::/own\n", Some(1 << 20));
        let placement = own.placement();
        let made = placement.cgroup_v2.unwrap();
        assert!(made.starts_with(folder.path().join("own")) && made.is_dir());
        assert!(
            matches!(placement.memory_limit, Some(LimitOutcome::NotSet { why }) if why.contains("DelegateSubgroup"))
        );
        own.remove();
        assert!(!made.exists());
    }

    #[test]
    fn under_v1_the_memory_controller_limits() {
        let (folder, layout) = host("cgroup", "rw,memory");
        let own = OwnCgroup::create_in(&layout, "4:memory:/own\n", Some(4096));
        let placement = own.placement();
        assert_eq!(placement.cgroup_v2, None);
        assert_eq!(placement.memory_limit, Some(LimitOutcome::Set));
        let limit = placement.cgroup_v1_memory.unwrap().join("memory.limit_in_bytes");
        assert!(limit.starts_with(folder.path()));
        assert_eq!(fs::read_to_string(limit).unwrap(), "4096");
    }

    #[test]
    fn a_limit_of_the_cgroup_around_it_holds_too() {
        let (folder, layout) = host("cgroup2", "rw");
        fs::write(folder.path().join("own/memory.max"), "4096\n").unwrap();
        let limit = |bytes| OwnCgroup::create_in(&layout, "0::/own\n", Some(bytes)).placement().memory_limit;
        assert_eq!(limit(4096), Some(LimitOutcome::Set));
        assert!(matches!(limit(4095), Some(LimitOutcome::NotSet { .. })));
    }

    #[test]
    fn what_a_killed_keeper_has_left_is_removed_and_what_a_living_one_has_is_not() {
        let (folder, layout) = host("cgroup2", "rw");
        let inside = folder.path().join("own");
        // Pids are below 2^22.
        let (abandoned, kept, other) = ("soakd-target-4194305", "soakd-target-1", "soakd-target-x");
        for name in [abandoned, kept, other] {
            fs::create_dir(inside.join(name)).unwrap();
        }
        OwnCgroup::create_in(&layout, "0::/own\n", None).remove();
        let left: std::collections::BTreeSet<_> =
            fs::read_dir(&inside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [kept, other].map(std::ffi::OsString::from).into());
    }

    #[test]
    fn a_host_that_allows_none_is_named() {
        let (_folder, layout) = host("cgroup2", "rw");
        let own = OwnCgroup::create_in(&layout, "0::/missing\n", None);
        assert_eq!(own.placement().cgroup_v2, None);
        assert!(own.placement().remarks[0].contains("/missing"), "{:?}", own.placement().remarks);
        let own = OwnCgroup::create_in(&CgroupHierarchies::default(), "", None);
        assert_eq!(own.placement().remarks, ["no cgroup hierarchy is mounted here"]);
    }
}
