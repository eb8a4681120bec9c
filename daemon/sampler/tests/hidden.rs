//! Processes that hide, vanish, or live in namespaces of their own.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a helper fails the test")]

#[allow(dead_code, reason = "each test uses its part")]
mod proc_folder;
mod skip;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use proc_folder::Proc;
use soakd_sampler::{
    Detail, Membership, MetricId, ProcRoot, ProcessId, ProcessLook, ProcessTree, SampleError, SamplerStatus,
    TreeOptions, TreeSampler,
};

/// Only ends a test that hangs.
const DEADLINE: Duration = Duration::from_secs(60);

/// Does `what` without the rights of root: in a thread that has become nobody.
fn as_nobody<T: Send>(what: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                let nobody = rustix::thread::Uid::from_raw(65534);
                rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            }
            what()
        });
        thread.join().unwrap()
    })
}

fn allow(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn processes_that_hidepid_closes_are_counted_and_refused_by_name() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    proc.process(20, 10, 110);
    allow(proc.0.path(), 0o755);
    // `hidepid=1`: the folders are seen, and nothing in them is.
    allow(&proc.0.path().join("20"), 0o000);
    let membership = Membership::Descendants { of: vec![root], include_roots: true };
    let (found, unreadable, hidden) = as_nobody(|| {
        let mut tree = ProcessTree::new(proc.root(), membership.clone());
        let found: Vec<u32> = tree.search().unwrap().iter().map(|member| member.id.pid).collect();
        (found, tree.unreadable_count(), ProcessId::of(&proc.root(), 20))
    });
    assert_eq!((found, unreadable, hidden), (vec![10], 1, Err(SampleError::PermissionDenied)));
    allow(&proc.0.path().join("20"), 0o755);
    // `hidepid=2`: they are not seen at all.
    std::fs::remove_dir_all(proc.0.path().join("20")).unwrap();
    assert_eq!(ProcessId::of(&proc.root(), 20), Err(SampleError::Vanished));
}

#[test]
fn a_source_that_is_denied_half_way_keeps_its_process_and_the_other_sources() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    proc.rollup(10, 512);
    proc.write(10, "io", "read_bytes: 1\nwrite_bytes: 2\n");
    allow(proc.0.path(), 0o755);
    let (mut sampler, _) = proc.sampler(root);
    let mut tick = || as_nobody(|| sampler.tick(Detail::Slow).clone());
    let reading = tick();
    assert_eq!(reading.totals.get(MetricId::Uss), Some(512.0 * 1024.0));
    assert_eq!(reading.totals.get(MetricId::IoWritten), Some(2.0));
    allow(&proc.file(10, "smaps_rollup"), 0o000);
    let reading = tick();
    assert_eq!((reading.members.len(), reading.totals.get(MetricId::Uss)), (1, None));
    assert!(reading.totals.get(MetricId::AnonSwap).is_some());
    let row = soakd_sampler::SamplerId::SmapsRollup;
    assert_eq!(reading.members[0].failure(row), Some(SampleError::PermissionDenied));
    assert_eq!(sampler.reports()[row as usize].status, SamplerStatus::Failed(SampleError::PermissionDenied));
}

#[test]
fn a_look_that_is_denied_half_way_keeps_what_it_has_and_names_the_rest() {
    let proc = Proc::new();
    let process = proc.process(10, 1, 100);
    proc.write(10, "smaps", "1000-2000 rw-p 0 0:0 0 [heap]\nRss: 8 kB\nAnonymous: 8 kB\n");
    for folder in ["fd", "task"] {
        std::fs::create_dir_all(proc.file(10, folder)).unwrap();
    }
    allow(proc.0.path(), 0o755);
    allow(&proc.file(10, "fd"), 0o000);
    let look = as_nobody(|| ProcessLook::take(&proc.root(), process, u64::MAX)).unwrap();
    allow(&proc.file(10, "fd"), 0o755);
    assert_eq!(look.mappings.unwrap()["[heap]"].rss_bytes, 8192);
    assert_eq!((look.descriptors, look.threads.is_some()), (None, true));
    assert_eq!(look.failures, [format!("`fd`: {}", SampleError::PermissionDenied)]);
    // The bits may not be cleared either, which harms nobody.
    proc.write(10, "clear_refs", "");
    allow(&proc.file(10, "clear_refs"), 0o400);
    let cleared = as_nobody(|| soakd_sampler::clear_referenced(&proc.root(), process));
    assert_eq!(cleared, Err(SampleError::PermissionDenied));
    proc.end(10);
    assert_eq!(ProcessLook::take(&proc.root(), process, u64::MAX), Err(SampleError::Vanished));
}

/// A process with children, ended with all of them.
struct Started(Child);

impl Started {
    /// Starts `command`, which prints a line once it is there, and gives that line.
    fn new(command: &mut Command) -> Option<(Self, String)> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take()?).read_line(&mut line).unwrap();
        Some((Self(child), line))
    }

    fn sampler(&self) -> TreeSampler {
        let root = ProcRoot::default();
        let id = ProcessId::of(&root, self.0.id()).unwrap();
        let membership = Membership::Descendants { of: vec![id], include_roots: true };
        let begin = Instant::now();
        TreeSampler::new(TreeOptions::new(root, membership), Box::new(move || begin.elapsed()))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Everything below ends with this input.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[test]
fn processes_that_vanish_between_two_calls_are_no_fault() {
    // A process that starts others all the time, gone within a millisecond or so, or within some: about as long as a tick takes, so that
    // some are there at its end.
    let script =
        "exec 3<&0; echo ready; while :; do (exec true); (exec sleep 0.005) & wait; done & read line <&3; kill $!";
    let (started, line) = Started::new(Command::new("sh").args(["-c", script])).unwrap();
    assert_eq!(line, "ready\n");
    let mut sampler = started.sampler();
    let begin = Instant::now();
    let (mut ticks, mut born) = (0, 0);
    while ticks < 100 || born < 10 {
        let reading = sampler.tick(Detail::Slow);
        born += reading.arrivals.len();
        ticks += 1;
        assert!(reading.members.iter().any(|member| member.id.pid == started.0.id()));
        assert_eq!(reading.membership_failure, None);
        for report in sampler.reports() {
            // A process that is just ending has no memory any more; nothing else may go wrong.
            let is_fault =
                report.last_failure.is_some_and(|(_, why)| !matches!(why, SampleError::NoMemory | SampleError::PutOff));
            assert!(!is_fault, "{:?}: {:?}", report.id, report.last_failure);
        }
        assert!(begin.elapsed() < DEADLINE, "{born} born in {ticks} ticks");
    }
}

#[test]
fn a_target_in_namespaces_of_its_own_is_read_from_outside() {
    // Root needs no user namespace; others need one, which a host may not let them have.
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--pid", "--mount", "--net", "--fork", "sh", "-c"]);
    let script = "exec 3<&0; sh -c 'exec 4</dev/null; echo $$; read line <&3' & read line <&3; wait";
    let right = "the right to make namespaces (`unshare`)";
    let Some((started, line)) = Started::new(command.arg(script)) else { return skip::skipped(right) };
    let Ok(inner) = line.trim().parse::<u32>() else { return skip::skipped(right) };
    let mut sampler = started.sampler();
    let begin = Instant::now();
    let reading = loop {
        let reading = sampler.tick(Detail::Slow).clone();
        // `unshare` waits for the first process inside, which has a child.
        if reading.members.len() == 3 && reading.totals.get(MetricId::FdsFiles).is_some() {
            break reading;
        }
        assert!(begin.elapsed() < DEADLINE, "{reading:?}");
    };
    assert!(reading.members.iter().all(|member| member.id.pid != inner), "pids are those of outside");
    for metric in [MetricId::AnonSwap, MetricId::Uss, MetricId::Threads, MetricId::FdsFiles, MetricId::SocketsTimeWait]
    {
        assert!(reading.totals.get(metric).is_some(), "{}", metric.name());
    }
}
