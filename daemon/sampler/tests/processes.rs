//! Real processes: they allocate, `exec`, stop, become zombies, vanish, and have children.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a helper fails the test")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use soakd_sampler::{
    Detail, Liveness, Membership, MetricId, ProcRoot, ProcessId, ProcessTree, TreeOptions, TreeReading, TreeSampler,
    WATCHED_SEARCH,
};

/// Only ends a test that hangs.
const DEADLINE: Duration = Duration::from_secs(30);

/// A shell that does one line at a time and answers `done`. Its children wait for the end of its input, which comes
/// also when a test fails.
struct Shell {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Shell {
    fn new() -> Self {
        let mut command = Command::new("sh");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut shell = Self { child, input, output };
        shell.run("exec 3<&0");
        shell
    }

    /// Does `line` and gives the first line of its output, empty if there is none.
    fn run(&mut self, line: &str) -> String {
        writeln!(self.input.as_mut().unwrap(), "{line}\necho done").unwrap();
        let (mut answer, mut text) = (String::new(), String::new());
        while text != "done\n" {
            if answer.is_empty() {
                answer = text.trim().to_owned();
            }
            text.clear();
            assert_ne!(self.output.read_line(&mut text).unwrap(), 0, "the shell ended");
        }
        answer
    }

    /// Starts `command` in the background and gives its pid.
    fn start(&mut self, command: &str) -> u32 {
        // Not the shell's own input, which it would read away.
        self.run(&format!("{command} 0<&- >/dev/null & echo $!")).parse().unwrap()
    }

    fn id(&self) -> ProcessId {
        ProcessId::of(&ProcRoot::default(), self.child.id()).unwrap()
    }

    fn membership(&self) -> Membership {
        Membership::Descendants { of: vec![self.id()], include_roots: true }
    }

    /// Members are found by watching births: until all processes are searched once more, a test has ended.
    fn sampler(&self) -> TreeSampler {
        const { assert!(DEADLINE.as_secs() <= WATCHED_SEARCH.as_secs()) };
        let start = Instant::now();
        TreeSampler::new(TreeOptions::new(ProcRoot::default(), self.membership()), Box::new(move || start.elapsed()))
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        drop(self.input.take());
        // Children were started with a limited life; the shell itself ends with its input.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that ends by itself, should a test fail before it ends it.
struct Ended(u32);

impl Drop for Ended {
    fn drop(&mut self) {
        signal(self.0, Signal::KILL);
    }
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Ticks until `is_so`.
fn tick_until(sampler: &mut TreeSampler, detail: Detail, is_so: impl Fn(&TreeReading) -> bool) -> TreeReading {
    let start = Instant::now();
    loop {
        let reading = sampler.tick(detail);
        if is_so(reading) {
            return reading.clone();
        }
        assert!(start.elapsed() < DEADLINE, "not in time: {reading:?}");
        std::thread::yield_now();
    }
}

fn pids(reading: &TreeReading) -> Vec<u32> {
    reading.members.iter().map(|member| member.id.pid).collect()
}

#[test]
fn memory_that_a_process_takes_is_seen_in_the_witness() {
    let mut shell = Shell::new();
    let mut sampler = shell.sampler();
    let before = sampler.tick(Detail::Slow).totals;
    shell.run("x=$(head -c 20000000 /dev/zero | tr '\\0' a)");
    let after = tick_until(&mut sampler, Detail::Slow, |reading| reading.members.len() == 1).totals;
    let growth = |metric| after.get(metric).unwrap() - before.get(metric).unwrap();
    for metric in [MetricId::AnonSwap, MetricId::Rss, MetricId::Virtual] {
        assert!(growth(metric) > 19e6, "{}: {}", metric.name(), growth(metric));
    }
    assert!(growth(MetricId::MinorFaults) > 0.0);
    assert_eq!(after.get(MetricId::Threads), Some(1.0));
    let swap = after.get(MetricId::Swap).unwrap();
    assert_eq!(after.get(MetricId::AnonSwap), Some(after.get(MetricId::Anon).unwrap() + swap));
}

#[test]
fn descriptors_and_unique_memory_are_read() {
    let mut shell = Shell::new();
    let mut sampler = shell.sampler();
    let before = sampler.tick(Detail::Slow).totals;
    shell.run("exec 4</dev/null 5</dev/null");
    let after = sampler.tick(Detail::Fast).totals;
    assert_eq!(after.get(MetricId::Fds).unwrap() - before.get(MetricId::Fds).unwrap(), 2.0);
    assert!(before.get(MetricId::Uss).unwrap() > 0.0);
    assert!(before.get(MetricId::Pss).unwrap() >= before.get(MetricId::Uss).unwrap());
    assert_eq!(after.get(MetricId::Pss), None, "not read at this level of detail");
}

#[test]
fn children_come_and_go() {
    let mut shell = Shell::new();
    let mut sampler = shell.sampler();
    sampler.tick(Detail::Fast);
    let child = shell.start("sleep 60");
    let _ended = Ended(child);
    let reading = tick_until(&mut sampler, Detail::Fast, |reading| reading.members.len() == 2);
    assert_eq!(pids(&reading), [shell.child.id(), child]);
    signal(child, Signal::KILL);
    let reading = tick_until(&mut sampler, Detail::Fast, |reading| reading.members.len() == 1);
    assert_eq!(reading.departures.iter().map(|member| member.id.pid).collect::<Vec<_>>(), [child]);
    // The shell has not taken its status yet, or has: neither way is it there.
    assert_eq!(sampler.tick(Detail::Full).members.len(), 1);
}

#[test]
fn a_grandchild_is_a_member_and_stays_one_when_its_parent_ends() {
    let mut shell = Shell::new();
    let mut sampler = shell.sampler();
    let parent = shell.start("sh -c 'sleep 60 & wait'");
    let _parent_ended = Ended(parent);
    let reading = tick_until(&mut sampler, Detail::Fast, |reading| reading.members.len() == 3);
    let grandchild = *pids(&reading).iter().find(|pid| ![shell.child.id(), parent].contains(pid)).unwrap();
    let _grandchild_ended = Ended(grandchild);
    signal(parent, Signal::KILL);
    let reading = tick_until(&mut sampler, Detail::Fast, |reading| reading.members.len() == 2);
    assert_eq!(pids(&reading), [shell.child.id(), grandchild]);
    let reading = sampler.tick(Detail::Full);
    assert_eq!(pids(reading), [shell.child.id(), grandchild]);
}

#[test]
fn a_child_that_another_tree_has_looked_at_first_is_found_all_the_same() {
    let (mut shell, other_shell) = (Shell::new(), Shell::new());
    let (mut sampler, mut other) = (shell.sampler(), other_shell.sampler());
    for sampler in [&mut sampler, &mut other] {
        tick_until(sampler, Detail::Fast, |reading| reading.members.len() == 1);
    }
    for _ in 0..20 {
        let child = shell.start("sleep 60");
        let _ended = Ended(child);
        assert_eq!(pids(other.tick(Detail::Fast)), [other_shell.child.id()]);
        let reading = tick_until(&mut sampler, Detail::Fast, |reading| reading.members.len() == 2);
        assert_eq!(pids(&reading), [shell.child.id(), child]);
        signal(child, Signal::KILL);
        tick_until(&mut sampler, Detail::Fast, |reading| reading.members.len() == 1);
    }
}

#[test]
fn exec_leaves_the_process_what_it_is_and_every_source_goes_on() {
    let mut shell = Shell::new();
    let child = shell.start("sh -c 'read line <\"$1\"; exec sleep 60' sh /dev/null");
    let _ended = Ended(child);
    let id = ProcessId::of(&ProcRoot::default(), child).unwrap();
    let mut sampler = shell.sampler();
    let reading = tick_until(&mut sampler, Detail::Fast, |reading| {
        reading.members.iter().any(|member| member.id.pid == child && member.comm.to_string() == "sleep")
    });
    assert!(reading.members.iter().any(|member| member.id == id));
    let totals = sampler.tick(Detail::Slow).totals;
    for metric in [MetricId::Uss, MetricId::Cpu, MetricId::RssFile, MetricId::AnonSwap] {
        assert!(totals.get(metric).is_some(), "{}", metric.name());
    }
}

#[test]
fn a_stopped_process_is_read_like_any_other() {
    let mut shell = Shell::new();
    let child = shell.start("sleep 60");
    let _ended = Ended(child);
    signal(child, Signal::STOP);
    let mut sampler = shell.sampler();
    let reading = tick_until(&mut sampler, Detail::Slow, |reading| reading.members.len() == 2);
    assert!(reading.members.iter().all(|member| member.reading.get(MetricId::Rss).is_some()));
    let id = ProcessId::of(&ProcRoot::default(), child).unwrap();
    assert!(id.is_alive(&ProcRoot::default()));
}

#[test]
fn a_zombie_is_told_from_the_living_and_from_the_gone() {
    let root = ProcRoot::default();
    let mut child = Command::new("true").stdin(Stdio::null()).spawn().unwrap();
    let id = ProcessId::of(&root, child.id()).unwrap();
    let start = Instant::now();
    while id.liveness(&root) == Ok(Liveness::Alive) {
        assert!(start.elapsed() < DEADLINE);
        std::thread::yield_now();
    }
    assert_eq!(id.liveness(&root), Ok(Liveness::Zombie));
    let membership = Membership::Descendants { of: vec![id], include_roots: true };
    assert_eq!(ProcessTree::new(root.clone(), membership).search(), Ok(&[][..]));
    child.wait().unwrap();
    assert_eq!(id.liveness(&root), Ok(Liveness::Gone));
    assert!(!id.is_alive(&root));
}

#[test]
fn threads_are_counted_and_are_no_members() {
    let root = ProcRoot::default();
    let this = ProcessId::of(&root, std::process::id()).unwrap();
    let membership = Membership::Descendants { of: vec![this], include_roots: true };
    let mut sampler = TreeSampler::new(TreeOptions::new(root, membership), Box::new(|| Duration::ZERO));
    let own = |reading: &TreeReading| reading.members.iter().find(|member| member.id == this).unwrap().reading;
    sampler.tick(Detail::Fast);
    let (stop, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Arc::new(std::sync::Mutex::new(wait));
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let wait = std::sync::Arc::clone(&wait);
            std::thread::spawn(move || {
                let _ = wait.lock().unwrap().recv();
            })
        })
        .collect();
    let reading = tick_until(&mut sampler, Detail::Fast, |reading| own(reading).get(MetricId::Threads) >= Some(17.0));
    let thread_ids: Vec<u32> = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap())
        .collect();
    assert!(reading.members.iter().all(|member| member.id == this || !thread_ids.contains(&member.id.pid)));
    drop(stop);
    for thread in threads {
        thread.join().unwrap();
    }
}
