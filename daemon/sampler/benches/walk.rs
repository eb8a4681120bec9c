//! How long a target's own `mmap` and `munmap` take while its address space is walked (`smaps_rollup`): left alone, walked by this
//! crate within its share of the time, and walked at each of ten samples a second as others do.
//!
//! On a busy host calls also wait for a processor, whoever reads what. So each call is known with its time, and what was lost in calls
//! that overlap a walk stands apart: that is of sampling's own making, at the most.
//!
//! `cargo bench -p soakd-sampler --bench walk [-- GIB]`, with a target of 2 GiB in pages of 4 KiB unless another size is given.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark ends at the first fault, and prints its figures"
)]

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use soakd_sampler::{Detail, Membership, MetricId, ProcRoot, ProcessId, TreeOptions, TreeSampler};

/// Makes this program the target; followed by its size in bytes.
const TARGET: &str = "--as-target";
/// Larger than any block that an allocator keeps, so that it is mapped and unmapped each time.
const MAPPED_BYTES: usize = 64 << 20;
/// Between two of them, as in a program that does something else besides.
const PAUSE: Duration = Duration::from_micros(500);
const INTERVAL: Duration = Duration::from_millis(100);

/// The clock of the host that the target and this program share.
fn now() -> Duration {
    Duration::try_from(rustix::time::clock_gettime(rustix::time::ClockId::Monotonic)).unwrap()
}

/// The target: holds memory, maps and unmaps for ever, and on each line of its input says when each began and how long it took since
/// the line before.
fn target(bytes: usize) {
    // Small pages, as most programs have them: huge ones are walked in no time.
    rustix::thread::disable_transparent_huge_pages(true).unwrap();
    let held = vec![1_u8; bytes];
    let (sender, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || std::io::stdin().lines().map_while(Result::ok).try_for_each(|_| sender.send(())));
    let mut calls = Vec::new();
    println!("ready");
    loop {
        match asked.try_recv() {
            Ok(()) => {
                let nanos = |call: Call| format!("{} {}", call.begin.as_nanos(), call.took.as_nanos());
                let all: Vec<String> = calls.drain(..).map(nanos).collect();
                println!("{}", all.join(" "));
            }
            Err(std::sync::mpsc::TryRecvError::Disconnected) => break,
            Err(std::sync::mpsc::TryRecvError::Empty) => {}
        }
        let begin = now();
        drop(black_box(Vec::<u8>::with_capacity(MAPPED_BYTES)));
        calls.push(Call { begin, took: now() - begin });
        std::thread::sleep(PAUSE);
    }
    black_box(held);
}

/// An `mmap` with its `munmap`.
#[derive(Clone, Copy)]
struct Call {
    begin: Duration,
    took: Duration,
}

impl Call {
    /// Whether it lay, for some of its time, in one of `walks`.
    fn meets(&self, walks: &[(Duration, Duration)]) -> bool {
        walks.iter().any(|(from, to)| self.begin < *to && self.begin + self.took > *from)
    }
}

struct Target {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Target {
    fn start(bytes: usize) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([TARGET, &bytes.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut target = Self { input: child.stdin.take(), child, output };
        assert_eq!(target.line(), "ready\n");
        target
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }

    /// The calls since this was asked before, the shortest first.
    fn calls(&mut self) -> Vec<Call> {
        self.input.as_mut().unwrap().write_all(b"\n").unwrap();
        let line = self.line();
        let nanos: Vec<_> =
            line.split_ascii_whitespace().map(|nanos| Duration::from_nanos(nanos.parse().unwrap())).collect();
        let mut calls: Vec<_> = nanos.chunks_exact(2).map(|call| Call { begin: call[0], took: call[1] }).collect();
        calls.sort_unstable_by_key(|call| call.took);
        calls
    }

    /// Reads it at each interval and tells what that did to it; `read` says whether it walked.
    fn measure(&mut self, name: &str, measured: Duration, mut read: impl FnMut() -> bool) {
        self.calls();
        let start = Instant::now();
        let mut walks = Vec::new();
        while start.elapsed() < measured {
            let begin = now();
            if read() {
                walks.push((begin, now()));
            }
            let into = start.elapsed().as_nanos() % INTERVAL.as_nanos();
            std::thread::sleep(INTERVAL - Duration::from_nanos(u64::try_from(into).unwrap()));
        }
        let passed = start.elapsed();
        let calls = self.calls();
        let at =
            |share: f64| calls[((share * calls.len() as f64) as usize).min(calls.len() - 1)].took.as_secs_f64() * 1e3;
        // What goes beyond the usual was spent waiting.
        let usual = calls[calls.len() / 2].took;
        let lost = |is_meant: &dyn Fn(&Call) -> bool| {
            let lost: Duration =
                calls.iter().filter(|call| is_meant(call)).map(|call| call.took.saturating_sub(usual)).sum();
            lost.as_secs_f64() / passed.as_secs_f64() * 1e2
        };
        let walked: Duration = walks.iter().map(|(from, to)| *to - *from).sum();
        println!(
            "| {name} | {} | {:.3} ms | {:.3} ms | {:.3} ms | {:.3} ms | {:.3} % | {:.3} % | {}, {:.3} % |",
            calls.len(),
            at(0.5),
            at(0.99),
            at(0.999),
            at(1.0),
            lost(&|_| true),
            lost(&|call| call.meets(&walks)),
            walks.len(),
            walked.as_secs_f64() / passed.as_secs_f64() * 1e2
        );
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(place) = arguments.iter().position(|argument| argument == TARGET) {
        return target(arguments[place + 1].parse().unwrap());
    }
    // `cargo test --benches` only wants to know that it runs.
    let is_bench = arguments.iter().any(|argument| argument == "--bench");
    let gib: f64 = arguments.iter().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(2.0);
    let (bytes, unit) = if is_bench { ((gib * f64::from(1 << 30)) as usize, 10) } else { (1 << 20, 0) };
    let seconds = |count: u64| Duration::from_millis(100) + Duration::from_secs(count * unit);
    let mut target = Target::start(bytes);
    let root = ProcRoot::default();
    let id = ProcessId::of(&root, target.child.id()).unwrap();
    println!("target of {:.2} GiB", bytes as f64 / f64::from(1 << 30));
    println!("| | calls | p50 | p99 | p99.9 | longest | time lost | of it during walks | walks, share of time |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    target.measure("left alone", seconds(3), || false);
    let start = Instant::now();
    let membership = Membership::Descendants { of: vec![id], include_roots: true };
    let mut sampler = TreeSampler::new(TreeOptions::new(root, membership), Box::new(move || start.elapsed()));
    // The first walk of 2 GiB waits for 210 s, and the next one comes after two thousand times as long as it took.
    target.measure("soakd-sampler, asked for it at 10 Hz", seconds(24), || {
        sampler.tick(Detail::Slow).totals.get(MetricId::Uss).is_some()
    });
    target.measure("left alone again", seconds(3), || false);
    let path = format!("/proc/{}/smaps_rollup", id.pid);
    target.measure("`smaps_rollup` read at 10 Hz", seconds(1), || {
        black_box(std::fs::read(&path).unwrap());
        true
    });
}
