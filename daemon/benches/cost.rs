//! What soakd costs, as ratios to what people use otherwise: CPU of a sample, start-up, a whole trivial run, the target's
//! own work, size.
//!
//! `cargo bench -p soakd --bench cost` runs the program itself. `pidstat` is taken from the `PATH` (Debian package `sysstat`),
//! a Python with `psutil` from `SOAKD_BENCH_PYTHON`, else from the `PATH`; what is missing is named and left out. Others use
//! the processors at the same time on most hosts: CPU times bear that, wall times are the best of several rounds.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark ends at the first fault, and prints its figures"
)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use procfs::process::Process;
use rustix::process::{Pid, Signal, kill_process};

const SOAKD: &str = env!("CARGO_BIN_EXE_soakd");

/// How thoroughly to measure.
struct Effort {
    tree_sizes: &'static [usize],
    warm_up: Duration,
    measured: Duration,
    starts: u32,
    runs: u32,
    /// Turns of the loop that is the target's work.
    work_turns: u32,
}

const FULL: Effort = Effort {
    tree_sizes: &[1, 100],
    warm_up: Duration::from_secs(5),
    measured: Duration::from_secs(30),
    starts: 50,
    runs: 5,
    work_turns: 4_000_000,
};

/// Only to see that it runs.
const TEST: Effort = Effort {
    tree_sizes: &[2],
    warm_up: Duration::from_secs(1),
    measured: Duration::from_secs(1),
    starts: 1,
    runs: 1,
    work_turns: 10_000,
};

/// A child that is ended with the benchmark, whatever happens.
struct Running {
    name: String,
    child: Child,
}

impl Running {
    fn start(name: impl Into<String>, command: &mut Command) -> Option<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        Some(Self { name: name.into(), child })
    }

    /// CPU time of its threads so far.
    fn cpu(&self) -> Duration {
        let mut nanoseconds = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap() {
            let text = std::fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap();
            nanoseconds += text.split(' ').next().unwrap().parse::<u64>().unwrap();
        }
        Duration::from_nanos(nanoseconds)
    }

    /// Asks it to end, and waits until it has.
    fn end(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A tree of processes that wait for the end of their input, which comes when this is dropped or this process ends.
struct Tree {
    root: Child,
    input: Option<OwnedFd>,
    pids: Vec<String>,
}

impl Tree {
    fn new(size: usize) -> Self {
        let (reader, writer) = std::io::pipe().unwrap();
        // The shell is one of them.
        let script =
            "exec 3<&0; i=0; while [ $i -lt $0 ]; do cat <&3 & echo $!; i=$((i+1)); done; echo $$; exec cat <&3";
        let mut root = Command::new("sh")
            .args(["-c", script, &(size - 1).to_string()])
            .stdin(reader)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(root.stdout.take().unwrap()).lines();
        let pids = lines.take(size).map(|line| line.unwrap()).collect();
        Self { root, input: Some(writer.into()), pids }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.root.wait();
    }
}

/// What there is to compare with on this host.
struct Rivals {
    pidstat: bool,
    /// With `psutil`.
    python: Option<String>,
}

impl Rivals {
    /// Looks for them, and names those that are missing.
    fn find() -> Self {
        let runs = |command: &mut Command| {
            command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
        };
        let pidstat = runs(Command::new("pidstat").arg("-V"));
        if !pidstat {
            println!("missing: pidstat (Debian package sysstat)");
        }
        let python = std::env::var("SOAKD_BENCH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let python = runs(Command::new(&python).args(["-c", "import psutil"])).then_some(python);
        if python.is_none() {
            println!("missing: a Python with psutil (SOAKD_BENCH_PYTHON)");
        }
        Self { pidstat, python }
    }
}

/// Reads what `soakd attach` reads by default, of fixed processes or of a tree that is looked up each time.
const PSUTIL_LOOP: &str = "
import psutil, sys, time
interval, follow = float(sys.argv[1]), sys.argv[2] == 'follow'
processes = [psutil.Process(int(pid)) for pid in sys.argv[3:]]
due = time.monotonic()
while True:
    if follow:
        processes = [processes[0]] + processes[0].children(recursive=True)
    for process in processes:
        with process.oneshot():
            process.memory_info(); process.num_threads(); process.num_fds()
    due += interval
    time.sleep(max(0, due - time.monotonic()))
";

/// `soakd attach` and its rivals on the same tree, at the same time.
fn samplers(rivals: &Rivals, tree: &Tree, interval: Duration, state: &Path) -> Vec<Running> {
    let root = tree.root.id().to_string();
    let seconds = interval.as_secs_f64();
    let mut attach = Command::new(SOAKD);
    attach.args(["attach", "--quiet", "--for", "1h", "--pid", &root, "--interval", &format!("{}ms", seconds * 1e3)]);
    attach.arg("--state").arg(state);
    let mut all = vec![Running::start("soakd attach", &mut attach).unwrap()];
    // Whole seconds are the shortest that it knows.
    if interval >= Duration::from_secs(1) && rivals.pidstat {
        let mut pidstat = Command::new("pidstat");
        pidstat.args(["-r", "-p", &tree.pids.join(","), &seconds.to_string()]);
        all.extend(Running::start("pidstat -r, pids given", &mut pidstat));
    }
    if let Some(python) = &rivals.python {
        for (name, follow, pids) in
            [("psutil, pids given", "no", &tree.pids[..]), ("psutil, tree followed", "follow", &[root][..])]
        {
            let mut psutil = Command::new(python);
            psutil.args(["-c", PSUTIL_LOOP, &seconds.to_string(), follow]).args(pids);
            all.extend(Running::start(name, &mut psutil));
        }
    }
    all
}

fn cpu_of_samples(effort: &Effort, rivals: &Rivals) {
    println!("\nCPU of one sample, the whole process, while it goes on");
    for &size in effort.tree_sizes {
        let tree = Tree::new(size);
        for interval in [Duration::from_secs(1), Duration::from_millis(100)] {
            let state = tempfile::tempdir().unwrap();
            let mut all = samplers(rivals, &tree, interval, state.path());
            std::thread::sleep(effort.warm_up);
            let start = Instant::now();
            let before: Vec<_> = all.iter().map(Running::cpu).collect();
            std::thread::sleep(effort.measured);
            let after: Vec<_> = all.iter().map(Running::cpu).collect();
            let samples = start.elapsed().as_secs_f64() / interval.as_secs_f64();
            println!("  {size} processes, every {interval:?}");
            let each: Vec<f64> =
                before.iter().zip(after).map(|(before, after)| (after - *before).as_secs_f64() / samples).collect();
            for (running, cpu_s) in all.iter().zip(&each) {
                against(&running.name, *cpu_s, each[0]);
            }
            all.remove(0).end();
        }
    }
}

/// One line of a table: a time, and how many times as much it is as that of soakd.
fn against(name: &str, time_s: f64, soakd_s: f64) {
    // CPU times of a single start are often too short to be seen.
    let ratio = if soakd_s > 0.0 { format!("{:.2}", time_s / soakd_s) } else { "-".to_owned() };
    println!("    {name:<32} {:>9.2} ms {ratio:>7}", time_s * 1e3);
}

/// CPU time of all children that have been waited for, in steps of 10 ms.
fn children_cpu_s() -> f64 {
    let stat = Process::myself().unwrap().stat().unwrap();
    (stat.cutime + stat.cstime) as f64 / rustix::param::clock_ticks_per_second() as f64
}

fn start_up(effort: &Effort, rivals: &Rivals) {
    println!("\nstart-up: wall time (best), CPU (mean)");
    let mut commands =
        vec![("soakd --help", vec![SOAKD.to_owned(), "--help".to_owned()]), ("true", vec!["/bin/true".to_owned()])];
    if rivals.pidstat {
        commands.push(("pidstat -V", vec!["pidstat".to_owned(), "-V".to_owned()]));
    }
    if let Some(python) = &rivals.python {
        commands.push(("python -c 'import psutil'", vec![python.clone(), "-c".to_owned(), "import psutil".to_owned()]));
    }
    let measured = commands.iter().map(|(name, words)| {
        let mut best_s = f64::INFINITY;
        let cpu_before_s = children_cpu_s();
        for _ in 0..effort.starts {
            let mut command = Command::new(&words[0]);
            command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let start = Instant::now();
            command.status().unwrap();
            best_s = best_s.min(start.elapsed().as_secs_f64());
        }
        (*name, best_s, (children_cpu_s() - cpu_before_s) / f64::from(effort.starts))
    });
    let measured: Vec<_> = measured.collect();
    for (name, wall_s, _) in &measured {
        against(name, *wall_s, measured[0].1);
    }
    for (name, _, cpu_s) in &measured {
        against(&format!("{name}, CPU"), *cpu_s, measured[0].2);
    }
}

/// Seconds since 1970, as `date +%s.%N` prints them.
fn now_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

fn check(state: &Path, out: &Path, length: &str, script: &str) -> Command {
    let mut command = Command::new(SOAKD);
    command.args(["check", "--quiet", "--for", length, "--interval", "100ms"]).arg("--state").arg(state);
    command.arg("--out").arg(out).args(["--", "sh", "-c", script]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn whole_run(effort: &Effort) {
    const LENGTH_S: f64 = 2.0;
    let folder = tempfile::tempdir().unwrap();
    let (mut first_s, mut rest_s, mut cpu_s) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..effort.runs {
        let out = folder.path().join(run.to_string());
        let cpu_before_s = children_cpu_s();
        let start_s = now_s();
        let status = check(folder.path(), &out, "2s", "date +%s.%N; exec sleep 60").status().unwrap();
        let wall_s = now_s() - start_s;
        assert!(out.join("verdict.json").exists(), "no verdict: {status}");
        let printed = std::fs::read_to_string(out.join("target.log")).unwrap();
        let target_s = printed.trim().parse::<f64>().unwrap() - start_s;
        first_s.push(target_s);
        rest_s.push(wall_s - target_s - LENGTH_S);
        cpu_s.push(children_cpu_s() - cpu_before_s);
    }
    let shell_s = (0..effort.runs).map(|_| {
        let start_s = now_s();
        let output = Command::new("sh").args(["-c", "date +%s.%N"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse::<f64>().unwrap() - start_s
    });
    let shell_s = best(&shell_s.collect::<Vec<_>>());
    println!("\nsoakd check --for 2s --interval 100ms -- sleep 60 (best of {})", effort.runs);
    let first_s = best(&first_s);
    against("until the target runs", first_s, first_s);
    against("the same, started by a shell", shell_s, first_s);
    println!("    {:<32} {:>9.2} ms", "beyond the 2 s after that", best(&rest_s) * 1e3);
    println!("    {:<32} {:>9.2} ms", "CPU of the whole run", best(&cpu_s) * 1e3);
}

fn best(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// How long a target takes for the same work, alone and soaked.
fn work(effort: &Effort) {
    let turns = effort.work_turns;
    // Allocates, touches and frees; prints when it began and when it was done.
    let script = format!(
        "date +%s.%N; awk 'BEGIN {{ for (i = 0; i < {turns}; i++) a[i % 50000] = i \"x\" }}'; date +%s.%N; exec sleep 60"
    );
    let took_s = |text: &str| {
        let times: Vec<f64> = text.lines().filter_map(|line| line.parse().ok()).collect();
        (times.len() == 2 && text.ends_with('\n')).then(|| times[1] - times[0])
    };
    let (mut alone_s, mut soaked_s) = (Vec::new(), Vec::new());
    let folder = tempfile::tempdir().unwrap();
    for run in 0..effort.runs {
        let output = Command::new("sh").args(["-c", script.trim_end_matches("exec sleep 60")]).output().unwrap();
        alone_s.push(took_s(&String::from_utf8(output.stdout).unwrap()).unwrap());
        let out = folder.path().join(run.to_string());
        let child = check(folder.path(), &out, "10m", &script).spawn().unwrap();
        let soakd = Running { name: "soakd check".to_owned(), child };
        let deadline = Instant::now() + Duration::from_secs(300);
        loop {
            let printed = std::fs::read_to_string(out.join("target.log")).unwrap_or_default();
            if let Some(took_s) = took_s(&printed) {
                soaked_s.push(took_s);
                break;
            }
            assert!(Instant::now() < deadline, "the target does not finish its work");
            std::thread::sleep(Duration::from_millis(20));
        }
        soakd.end();
    }
    println!("\nwork of the target, sampled every 100 ms (best of {})", effort.runs);
    against("soaked", best(&soaked_s), best(&soaked_s));
    against("alone", best(&alone_s), best(&soaked_s));
}

/// Third-party packages that `soakd` is built of, without what lies behind `pruned`.
fn packages(pruned: Option<&str>) -> BTreeSet<String> {
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    cargo.args(["tree", "--offline", "--package", "soakd", "--edges", "normal,build", "--prefix", "none"]);
    cargo.args(["--format", "{p}"]).args(pruned.iter().flat_map(|package| ["--prune", package]));
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // Those of the workspace have a path behind their version.
    text.lines().filter(|line| !line.is_empty() && !line.contains("(/")).map(|line| line.replace(" (*)", "")).collect()
}

fn size() {
    println!("\nsize");
    let bytes = std::fs::metadata(SOAKD).unwrap().len();
    println!("    {:<32} {:>9.2} MiB", "executable", bytes as f64 / f64::from(1 << 20));
    let (all, core) = (packages(None), packages(Some("soakd-reference")));
    println!("    {:<32} {:>9}", "third-party packages", all.len());
    println!("    {:<32} {:>9}", "without the reference service", core.len());
}

fn main() {
    // `cargo test --benches` only wants to know that it runs.
    let effort = if std::env::args().any(|argument| argument == "--bench") { FULL } else { TEST };
    let rivals = Rivals::find();
    size();
    start_up(&effort, &rivals);
    whole_run(&effort);
    work(&effort);
    cpu_of_samples(&effort, &rivals);
}
