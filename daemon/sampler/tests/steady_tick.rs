//! A tick over a tree that stays the same allocates nothing. One test to a file: the profiler counts for the whole process.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use soakd_sampler::{Detail, Membership, MetricId, ProcRoot, ProcessId, TreeOptions, TreeSampler};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Ends the shell and with it, by closing their input, all its children.
struct Tree(Child);

impl Drop for Tree {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[test]
fn a_tick_over_a_steady_tree_allocates_nothing() {
    // Children that wait for the end of their input: it ends with this process, however that ends.
    let script = "exec 3<&0; for i in 1 2 3 4 5 6 7 8; do cat <&3 & done; echo ready; wait";
    let mut shell = Command::new("sh");
    let mut tree = Tree(shell.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(tree.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");

    let root = ProcRoot::default();
    let id = ProcessId::of(&root, tree.0.id()).unwrap();
    let membership = Membership::Descendants { of: vec![id], include_roots: true };
    let mut now = Duration::ZERO;
    let clock = Box::new(move || {
        now += Duration::from_secs(1);
        now
    });
    let mut sampler = TreeSampler::new(TreeOptions::new(root, membership), clock);
    // Everything is opened and every buffer has its size after a tick at each level, and once everybody was walked; the clock
    // runs fast, so that the search of all processes comes round many times.
    for detail in [Detail::Slow, Detail::Full, Detail::Fast, Detail::Slow] {
        sampler.tick(detail);
    }
    while sampler.tick(Detail::Fast).totals.get(MetricId::Uss).is_none() {}
    assert_eq!(sampler.tick(Detail::Fast).totals.get(MetricId::Procs), Some(9.0));

    let _profiler = dhat::Profiler::builder().testing().build();
    // In rounds, so that a failure tells a tick that allocates, which shows in every one, from a list of the host's processes
    // that grew once.
    let rounds = (0..10).filter(|_| {
        let before = dhat::HeapStats::get();
        for tick in 0..100 {
            let detail = if tick % 10 == 0 { Detail::Full } else { Detail::Fast };
            let reading = sampler.tick(detail);
            assert!(reading.has_same_members() && reading.totals.get(MetricId::AnonSwap).is_some());
        }
        while sampler.tick(Detail::Slow).totals.get(MetricId::Uss).is_none() {}
        dhat::HeapStats::get().total_blocks > before.total_blocks
    });
    let allocating = rounds.count();
    assert_eq!(allocating, 0, "{allocating} of 10 rounds allocated");
}
