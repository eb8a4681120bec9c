//! A process whose end can be awaited: by a descriptor of it (`pidfd`), not by asking again and again.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::unix::AsyncFd;

use super::family::Relative;
use crate::target::ProcessId;

/// Resolves when its process has ended, whoever's child it is. The process is not touched.
#[derive(Debug)]
pub(crate) struct ProcessEnd {
    descriptor: AsyncFd<OwnedFd>,
}

impl ProcessEnd {
    /// For the process with this pid and start time; `None` if it has gone, and the pid with it or to another one.
    ///
    /// # Errors
    /// When no descriptor is free.
    pub(crate) fn of(process: ProcessId) -> io::Result<Option<Self>> {
        let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
        let descriptor = match pidfd_open(pid, PidfdFlags::empty()) {
            Err(Errno::SRCH) => return Ok(None),
            descriptor => descriptor?,
        };
        // Opened first, compared after: the descriptor is of the process that has this start time.
        if Relative::try_read(process.pid)?.is_none_or(|now| now.start_ticks != process.start_ticks) {
            return Ok(None);
        }
        // SAFETY: the descriptor is open and owned by the `AsyncFd` from here on; an `OwnedFd` gives the same number
        // for as long as it lives, and nothing takes it out.
        let descriptor = unsafe { AsyncFd::register(descriptor) }?;
        Ok(Some(Self { descriptor }))
    }

    /// Waits until the process has ended.
    pub(crate) async fn wait(&self) {
        // An error is that of a runtime that shuts down: this task is dropped then as well.
        if let Ok(mut ended) = self.descriptor.readable().await {
            ended.retain_ready();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(pid: u32) -> ProcessId {
        ProcessId { pid, start_ticks: Relative::read(pid).unwrap().start_ticks }
    }

    #[tokio::test]
    async fn the_end_of_a_process_is_seen_more_than_once() {
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let end = ProcessEnd::of(identity(child.id())).unwrap().unwrap();
        // It ends when its input does.
        drop(child.stdin.take());
        end.wait().await;
        end.wait().await;
        assert!(child.wait().unwrap().success());
    }

    #[tokio::test]
    async fn a_pid_that_was_given_to_another_process_is_not_watched() {
        let own = identity(std::process::id());
        let earlier = ProcessId { start_ticks: own.start_ticks - 1, ..own };
        assert!(ProcessEnd::of(earlier).unwrap().is_none());
        assert!(ProcessEnd::of(own).unwrap().is_some());
    }
}
