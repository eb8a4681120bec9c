//! How often a source is swept over all members.
//!
//! A source that gets dear (a tree of thousands, a loaded host) is read less often, so that soakd stays cheap whatever it is
//! pointed at. `statm` and a probe in the target are read at every tick: they give the witnesses of a leak, and the first one tells
//! who is still there.

use std::time::Duration;

use crate::metric::Detail;
use crate::pace::Pace;
use crate::sampler::SamplerRow;

/// Share of time for sweeping a source that tells what may leak besides memory: 0.015 % of a core.
const SHARE_RATIO: f64 = 0.000_15;
/// For one that explains: 0.0025 %. The four of them, the look at descriptors and the walks take a tenth of what `statm` does in a tree of
/// a thousand at 1 Hz, and `fd` and `task` as much again: what nobody judges by default must not make a large tree dear to watch. A
/// tree of tens never comes near any of these shares.
pub(crate) const EXPLAINING_SHARE_RATIO: f64 = 0.000_025;
/// For one on which the witness of a leak depends, on a host that swaps: 0.1 %.
const WITNESS_SHARE_RATIO: f64 = 0.001;
/// For the target's own cgroup, of which there is one whatever the number of processes: 0.2 %.
const CGROUP_SHARE_RATIO: f64 = 0.002;
/// The longest pause that sweeps lead to: a minute gives a series of an hour its 60 points.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What a source may take before it has to keep to its share: a run of seconds needs its points, and a run of hours does not notice.
const CREDIT: Duration = Duration::from_millis(50);

/// What a sweep is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Something that is asked for.
    Asked,
    /// The witness of a leak.
    Witness,
}

/// When one source may be swept again.
#[derive(Debug, Clone)]
pub(crate) struct Duty {
    share_ratio: f64,
    /// What it may take for the sake of a witness.
    witness_share_ratio: f64,
    pace: Pace,
    /// How long the last sweeps took, the latest first.
    before: [Duration; 3],
    /// What is left of [`CREDIT`].
    credit: Duration,
}

impl Duty {
    /// For the source of `row`.
    pub(crate) fn of(row: &SamplerRow) -> Self {
        Self::within(if row.detail == Detail::Fast { SHARE_RATIO } else { EXPLAINING_SHARE_RATIO })
    }

    /// For the target's own cgroup, whose sweeps are for a [`Purpose::Witness`].
    pub(crate) fn of_cgroup() -> Self {
        Self { witness_share_ratio: CGROUP_SHARE_RATIO, ..Self::within(CGROUP_SHARE_RATIO) }
    }

    fn within(share_ratio: f64) -> Self {
        Self {
            share_ratio,
            witness_share_ratio: WITNESS_SHARE_RATIO,
            pace: Pace::new(share_ratio),
            before: [Duration::ZERO; 3],
            credit: CREDIT,
        }
    }

    /// Whether a sweep may begin at `now`; if not, how long it pauses at present.
    pub(crate) fn may_start(&self, now: Duration) -> Result<(), Duration> {
        self.pace.may_start(now)
    }

    /// Takes in a sweep that ended at `now` and took `took`.
    ///
    /// The shortest of the last four counts: the first one opens files, and on a busy host each may have been interrupted, which a run of
    /// seconds would pay for with all its points.
    pub(crate) fn ended(&mut self, now: Duration, took: Duration, purpose: Purpose) {
        let [last, earlier, earliest] = self.before;
        let cost = took.min(last).min(earlier).min(earliest);
        self.before = [took, last, earlier];
        self.credit = self.credit.saturating_sub(took);
        if !self.credit.is_zero() {
            return;
        }
        let weighed = match purpose {
            Purpose::Asked => cost,
            Purpose::Witness => cost.mul_f64(self.share_ratio / self.witness_share_ratio),
        };
        self.pace.ended(now, weighed.min(LONGEST_PAUSE.mul_f64(self.share_ratio)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampler::SamplerId;

    fn duty_of(source: SamplerId) -> Duty {
        Duty::of(source.row())
    }

    #[test]
    fn a_cheap_source_is_never_put_off_and_a_dear_one_keeps_to_its_share() {
        for (took_us, every_ms) in [(1, 8), (60, 400), (1500, 10_000), (1_000_000, 60_000)] {
            let (mut duty, took) = (duty_of(SamplerId::Threads), Duration::from_micros(took_us));
            let mut read_at = Vec::new();
            for tick in 0..60_000 {
                let now = Duration::from_millis(tick * 2);
                if duty.may_start(now).is_ok() {
                    read_at.push(now);
                    duty.ended(now + took, took, Purpose::Asked);
                }
            }
            let steady = read_at[read_at.len() - 1] - read_at[read_at.len() - 2];
            let expected = Duration::from_millis(every_ms);
            assert!(steady >= expected && steady <= expected + took + Duration::from_millis(4), "{took:?}: {steady:?}");
        }
    }

    #[test]
    fn a_run_of_seconds_has_its_points_also_where_a_source_is_dear() {
        let mut duty = duty_of(SamplerId::Threads);
        let took = Duration::from_micros(500);
        let read = (0..100).filter(|tick| {
            let now = Duration::from_millis(20 * tick);
            let may = duty.may_start(now).is_ok();
            if may {
                duty.ended(now + took, took, Purpose::Asked);
            }
            may
        });
        assert_eq!(read.count(), 100);
    }

    #[test]
    fn sweeps_that_were_interrupted_change_nothing() {
        let mut duty = duty_of(SamplerId::Threads);
        for took in [30_000, 10_000, 10_000, 1, 10_000, 50_000, 10_000, 1, 1] {
            duty.ended(Duration::ZERO, Duration::from_micros(took), Purpose::Asked);
            assert_eq!(duty.may_start(Duration::from_millis(7)), Ok(()));
        }
    }

    #[test]
    fn what_the_witness_depends_on_may_take_more() {
        let pause = |purpose| {
            let mut duty = duty_of(SamplerId::Status);
            // As many as use up the credit.
            for _ in 0..17 {
                assert_eq!(duty.may_start(Duration::ZERO), Ok(()));
                duty.ended(Duration::ZERO, Duration::from_millis(3), purpose);
            }
            duty.may_start(Duration::ZERO).unwrap_err()
        };
        // 3 ms of 120 s are its share; nobody waits for longer than a minute.
        assert_eq!(pause(Purpose::Asked), LONGEST_PAUSE);
        assert_eq!(pause(Purpose::Witness), Duration::from_secs(3));
    }
}
