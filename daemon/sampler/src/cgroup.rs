//! Control groups, v1, v2 and hybrid: which one a process is in, who else is, what it may use and uses.
//!
//! What each kind of memory in `memory.stat` means stands in `cgroup_stat`, whose a cgroup is in `cgroup_owner`.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use procfs::process::MountInfo;
use procfs::{FromRead, ProcessCGroups};
use rustix::fs::{Mode, OFlags};

use crate::error::SampleError;
use crate::fields::{number, whole_lines};
use crate::proc_root::ProcRoot;

/// Which interface a cgroup has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CgroupVersion {
    /// A hierarchy for each controller.
    V1,
    /// One hierarchy for all.
    V2,
}

/// What is looked for in the cgroups of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CgroupController {
    /// Memory: v1 where that controller is mounted as v1, else v2.
    Memory,
    /// Number of tasks: likewise.
    Pids,
    /// Pressure: v2 only.
    Pressure,
}

/// How a host has its cgroups mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CgroupLayout {
    /// Only v1 hierarchies.
    V1,
    /// Only the v2 hierarchy.
    V2,
    /// v1 hierarchies and beside them a v2 one without the memory controller.
    Hybrid,
    /// Nothing is mounted.
    None,
}

impl CgroupLayout {
    /// The name in reports: `v1`, `v2`, `hybrid`, `none`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::Hybrid => "hybrid",
            Self::None => "none",
        }
    }
}

/// One mounted hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hierarchy {
    version: CgroupVersion,
    /// Names of v1 controllers (`memory`, `name=systemd`); empty for v2.
    controllers: Vec<String>,
    /// The cgroup that is shown at the mount point: `/`, or deeper in a container.
    root: String,
    mount_point: PathBuf,
}

/// The cgroup hierarchies that are mounted here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CgroupMounts {
    hierarchies: Vec<Hierarchy>,
}

/// One cgroup, as a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroup {
    /// Which interface its files have.
    pub version: CgroupVersion,
    /// Its folder.
    pub path: PathBuf,
    mount_point: PathBuf,
}

impl CgroupMounts {
    /// What is mounted, from `self/mountinfo` below `root`.
    ///
    /// # Errors
    /// When that file cannot be read.
    pub fn read(root: &ProcRoot) -> Result<Self, SampleError> {
        let text = std::fs::read(root.path().join("self/mountinfo"))?;
        Ok(Self::parse(&String::from_utf8_lossy(&text)))
    }

    /// Takes the cgroup mounts out of the text of `mountinfo`; lines that make no sense are left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut hierarchies: Vec<Hierarchy> = Vec::new();
        for line in text.lines().filter(|line| line.contains(" - cgroup")) {
            let Ok(mount) = MountInfo::from_line(line) else { continue };
            let (version, controllers) = match mount.fs_type.as_str() {
                "cgroup2" => (CgroupVersion::V2, Vec::new()),
                "cgroup" => {
                    let named = mount.super_options.iter().map(|(key, value)| match value {
                        Some(value) => format!("{key}={value}"),
                        None => key.clone(),
                    });
                    (CgroupVersion::V1, named.filter(|name| name != "rw" && name != "ro").collect())
                }
                _ => continue,
            };
            let hierarchy = Hierarchy { version, controllers, root: mount.root, mount_point: mount.mount_point };
            // Mounted twice: the one that shows more comes first.
            let place = hierarchies.iter().position(|other| other.root.len() > hierarchy.root.len());
            hierarchies.insert(place.unwrap_or(hierarchies.len()), hierarchy);
        }
        Self { hierarchies }
    }

    /// How cgroups are mounted here.
    #[must_use]
    pub fn layout(&self) -> CgroupLayout {
        let has = |version| self.hierarchies.iter().any(|hierarchy| hierarchy.version == version);
        match (has(CgroupVersion::V1), has(CgroupVersion::V2)) {
            (true, true) => CgroupLayout::Hybrid,
            (true, false) => CgroupLayout::V1,
            (false, true) => CgroupLayout::V2,
            (false, false) => CgroupLayout::None,
        }
    }

    /// The cgroup that accounts for the memory of `pid`: its v1 `memory` cgroup where that controller is mounted as v1, else its
    /// v2 cgroup. `None` where neither is mounted, or it lies outside of what is mounted here.
    ///
    /// # Errors
    /// When `/proc/PID/cgroup` cannot be read.
    pub fn memory_cgroup(&self, root: &ProcRoot, pid: u32) -> Result<Option<Cgroup>, SampleError> {
        let text = std::fs::read(root.process_file(pid, "cgroup"))?;
        Ok(self.memory_cgroup_in(&text))
    }

    /// As [`CgroupMounts::memory_cgroup`], from the text of `/proc/PID/cgroup`.
    #[must_use]
    pub fn memory_cgroup_in(&self, text: &[u8]) -> Option<Cgroup> {
        self.cgroup_in(text, CgroupController::Memory)
    }

    /// The cgroup that `controller` puts a process in, from the text of its `/proc/PID/cgroup`. `None` where it is not
    /// mounted, or lies outside of what is mounted here.
    #[must_use]
    pub fn cgroup_in(&self, text: &[u8], controller: CgroupController) -> Option<Cgroup> {
        let wanted = match controller {
            CgroupController::Memory => "memory",
            CgroupController::Pids => "pids",
            // No hierarchy of v1 has it.
            CgroupController::Pressure => "",
        };
        let ProcessCGroups(groups) = ProcessCGroups::from_read(text).ok()?;
        let has = |names: &[String]| !wanted.is_empty() && names.iter().any(|name| name == wanted);
        let v1 = groups.iter().find(|group| has(&group.controllers));
        let v2 = groups.iter().find(|group| group.hierarchy == 0);
        let is_v1 = |hierarchy: &&Hierarchy| has(&hierarchy.controllers);
        let is_v2 = |hierarchy: &&Hierarchy| hierarchy.version == CgroupVersion::V2;
        v1.and_then(|group| self.folder(&group.pathname, is_v1))
            .or_else(|| v2.and_then(|group| self.folder(&group.pathname, is_v2)))
    }

    /// The cgroup `pathname` in the first fitting hierarchy that shows it.
    fn folder(&self, pathname: &str, fits: impl Fn(&&Hierarchy) -> bool) -> Option<Cgroup> {
        // A path that begins with `/..` lies above the root of this cgroup namespace.
        if Path::new(pathname).components().any(|part| part == std::path::Component::ParentDir) {
            return None;
        }
        self.hierarchies.iter().filter(fits).find_map(|hierarchy| {
            let below = Path::new(pathname).strip_prefix(&hierarchy.root).ok()?;
            Some(Cgroup {
                version: hierarchy.version,
                path: hierarchy.mount_point.join(below),
                mount_point: hierarchy.mount_point.clone(),
            })
        })
    }
}

impl Cgroup {
    /// The cgroup at the folder `path`, below `mount_point`.
    #[must_use]
    pub fn at(version: CgroupVersion, mount_point: impl Into<PathBuf>, path: impl Into<PathBuf>) -> Self {
        Self { version, path: path.into(), mount_point: mount_point.into() }
    }

    /// The smallest cgroup that holds both.
    pub(crate) fn common_with(self, other: Self) -> Self {
        let mut path = self.path;
        while !other.path.starts_with(&path) && path.pop() {}
        Self { path, ..other }
    }

    /// The memory, in bytes, that it and all above it allow: the smallest limit on the way up. `None` without any limit.
    #[must_use]
    pub fn memory_limit_bytes(&self) -> Option<u64> {
        let file = match self.version {
            CgroupVersion::V1 => "memory.limit_in_bytes",
            CgroupVersion::V2 => "memory.max",
        };
        self.smallest_on_the_way_up(file)
    }

    /// The threads that it and all above it allow: the smallest limit on the way up. `None` without any limit.
    #[must_use]
    pub fn tasks_limit_count(&self) -> Option<u64> {
        self.smallest_on_the_way_up("pids.max")
    }

    fn smallest_on_the_way_up(&self, file: &str) -> Option<u64> {
        let way_up = self.path.ancestors().take_while(|folder| folder.starts_with(&self.mount_point));
        way_up.filter_map(|folder| parse_limit(&std::fs::read(folder.join(file)).ok()?)).min()
    }

    /// The memory, in bytes, that is charged to it now, page cache included.
    ///
    /// # Errors
    /// When the file cannot be read; [`SampleError::Unsupported`] for the root cgroup of v2, which has none.
    pub fn memory_usage_bytes(&self) -> Result<u64, SampleError> {
        let file = match self.version {
            CgroupVersion::V1 => "memory.usage_in_bytes",
            CgroupVersion::V2 => "memory.current",
        };
        match std::fs::read(self.path.join(file)) {
            Ok(text) => number(text.trim_ascii_end()).ok_or(SampleError::Garbled { expected: "a number of bytes" }),
            Err(error) if error.kind() == ErrorKind::NotFound && self.path.exists() => Err(SampleError::Unsupported),
            Err(error) => Err(error.into()),
        }
    }
}

/// A limit in bytes or threads; `None` for `max`, and for the huge numbers with which v1 says the same.
fn parse_limit(text: &[u8]) -> Option<u64> {
    const UNLIMITED: u64 = 1 << 62;
    number(text.trim_ascii_end()).filter(|amount| *amount < UNLIMITED)
}

/// Lists the pids of a cgroup and of all below it.
#[derive(Debug)]
pub(crate) struct CgroupMembers {
    top: PathBuf,
    folders: Vec<Folder>,
    text: Vec<u8>,
    has_unnamed: bool,
}

#[derive(Debug)]
struct Folder {
    /// Path of its `cgroup.procs`.
    procs: PathBuf,
    path: PathBuf,
    /// Number of links when its folders were listed: two, and one for each folder in it.
    links: u64,
}

impl CgroupMembers {
    pub(crate) fn new(top: PathBuf) -> Self {
        Self { top, folders: Vec::new(), text: Vec::new(), has_unnamed: false }
    }

    /// Whether the last reading found processes that this pid namespace cannot name.
    pub(crate) fn has_unnamed(&self) -> bool {
        self.has_unnamed
    }

    /// Puts the pids into `pids`, unsorted, some perhaps twice. `look_below` looks for new cgroups in any case, not only
    /// where the number of folders changed.
    pub(crate) fn read(&mut self, look_below: bool, pids: &mut Vec<u32>) -> Result<(), SampleError> {
        pids.clear();
        self.has_unnamed = false;
        if look_below || self.folders.is_empty() || self.folders.iter().any(Folder::has_changed) {
            self.folders.clear();
            find_folders(&self.top, &mut self.folders)?;
        }
        for (index, folder) in self.folders.iter().enumerate() {
            match read_whole(&folder.procs, &mut self.text) {
                Ok(()) => {
                    // 0 stands for a process that this pid namespace cannot name.
                    self.has_unnamed |= whole_lines(&self.text).any(|line| line == b"0");
                    pids.extend(
                        whole_lines(&self.text)
                            .filter_map(|line| u32::try_from(number(line)?).ok())
                            .filter(|pid| *pid > 0),
                    );
                }
                // A threaded cgroup lists its processes in the one above it.
                Err(SampleError::Unsupported) if index > 0 => {}
                // Removed, which is only possible when it is empty.
                Err(_) if !folder.path.exists() && index > 0 => {}
                Err(_) if !folder.path.exists() => return Err(SampleError::Vanished),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Reads the file at `path` into `text`. It is opened each time: v1 answers an open file from a list that it made before.
fn read_whole(path: &Path, text: &mut Vec<u8>) -> Result<(), SampleError> {
    let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    text.clear();
    loop {
        text.reserve(4096);
        if rustix::io::read(&file, rustix::buffer::spare_capacity(text))? == 0 {
            return Ok(());
        }
    }
}

impl Folder {
    fn has_changed(&self) -> bool {
        std::fs::metadata(&self.path).map_or(true, |facts| facts.nlink() != self.links)
    }
}

fn find_folders(path: &Path, folders: &mut Vec<Folder>) -> Result<(), SampleError> {
    let links = std::fs::metadata(path)?.nlink();
    folders.push(Folder { procs: path.join("cgroup.procs"), path: path.to_owned(), links });
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            match find_folders(&entry.path(), folders) {
                Ok(()) | Err(SampleError::Vanished) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
    const V2: &str =
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n";

    fn memory_folder(mounts: &str, groups: &str) -> Option<(CgroupVersion, PathBuf)> {
        let cgroup = CgroupMounts::parse(mounts).memory_cgroup_in(groups.as_bytes())?;
        Some((cgroup.version, cgroup.path))
    }

    #[test]
    fn the_layout_follows_from_what_is_mounted() {
        assert_eq!(CgroupMounts::parse(HYBRID).layout(), CgroupLayout::Hybrid);
        assert_eq!(CgroupMounts::parse(V2).layout(), CgroupLayout::V2);
        let v1 = HYBRID.lines().filter(|line| !line.contains("cgroup2")).collect::<Vec<_>>().join("\n");
        assert_eq!(CgroupMounts::parse(&v1).layout(), CgroupLayout::V1);
        assert_eq!(CgroupMounts::parse("1 2 - cgroup\ngarbage - cgroup2\n").layout(), CgroupLayout::None);
    }

    #[test]
    fn memory_is_accounted_where_its_controller_is() {
        let found = memory_folder(HYBRID, "8:pids:/x\n4:memory:/a/b\n0::/c\n");
        assert_eq!(found, Some((CgroupVersion::V1, PathBuf::from("/sys/fs/cgroup/memory/a/b"))));
        let found = memory_folder(V2, "0::/system.slice/nginx.service\n");
        assert_eq!(found, Some((CgroupVersion::V2, PathBuf::from("/sys/fs/cgroup/system.slice/nginx.service"))));
        assert_eq!(memory_folder("", "0::/a\n"), None);
        assert_eq!(memory_folder(V2, "garbage"), None);
    }

    #[test]
    fn a_container_shows_a_part_of_the_hierarchy_as_its_root() {
        let mounts = "30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n";
        let found = memory_folder(mounts, "0::/docker/abc/worker\n");
        assert_eq!(found, Some((CgroupVersion::V2, PathBuf::from("/sys/fs/cgroup/worker"))));
        assert_eq!(memory_folder(mounts, "0::/docker/other\n"), None);
        assert_eq!(memory_folder(V2, "0::/../outside\n"), None);
    }

    #[test]
    fn the_smallest_limit_on_the_way_up_counts() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(below.join("memory.limit_in_bytes"), "9223372036854771712\n").unwrap();
        let cgroup = Cgroup::at(CgroupVersion::V1, folder.path(), &below);
        assert_eq!(cgroup.memory_limit_bytes(), None);
        std::fs::write(folder.path().join("a/memory.limit_in_bytes"), "1048576\n").unwrap();
        assert_eq!(cgroup.memory_limit_bytes(), Some(1 << 20));
        assert_eq!(cgroup.memory_usage_bytes(), Err(SampleError::Unsupported));
        std::fs::write(below.join("memory.usage_in_bytes"), "4096\n").unwrap();
        assert_eq!(cgroup.memory_usage_bytes(), Ok(4096));
        let removed = Cgroup::at(CgroupVersion::V2, folder.path(), folder.path().join("gone"));
        assert_eq!(removed.memory_usage_bytes(), Err(SampleError::Vanished));
    }

    #[test]
    fn members_of_all_cgroups_below_are_listed_also_of_new_ones() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("top");
        std::fs::create_dir_all(top.join("a")).unwrap();
        std::fs::write(top.join("cgroup.procs"), "1\n0\n12\n").unwrap();
        std::fs::write(top.join("a/cgroup.procs"), "300\n30").unwrap();
        let mut members = CgroupMembers::new(top.clone());
        let mut pids = Vec::new();
        members.read(false, &mut pids).unwrap();
        assert_eq!(pids, [1, 12, 300]);
        std::fs::create_dir_all(top.join("b")).unwrap();
        std::fs::write(top.join("b/cgroup.procs"), "7\n").unwrap();
        members.read(false, &mut pids).unwrap();
        pids.sort_unstable();
        assert_eq!(pids, [1, 7, 12, 300]);
        std::fs::remove_dir_all(&top).unwrap();
        assert_eq!(members.read(false, &mut pids), Err(SampleError::Vanished));
        assert!(pids.is_empty());
    }

    #[test]
    fn the_cgroup_of_this_process_charges_its_memory() {
        let root = ProcRoot::default();
        let mounts = CgroupMounts::read(&root).unwrap();
        // A host may have no memory controller at all, or show the process none.
        if let Some(cgroup) = mounts.memory_cgroup(&root, std::process::id()).unwrap() {
            assert!(cgroup.path.is_dir(), "{cgroup:?}");
            assert!(matches!(cgroup.memory_usage_bytes(), Ok(1..) | Err(SampleError::Unsupported)));
        }
    }
}
