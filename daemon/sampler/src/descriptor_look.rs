//! A look at every descriptor of every member: of which kind they are, which sockets are in which state, and what deleted
//! files still take. About 1 µs for each descriptor and some more for the tables of sockets, so it is taken rarely.
//!
//! The tables of sockets are read once for each network namespace, not once for each member.
//!
//! A look at a thousand members takes longer than the time between two ticks may be. So members are looked at a few milliseconds
//! in each tick, and when everybody was, the sockets are found in the tables and all values are told at once.

use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::fs::{AtFlags, Mode, OFlags, RawDir};
use rustix::io::Errno;

use crate::descriptor_kind::{DescriptorKind, socket_inode};
use crate::error::SampleError;
use crate::fields::{as_reading, number};
use crate::metric::MetricId;
use crate::open_member::OpenMember;
use crate::proc_root::ProcRoot;
use crate::process_id::{Liveness, ProcessId};
use crate::reading::Reading;
use crate::sampler::SamplerId;
use crate::socket_table::{SocketState, SocketTable};
use crate::tree_reading::MemberReading;
use crate::walk_round::SLICE;

/// The metric of each kind, in the order of [`DescriptorKind::ALL`].
const KINDS: [MetricId; DescriptorKind::ALL.len()] = [
    MetricId::FdsFiles,
    MetricId::FdsDeleted,
    MetricId::FdsMemoryFiles,
    MetricId::FdsSockets,
    MetricId::FdsPipes,
    MetricId::FdsEventFds,
    MetricId::FdsAnonInodes,
    MetricId::FdsOthers,
];

/// The metrics of sockets that a process owns.
const SOCKETS: [MetricId; 7] = [
    MetricId::SocketsEstablished,
    MetricId::SocketsCloseWait,
    MetricId::SocketsListen,
    MetricId::SocketsTcpOther,
    MetricId::SocketsUdp,
    MetricId::SocketsUnix,
    MetricId::SocketsOther,
];

/// A socket that a member holds.
#[derive(Debug, Clone, Copy)]
struct HeldSocket {
    inode: u64,
    member: ProcessId,
}

/// In which network namespace a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Network {
    device: u64,
    inode: u64,
    member: ProcessId,
}

/// What was seen of one member, until everybody was looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looked {
    reading: Reading,
    /// Why its sockets are not known.
    sockets_failure: Option<SampleError>,
}

/// Looks at the descriptors of all members. Its buffers are kept from look to look.
#[derive(Debug)]
pub(crate) struct DescriptorLook {
    wants_sockets: bool,
    /// Some members were looked at and others not yet.
    pub(crate) is_going_on: bool,
    /// What it has taken so far.
    pub(crate) took: Duration,
    held: Vec<HeldSocket>,
    networks: Vec<Network>,
    /// Where the network of each member begins in `networks`.
    network_of: Vec<Option<usize>>,
    deleted: Vec<(u64, u64)>,
    ports: Vec<u16>,
    table: SocketTable,
}

/// Where links longer than this end does not matter: none of the kinds but files has one.
const LINK_BYTES: usize = 4096;

impl DescriptorLook {
    /// `wants_sockets`: whether the states of sockets are asked for.
    pub(crate) fn new(wants_sockets: bool) -> Self {
        Self {
            wants_sockets,
            is_going_on: false,
            took: Duration::ZERO,
            held: Vec::new(),
            networks: Vec::new(),
            network_of: Vec::new(),
            deleted: Vec::new(),
            ports: Vec::new(),
            table: SocketTable::default(),
        }
    }

    /// Begins a look.
    pub(crate) fn begin(&mut self, open: &mut [OpenMember]) {
        self.is_going_on = true;
        self.took = Duration::ZERO;
        self.held.clear();
        self.networks.clear();
        open.iter_mut().for_each(|open| open.looked = None);
    }

    /// Looks at some of those that are left; whether that were all.
    pub(crate) fn go_on(
        &mut self,
        root: &ProcRoot,
        clock: &mut dyn FnMut() -> Duration,
        open: &mut [OpenMember],
    ) -> bool {
        let begin = clock();
        let mut now = begin;
        for open in open.iter_mut().filter(|open| !open.is_gone && open.looked.is_none()) {
            if now.saturating_sub(begin) >= SLICE {
                self.took += now.saturating_sub(begin);
                return false;
            }
            open.looked = Some(self.look_at(root, open.member.id));
            now = clock();
        }
        self.is_going_on = false;
        self.took += now.saturating_sub(begin);
        true
    }

    /// Puts what was seen into the readings and the failures of `members`, which `open` are. Members that ended meanwhile get
    /// [`SampleError::Vanished`]. Gives the number of connections that linger on ports that members listen on; `None`
    /// where some member's sockets are not known.
    pub(crate) fn tell(
        &mut self,
        root: &ProcRoot,
        open: &mut [OpenMember],
        members: &mut [MemberReading],
    ) -> Option<u64> {
        for (open, member) in open.iter_mut().zip(&mut *members) {
            match open.looked.take() {
                Some(Ok(looked)) => {
                    for (metric, value) in looked.reading.iter() {
                        member.reading.set(metric, value);
                    }
                    member.failures[SamplerId::Sockets as usize] = looked.sockets_failure;
                }
                // It came when all others had been looked at.
                None => self.fail(member, SampleError::PutOff),
                Some(Err(why)) => self.fail(member, why),
            }
        }
        if !self.wants_sockets {
            return None;
        }
        // Whoever went while the others were looked at is no part of it.
        self.networks.retain(|network| place_of(members, network.member).is_some());
        self.networks.sort_unstable();
        self.network_of.clear();
        self.network_of.resize(members.len(), None);
        let mut lingering = 0;
        let mut begin = 0;
        while let Some(first) = self.networks.get(begin).copied() {
            let is_same = |network: &Network| (network.device, network.inode) == (first.device, first.inode);
            let end = begin + self.networks[begin..].iter().take_while(|network| is_same(network)).count();
            lingering += self.read_network(root, begin..end, members);
            begin = end;
        }
        let is_complete =
            |member: &MemberReading| matches!(member.failure(SamplerId::Sockets), None | Some(SampleError::Vanished));
        members.iter().all(is_complete).then_some(lingering)
    }

    fn fail(&self, member: &mut MemberReading, why: SampleError) {
        member.failures[SamplerId::DescriptorKinds as usize] = Some(why);
        member.failures[SamplerId::Sockets as usize] = self.wants_sockets.then_some(why);
    }

    fn look_at(&mut self, root: &ProcRoot, id: ProcessId) -> Result<Looked, SampleError> {
        let held_before = self.held.len();
        let looked = self.list(root, id);
        if looked.is_err() {
            self.held.truncate(held_before);
        }
        looked.map_err(|why| gone_or(root, id, why))
    }

    fn list(&mut self, root: &ProcRoot, id: ProcessId) -> Result<Looked, SampleError> {
        let process = root.open_process(id.pid)?;
        // The pid may have been used again since the list of members was made.
        if id.liveness(root)? != Liveness::Alive {
            return Err(SampleError::Vanished);
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(&process, "fd", flags, Mode::empty())?;
        let mut counts = [0_u64; KINDS.len()];
        let mut deleted_bytes = 0;
        self.deleted.clear();
        let mut names = [MaybeUninit::<u8>::uninit(); 8192];
        let mut entries = RawDir::new(&folder, &mut names);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            if number(name.to_bytes()).is_none() {
                continue;
            }
            let mut link = [MaybeUninit::<u8>::uninit(); LINK_BYTES];
            let target = match rustix::fs::readlinkat_raw(&folder, name, &mut link) {
                Ok((target, _)) => &*target,
                // Closed since it was listed.
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(errno.into()),
            };
            let kind = DescriptorKind::of_link(target);
            counts[kind as usize] += 1;
            match (kind, socket_inode(target)) {
                (DescriptorKind::Socket, Some(inode)) if self.wants_sockets => {
                    self.held.push(HeldSocket { inode, member: id });
                }
                (DescriptorKind::DeletedFile, _) => {
                    deleted_bytes += space_of(&folder, name, &mut self.deleted).unwrap_or(0);
                }
                _ => {}
            }
        }
        let mut looked = Looked { reading: Reading::default(), sockets_failure: None };
        for (metric, count) in KINDS.into_iter().zip(counts) {
            looked.reading.set(metric, as_reading(count));
        }
        looked.reading.set(MetricId::DeletedFiles, as_reading(deleted_bytes));
        if self.wants_sockets {
            match rustix::fs::statat(&process, "ns/net", AtFlags::empty()) {
                Ok(facts) => self.networks.push(Network { device: facts.st_dev, inode: facts.st_ino, member: id }),
                Err(errno) => looked.sockets_failure = Some(gone_or(root, id, errno.into())),
            }
        }
        Ok(looked)
    }

    /// Reads the tables of one network, and fills in the sockets of the members that are in it.
    fn read_network(&mut self, root: &ProcRoot, range: Range<usize>, members: &mut [MemberReading]) -> u64 {
        let begin = range.start;
        let inside = &self.networks[range];
        // Any of them shows the tables; one that has just ended does not.
        let mut read = Err(SampleError::Vanished);
        for network in inside {
            let process = root.open_process(network.member.pid);
            read = process.and_then(|process| self.table.read(&process));
            if read.is_ok() {
                break;
            }
        }
        self.ports.clear();
        for network in inside {
            let Some(place) = place_of(members, network.member) else { continue };
            let member = &mut members[place];
            if let Err(why) = read {
                member.failures[SamplerId::Sockets as usize] = Some(gone_or(root, member.id, why));
                continue;
            }
            self.network_of[place] = Some(begin);
            for metric in SOCKETS {
                member.reading.set(metric, 0.0);
            }
        }
        for held in &self.held {
            let Some(place) = place_of(members, held.member).filter(|place| self.network_of[*place] == Some(begin))
            else {
                continue;
            };
            let socket = self.table.find(held.inode);
            let metric = match socket.map(|socket| socket.state) {
                Some(SocketState::Established) => MetricId::SocketsEstablished,
                Some(SocketState::CloseWait) => MetricId::SocketsCloseWait,
                Some(SocketState::Listen) => MetricId::SocketsListen,
                Some(SocketState::TcpOther | SocketState::TimeWait) => MetricId::SocketsTcpOther,
                Some(SocketState::Udp) => MetricId::SocketsUdp,
                Some(SocketState::Unix) => MetricId::SocketsUnix,
                None => MetricId::SocketsOther,
            };
            let reading = &mut members[place].reading;
            reading.set(metric, reading.get(metric).unwrap_or(0.0) + 1.0);
            if metric == MetricId::SocketsListen {
                self.ports.extend(socket.map(|socket| socket.port));
            }
        }
        // Workers share the sockets that they listen with.
        self.ports.sort_unstable();
        self.ports.dedup();
        self.ports.iter().map(|port| self.table.time_wait_count(*port) as u64).sum()
    }
}

/// Where the member stands; they are sorted.
fn place_of(members: &[MemberReading], id: ProcessId) -> Option<usize> {
    members.binary_search_by_key(&id, |member| member.id).ok()
}

/// What it means that something of the process `id` is not there: that it ended, or only that its kernel lacks a file.
fn gone_or(root: &ProcRoot, id: ProcessId, why: SampleError) -> SampleError {
    match why {
        SampleError::Vanished | SampleError::Unsupported => match id.liveness(root) {
            Ok(Liveness::Alive) => SampleError::Unsupported,
            Ok(Liveness::Zombie | Liveness::Gone) => SampleError::Vanished,
            Err(why) => why,
        },
        other => other,
    }
}

/// Bytes on disk of the deleted file behind descriptor `name`, once for each file; `None` where it was closed meanwhile.
fn space_of(folder: &OwnedFd, name: &std::ffi::CStr, seen: &mut Vec<(u64, u64)>) -> Option<u64> {
    let facts = rustix::fs::statat(folder, name, AtFlags::empty()).ok()?;
    let file = (facts.st_dev, facts.st_ino);
    if seen.contains(&file) {
        return Some(0);
    }
    seen.push(file);
    // Blocks are counted in 512 bytes, whatever the file system uses.
    u64::try_from(facts.st_blocks).ok()?.checked_mul(512)
}
