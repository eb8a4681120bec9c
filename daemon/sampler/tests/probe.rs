//! The probe in real processes: this test program itself, started again as each of them, and read from outside.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a helper fails the test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::fs::MemfdFlags;
use soakd_probe::layout;
use soakd_sampler::{
    Detail, Membership, MetricId, PhaseMark, ProcRoot, ProcessId, SampleError, SamplerId, SamplerStatus, TreeOptions,
    TreeReading, TreeSampler,
};

#[global_allocator]
static PROBE: soakd_probe::Probe = soakd_probe::Probe::system();

/// Set in a target.
const TARGET: &str = "SOAKD_TEST_TARGET";

/// A child must not inherit what the test beside it means for its own.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A target, and what reads it.
struct Target {
    child: Child,
    output: BufReader<ChildStdout>,
    sampler: TreeSampler,
}

impl Target {
    fn start(name: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "--nocapture", name]).env(TARGET, "yes");
        let mut target = Self::of(command);
        target.await_line("ready");
        target
    }

    fn of(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let root = ProcRoot::default();
        let id = ProcessId::of(&root, child.id()).unwrap();
        let membership = Membership::Descendants { of: vec![id], include_roots: true };
        let begun = Instant::now();
        let sampler = TreeSampler::new(TreeOptions::new(root, membership), Box::new(move || begun.elapsed()));
        Self { child, output, sampler }
    }

    fn await_line(&mut self, wanted: &str) -> String {
        let mut line = String::new();
        while !line.contains(wanted) {
            line.clear();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "it ended without saying `{wanted}`");
        }
        line.trim().to_owned()
    }

    /// Has it go on to its next stop.
    fn go_on(&mut self, until: &str) -> String {
        self.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        self.await_line(until)
    }

    fn tick(&mut self) -> TreeReading {
        self.sampler.tick(Detail::Fast).clone()
    }

    fn heap(&mut self) -> (f64, f64) {
        let totals = self.tick().totals;
        (totals.get(MetricId::HeapLive).unwrap(), totals.get(MetricId::HeapBlocks).unwrap())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In a target: says where it stands, and waits until it may go on. Allocates nothing once it has been called.
fn stop_at(name: &str) {
    // Before it says where it stands: the buffer of standard input is made on first use, and is memory that counts.
    let mut input = std::io::stdin().lock();
    let mut output = std::io::stdout().lock();
    output.write_all(b"\n").unwrap();
    output.write_all(name.as_bytes()).unwrap();
    output.write_all(b"\n").unwrap();
    output.flush().unwrap();
    let mut byte = [0];
    // The end of the test is the end of the target.
    assert!(input.read(&mut byte).unwrap() > 0, "the test has ended");
}

fn is_target() -> bool {
    let is_target = std::env::var_os(TARGET).is_some();
    if is_target {
        stop_at("ready");
    }
    is_target
}

/// Blocks that each thread of the target allocates, and their sizes.
const BLOCKS_COUNT: usize = 1000;

#[test]
#[ignore = "not a test: a target of the others"]
fn allocates_and_frees_in_many_threads() {
    if !is_target() {
        return;
    }
    let mut kept: Vec<Vec<u8>> = Vec::with_capacity(8 * BLOCKS_COUNT);
    for round in 0..3 {
        // What one thread allocates another one frees, half of it, and threads come and go.
        let (give, take) = mpsc::channel::<Vec<u8>>();
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let give = give.clone();
                std::thread::spawn(move || {
                    for size in 1..=BLOCKS_COUNT {
                        let mut block = vec![1; size];
                        // Larger, and smaller again.
                        block.reserve_exact(3 * size);
                        block.shrink_to_fit();
                        give.send(block).unwrap();
                    }
                })
            })
            .collect();
        drop(give);
        let freeing =
            std::thread::spawn(move || take.iter().enumerate().filter(|(n, _)| n % 2 == 0).collect::<Vec<_>>());
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let half = freeing.join().unwrap();
        if round == 2 {
            kept.extend(half.into_iter().map(|(_, block)| block));
            let bytes: usize = kept.iter().map(Vec::capacity).sum();
            let mut line = [b' '; 32];
            write!(&mut line[..], "kept {bytes}").unwrap();
            stop_at(std::str::from_utf8(&line).unwrap());
        } else {
            drop(half);
            stop_at("nothing kept");
        }
    }
    kept.clear();
    stop_at("freed");
}

#[test]
#[ignore = "not a test: a target of the others"]
fn counts_operations_and_marks_phases() {
    if !is_target() {
        return;
    }
    soakd_probe::phase("warm");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1000).for_each(|_| soakd_probe::op()));
        }
    });
    soakd_probe::ops(500);
    stop_at("worked");
    soakd_probe::phase("a name that is far too long to be kept whole, as names are");
    stop_at("again");
}

#[test]
#[ignore = "not a test: a target of the others"]
fn forks() {
    if !is_target() {
        return;
    }
    let inherited = vec![1_u8; 100_000];
    // SAFETY: the child goes on in this thread alone, and asks nothing of the others.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: takes numbers only. Whatever becomes of the test, this does not outlive its parent.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        // What it got is given back, and that concerns nobody else.
        drop(inherited);
        soakd_probe::op();
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    stop_at("forked");
    // SAFETY: the child is ours.
    unsafe { libc::kill(pid, libc::SIGKILL) };
    stop_at("killed");
}

#[test]
#[ignore = "not a test: a target of the others"]
fn becomes_another_program() {
    if is_target() {
        stop_at("still itself");
        panic!("{}", Command::new("cat").exec());
    }
}

#[test]
fn what_threads_hand_to_each_other_is_counted_exactly() {
    let _one = ONE_AT_A_TIME.lock();
    let mut target = Target::start("allocates_and_frees_in_many_threads");
    target.go_on("nothing kept");
    let before = target.heap();
    target.go_on("nothing kept");
    assert_eq!(target.heap(), before, "everything was given back, and no thread is missed");
    let kept: f64 = target.go_on("kept ").strip_prefix("kept ").unwrap().parse().unwrap();
    let half = 4.0 * BLOCKS_COUNT as f64;
    assert_eq!(target.heap(), (before.0 + kept, before.1 + half));
    target.go_on("freed");
    assert_eq!(target.heap(), before);
    assert!(before.0 > 0.0 && before.1 > 0.0);
}

#[test]
fn operations_and_phases_come_with_the_samples() {
    let _one = ONE_AT_A_TIME.lock();
    let mut target = Target::start("counts_operations_and_marks_phases");
    let reading = target.tick();
    assert_eq!((reading.totals.get(MetricId::Operations), reading.marks), (None, vec![]), "it has not said any");
    target.go_on("worked");
    let reading = target.tick();
    assert_eq!(reading.totals.get(MetricId::Operations), Some(4500.0));
    let names = |marks: &[PhaseMark]| marks.iter().map(|mark| mark.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&reading.marks), ["warm"]);
    assert!(reading.marks[0].monotonic_nanos > 0 && reading.marks[0].process == reading.members[0].id);
    target.go_on("again");
    assert_eq!(names(&target.tick().marks), ["a name that is far too long to be kept whole, as"]);
    assert_eq!(target.tick().marks, [], "each is told once");
}

#[test]
fn a_child_has_counters_of_its_own_and_holds_what_it_got() {
    let _one = ONE_AT_A_TIME.lock();
    let mut target = Target::start("forks");
    let alone = target.heap().0;
    target.go_on("forked");
    // The child counts when it first frees something, which may be a moment later.
    let deadline = Instant::now() + Duration::from_secs(60);
    let (parent, child) = loop {
        assert!(Instant::now() < deadline, "the child never counts");
        let reading = target.tick();
        let [parent, child] = reading.members.as_slice() else { continue };
        let heap = |member: &soakd_sampler::MemberReading| member.reading.get(MetricId::HeapLive);
        let shared = child.inherited(MetricId::HeapLive);
        let (Some(parent), Some(own)) = (heap(parent), heap(child)) else { continue };
        if child.reading.get(MetricId::Operations) == Some(1.0) {
            // Of what both hold there is one copy.
            assert_eq!(reading.totals.get(MetricId::HeapLive), Some(parent + own - shared));
            assert!(shared > 0.0 && shared <= parent.min(own), "{shared} of {parent} and {own}");
            break (parent, own);
        }
    };
    // The thread of the test harness allocates a little now and then; what the child gives back is 100,000 bytes.
    let is_about = |heap: f64, expected: f64| (heap - expected).abs() < 4096.0;
    assert!(is_about(parent, alone + 100_000.0), "what the child does is nothing to the parent: {parent} of {alone}");
    assert!(is_about(child, alone), "it holds what the parent held, but for what it freed: {child} of {alone}");
    target.go_on("killed");
    let deadline = Instant::now() + Duration::from_secs(60);
    while target.tick().members.len() > 1 {
        assert!(Instant::now() < deadline, "the child is still there");
    }
    let totals = target.tick().totals;
    assert!(totals.get(MetricId::HeapLive).is_some_and(|heap| is_about(heap, parent)), "{totals:?} of {parent}");
    assert_eq!(totals.get(MetricId::Operations), Some(1.0), "what it has done stays done");
}

#[test]
fn a_program_that_may_not_have_such_a_file_runs_as_ever() {
    let _one = ONE_AT_A_TIME.lock();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 800; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "--nocapture", "counts_operations_and_marks_phases"]).env(TARGET, "yes");
    let mut target = Target::of(command);
    target.await_line("ready");
    target.go_on("worked");
    assert_eq!(target.tick().totals.get(MetricId::HeapLive), None);
}

#[test]
fn after_exec_the_old_counts_are_gone() {
    let _one = ONE_AT_A_TIME.lock();
    let mut target = Target::start("becomes_another_program");
    target.go_on("still itself");
    assert!(target.heap().0 > 0.0);
    target.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while target.tick().totals.get(MetricId::HeapLive).is_some() {
        assert!(Instant::now() < deadline, "what it had before is told for ever");
    }
    target.go_on("");
    assert_eq!(target.sampler.reports()[SamplerId::Probe as usize].status, SamplerStatus::Active);
}

/// A `cat` that holds a memory of the name of a probe's.
fn impostor(content: &[u8], size: usize) -> (Target, OwnedFd) {
    let memory = rustix::fs::memfd_create(layout::NAME, MemfdFlags::empty()).unwrap();
    rustix::fs::ftruncate(&memory, size as u64).unwrap();
    rustix::io::pwrite(&memory, content, 0).unwrap();
    (Target::of(Command::new("cat")), memory)
}

fn header(pid: u32, version: u32) -> Vec<u8> {
    let mut header = vec![0; layout::HEADER_BYTES];
    header[layout::MAGIC_AT..][..8].copy_from_slice(&layout::MAGIC.to_ne_bytes());
    header[layout::VERSION_AT..][..4].copy_from_slice(&version.to_ne_bytes());
    header[layout::FLAGS_AT..][..4].copy_from_slice(&layout::COUNTS_HEAP.to_ne_bytes());
    header[layout::PID_AT..][..4].copy_from_slice(&pid.to_ne_bytes());
    header[layout::SLOTS_USED_AT..][..4].copy_from_slice(&1_u32.to_ne_bytes());
    header
}

#[test]
fn memory_that_is_not_the_probe_of_this_process_is_no_heap() {
    let _one = ONE_AT_A_TIME.lock();
    let (mut target, _memory) = impostor(&header(std::process::id(), layout::VERSION), layout::TOTAL_BYTES);
    let reading = target.tick();
    assert_eq!(reading.totals.get(MetricId::HeapLive), None, "it belongs to another process");
    assert_eq!(reading.members[0].failure(SamplerId::Probe), None, "which is no failure");
}

#[test]
fn another_version_is_named() {
    let _one = ONE_AT_A_TIME.lock();
    let (mut target, _memory) = impostor(&header(1, 9), layout::TOTAL_BYTES);
    let reading = target.tick();
    assert_eq!(reading.members[0].failure(SamplerId::Probe), Some(SampleError::ProbeVersion { found: 9 }));
}

#[test]
fn memory_that_is_cut_short_or_lies_harms_nobody() {
    let _one = ONE_AT_A_TIME.lock();
    let (mut target, memory) = impostor(&[], layout::TOTAL_BYTES);
    rustix::io::pwrite(&memory, &header(target.child.id(), layout::VERSION), 0).unwrap();
    assert_eq!(target.tick().totals.get(MetricId::HeapLive), Some(0.0));
    // More given back than ever was allocated.
    rustix::io::pwrite(&memory, &77_u64.to_ne_bytes(), layout::FREED_AT as u64).unwrap();
    let failure = |reading: TreeReading| reading.members[0].failure(SamplerId::Probe);
    assert!(matches!(failure(target.tick()), Some(SampleError::Garbled { .. })));
    rustix::io::pwrite(&memory, &u32::MAX.to_ne_bytes(), layout::SLOTS_USED_AT as u64).unwrap();
    assert!(matches!(failure(target.tick()), Some(SampleError::Garbled { .. })));
    rustix::fs::ftruncate(&memory, 100).unwrap();
    let reading = target.tick();
    assert!(matches!(failure(reading.clone()), Some(SampleError::Garbled { .. })));
    assert!(reading.totals.get(MetricId::Rss).is_some(), "everything else is read all the same");
}
