//! All processes of a `/proc`, in one pass.

use std::mem::MaybeUninit;

use rustix::fs::{Mode, OFlags, RawDir};

use crate::error::SampleError;
use crate::fields::number;
use crate::proc_root::ProcRoot;
use crate::process_id::{ProcessId, read_stat};
use crate::stat::{Comm, Stat};

/// What a search needs to know of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) id: ProcessId,
    pub(crate) parent_pid: u32,
    pub(crate) comm: Comm,
    pub(crate) has_ended: bool,
    pub(crate) start_stack: u64,
}

impl From<Stat> for Listed {
    fn from(stat: Stat) -> Self {
        let has_ended = stat.has_ended();
        let start_stack = stat.start_stack;
        Self { id: ProcessId::from_stat(&stat), parent_pid: stat.parent_pid, comm: stat.comm, has_ended, start_stack }
    }
}

/// Makes room for twice as many, so that a host on which some are born does not make the next pass allocate.
pub(crate) fn make_room<T>(list: &mut Vec<T>) {
    if list.capacity() < 2 * list.len() {
        list.reserve(3 * list.len());
    }
}

/// Reads all processes, with its buffers kept from pass to pass.
#[derive(Debug)]
pub(crate) struct Listing {
    names: Vec<MaybeUninit<u8>>,
    pids: Vec<u32>,
    processes: Vec<Listed>,
    unreadable_count: usize,
}

/// Room for the names of about 1,000 processes in one call.
const NAMES_BYTES: usize = 32 * 1024;

impl Listing {
    pub(crate) fn new() -> Self {
        Self { names: Vec::new(), pids: Vec::new(), processes: Vec::new(), unreadable_count: 0 }
    }

    /// Lists all processes anew, by pid. Those that vanish meanwhile are left out.
    pub(crate) fn read(&mut self, root: &ProcRoot) -> Result<&[Listed], SampleError> {
        self.pids.clear();
        self.processes.clear();
        self.unreadable_count = 0;
        self.names.resize(NAMES_BYTES, MaybeUninit::uninit());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(root.path(), flags, Mode::empty())?;
        let mut entries = RawDir::new(&folder, &mut self.names);
        while let Some(entry) = entries.next() {
            let pid = number(entry?.file_name().to_bytes()).and_then(|pid| u32::try_from(pid).ok());
            self.pids.extend(pid);
        }
        for pid in &self.pids {
            match read_stat(root, *pid) {
                Ok(stat) => self.processes.push(stat.into()),
                Err(SampleError::Vanished) => {}
                Err(_) => self.unreadable_count += 1,
            }
        }
        self.processes.sort_unstable_by_key(|process| process.id.pid);
        make_room(&mut self.pids);
        make_room(&mut self.processes);
        Ok(&self.processes)
    }

    /// The process with `pid` in the last pass.
    pub(crate) fn find(&self, pid: u32) -> Option<&Listed> {
        let index = self.processes.binary_search_by_key(&pid, |process| process.id.pid).ok()?;
        self.processes.get(index)
    }

    /// The processes of the last pass, by pid.
    pub(crate) fn processes(&self) -> &[Listed] {
        &self.processes
    }

    /// Processes of the last pass whose `stat` could not be read: they can belong to anybody.
    pub(crate) fn unreadable_count(&self) -> usize {
        self.unreadable_count
    }
}
