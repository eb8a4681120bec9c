//! The probe in a target: live heap and operations from the shared memory that it keeps, which is found among its open files.
//!
//! The memory is read with positioned reads and never mapped: a target that cuts it short makes a read short, where a mapping
//! would kill the reader.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags, RawDir};
use soakd_probe::layout;

use crate::error::SampleError;
use crate::fields::{as_reading, name_and_rest, number, whole_lines, words};
use crate::kept_file::KeptFile;
use crate::metric::MetricId;
use crate::probe_memory::{PhaseMark, ProbeHeader, marks};
use crate::process_id::{ProcessId, STAT_BYTES};
use crate::reading::Reading;
use crate::sampler::Sampler;
use crate::stat::Stat;

/// Most open files that are looked at in search of the memory. A probe opens it before most others.
const MOST_FILES: usize = 4096;
/// A process without a probe may get one by `exec`. It is looked for on reads 1, 2, 4, and so on, and then every this many.
const LONGEST_PAUSE: u32 = 512;
/// From this pause on each process has one of its own length, so that a thousand that came together are not all searched in one tick.
const LEAST_SPREAD_PAUSE: u32 = 16;
/// Slots are read in so many at a time: a page of each kind.
const SLOTS_STEP: usize = 4096 / layout::SLOT_BYTES;

/// Reads what the probe of a process says, should it have one.
#[derive(Debug)]
pub(crate) struct ProbeSampler {
    process: Arc<OwnedFd>,
    found: Option<Memory>,
    /// Reads until it is looked for again, and how many that were the last time.
    pause: (u32, u32),
    marks: Vec<PhaseMark>,
}

/// The memory of a probe, open.
#[derive(Debug)]
struct Memory {
    id: ProcessId,
    file: OwnedFd,
    /// Its path below `/proc/PID`, and what is there as long as the target has it.
    link: String,
    device: u64,
    inode: u64,
    slots_count: usize,
    /// Header and slots of what was freed, then slots of what was allocated.
    buffer: Vec<u8>,
    marks_seen: u64,
}

impl ProbeSampler {
    pub(crate) fn open(process: &Arc<OwnedFd>) -> Result<Self, SampleError> {
        Ok(Self { process: Arc::clone(process), found: None, pause: (0, 1), marks: Vec::new() })
    }
}

impl Sampler for ProbeSampler {
    fn read(&mut self, reading: &mut Reading) -> Result<(), SampleError> {
        // After `exec` the process is the same, and its memory another: what is still open here would stand still for ever.
        if self.found.as_ref().is_some_and(|memory| !memory.is_of(&self.process)) {
            self.found = None;
            self.pause = (0, 1);
        }
        if self.found.is_none() {
            let (left, last) = self.pause;
            if left > 0 {
                self.pause.0 -= 1;
                return Ok(());
            }
            self.pause = (spread(last, &self.process) - 1, (last * 2).min(LONGEST_PAUSE));
            self.found = find(&self.process)?;
        }
        match &mut self.found {
            Some(memory) => memory.read(reading, &mut self.marks),
            None => Ok(()),
        }
    }

    fn take_marks(&mut self, marks: &mut Vec<PhaseMark>) {
        marks.append(&mut self.marks);
    }
}

/// A pause of at most so many reads, and more than half as many, for one process among others.
fn spread(reads: u32, process: &OwnedFd) -> u32 {
    if reads < LEAST_SPREAD_PAUSE {
        return reads;
    }
    // Open folders have numbers that follow each other.
    reads - process.as_raw_fd().unsigned_abs() % (reads / 2)
}

impl Memory {
    /// Whether the target still has it open.
    fn is_of(&self, process: &OwnedFd) -> bool {
        rustix::fs::statat(process, self.link.as_str(), AtFlags::empty())
            .is_ok_and(|facts| (facts.st_dev, facts.st_ino) == (self.device, self.inode))
    }

    fn read(&mut self, reading: &mut Reading, new_marks: &mut Vec<PhaseMark>) -> Result<(), SampleError> {
        let header = loop {
            let first_bytes = layout::FREED_AT + self.slots_count * layout::SLOT_BYTES;
            self.buffer.resize(first_bytes + self.slots_count * layout::SLOT_BYTES, 0);
            let (first, second) = self.buffer.split_at_mut(first_bytes);
            // What was freed before what was allocated: see the layout.
            read_whole(&self.file, first, 0)?;
            read_whole(&self.file, second, layout::ALLOCATED_AT as u64)?;
            let header = ProbeHeader::parse(first)?;
            if header.slots_used <= self.slots_count {
                break header;
            }
            self.slots_count = header.slots_used.next_multiple_of(SLOTS_STEP);
        };
        let (first, allocated) = self.buffer.split_at(layout::FREED_AT + self.slots_count * layout::SLOT_BYTES);
        if header.marks_count != self.marks_seen {
            self.marks_seen = marks(first, &header, self.marks_seen, self.id, new_marks);
        }
        let counts = header.counts(&first[layout::FREED_AT..], allocated)?;
        if header.counts_heap {
            reading.set(MetricId::HeapLive, as_reading(counts.live_bytes));
            reading.set(MetricId::HeapBlocks, as_reading(counts.live_blocks));
        }
        // A program that never says that it has done an operation does not count them.
        if counts.operations > 0 {
            reading.set(MetricId::Operations, as_reading(counts.operations));
        }
        Ok(())
    }
}

fn read_whole(file: &OwnedFd, into: &mut [u8], from: u64) -> Result<(), SampleError> {
    let length = rustix::io::pread(file, &mut *into, from)?;
    if length == into.len() { Ok(()) } else { Err(SampleError::Garbled { expected: "the whole memory of a probe" }) }
}

/// Looks for the memory of the probe of `process`; `None` where it has none, or where nobody may look.
///
/// One that the process got from its parent, or from anybody else, is not its own.
fn find(process: &Arc<OwnedFd>) -> Result<Option<Memory>, SampleError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = match rustix::fs::openat(&**process, "fd", flags, Mode::empty()) {
        Ok(folder) => folder,
        Err(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE) => return Err(SampleError::TooManyFiles),
        // That the process ended is for others to say, and who may not look cannot know that there is anything.
        Err(_) => return Ok(None),
    };
    let mut buffer = [MaybeUninit::<u8>::uninit(); 8192];
    let mut entries = RawDir::new(&folder, &mut buffer);
    let mut refusal = None;
    let mut count = 0;
    while let Some(Ok(entry)) = entries.next() {
        let name = entry.file_name();
        let Some(file_number) = number(name.to_bytes()) else { continue };
        count += 1;
        if count > MOST_FILES {
            break;
        }
        let mut target = [MaybeUninit::<u8>::uninit(); 64];
        let is_named = rustix::fs::readlinkat_raw(&folder, name, &mut target)
            .is_ok_and(|(target, _)| target.strip_prefix(b"/memfd:").is_some_and(is_our_name));
        if !is_named {
            continue;
        }
        match open(process, &folder, file_number) {
            Ok(found) => return Ok(Some(found)),
            // There may be a better one.
            Err(why) => refusal = refusal.or(why),
        }
    }
    refusal.map_or(Ok(None), Err)
}

fn is_our_name(rest: &[u8]) -> bool {
    rest.strip_prefix(layout::NAME.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b" "))
}

/// Opens the memory behind a descriptor of the target. Why not, if there is something to say about it.
fn open(process: &OwnedFd, folder: &OwnedFd, file_number: u64) -> Result<Memory, Option<SampleError>> {
    // It may have become anything else since its name was read.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = rustix::fs::openat(folder, file_number.to_string(), flags, Mode::empty()).map_err(|_| None)?;
    let facts = rustix::fs::fstat(&file).map_err(|_| None)?;
    if facts.st_size != layout::TOTAL_BYTES as i64 {
        return Err(Some(SampleError::Garbled { expected: "the whole memory of a probe" }));
    }
    let mut start = [0; layout::HEADER_BYTES];
    read_whole(&file, &mut start, 0).map_err(Some)?;
    let header = match ProbeHeader::parse(&start) {
        Ok(header) => header,
        // It has been made this very moment.
        Err(SampleError::Garbled { .. }) if start[..8] == [0; 8] => return Err(None),
        Err(why) => return Err(Some(why)),
    };
    let id = identity(process).map_err(|_| None)?;
    let is_own = header.start_ticks.is_none_or(|ticks| ticks == id.start_ticks) && header.pid == own_pid(process, id);
    if !is_own {
        return Err(None);
    }
    Ok(Memory {
        id,
        file,
        link: format!("fd/{file_number}"),
        device: facts.st_dev,
        inode: facts.st_ino,
        slots_count: header.slots_used.next_multiple_of(SLOTS_STEP),
        buffer: Vec::new(),
        marks_seen: 0,
    })
}

fn identity(process: &OwnedFd) -> Result<ProcessId, SampleError> {
    let stat = KeptFile::<STAT_BYTES>::open(process, "stat")?.read(|text, _| Stat::parse(text).ok())?;
    Ok(ProcessId::from_stat(&stat))
}

/// The pid of the process as it knows it itself, in the innermost pid namespace (since Linux 4.1).
fn own_pid(process: &OwnedFd, id: ProcessId) -> u32 {
    let own = KeptFile::<4096>::open(process, "status").and_then(|mut status| {
        status.read(|text, is_whole| {
            let pids = whole_lines(text).filter_map(name_and_rest).find(|(name, _)| *name == b"NSpid");
            let pid = pids.and_then(|(_, pids)| number(words(pids).last()?)).and_then(|pid| u32::try_from(pid).ok());
            pid.map(Some).or(is_whole.then_some(None))
        })
    });
    own.ok().flatten().unwrap_or(id.pid)
}
