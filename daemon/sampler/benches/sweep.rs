//! One sweep over 1, 100 and 1,000 processes, against the bare system calls, and at 1 Hz beside `pidstat` and `psutil`.
//!
//! `pidstat` is taken from the `PATH`; a Python with `psutil` from `SOAKD_BENCH_PYTHON`, else from the `PATH`. What is missing is named.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark ends at the first fault, and prints its figures"
)]

use std::fs::File;
use std::hint::black_box;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion};
use rustix::fs::AtFlags;
use soakd_sampler::{Detail, Membership, MetricId, ProcRoot, ProcessId, TreeOptions, TreeSampler};

/// Processes that wait for the end of their input, which comes when this is dropped or this process ends.
struct Herd {
    children: Vec<Child>,
    input: Option<OwnedFd>,
}

impl Herd {
    fn new(count: usize) -> Self {
        let (reader, writer) = std::io::pipe().unwrap();
        let spawn = |_| Command::new("cat").stdin(reader.try_clone().unwrap()).stdout(Stdio::null()).spawn().unwrap();
        let children = (0..count).map(spawn).collect();
        Self { children, input: Some(writer.into()) }
    }

    fn sampler(&self, metrics: Option<Vec<MetricId>>) -> TreeSampler {
        let root = ProcRoot::default();
        let of = self.children.iter().map(|child| ProcessId::of(&root, child.id()).unwrap()).collect();
        let mut options = TreeOptions::new(root, Membership::Descendants { of, include_roots: true });
        options.metrics = metrics.unwrap_or(options.metrics);
        options.kept_members_max_count = usize::MAX;
        let start = Instant::now();
        let mut sampler = TreeSampler::new(options, Box::new(move || start.elapsed()));
        assert_eq!(sampler.tick(Detail::Full).members.len(), self.children.len());
        sampler
    }

    fn pids(&self) -> Vec<String> {
        self.children.iter().map(|child| child.id().to_string()).collect()
    }
}

impl Drop for Herd {
    fn drop(&mut self) {
        drop(self.input.take());
        for child in &mut self.children {
            let _ = child.wait();
        }
    }
}

fn sweeps(criterion: &mut Criterion, counts: &[usize]) {
    for &count in counts {
        let herd = Herd::new(count);
        let folders: Vec<_> = herd.pids().iter().map(|pid| File::open(format!("/proc/{pid}")).unwrap()).collect();
        let files: Vec<_> = herd.pids().iter().map(|pid| File::open(format!("/proc/{pid}/statm")).unwrap()).collect();
        let mut buffer = [0_u8; 256];
        let mut group = criterion.benchmark_group(format!("{count} processes"));
        let mut bench = |name: &str, body: &mut dyn FnMut()| {
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| bencher.iter(&mut *body));
        };
        bench("statm: bare pread", &mut || {
            for file in &files {
                black_box(rustix::io::pread(file, &mut buffer, 0).unwrap());
            }
        });
        let mut sampler = herd.sampler(Some(vec![MetricId::Rss, MetricId::Anon]));
        bench("statm: tick", &mut || {
            black_box(sampler.tick(Detail::Fast));
        });
        let mut buffer = [0_u8; 256];
        bench("fast: bare pread and two statat", &mut || {
            for (file, folder) in files.iter().zip(&folders) {
                black_box(rustix::io::pread(file, &mut buffer, 0).unwrap());
                black_box(rustix::fs::statat(folder, "fd", AtFlags::empty()).unwrap());
                black_box(rustix::fs::statat(folder, "task", AtFlags::empty()).unwrap());
            }
        });
        let mut sampler = herd.sampler(None);
        bench("fast: tick with all metrics", &mut || {
            black_box(sampler.tick(Detail::Fast));
        });
        bench("full: tick with all metrics", &mut || {
            black_box(sampler.tick(Detail::Full));
        });
        group.finish();
    }
}

const PSUTIL_LOOP: &str = "
import psutil, sys, time
processes = [psutil.Process(int(pid)) for pid in sys.argv[1:]]
due = time.monotonic()
while True:
    for process in processes:
        with process.oneshot():
            process.memory_info(); process.num_threads(); process.num_fds()
    due += 1
    time.sleep(max(0, due - time.monotonic()))
";

/// Seconds that are measured, at one sample each, after some for the start of an interpreter.
const MEASURED: Duration = Duration::from_secs(10);
const WARM_UP: Duration = Duration::from_secs(4);

/// Another program that samples the same processes.
struct Rival {
    name: &'static str,
    child: Child,
}

impl Rival {
    fn start(name: &'static str, command: &mut Command) -> Option<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().ok()?;
        Some(Self { name, child })
    }

    /// CPU time used so far.
    fn cpu(&self) -> Duration {
        let text = std::fs::read_to_string(format!("/proc/{}/schedstat", self.child.id())).unwrap();
        Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn own_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap()
}

/// CPU for each sample at 1 Hz, ours and that of others, at the same time on the same processes.
fn beside_others(count: usize) {
    let herd = Herd::new(count);
    let mut rivals = Vec::new();
    let mut pidstat = Command::new("pidstat");
    match Rival::start("pidstat", pidstat.args(["-r", "-p", &herd.pids().join(","), "1"])) {
        Some(rival) => rivals.push(rival),
        None => println!("missing: pidstat (Debian package sysstat)"),
    }
    let python = std::env::var("SOAKD_BENCH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_psutil = Command::new(&python).args(["-c", "import psutil"]).stderr(Stdio::null()).status();
    if has_psutil.is_ok_and(|status| status.success()) {
        rivals.extend(Rival::start("psutil", Command::new(&python).args(["-c", PSUTIL_LOOP]).args(herd.pids())));
    } else {
        println!("missing: a Python with psutil (SOAKD_BENCH_PYTHON)");
    }
    let mut sampler = herd.sampler(None);
    std::thread::sleep(WARM_UP);
    let start = Instant::now();
    let before: Vec<_> = rivals.iter().map(Rival::cpu).collect();
    let own_before = own_cpu();
    let samples = u32::try_from(MEASURED.as_secs()).unwrap();
    for sample in 1..=samples {
        black_box(sampler.tick(Detail::Fast));
        std::thread::sleep((Duration::from_secs(1) * sample).saturating_sub(start.elapsed()));
    }
    let own = (own_cpu() - own_before) / samples;
    println!("{count} processes at 1 Hz: soakd-sampler {:.1} us of CPU for each sample", own.as_secs_f64() * 1e6);
    for (rival, before) in rivals.iter().zip(before) {
        let each = (rival.cpu() - before) / samples;
        let (cpu, ratio) = (each.as_secs_f64() * 1e6, each.as_secs_f64() / own.as_secs_f64());
        println!("{count} processes at 1 Hz: {} {cpu:.1} us, {ratio:.1} times as much", rival.name);
    }
}

fn main() {
    // Thousands of kept files need more than the usual 1,024.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, raised);
    // `cargo test --benches` only wants to know that it runs.
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let counts: &[usize] = if is_bench { &[1, 100, 1000] } else { &[1] };
    let settings =
        Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    let mut criterion = settings.configure_from_args();
    sweeps(&mut criterion, counts);
    criterion.final_summary();
    if is_bench {
        counts.iter().copied().for_each(beside_others);
    }
}
