//! 1, 100 and 1,000 idle processes sampled at 1 Hz and 10 Hz: by this crate, by bare `pread` of kept files, by `pidstat`, `psutil` and
//! `prometheus-process-exporter`, one after the other on the same processes. CPU, samples lost, how long a sample takes.
//!
//! `cargo bench -p soakd-sampler --bench beside [-- SIZE… [alone]]`, where `alone` leaves the other programs out. A Python with `psutil` is taken from `SOAKD_BENCH_PYTHON`, else from the
//! `PATH` like the others. What is missing is named, and its lines are missing.
//!
//! `statm` alone is what the bare `pread` is to be compared with. All that this crate reads is compared with the bare system calls of as
//! many reads of each source, spread evenly over the samples.
//!
//! CPU time bears a busy host; durations, which are times of the clock, do so less, and a sample is also lost where the host lets nobody run.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark ends at the first fault, and prints its figures"
)]

mod bare;
mod herd;

use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use soakd_sampler::{Detail, MetricId, SamplerReport, TreeSampler};

use crate::bare::Bare;
use crate::herd::{Herd, raise_limit_on_open_files};

/// Reads what this crate reads at each tick, at absolute deadlines; one that is missed is left out. Says how long each sample took.
const PSUTIL_LOOP: &str = "
import psutil, sys, time
interval = float(sys.argv[1])
processes = [psutil.Process(int(pid)) for pid in sys.argv[2:]]
due = time.monotonic()
while True:
    begin = time.monotonic()
    for process in processes:
        with process.oneshot():
            process.memory_info(); process.num_threads(); process.num_fds()
    now = time.monotonic()
    print(int((now - begin) * 1e6), flush=True)
    due += interval * max(1, (now - due) // interval)
    time.sleep(max(0, due - time.monotonic()))
";

/// What every process of the herd is called, and nothing else of what is measured.
const EXPORTER_CONFIG: &str = "process_names:\n  - name: '{{.PID}}'\n    comm: [cat]\n";

/// The daemon reads in full every ten seconds where nobody asks for more, and slowly every thirty.
const FULL_EVERY: Duration = Duration::from_secs(10);
const SLOW_EVERY: Duration = Duration::from_secs(30);

/// This crate is measured for so much time for each process: a round of all that is read now and then is in it, and up to three times the share
/// of time that rounds have in the long run.
const ROUND_OF_ONE: Duration = Duration::from_millis(200);

/// How thoroughly to measure.
struct Effort {
    sizes: Vec<usize>,
    /// Time between samples, and for how long.
    paces: Vec<(Duration, Duration)>,
    /// Whether this crate is measured until everything came round.
    is_whole: bool,
    /// For the start of an interpreter and the like.
    warm_up: Duration,
    /// Samples of ours before it counts: until the sources have had the time that they may take before they keep to their share.
    ticks_before: usize,
}

/// What sampling has cost somebody.
struct Cost {
    cpu: Duration,
    measured: Duration,
    samples_count: usize,
    durations: Vec<Duration>,
}

/// Does `sample` at absolute deadlines on this thread. One that was missed is left out.
fn paced(interval: Duration, measured: Duration, mut sample: impl FnMut()) -> Cost {
    let start = Instant::now();
    let cpu_before = own_cpu();
    let (mut due, mut durations) = (Duration::ZERO, Vec::new());
    while due < measured {
        std::thread::sleep(due.saturating_sub(start.elapsed()));
        let begin = Instant::now();
        sample();
        durations.push(begin.elapsed());
        let passed = u32::try_from((start.elapsed() - due).as_nanos() / interval.as_nanos()).unwrap();
        due += interval * passed.max(1);
    }
    Cost { cpu: own_cpu() - cpu_before, measured, samples_count: durations.len(), durations }
}

fn own_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap()
}

/// Another program that samples the same processes, ended with the benchmark whatever happens.
struct Rival(Child);

impl Rival {
    fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// CPU time of its threads so far.
    fn cpu(&self) -> Duration {
        let mut nanoseconds = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.0.id())).unwrap() {
            let text = std::fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap();
            nanoseconds += text.split(' ').next().unwrap().parse::<u64>().unwrap();
        }
        Duration::from_nanos(nanoseconds)
    }

    /// The lines that it prints, as they come.
    fn lines(&mut self) -> Receiver<String> {
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        let (sender, receiver) = channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        receiver
    }

    /// What it costs from now on; `samples` picks from the lines that it prints those that stand for a sample, with its duration.
    fn measure(
        mut self,
        effort: &Effort,
        measured: Duration,
        sample: impl Fn(&str) -> Option<Option<Duration>>,
    ) -> Cost {
        let lines = self.lines();
        std::thread::sleep(effort.warm_up);
        let _ = lines.try_iter().count();
        let before = self.cpu();
        std::thread::sleep(measured);
        let cpu = self.cpu() - before;
        let samples: Vec<_> = lines.try_iter().filter_map(|line| sample(&line)).collect();
        Cost { cpu, measured, samples_count: samples.len(), durations: samples.into_iter().flatten().collect() }
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What there is to compare with on this host.
#[derive(Default)]
struct Rivals {
    pidstat: bool,
    /// With `psutil`.
    python: Option<String>,
    exporter: bool,
}

impl Rivals {
    /// Looks for them, and names those that are missing.
    fn find() -> Self {
        let runs = |command: &mut Command| {
            command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
        };
        let found = |what: &str, is_there: bool| {
            if !is_there {
                println!("MISSING, and so not compared with: {what}");
            }
            is_there
        };
        let python = std::env::var("SOAKD_BENCH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let psutil = runs(Command::new(&python).args(["-c", "import psutil"]));
        Self {
            pidstat: found("pidstat (Debian package sysstat)", runs(Command::new("pidstat").arg("-V"))),
            python: found(
                "a Python with psutil (`python3 -m venv V && V/bin/pip install psutil`, SOAKD_BENCH_PYTHON=V/bin/python)",
                psutil,
            )
            .then_some(python),
            exporter: found(
                "prometheus-process-exporter (Debian package of that name)",
                runs(Command::new("prometheus-process-exporter").arg("-version")),
            ),
        }
    }
}

/// This crate as the daemon uses it.
///
/// Beside it, how many reads of each source that were.
fn ours(sampler: &mut TreeSampler, effort: &Effort, interval: Duration, measured: Duration) -> (Cost, Vec<u64>) {
    for _ in 0..effort.ticks_before {
        sampler.tick(Detail::Full);
    }
    let counts = |sampler: &TreeSampler| -> Vec<u64> {
        sampler.reports().iter().map(|report: &SamplerReport| report.cost.count()).collect()
    };
    let before = counts(sampler);
    let (mut full_due, mut slow_due) = (Duration::ZERO, Duration::ZERO);
    let start = Instant::now();
    let cost = paced(interval, measured, || {
        let now = start.elapsed();
        let detail = match now {
            now if now >= slow_due => Detail::Slow,
            now if now >= full_due => Detail::Full,
            _ => Detail::Fast,
        };
        if detail == Detail::Slow {
            slow_due = now + SLOW_EVERY;
        }
        if detail >= Detail::Full {
            full_due = now + FULL_EVERY;
        }
        black_box(sampler.tick(detail));
    });
    let reads = counts(sampler).into_iter().zip(before).map(|(after, before)| after - before).collect();
    (cost, reads)
}

/// The exporter, asked for its values; what it costs whoever asks does not count.
fn exporter(effort: &Effort, interval: Duration, measured: Duration) -> Cost {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("exporter.yaml");
    std::fs::write(&config, EXPORTER_CONFIG).unwrap();
    // Free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = Command::new("prometheus-process-exporter");
    command.arg("-config.path").arg(&config).args(["-children=false", "-threads=false", "-gather-smaps=false"]);
    let rival = Rival::start(command.arg("-web.listen-address").arg(address.to_string()));
    let until = Instant::now() + effort.warm_up * 10;
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < until, "the exporter does not listen");
        std::thread::sleep(Duration::from_millis(10));
    }
    scrape(address);
    let before = rival.cpu();
    let asked = paced(interval, measured, || scrape(address));
    Cost { cpu: rival.cpu() - before, ..asked }
}

fn scrape(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.0 200"), "the exporter refuses");
}

fn at(durations: &[Duration], share: f64) -> String {
    match durations.get((share * durations.len() as f64) as usize) {
        Some(duration) => format!("{:.2} ms", duration.as_secs_f64() * 1e3),
        None => "".to_owned(),
    }
}

fn compare(effort: &Effort, rivals: &Rivals, size: usize, (interval, measured): (Duration, Duration)) {
    let herd = Herd::new(size);
    let files: Vec<_> = herd.pids().iter().map(|pid| File::open(format!("/proc/{pid}/statm")).unwrap()).collect();
    let mut buffer = [0_u8; 256];
    let mut sweep = || {
        for file in &files {
            black_box(rustix::io::pread(file, &mut buffer, 0).unwrap());
        }
    };
    sweep();
    let whole_round =
        if effort.is_whole { measured.max(ROUND_OF_ONE * u32::try_from(size).unwrap()) } else { measured };
    let resident = vec![MetricId::Rss, MetricId::Anon];
    let (all, reads) = ours(&mut herd.sampler(None), effort, interval, whole_round);
    let (alone, _) = ours(&mut herd.sampler(Some(resident)), effort, interval, measured);
    let mut bare = Bare::open(&herd.pids());
    let mut bare_tick = bare.ticks(reads, all.samples_count);
    let mut costs = vec![
        ("soakd-sampler", all),
        ("bare calls of as many reads of each", paced(interval, whole_round, &mut bare_tick)),
        ("soakd-sampler, `statm` alone", alone),
        ("bare pread of statm", paced(interval, measured, sweep)),
    ];
    drop(bare_tick);
    drop(bare);
    let pids = herd.pids();
    let seconds = interval.as_secs_f64().to_string();
    // Whole seconds are the shortest that it knows.
    if rivals.pidstat && interval >= Duration::from_secs(1) {
        // Into a pipe it would hold its lines back.
        let mut pidstat = Command::new("stdbuf");
        pidstat.args(["-oL", "pidstat", "-h", "-r", "-p", &pids.join(","), &seconds]);
        pidstat.env("S_TIME_FORMAT", "ISO");
        // A line for each process, with its pid as the third word.
        let is_first = |line: &str| (line.split_ascii_whitespace().nth(2) == Some(pids[0].as_str())).then_some(None);
        costs.push(("pidstat -r", Rival::start(&mut pidstat).measure(effort, measured, is_first)));
    }
    if let Some(python) = &rivals.python {
        let mut psutil = Command::new(python);
        psutil.args(["-c", PSUTIL_LOOP, &seconds]).args(&pids);
        let duration = |line: &str| Some(Some(Duration::from_micros(line.parse().ok()?)));
        costs.push(("psutil", Rival::start(&mut psutil).measure(effort, measured, duration)));
    }
    if rivals.exporter {
        costs.push(("process-exporter", exporter(effort, interval, measured)));
    }
    let each = |cost: &Cost| cost.cpu.as_secs_f64() / cost.samples_count.max(1) as f64;
    let own = each(&costs[0].1);
    for (name, mut cost) in costs {
        cost.durations.sort_unstable();
        let expected = (cost.measured.as_secs_f64() / interval.as_secs_f64()).round() as usize;
        println!(
            "| {size} | {} Hz | {name} | {:.3} % | {:.3} ms | {:.2} | {} of {expected} | {} | {} |",
            1.0 / interval.as_secs_f64(),
            cost.cpu.as_secs_f64() / cost.measured.as_secs_f64() * 1e2,
            each(&cost) * 1e3,
            each(&cost) / own,
            // Two clocks may count one more.
            expected.saturating_sub(cost.samples_count),
            at(&cost.durations, 0.5),
            at(&cost.durations, 0.99),
        );
    }
}

fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap();
    text.split(' ').next().unwrap().to_owned()
}

fn main() {
    raise_limit_on_open_files();
    // `cargo test --benches` only wants to know that it runs.
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let sizes: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let effort = if is_bench {
        Effort {
            sizes: if sizes.is_empty() { vec![1, 100, 1000] } else { sizes },
            paces: vec![
                (Duration::from_secs(1), Duration::from_secs(30)),
                (Duration::from_millis(100), Duration::from_secs(10)),
            ],
            is_whole: true,
            warm_up: Duration::from_secs(3),
            ticks_before: 100,
        }
    } else {
        Effort {
            sizes: vec![2],
            paces: vec![(Duration::from_millis(10), Duration::from_millis(50))],
            is_whole: false,
            warm_up: Duration::from_millis(500),
            ticks_before: 1,
        }
    };
    let is_alone = std::env::args().any(|argument| argument == "alone");
    let rivals = if is_alone { Rivals::default() } else { Rivals::find() };
    println!("load average {} at the start", load_average());
    println!("| processes | rate | | CPU of a core | CPU of a sample | against soakd | lost | duration p50 | p99 |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for size in &effort.sizes {
        for pace in &effort.paces {
            compare(&effort, &rivals, *size, *pace);
        }
    }
    println!("load average {} at the end", load_average());
}
