//! What trying new pids has found, kept for all trees that share it: each pid is tried for all of them together.
//!
//! A pid is given out shortly before its process can be seen. So a pid at which nobody was is tried once more, by the first tree of which a
//! whole pause between two looks lies behind the first try: another tree that looks a microsecond later would find nothing either. Time is
//! told by each tree on a clock of its own, and no two of them are ever compared: what came before what is told by counting looks.

use std::collections::VecDeque;
use std::time::Duration;

/// A pid at which nobody was is not tried again sooner. Shorter than the shortest time from tick to tick, and a thousand times what
/// a process needs from its pid to its being seen.
pub(crate) const LEAST_PAUSE: Duration = Duration::from_millis(5);
/// So many births may be under way at a time, given out and not visible yet; each holds a CPU for some microseconds.
const PIDS_TRIED_TWICE: u32 = 64;
/// Pids that wait for their second try. Where there are more, the one that has waited longest has it at once.
const MOST_MISSING: usize = 1024;
/// Processes that are told to those who look. Who has not looked for so many births has to search.
const MOST_NEWCOMERS: usize = 1024;

/// A process that was there when its pid was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Newcomer {
    pub(crate) pid: u32,
    /// Pid of the parent that it had then.
    pub(crate) parent_pid: u32,
    /// Whether that parent has come lately and was found before: all who look were told of it, then or now.
    pub(crate) parent_was_found: bool,
}

/// Whether a look told all newcomers since the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// All that are to be found.
    All,
    /// Anybody may have come: it is the first look, too many were born, or the count of pids started again from below.
    Unknown,
}

/// What one tree remembers from look to look.
#[derive(Debug, Clone, Default)]
pub(crate) struct Onlooker {
    before: Option<Seen>,
    /// The latest look that is at least [`LEAST_PAUSE`] before the next of its kind, and when that was.
    mark: Option<(Duration, u64)>,
    /// Processes with a pid above this one may have come since the look before the last one.
    new_above: u32,
}

/// What a look saw.
#[derive(Debug, Clone, Copy)]
struct Seen {
    look: u64,
    last_pid: u32,
}

impl Onlooker {
    /// Whether a process with `pid` can have been born since the look before the last one, or be one that was given its pid earlier and could not be
    /// seen yet.
    pub(crate) fn may_be_new(&self, pid: u32) -> bool {
        pid > self.new_above
    }
}

/// What was tried and found. Its size is fixed.
#[derive(Debug)]
pub(crate) struct BirthRecord {
    looks_count: u64,
    /// The pid given out last, as of the last look.
    last_pid: Option<u32>,
    /// Who looked last before this look was not told of all that came since.
    untold_before: u64,
    /// Pids at which nobody was, and at which look; the earliest first.
    missing: VecDeque<(u32, u64)>,
    /// Who was found, and at which look; the earliest first.
    newcomers: VecDeque<(Newcomer, u64)>,
}

impl BirthRecord {
    /// A record in which nothing was tried yet.
    pub(crate) fn new() -> Self {
        Self {
            looks_count: 0,
            last_pid: None,
            untold_before: 0,
            missing: VecDeque::with_capacity(MOST_MISSING),
            newcomers: VecDeque::with_capacity(MOST_NEWCOMERS),
        }
    }

    /// A look of one tree at `now` on its clock, with `last_pid` the pid given out last. Tries the pids that nobody has tried yet, unless these are more
    /// than `most_tried`, and those that are due for a second try. Puts into `newcomers` who has come since the last look of this tree.
    ///
    /// `try_pid` gives the parent's pid of the process with a pid, `None` where there is none.
    pub(crate) fn look(
        &mut self,
        onlooker: &mut Onlooker,
        now: Duration,
        (last_pid, most_tried): (u32, u32),
        try_pid: &mut dyn FnMut(u32) -> Option<u32>,
        newcomers: &mut Vec<Newcomer>,
    ) -> Told {
        self.looks_count += 1;
        let look = self.looks_count;
        let ended_pause = onlooker.mark.filter(|(at, _)| now.saturating_sub(*at) >= LEAST_PAUSE);
        if let Some((_, marked_look)) = ended_pause {
            self.try_again(marked_look, try_pid);
        }
        if ended_pause.is_some() || onlooker.mark.is_none() {
            onlooker.mark = Some((now, look));
        }
        self.advance(last_pid, most_tried, try_pid);
        newcomers.clear();
        let before = onlooker.before.replace(Seen { look, last_pid });
        let Some(before) = before.filter(|before| before.look >= self.untold_before) else { return Told::Unknown };
        onlooker.new_above = before.last_pid.saturating_sub(PIDS_TRIED_TWICE);
        let since = self.newcomers.iter().rev().take_while(|(_, found_at)| *found_at > before.look);
        newcomers.extend(since.map(|(newcomer, _)| *newcomer));
        Told::All
    }

    /// Tries the pids up to `last_pid` that nobody has tried yet.
    fn advance(&mut self, last_pid: u32, most_tried: u32, try_pid: &mut dyn FnMut(u32) -> Option<u32>) {
        let before = self.last_pid.replace(last_pid);
        let begin_of_latest = last_pid.saturating_sub(PIDS_TRIED_TWICE);
        match before {
            Some(before) if before <= last_pid && last_pid - before <= most_tried => {
                for pid in before + 1..=last_pid {
                    if !self.try_one(pid, try_pid) && pid > begin_of_latest {
                        self.miss(pid, try_pid);
                    }
                }
            }
            // Too many, or the count of pids started again from below: everybody searches, and finds those that can be seen by then.
            _ => {
                self.untold_before = self.looks_count;
                for pid in begin_of_latest + 1..=last_pid {
                    self.miss(pid, try_pid);
                }
            }
        }
    }

    /// Tries those again that were tried at `look` or before.
    fn try_again(&mut self, look: u64, try_pid: &mut dyn FnMut(u32) -> Option<u32>) {
        while let Some((pid, _)) = self.missing.pop_front_if(|(_, tried_at)| *tried_at <= look) {
            self.try_one(pid, try_pid);
        }
    }

    /// Whether somebody was found.
    fn try_one(&mut self, pid: u32, try_pid: &mut dyn FnMut(u32) -> Option<u32>) -> bool {
        let Some(parent_pid) = try_pid(pid) else { return false };
        let parent_was_found = self.newcomers.iter().any(|(found, _)| found.pid == parent_pid);
        if self.newcomers.len() == MOST_NEWCOMERS
            && let Some((_, found_at)) = self.newcomers.pop_front()
        {
            self.untold_before = self.untold_before.max(found_at);
        }
        self.newcomers.push_back((Newcomer { pid, parent_pid, parent_was_found }, self.looks_count));
        true
    }

    /// Nobody was at `pid`, or it was not tried.
    fn miss(&mut self, pid: u32, try_pid: &mut dyn FnMut(u32) -> Option<u32>) {
        if self.missing.len() == MOST_MISSING
            && let Some((longest_missing, _)) = self.missing.pop_front()
        {
            self.try_one(longest_missing, try_pid);
        }
        self.missing.push_back((pid, self.looks_count));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const MOST_TRIED: u32 = 256;
    const TICK: Duration = Duration::from_secs(1);

    /// Looks of trees at a host on which `there` are there, with the pids that each look has tried.
    struct Host {
        record: BirthRecord,
        there: BTreeSet<u32>,
        tried: Vec<u32>,
    }

    impl Host {
        fn new() -> Self {
            Self { record: BirthRecord::new(), there: BTreeSet::new(), tried: Vec::new() }
        }

        fn look(&mut self, tree: &mut Onlooker, now: Duration, last_pid: u32) -> (Told, Vec<u32>) {
            let (there, tried, mut newcomers) = (&self.there, &mut self.tried, Vec::new());
            tried.clear();
            let mut try_pid = |pid| {
                tried.push(pid);
                there.contains(&pid).then_some(1)
            };
            let told = self.record.look(tree, now, (last_pid, MOST_TRIED), &mut try_pid, &mut newcomers);
            (told, newcomers.into_iter().map(|newcomer| newcomer.pid).collect())
        }
    }

    #[test]
    fn nothing_is_tried_while_the_last_pid_stands_still() {
        let (mut host, mut tree) = (Host::new(), Onlooker::default());
        assert_eq!(host.look(&mut tree, TICK, 100), (Told::Unknown, vec![]));
        // Those that were under way at the first look.
        assert_eq!(host.look(&mut tree, 2 * TICK, 100), (Told::All, vec![]));
        assert_eq!(host.tried, Vec::from_iter(37..=100));
        assert_eq!(host.look(&mut tree, 3 * TICK, 100), (Told::All, vec![]));
        assert!(host.tried.is_empty());
    }

    #[test]
    fn a_new_pid_is_tried_once_for_all_and_again_where_nobody_was_and_a_pause_is_over() {
        let mut host = Host::new();
        let [mut one, mut other] = [Onlooker::default(), Onlooker::default()];
        // Each has a clock of its own.
        let later = |seconds: u32| (TICK * seconds, TICK * (seconds + 1000));
        for seconds in [0, 1] {
            host.look(&mut one, later(seconds).0, 100);
            host.look(&mut other, later(seconds).1, 100);
        }
        host.there.insert(101);
        assert_eq!(host.look(&mut one, later(2).0, 102), (Told::All, vec![101]));
        assert_eq!(host.tried, [101, 102]);
        host.there.insert(102);
        assert_eq!(host.look(&mut other, later(2).1, 102), (Told::All, vec![101]));
        assert!(host.tried.is_empty(), "102 was tried a moment ago");
        assert_eq!(host.look(&mut one, later(2).0 + LEAST_PAUSE / 2, 102), (Told::All, vec![]));
        assert!(host.tried.is_empty(), "102 was tried two milliseconds ago");
        assert_eq!(host.look(&mut other, later(3).1, 102), (Told::All, vec![102]));
        assert_eq!(host.tried, [102]);
        assert_eq!(host.look(&mut one, later(3).0, 102), (Told::All, vec![102]));
        assert!(host.tried.is_empty());
    }

    #[test]
    fn all_search_when_pids_start_again_or_jump_far() {
        for last_pid in [400, 40_000] {
            let mut host = Host::new();
            let [mut one, mut other] = [Onlooker::default(), Onlooker::default()];
            for tree in [&mut one, &mut other] {
                assert_eq!(host.look(tree, TICK, 32_000).0, Told::Unknown);
                assert_eq!(host.look(tree, 2 * TICK, 32_000).0, Told::All);
            }
            for tree in [&mut one, &mut other] {
                assert_eq!(host.look(tree, 3 * TICK, last_pid), (Told::Unknown, vec![]));
                assert!(host.tried.is_empty(), "a search finds them");
            }
            host.there.insert(last_pid);
            assert_eq!(host.look(&mut one, 4 * TICK, last_pid), (Told::All, vec![last_pid]));
            assert_eq!(host.tried, Vec::from_iter(last_pid - 63..=last_pid));
            assert_eq!(host.look(&mut other, 4 * TICK, last_pid), (Told::All, vec![last_pid]));
        }
    }

    #[test]
    fn who_looks_rarely_is_told_to_search_and_nothing_grows() {
        let mut host = Host::new();
        let [mut often, mut rarely] = [Onlooker::default(), Onlooker::default()];
        host.look(&mut rarely, Duration::ZERO, 100);
        // Of every three pids two have nobody, and more than can wait have their second try at once.
        host.there.extend((102..9000).step_by(3));
        for pid in 100..=3000 {
            host.look(&mut often, LEAST_PAUSE / 5000 * pid, pid);
        }
        let (told, newcomers) = host.look(&mut rarely, TICK, 3000);
        assert_eq!((told, newcomers.len()), (Told::All, 967));
        assert_eq!(host.record.missing.len(), MOST_MISSING);
        host.look(&mut often, TICK, 3200);
        for tick in 0..20 {
            host.look(&mut often, TICK * (2 + tick), 3400 + 200 * tick);
        }
        assert_eq!(host.look(&mut rarely, 60 * TICK, 7200).0, Told::Unknown);
        assert_eq!(host.look(&mut rarely, 61 * TICK, 7200).0, Told::All);
        assert!(host.record.newcomers.capacity() < 2 * MOST_NEWCOMERS);
        assert!(host.record.missing.capacity() < 2 * MOST_MISSING);
    }

    /// A process of the properties: its pid is given out, then it can be seen, then it ends.
    #[derive(Debug, Clone)]
    struct Life {
        given_us: u64,
        seen_us: u64,
        ended_us: u64,
    }

    fn lives() -> impl Strategy<Value = Vec<Life>> {
        let life = (0_u64..400_000, 0_u64..5000, prop_oneof![0_u64..50_000, 0_u64..1_000_000]);
        let life = life.prop_map(|(given_us, hidden_us, lived_us)| Life {
            given_us,
            seen_us: given_us + hidden_us,
            ended_us: given_us + hidden_us + lived_us,
        });
        proptest::collection::vec(life, 0..200).prop_map(|mut lives| {
            lives.sort_by_key(|life| life.given_us);
            lives
        })
    }

    proptest! {
        // What one tree would find by itself, trying each pid at its first and second look after it was given out, it finds with others who look at
        // any other times: at the latest on its second look, and each process once.
        #[test]
        fn a_tree_among_others_finds_who_is_still_there_at_its_second_look(
            lives in lives(),
            trees in proptest::collection::vec((5_000_u64..90_000, 0_u64..100_000), 1..8),
        ) {
            let first_pid = 1000;
            let mut looks: Vec<(u64, usize)> = Vec::new();
            for (tree, (every_us, first_us)) in trees.iter().enumerate() {
                looks.extend((0..).map(|number| (first_us + number * every_us, tree)).take_while(|(at_us, _)| *at_us < 700_000));
            }
            looks.sort_unstable();
            let mut record = BirthRecord::new();
            let mut onlookers = vec![Onlooker::default(); trees.len()];
            let mut told: Vec<Vec<(u64, u32)>> = vec![Vec::new(); trees.len()];
            for (at_us, tree) in &looks {
                let given = lives.iter().take_while(|life| life.given_us <= *at_us).count();
                let last_pid = first_pid + u32::try_from(given).unwrap();
                let mut try_pid = |pid: u32| {
                    let life = lives.get(usize::try_from(pid.checked_sub(first_pid + 1)?).unwrap())?;
                    (life.seen_us <= *at_us && *at_us < life.ended_us).then_some(1)
                };
                let mut newcomers = Vec::new();
                // Each on a clock with a beginning of its own.
                let now = Duration::from_micros(at_us + 1_000_000 * *tree as u64);
                let answer = record.look(&mut onlookers[*tree], now, (last_pid, 256), &mut try_pid, &mut newcomers);
                let is_first = looks.iter().find(|(_, of)| of == tree).unwrap().0 == *at_us;
                prop_assert_eq!(answer == Told::Unknown, is_first);
                told[*tree].extend(newcomers.iter().map(|newcomer| (*at_us, newcomer.pid)));
            }
            for (tree, told) in told.iter().enumerate() {
                let own: Vec<u64> = looks.iter().filter(|(_, of)| *of == tree).map(|(at_us, _)| *at_us).collect();
                for (number, life) in lives.iter().enumerate() {
                    let pid = first_pid + 1 + u32::try_from(number).unwrap();
                    let times: Vec<u64> = told.iter().filter(|(_, told)| *told == pid).map(|(at_us, _)| *at_us).collect();
                    prop_assert!(times.len() <= 1, "told twice: {} {:?}", pid, times);
                    let mut after = own.iter().filter(|at_us| **at_us >= life.given_us);
                    let (Some(first), Some(second)) = (after.next(), after.next()) else { continue };
                    // The first look of a tree is followed by a search, which finds whoever can be seen.
                    let is_searched = own.first() == Some(first) && life.seen_us <= *first;
                    if life.ended_us > *second && !is_searched {
                        prop_assert!(times.iter().all(|at_us| at_us <= second) && times.len() == 1, "{} at {:?}", pid, times);
                    }
                }
            }
        }
    }
}
