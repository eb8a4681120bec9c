//! Finds a running target by pid, name, systemd unit or cgroup. Looks only: nothing is signalled or traced.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::cgroup_hierarchies::{CgroupHierarchies, pids_in, subfolders};
use super::{AttachTo, Membership, ProcessId, TargetError};
use crate::keeper::family::{Relative, all_processes};

/// How deep units lie below the top: slices in slices, the manager of a user, its slices.
const DEEPEST_UNIT: usize = 8;
/// How much of a command line is shown.
const SHOWN_CHARACTERS: usize = 60;
/// How late the end of a process may be seen for its successor to be told from what it has left behind.
const QUICKEST_HEIR_S: f64 = 1.0;
const UNIT_SUFFIXES: [&str; 4] = [".service", ".scope", ".slice", ".socket"];
const UNIT_FILES: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/transient",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// A target that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) process: ProcessId,
    pub(super) membership: Membership,
}

/// How to look for a target, and for its successor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Search {
    /// One process.
    Pid(u32),
    /// All of a name.
    Name(String),
    /// A cgroup that is (or will be) at this folder.
    Folder(PathBuf),
}

/// Where to look for what the user named.
///
/// # Errors
/// When there is no such unit or cgroup.
pub(super) fn search_for(to: &AttachTo) -> Result<Search, TargetError> {
    search_in(to, &CgroupHierarchies::of_host())
}

fn search_in(to: &AttachTo, hierarchies: &CgroupHierarchies) -> Result<Search, TargetError> {
    let bad = |what| TargetError::BadName { to: to.clone(), what };
    match to {
        AttachTo::Pid(0) => Err(bad("pids begin at 1")),
        AttachTo::Pid(pid) => Ok(Search::Pid(*pid)),
        AttachTo::Name(name) if name.is_empty() => Err(bad("the name is empty")),
        AttachTo::Name(name) if name.contains('/') => Err(bad("a name has no `/`; it is that of the file alone")),
        AttachTo::Name(name) => Ok(Search::Name(name.clone())),
        AttachTo::Unit(unit) if unit.is_empty() || unit.contains('/') => Err(bad("that is no name of a unit")),
        AttachTo::Unit(unit) => unit_folder(to, unit, hierarchies).map(Search::Folder),
        AttachTo::Cgroup(path) => cgroup_folder(to, path, hierarchies).map(Search::Folder),
    }
}

fn unit_folder(to: &AttachTo, unit: &str, hierarchies: &CgroupHierarchies) -> Result<PathBuf, TargetError> {
    let name = match UNIT_SUFFIXES.iter().any(|suffix| unit.ends_with(suffix)) {
        true => unit.to_owned(),
        false => format!("{unit}.service"),
    };
    if let Some(folder) = hierarchies.of_units().find_map(|mount| below(&mount.folder, &name)) {
        return Ok(folder);
    }
    // The file of `a@b.service` is `a@.service`.
    let template = name
        .split_once('@')
        .and_then(|(before, after)| after.rsplit_once('.').map(|(_, suffix)| format!("{before}@.{suffix}")));
    let has_file = |name: &str| UNIT_FILES.iter().any(|folder| Path::new(folder).join(name).exists());
    if has_file(&name) || template.is_some_and(|template| has_file(&template)) {
        let why = Some("the unit is installed and has no process".to_owned());
        return Err(TargetError::NotRunning { to: to.clone(), why });
    }
    let why = match Path::new("/run/systemd/system").exists() {
        true => None,
        false => Some("this host was not started by systemd".to_owned()),
    };
    Err(TargetError::Unknown { to: to.clone(), why })
}

/// The folder of this name that is nearest to `top`: a unit of the system before one of the same name of a user.
fn below(top: &Path, name: &str) -> Option<PathBuf> {
    let mut level = vec![top.to_owned()];
    for _ in 0..DEEPEST_UNIT {
        let next: Vec<PathBuf> = level.iter().flat_map(|folder| subfolders(folder)).collect();
        if let Some(found) = next.iter().find(|folder| folder.file_name().is_some_and(|file| file == name)) {
            return Some(found.clone());
        }
        level = next;
    }
    None
}

fn cgroup_folder(to: &AttachTo, path: &Path, hierarchies: &CgroupHierarchies) -> Result<PathBuf, TargetError> {
    let is_cgroup = |folder: &Path| folder.join("cgroup.procs").exists();
    if path.is_absolute() && is_cgroup(path) {
        return Ok(path.to_owned());
    }
    // As the kernel names it, from the top of its hierarchy.
    let named = Path::new("/").join(path);
    let memory = hierarchies.v1("memory");
    let first = hierarchies.v2().into_iter().chain(memory).chain(hierarchies.mounts());
    first
        .filter_map(|mount| mount.folder_of(&named))
        .find(|folder| is_cgroup(folder))
        .ok_or_else(|| TargetError::Unknown { to: to.clone(), why: None })
}

/// The target as it is now.
///
/// # Errors
/// When nothing is there, or several that do not belong together.
pub(super) fn find(to: &AttachTo, search: &Search) -> Result<Found, TargetError> {
    let heads = match search {
        Search::Pid(pid) => return find_pid(to, *pid),
        Search::Name(_) | Search::Folder(_) => heads(search, &BTreeSet::new()).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => TargetError::NotRunning { to: to.clone(), why: None },
            _ => TargetError::Watch { to: to.clone(), reason: error },
        })?,
    };
    let [first, others @ ..] = &heads[..] else {
        let why = match search {
            Search::Folder(folder) => Some(format!("no process is in `{}`", folder.display())),
            Search::Pid(_) | Search::Name(_) => None,
        };
        return Err(TargetError::NotRunning { to: to.clone(), why });
    };
    match search {
        Search::Folder(folder) => {
            if pids_in(folder).is_ok_and(|pids| pids.contains(&std::process::id())) {
                return Err(TargetError::Oneself { to: to.clone(), what: "where soakd itself runs" });
            }
        }
        Search::Name(_) if !others.is_empty() => {
            let matches = heads.iter().map(|head| format!("{} {}", head.pid, command_line(head))).collect();
            return Err(TargetError::Ambiguous { to: to.clone(), matches });
        }
        Search::Name(_) | Search::Pid(_) => {}
    }
    Ok(found(search, first))
}

/// The oldest process that answers to `search` and is not among `known`: a successor.
pub(super) fn successor(search: &Search, known: &BTreeSet<u32>) -> Option<Found> {
    heads(search, known).ok()?.first().map(|head| found(search, head))
}

fn found(search: &Search, head: &Relative) -> Found {
    let process = ProcessId { pid: head.pid, start_ticks: head.start_ticks };
    let membership = match search {
        Search::Folder(folder) => Membership::Cgroup(folder.clone()),
        Search::Pid(_) | Search::Name(_) => Membership::Descendants { of: vec![process], include_roots: true },
    };
    Found { process, membership }
}

fn find_pid(to: &AttachTo, pid: u32) -> Result<Found, TargetError> {
    if pid == std::process::id() {
        return Err(TargetError::Oneself { to: to.clone(), what: "soakd itself" });
    }
    let not_running = |why: Option<&str>| Err(TargetError::NotRunning { to: to.clone(), why: why.map(str::to_owned) });
    let read = Relative::try_read(pid).map_err(|reason| TargetError::Watch { to: to.clone(), reason })?;
    match read {
        Some(process) if process.has_ended() => not_running(Some("it has ended and was not reaped by its parent")),
        Some(process) => match thread_group(pid) {
            Some(group) if group != pid => not_running(Some(&format!("that is a thread of process {group}"))),
            _ => Ok(found(&Search::Pid(pid), &process)),
        },
        None => {
            let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
            // Signal 0 is sent to nobody: it asks whether there is such a process.
            match raw.map(test_kill_process) {
                Some(Ok(()) | Err(Errno::PERM)) => Err(TargetError::Watch {
                    to: to.clone(),
                    reason: io::Error::new(
                        io::ErrorKind::PermissionDenied,
                        "it runs, and its /proc is hidden from this user (hidepid)",
                    ),
                }),
                _ => not_running(None),
            }
        }
    }
}

/// The process that a thread belongs to: `/proc/TID` can be read like that of a process.
fn thread_group(pid: u32) -> Option<u32> {
    let status = fs::read(format!("/proc/{pid}/status")).ok()?;
    let line = status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"Tgid:"))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

/// The pids that answer to `search` now.
pub(super) fn answering(search: &Search) -> BTreeSet<u32> {
    match search {
        Search::Pid(pid) => BTreeSet::from([*pid]),
        Search::Folder(folder) => pids_in(folder).unwrap_or_default(),
        Search::Name(name) => {
            all_processes().iter().filter(|process| is_named(process, name)).map(|process| process.pid).collect()
        }
    }
}

/// Of `answering`, those that were there before a process that has just been seen to end did so: its workers, and no
/// successor of it.
///
/// That it ended is seen a little after it did, and a manager may be quick: what is younger than [`QUICKEST_HEIR_S`]
/// may be a successor. Should it be a young worker after all, its own end will be seen, and the search goes on.
pub(super) fn older(mut answering: BTreeSet<u32>) -> BTreeSet<u32> {
    let Some(now_s) = uptime_s() else { return answering };
    // Far less than 2^52 ticks have passed since the host was started.
    let born_s = |start_ticks: u64| start_ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
    let is_older = |process: Relative| born_s(process.start_ticks) < now_s - QUICKEST_HEIR_S;
    answering.retain(|pid| Relative::read(*pid).is_some_and(is_older));
    answering
}

/// Seconds since the host was started, as the start times of processes are counted.
fn uptime_s() -> Option<f64> {
    fs::read_to_string("/proc/uptime").ok()?.split(' ').next()?.parse().ok()
}

/// The processes that answer to `search`, are not `known`, and have no parent that answers too; the oldest first.
fn heads(search: &Search, known: &BTreeSet<u32>) -> io::Result<Vec<Relative>> {
    let processes: BTreeMap<u32, Relative> =
        all_processes().into_iter().map(|process| (process.pid, process)).collect();
    let answering: BTreeSet<u32> = match search {
        Search::Pid(pid) => BTreeSet::from([*pid]),
        Search::Folder(folder) => pids_in(folder)?,
        Search::Name(name) => {
            let own = std::process::id();
            let named = processes.values().filter(|process| process.pid != own && is_named(process, name));
            named.map(|process| process.pid).collect()
        }
    };
    let is_below_another = |process: &Relative| {
        let mut parent = process.parent;
        // Each step goes to another process; a list that was read while pids came and went may hold a loop.
        for _ in 0..processes.len() {
            if answering.contains(&parent) {
                return true;
            }
            match processes.get(&parent) {
                Some(above) => parent = above.parent,
                None => return false,
            }
        }
        false
    };
    let mut heads: Vec<Relative> = answering
        .iter()
        .filter(|pid| !known.contains(pid))
        .filter_map(|pid| processes.get(pid))
        .filter(|process| !process.has_ended() && !is_below_another(process))
        .cloned()
        .collect();
    heads.sort_by_key(|process| (process.start_ticks, process.pid));
    Ok(heads)
}

/// Whether a process has this name: its short name as the kernel keeps it (15 bytes), or the file of its program.
fn is_named(process: &Relative, name: &str) -> bool {
    const KTHREADD: u32 = 2;
    const SHORT_NAME_BYTES: usize = 15;
    if process.parent == KTHREADD || process.has_ended() {
        return false;
    }
    if process.name == name {
        return true;
    }
    match fs::read_link(format!("/proc/{}/exe", process.pid)) {
        Ok(program) => program.file_name().is_some_and(|file| {
            let file = file.to_string_lossy();
            // Replaced by an update while it runs.
            file.strip_suffix(" (deleted)").unwrap_or(&file) == name
        }),
        // Of another user: only the short name can be read, and it is cut.
        Err(_) => {
            name.len() > SHORT_NAME_BYTES
                && name.as_bytes().starts_with(process.name.as_bytes())
                && process.name.len() == SHORT_NAME_BYTES
        }
    }
}

/// How a process was called, for people.
pub(super) fn command_line(process: &Relative) -> String {
    let words = fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
    let words: Vec<String> = words
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).escape_debug().collect())
        .collect();
    match words.join(" ") {
        empty if empty.is_empty() => process.name.clone(),
        line => line.chars().take(SHOWN_CHARACTERS).collect(),
    }
}

/// What cannot be read of a process of another user, and what to do about it.
pub(super) fn unreadable(process: ProcessId) -> Option<String> {
    let denied = |file: &str| {
        let path = format!("/proc/{}/{file}", process.pid);
        let error = match file {
            "fd" => fs::read_dir(&path).err(),
            _ => fs::read(&path).err(),
        };
        error.is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied).then_some(path)
    };
    let denied: Vec<String> = ["smaps_rollup", "fd", "io"].iter().filter_map(|file| denied(file)).collect();
    (!denied.is_empty()).then(|| {
        format!(
            "process {process} belongs to another user: {} cannot be read; memory from `statm` and `status`, threads \
             and CPU time can. Run soakd as that user or with CAP_SYS_PTRACE for the rest",
            denied.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A v2 hierarchy with a unit of the system and one of the same name of a user.
    fn host() -> (tempfile::TempDir, CgroupHierarchies) {
        let folder = tempfile::tempdir().unwrap();
        for unit in [
            "system.slice/web.service",
            "user.slice/user-7.slice/user@7.service/app.slice/web.service",
            "user.slice/user-7.slice/user@7.service/app.slice/mine.service",
        ] {
            let unit = folder.path().join(unit);
            fs::create_dir_all(&unit).unwrap();
            fs::write(unit.join("cgroup.procs"), "").unwrap();
        }
        let line = format!("1 2 0:1 / {} rw - cgroup2 none rw\n", folder.path().display());
        let hierarchies = CgroupHierarchies::parse(&line);
        (folder, hierarchies)
    }

    #[test]
    fn a_unit_is_found_with_or_without_its_suffix() {
        let (folder, hierarchies) = host();
        let system = Search::Folder(folder.path().join("system.slice/web.service"));
        for name in ["web", "web.service"] {
            assert_eq!(search_in(&AttachTo::Unit(name.to_owned()), &hierarchies).unwrap(), system);
        }
        let of_user = search_in(&AttachTo::Unit("mine".to_owned()), &hierarchies).unwrap();
        assert!(matches!(of_user, Search::Folder(found) if found.ends_with("app.slice/mine.service")));
    }

    #[test]
    fn a_unit_that_nobody_knows_is_told_from_an_empty_one() {
        let (_folder, hierarchies) = host();
        let unknown = AttachTo::Unit("no-such-unit-anywhere".to_owned());
        assert!(matches!(search_in(&unknown, &hierarchies), Err(TargetError::Unknown { .. })));
        let empty = AttachTo::Unit("web".to_owned());
        let search = search_in(&empty, &hierarchies).unwrap();
        let error = find(&empty, &search).unwrap_err();
        assert!(matches!(error, TargetError::NotRunning { .. }), "{error}");
        assert!(error.to_string().starts_with("unit `web` is not running: no process is in"), "{error}");
    }

    #[test]
    fn a_cgroup_is_found_by_its_folder_and_by_the_name_the_kernel_gives_it() {
        let (folder, hierarchies) = host();
        let expected = Search::Folder(folder.path().join("system.slice/web.service"));
        for path in [
            folder.path().join("system.slice/web.service"),
            "/system.slice/web.service".into(),
            "system.slice/web.service".into(),
        ] {
            assert_eq!(search_in(&AttachTo::Cgroup(path), &hierarchies).unwrap(), expected);
        }
        let missing = AttachTo::Cgroup("/system.slice/other.service".into());
        assert!(matches!(search_in(&missing, &hierarchies), Err(TargetError::Unknown { .. })));
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        for to in [
            AttachTo::Pid(0),
            AttachTo::Name(String::new()),
            AttachTo::Name("/usr/bin/x".to_owned()),
            AttachTo::Unit("a/b".to_owned()),
        ] {
            assert!(matches!(search_in(&to, &CgroupHierarchies::default()), Err(TargetError::BadName { .. })), "{to}");
        }
    }

    #[test]
    fn soakd_does_not_soak_itself_by_mistake() {
        let to = AttachTo::Pid(std::process::id());
        let error = find(&to, &search_for(&to).unwrap()).unwrap_err();
        assert!(error.to_string().ends_with("is soakd itself"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("cgroup.procs"), format!("{}\n", std::process::id())).unwrap();
        let to = AttachTo::Cgroup(folder.path().to_owned());
        let error = find(&to, &search_for(&to).unwrap()).unwrap_err();
        assert!(error.to_string().ends_with("is where soakd itself runs"), "{error}");
    }
}
