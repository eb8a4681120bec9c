//! One leak as data.

use std::fmt;
use std::time::Duration;

use super::quantity::{ByteCount, Pace};

/// What a leak takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Heap memory, in bytes.
    Memory,
    /// Open file descriptors.
    Descriptors,
    /// Threads that wait and never end.
    Threads,
}

/// One leak: what it takes and how that grows. Time counts from the moment the service is ready.
///
/// It is read from its text form (see [`GRAMMAR`](super::GRAMMAR)) and prints itself in that form:
///
/// ```
/// use soakd_reference::leak::LeakSpec;
///
/// let leak: LeakSpec = "linear:64B/op".parse()?;
/// assert_eq!(leak.to_string(), "linear:64B/op");
/// assert_eq!(leak.due(3600.0, 1000), 64_000.0);
/// # Ok::<(), soakd_reference::leak::ParseLeakError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum LeakSpec {
    /// `linear:RATE`: grows at a constant rate of bytes.
    Linear(Pace<ByteCount>),
    /// `exponential:SIZE/DOUBLING`: has leaked `size` after one doubling time, three times that after two, and so on.
    Exponential {
        /// Leaked after the first doubling time.
        size: ByteCount,
        /// The doubling time.
        doubling: Duration,
    },
    /// `cyclic:SIZE/PERIOD`: grows from 0 to `size` over each period and is then released; bounded, so not a leak.
    Cyclic {
        /// The peak.
        size: ByteCount,
        /// Time from one release to the next.
        period: Duration,
    },
    /// `burst:SIZE@TIME+HOLD`: takes `size` at once and releases it; bounded, so not a leak.
    Burst {
        /// How much is taken.
        size: ByteCount,
        /// When it is taken.
        at: Duration,
        /// How long it is held.
        hold: Duration,
    },
    /// `step:SIZE@TIME`: takes `size` once and keeps it; bounded, so not a leak.
    Step {
        /// How much is taken.
        size: ByteCount,
        /// When it is taken.
        at: Duration,
    },
    /// `saturating:SIZE/TAU`: a cache that fills up to `size`, 63 % of it after `tau`; bounded, so not a leak.
    Saturating {
        /// The level that is approached.
        size: ByteCount,
        /// The time constant.
        tau: Duration,
    },
    /// `late:RATE@TIME`: nothing at first, then linear.
    Late {
        /// The rate from then on.
        pace: Pace<ByteCount>,
        /// When it begins.
        at: Duration,
    },
    /// `descriptors:RATE`: open files that are never closed.
    Descriptors(Pace<f64>),
    /// `threads:RATE`: threads that never end.
    Threads(Pace<f64>),
}

impl LeakSpec {
    /// What this leak takes.
    #[must_use]
    pub fn resource(&self) -> Resource {
        match self {
            Self::Linear(_)
            | Self::Exponential { .. }
            | Self::Cyclic { .. }
            | Self::Burst { .. }
            | Self::Step { .. }
            | Self::Saturating { .. }
            | Self::Late { .. } => Resource::Memory,
            Self::Descriptors(_) => Resource::Descriptors,
            Self::Threads(_) => Resource::Threads,
        }
    }

    /// Whether it grows for as long as the service runs. `false`: it comes back down or stops by itself.
    #[must_use]
    pub fn is_unbounded(&self) -> bool {
        match self {
            Self::Linear(_)
            | Self::Exponential { .. }
            | Self::Late { .. }
            | Self::Descriptors(_)
            | Self::Threads(_) => true,
            Self::Cyclic { .. } | Self::Burst { .. } | Self::Step { .. } | Self::Saturating { .. } => false,
        }
    }
}

impl fmt::Display for LeakSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linear(pace) => write!(f, "linear:{pace}"),
            Self::Exponential { size, doubling } => write!(f, "exponential:{size}/{}", Time(*doubling)),
            Self::Cyclic { size, period } => write!(f, "cyclic:{size}/{}", Time(*period)),
            Self::Burst { size, at, hold } => write!(f, "burst:{size}@{}+{}", Time(*at), Time(*hold)),
            Self::Step { size, at } => write!(f, "step:{size}@{}", Time(*at)),
            Self::Saturating { size, tau } => write!(f, "saturating:{size}/{}", Time(*tau)),
            Self::Late { pace, at } => write!(f, "late:{pace}@{}", Time(*at)),
            Self::Descriptors(pace) => write!(f, "descriptors:{pace}"),
            Self::Threads(pace) => write!(f, "threads:{pace}"),
        }
    }
}

/// Prints a time in the largest unit that has it as a whole number: `90m`, `1500ms`.
struct Time(Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u128); 5] =
            [("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)];
        let nanoseconds = self.0.as_nanos();
        for (unit, length) in UNITS {
            if nanoseconds > 0 && nanoseconds.is_multiple_of(length) {
                return write!(f, "{}{unit}", nanoseconds / length);
            }
        }
        if nanoseconds == 0 { f.write_str("0s") } else { write!(f, "{nanoseconds}ns") }
    }
}
