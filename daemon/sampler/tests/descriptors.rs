//! Descriptors by kind and sockets by state: in a folder that looks like `/proc`, and of this very process.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a helper fails the test")]

#[allow(dead_code, reason = "each test uses its part")]
mod proc_folder;

use std::io::Read;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use proc_folder::Proc;
use soakd_sampler::{
    Clock, Detail, Membership, MetricId, ProcRoot, ProcessId, SampleError, SamplerId, SamplerStatus, TreeOptions,
    TreeReading, TreeSampler,
};

const TCP: &str = include_str!("../fixtures/proc/net-tcp-6.18.txt");
const UNIX: &str = include_str!("../fixtures/proc/net-unix-6.18.txt");

/// Gives `pid` these links as its descriptors, and the network of `network`.
fn descriptors(proc: &Proc, pid: u32, links: &[&str], network: &str) {
    std::fs::create_dir_all(proc.file(pid, "fd")).unwrap();
    for (number, link) in links.iter().enumerate() {
        std::os::unix::fs::symlink(link, proc.file(pid, &format!("fd/{number}"))).unwrap();
    }
    std::fs::create_dir_all(proc.file(pid, "ns")).unwrap();
    let namespace = proc.0.path().join(network);
    std::fs::write(&namespace, "").unwrap();
    std::fs::hard_link(&namespace, proc.file(pid, "ns/net")).unwrap();
    std::fs::create_dir_all(proc.file(pid, "net")).unwrap();
}

/// A sampler of descriptors and sockets, with a clock that stands still.
fn sampler(root: ProcRoot, of: ProcessId) -> TreeSampler {
    sampler_with(root, of, Box::new(|| Duration::ZERO))
}

/// A sampler of descriptors and sockets.
fn sampler_with(root: ProcRoot, of: ProcessId, clock: Clock) -> TreeSampler {
    let membership = Membership::Descendants { of: vec![of], include_roots: true };
    let mut options = TreeOptions::new(root, membership);
    options.metrics.retain(|metric| {
        metric.name().starts_with("fds_") && *metric != MetricId::Fds
            || metric.name().starts_with("sockets_")
            || *metric == MetricId::DeletedFiles
    });
    TreeSampler::new(options, clock)
}

fn total(reading: &TreeReading, metric: MetricId) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
    reading.totals.get(metric).map(|value| value as u64)
}

#[test]
fn every_descriptor_counts_as_what_it_is() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    let links = [
        "/dev/null",
        "/var/log/app.log",
        "/tmp/gone (deleted)",
        "/memfd:ring (deleted)",
        "pipe:[7]",
        "pipe:[8]",
        "anon_inode:[eventfd]",
        "anon_inode:[eventpoll]",
        "mnt:[40]",
        "socket:[312025]",
        "socket:[312027]",
    ];
    descriptors(&proc, 10, &links, "network");
    proc.write(10, "net/tcp", TCP);
    proc.write(10, "net/unix", UNIX);
    let mut sampler = sampler(proc.root(), root);
    let reading = sampler.tick(Detail::Slow);
    let counts = [
        (MetricId::FdsFiles, 2),
        (MetricId::FdsDeleted, 1),
        (MetricId::FdsMemoryFiles, 1),
        (MetricId::FdsPipes, 2),
        (MetricId::FdsEventFds, 1),
        (MetricId::FdsAnonInodes, 1),
        (MetricId::FdsOthers, 1),
        (MetricId::FdsSockets, 2),
        (MetricId::SocketsEstablished, 1),
        (MetricId::SocketsCloseWait, 1),
        (MetricId::SocketsListen, 0),
        (MetricId::SocketsTimeWait, 0),
        (MetricId::DeletedFiles, 0),
    ];
    for (metric, count) in counts {
        assert_eq!(total(reading, metric), Some(count), "{}", metric.name());
    }
    assert_eq!(sampler.tick(Detail::Full).totals.iter().count(), 0, "only at the slowest level");
}

#[test]
fn a_look_keeps_to_its_share_of_time() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    descriptors(&proc, 10, &["pipe:[7]", "socket:[312025]"], "network");
    proc.write(10, "net/tcp", TCP);
    let millis = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&millis);
    // Each question for the time takes a millisecond: a look at one process two, with what is made of it.
    let clock = Box::new(move || Duration::from_millis(clock.fetch_add(1, Ordering::SeqCst)));
    let mut sampler = sampler_with(proc.root(), root, clock);
    assert_eq!(total(sampler.tick(Detail::Slow), MetricId::FdsPipes), Some(1));
    let mut looked_at = vec![millis.load(Ordering::SeqCst)];
    let mut put_off_count = 0;
    while looked_at.len() < 4 {
        let reading = sampler.tick(Detail::Slow);
        if total(reading, MetricId::FdsPipes).is_some() {
            looked_at.push(millis.load(Ordering::SeqCst));
            continue;
        }
        put_off_count += 1;
        for source in [SamplerId::DescriptorKinds, SamplerId::Sockets] {
            assert_eq!(sampler.reading().members[0].failure(source), Some(SampleError::PutOff));
            let report = &sampler.reports()[source as usize];
            assert_eq!(report.status, SamplerStatus::Slowed { pause: Duration::from_secs(20) });
            assert_eq!(report.put_off_count, put_off_count);
        }
    }
    // Two milliseconds in 20 s are 0.01 %; it is asked for in the first tick after that, which takes some milliseconds.
    for pair in looked_at.windows(2) {
        assert!((20_000..20_020).contains(&(pair[1] - pair[0])), "{looked_at:?}");
    }
}

#[test]
fn sockets_are_looked_up_in_the_network_of_their_process() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    proc.process(20, 10, 110);
    proc.process(30, 10, 120);
    descriptors(&proc, 10, &["socket:[312019]"], "one");
    descriptors(&proc, 20, &["socket:[312019]", "socket:[312025]"], "one");
    proc.write(10, "net/tcp", TCP);
    proc.write(20, "net/tcp", "never read: it is the same network\n");
    // The same inode in another network is another socket.
    descriptors(&proc, 30, &["socket:[312025]", "socket:[312019]"], "other");
    proc.write(30, "net/udp", &TCP.replace(" 01 ", " 07 "));
    let mut sampler = sampler(proc.root(), root);
    let reading = sampler.tick(Detail::Slow);
    let of = |index: usize, metric| reading.members[index].reading.get(metric);
    assert_eq!(of(0, MetricId::SocketsListen), Some(1.0));
    assert_eq!((of(1, MetricId::SocketsListen), of(1, MetricId::SocketsEstablished)), (Some(1.0), Some(1.0)));
    assert_eq!((of(2, MetricId::SocketsUdp), of(2, MetricId::SocketsEstablished)), (Some(2.0), Some(0.0)));
    assert_eq!(total(reading, MetricId::SocketsTimeWait), Some(2), "once for a port that two listen on");
}

#[test]
fn a_kernel_without_tables_of_sockets_still_tells_kinds() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    descriptors(&proc, 10, &["socket:[1]"], "network");
    let mut sampler = sampler(proc.root(), root);
    let reading = sampler.tick(Detail::Slow);
    assert_eq!(total(reading, MetricId::FdsSockets), Some(1));
    assert_eq!(total(reading, MetricId::SocketsOther), None);
    assert_eq!(total(reading, MetricId::SocketsTimeWait), None);
    assert_eq!(reading.members[0].failure(SamplerId::Sockets), Some(SampleError::Unsupported));
    assert_eq!(sampler.reports()[SamplerId::Sockets as usize].status, SamplerStatus::Unsupported);
    assert_eq!(sampler.reports()[SamplerId::DescriptorKinds as usize].status, SamplerStatus::Active);
}

#[test]
fn a_process_whose_pid_was_used_again_is_not_looked_at() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    proc.process(20, 10, 110);
    for pid in [10, 20] {
        descriptors(&proc, pid, &["pipe:[1]"], &format!("network {pid}"));
        proc.write(pid, "net/tcp", TCP);
    }
    let mut sampler = sampler(proc.root(), root);
    assert_eq!(total(sampler.tick(Detail::Slow), MetricId::FdsPipes), Some(2));
    proc.process(20, 1, 500);
    let reading = sampler.tick(Detail::Slow);
    assert_eq!((reading.members.len(), total(reading, MetricId::FdsPipes)), (1, Some(1)));
    assert_eq!(reading.departures.len(), 1);
}

/// Does `what` without the rights of root: in a thread that has become nobody.
fn as_nobody<T: Send>(what: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        scope
            .spawn(|| {
                if rustix::process::geteuid().is_root() {
                    let nobody = rustix::thread::Uid::from_raw(65534);
                    rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
                }
                what()
            })
            .join()
            .unwrap()
    })
}

/// Lets everybody, or nobody, look into `path`.
fn allow(path: &std::path::Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_is_denied_half_way_is_a_gap_with_a_reason() {
    let proc = Proc::new();
    let root = proc.process(10, 1, 100);
    proc.process(20, 10, 110);
    for pid in [10, 20] {
        descriptors(&proc, pid, &["pipe:[1]"], &format!("network {pid}"));
        proc.write(pid, "net/tcp", TCP);
    }
    allow(proc.0.path(), 0o755);
    let mut sampler = sampler(proc.root(), root);
    let mut tick = || {
        let reading = as_nobody(|| sampler.tick(Detail::Slow).clone());
        (reading, sampler.reports().to_vec())
    };
    assert_eq!(total(&tick().0, MetricId::FdsPipes), Some(2));
    allow(&proc.file(20, "fd"), 0o000);
    let (reading, reports) = tick();
    assert_eq!((reading.members.len(), total(&reading, MetricId::FdsPipes)), (2, None));
    assert_eq!(reading.members[0].reading.get(MetricId::FdsPipes), Some(1.0));
    for id in [SamplerId::DescriptorKinds, SamplerId::Sockets] {
        assert_eq!(reading.members[1].failure(id), Some(SampleError::PermissionDenied));
        assert_eq!(reports[id as usize].status, SamplerStatus::Partly(SampleError::PermissionDenied));
    }
    allow(&proc.file(20, "fd"), 0o755);
    assert_eq!(total(&tick().0, MetricId::FdsPipes), Some(2), "allowed again");
}

#[test]
fn descriptors_that_open_and_close_meanwhile_are_no_fault() {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let files: Vec<_> = (0..20).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
                drop(files);
            }
        });
        let root = ProcRoot::default();
        let this = ProcessId::of(&root, std::process::id()).unwrap();
        let mut sampler = sampler(root, this);
        for _ in 0..300 {
            let reading = sampler.tick(Detail::Slow);
            let own = reading.members.iter().find(|member| member.id == this).unwrap();
            assert_eq!(own.failure(SamplerId::DescriptorKinds), None);
            assert!(own.reading.get(MetricId::FdsFiles).is_some());
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn sockets_and_deleted_files_of_this_process_are_seen() {
    let root = ProcRoot::default();
    let this = ProcessId::of(&root, std::process::id()).unwrap();
    let mut sampler = sampler(root, this);
    let own = |sampler: &mut TreeSampler| {
        let reading = sampler.tick(Detail::Slow);
        let own = reading.members.iter().find(|member| member.id == this).unwrap().reading;
        (own, reading.totals.get(MetricId::SocketsTimeWait))
    };
    let (before, _) = own(&mut sampler);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let pair = || {
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    };
    let _used = pair();
    let half_closed = [pair(), pair(), pair()];
    for (client, server) in &half_closed {
        client.shutdown(Shutdown::Write).unwrap();
        // The end has arrived.
        assert_eq!((&*server).read(&mut [0]).unwrap(), 0);
    }
    let (mut client, server) = pair();
    drop(server);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    drop(client);
    let _udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let _unix = UnixStream::pair().unwrap();
    let mut deleted = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut deleted, &[7; 1 << 20]).unwrap();
    deleted.sync_all().unwrap();
    let (after, lingering) = own(&mut sampler);
    let grown = |metric| after.get(metric).unwrap() - before.get(metric).unwrap();
    let expected = [
        (MetricId::SocketsListen, 1.0),
        (MetricId::SocketsEstablished, 2.0),
        (MetricId::SocketsCloseWait, 3.0),
        (MetricId::SocketsTcpOther, 3.0),
        (MetricId::SocketsUdp, 1.0),
        (MetricId::SocketsUnix, 2.0),
        (MetricId::FdsSockets, 12.0),
    ];
    for (metric, count) in expected {
        assert_eq!(grown(metric), count, "{}", metric.name());
    }
    // Other tests of this process remove folders that they have open.
    assert!(grown(MetricId::FdsDeleted) >= 1.0);
    assert!(grown(MetricId::DeletedFiles) >= f64::from(1 << 20));
    assert_eq!(lingering, Some(1.0));
}
