//! From what the user wrote to what is executed: the program found, its folder and environment settled, and every
//! fault that can be seen beforehand told before the run starts.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::Access;
use rustix::io::Errno;

use super::account::{self, Identity};
use super::error::TargetError;
use super::spec::{InheritEnvironment, SpawnSpec};
use crate::keeper::protocol::{Start, StartStep};

/// Where programs are looked up if `PATH` is not set.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Variables with which a service manager speaks to soakd, and which would mislead the target.
const NOT_INHERITED: [&str; 16] = [
    "CACHE_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
    "CREDENTIALS_DIRECTORY",
    "FDSTORE",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LOGS_DIRECTORY",
    "MAINPID",
    "MANAGERPID",
    "MEMORY_PRESSURE_WATCH",
    "MEMORY_PRESSURE_WRITE",
    "NOTIFY_SOCKET",
    "RUNTIME_DIRECTORY",
    "STATE_DIRECTORY",
    "SYSTEMD_EXEC_PID",
    "TRIGGER_UNIT",
];
const NOT_INHERITED_PREFIXES: [&str; 2] = ["LISTEN_", "WATCHDOG_"];

/// What the keeper is asked to start.
///
/// # Errors
/// With the first thing that cannot work.
pub(super) fn resolve(spec: &SpawnSpec) -> Result<Start, TargetError> {
    let inherited: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    let (mut user, mut group) = (spec.user.as_deref(), spec.group.as_deref());
    if let Some(unit) = spec.keeper.unit()
        && user.is_none()
    {
        (user, group) = (unit.user.as_deref(), group.or(unit.group.as_deref()));
    }
    resolve_with(spec, inherited, account::resolve(user, group)?)
}

fn resolve_with(
    spec: &SpawnSpec,
    inherited: Vec<(OsString, OsString)>,
    identity: Option<Identity>,
) -> Result<Start, TargetError> {
    let base = match &spec.base_folder {
        Some(base) => std::path::absolute(base),
        None => std::env::current_dir(),
    };
    let base = base.map_err(|reason| TargetError::WorkingFolder { folder: ".".into(), reason })?;
    let environment = environment(spec, inherited, identity.as_ref());
    let search_path = environment.get(OsStr::new("PATH")).map_or(OsStr::new(DEFAULT_PATH), OsString::as_os_str);
    let program = find(&spec.program, &base, search_path)?;
    check_program(&spec.program, &program)?;
    let folder = spec.working_folder.as_ref().map(|folder| base.join(folder));
    if let Some(folder) = &folder {
        check_folder(folder)?;
    }
    Ok(Start {
        program: program.into(),
        name: spec.program.clone(),
        args: spec.args.clone(),
        folder: folder.map(OsString::from),
        environment: environment.into_iter().collect(),
        account: identity.map(|identity| identity.account),
        limits: spec.limits.clone(),
        isolation: spec.isolation,
        cgroup: spec.cgroup,
        memory_limit_bytes: spec.memory_limit_bytes,
    })
}

fn environment(
    spec: &SpawnSpec,
    inherited: Vec<(OsString, OsString)>,
    identity: Option<&Identity>,
) -> BTreeMap<OsString, OsString> {
    let mut environment: BTreeMap<OsString, OsString> = match spec.inherit {
        InheritEnvironment::Yes => inherited.into_iter().filter(|(name, _)| is_inherited(name)).collect(),
        InheritEnvironment::No => BTreeMap::new(),
    };
    if let Some(identity) = identity {
        for (variable, value) in [("HOME", &identity.home), ("USER", &identity.name), ("LOGNAME", &identity.name)] {
            if let Some(value) = value {
                environment.insert(variable.into(), value.into());
            }
        }
    }
    environment.extend(spec.environment.clone());
    environment
}

fn is_inherited(name: &OsStr) -> bool {
    let is_prefixed = |prefix: &&str| name.as_bytes().starts_with(prefix.as_bytes());
    !NOT_INHERITED.iter().any(|other| name == *other) && !NOT_INHERITED_PREFIXES.iter().any(is_prefixed)
}

fn find(program: &OsStr, base: &Path, search_path: &OsStr) -> Result<PathBuf, TargetError> {
    let missing = |what, in_path| TargetError::ProgramMissing { program: shown(program), what, in_path };
    if program.is_empty() {
        return Err(missing("no command is given", true));
    }
    if program.as_bytes().contains(&b'/') {
        let file = base.join(program);
        return match file.try_exists() {
            Ok(true) => Ok(file),
            Ok(false) => Err(missing("no such file or directory", false)),
            Err(_) => Err(not_executable(program, &file, "permission denied on the way to it")),
        };
    }
    let mut other = None;
    for folder in std::env::split_paths(search_path) {
        let file = base.join(folder).join(program);
        match file.metadata() {
            Ok(metadata) if metadata.is_file() => match may_execute(&file, &metadata) {
                true => return Ok(file),
                false => other = other.or(Some(file)),
            },
            _ => {}
        }
    }
    // As a shell does: one that may not be executed is told of only where there is no other.
    other.ok_or_else(|| missing("not found in `PATH`", true))
}

fn check_program(program: &OsStr, file: &Path) -> Result<(), TargetError> {
    let metadata = file.metadata().map_err(|_| not_executable(program, file, "cannot be read"))?;
    if metadata.is_dir() {
        return Err(not_executable(program, file, "it is a folder"));
    }
    if !metadata.is_file() {
        return Err(not_executable(program, file, "it is no regular file"));
    }
    if !may_execute(file, &metadata) {
        return Err(not_executable(program, file, "permission denied, it is not executable"));
    }
    let Some(start) = first_bytes(file) else { return Ok(()) };
    match interpreter(&start) {
        Some(interpreter) if !Path::new(&interpreter).exists() => {
            Err(TargetError::InterpreterMissing { program: shown(program), interpreter })
        }
        // Text without a first line for the kernel is run by the shell, as everywhere.
        None if (start.is_empty() || start.contains(&0)) && !other_formats_are_known() => {
            Err(TargetError::NotAProgram { program: shown(program) })
        }
        _ => Ok(()),
    }
}

/// Whether it may be executed by somebody like us. Without all of its capabilities root may not what its user may, as whom it starts
/// the program: there it is enough that anybody may.
fn may_execute(file: &Path, metadata: &fs::Metadata) -> bool {
    let anybody_may = rustix::process::geteuid().is_root() && metadata.permissions().mode() & 0o111 != 0;
    anybody_may || rustix::fs::access(file, Access::EXEC_OK) != Err(Errno::ACCESS)
}

fn check_folder(folder: &Path) -> Result<(), TargetError> {
    let reason = match folder.metadata() {
        Ok(metadata) if metadata.is_dir() => return Ok(()),
        Ok(_) => io::Error::from_raw_os_error(Errno::NOTDIR.raw_os_error()),
        Err(reason) => reason,
    };
    Err(TargetError::WorkingFolder { folder: folder.to_owned(), reason })
}

/// `None` where it may be executed and not read.
fn first_bytes(file: &Path) -> Option<Vec<u8>> {
    let mut start = Vec::new();
    File::open(file).ok()?.take(4096).read_to_end(&mut start).ok()?;
    Some(start)
}

/// What the kernel starts to run this file: the interpreter of a script, the loader of a program.
fn interpreter(start: &[u8]) -> Option<String> {
    let path: Vec<u8> = if let Some(line) = start.strip_prefix(b"#!") {
        let line = line.split(|byte| *byte == b'\n').next()?.trim_ascii_start();
        line.iter().copied().take_while(|byte| !byte.is_ascii_whitespace()).collect()
    } else if start.starts_with(b"\x7fELF") {
        // The only absolute path in the first page of a program is that of its loader; one linked statically has none,
        // and one that has it later is left to the kernel.
        let at = start.windows(4).position(|window| window == b"/lib").unwrap_or(0);
        let path: Vec<u8> = start.get(at..)?.iter().copied().take_while(|byte| *byte != 0).collect();
        let is_loader = at > 0 && path.windows(2).any(|window| window == b"ld");
        // Runs by itself: an empty path below.
        if is_loader { path } else { b"/".to_vec() }
    } else {
        return None;
    };
    Some(String::from_utf8_lossy(&path).into_owned())
}

/// Whether the kernel has been taught further formats (Java classes, programs of other machines).
fn other_formats_are_known() -> bool {
    let Ok(entries) = fs::read_dir("/proc/sys/fs/binfmt_misc") else { return false };
    entries.flatten().any(|entry| entry.file_name() != "register" && entry.file_name() != "status")
}

fn not_executable(program: &OsStr, file: &Path, what: &'static str) -> TargetError {
    TargetError::ProgramNotExecutable { program: shown(program), file: file.to_owned(), what }
}

fn shown(program: &OsStr) -> String {
    program.to_string_lossy().into_owned()
}

/// What a failure of the keeper means to the user.
pub(super) fn start_error(spec: &SpawnSpec, start: &Start, step: StartStep, errno: i32) -> TargetError {
    let program = shown(&spec.program);
    let reason = io::Error::from_raw_os_error(errno);
    let other =
        |step| TargetError::Start { program: program.clone(), step, reason: io::Error::from_raw_os_error(errno) };
    match step {
        StartStep::Cgroup => other("moving it into its cgroup"),
        StartStep::Session => other("opening its session"),
        StartStep::ParentDeath => other("tying its life to its keeper"),
        StartStep::Limit(index) => {
            let limit = spec.limits.get(usize::from(index));
            let limit = limit.map_or_else(String::new, |limit| format!("{:?}", limit.resource));
            TargetError::Limit { limit, reason }
        }
        StartStep::Account => {
            let user = spec.user.as_ref().or(spec.group.as_ref()).cloned().unwrap_or_default();
            TargetError::AccountNotPermitted { user, reason }
        }
        StartStep::Folder => {
            let folder = start.folder.clone().unwrap_or_default().into();
            TargetError::WorkingFolder { folder, reason }
        }
        StartStep::Execute => match Errno::from_raw_os_error(errno) {
            // It was there when it was looked for: its interpreter, or that of its interpreter, is what is missing.
            Errno::NOENT if Path::new(&start.program).exists() => {
                let start = first_bytes(Path::new(&start.program)).unwrap_or_default();
                let interpreter = interpreter(&start).unwrap_or_else(|| "unknown".to_owned());
                TargetError::InterpreterMissing { program, interpreter }
            }
            Errno::NOENT => TargetError::ProgramMissing { program, what: "no such file or directory", in_path: false },
            Errno::ACCESS => TargetError::ProgramNotExecutable {
                program,
                file: start.program.clone().into(),
                what: "permission denied for the user it runs as, or on a file system without execution",
            },
            Errno::NOEXEC => TargetError::NotAProgram { program },
            _ => other("executing it"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(name: &str, content: &[u8], mode: u32) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        folder
    }

    fn resolved(folder: &Path, program: &str) -> Result<Start, TargetError> {
        let mut spec = SpawnSpec::command(program, ["arg"]);
        spec.base_folder = Some(folder.to_owned());
        resolve(&spec)
    }

    fn message(folder: &Path, program: &str) -> String {
        let error = resolved(folder, program).unwrap_err();
        format!("{error}\n  hint: {}", error.hint().unwrap()).replace(&folder.display().to_string(), "FOLDER")
    }

    #[test]
    fn a_relative_program_is_looked_up_from_the_folder_of_the_profile() {
        let folder = folder_with("server", b"#!/bin/sh\n", 0o755);
        let start = resolved(folder.path(), "./server").unwrap();
        assert_eq!(
            Path::new(&start.program).canonicalize().unwrap(),
            folder.path().join("server").canonicalize().unwrap()
        );
        assert_eq!(start.name, "./server");
        assert!(Path::new(&resolved(folder.path(), "sh").unwrap().program).is_absolute());
    }

    #[test]
    fn faults_are_told_with_what_to_do() {
        let folder = folder_with("plain", b"#!/bin/sh\n", 0o644);
        for (name, content) in [
            ("script", &b"#!/no/such/interpreter -x\n"[..]),
            ("noise", b"\x01\x02\0\0\0"),
            ("empty", b""),
            ("musl", b"\x7fELF\x02\x01\0\0/lib/ld-none-x86_64.so.1\0"),
        ] {
            let file = folder.path().join(name);
            fs::write(&file, content).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let messages: Vec<String> = ["./missing", "no-such-command-anywhere", "./plain", ".", "./script", "./musl", ""]
            .iter()
            .map(|program| match *program {
                "." => message(folder.path(), "./."),
                program => message(folder.path(), program),
            })
            .collect();
        insta::assert_snapshot!(messages.join("\n"));
        if !other_formats_are_known() {
            assert!(matches!(resolved(folder.path(), "./noise"), Err(TargetError::NotAProgram { .. })));
            assert!(matches!(resolved(folder.path(), "./empty"), Err(TargetError::NotAProgram { .. })));
        }
    }

    #[test]
    fn a_program_that_may_not_be_executed_is_passed_over_in_the_path() {
        let first = folder_with("tool", b"#!/bin/sh\n", 0o644);
        let second = folder_with("tool", b"#!/bin/sh\n", 0o755);
        let path = std::env::join_paths([first.path(), second.path()]).unwrap();
        assert_eq!(find(OsStr::new("tool"), Path::new("/"), &path).unwrap(), second.path().join("tool"));
        let alone = find(OsStr::new("tool"), Path::new("/"), first.path().as_os_str()).unwrap();
        assert!(matches!(check_program(OsStr::new("tool"), &alone), Err(TargetError::ProgramNotExecutable { .. })));
    }

    #[test]
    fn a_working_folder_has_to_be_one() {
        let folder = folder_with("file", b"", 0o644);
        let mut spec = SpawnSpec::command("sh", [""; 0]);
        spec.base_folder = Some(folder.path().to_owned());
        for wrong in ["missing", "file"] {
            spec.working_folder = Some(wrong.into());
            assert!(matches!(resolve(&spec), Err(TargetError::WorkingFolder { .. })), "{wrong}");
        }
        spec.working_folder = Some(".".into());
        assert!(resolve(&spec).is_ok());
    }

    #[test]
    fn what_is_meant_for_soakd_is_not_handed_down() {
        let inherited = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS", "JOURNAL_STREAM", "PATH", "LISTENER"];
        let inherited: Vec<(OsString, OsString)> =
            inherited.iter().map(|name| (name.into(), "/usr/bin:/bin".into())).collect();
        let mut spec = SpawnSpec::command("sh", [""; 0]);
        spec.environment.insert("LISTEN_FDS".into(), "mine".into());
        let start = resolve_with(&spec, inherited.clone(), None).unwrap();
        let names: Vec<&str> = start.environment.iter().filter_map(|(name, _)| name.to_str()).collect();
        assert_eq!(names, ["LISTENER", "LISTEN_FDS", "PATH"]);
        assert_eq!(start.environment[1].1, "mine");
        spec.inherit = InheritEnvironment::No;
        assert_eq!(resolve_with(&spec, inherited, None).unwrap().environment.len(), 1);
    }
}
