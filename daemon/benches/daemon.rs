//! What the daemon costs while it watches 0, 1, 10 and 100 targets, beside `pidstat` that reads the same processes.
//!
//! `cargo bench -p soakd --bench daemon` runs the program itself. `pidstat` is taken from the `PATH` (Debian package `sysstat`) and left
//! out where it is missing. CPU times bear that others use the processors at the same time.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark ends at the first fault, and prints its figures"
)]

use std::fmt::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use procfs::process::Process;

const SOAKD: &str = env!("CARGO_BIN_EXE_soakd");

/// A child that is ended with the benchmark.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Option<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok().map(Self)
    }

    fn process(&self) -> Process {
        Process::new(i32::try_from(self.0.id()).unwrap()).unwrap()
    }

    /// CPU time of its threads so far.
    fn cpu(&self) -> Duration {
        let mut nanoseconds = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.0.id())).unwrap() {
            // A thread may end while they are listed.
            let Ok(text) = std::fs::read_to_string(thread.unwrap().path().join("schedstat")) else { continue };
            nanoseconds += text.split(' ').next().unwrap().parse::<u64>().unwrap();
        }
        Duration::from_nanos(nanoseconds)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Share of a core that `running` takes over `time`, in percent.
fn share(running: &[&Running], time: Duration) -> Vec<f64> {
    let before: Vec<Duration> = running.iter().map(|running| running.cpu()).collect();
    std::thread::sleep(time);
    let spent = running.iter().zip(before).map(|(running, before)| running.cpu().saturating_sub(before));
    spent.map(|spent| spent.as_secs_f64() / time.as_secs_f64() * 100.0).collect()
}

fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test")
        || !std::env::args().any(|argument| argument == "--bench");
    let (counts, warm_up, measured): (&[usize], _, _) = if is_test {
        (&[1], Duration::from_secs(2), Duration::from_secs(2))
    } else {
        (&[0, 1, 10, 100], Duration::from_secs(15), Duration::from_secs(60))
    };
    println!("targets  daemon (% of a core)  pidstat (%)  ratio  RSS (MiB)  anonymous (MiB)  threads  files");
    for &count in counts {
        let targets: Vec<Running> =
            (0..count).map(|_| Running::start(Command::new("sleep").arg("3600")).unwrap()).collect();
        let folder = tempfile::tempdir().unwrap();
        let mut config = "[api]\nlisten = 'off'\n".to_owned();
        for (number, target) in targets.iter().enumerate() {
            let pid = target.0.id();
            write!(config, "[[watch]]\nname = 'w{number}'\npid = {pid}\nperiod = '24h'\ninterval = '1s'\n").unwrap();
        }
        let file = folder.path().join("soakd.toml");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new(SOAKD);
        let daemon =
            Running::start(command.args(["daemon", "--config"]).arg(&file).arg("--state").arg(folder.path())).unwrap();
        let pids = targets.iter().map(|target| target.0.id().to_string()).collect::<Vec<_>>().join(",");
        let pidstat =
            (count > 0).then(|| Running::start(Command::new("pidstat").args(["-r", "-p", &pids, "1"]))).flatten();
        std::thread::sleep(warm_up);
        let running: Vec<&Running> = std::iter::once(&daemon).chain(&pidstat).collect();
        let shares = share(&running, measured);
        let rival = shares.get(1).map_or(("-".to_owned(), "-".to_owned()), |rival| {
            (format!("{rival:.3}"), format!("{:.2}", shares[0] / rival))
        });
        let process = daemon.process();
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let anonymous = process.smaps_rollup().unwrap().memory_map_rollup.0[0].extension.map.get("Anonymous").copied();
        println!(
            "{count:>7}  {:>20.3}  {:>11}  {:>5}  {:>9.1}  {:>15.1}  {:>7}  {:>5}",
            shares[0],
            rival.0,
            rival.1,
            mib(process.statm().unwrap().resident * 4096),
            mib(anonymous.unwrap_or(0)),
            process.stat().unwrap().num_threads,
            process.fd_count().unwrap()
        );
    }
}
