//! What a descriptor stands for, from the target of its link `/proc/PID/fd/N`.
//!
//! One word for each kind, so that counts over time and the paths that are listed once something grows say the same.

use std::fmt;

use crate::fields::number;

/// What a descriptor stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(usize)]
pub enum DescriptorKind {
    /// Something with a path: a file, a folder, a device, a named pipe.
    File,
    /// A file whose last name is gone: its blocks are free only once nobody has it open.
    DeletedFile,
    /// Memory that looks like a file: `memfd_create(2)` and buffers shared with devices.
    MemoryFile,
    /// A socket of any family.
    Socket,
    /// One end of a pipe without a name.
    Pipe,
    /// A counter of `eventfd(2)`.
    EventFd,
    /// Other objects of the kernel without a name: `epoll`, timers, signals, `inotify`, `io_uring`.
    AnonInode,
    /// Whatever else there is: namespaces, processes.
    Other,
}

impl DescriptorKind {
    /// All kinds, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::File,
        Self::DeletedFile,
        Self::MemoryFile,
        Self::Socket,
        Self::Pipe,
        Self::EventFd,
        Self::AnonInode,
        Self::Other,
    ];

    /// The kind that a link with this target stands for. Any bytes have one.
    ///
    /// The kernel marks a deleted file by a suffix, so a file whose own name ends in ` (deleted)` is taken for one.
    #[must_use]
    pub fn of_link(target: &[u8]) -> Self {
        // A path that leads out of what this process can reach is marked in front.
        let path = target.strip_prefix(b"(unreachable)").unwrap_or(target);
        if path.starts_with(b"/memfd:") || path.starts_with(b"/dmabuf:") {
            return Self::MemoryFile;
        }
        if path.starts_with(b"/") {
            return if path.ends_with(b" (deleted)") { Self::DeletedFile } else { Self::File };
        }
        match target.split(|byte| *byte == b':').next() {
            Some(b"socket") => Self::Socket,
            Some(b"pipe") => Self::Pipe,
            // Newer kernels number them behind the bracket.
            Some(b"anon_inode") if target.starts_with(b"anon_inode:[eventfd") => Self::EventFd,
            Some(b"anon_inode") => Self::AnonInode,
            _ => Self::Other,
        }
    }

    /// Its name in texts for people, in the plural: `sockets`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "files",
            Self::DeletedFile => "deleted files",
            Self::MemoryFile => "memory files",
            Self::Socket => "sockets",
            Self::Pipe => "pipes",
            Self::EventFd => "eventfds",
            Self::AnonInode => "anonymous inodes",
            Self::Other => "others",
        }
    }
}

impl fmt::Display for DescriptorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The inode in the link of a socket (`socket:[4711]`), by which the tables in `/proc/PID/net` name it.
#[must_use]
pub fn socket_inode(target: &[u8]) -> Option<u64> {
    number(target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_link_tells_the_kind() {
        let cases: [(&[u8], DescriptorKind); 18] = [
            (b"/var/log/nginx/access.log", DescriptorKind::File),
            (b"/dev/null", DescriptorKind::File),
            (b"/", DescriptorKind::File),
            (b"(unreachable)/data/file", DescriptorKind::File),
            (b"/tmp/spool (deleted)", DescriptorKind::DeletedFile),
            (b"/dev/shm/ring (deleted)", DescriptorKind::DeletedFile),
            (b"/memfd:cache (deleted)", DescriptorKind::MemoryFile),
            (b"/dmabuf:frame", DescriptorKind::MemoryFile),
            (b"socket:[81234]", DescriptorKind::Socket),
            (b"pipe:[81235]", DescriptorKind::Pipe),
            (b"anon_inode:[eventfd]", DescriptorKind::EventFd),
            (b"anon_inode:[eventfd:7]", DescriptorKind::EventFd),
            (b"anon_inode:[eventpoll]", DescriptorKind::AnonInode),
            (b"anon_inode:inotify", DescriptorKind::AnonInode),
            (b"anon_inode:[pidfd]", DescriptorKind::AnonInode),
            (b"pidfd:[4026]", DescriptorKind::Other),
            (b"net:[4026531840]", DescriptorKind::Other),
            (b"", DescriptorKind::Other),
        ];
        for (target, kind) in cases {
            assert_eq!(DescriptorKind::of_link(target), kind, "{}", String::from_utf8_lossy(target));
        }
    }

    #[test]
    fn only_a_socket_has_an_inode_in_the_tables() {
        assert_eq!(socket_inode(b"socket:[81234]"), Some(81234));
        for other in [&b"pipe:[81234]"[..], b"socket:[]", b"socket:[12", b"socket:12", b"/socket:[12]"] {
            assert_eq!(socket_inode(other), None);
        }
    }

    #[test]
    fn every_kind_stands_at_its_place_under_a_name_of_its_own() {
        for (index, kind) in DescriptorKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
            assert_eq!(DescriptorKind::ALL.iter().filter(|other| other.name() == kind.name()).count(), 1);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_kind(target in prop::collection::vec(any::<u8>(), 0..64)) {
            let kind = DescriptorKind::of_link(&target);
            prop_assert!(socket_inode(&target).is_none() || kind == DescriptorKind::Socket);
        }
    }
}
