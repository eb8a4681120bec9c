//! Jobs that wait, and which of them starts next.

use jiff::Timestamp;

use super::status::Job;

/// What runs beside a job that is to start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Beside {
    /// Soaks that run; watches do not count.
    pub running_count: usize,
    /// Whether one of them wants to be alone.
    pub is_exclusive: bool,
}

/// What the queue has to offer at one moment.
#[derive(Debug, PartialEq)]
pub enum Next {
    /// This job starts now.
    Start(Box<Job>),
    /// One would start if the host had room.
    NoRoom(String),
    /// None before this time.
    NotBefore(Timestamp),
    /// Nothing, until something else changes.
    Nothing,
}

/// Jobs that wait, in the order in which they start: by priority, then by age.
///
/// The order is kept: a job that has to wait for room, or to be alone, is not overtaken by those behind it, or it might wait for ever.
/// A job that is not due yet stands in nobody's way.
#[derive(Debug, Default)]
pub struct Queue {
    jobs: Vec<Job>,
}

impl Queue {
    /// Adds a job.
    pub fn add(&mut self, job: Job) {
        let key = |job: &Job| (std::cmp::Reverse(job.submission.priority), job.id);
        let at = self.jobs.partition_point(|other| key(other) <= key(&job));
        self.jobs.insert(at, job);
    }

    /// Takes a job out.
    pub fn remove(&mut self, id: u64) -> Option<Job> {
        let at = self.jobs.iter().position(|job| job.id == id)?;
        Some(self.jobs.remove(at))
    }

    /// All that wait, in order.
    #[must_use]
    pub fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    /// What starts at `now`, where at most `slots` soaks run at once. `lacks` is asked, once and only where it matters, what the host has
    /// too little of.
    pub fn next(
        &mut self,
        now: Timestamp,
        slots: usize,
        beside: Beside,
        lacks: impl FnOnce() -> Option<String>,
    ) -> Next {
        let is_due = |job: &Job| job.not_before.is_none_or(|not_before| not_before <= now);
        let Some(at) = self.jobs.iter().position(is_due) else {
            let first = self.jobs.iter().filter_map(|job| job.not_before).min();
            return first.map_or(Next::Nothing, Next::NotBefore);
        };
        let wants_to_be_alone = self.jobs[at].submission.exclusive;
        let is_free = beside.running_count < slots && !beside.is_exclusive;
        if !is_free || (wants_to_be_alone && beside.running_count > 0) {
            return Next::Nothing;
        }
        if let Some(lacking) = lacks() {
            return Next::NoRoom(lacking);
        }
        Next::Start(Box::new(self.jobs.remove(at)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::service::status::JobState;
    use crate::service::submission::Submission;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn job(id: u64, priority: i32) -> Job {
        Job {
            id,
            name: format!("job {id}"),
            submission: Submission { priority, ..Submission::default() },
            schedule: None,
            planned: None,
            state: JobState::Queued,
            attempts_count: 0,
            queued: at(0),
            not_before: None,
            started: None,
            ended: None,
            run: None,
            outcome: None,
            exit_code: None,
            message: None,
        }
    }

    fn room() -> Option<String> {
        None
    }

    fn started(next: Next) -> Option<u64> {
        match next {
            Next::Start(job) => Some(job.id),
            Next::NoRoom(_) | Next::NotBefore(_) | Next::Nothing => None,
        }
    }

    #[test]
    fn higher_priorities_come_first_and_of_equals_the_older() {
        let mut queue = Queue::default();
        for (id, priority) in [(1, 0), (2, 5), (3, 0), (4, 5), (5, -1)] {
            queue.add(job(id, priority));
        }
        let order: Vec<u64> = std::iter::from_fn(|| started(queue.next(at(0), 9, Beside::default(), room))).collect();
        assert_eq!(order, [2, 4, 1, 3, 5]);
    }

    #[test]
    fn no_more_run_at_once_than_there_are_slots() {
        let mut queue = Queue::default();
        queue.add(job(1, 0));
        let beside = |running_count| Beside { running_count, is_exclusive: false };
        assert_eq!(queue.next(at(0), 2, beside(2), room), Next::Nothing);
        assert_eq!(started(queue.next(at(0), 2, beside(1), room)), Some(1));
    }

    #[test]
    fn who_wants_to_be_alone_is_alone_and_is_not_overtaken() {
        let mut queue = Queue::default();
        let mut alone = job(1, 0);
        alone.submission.exclusive = true;
        queue.add(alone);
        queue.add(job(2, 0));
        assert_eq!(queue.next(at(0), 4, Beside { running_count: 1, is_exclusive: false }, room), Next::Nothing);
        assert_eq!(started(queue.next(at(0), 4, Beside::default(), room)), Some(1));
        assert_eq!(queue.next(at(0), 4, Beside { running_count: 1, is_exclusive: true }, room), Next::Nothing);
        assert_eq!(started(queue.next(at(0), 4, Beside::default(), room)), Some(2));
    }

    #[test]
    fn who_is_not_due_stands_in_nobodys_way() {
        let mut queue = Queue::default();
        let mut later = job(1, 9);
        later.not_before = Some(at(60));
        queue.add(later);
        queue.add(job(2, 0));
        assert_eq!(started(queue.next(at(0), 4, Beside::default(), room)), Some(2));
        assert_eq!(queue.next(at(0), 4, Beside::default(), room), Next::NotBefore(at(60)));
        assert_eq!(started(queue.next(at(60), 4, Beside::default(), room)), Some(1));
    }

    #[test]
    fn a_host_without_room_starts_nothing_and_says_why() {
        let mut queue = Queue::default();
        queue.add(job(1, 0));
        let lacks = || Some("too little memory".to_owned());
        assert_eq!(queue.next(at(0), 4, Beside::default(), lacks), Next::NoRoom("too little memory".to_owned()));
        assert_eq!(queue.jobs().len(), 1);
        assert_eq!(queue.remove(1).map(|job| job.id), Some(1));
        assert_eq!(queue.next(at(0), 4, Beside::default(), room), Next::Nothing);
    }

    proptest! {
        /// Whatever is queued: all of it starts, once, and never more at once than may.
        #[test]
        fn everything_starts_once(jobs in prop::collection::vec((-2..3_i32, any::<bool>(), 0..50_i64), 0..40), slots in 1..5_usize) {
            let mut queue = Queue::default();
            for (id, (priority, exclusive, not_before)) in (1..).zip(&jobs) {
                let mut job = job(id, *priority);
                job.submission.exclusive = *exclusive;
                job.not_before = Some(at(*not_before));
                queue.add(job);
            }
            let mut seen = Vec::new();
            // Each runs for three seconds.
            let mut running: Vec<(i64, bool)> = Vec::new();
            for second in 0..50 + 3 * jobs.len() as i64 + 3 {
                running.retain(|(end, _)| *end > second);
                loop {
                    let beside = Beside { running_count: running.len(), is_exclusive: running.iter().any(|(_, alone)| *alone) };
                    let Next::Start(job) = queue.next(at(second), slots, beside, room) else { break };
                    prop_assert!(job.not_before.is_none_or(|not_before| not_before <= at(second)));
                    running.push((second + 3, job.submission.exclusive));
                    prop_assert!(running.len() <= slots);
                    prop_assert!(running.len() == 1 || !running.iter().any(|(_, alone)| *alone));
                    seen.push(job.id);
                }
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (1..=jobs.len() as u64).collect::<Vec<_>>());
        }
    }
}
