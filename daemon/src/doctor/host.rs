//! Where the checks look.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Space on the file system that holds a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// Free for this user.
    pub free_bytes: u64,
    /// All of it.
    pub total_bytes: u64,
}

/// What is asked of the kernel by system calls rather than files.
#[derive(Debug, Clone, Copy)]
pub struct Kernel {
    /// Whether a process can be held by a file descriptor.
    pub pidfd: fn() -> io::Result<()>,
    /// Space on the file system that holds a folder, which exists.
    pub disk: fn(&Path) -> io::Result<Disk>,
}

/// A host, or a folder that stands for one.
#[derive(Debug, Clone)]
pub struct Host {
    /// What is below `/` on the host.
    pub root: PathBuf,
    /// The state folder, which need not exist.
    pub state: PathBuf,
    /// What system calls answer.
    pub kernel: Kernel,
}

impl Host {
    /// The host that this process runs on, with the state folder `state`.
    #[must_use]
    pub fn this(state: &Path) -> Self {
        Self { root: PathBuf::from("/"), state: state.to_owned(), kernel: Kernel { pidfd, disk } }
    }

    /// Where `path`, as it is on the host (`/proc/swaps`), is found.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The text of the file at `path`, without the newline at its end.
    pub(super) fn read(&self, path: &str) -> io::Result<String> {
        let bytes = fs::read(self.path(path))?;
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }

    /// What follows `name:` in `/proc/self/status`.
    pub(super) fn own_status(&self, name: &str) -> Option<String> {
        let text = self.read("/proc/self/status").ok()?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(value.trim().to_owned())
    }

    /// Whether this process has the capability of that number in force.
    pub(super) fn has_capability(&self, number: u32) -> bool {
        let effective = self.own_status("CapEff").and_then(|hex| u64::from_str_radix(&hex, 16).ok());
        effective.is_some_and(|effective| effective >> number & 1 == 1)
    }
}

fn pidfd() -> io::Result<()> {
    rustix::process::pidfd_open(rustix::process::getpid(), rustix::process::PidfdFlags::empty())?;
    Ok(())
}

fn disk(folder: &Path) -> io::Result<Disk> {
    let facts = rustix::fs::statvfs(folder)?;
    let bytes = |blocks: u64| blocks.saturating_mul(facts.f_frsize);
    Ok(Disk { free_bytes: bytes(facts.f_bavail), total_bytes: bytes(facts.f_blocks) })
}
