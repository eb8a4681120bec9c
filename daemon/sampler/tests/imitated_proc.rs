//! Bad luck that real processes do not have on command, in a folder that looks like `/proc`.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a helper fails the test")]

#[allow(dead_code, reason = "each test uses its part")]
mod proc_folder;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proc_folder::{MIB, Proc};
use soakd_sampler::{
    Detail, FileBudget, LimitSource, Liveness, Membership, MetricId, ProcessTree, SampleError, SamplerId,
    SamplerStatus, TreeOptions, TreeReading, TreeSampler, limits,
};

/// A tick after enough time for a search of all processes.
fn tick_later(sampler: &mut TreeSampler, millis: &AtomicU64, detail: Detail) -> TreeReading {
    millis.fetch_add(60_000, Ordering::SeqCst);
    sampler.tick(detail).clone()
}

fn pids(reading: &TreeReading) -> Vec<u32> {
    reading.members.iter().map(|member| member.id.pid).collect()
}

#[test]
fn a_tree_is_summed_and_a_new_member_and_a_dead_one_are_told() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    proc.process(30, 10, 110);
    proc.process(20, 30, 120);
    proc.process(40, 1, 90);
    let (mut sampler, millis) = proc.sampler(root);
    let reading = tick_later(&mut sampler, &millis, Detail::Full);
    assert_eq!(pids(&reading), [10, 30, 20], "the oldest first, strangers left out");
    assert_eq!(reading.arrivals.len(), 3);
    assert_eq!(reading.totals.get(MetricId::Anon), Some(3.0 * MIB));
    assert_eq!(reading.totals.get(MetricId::AnonSwap), Some(9.0 * MIB));
    assert_eq!(reading.totals.get(MetricId::Procs), Some(3.0));
    assert_eq!(reading.totals.get(MetricId::Threads), Some(3.0));

    proc.end(30);
    proc.process(50, 20, 130);
    let reading = tick_later(&mut sampler, &millis, Detail::Fast);
    assert_eq!(pids(&reading), [10, 20, 50], "20 stays although its parent is gone");
    assert_eq!(reading.departures.iter().map(|member| member.id.pid).collect::<Vec<_>>(), [30]);
    assert_eq!(reading.arrivals.iter().map(|member| member.id.pid).collect::<Vec<_>>(), [50]);
    assert!(!reading.has_same_members());
    assert!(tick_later(&mut sampler, &millis, Detail::Fast).has_same_members());
}

#[test]
fn whoever_takes_over_a_pid_is_somebody_else() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    let child = proc.process(20, 10, 110);
    let (mut sampler, millis) = proc.sampler(root);
    assert_eq!(pids(&tick_later(&mut sampler, &millis, Detail::Fast)), [10, 20]);
    proc.process(20, 1, 500);
    assert_eq!(child.liveness(&proc.root()), Ok(Liveness::Gone));
    let reading = tick_later(&mut sampler, &millis, Detail::Fast);
    assert_eq!(pids(&reading), [10]);
    assert_eq!(reading.departures.iter().map(|member| member.id).collect::<Vec<_>>(), [child]);
}

#[test]
fn children_of_a_process_that_took_over_the_pid_of_a_root_are_strangers() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    proc.process(10, 1, 900);
    proc.process(20, 10, 910);
    let mut tree = ProcessTree::new(proc.root(), Membership::Descendants { of: vec![root], include_roots: true });
    assert_eq!(tree.search().unwrap(), []);
}

#[test]
fn roots_can_be_left_out_and_others_excluded_with_their_descendants() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    proc.process(20, 10, 110);
    let load = proc.process(30, 10, 120);
    proc.process(31, 30, 130);
    let mut tree = ProcessTree::new(proc.root(), Membership::Descendants { of: vec![root], include_roots: false });
    tree.exclude(load);
    let pids: Vec<_> = tree.refresh(Duration::ZERO).unwrap().iter().map(|member| member.id.pid).collect();
    assert_eq!(pids, [20]);
    // Handed to the root as an orphan, it is still of the load.
    proc.end(30);
    proc.stat(31, 10, 130, 'S', 0);
    assert_eq!(tree.search().unwrap().len(), 1);
}

#[test]
fn a_zombie_is_no_member() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    proc.process(20, 10, 110);
    let (mut sampler, millis) = proc.sampler(root);
    assert_eq!(pids(&tick_later(&mut sampler, &millis, Detail::Fast)), [10, 20]);
    proc.stat(20, 10, 110, 'Z', 0);
    proc.write(20, "statm", "0 0 0 0 0 0 0\n");
    // At once, without a search: the read itself finds out.
    let reading = sampler.tick(Detail::Fast);
    assert_eq!(pids(reading), [10]);
    assert_eq!(reading.totals.get(MetricId::Anon), Some(MIB));
    assert_eq!(tick_later(&mut sampler, &millis, Detail::Fast).arrivals, []);
}

#[test]
fn a_read_that_fails_is_a_gap_with_a_reason_and_never_zero() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    proc.write(10, "statm", "nonsense\n");
    let (mut sampler, millis) = proc.sampler(root);
    let reading = tick_later(&mut sampler, &millis, Detail::Full);
    assert_eq!(pids(&reading), [10]);
    assert!(matches!(reading.members[0].failure(SamplerId::Statm), Some(SampleError::Garbled { .. })));
    assert_eq!(reading.members[0].reading.get(MetricId::Rss), None);
    assert_eq!(reading.totals.get(MetricId::Rss), None);
    assert_eq!(reading.totals.get(MetricId::Cpu), Some(0.0), "the other sources go on");
    let status = sampler.reports()[SamplerId::Statm as usize].status;
    assert!(matches!(status, SamplerStatus::Failed(SampleError::Garbled { .. })), "{status:?}");
}

#[test]
fn part_of_a_sum_is_no_sum() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    proc.process(20, 10, 110);
    let (mut sampler, millis) = proc.sampler(root);
    assert_eq!(tick_later(&mut sampler, &millis, Detail::Fast).totals.get(MetricId::Rss), Some(2.0 * MIB));
    proc.write(20, "statm", "garbage\n");
    let reading = tick_later(&mut sampler, &millis, Detail::Fast);
    assert_eq!(reading.totals.get(MetricId::Rss), None);
    assert_eq!(reading.members[0].reading.get(MetricId::Rss), Some(MIB));
    assert!(matches!(sampler.reports()[SamplerId::Statm as usize].status, SamplerStatus::Partly(_)));
    proc.memory(20, 3);
    assert_eq!(tick_later(&mut sampler, &millis, Detail::Fast).totals.get(MetricId::Rss), Some(4.0 * MIB));
    assert_eq!(sampler.reports()[SamplerId::Statm as usize].status, SamplerStatus::Active);
    assert_eq!(sampler.reports()[SamplerId::Statm as usize].failures_count, 1);
}

#[test]
fn a_file_that_the_kernel_lacks_is_unsupported_and_its_process_is_not_gone() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    let (mut sampler, millis) = proc.sampler(root);
    let reading = tick_later(&mut sampler, &millis, Detail::Slow);
    assert_eq!(pids(&reading), [10]);
    assert_eq!(reading.members[0].failure(SamplerId::SmapsRollup), Some(SampleError::Unsupported));
    assert_eq!(sampler.reports()[SamplerId::SmapsRollup as usize].status, SamplerStatus::Unsupported);
}

#[test]
fn what_departed_members_had_counted_stays_in_the_sum() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    proc.process(20, 10, 110);
    let ticks_per_s = rustix::param::clock_ticks_per_second();
    proc.stat(10, 1, 100, 'S', 3 * ticks_per_s);
    proc.stat(20, 10, 110, 'S', 4 * ticks_per_s);
    let (mut sampler, millis) = proc.sampler(root);
    assert_eq!(tick_later(&mut sampler, &millis, Detail::Full).totals.get(MetricId::Cpu), Some(7.0));
    proc.end(20);
    let reading = tick_later(&mut sampler, &millis, Detail::Full);
    assert_eq!(reading.totals.get(MetricId::Cpu), Some(7.0));
    assert_eq!(reading.totals.get(MetricId::MinorFaults), Some(14.0));
    assert_eq!(reading.totals.get(MetricId::Anon), Some(MIB), "what it held is free");
}

#[test]
fn a_process_that_was_just_forked_does_not_count_the_memory_of_its_parent_again() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    let (mut sampler, millis) = proc.sampler(root);
    tick_later(&mut sampler, &millis, Detail::Fast);
    proc.process(20, 10, 110);
    let parent = std::fs::read_to_string(proc.file(10, "statm")).unwrap();
    proc.write(20, "statm", &parent);
    let reading = tick_later(&mut sampler, &millis, Detail::Fast);
    assert_eq!(pids(&reading), [10, 20]);
    assert_eq!(reading.members[1].inherited(MetricId::Anon), MIB);
    assert_eq!(reading.totals.get(MetricId::Anon), Some(MIB));
    // Its stack's address is not told, so that from here on it may have called `exec`.
    assert_eq!(tick_later(&mut sampler, &millis, Detail::Fast).totals.get(MetricId::Anon), Some(2.0 * MIB));
}

/// Where the stacks of a server and of its workers begin, and of what they execute.
const OWN: u64 = 0x7ffc_1234_5000;
const OTHER: u64 = 0x7ffd_4321_0000;

/// The `stat` of a process whose stack begins at an address that `exec` has drawn.
fn stat_with_stack(proc: &Proc, pid: u32, parent: u32, start_ticks: u64, start_stack: u64) {
    let text = format!(
        "{pid} (p{pid}) S {parent} 0 0 0 -1 0 7 0 0 0 0 0 0 0 20 0 1 0 {start_ticks} 0 0 0 0 0 {start_stack} 0\n"
    );
    proc.write(pid, "stat", &text);
}

/// A child of 10, its copy or not by `start_stack`, with so much anonymous memory.
fn forked(proc: &Proc, pid: u32, start_ticks: u64, start_stack: u64, mib: u64) {
    proc.process(pid, 10, start_ticks);
    stat_with_stack(proc, pid, 10, start_ticks, start_stack);
    proc.memory(pid, mib);
}

/// The sum of anonymous memory in MiB, a tick later.
fn anon_mib(sampler: &mut TreeSampler, millis: &AtomicU64) -> f64 {
    tick_later(sampler, millis, Detail::Fast).totals.get(MetricId::Anon).unwrap() / MIB
}

#[test]
fn what_workers_inherited_is_counted_once_for_as_long_as_the_server_lives() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    stat_with_stack(&proc, 10, 1, 100, OWN);
    proc.memory(10, 100);
    let (mut sampler, millis) = proc.sampler(root);
    assert_eq!(anon_mib(&mut sampler, &millis), 100.0);
    forked(&proc, 20, 110, OWN, 101);
    forked(&proc, 30, 120, OWN, 100);
    assert_eq!(anon_mib(&mut sampler, &millis), 101.0);
    proc.memory(20, 130);
    for _ in 0..20 {
        assert_eq!(anon_mib(&mut sampler, &millis), 130.0, "what a worker allocates counts");
    }
    assert_eq!(sampler.reading().members[1].part_of_sum(MetricId::Anon), Some(30.0 * MIB));
    proc.end(30);
    assert_eq!(anon_mib(&mut sampler, &millis), 130.0, "a worker that ends takes only its own along");
    forked(&proc, 40, 130, OWN, 100);
    assert_eq!(anon_mib(&mut sampler, &millis), 130.0);
    // The server gives back what it had: the workers have it for themselves, and the oldest holds it for both.
    proc.memory(10, 40);
    assert_eq!(anon_mib(&mut sampler, &millis), 40.0 + 90.0 + 60.0);
}

#[test]
fn when_the_owner_ends_the_oldest_worker_holds_what_they_share() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    stat_with_stack(&proc, 10, 1, 100, OWN);
    proc.memory(10, 100);
    let (mut sampler, millis) = proc.sampler(root);
    for (pid, start_ticks) in [(20, 110), (30, 120), (40, 130)] {
        forked(&proc, pid, start_ticks, OWN, 100);
    }
    assert_eq!(anon_mib(&mut sampler, &millis), 100.0);
    proc.end(10);
    for pid in [20, 30, 40] {
        stat_with_stack(&proc, pid, 1, 100 + u64::from(pid - 10), OWN);
    }
    assert_eq!(anon_mib(&mut sampler, &millis), 100.0);
    proc.end(30);
    assert_eq!(anon_mib(&mut sampler, &millis), 100.0);
    proc.end(20);
    assert_eq!(anon_mib(&mut sampler, &millis), 100.0);
}

#[test]
fn whoever_calls_exec_shares_nothing_any_more() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    stat_with_stack(&proc, 10, 1, 100, OWN);
    proc.memory(10, 100);
    let (mut sampler, millis) = proc.sampler(root);
    // One that has done so already, and one that does so later.
    forked(&proc, 20, 110, OTHER, 5);
    forked(&proc, 30, 120, OWN, 100);
    assert_eq!(anon_mib(&mut sampler, &millis), 105.0);
    for _ in 0..4 {
        anon_mib(&mut sampler, &millis);
    }
    stat_with_stack(&proc, 30, 10, 120, OTHER + 4096);
    proc.memory(30, 7);
    assert_eq!(anon_mib(&mut sampler, &millis), 112.0);
}

#[test]
fn walks_through_many_are_spread_over_ticks_and_told_together() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    proc.rollup(10, 512);
    for pid in 20..30 {
        proc.process(pid, 10, u64::from(pid) + 100);
        proc.rollup(pid, 512);
    }
    let membership = Membership::Descendants { of: vec![root], include_roots: true };
    let mut options = TreeOptions::new(proc.root(), membership);
    options.metrics = vec![MetricId::Uss];
    // Each walk takes 2 ms: a look at the clock before it and one after.
    let mut now = Duration::ZERO;
    let clock = move || {
        now += Duration::from_millis(2);
        now
    };
    let mut sampler = TreeSampler::new(options, Box::new(clock));
    let mut ticks = 1;
    while !sampler.tick(if ticks == 1 { Detail::Slow } else { Detail::Fast }).due.contains(MetricId::Uss) {
        assert_eq!(sampler.reading().totals.get(MetricId::Uss), None, "part of a sum is no sum");
        ticks += 1;
    }
    assert_eq!(sampler.reading().totals.get(MetricId::Uss), Some(11.0 * 512.0 * 1024.0));
    assert!((4..=6).contains(&ticks), "{ticks}");
    assert_eq!(sampler.reports()[SamplerId::SmapsRollup as usize].cost.count(), 11);
}

#[test]
fn a_source_that_gets_dear_is_read_less_often_and_that_is_said() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    let membership = Membership::Descendants { of: vec![root], include_roots: true };
    let mut options = TreeOptions::new(proc.root(), membership);
    options.metrics = vec![MetricId::Rss, MetricId::Threads];
    // A sweep takes 3 ms by this clock: 0.015 % of 20 s.
    let mut now = Duration::ZERO;
    let clock = move || {
        now += Duration::from_millis(3);
        now
    };
    let mut sampler = TreeSampler::new(options, Box::new(clock));
    let mut read_at = Vec::new();
    for tick in 0..10_000 {
        let reading = sampler.tick(Detail::Fast);
        assert!(reading.due.contains(MetricId::Rss) && reading.totals.get(MetricId::Rss).is_some());
        assert_eq!(reading.due.contains(MetricId::Threads), reading.totals.get(MetricId::Threads).is_some());
        if reading.due.contains(MetricId::Threads) {
            read_at.push(tick);
        }
    }
    // Three looks at the clock make a tick of 9 ms.
    let between = read_at[read_at.len() - 1] - read_at[read_at.len() - 2];
    assert!((2_222..=2_225).contains(&between), "{between}");
    let report = &sampler.reports()[SamplerId::Threads as usize];
    assert_eq!(report.longest_pause, Duration::from_secs(20));
    assert_eq!(report.put_off_count + u64::try_from(read_at.len()).unwrap(), 10_000);
    assert_eq!(report.status, SamplerStatus::Slowed { pause: Duration::from_secs(20) });
}

#[test]
fn what_is_due_together_in_a_large_tree_is_spread_over_ticks_and_asked_for_at_once_it_is_not() {
    const SOURCES: [MetricId; 5] =
        [MetricId::Fds, MetricId::Threads, MetricId::Cpu, MetricId::IoRead, MetricId::RssFile];
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    proc.process(20, 10, 110);
    let sampler = || {
        let membership = Membership::Descendants { of: vec![root], include_roots: true };
        let mut options = TreeOptions::new(proc.root(), membership);
        options.metrics = SOURCES.into_iter().chain([MetricId::Rss]).collect();
        options.tick_reads_max_count = 5;
        TreeSampler::new(options, Box::new(|| Duration::ZERO))
    };
    let due = |reading: &TreeReading| SOURCES.map(|metric| reading.due.contains(metric));
    assert_eq!(due(sampler().tick_at_once(Detail::Full)), [true; 5]);
    let mut spread = sampler();
    let mut seen = [0; 5];
    for tick in 0..5 {
        let reading = spread.tick(if tick == 0 { Detail::Full } else { Detail::Fast });
        assert!(reading.due.contains(MetricId::Rss));
        let due = due(reading);
        assert_eq!(due.iter().filter(|is_due| **is_due).count(), 2, "{due:?}");
        seen.iter_mut().zip(due).for_each(|(seen, is_due)| *seen += u32::from(is_due));
    }
    // What was asked for once is read once, though it had to wait; the number of descriptors is asked for each time.
    assert!(seen.iter().all(|times| *times >= 1) && seen[2..] == [1, 1, 1], "{seen:?}");
}

#[test]
fn walks_keep_to_their_share_of_time() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    proc.rollup(10, 512);
    let membership = Membership::Descendants { of: vec![root], include_roots: true };
    let mut options = TreeOptions::new(proc.root(), membership);
    options.metrics = vec![MetricId::Uss];
    // Each look at the clock takes 10 ms, and so does a walk, which lies between two looks.
    let mut now = Duration::ZERO;
    let looks = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&looks);
    let clock = move || {
        now += Duration::from_millis(10);
        counted.fetch_add(1, Ordering::SeqCst);
        now
    };
    let mut sampler = TreeSampler::new(options, Box::new(clock));
    assert_eq!(sampler.tick(Detail::Slow).totals.get(MetricId::Uss), Some(512.0 * 1024.0));
    let walked_at = looks.load(Ordering::SeqCst);
    assert_eq!(sampler.tick(Detail::Slow).totals.get(MetricId::Uss), None);
    assert_eq!(sampler.reading().members[0].failure(SamplerId::SmapsRollup), Some(SampleError::PutOff));
    let status = sampler.reports()[SamplerId::SmapsRollup as usize].status;
    assert_eq!(status, SamplerStatus::Slowed { pause: Duration::from_secs(20) });
    while sampler.tick(Detail::Slow).totals.get(MetricId::Uss).is_none() {}
    // 10 ms in two thousand times as long: 2,000 looks of 10 ms each, within a tick.
    let between = looks.load(Ordering::SeqCst) - walked_at;
    assert!((2000..2010).contains(&between), "{between}");
    assert_eq!(sampler.reports()[SamplerId::SmapsRollup as usize].cost.longest(), Duration::from_millis(10));
}

#[test]
fn the_first_walk_of_a_large_process_waits_until_the_run_can_bear_it() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    // Below 100 MiB a walk is over in less time than anybody misses.
    for (mib, expected_wait_s) in [(90, 0.0_f64), (400, 40.96), (2048, 209.7152)] {
        proc.memory(10, mib);
        proc.rollup(10, 512);
        let millis = Arc::new(AtomicU64::new(7_000_000));
        let clock = Arc::clone(&millis);
        let membership = Membership::Descendants { of: vec![root], include_roots: true };
        let mut options = TreeOptions::new(proc.root(), membership);
        options.metrics = vec![MetricId::Uss];
        let clock = Box::new(move || Duration::from_millis(clock.load(Ordering::SeqCst)));
        let mut sampler = TreeSampler::new(options, clock);
        let mut waited_s = 0;
        while sampler.tick(Detail::Slow).totals.get(MetricId::Uss).is_none() {
            let reading = sampler.reading();
            assert!(!reading.due.contains(MetricId::Uss));
            assert_eq!(reading.members[0].failure(SamplerId::SmapsRollup), Some(SampleError::PutOff));
            assert_eq!(sampler.reports()[SamplerId::SmapsRollup as usize].status, SamplerStatus::Waiting);
            waited_s += 1;
            millis.fetch_add(1000, Ordering::SeqCst);
        }
        assert_eq!(waited_s, expected_wait_s.ceil() as u64);
        let report = &sampler.reports()[SamplerId::SmapsRollup as usize];
        assert_eq!(report.put_off_count, waited_s);
        assert!((report.longest_pause.as_secs_f64() - expected_wait_s).abs() < 1e-3, "{:?}", report.longest_pause);
    }
}

#[test]
fn a_process_above_the_limit_is_not_walked_and_that_is_said() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    proc.rollup(10, 512);
    proc.memory(10, 200);
    let (mut sampler, millis) = proc.sampler(root);
    let reading = tick_later(&mut sampler, &millis, Detail::Slow);
    assert_eq!(reading.totals.get(MetricId::Uss), None);
    assert_eq!(reading.members[0].failure(SamplerId::SmapsRollup), Some(SampleError::TooLarge));
    let status = sampler.reports()[SamplerId::SmapsRollup as usize].status;
    assert_eq!(status, SamplerStatus::Failed(SampleError::TooLarge));
}

#[test]
fn a_source_of_nothing_that_is_asked_for_is_off() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    let membership = Membership::Descendants { of: vec![root], include_roots: true };
    let mut options = TreeOptions::new(proc.root(), membership);
    options.metrics = vec![MetricId::Rss];
    let mut sampler = TreeSampler::new(options, Box::new(|| Duration::ZERO));
    let reading = sampler.tick(Detail::Slow);
    assert_eq!(reading.totals.iter().collect::<Vec<_>>(), [(MetricId::Rss, MIB)]);
    for report in &sampler.reports()[1..] {
        assert_eq!(report.status, SamplerStatus::Off, "{:?}", report.id);
    }
}

#[test]
fn members_beyond_the_limit_on_open_files_are_read_all_the_same() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    proc.process(20, 10, 110);
    let membership = Membership::Descendants { of: vec![root], include_roots: true };
    let mut options = TreeOptions::new(proc.root(), membership);
    options.files = FileBudget::of(FileBudget::files_of_a_member());
    let mut sampler = TreeSampler::new(options, Box::new(|| Duration::ZERO));
    assert_eq!(sampler.tick(Detail::Fast).totals.get(MetricId::Anon), Some(2.0 * MIB));
    assert_eq!(sampler.reopened_members_count(), 1);
    proc.end(20);
    proc.process(20, 1, 900);
    assert_eq!(pids(sampler.tick(Detail::Fast)), [10], "the pid was used again");
}

#[test]
fn samplers_share_what_they_may_keep_open_and_take_over_what_one_gives_back() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    let files = FileBudget::of(FileBudget::files_of_a_member());
    let sampler = || {
        let membership = Membership::Descendants { of: vec![root], include_roots: true };
        let mut options = TreeOptions::new(proc.root(), membership);
        options.files = files.clone();
        TreeSampler::new(options, Box::new(|| Duration::ZERO))
    };
    let (mut first, mut second) = (sampler(), sampler());
    for sampler in [&mut first, &mut second] {
        assert_eq!(sampler.tick(Detail::Fast).totals.get(MetricId::Anon), Some(MIB));
    }
    assert_eq!((first.reopened_members_count(), second.reopened_members_count()), (0, 1));
    drop(first);
    second.tick(Detail::Fast);
    assert_eq!(second.reopened_members_count(), 0);
    drop(second);
    assert_eq!(files.taken_count(), 0);
}

#[test]
fn a_cgroup_has_the_members_it_lists_until_it_is_removed() {
    let proc = Proc::new();
    let folder = tempfile::tempdir().unwrap();
    let cgroup = folder.path().join("service");
    std::fs::create_dir_all(cgroup.join("worker")).unwrap();
    proc.process(10, 1, 100);
    proc.process(20, 1, 110);
    proc.process(30, 20, 120);
    std::fs::write(cgroup.join("cgroup.procs"), "10\n").unwrap();
    std::fs::write(cgroup.join("worker/cgroup.procs"), "20\n20\n0\n99\n").unwrap();
    let options = TreeOptions::new(proc.root(), Membership::Cgroup(cgroup.clone()));
    let mut sampler = TreeSampler::new(options, Box::new(|| Duration::ZERO));
    assert_eq!(pids(sampler.tick(Detail::Fast)), [10, 20]);
    std::fs::write(cgroup.join("worker/cgroup.procs"), "30\n").unwrap();
    let reading = sampler.tick(Detail::Fast);
    assert_eq!((pids(reading), reading.departures.len(), reading.arrivals.len()), (vec![10, 30], 1, 1));
    std::fs::remove_dir_all(&cgroup).unwrap();
    let reading = sampler.tick(Detail::Fast);
    assert_eq!(reading.membership_failure, Some(SampleError::Vanished));
    assert_eq!((reading.members.len(), reading.totals.get(MetricId::Procs)), (0, None));
}

#[test]
fn processes_that_cannot_be_looked_into_are_counted() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    proc.process(20, 10, 110);
    proc.write(20, "stat", "");
    let mut tree = ProcessTree::new(proc.root(), Membership::Descendants { of: vec![root], include_roots: true });
    assert_eq!(tree.search().unwrap().len(), 1);
    assert_eq!(tree.unreadable_count(), 1);
}

#[test]
fn a_process_without_limits_of_its_own_has_those_of_the_host() {
    let proc = Proc::new();
    proc.process(10, 1, 100);
    proc.write(10, "limits", "Max address space unlimited unlimited bytes\n");
    std::fs::write(proc.0.path().join("meminfo"), "MemTotal: 100 kB\n").unwrap();
    let limits = limits(&proc.root(), 10).unwrap();
    assert_eq!(limits.len(), 1);
    assert_eq!((limits[0].amount, &limits[0].source), (102_400, &LimitSource::Host));
}
