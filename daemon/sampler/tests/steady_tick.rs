//! A tick over a tree that stays the same allocates nothing, and one in which somebody comes or goes little. One test to a file: the
//! profiler counts for the whole process.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use soakd_sampler::{
    Detail, FileBudget, Membership, MetricId, ProcRoot, ProcessId, TreeOptions, TreeReading, TreeSampler,
};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// One that comes takes less than this, with its open files, and one that goes nothing. A thousand that are there take a hundred
/// times as much.
const MOST_BYTES_FOR_ONE: u64 = 8 << 10;

/// A process that waits for the end of its input, as do all that it has started.
struct Waiting(Child);

impl Waiting {
    fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap())
    }

    /// A shell with so many children: copies of itself, which cost the host little.
    fn shell(children_count: usize) -> Self {
        let script = "exec 3<&0; i=0; while [ $i -lt $0 ]; do read line <&3 & i=$((i+1)); done; echo ready; wait";
        let mut shell = Self::start(Command::new("sh").args(["-c", script, &children_count.to_string()]));
        let mut line = String::new();
        BufReader::new(shell.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        shell
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A sampler of all children of this process, and the time that it is told.
struct Sampling {
    sampler: TreeSampler,
    now_nanos: Arc<AtomicU64>,
}

impl Sampling {
    /// One that has seen each member at each level of detail. By its clock each look at it takes `look_takes`.
    fn start(members_count: usize, look_takes: Duration) -> Self {
        let root = ProcRoot::default();
        let of = vec![ProcessId::of(&root, std::process::id()).unwrap()];
        let options = TreeOptions::new(root, Membership::Descendants { of, include_roots: false });
        let files_limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
        assert!(
            FileBudget::members_kept_within(files_limit) > members_count,
            "the hard limit on open files (`ulimit -Hn`) is too low"
        );
        let now_nanos = Arc::new(AtomicU64::new(0));
        let (now, step) = (Arc::clone(&now_nanos), u64::try_from(look_takes.as_nanos()).unwrap());
        let clock = Box::new(move || Duration::from_nanos(now.fetch_add(step, Ordering::Relaxed)));
        let mut sampling = Self { sampler: TreeSampler::new(options, clock), now_nanos };
        // Everything is opened and every buffer has its size after a tick at each level, and once everybody was walked.
        for detail in [Detail::Slow, Detail::Full, Detail::Fast, Detail::Slow] {
            sampling.tick(detail);
        }
        sampling.until_walked();
        assert_eq!(sampling.tick(Detail::Fast).totals.get(MetricId::Procs), Some(members_count as f64));
        sampling
    }

    /// A tick half a minute after the last one: the search of all processes comes round each time.
    fn tick(&mut self, detail: Detail) -> &TreeReading {
        self.now_nanos.fetch_add(31_000_000_000, Ordering::Relaxed);
        self.sampler.tick(detail)
    }

    fn until_walked(&mut self) {
        // Each at its own pace.
        let mut are_known = [false; 3];
        while are_known != [true; 3] {
            // That takes half an hour of the target's time.
            self.now_nanos.fetch_add(1_800_000_000_000, Ordering::Relaxed);
            let totals = self.tick(Detail::Slow).totals;
            for (is_known, metric) in are_known.iter_mut().zip([MetricId::Uss, MetricId::Brk, MetricId::FdsFiles]) {
                *is_known |= totals.get(metric).is_some();
            }
        }
    }

    /// In how many of so many rounds something was allocated.
    fn allocating_rounds_count(&mut self, rounds_count: usize, ticks_count: usize) -> usize {
        let rounds = (0..rounds_count).filter(|_| {
            let before = dhat::HeapStats::get();
            for tick in 0..ticks_count {
                let reading = self.tick(if tick % 10 == 0 { Detail::Full } else { Detail::Fast });
                assert!(reading.has_same_members() && reading.totals.get(MetricId::AnonSwap).is_some());
            }
            self.until_walked();
            dhat::HeapStats::get().total_blocks > before.total_blocks
        });
        rounds.count()
    }

    /// Bytes that ticks allocate until `is_done`.
    fn allocated_bytes(&mut self, is_done: impl Fn(&TreeReading) -> bool) -> u64 {
        let before = dhat::HeapStats::get();
        while !is_done(self.tick(Detail::Fast)) {}
        dhat::HeapStats::get().total_bytes - before.total_bytes
    }
}

#[test]
fn a_tick_over_a_steady_tree_allocates_nothing() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).unwrap();
    // Nine whom it takes long to look at, so that most of what is due is put off; a thousand who are looked at all the time.
    for (members_count, look_takes, rounds_count, ticks_count) in
        [(9, Duration::from_millis(100), 5, 30), (1000, Duration::from_micros(10), 5, 3)]
    {
        let _shell = Waiting::shell(members_count - 1);
        let mut sampling = Sampling::start(members_count, look_takes);
        let _profiler = dhat::Profiler::builder().testing().build();
        let allocating = sampling.allocating_rounds_count(rounds_count, ticks_count);
        // A tick that allocates does so in every round. A host on which more and more programs start makes a list longer now and then.
        assert!(allocating <= 1, "{allocating} of {rounds_count} rounds allocated, {members_count} members");
        let [came, went] = (0..3).fold([u64::MAX; 2], |[least_came, least_went], _| {
            let one = Waiting::start(&mut Command::new("cat"));
            let came = sampling.allocated_bytes(|reading| !reading.arrivals.is_empty());
            drop(one);
            let went = sampling.allocated_bytes(|reading| !reading.departures.is_empty());
            [least_came.min(came), least_went.min(went)]
        });
        assert!(
            came <= MOST_BYTES_FOR_ONE && went <= MOST_BYTES_FOR_ONE,
            "{came} bytes for one that came, {went} for one that went, {members_count} members"
        );
    }
}
