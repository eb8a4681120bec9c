//! A member of the tree with its files open.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::descriptor_look::Looked;
use crate::error::SampleError;
use crate::file_budget::{FileBudget, FileShare};
use crate::inheritance::Inheritance;
use crate::probe_memory::PhaseMark;
use crate::proc_root::ProcRoot;
use crate::process_id::{Liveness, ProcessId};
use crate::reading::Reading;
use crate::sampler::{Sampler, SamplerId, SamplerRow};
use crate::tree::Member;
use crate::walk_round::Round;

/// The folder of a process and the sources that are open in it.
struct OpenFiles {
    process: Arc<OwnedFd>,
    samplers: [Option<Box<dyn Sampler>>; SamplerId::COUNT],
}

impl OpenFiles {
    /// Opens the folder of `id`, and makes sure that it is not one of a process that took over the pid.
    fn open(root: &ProcRoot, id: ProcessId) -> Result<Self, SampleError> {
        let process = Arc::new(root.open_process(id.pid)?);
        if id.liveness(root)? != Liveness::Alive {
            return Err(SampleError::Vanished);
        }
        Ok(Self { process, samplers: [const { None }; SamplerId::COUNT] })
    }

    fn read(&mut self, row: &SamplerRow, reading: &mut Reading) -> Result<(), SampleError> {
        let place = &mut self.samplers[row.id as usize];
        match place {
            Some(sampler) => sampler.read(reading),
            None => {
                // Nobody asks a single process for what is read of all together.
                let open = row.open.ok_or(SampleError::Unsupported)?;
                place.insert(open(&self.process)?).read(reading)
            }
        }
    }
}

/// Whether the files of a member stay open between ticks.
enum Files {
    Kept {
        files: OpenFiles,
        /// Given back when they are closed.
        _share: FileShare,
    },
    /// Opened for each sweep and closed after it, since descriptors are short.
    Reopened {
        /// What they may be kept open with once there is some; `None` where the kernel refused although there was.
        budget: Option<FileBudget>,
    },
}

impl Files {
    /// Files of `id` that stay open, if there is room for them in `budget` and they can be opened.
    fn keep(root: &ProcRoot, id: ProcessId, budget: &FileBudget) -> Option<Self> {
        let share = budget.take_for_a_member()?;
        Some(Self::Kept { files: OpenFiles::open(root, id).ok()?, _share: share })
    }
}

/// A member, its files, and what has to be remembered of it.
pub(crate) struct OpenMember {
    pub(crate) member: Member,
    files: Files,
    /// Ticks since it was found.
    pub(crate) age_ticks: u64,
    /// It was found to have ended.
    pub(crate) is_gone: bool,
    /// The counts since its start as last read: they stay in the sum of the tree when it ends.
    pub(crate) counters: Reading,
    /// What it shares with the member that it was forked from.
    pub(crate) inheritance: Inheritance,
    /// What it gave in each round of walks that goes on.
    pub(crate) walked: [Option<Result<Reading, SampleError>>; Round::COUNT],
    /// What the look at its descriptors gave, while others are still to be looked at.
    pub(crate) looked: Option<Result<Looked, SampleError>>,
}

impl OpenMember {
    /// `member` with its folder open, if there is room for its files in `budget`.
    pub(crate) fn new(root: &ProcRoot, member: Member, budget: &FileBudget) -> Self {
        // What is wrong, if anything, is found and named by the read that follows.
        let files =
            Files::keep(root, member.id, budget).unwrap_or_else(|| Files::Reopened { budget: Some(budget.clone()) });
        Self {
            member,
            files,
            age_ticks: 0,
            is_gone: false,
            counters: Reading::default(),
            inheritance: Inheritance::default(),
            walked: [None; Round::COUNT],
            looked: None,
        }
    }

    /// Whether its files stay open.
    pub(crate) fn keeps_files(&self) -> bool {
        matches!(self.files, Files::Kept { .. })
    }

    /// Hands over the phases that it said it began. One whose files are opened for each sweep would tell them again each time.
    pub(crate) fn take_marks(&mut self, row: &SamplerRow, marks: &mut Vec<PhaseMark>) {
        if let Files::Kept { files, .. } = &mut self.files
            && let Some(sampler) = &mut files.samplers[row.id as usize]
        {
            sampler.take_marks(marks);
        }
    }

    /// Reads `row` into `reading`. [`SampleError::Vanished`] is given only when the process is certain to have ended.
    pub(crate) fn read(&mut self, root: &ProcRoot, row: &SamplerRow, reading: &mut Reading) -> Result<(), SampleError> {
        if let Files::Reopened { budget: Some(budget) } = &self.files
            && let Some(kept) = Files::keep(root, self.member.id, budget)
        {
            self.files = kept;
        }
        let result = match &mut self.files {
            Files::Kept { files, .. } => files.read(row, reading),
            Files::Reopened { .. } => {
                OpenFiles::open(root, self.member.id).and_then(|mut files| files.read(row, reading))
            }
        };
        match result {
            Err(SampleError::TooManyFiles) if self.keeps_files() => {
                self.files = Files::Reopened { budget: None };
                Err(SampleError::TooManyFiles)
            }
            Err(SampleError::Vanished) => match self.member.id.liveness(root) {
                // It is the file that is missing, not the process.
                Ok(Liveness::Alive) => Err(SampleError::Unsupported),
                Ok(Liveness::Zombie | Liveness::Gone) => Err(SampleError::Vanished),
                Err(error) => Err(error),
            },
            // A zombie has given its memory back already.
            Err(SampleError::NoMemory) => match self.member.id.liveness(root) {
                Ok(Liveness::Zombie | Liveness::Gone) => Err(SampleError::Vanished),
                _ => Err(SampleError::NoMemory),
            },
            other => other,
        }
    }
}
