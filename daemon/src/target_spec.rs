//! From the profile's words to what the target's code is told.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use regex::bytes::Regex;
use soakd_profiles as profiles;
use soakd_profiles::Profile;

use crate::exit::{Exit, Failure};
use crate::keeper::KeeperProgram;
use crate::target::{
    AttachSpec, AttachTo, CgroupWish, Follow, InheritEnvironment, Isolation, LimitedResource, OutputSpec, ReadySpec,
    ReadyWhen, ResourceLimit, RestartPolicy, RestartWhen, SpawnSpec, StopSpec,
};

/// How the target of `profile` is started by `keeper`, with its output kept in `output_file`.
///
/// # Errors
/// [`Exit::Usage`] where a ready condition cannot be used: an address that does not resolve.
pub fn spawn_spec(
    profile: &Profile,
    command: &[String],
    keeper: &KeeperProgram,
    output_file: PathBuf,
) -> Result<SpawnSpec, Failure> {
    let target = &profile.target;
    let mut spec = command_spec(profile, command, keeper)?;
    spec.user.clone_from(&target.user);
    spec.group.clone_from(&target.group);
    spec.environment =
        target.environment.iter().map(|(key, value)| (OsString::from(key), OsString::from(value))).collect();
    spec.inherit = if target.clear_environment { InheritEnvironment::No } else { InheritEnvironment::Yes };
    spec.limits = limits(&target.limits);
    spec.memory_limit_bytes = target.limits.memory_bytes;
    spec.output = OutputSpec { file: Some(output_file), limit_bytes: target.output_limit_bytes };
    spec.ready = target.ready.as_ref().map(ready_spec).transpose()?;
    spec.restart = RestartPolicy {
        when: match target.restart {
            profiles::Restart::Never => RestartWhen::Never,
            profiles::Restart::OnFailure => RestartWhen::OnFailure,
            profiles::Restart::Always => RestartWhen::Always,
        },
        limit_count: (target.restart_limit > 0).then_some(target.restart_limit),
        delay: target.restart_delay,
    };
    Ok(spec)
}

/// How a command of `profile` is started by `keeper` when nothing else is said: that of a load driver.
///
/// # Errors
/// [`Exit::Usage`] for an empty command.
pub fn command_spec(profile: &Profile, command: &[String], keeper: &KeeperProgram) -> Result<SpawnSpec, Failure> {
    let Some((program, args)) = command.split_first() else {
        return Err(Failure::new(Exit::Usage, "the command to run is empty").hint("give the program after `--`"));
    };
    Ok(SpawnSpec {
        base_folder: profile.folder.clone(),
        working_folder: profile.start_folder().map(Path::to_path_buf),
        environment: BTreeMap::new(),
        isolation: Isolation::ProcessGroup,
        cgroup: CgroupWish::OwnWherePossible,
        keeper: keeper.clone(),
        ..SpawnSpec::command(program, args)
    })
}

fn limits(limits: &profiles::Limits) -> Vec<ResourceLimit> {
    [
        (LimitedResource::OpenFiles, limits.open_files_count),
        (LimitedResource::Processes, limits.processes_count),
        (LimitedResource::Core, limits.core_file_bytes),
        (LimitedResource::FileSize, limits.file_size_bytes),
        (LimitedResource::Stack, limits.stack_bytes),
        (LimitedResource::Cpu, limits.cpu_time.map(|time| time.as_secs())),
    ]
    .into_iter()
    .filter_map(|(resource, value)| value.map(|value| ResourceLimit { resource, soft: Some(value), hard: Some(value) }))
    .collect()
}

/// When a target is ready, in the target's terms.
///
/// # Errors
/// [`Exit::Config`] where a host name does not resolve or a pattern is faulty.
fn ready_spec(ready: &profiles::Ready) -> Result<ReadySpec, Failure> {
    let when = match &ready.when {
        profiles::ReadyWhen::Http { url, status_low, status_high } => {
            ReadyWhen::Http { url: url.clone(), status: *status_low..=*status_high }
        }
        profiles::ReadyWhen::Tcp(address) => ReadyWhen::Tcp(
            address.to_socket_addrs().ok().and_then(|mut addresses| addresses.next()).ok_or_else(|| {
                Failure::new(Exit::Config, format!("cannot wait for `{address}`: no such address"))
                    .hint("expected HOST:PORT, such as 127.0.0.1:8080")
            })?,
        ),
        profiles::ReadyWhen::Line(pattern) => ReadyWhen::Line(Regex::new(pattern).map_err(|error| {
            Failure::new(Exit::Config, format!("cannot wait for a line that matches `{pattern}`: {error}"))
        })?),
        profiles::ReadyWhen::Delay(delay) => ReadyWhen::Delay(*delay),
    };
    Ok(ReadySpec { when, timeout: ready.timeout })
}

/// How the target of `profile` is stopped.
#[must_use]
pub fn stop_spec(profile: &Profile) -> StopSpec {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    let stop = &profile.target.stop;
    let signal = match stop.signal {
        profiles::StopSignal::Term => SIGTERM,
        profiles::StopSignal::Int => SIGINT,
        profiles::StopSignal::Hup => SIGHUP,
        profiles::StopSignal::Quit => SIGQUIT,
        profiles::StopSignal::Usr1 => SIGUSR1,
        profiles::StopSignal::Usr2 => SIGUSR2,
        profiles::StopSignal::Kill => SIGKILL,
    };
    StopSpec { signal, grace: stop.grace }
}

/// How long a successor of an attached target is waited for.
const SUCCESSOR_WITHIN: Duration = Duration::from_secs(300);

/// The target that a profile names.
#[must_use]
pub fn attach_to(attach: &profiles::Attach) -> AttachTo {
    match attach {
        profiles::Attach::Pid(pid) => AttachTo::Pid(*pid),
        profiles::Attach::Name(name) => AttachTo::Name(name.clone()),
        profiles::Attach::Unit(unit) => AttachTo::Unit(unit.clone()),
        profiles::Attach::Cgroup(path) => AttachTo::Cgroup(path.clone()),
    }
}

/// What to attach to.
#[must_use]
pub fn attach_spec(profile: &Profile, attach: &profiles::Attach) -> AttachSpec {
    let to = attach_to(attach);
    let follow = if profile.target.follow { Follow::Successor { within: Some(SUCCESSOR_WITHIN) } } else { Follow::No };
    AttachSpec { to, follow }
}
