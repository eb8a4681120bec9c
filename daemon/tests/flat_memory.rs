//! What soakd keeps of its targets while it judges them: a day at 1 s on a clock that is only counted, and memory that stays flat.
//!
//! Ten targets in the test; `SOAKD_TEST_TARGETS=100 cargo test -p soakd --test flat_memory -- --nocapture` takes as many
//! as are asked for and says what they take. One test to a file: live memory is that of the whole process, counted by its probe.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::time::Duration;

use soakd::policy::RunPolicy;
use soakd::sampling::{Sample, SampleKind};
use soakd::watch::Watch;
use soakd_profiles::{Choice, Profile, Surroundings, parse};
use soakd_sampler::{Detail, Membership, MetricId, MetricSet, ProcRoot, ProcessId, Reading, TreeOptions, TreeSampler};

#[global_allocator]
static PROBE: soakd_probe::Probe = soakd_probe::Probe::system();

const DAY: u32 = 86_400;
/// Four series: two that hardly move and two that move by hundreds of pages at every sample, with operations. No program is worse.
const MOST_BYTES_OF_A_TARGET: f64 = 200.0 * 1024.0;

/// Live bytes of this process.
fn own_heap() -> impl FnMut() -> f64 {
    let root = ProcRoot::default();
    let of = vec![ProcessId::of(&root, std::process::id()).unwrap()];
    let mut options = TreeOptions::new(root, Membership::Descendants { of, include_roots: true });
    options.metrics = vec![MetricId::HeapLive];
    let mut sampler = TreeSampler::new(options, Box::new(|| Duration::ZERO));
    // The probe has its memory from the first mark on at the latest.
    soakd_probe::op();
    move || sampler.tick(Detail::Fast).totals.get(MetricId::HeapLive).unwrap()
}

fn policy() -> RunPolicy {
    let text = "[judge]\nduration = '24h'\n";
    let surroundings = Surroundings { variable: &|_| None, metrics: &[] };
    let profile: Profile = parse(text.as_bytes(), "test", None, surroundings).unwrap();
    let plan = profile.plan(Choice::default()).unwrap();
    RunPolicy {
        plan,
        limits: BTreeMap::new(),
        limits_of_each_process: BTreeMap::new(),
        limit_sources: BTreeMap::new(),
        limit_sources_of_each_process: BTreeMap::new(),
        attached: None,
        commit: None,
        branch: None,
    }
}

/// Any number, the same for the same arguments.
fn noise(target: u32, tick: u32) -> f64 {
    f64::from((tick.wrapping_mul(2_654_435_761).wrapping_add(target.wrapping_mul(40_503))) >> 23)
}

/// As a target gives it whose memory wanders by up to 512 pages from sample to sample.
fn sample(target: u32, tick: u32) -> Sample {
    let pages = 50_000.0 + f64::from(target) * 1000.0 + noise(target, tick);
    let mut totals = Reading::default();
    totals.set(MetricId::AnonSwap, pages * 4096.0);
    totals.set(MetricId::HeapLive, (pages + noise(target + 1, tick)) * 4096.0);
    totals.set(MetricId::Fds, 20.0);
    totals.set(MetricId::Threads, 8.0);
    // Up to a tenth of a millisecond late, in the steps of the run's clock.
    let late = f64::from((tick.wrapping_mul(7919) + target) % 105) / f64::from(1 << 20);
    Sample {
        kind: SampleKind::Tick,
        t_s: f64::from(tick) + late,
        totals,
        due: MetricSet::default(),
        host: None,
        processes: Vec::new(),
        operations: Some(f64::from(tick) * 100.0 + f64::from(tick * 31 % 17)),
        marks: Vec::new(),
        missed_ticks_count: 0,
        suspended_s: 0.0,
        clock_jumped_s: 0.0,
        cgroup_is_shared: false,
        disk: Vec::new(),
        arrivals_count: 0,
        departures_count: 0,
    }
}

#[test]
fn memory_stays_flat_for_a_day() {
    let targets_count = std::env::var("SOAKD_TEST_TARGETS").map_or(10, |count| count.parse().unwrap());
    let policy = policy();
    let mut heap = own_heap();
    heap();
    let before = heap();
    let mut watches: Vec<Watch> = (0..targets_count).map(|_| Watch::new(&policy)).collect();
    let mut most_bytes_of_hours = Vec::new();
    let mut most_bytes: f64 = 0.0;
    for tick in 0..DAY {
        for (target, watch) in (0..).zip(&mut watches) {
            watch.push(&sample(target, tick));
            assert_eq!(watch.decision(), None, "nothing grows here");
            watch.suspicion(f64::from(tick));
        }
        if tick % 60 == 0 {
            most_bytes = most_bytes.max(heap() - before);
        }
        if (tick + 1) % 3600 == 0 {
            most_bytes_of_hours.push(std::mem::take(&mut most_bytes));
        }
    }
    let mib = |bytes: f64| bytes / f64::from(1 << 20);
    let told: Vec<String> = most_bytes_of_hours.iter().map(|bytes| format!("{:.1}", mib(*bytes))).collect();
    println!("{targets_count} targets, MiB at most in each hour: {}", told.join(" "));
    let most = |hours: &[f64]| hours.iter().copied().fold(0.0, f64::max);
    let (early, late) = most_bytes_of_hours.split_at(12);
    // Cells are merged at other times in the two halves; what grows for ever would be half as much again.
    assert!(most(late) <= 1.1 * most(early), "more in the second half of the day: {told:?}");
    assert!(most(early) <= MOST_BYTES_OF_A_TARGET * f64::from(targets_count), "{told:?}");
}
