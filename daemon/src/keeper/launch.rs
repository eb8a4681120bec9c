//! Starts the main process: everything that happens between `fork` and `exec`, and what is
//! inherited without being wanted.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Gid, Resource, Rlimit, Signal, Uid};

use super::protocol::{Account, Start, StartStep};
use crate::target::{Isolation, LimitedResource};

/// Why a process could not be started.
#[derive(Debug)]
pub(super) struct LaunchError {
    pub(super) step: StartStep,
    pub(super) errno: i32,
}

/// Starts the process and gives its pid. It is put into the cgroups whose `cgroup.procs` are given.
///
/// # Errors
/// With the step that failed; nothing runs then.
pub(super) fn launch(start: &Start, cgroups: &[OwnedFd]) -> Result<u32, LaunchError> {
    let execute = |error: io::Error| LaunchError {
        step: StartStep::Execute,
        errno: error.raw_os_error().unwrap_or(Errno::INVAL.raw_os_error()),
    };
    // The child says over this pipe which step failed: `spawn` hands on the error number alone.
    let (report, step) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).map_err(|error| execute(error.into()))?;
    let mut command = Command::new(&start.program);
    command.arg0(&start.name).args(&start.args).env_clear().envs(start.environment.iter().cloned());
    command.stdin(Stdio::null());
    if start.isolation == Isolation::ProcessGroup {
        command.process_group(0);
    }
    let mut cgroups = cgroups
        .iter()
        .map(|procs| procs.as_fd().try_clone_to_owned())
        .collect::<io::Result<Vec<_>>>()
        .map_err(execute)?;
    let folder = start.folder.as_ref().map(|folder| folder.as_bytes().to_vec());
    let folder = folder.map(std::ffi::CString::new).transpose().map_err(|error| execute(error.into()))?;
    let groups: Vec<Gid> =
        start.account.iter().flat_map(|account| &account.groups).map(|gid| Gid::from_raw(*gid)).collect();
    let account = start.account.clone();
    let limits = start.limits.clone();
    let isolation = start.isolation;
    let keeper = rustix::process::getpid();
    let prepare = move || -> io::Result<()> {
        let failed = |at: StartStep, error: Errno| {
            let _ = rustix::io::write(&step, &step_code(at));
            io::Error::from(error)
        };
        for procs in &mut cgroups {
            rustix::io::write(&*procs, b"0\n").map_err(|error| failed(StartStep::Cgroup, error))?;
        }
        for (index, limit) in (0_u8..).zip(&limits) {
            let to = Rlimit { current: limit.soft, maximum: limit.hard };
            rustix::process::setrlimit(kernel_resource(limit.resource), to)
                .map_err(|error| failed(StartStep::Limit(index), error))?;
        }
        if isolation == Isolation::Session {
            rustix::process::setsid().map_err(|error| failed(StartStep::Session, error))?;
        }
        if let Some(account) = &account {
            take_account(account, &groups).map_err(|error| failed(StartStep::Account, error))?;
        }
        if let Some(folder) = &folder {
            rustix::process::chdir(folder.as_c_str()).map_err(|error| failed(StartStep::Folder, error))?;
        }
        // After the change of user, which resets it.
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(|error| failed(StartStep::ParentDeath, error))?;
        match rustix::process::getppid() {
            Some(parent) if parent == keeper => Ok(()),
            _ => Err(failed(StartStep::ParentDeath, Errno::SRCH)),
        }
    };
    // SAFETY: the closure runs in the child of a single-threaded process, between fork and exec. It makes system calls
    // only: no allocation, no lock, nothing that another thread could have held. All it uses was built before.
    unsafe { command.pre_exec(prepare) };
    match command.spawn() {
        // The keeper reaps every child by itself, by number: the handle is not needed, and dropping it does nothing.
        Ok(child) => Ok(child.id()),
        Err(error) => {
            let mut code = [0; 2];
            let step = match rustix::io::read(&report, &mut code) {
                Ok(2) => step_of(code),
                _ => StartStep::Execute,
            };
            Err(LaunchError { step, ..execute(error) })
        }
    }
}

fn take_account(account: &Account, groups: &[Gid]) -> rustix::io::Result<()> {
    // The child has one thread: the calls for a thread are those for the process.
    rustix::thread::set_thread_groups(groups)?;
    let gid = Gid::from_raw(account.gid);
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    let uid = Uid::from_raw(account.uid);
    rustix::thread::set_thread_res_uid(uid, uid, uid)
}

fn kernel_resource(resource: LimitedResource) -> Resource {
    match resource {
        LimitedResource::AddressSpace => Resource::As,
        LimitedResource::Core => Resource::Core,
        LimitedResource::Cpu => Resource::Cpu,
        LimitedResource::Data => Resource::Data,
        LimitedResource::FileSize => Resource::Fsize,
        LimitedResource::LockedMemory => Resource::Memlock,
        LimitedResource::OpenFiles => Resource::Nofile,
        LimitedResource::Processes => Resource::Nproc,
        LimitedResource::Stack => Resource::Stack,
    }
}

fn step_code(step: StartStep) -> [u8; 2] {
    match step {
        StartStep::Cgroup => [0, 0],
        StartStep::Limit(index) => [1, index],
        StartStep::Session => [2, 0],
        StartStep::Account => [3, 0],
        StartStep::Folder => [4, 0],
        StartStep::ParentDeath => [5, 0],
        StartStep::Execute => [6, 0],
    }
}

fn step_of(code: [u8; 2]) -> StartStep {
    match code {
        [0, _] => StartStep::Cgroup,
        [1, index] => StartStep::Limit(index),
        [2, _] => StartStep::Session,
        [3, _] => StartStep::Account,
        [4, _] => StartStep::Folder,
        [5, _] => StartStep::ParentDeath,
        _ => StartStep::Execute,
    }
}

/// Closes every descriptor above standard error: what soakd had open is not for the target.
///
/// To be called before the keeper has opened anything of its own.
pub(super) fn close_inherited() {
    let open: Vec<i32> = match fs::read_dir("/proc/self/fd") {
        Ok(entries) => entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect(),
        Err(_) => return,
    };
    // Among them is the one that the folder was listed through, which is closed by now.
    let is_open = |descriptor: &i32| fs::symlink_metadata(format!("/proc/self/fd/{descriptor}")).is_ok();
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2).filter(is_open) {
        // SAFETY: nothing in this process owns a descriptor above 2 yet: this runs first in the keeper, before any
        // file is opened, so that whatever is open was inherited and has no owner here.
        unsafe { rustix::io::close(descriptor) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_survives_its_way_through_the_pipe() {
        use StartStep::{Account, Cgroup, Execute, Folder, Limit, ParentDeath, Session};
        for step in [Cgroup, Limit(0), Limit(7), Session, Account, Folder, ParentDeath, Execute] {
            assert_eq!(step_of(step_code(step)), step);
        }
    }
}
