//! The checks on folders that stand for hosts.

use std::fs;
use std::io;
use std::path::Path;

use tempfile::TempDir;

use super::host::Kernel;
use super::{CHECKS, Checked, Disk, Host, Report, Status, doctor, render};

/// A folder that stands for a host, and the state folder beside it.
struct Fixture {
    folder: TempDir,
    kernel: Kernel,
}

fn works() -> io::Result<()> {
    Ok(())
}

fn fails() -> io::Result<()> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

const GIB: u64 = 1 << 30;

fn roomy(_: &Path) -> io::Result<Disk> {
    Ok(Disk { free_bytes: 40 * GIB, total_bytes: 100 * GIB })
}

fn tight(_: &Path) -> io::Result<Disk> {
    Ok(Disk { free_bytes: 50 << 20, total_bytes: 100 * GIB })
}

fn full(_: &Path) -> io::Result<Disk> {
    Ok(Disk { free_bytes: 4096, total_bytes: 100 * GIB })
}

const STATUS: &str = "Name:\tsoakd\nPid:\t77\nUid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n";
const STATUS_OF_ROOT: &str = "Name:\tsoakd\nPid:\t77\nUid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n";

const LIMITS: &str = "\
Limit                     Soft Limit           Hard Limit           Units     
Max file size             unlimited            unlimited            bytes     
Max processes             96365                96365                processes 
Max open files            1024                 524288               files     
";

const CGROUP_MOUNT: &str =
    "31 23 0:28 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
const PROC_MOUNT: &str = "22 27 0:21 / /proc rw,relatime shared:13 - proc proc rw\n";
const OWN_CGROUP: &str = "/sys/fs/cgroup/user.slice/soakd.scope";

impl Fixture {
    fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), kernel: Kernel { pidfd: works, disk: roomy } }
    }

    /// A host on which nothing is wanting.
    fn roomy_host() -> Self {
        Self::empty()
            .with("/proc/self/stat", "77 (soakd) R 1 77 77 0 -1")
            .with("/proc/self/smaps_rollup", "Rss: 1776 kB")
            .with("/proc/self/status", STATUS_OF_ROOT)
            .with("/proc/self/mountinfo", &format!("{PROC_MOUNT}{CGROUP_MOUNT}"))
            .with("/proc/self/cgroup", "0::/user.slice/soakd.scope")
            .with("/proc/self/limits", LIMITS)
            .with("/proc/self/uid_map", "         0          0 4294967295")
            .with("/proc/self/task/77/children", "")
            .with("/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority")
            .with("/proc/sys/kernel/yama/ptrace_scope", "1")
            .with("/proc/sys/kernel/perf_event_paranoid", "2")
            .with(&format!("{OWN_CGROUP}/cgroup.subtree_control"), "memory pids")
            .with("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never")
            .with("/sys/kernel/mm/page_idle/bitmap", "")
            .with("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc")
            .with("/run/systemd/system/marker", "")
    }

    /// A host on which much is wanting, but not all.
    fn narrow_host() -> Self {
        let limits =
            LIMITS.replace("1024                 524288", "256                  512   ").replace("96365 ", "64    ");
        let limits = limits.replace("Max file size             unlimited", "Max file size             1073741824");
        let mounts = format!("{}{CGROUP_MOUNT}", PROC_MOUNT.replace("proc proc rw", "proc proc rw,hidepid=invisible"));
        let host = Self::roomy_host()
            .with("/proc/self/status", STATUS)
            .with("/proc/self/mountinfo", &mounts)
            .with("/proc/self/limits", &limits)
            .with("/proc/self/uid_map", "         0     100000      65536")
            .with("/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 8388604 1536 -2\n")
            .with("/proc/sys/kernel/perf_event_paranoid", "4")
            .with(&format!("{OWN_CGROUP}/cgroup.subtree_control"), "pids")
            .with("/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never")
            .with("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet")
            .with("/.dockerenv", "")
            .without("/proc/self/task/77/children")
            .without("/proc/self/smaps_rollup")
            .without("/run/systemd/system/marker")
            .without("/run/systemd/system");
        Self { kernel: Kernel { pidfd: fails, disk: tight }, ..host }
    }

    fn with(self, path: &str, content: &str) -> Self {
        let file = self.folder.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
        self
    }

    fn without(self, path: &str) -> Self {
        let path = self.folder.path().join(path.trim_start_matches('/'));
        if path.is_dir() {
            fs::remove_dir(path).unwrap()
        } else {
            fs::remove_file(path).unwrap()
        }
        self
    }

    fn report(&self) -> Report {
        let root = self.folder.path().to_owned();
        let state = root.join("var/lib/soakd");
        doctor(&Host { root, state, kernel: self.kernel })
    }

    /// The report for people, with the folder named `ROOT`.
    fn text(&self) -> String {
        // Replaced before lines are broken, since the folder's name has another length each time.
        let folder = self.folder.path().display().to_string();
        let mut report = self.report();
        for checked in &mut report.checks {
            checked.finding.found = checked.finding.found.replace(&folder, "ROOT");
        }
        render::text(&report)
    }

    fn status(&self, name: &str) -> Status {
        let report = self.report();
        report.checks.iter().find(|checked| checked.name == name).unwrap().finding.status
    }
}

#[test]
fn a_host_on_which_nothing_is_wanting() {
    insta::assert_snapshot!(Fixture::roomy_host().text(), @"
    ok       proc          `/proc` shows processes
    ok       smaps_rollup  `smaps_rollup` gives shared and private memory
    ok       hidepid       processes of all users are visible
    ok       other_users   processes of all users can be read
    ok       ptrace_scope  debuggers and profilers may attach, since soakd has `CAP_SYS_PTRACE`
    ok       pidfd         the end of a process is told at once
    ok       children      the kernel lists the children of a process; soakd finds trees by parents and can do
                             without
    ok       cgroup        cgroups are v2, and a target can have one of its own below
                             `/sys/fs/cgroup/user.slice/soakd.scope`
    ok       container     no sign of a container
    ok       systemd       systemd runs this host
    ok       perf          `kernel.perf_event_paranoid` is 2
    ok       clock_source  clock source `tsc`
    ok       huge_pages    transparent huge pages: `madvise`
    ok       idle_pages    idle page tracking tells which memory is in use
    ok       swap          no swap: resident memory is all there is
    ok       open_files    524288 files may be open: soakd keeps open those of up to 49152 processes
    ok       processes     this user may have 96365 processes and threads
    ok       file_size     files may have any size
    ok       state_folder  `ROOT/var/lib/soakd` can be made
    ok       disk          40 GiB of 100 GiB free below the state folder

    soakd works here: 20 ok, 0 limited, 0 missing
    ");
}

#[test]
fn a_host_on_which_much_is_wanting_is_usable() {
    let host = Fixture::narrow_host();
    insta::assert_snapshot!(host.text(), @"
    ok       proc          `/proc` shows processes
    missing  smaps_rollup  `/proc/self/smaps_rollup` cannot be read: No such file or directory (os error 2)
                           means: `pss_bytes` and `uss_bytes` are not measured; resident and anonymous memory are
                           do: use Linux 4.14 or later
    limited  hidepid       `/proc` is mounted with `hidepid=invisible`
                           means: processes of other users are hidden: they cannot be attached, and children that
                             change their user are missed
                           do: run soakd as the user of the target, or in the group that the mount option `gid=`
                             names
    limited  other_users   soakd has no `CAP_SYS_PTRACE`
                           means: of other users' processes the resident memory, threads and CPU time are
                             measured, but no shared or private memory (`pss_bytes`, `uss_bytes`) and no
                             descriptors
                           do: run soakd as the user of the target, or give it the capability (systemd:
                             `AmbientCapabilities=CAP_SYS_PTRACE`)
    limited  ptrace_scope  `kernel.yama.ptrace_scope` is 1: a debugger may attach only to its own children
                           means: soakd samples without attaching, so all figures are there; stacks of a running
                             target cannot be taken
                           do: for stacks: `sysctl kernel.yama.ptrace_scope=0` (3 can only be left by a reboot)
    limited  pidfd         `pidfd_open` does not work: unsupported
                           means: the end of an attached target is noticed with the next sample, not at once
                           do: use Linux 5.3 or later, or let `pidfd_open` through the container's seccomp filter
    ok       children      the kernel does not list the children of a process; soakd finds trees by parents and
                             can do without
    limited  cgroup        cgroups are v2, and a target can have one below
                             `/sys/fs/cgroup/user.slice/soakd.scope`, but without the memory controller
                           means: a target's tree is held together by its cgroup, but its memory is not counted
                             there and cannot be limited
                           do: hand the controller down: `Delegate=memory` and `DelegateSubgroup=soakd` in the
                             unit
    limited  container     signs of a container: `/.dockerenv` (Docker), a user namespace (`/proc/self/uid_map`)
                           means: only processes inside can be seen and attached, root inside may be nobody
                             outside, and figures of the host are those of all that runs on it
                           do: to soak processes of the host, run soakd there, or share its pid namespace
                             (`--pid=host`)
    limited  systemd       systemd does not run this host
                           means: `soakd attach --unit` has no units to attach to
                           do: attach by `--pid`, `--name` or `--cgroup`
    limited  perf          `kernel.perf_event_paranoid` is 4
                           means: nothing that is sampled needs it; who grew cannot be told by page faults without
                             a privilege
                           do: for that: `sysctl kernel.perf_event_paranoid=2`, or `CAP_PERFMON`
    limited  clock_source  clock source `hpet`
                           means: each look at the clock is a slow system call: latencies are coarser and sampling
                             costs more
                           do: let the machine use `tsc` (kernel parameter `tsc=reliable` where it is)
    limited  huge_pages    transparent huge pages: `always`
                           means: memory grows in steps of 2 MiB and a page that is touched once counts in full:
                             short runs see less
                           do: for short checks: `echo madvise > /sys/kernel/mm/transparent_hugepage/enabled`;
                             leave it where production has it
    limited  idle_pages    idle page tracking is there and not for this user: `clear_refs` tells which memory is
                             in use
                           means: after a suspicion the referenced bits of the target are cleared once, by which
                             the kernel chooses what to swap out
                           do: run soakd as root, or set `touched = false` in `[sample]`
    limited  swap          8 GiB of swap, 1.5 MiB of it in use
                           means: resident memory falls when the host swaps a target out: `swap_bytes` is sampled
                             with it, so look at both
                           do: give the host enough memory for the run, or `MemorySwapMax=0` to the unit of the
                             target
    limited  open_files    512 files may be open: soakd keeps open those of up to 48 processes
                           means: those of any more processes are opened at each sample, which costs some ten
                             times as much: a large tree may be sampled less often than asked for
                           do: `ulimit -Hn 65536` as root, or `LimitNOFILE=65536` in the unit
    limited  processes     this user may have 64 processes and threads
                           means: a target inherits the limit and may fail to start its workers
                           do: `ulimit -u 4096`, or `LimitNPROC=` in the unit
    limited  file_size     a file may not exceed 1 GiB
                           means: the store stops taking samples when it reaches that; a target inherits the limit
                           do: `ulimit -f unlimited`, or `LimitFSIZE=infinity` in the unit
    ok       state_folder  `ROOT/var/lib/soakd` can be made
    limited  disk          50 MiB of 100 GiB free below the state folder
                           means: a long run of many series may fill it; about 10 MB go for 20 series at 1 s for a
                             day
                           do: free some space, or give a folder on another disk with `--state DIR`

    soakd works here: 3 ok, 16 limited, 1 missing
    ");
    assert_eq!(host.report().exit_code(), 0);
}

#[test]
fn a_host_without_processes_or_space_is_not_usable() {
    let host = Fixture { kernel: Kernel { pidfd: works, disk: full }, ..Fixture::empty() };
    insta::assert_snapshot!(host.text(), @"
    missing  proc          `/proc/self/stat` cannot be read: No such file or directory (os error 2)
                           means: every figure about a process comes from there: nothing can be measured
                           do: mount it: `mount -t proc proc /proc`
    missing  smaps_rollup  `/proc/self/smaps_rollup` cannot be read: No such file or directory (os error 2)
                           means: `pss_bytes` and `uss_bytes` are not measured; resident and anonymous memory are
                           do: use Linux 4.14 or later
    ok       hidepid       processes of all users are visible
    limited  other_users   soakd has no `CAP_SYS_PTRACE`
                           means: of other users' processes the resident memory, threads and CPU time are
                             measured, but no shared or private memory (`pss_bytes`, `uss_bytes`) and no
                             descriptors
                           do: run soakd as the user of the target, or give it the capability (systemd:
                             `AmbientCapabilities=CAP_SYS_PTRACE`)
    ok       ptrace_scope  debuggers and profilers may attach to processes of the same user
    ok       pidfd         the end of a process is told at once
    ok       children      the kernel does not list the children of a process; soakd finds trees by parents and
                             can do without
    missing  cgroup        no cgroup hierarchy that accounts for memory is mounted
                           means: targets share soakd's cgroup: their tree is followed by parents alone, and no
                             memory limit can be set
                           do: mount it: `mount -t cgroup2 none /sys/fs/cgroup`
    ok       container     no sign of a container
    limited  systemd       systemd does not run this host
                           means: `soakd attach --unit` has no units to attach to
                           do: attach by `--pid`, `--name` or `--cgroup`
    missing  perf          the kernel has no performance events
                           means: nothing that is sampled needs them; who grew cannot be told by page faults
    ok       clock_source  the kernel does not name its clock source
    ok       huge_pages    the kernel has no transparent huge pages
    ok       idle_pages    `clear_refs` tells which memory is in use; this kernel has no idle page tracking
    ok       swap          no swap: resident memory is all there is
    ok       open_files    any number of files may be open
    ok       processes     this user may have any number of processes and threads
    ok       file_size     files may have any size
    ok       state_folder  `ROOT/var/lib/soakd` can be made
    missing  disk          4 KiB of 100 GiB free below the state folder
                           means: no run can be recorded
                           do: free some space, or give a folder on another disk with `--state DIR`

    soakd cannot work here: 13 ok, 2 limited, 5 missing; see to these first: proc, disk
    ");
    assert_eq!(host.report().exit_code(), 69);
}

#[test]
fn the_json_holds_what_the_text_says() {
    let host = Fixture::roomy_host().with("/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never");
    let json = render::json(&host.report());
    assert_eq!(json["schema"], "soakd.doctor/1");
    assert_eq!(json["usable"], true);
    assert_eq!(json["checks"].as_array().unwrap().len(), CHECKS.len());
    let huge_pages = json["checks"].as_array().unwrap().iter().find(|check| check["name"] == "huge_pages").unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(huge_pages).unwrap(), @r#"
    {
      "name": "huge_pages",
      "essential": false,
      "status": "limited",
      "found": "transparent huge pages: `always`",
      "meaning": "memory grows in steps of 2 MiB and a page that is touched once counts in full: short runs see less",
      "action": "for short checks: `echo madvise > /sys/kernel/mm/transparent_hugepage/enabled`; leave it where production has it"
    }
    "#);
}

#[test]
fn cgroups_of_the_first_version_are_enough() {
    let mounts = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
    let host = Fixture::roomy_host()
        .with("/proc/self/mountinfo", &format!("{PROC_MOUNT}{mounts}"))
        .with("/proc/self/cgroup", "4:memory:/box\n0::/")
        .with("/sys/fs/cgroup/memory/box/memory.usage_in_bytes", "0");
    assert_eq!(host.status("cgroup"), Status::Ok);
}

#[test]
fn a_cgroup_in_which_none_can_be_made_is_limited() {
    // The folder of the cgroup is not there, so that nothing can be made in it, whoever asks.
    let host = Fixture::roomy_host().with("/proc/self/cgroup", "0::/elsewhere");
    assert_eq!(host.status("cgroup"), Status::Limited);
}

#[test]
fn nothing_is_left_behind() {
    let host = Fixture::roomy_host();
    host.report();
    let names = |path: &str| -> Vec<_> {
        fs::read_dir(host.folder.path().join(path)).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    assert_eq!(names("sys/fs/cgroup/user.slice/soakd.scope"), ["cgroup.subtree_control"]);
    let mut below_root = names("");
    below_root.sort();
    assert_eq!(below_root, ["proc", "run", "sys"]);
}

#[test]
fn garbled_files_are_no_reason_to_panic() {
    let garbled = |text: &str| {
        let files = ["stat", "smaps_rollup", "status", "mountinfo", "cgroup", "limits", "uid_map"];
        let mut host = files.iter().fold(Fixture::empty(), |host, file| host.with(&format!("/proc/self/{file}"), text));
        for file in [
            "/proc/swaps",
            "/proc/sys/kernel/yama/ptrace_scope",
            "/proc/sys/kernel/perf_event_paranoid",
            "/sys/kernel/mm/transparent_hugepage/enabled",
            "/sys/devices/system/clocksource/clocksource0/current_clocksource",
        ] {
            host = host.with(file, text);
        }
        host.report()
    };
    for text in [
        "",
        "\n\n\n",
        "CapEff:\tzz\nPid:\nMax open files\n",
        " - cgroup2 \n31 - cgroup\n - ",
        "\u{fffd}[ ]",
        "-1 -1 -1",
    ] {
        let report = garbled(text);
        assert_eq!(report.checks.len(), CHECKS.len());
    }
}

#[test]
fn every_check_has_a_name_of_its_own_and_says_what_to_do() {
    let mut names: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CHECKS.len());
    for host in [Fixture::roomy_host(), Fixture::narrow_host(), Fixture::empty()] {
        for Checked { name, finding, .. } in host.report().checks {
            assert!(!finding.found.is_empty(), "{name}");
            assert_eq!(finding.meaning.is_some(), finding.status != Status::Ok, "{name}: {finding:?}");
        }
    }
}
