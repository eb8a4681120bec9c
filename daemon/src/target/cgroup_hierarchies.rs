//! Where the cgroup hierarchies are mounted, and in which cgroups a process is.
//!
//! Knows the three layouts: v2 alone, v1 alone, and both side by side (hybrid).

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// One hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hierarchy {
    /// The unified one.
    V2,
    /// One of v1, with the controllers (or the `name=` entry) it was mounted with.
    V1(Vec<String>),
}

/// Where a hierarchy is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) hierarchy: Hierarchy,
    /// The cgroup that the mount shows at its top; `/` but in containers.
    shown: PathBuf,
    pub(crate) folder: PathBuf,
}

impl Mount {
    /// The folder of a cgroup that is named as in `/proc/PID/cgroup`; `None` if it lies outside of what is mounted.
    pub(crate) fn folder_of(&self, cgroup: &Path) -> Option<PathBuf> {
        let below = cgroup.strip_prefix(&self.shown).ok()?;
        // Also for an empty rest: no trailing slash.
        Some(self.folder.join(below).components().collect())
    }

    fn is_v1_with(&self, controller: &str) -> bool {
        matches!(&self.hierarchy, Hierarchy::V1(controllers) if controllers.iter().any(|name| name == controller))
    }
}

/// All hierarchies of this host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CgroupHierarchies {
    mounts: Vec<Mount>,
}

impl CgroupHierarchies {
    /// That of the host.
    pub(crate) fn of_host() -> Self {
        fs::read_to_string("/proc/self/mountinfo").map(|text| Self::parse(&text)).unwrap_or_default()
    }

    /// From the text of `mountinfo`.
    pub(crate) fn parse(mountinfo: &str) -> Self {
        Self { mounts: mountinfo.lines().filter_map(mount).collect() }
    }

    /// The unified hierarchy.
    pub(crate) fn v2(&self) -> Option<&Mount> {
        self.mounts.iter().find(|mount| mount.hierarchy == Hierarchy::V2)
    }

    /// The v1 hierarchy with this controller or `name=` entry.
    pub(crate) fn v1(&self, controller: &str) -> Option<&Mount> {
        self.mounts.iter().find(|mount| mount.is_v1_with(controller))
    }

    /// The hierarchies in which a service manager keeps its units, the likeliest first.
    pub(crate) fn of_units(&self) -> impl Iterator<Item = &Mount> {
        self.v1("name=systemd").into_iter().chain(self.v2()).chain(self.v1("memory"))
    }

    /// All of them.
    pub(crate) fn mounts(&self) -> &[Mount] {
        &self.mounts
    }

    /// The folder of the cgroup that `memberships` (the text of `/proc/PID/cgroup`) names in `mount`.
    pub(crate) fn folder_in(mount: &Mount, memberships: &str) -> Option<PathBuf> {
        let path = memberships.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            let here = match &mount.hierarchy {
                Hierarchy::V2 => controllers.is_empty(),
                Hierarchy::V1(mounted) => controllers.split(',').any(|name| mounted.iter().any(|other| other == name)),
            };
            here.then_some(path)
        })?;
        mount.folder_of(Path::new(path))
    }
}

/// One line of `mountinfo`, if it mounts a cgroup hierarchy.
fn mount(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ');
    let shown = unescape(before.nth(3)?);
    let folder = unescape(before.next()?);
    let mut after = after.split(' ');
    let hierarchy = match after.next()? {
        "cgroup2" => Hierarchy::V2,
        "cgroup" => {
            const FLAGS: [&str; 6] = ["rw", "ro", "xattr", "noprefix", "clone_children", "favordynmods"];
            let options = after.nth(1)?.split(',');
            let controllers = options.filter(|option| !FLAGS.contains(option) && !option.starts_with("release_agent="));
            Hierarchy::V1(controllers.map(str::to_owned).collect())
        }
        _ => return None,
    };
    Some(Mount { hierarchy, shown: shown.into(), folder: folder.into() })
}

/// `mountinfo` writes blanks and backslashes in octal.
fn unescape(field: &str) -> String {
    let codes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    codes.iter().fold(field.to_owned(), |text, (code, character)| text.replace(code, character))
}

/// The pids in a cgroup and in all below it.
///
/// # Errors
/// When the folder itself cannot be read; one below that has just gone is passed over.
pub(crate) fn pids_in(folder: &Path) -> io::Result<BTreeSet<u32>> {
    let mut pids: BTreeSet<u32> = pids_directly_in(folder)?;
    let mut open = subfolders(folder);
    while let Some(folder) = open.pop() {
        pids.extend(pids_directly_in(&folder).unwrap_or_default());
        open.extend(subfolders(&folder));
    }
    Ok(pids)
}

fn pids_directly_in(folder: &Path) -> io::Result<BTreeSet<u32>> {
    let text = match fs::read_to_string(folder.join("cgroup.procs")) {
        // A threaded cgroup does not list processes; its domain above does.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::OPNOTSUPP.raw_os_error()) => String::new(),
        text => text?,
    };
    // A process outside of our pid namespace is shown as 0.
    Ok(text.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid != 0).collect())
}

/// The folders directly below.
pub(crate) fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &str = "24 1 0:22 / /proc rw - proc proc rw\n\
        35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n";
    const HYBRID: &str = "35 24 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
        36 24 0:31 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n\
        37 24 0:32 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
        38 24 0:33 /docker/4f /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";

    #[test]
    fn the_unified_layout_is_found() {
        let layout = CgroupHierarchies::parse(V2);
        let mount = layout.v2().unwrap();
        let folder = CgroupHierarchies::folder_in(mount, "0::/system.slice/nginx.service\n").unwrap();
        assert_eq!(folder, Path::new("/sys/fs/cgroup/system.slice/nginx.service"));
        assert_eq!(layout.v1("memory"), None);
    }

    #[test]
    fn the_hybrid_layout_has_both() {
        let layout = CgroupHierarchies::parse(HYBRID);
        assert_eq!(layout.v2().unwrap().folder, Path::new("/sys/fs/cgroup/unified"));
        assert_eq!(layout.v1("name=systemd").unwrap().folder, Path::new("/sys/fs/cgroup/systemd"));
        assert_eq!(layout.v1("cpuacct").unwrap().folder, Path::new("/sys/fs/cgroup/cpu,cpuacct"));
        assert_eq!(layout.mounts().len(), 4);
    }

    #[test]
    fn what_a_container_sees_is_counted_from_its_own_top() {
        let layout = CgroupHierarchies::parse(HYBRID);
        let memory = layout.v1("memory").unwrap();
        let own = "4:memory:/docker/4f\n0::/\n";
        assert_eq!(CgroupHierarchies::folder_in(memory, own).unwrap(), Path::new("/sys/fs/cgroup/memory"));
        assert_eq!(
            CgroupHierarchies::folder_in(memory, "4:memory:/docker/4f/a\n").unwrap(),
            Path::new("/sys/fs/cgroup/memory/a")
        );
        assert_eq!(CgroupHierarchies::folder_in(memory, "4:memory:/elsewhere\n"), None);
        assert_eq!(CgroupHierarchies::folder_in(memory, ""), None);
    }

    #[test]
    fn blanks_in_a_mount_point_are_read() {
        let layout = CgroupHierarchies::parse("1 2 0:1 / /mnt/my\\040groups rw - cgroup2 none rw\n");
        assert_eq!(layout.v2().unwrap().folder, Path::new("/mnt/my groups"));
    }

    #[test]
    fn pids_below_count_and_foreign_ones_do_not() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("cgroup.procs"), "12\n0\n").unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        fs::write(folder.path().join("a/b/cgroup.procs"), "13\n").unwrap();
        assert_eq!(pids_in(folder.path()).unwrap(), BTreeSet::from([12, 13]));
        assert!(pids_in(&folder.path().join("missing")).is_err());
    }
}
