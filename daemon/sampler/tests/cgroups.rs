//! The target's own cgroup: in folders that look like hosts with v1, v2 and both, and of real processes where this test may
//! make cgroups.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a helper fails the test")]

#[allow(dead_code, reason = "each test uses its part")]
mod proc_folder;
mod skip;

use std::path::{Path, PathBuf};
use std::time::Duration;

use proc_folder::Proc;
use soakd_sampler::{
    CHECK_EVERY, CHECK_SOON, CgroupController, CgroupMounts, CgroupSampler, CgroupVersion, Detail, MemberReading,
    Membership, MetricId, ProcRoot, ProcessId, Reading, SampleError, SamplerStatus, TreeOptions, TreeSampler,
};

const V1: &str = "fixtures/cgroup/v1";
const V2: &str = "fixtures/cgroup/v2";
const PRESSURE: &str =
    "some avg10=12.50 avg60=0.00 avg300=0.00 total=10\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";

/// A host with processes and cgroups.
struct Host {
    proc: Proc,
    members: Vec<MemberReading>,
}

impl Host {
    /// Process 10 and its child 20, and 90, which is no member; `mounts` are a file system and a folder each.
    fn new(mounts: &[(&str, &str)]) -> Self {
        let proc = Proc::new();
        let root = proc.process(10, 1, 100);
        proc.process(20, 10, 110);
        proc.process(90, 1, 120);
        std::fs::create_dir_all(proc.0.path().join("self")).unwrap();
        let lines: Vec<String> = mounts
            .iter()
            .map(|(kind, name)| {
                let (filesystem, options) = if *kind == "v2" { ("cgroup2", "rw") } else { ("cgroup", *kind) };
                let folder = proc.0.path().join("cgroup").join(name);
                std::fs::create_dir_all(&folder).unwrap();
                format!("31 23 0:28 / {} rw - {filesystem} {filesystem} rw,{options}\n", folder.display())
            })
            .collect();
        std::fs::write(proc.0.path().join("self/mountinfo"), lines.concat()).unwrap();
        let (mut sampler, _) = proc.sampler(root);
        let members = sampler.tick(Detail::Fast).members.clone();
        assert_eq!(members.len(), 2);
        Self { proc, members }
    }

    fn folder(&self, path: &str) -> PathBuf {
        self.proc.0.path().join("cgroup").join(path)
    }

    /// A cgroup that holds `pids`, with the files of `fixture`.
    fn cgroup(&self, path: &str, pids: &[u32], fixture: Option<&str>) {
        let folder = self.folder(path);
        std::fs::create_dir_all(&folder).unwrap();
        let lines: Vec<String> = pids.iter().map(|pid| format!("{pid}\n")).collect();
        std::fs::write(folder.join("cgroup.procs"), lines.concat()).unwrap();
        let Some(fixture) = fixture else { return };
        for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(fixture)).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
        }
    }

    fn groups(&self, pid: u32, text: &str) {
        self.proc.write(pid, "cgroup", text);
    }

    fn sampler(&self) -> CgroupSampler {
        CgroupSampler::new(&self.proc.root()).unwrap()
    }

    fn read(&self, sampler: &mut CgroupSampler, now: Duration) -> Reading {
        let mut reading = Reading::default();
        sampler.read(&self.members, &mut reading, &mut || now);
        reading
    }

    /// The first reading, and how the sampler is doing after it.
    fn first(&self) -> (Reading, SamplerStatus) {
        let mut sampler = self.sampler();
        let reading = self.read(&mut sampler, Duration::ZERO);
        (reading, sampler.status())
    }
}

fn fixture(folder: &str, file: &str) -> f64 {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(file);
    std::fs::read_to_string(path).unwrap().trim().parse().unwrap()
}

fn v2_host() -> Host {
    let host = Host::new(&[("v2", "")]);
    host.cgroup("app", &[10, 20], Some(V2));
    for pid in [10, 20] {
        host.groups(pid, "0::/app\n");
    }
    host
}

#[test]
fn v2_tells_memory_by_kind_events_tasks_and_pressure() {
    let host = v2_host();
    std::fs::write(host.folder("app/memory.pressure"), PRESSURE).unwrap();
    let (reading, status) = host.first();
    assert_eq!(status, SamplerStatus::Active);
    assert_eq!(reading.get(MetricId::Cgroup), Some(fixture(V2, "memory.current")));
    assert_eq!(reading.get(MetricId::CgroupPeak), Some(fixture(V2, "memory.peak")));
    assert_eq!(reading.get(MetricId::CgroupPids), Some(fixture(V2, "pids.current")));
    assert_eq!(reading.get(MetricId::CgroupOomKill), Some(0.0));
    assert_eq!(reading.get(MetricId::CgroupMemoryPressure), Some(0.125));
    assert_eq!(reading.get(MetricId::CgroupCpuPressure), None, "this kernel does not measure it");
    let [witness, anon, kernel, reclaimable] =
        [MetricId::CgroupAnonKernel, MetricId::CgroupAnon, MetricId::CgroupKernel, MetricId::CgroupSlabReclaimable]
            .map(|metric| reading.get(metric).unwrap());
    assert_eq!(witness, anon + kernel - reclaimable);
    std::fs::write(host.folder("app/memory.swap.current"), "1048576\n").unwrap();
    assert_eq!(host.first().0.get(MetricId::CgroupAnonKernel), Some(witness + 1_048_576.0), "swapped out is not freed");
}

#[test]
fn v1_tells_the_same_but_not_what_can_be_dropped() {
    let host = Host::new(&[("memory", "memory"), ("pids", "pids"), ("name=systemd", "systemd")]);
    host.cgroup("memory/app", &[10, 20], Some(V1));
    host.cgroup("pids/all", &[10, 20, 90], None);
    std::fs::write(host.folder("pids/all/pids.current"), "3\n").unwrap();
    for pid in [10, 20] {
        host.groups(pid, "3:name=systemd:/x\n2:pids:/all\n1:memory:/app\n");
    }
    let (reading, status) = host.first();
    assert_eq!(status, SamplerStatus::Active);
    assert_eq!(reading.get(MetricId::Cgroup), Some(fixture(V1, "memory.usage_in_bytes")));
    assert_eq!(reading.get(MetricId::CgroupKernel), Some(fixture(V1, "memory.kmem.usage_in_bytes")));
    assert_eq!(reading.get(MetricId::CgroupMax), Some(fixture(V1, "memory.failcnt")));
    assert!(reading.get(MetricId::CgroupAnon).unwrap() > 0.0);
    assert_eq!(reading.get(MetricId::CgroupOomKill), Some(0.0));
    assert_eq!(reading.get(MetricId::CgroupAnonKernel), None, "kernel caches would count as a leak");
    assert_eq!(reading.get(MetricId::CgroupPids), None, "in that hierarchy the target is not alone");
}

#[test]
fn a_hybrid_host_tells_memory_from_v1_and_pressure_from_v2() {
    let host = Host::new(&[("memory", "memory"), ("v2", "unified")]);
    host.cgroup("memory/app", &[10, 20], Some(V1));
    host.cgroup("unified/app", &[10, 20], None);
    std::fs::write(host.folder("unified/app/cpu.pressure"), PRESSURE).unwrap();
    for pid in [10, 20] {
        host.groups(pid, "1:memory:/app\n0::/app\n");
    }
    let (reading, status) = host.first();
    assert_eq!(status, SamplerStatus::Active);
    assert_eq!(reading.get(MetricId::Cgroup), Some(fixture(V1, "memory.usage_in_bytes")));
    assert_eq!(reading.get(MetricId::CgroupCpuPressure), Some(0.125));
    let mounts = CgroupMounts::read(&host.proc.root()).unwrap();
    let version = |controller| mounts.cgroup_in(b"1:memory:/app\n0::/app\n", controller).unwrap().version;
    assert_eq!(version(CgroupController::Memory), CgroupVersion::V1);
    assert_eq!(version(CgroupController::Pids), CgroupVersion::V2, "no v1 hierarchy has it here");
}

#[test]
fn members_in_several_cgroups_are_counted_in_the_one_above_them() {
    let host = v2_host();
    host.cgroup("app", &[], Some(V2));
    host.cgroup("app/web", &[10], None);
    host.cgroup("app/worker", &[20], None);
    host.groups(10, "0::/app/web\n");
    host.groups(20, "0::/app/worker\n");
    let mut sampler = host.sampler();
    assert!(host.read(&mut sampler, Duration::ZERO).get(MetricId::CgroupAnonKernel).is_some());
    assert_eq!(sampler.path(), Some(host.folder("app").as_path()));
}

#[test]
fn a_cgroup_that_holds_others_is_not_the_targets() {
    let host = v2_host();
    for pids in [&[10, 20, 90][..], &[0, 10, 20]] {
        host.cgroup("app", pids, Some(V2));
        let (reading, status) = host.first();
        assert_eq!((reading.iter().count(), status), (0, SamplerStatus::Failed(SampleError::CgroupShared)), "{pids:?}");
    }
    // Pids that have ended since, and children that the tree has not found yet, are no strangers.
    host.proc.process(30, 20, 130);
    host.proc.process(31, 30, 140);
    host.cgroup("app", &[10, 20, 30, 31, 4711], Some(V2));
    assert_eq!(host.first().1, SamplerStatus::Active);
}

#[test]
fn a_stranger_that_stays_ends_the_series_and_one_that_leaves_does_not() {
    let host = v2_host();
    let mut sampler = host.sampler();
    assert!(host.read(&mut sampler, Duration::ZERO).iter().count() > 0);
    let mut now = Duration::ZERO;
    let mut later = |sampler: &mut CgroupSampler| {
        now += CHECK_EVERY;
        host.read(sampler, now).get(MetricId::Cgroup).is_some()
    };
    host.cgroup("app", &[10, 20, 90], None);
    assert!(later(&mut sampler), "seen once");
    host.cgroup("app", &[10, 20], None);
    assert!(later(&mut sampler));
    host.cgroup("app", &[10, 20, 90], None);
    assert!(later(&mut sampler));
    assert!(!later(&mut sampler), "seen twice");
    assert_eq!(sampler.status(), SamplerStatus::Failed(SampleError::CgroupShared));
    host.cgroup("app", &[10, 20], None);
    assert!(later(&mut sampler), "alone again");
    assert_eq!(sampler.status(), SamplerStatus::Active);
}

#[test]
fn somebody_who_joins_is_found_within_seconds() {
    let host = v2_host();
    let mut sampler = host.sampler();
    let mut now = Duration::ZERO;
    let mut read = |sampler: &mut CgroupSampler| {
        now += CHECK_SOON;
        host.read(sampler, now).get(MetricId::Cgroup).is_some()
    };
    let tasks = |count: u32| std::fs::write(host.folder("app").join("pids.current"), format!("{count}\n")).unwrap();
    tasks(2);
    // The first reading of all is a change as well.
    assert!(read(&mut sampler) && read(&mut sampler));
    host.cgroup("app", &[10, 20, 90], None);
    assert!(read(&mut sampler), "the number tells, and it has not changed");
    tasks(3);
    assert!(read(&mut sampler), "the change is seen");
    assert!(read(&mut sampler), "who it is is seen once");
    assert!(!read(&mut sampler), "seen twice");
    assert_eq!(sampler.status(), SamplerStatus::Failed(SampleError::CgroupShared));
}

#[test]
fn a_target_that_moves_to_another_cgroup_is_followed() {
    let host = v2_host();
    let mut sampler = host.sampler();
    host.read(&mut sampler, Duration::ZERO);
    host.cgroup("app", &[], None);
    host.cgroup("other", &[10, 20], Some(V2));
    for pid in [10, 20] {
        host.groups(pid, "0::/other\n");
    }
    assert!(host.read(&mut sampler, CHECK_EVERY).get(MetricId::Cgroup).is_some());
    assert_eq!(sampler.path(), Some(host.folder("other").as_path()));
}

#[test]
fn a_cgroup_that_is_removed_has_a_name_for_it() {
    let host = v2_host();
    let mut sampler = host.sampler();
    host.read(&mut sampler, Duration::ZERO);
    std::fs::remove_dir_all(host.folder("app")).unwrap();
    assert_eq!(host.read(&mut sampler, CHECK_EVERY).iter().count(), 0);
    assert_eq!(sampler.status(), SamplerStatus::Failed(SampleError::CgroupRemoved));
}

#[test]
fn without_a_memory_controller_there_is_nothing() {
    let host = Host::new(&[("v2", "unified")]);
    host.cgroup("unified/app", &[10, 20], None);
    for pid in [10, 20] {
        host.groups(pid, "0::/app\n");
    }
    assert_eq!(host.first().1, SamplerStatus::Unsupported);
    assert_eq!(Host::new(&[]).first().1, SamplerStatus::Unsupported, "the members are in none");
}

#[test]
fn a_dear_cgroup_is_read_less_often() {
    let host = v2_host();
    let mut sampler = host.sampler();
    let mut now = Duration::ZERO;
    // Each look at the clock takes 10 ms.
    let mut clock = || {
        now += Duration::from_millis(10);
        now
    };
    let mut read = |sampler: &mut CgroupSampler| {
        let mut reading = Reading::default();
        sampler.read(&host.members, &mut reading, &mut clock);
        reading.get(MetricId::Cgroup).is_some()
    };
    // A run of seconds has its points.
    assert!((0..5).all(|_| read(&mut sampler)));
    assert!(!read(&mut sampler));
    assert_eq!(sampler.status(), SamplerStatus::Slowed { pause: Duration::from_secs(5) });
    assert_eq!((sampler.put_off_count(), sampler.longest_pause()), (1, Duration::from_secs(5)));
    assert!((0..600).any(|_| read(&mut sampler)));
    assert_eq!(sampler.cost().longest(), Duration::from_millis(10));
}

/// Makes a cgroup beside the one that this test is in, where that is allowed.
fn real_cgroup() -> Option<PathBuf> {
    let root = ProcRoot::default();
    let own = CgroupMounts::read(&root).ok()?.memory_cgroup(&root, std::process::id()).ok()??;
    let folder = own.path.join(format!("sampler-test-{}", std::process::id()));
    std::fs::create_dir(&folder).ok()?;
    let controls = folder.join("memory.stat").exists();
    if !controls {
        std::fs::remove_dir(&folder).unwrap();
    }
    controls.then_some(folder)
}

#[test]
fn a_real_cgroup_counts_what_its_process_takes_until_it_is_removed() {
    // Where no cgroup can be made, the daemon's tests do the same under a systemd of their own.
    let Some(folder) = real_cgroup() else { return skip::skipped("the right to make a cgroup") };
    let script = "echo $$ > \"$1/cgroup.procs\"; x=$(head -c 20000000 /dev/zero | tr '\\0' a); echo ready; read line";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script, "sh"]).arg(&folder).stdin(std::process::Stdio::piped());
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
    let root = ProcRoot::default();
    let id = ProcessId::of(&root, child.id()).unwrap();
    let membership = Membership::Descendants { of: vec![id], include_roots: true };
    let mut tree = TreeSampler::new(TreeOptions::new(root.clone(), membership), Box::new(|| Duration::ZERO));
    let members = tree.tick(Detail::Fast).members.clone();
    let mut sampler = CgroupSampler::new(&root).unwrap();
    let mut reading = Reading::default();
    sampler.read(&members, &mut reading, &mut || Duration::ZERO);
    let status = sampler.status();
    drop(child.stdin.take());
    child.wait().unwrap();
    // A cgroup lets go of a process that has ended a moment later.
    let start = std::time::Instant::now();
    while std::fs::remove_dir(&folder).is_err() {
        assert!(start.elapsed() < Duration::from_secs(30), "{} cannot be removed", folder.display());
        std::thread::yield_now();
    }
    assert_eq!((line.as_str(), status), ("ready\n", SamplerStatus::Active));
    assert!(reading.get(MetricId::CgroupAnon).unwrap() > 19e6, "{reading:?}");
    assert!(reading.get(MetricId::CgroupKernel).unwrap() > 0.0);
    // Before it is checked again: the open files themselves tell.
    let mut reading = Reading::default();
    sampler.read(&members, &mut reading, &mut || Duration::from_nanos(1));
    assert_eq!(
        (reading.get(MetricId::CgroupAnon), sampler.status()),
        (None, SamplerStatus::Failed(SampleError::CgroupRemoved))
    );
}
