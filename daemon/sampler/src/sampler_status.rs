//! How each source is doing, for the start of a run and for its report.

use std::fmt;
use std::time::Duration;

use crate::cost::ReadCost;
use crate::error::SampleError;
use crate::process_id::ProcessId;
use crate::sampler::SamplerId;

/// How a source is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SamplerStatus {
    /// None of its metrics is asked for.
    Off,
    /// It has not been read yet.
    Waiting,
    /// It gives values.
    Active,
    /// It gives values, less often than it is asked to, so as to keep to its share of time.
    Slowed {
        /// The shortest time between two reads at present.
        pause: Duration,
    },
    /// It gives values for some members and none for others, so that there is no sum.
    Partly(SampleError),
    /// The kernel does not have it.
    Unsupported,
    /// It gives no value for any member.
    Failed(SampleError),
}

impl fmt::Display for SamplerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => write!(f, "off"),
            Self::Waiting => write!(f, "not read yet"),
            Self::Active => write!(f, "active"),
            Self::Slowed { pause } => write!(f, "slowed down to once in {:.1} s", pause.as_secs_f64()),
            Self::Partly(why) => write!(f, "failed for some processes: {why}"),
            Self::Unsupported => write!(f, "unsupported"),
            Self::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}

/// A source, how it is doing, and what it costs.
#[derive(Debug, Clone)]
pub struct SamplerReport {
    /// Which source.
    pub id: SamplerId,
    /// How it is doing since it was last due.
    pub status: SamplerStatus,
    /// Reads that gave no value, those of processes that ended meanwhile left out.
    pub failures_count: u64,
    /// The last such read.
    pub last_failure: Option<(ProcessId, SampleError)>,
    /// What is done in place of the usual way, if so, for people.
    pub fallback: Option<&'static str>,
    /// Times that it was due and was left out, so as not to take more than its share of time.
    pub put_off_count: u64,
    /// The longest pause that its cost led to.
    pub longest_pause: Duration,
    /// Page faults of the target's processes while they were read: those that reading caused are among them. `None` where
    /// they were not looked at, since the source touches no page of the target.
    pub target_faults_count: Option<f64>,
    /// What it costs.
    pub cost: ReadCost,
}

impl SamplerReport {
    pub(crate) fn new(id: SamplerId, status: SamplerStatus, fallback: Option<&'static str>) -> Self {
        Self {
            id,
            status,
            failures_count: 0,
            last_failure: None,
            fallback,
            put_off_count: 0,
            longest_pause: Duration::ZERO,
            target_faults_count: None,
            cost: ReadCost::default(),
        }
    }

    /// It was due, and is left out until `pause` after its last reading.
    pub(crate) fn note_put_off(&mut self, pause: Duration) {
        self.put_off_count += 1;
        self.longest_pause = self.longest_pause.max(pause);
        if self.status == SamplerStatus::Active {
            self.status = SamplerStatus::Slowed { pause };
        }
    }

    /// Takes in a sweep: how many members gave values, and the last failure with their number.
    pub(crate) fn note_sweep(&mut self, reads: u32, failures: u32, last: Option<(ProcessId, SampleError)>) {
        self.failures_count += u64::from(failures);
        self.last_failure = last.or(self.last_failure);
        self.status = match (last, reads) {
            (None, 0) => self.status,
            (None, _) => SamplerStatus::Active,
            (Some((_, SampleError::Unsupported)), 0) => SamplerStatus::Unsupported,
            (Some((_, why)), 0) => SamplerStatus::Failed(why),
            (Some((_, why)), _) => SamplerStatus::Partly(why),
        };
    }
}
