//! What can go wrong while a process or a host is read: one variant for each.

use rustix::io::Errno;
use thiserror::Error;

/// Why a value was not read. Small and `Copy`, so that keeping it costs no allocation.
///
/// A value that was not read is `None` beside one of these, and never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum SampleError {
    /// The process ended, is a zombie, or its pid belongs to another process by now. It ends a series; it is no fault.
    #[error("the process is gone")]
    Vanished,
    /// The file may not be read by this user (`hidepid`, `ptrace_scope`, another user's process).
    #[error("permission denied")]
    PermissionDenied,
    /// The kernel has no such file, or not the field that is needed.
    #[error("not supported by this kernel")]
    Unsupported,
    /// The process has no address space of its own: a kernel thread, or a process that is about to end.
    #[error("the process has no memory of its own")]
    NoMemory,
    /// The file was read, but its text is not what is expected.
    #[error("unexpected text where {expected} should be")]
    Garbled {
        /// The field that was looked for.
        expected: &'static str,
    },
    /// The probe in the target keeps its counts in another form.
    #[error("its probe is of version {found}, which this soakd does not read")]
    ProbeVersion {
        /// The version it says.
        found: u32,
    },
    /// No descriptor was free to open the file.
    #[error("too many open files")]
    TooManyFiles,
    /// The process is larger than the limit above which the address space is not walked.
    #[error("the process is larger than the limit for walking its address space")]
    TooLarge,
    /// Reading it now would hold up the target for longer than its share of time allows.
    #[error("put off, since reading it more often would hold up the target")]
    PutOff,
    /// Other processes than the target's are in its cgroup, so that what it counts is not the target's.
    #[error("other processes are in its cgroup too")]
    CgroupShared,
    /// The cgroup was removed.
    #[error("its cgroup was removed")]
    CgroupRemoved,
    /// Any other answer of the kernel.
    #[error("the kernel answers error {errno}")]
    Kernel {
        /// The number, as in `errno(3)`.
        errno: i32,
    },
}

impl From<Errno> for SampleError {
    fn from(errno: Errno) -> Self {
        match errno {
            // ENOENT: the pid is not there. ESRCH: it went away behind a file that is open.
            Errno::NOENT | Errno::SRCH => Self::Vanished,
            Errno::ACCESS | Errno::PERM => Self::PermissionDenied,
            Errno::NOSYS | Errno::OPNOTSUPP => Self::Unsupported,
            Errno::MFILE | Errno::NFILE => Self::TooManyFiles,
            other => Self::Kernel { errno: other.raw_os_error() },
        }
    }
}

impl From<std::io::Error> for SampleError {
    fn from(error: std::io::Error) -> Self {
        error
            .raw_os_error()
            .map_or(Self::Garbled { expected: "readable text" }, |errno| Self::from(Errno::from_raw_os_error(errno)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_answers_has_a_name() {
        assert_eq!(SampleError::from(Errno::SRCH), SampleError::Vanished);
        assert_eq!(SampleError::from(Errno::NOENT), SampleError::Vanished);
        assert_eq!(SampleError::from(Errno::ACCESS), SampleError::PermissionDenied);
        assert_eq!(SampleError::from(Errno::MFILE), SampleError::TooManyFiles);
        assert_eq!(SampleError::from(Errno::IO), SampleError::Kernel { errno: 5 });
        assert_eq!(SampleError::from(std::io::Error::from_raw_os_error(3)), SampleError::Vanished);
    }
}
