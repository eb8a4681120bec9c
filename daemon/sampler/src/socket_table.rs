//! The sockets of a network namespace, from `/proc/PID/net/{tcp,tcp6,udp,udp6,unix}`: which inode is in which state.
//!
//! A line of these files does not say whose socket it is; the links in `/proc/PID/fd` hold the inodes by which it is found.

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};

use crate::error::SampleError;
use crate::fields::{number, whole_lines, words};

/// What a socket is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SocketState {
    /// A TCP connection that both sides use.
    Established,
    /// A TCP connection that the other side has closed.
    CloseWait,
    /// A TCP connection that lingers after both sides have closed it. No process owns it.
    TimeWait,
    /// It waits for TCP connections.
    Listen,
    /// TCP in any other state: opening, closing.
    TcpOther,
    /// UDP.
    Udp,
    /// A UNIX socket.
    Unix,
}

/// One socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Socket {
    /// Its inode; 0 for one that belongs to no process.
    pub inode: u64,
    /// What it is doing.
    pub state: SocketState,
    /// Its own port; 0 for a UNIX socket.
    pub port: u16,
}

/// Which table a line stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketFamily {
    /// `tcp` and `tcp6`.
    Tcp,
    /// `udp` and `udp6`.
    Udp,
    /// `unix`.
    Unix,
}

impl Socket {
    /// Parses one line of a table; `None` for the line of titles and for what makes no sense.
    #[must_use]
    pub fn parse(line: &[u8], family: SocketFamily) -> Option<Self> {
        let mut words = words(line);
        if family == SocketFamily::Unix {
            // Num RefCount Protocol Flags Type St Inode Path
            let inode = number(words.nth(6)?)?;
            return Some(Self { inode, state: SocketState::Unix, port: 0 });
        }
        // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
        let (_, port) = split_last(words.nth(1)?, b':')?;
        let port = u16::try_from(hexadecimal(port)?).ok()?;
        let state = hexadecimal(words.nth(1)?)?;
        let inode = number(words.nth(5)?)?;
        let state = match (family, state) {
            (SocketFamily::Udp, _) => SocketState::Udp,
            (_, 1) => SocketState::Established,
            (_, 6) => SocketState::TimeWait,
            (_, 8) => SocketState::CloseWait,
            (_, 10) => SocketState::Listen,
            _ => SocketState::TcpOther,
        };
        Some(Self { inode, state, port })
    }
}

fn split_last(text: &[u8], by: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().rposition(|byte| *byte == by)?;
    Some((&text[..at], &text[at + 1..]))
}

fn hexadecimal(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 8 {
        return None;
    }
    text.iter().try_fold(0, |sum, byte| Some(sum * 16 + char::from(*byte).to_digit(16)?))
}

/// The tables; the first one is there wherever there is a network.
const FILES: [(&str, SocketFamily); 5] = [
    ("net/tcp", SocketFamily::Tcp),
    ("net/tcp6", SocketFamily::Tcp),
    ("net/udp", SocketFamily::Udp),
    ("net/udp6", SocketFamily::Udp),
    ("net/unix", SocketFamily::Unix),
];

/// All sockets of one network namespace, by inode. Its buffers are kept from reading to reading.
#[derive(Debug, Default)]
pub(crate) struct SocketTable {
    sockets: Vec<Socket>,
    /// Own ports of the connections that nobody owns.
    time_wait_ports: Vec<u16>,
    buffer: Vec<u8>,
}

/// Twice what the kernel gives at once, which is a page.
const BUFFER_BYTES: usize = 8 * 1024;

impl SocketTable {
    /// Reads the tables that the process with this folder sees.
    pub(crate) fn read(&mut self, process: &OwnedFd) -> Result<(), SampleError> {
        self.sockets.clear();
        self.time_wait_ports.clear();
        self.buffer.resize(BUFFER_BYTES, 0);
        let mut found = false;
        for (name, family) in FILES {
            let file = match rustix::fs::openat(process, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
                Ok(file) => file,
                // A kernel without IPv6, for example.
                Err(rustix::io::Errno::NOENT) => continue,
                Err(errno) => return Err(errno.into()),
            };
            self.read_file(&file, family)?;
            found = true;
        }
        self.sockets.sort_unstable();
        self.time_wait_ports.sort_unstable();
        if found { Ok(()) } else { Err(SampleError::Unsupported) }
    }

    fn read_file(&mut self, file: &OwnedFd, family: SocketFamily) -> Result<(), SampleError> {
        let mut kept = 0;
        loop {
            let count = rustix::io::read(file, &mut self.buffer[kept..])?;
            if count == 0 {
                return Ok(());
            }
            let filled = kept + count;
            for line in whole_lines(&self.buffer[..filled]) {
                match Socket::parse(line, family) {
                    Some(socket) if socket.state == SocketState::TimeWait => self.time_wait_ports.push(socket.port),
                    Some(socket) => self.sockets.push(socket),
                    None => {}
                }
            }
            // The line that was cut goes on with the next piece; one that fills the buffer is none of these.
            let rest = self.buffer[..filled].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            self.buffer.copy_within(rest..filled, 0);
            kept = filled - rest;
            if kept == self.buffer.len() {
                return Err(SampleError::Garbled { expected: "the lines of a table of sockets" });
            }
        }
    }

    /// The socket with this inode.
    pub(crate) fn find(&self, inode: u64) -> Option<&Socket> {
        let index = self.sockets.binary_search_by_key(&inode, |socket| socket.inode).ok()?;
        self.sockets.get(index)
    }

    /// Number of connections on `port` that linger after they were closed.
    pub(crate) fn time_wait_count(&self, port: u16) -> usize {
        let from = self.time_wait_ports.partition_point(|other| *other < port);
        let to = self.time_wait_ports.partition_point(|other| *other <= port);
        to - from
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TCP: &str = include_str!("../fixtures/proc/net-tcp-6.18.txt");
    const UNIX: &str = include_str!("../fixtures/proc/net-unix-6.18.txt");

    fn table(files: &[(&str, &str)]) -> Result<SocketTable, SampleError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("net")).unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let process = OwnedFd::from(std::fs::File::open(folder.path()).unwrap());
        let mut table = SocketTable::default();
        table.read(&process).map(|()| table)
    }

    #[test]
    fn states_are_found_by_inode() {
        let table = table(&[("net/tcp", TCP), ("net/unix", UNIX)]).unwrap();
        let state = |inode| table.find(inode).map(|socket| (socket.state, socket.port));
        assert_eq!(state(312_019), Some((SocketState::Listen, 8080)));
        assert_eq!(state(312_024), Some((SocketState::Established, 52_062)));
        assert_eq!(state(312_025), Some((SocketState::Established, 8080)));
        assert_eq!(state(312_026), Some((SocketState::TcpOther, 52_066)));
        assert_eq!(state(312_027), Some((SocketState::CloseWait, 8080)));
        assert_eq!(state(312_030), Some((SocketState::Unix, 0)));
        assert_eq!(state(0), None);
        assert_eq!(table.time_wait_count(8080), 2);
        assert_eq!(table.time_wait_count(80), 0);
    }

    #[test]
    fn a_table_longer_than_the_buffer_is_read_whole() {
        let title = TCP.lines().next().unwrap();
        let line = TCP.lines().find(|line| line.contains("312025")).unwrap();
        let lines: Vec<String> =
            (0..5_000).map(|index| line.replace("312025", &(100_000 + index).to_string())).collect();
        let table = table(&[("net/tcp", &format!("{title}\n{}\n", lines.join("\n")))]).unwrap();
        assert_eq!(table.sockets.len(), 5_000);
        assert!((0..5_000).all(|index| table.find(100_000 + index).is_some()));
    }

    #[test]
    fn without_any_table_there_is_none() {
        assert_eq!(table(&[]).unwrap_err(), SampleError::Unsupported);
        let endless = table(&[("net/tcp", &"x".repeat(BUFFER_BYTES + 1))]);
        assert!(matches!(endless.unwrap_err(), SampleError::Garbled { .. }));
    }

    proptest! {
        #[test]
        fn any_line_is_a_socket_or_none(
            line in prop::collection::vec(any::<u8>(), 0..200),
            text in "[ 0-9A-F:]{0,160}",
        ) {
            for family in [SocketFamily::Tcp, SocketFamily::Udp, SocketFamily::Unix] {
                let _ = Socket::parse(&line, family);
                let _ = Socket::parse(text.as_bytes(), family);
            }
        }
    }
}
