//! Which processes of a tree are recorded one by one, and how often.
//!
//! All that live long, at a rate that falls with their number: whatever the size of the tree, the record grows at the same pace. Each metric
//! comes round by itself: what is read now and then is recorded when it was read.
//! A process counts as long-lived when it was there from the beginning, or for a share of the run so far, so that a server that
//! replaces its workers all day leaves a bounded number of series.

use soakd_sampler::{Comm, MemberReading, MetricId, ProcessId, TreeReading};

/// What is recorded of each process: enough to see who grew.
pub const OF_PROCESSES: [MetricId; 6] =
    [MetricId::HeapLive, MetricId::AnonSwap, MetricId::Rss, MetricId::Uss, MetricId::Fds, MetricId::Threads];

/// The shortest time from one record of the processes to the next, in a run long enough for [`RECORDS`] of them.
const EVERY_S: f64 = 1.0;
/// Records of the processes in a shorter run: enough to judge them by.
const RECORDS: f64 = 240.0;
/// So many processes are recorded at once; with more, all of them come round more slowly.
const AT_ONCE: f64 = 64.0;
/// A process that came later is recorded once it has lived this long, and for this share of the run.
const LEAST_AGE_S: f64 = 2.0;
/// See [`LEAST_AGE_S`].
const LEAST_AGE_SHARE: f64 = 0.02;

/// The values of one process.
#[derive(Debug, Clone, Copy)]
pub struct ProcessSample {
    /// Which process.
    pub id: ProcessId,
    /// Its short name.
    pub name: Comm,
    /// What it adds to the sum of each of [`OF_PROCESSES`] that was due.
    pub values: [Option<f64>; OF_PROCESSES.len()],
}

impl ProcessSample {
    fn of(member: &MemberReading, are_due: &[bool; OF_PROCESSES.len()]) -> Self {
        let value = |place: usize| are_due[place].then(|| member.part_of_sum(OF_PROCESSES[place])).flatten();
        Self { id: member.id, name: member.comm, values: std::array::from_fn(value) }
    }
}

/// Picks the processes that are recorded.
#[derive(Debug)]
pub struct Members {
    planned_s: f64,
    /// When each of [`OF_PROCESSES`] comes round.
    due_s: [f64; OF_PROCESSES.len()],
    ticks: u64,
    /// There have been several.
    were_several: bool,
}

impl Members {
    /// For a run that is planned to last so long.
    #[must_use]
    pub fn new(planned_s: f64) -> Self {
        Self { planned_s, due_s: [0.0; OF_PROCESSES.len()], ticks: 0, were_several: false }
    }

    /// The processes to record of the tick at `t_s`, one of a tick every `interval_s`; none as long as there has been one process
    /// alone, which is the tree.
    pub fn pick(&mut self, reading: &TreeReading, t_s: f64, interval_s: f64) -> Vec<ProcessSample> {
        self.ticks += 1;
        let count = reading.members.len();
        self.were_several |= count > 1;
        if !self.were_several {
            return Vec::new();
        }
        let next_s = t_s + EVERY_S.min(self.planned_s / RECORDS) * (count as f64 / AT_ONCE).max(1.0);
        let are_due = std::array::from_fn(|place| {
            // Ticks come a little late, each by another amount: the nearest one is meant.
            let is_due = reading.due.contains(OF_PROCESSES[place]) && t_s >= self.due_s[place] - 0.5 * interval_s;
            if is_due {
                self.due_s[place] = next_s;
            }
            is_due
        });
        if are_due == [false; OF_PROCESSES.len()] {
            return Vec::new();
        }
        let share_of_run_s = LEAST_AGE_SHARE * self.planned_s;
        let is_long_lived = |member: &&MemberReading| {
            let age_s = member.age_ticks as f64 * interval_s;
            member.age_ticks >= self.ticks || age_s >= LEAST_AGE_S.min(share_of_run_s).max(LEAST_AGE_SHARE * t_s)
        };
        reading.members.iter().filter(is_long_lived).map(|member| ProcessSample::of(member, &are_due)).collect()
    }

    /// The target is made of other processes from now on.
    pub fn restart(&mut self) {
        self.ticks = 0;
        self.were_several = false;
    }
}

#[cfg(test)]
mod tests {
    use soakd_sampler::Member;

    use super::*;

    fn tree(ages_ticks: &[u64]) -> TreeReading {
        let member = |(pid, age_ticks): (u32, &u64)| {
            let id = ProcessId { start_ticks: u64::from(pid), pid };
            let member = Member { id, parent_pid: 1, comm: Comm::default(), start_stack: 0 };
            let mut reading = MemberReading::from(&member);
            reading.age_ticks = *age_ticks;
            reading.reading.set(MetricId::AnonSwap, 1.0);
            reading.reading.set(MetricId::Uss, 1.0);
            reading
        };
        let due = [MetricId::AnonSwap].into_iter().collect();
        TreeReading { members: (1..).zip(ages_ticks).map(member).collect(), due, ..TreeReading::default() }
    }

    #[test]
    fn those_from_the_beginning_are_recorded_at_once_and_later_ones_when_they_have_lived_long() {
        let mut members = Members::new(1000.0);
        let mut picked = |t_s: u32, ages: &[u64]| members.pick(&tree(ages), f64::from(t_s), 1.0).len();
        assert_eq!(picked(0, &[1]), 0, "one process is the tree");
        assert_eq!(picked(1, &[2, 1]), 1);
        assert_eq!(picked(2, &[3, 2]), 2);
        assert_eq!((3..=999).map(|t_s| picked(t_s, &[u64::from(t_s) + 1, 19])).max(), Some(2));
        assert_eq!(picked(1000, &[1001, 19]), 1, "2 % of the run");
        assert_eq!(picked(1001, &[1002, 21]), 2);
    }

    #[test]
    fn what_is_read_now_and_then_is_recorded_when_it_was_read() {
        let mut members = Members::new(1000.0);
        let place = OF_PROCESSES.iter().position(|metric| *metric == MetricId::Uss).expect("one of them");
        let mut recorded = Vec::new();
        for tick in 0..20_u64 {
            let mut reading = tree(&vec![tick + 1; 640]);
            // The others come round every ten seconds, in other ticks.
            if tick % 7 == 6 {
                reading.due.insert(MetricId::Uss);
            }
            let picked = members.pick(&reading, tick as f64, 1.0);
            recorded.extend(picked.first().map(|process| (tick, process.values[place].is_some())));
        }
        assert_eq!(recorded, [(0, false), (6, true), (10, false)]);
    }

    #[test]
    fn a_thousand_come_round_more_slowly() {
        let mut members = Members::new(1000.0);
        let ages = |tick: u64| vec![tick + 1; 1000];
        let times = (0..160).filter(|tick| !members.pick(&tree(&ages(*tick)), *tick as f64, 1.0).is_empty()).count();
        assert_eq!(times, 10);
    }
}
