//! `/proc/PID/stat`: who a process is, its CPU time and its page faults.

use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::error::SampleError;
use crate::fields::{as_reading, number, words};
use crate::kept_file::KeptFile;
use crate::metric::MetricId;
use crate::process_id::STAT_BYTES;
use crate::reading::Reading;
use crate::sampler::Sampler;

/// The short name of a process as the kernel keeps it: at most 15 bytes, cut there, changed by `exec`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Comm {
    bytes: [u8; Self::LONGEST],
    length: u8,
}

impl Comm {
    const LONGEST: usize = 15;

    /// The first 15 bytes of `name`.
    #[must_use]
    pub fn new(name: &[u8]) -> Self {
        let mut comm = Self::default();
        for (to, from) in comm.bytes.iter_mut().zip(name) {
            *to = *from;
            comm.length += 1;
        }
        comm
    }

    /// The name as the kernel has it; any bytes but zero.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl fmt::Display for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.as_bytes().utf8_chunks() {
            write!(f, "{}", chunk.valid().escape_debug())?;
            if !chunk.invalid().is_empty() {
                write!(f, "\u{fffd}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// What is read from `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// The pid; that of the thread in the file of a thread.
    pub pid: u32,
    /// The short name.
    pub comm: Comm,
    /// One letter: `R` running, `S` and `D` asleep, `T` and `t` stopped, `Z` zombie, `X` dead.
    pub state: u8,
    /// It is on its way out: its memory and files may be gone already, though it is no zombie yet.
    pub is_exiting: bool,
    /// Pid of the parent; 0 for those that the kernel started.
    pub parent_pid: u32,
    /// Page faults served without reading a disk, since the start.
    pub minor_faults_count: u64,
    /// Page faults that had to wait for a disk, since the start.
    pub major_faults_count: u64,
    /// User time plus system time, in clock ticks.
    pub cpu_ticks: u64,
    /// When it started, in clock ticks since the host booted: with the pid, its identity.
    pub start_ticks: u64,
    /// Where its stack began at `exec`: a random address that a `fork` hands on, so that equal ones mean a common `exec`. 0 where
    /// it is not told: without the right to trace the process, or for one without an address space.
    pub start_stack: u64,
}

/// The flag of a task that is on its way out (`include/linux/sched.h`).
const PF_EXITING: u64 = 0x4;

const GARBLED: SampleError = SampleError::Garbled { expected: "the fields of `stat`" };

impl Stat {
    /// Parses the text of `/proc/PID/stat`.
    ///
    /// # Errors
    /// [`SampleError::Garbled`] where a field is missing or is no number.
    pub fn parse(text: &[u8]) -> Result<Self, SampleError> {
        // The name may hold anything, parentheses and line ends included: it ends at the last parenthesis.
        let open = text.iter().position(|byte| *byte == b'(').ok_or(GARBLED)?;
        let close = text.iter().rposition(|byte| *byte == b')').ok_or(GARBLED)?;
        if close < open {
            return Err(GARBLED);
        }
        let pid = text[..open].trim_ascii();
        let mut fields = words(&text[close + 1..]);
        // Fields are counted from 1 as in proc(5); the state is field 3.
        let mut field = 2;
        let mut next = |wanted: usize| {
            let skip = wanted - field - 1;
            field = wanted;
            fields.nth(skip).ok_or(GARBLED)
        };
        let state = *next(3)?.first().ok_or(GARBLED)?;
        let mut count = |wanted: usize| number(next(wanted)?).ok_or(GARBLED);
        let parent_pid = count(4)?;
        let flags = count(9)?;
        let minor_faults_count = count(10)?;
        let major_faults_count = count(12)?;
        let user_ticks = count(14)?;
        let system_ticks = count(15)?;
        let start_ticks = count(22)?;
        // A text that ends within the number would give another number. The kernel writes 52 fields.
        count(23)?;
        // The same holds for this one, which is left out where the text is shorter.
        let start_stack = count(28).and_then(|address| count(29).map(|_| address)).unwrap_or(0);
        Ok(Self {
            pid: number(pid).and_then(|pid| u32::try_from(pid).ok()).ok_or(GARBLED)?,
            comm: Comm::new(&text[open + 1..close]),
            state,
            is_exiting: flags & PF_EXITING != 0,
            parent_pid: u32::try_from(parent_pid).map_err(|_| GARBLED)?,
            minor_faults_count,
            major_faults_count,
            cpu_ticks: user_ticks.saturating_add(system_ticks),
            start_ticks,
            start_stack,
        })
    }

    /// Whether it has ended or is just about to, even if nobody has taken its exit status yet.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.is_exiting || matches!(self.state, b'Z' | b'X' | b'x')
    }

    /// Puts CPU time and faults into `reading`. `ticks_per_s` is the kernel's `CLK_TCK`.
    pub fn fill(&self, ticks_per_s: f64, reading: &mut Reading) {
        reading.set(MetricId::Cpu, as_reading(self.cpu_ticks) / ticks_per_s);
        reading.set(MetricId::MinorFaults, as_reading(self.minor_faults_count));
        reading.set(MetricId::MajorFaults, as_reading(self.major_faults_count));
    }
}

/// Reads `/proc/PID/stat`, which it keeps open.
#[derive(Debug)]
pub(crate) struct StatSampler {
    file: KeptFile<STAT_BYTES>,
    ticks_per_s: f64,
}

impl StatSampler {
    pub(crate) fn open(process: &Arc<OwnedFd>) -> Result<Self, SampleError> {
        let ticks_per_s = as_reading(rustix::param::clock_ticks_per_second());
        Ok(Self { file: KeptFile::open(process, "stat")?, ticks_per_s })
    }
}

impl Sampler for StatSampler {
    fn read(&mut self, reading: &mut Reading) -> Result<(), SampleError> {
        let stat = self.file.read(|text, _| Some(Stat::parse(text)))??;
        if stat.has_ended() {
            return Err(SampleError::Vanished);
        }
        stat.fill(self.ticks_per_s, reading);
        Ok(())
    }
}
