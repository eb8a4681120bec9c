//! Targets that a shell cannot be: this test program started again as one of them.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Set in the helper: the file that is there while it is loaded.
const LOADED: &str = "SOAKD_TEST_LOADED";
/// Set in the helper that keeps what it allocated.
const KEEPS: &str = "SOAKD_TEST_KEEPS";

/// Set in the helper that grows.
const GROWS: &str = "SOAKD_TEST_GROWS";

/// What it allocates under load.
pub(crate) const UNDER_LOAD_BYTES: usize = 32 << 20;

/// The `[target]` of a program that holds memory while the file `loaded` is there, and afterwards too if it `keeps` it.
pub(crate) fn holding(loaded: &Path, keeps: bool) -> String {
    let program = std::env::current_exe().expect("this program has a path");
    let keeps = if keeps { format!(", {KEEPS} = 'yes'") } else { String::new() };
    format!(
        "[target]\ncommand = ['{}', '--ignored', '--exact', '--nocapture', 'helpers::holds_memory_while_loaded']\n\
         environment = {{ {LOADED} = '{}'{keeps} }}\nready = {{ line = 'holding nothing yet' }}\n",
        program.display(),
        loaded.display()
    )
}

/// The `[target]` of a program that keeps 100 kB more twenty times a second, and prints `kept` for each piece.
///
/// A shell would take ever longer for each, since it copies what it has.
pub(crate) fn growing() -> String {
    let program = std::env::current_exe().expect("this program has a path");
    format!(
        "[target]\ncommand = ['{}', '--ignored', '--exact', '--nocapture', 'helpers::grows_for_ever']\n\
         environment = {{ {GROWS} = 'yes' }}\nready = {{ line = '^kept$' }}\n",
        program.display()
    )
}

/// The `[target]` of two such programs.
pub(crate) fn growing_twice() -> String {
    growing().replacen("command = [", "command = ['sh', '-c', '\"$0\" \"$@\" & exec \"$0\" \"$@\"', ", 1)
}

#[test]
#[ignore = "not a test: a target of the others"]
fn grows_for_ever() {
    if std::env::var_os(GROWS).is_none() {
        return;
    }
    let (began, mut kept) = (Instant::now(), Vec::new());
    loop {
        // By the clock, so that a busy host changes nothing about the rate.
        while (kept.len() as f64) < began.elapsed().as_secs_f64() * 20.0 {
            kept.push(vec![1_u8; 100_000]);
            eprintln!("kept");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
#[ignore = "not a test: a target of the others"]
fn holds_memory_while_loaded() {
    let Some(loaded) = std::env::var_os(LOADED) else { return };
    let (loaded, keeps) = (Path::new(&loaded), std::env::var_os(KEEPS).is_some());
    eprintln!("holding nothing yet");
    let mut held = None;
    // Until it is stopped.
    loop {
        match (loaded.exists(), held.is_some()) {
            // Written to, so that the kernel gives pages for it; large enough for the allocator to give it back.
            (true, false) => held = Some(vec![1_u8; UNDER_LOAD_BYTES]),
            (false, true) if !keeps => held = None,
            _ => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Set in the helper that is a tree: its plan.
const TREE: &str = "SOAKD_TEST_TREE";
/// Set in each of its workers: what it holds at once, what it adds each second, and how long it lives.
const WORKER: &str = "SOAKD_TEST_WORKER";

/// One worker of a tree. Times are seconds since the tree began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Worker {
    pub(crate) from_s: f64,
    pub(crate) lives_s: f64,
    pub(crate) holds_mib: f64,
    pub(crate) mib_per_s: f64,
}

/// One that lives to the end.
pub(crate) fn worker(from_s: f64, holds_mib: f64, mib_per_s: f64) -> Worker {
    Worker { from_s, lives_s: 1e6, holds_mib, mib_per_s }
}

/// The `[target]` of a program that starts these workers and waits for each that ends.
pub(crate) fn tree(workers: &[Worker]) -> String {
    let program = std::env::current_exe().expect("this program has a path");
    let plan: Vec<String> = workers
        .iter()
        .map(|worker| format!("{} {} {} {}", worker.from_s, worker.holds_mib, worker.mib_per_s, worker.lives_s))
        .collect();
    format!(
        "[target]\ncommand = ['{}', '--ignored', '--exact', '--nocapture', 'helpers::is_a_tree']\n\
         environment = {{ {TREE} = '{}' }}\nready = {{ line = '^the tree stands$' }}\n",
        program.display(),
        plan.join(";")
    )
}

#[test]
#[ignore = "not a test: a target of the others"]
fn is_a_tree() {
    if let Ok(plan) = std::env::var(WORKER) {
        return works(&plan);
    }
    let Ok(plan) = std::env::var(TREE) else { return };
    let worker = |worker: &str| {
        let (from_s, plan) = worker.split_once(' ').expect("a time and a plan");
        (from_s.parse::<f64>().expect("a time"), plan.to_owned())
    };
    let (first, mut later): (Vec<_>, Vec<_>) = plan.split(';').map(worker).partition(|(from_s, _)| *from_s <= 0.0);
    let mut workers: Vec<Child> = first.iter().map(|(_, plan)| started(plan)).collect();
    eprintln!("the tree stands");
    let began = Instant::now();
    loop {
        while let Some(due) = later.iter().position(|(from_s, _)| began.elapsed().as_secs_f64() >= *from_s) {
            workers.push(started(&later.remove(due).1));
        }
        workers.retain_mut(|worker| worker.try_wait().expect("a child").is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A worker that has what it holds.
fn started(plan: &str) -> Child {
    let program = std::env::current_exe().expect("this program has a path");
    let mut worker = Command::new(program);
    worker.args(["--ignored", "--exact", "--nocapture", "helpers::is_a_tree"]).env(WORKER, plan);
    let mut worker = worker.stderr(Stdio::piped()).spawn().expect("it starts");
    let said = BufReader::new(worker.stderr.take().expect("a pipe")).lines().next();
    assert!(said.is_some_and(|line| line.is_ok()), "it works");
    worker
}

fn works(plan: &str) {
    let numbers: Vec<f64> = plan.split(' ').map(|number| number.parse().expect("a number")).collect();
    let (holds_mib, mib_per_s, lives_s) = (numbers[0], numbers[1], numbers[2]);
    let piece = || vec![1_u8; 1 << 17];
    let mut kept: Vec<Vec<u8>> = (0..(holds_mib * 8.0) as usize).map(|_| piece()).collect();
    let (began, held) = (Instant::now(), kept.len());
    std::io::stderr().write_all(b"holding\n").expect("it is read");
    loop {
        let lived_s = began.elapsed().as_secs_f64();
        if lived_s >= lives_s {
            return;
        }
        while ((kept.len() - held) as f64) < mib_per_s * 8.0 * lived_s {
            kept.push(piece());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
