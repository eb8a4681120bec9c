//! Where the kernel shows its processes: `/proc`, or a folder that looks like it.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::error::SampleError;

/// The folder that is read as `/proc`. Another one serves tests, and hosts whose `/proc` is mounted elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcRoot {
    path: PathBuf,
}

impl Default for ProcRoot {
    fn default() -> Self {
        Self::new("/proc")
    }
}

impl ProcRoot {
    /// `path` read as `/proc`. Nothing is opened yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of `file` of the process `pid`, for messages and for rare reads.
    #[must_use]
    pub fn process_file(&self, pid: u32, file: &str) -> PathBuf {
        self.path.join(pid.to_string()).join(file)
    }

    /// Whether this is a `/proc` of the kernel that shows the caller's own pid namespace: only then do pids here
    /// mean what they mean to the system calls of this process.
    #[must_use]
    pub fn is_own_namespace(&self) -> bool {
        let is_kernel = File::open(&self.path)
            .ok()
            .and_then(|folder| rustix::fs::fstatfs(&folder).ok())
            .is_some_and(|facts| facts.f_type == rustix::fs::PROC_SUPER_MAGIC);
        let shows_us = std::fs::read_link(self.path.join("self"))
            .is_ok_and(|link| link.to_str() == Some(std::process::id().to_string().as_str()));
        is_kernel && shows_us
    }

    /// Opens the folder of `pid`. The descriptor stays with this very process: once it ended, files below answer
    /// `ESRCH`, even if the pid is used again.
    pub(crate) fn open_process(&self, pid: u32) -> Result<OwnedFd, SampleError> {
        self.open_below(format_args!("{pid}"), OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC)
    }

    /// Opens `file` of `pid` for reading.
    pub(crate) fn open_file(&self, pid: u32, file: &str) -> Result<OwnedFd, SampleError> {
        self.open_below(format_args!("{pid}/{file}"), OFlags::RDONLY | OFlags::CLOEXEC)
    }

    /// Opens `name` below the folder; without allocating, unless the folder has a long path.
    fn open_below(&self, name: std::fmt::Arguments<'_>, flags: OFlags) -> Result<OwnedFd, SampleError> {
        let mut buffer = [0_u8; 128];
        let mut rest = &mut buffer[..];
        let is_short = rest.write_all(self.path.as_os_str().as_bytes()).is_ok() && write!(rest, "/{name}").is_ok();
        let rest_length = rest.len();
        if is_short {
            let length = buffer.len() - rest_length;
            return Ok(rustix::fs::open(&buffer[..length], flags, Mode::empty())?);
        }
        Ok(rustix::fs::open(self.path.join(name.to_string()), flags, Mode::empty())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_real_proc_is_the_own_namespace() {
        assert!(ProcRoot::default().is_own_namespace());
        let folder = tempfile::tempdir().unwrap();
        assert!(!ProcRoot::new(folder.path()).is_own_namespace());
        assert!(!ProcRoot::new("/nowhere/at/all").is_own_namespace());
    }

    #[test]
    fn a_long_path_is_opened_like_a_short_one() {
        let folder = tempfile::tempdir().unwrap();
        let long = folder.path().join("x".repeat(100)).join("y".repeat(100));
        std::fs::create_dir_all(long.join("7")).unwrap();
        std::fs::write(long.join("7/stat"), "").unwrap();
        assert!(ProcRoot::new(&long).open_process(7).is_ok());
        assert!(ProcRoot::new(&long).open_file(7, "stat").is_ok());
    }

    #[test]
    fn a_pid_that_is_not_there_has_vanished() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(ProcRoot::new(folder.path()).open_process(7).unwrap_err(), SampleError::Vanished);
    }
}
