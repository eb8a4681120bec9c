//! A machine of its own for what this host's kernel does not have: Debian's kernel in QEMU, by emulation, so that it starts on any
//! processor and needs no rights. Its whole file system is an archive in memory, which holds soakd, `busybox` and the test's own files.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{KERNEL, Program, find};

pub(crate) const QEMU: Program = Program { name: "qemu-system-x86_64", package: "qemu-system-x86" };
pub(crate) const BUSYBOX: Program = Program { name: "busybox", package: "busybox-static" };
pub(crate) const SETFATTR: Program = Program { name: "setfattr", package: "attr" };
pub(crate) const STRIP: Program = Program { name: "strip", package: "binutils" };

/// What a machine needs on the host.
pub(crate) const NEEDS: &[Program] = &[KERNEL, QEMU, BUSYBOX, SETFATTR, STRIP];

/// Only ever ends a machine that hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// The first process: mounts what a host has, runs the test's script with its words on the second serial port, and ends the machine.
const INIT: &str = "#!/bin/sh
export PATH=/bin HOME=/tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t cgroup2 cgroup2 /sys/fs/cgroup
cd /place
sh -u inside.sh </dev/null >/dev/ttyS1 2>&1
poweroff -f
";

/// What came of a machine.
pub(crate) struct Ended {
    /// What the script printed.
    pub(crate) said: String,
    /// What the script wrote to `/dev/ttyS2`.
    pub(crate) answer: String,
    /// What the kernel printed.
    pub(crate) console: String,
}

/// Runs `script` as root on a machine with cgroup v2 alone, in a folder with `files` (name and text).
pub(crate) fn run(script: &str, files: &[(&str, &str)]) -> Ended {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = archive(folder.path(), script, files);
    let port = |name: &str| folder.path().join(name);
    let mut machine = Command::new(find(QEMU).expect("found before"));
    machine.args(["-accel", "tcg", "-cpu", "max", "-m", "512", "-nographic", "-nodefaults", "-no-reboot"]);
    machine.arg("-kernel").arg(find(KERNEL).expect("found before")).arg("-initrd").arg(archive);
    machine.args(["-append", "console=ttyS0 quiet panic=-1"]);
    for name in ["console", "said", "answer"] {
        machine.arg("-serial").arg(format!("file:{}", port(name).display()));
    }
    let mut machine = machine.stdin(Stdio::null()).spawn().expect("QEMU starts");
    let until = Instant::now() + PATIENCE;
    while machine.try_wait().expect("QEMU can be waited for").is_none() {
        if Instant::now() > until {
            machine.kill().expect("QEMU can be ended");
            machine.wait().expect("QEMU ends");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    // A serial line ends its lines for a printer.
    let read = |name| String::from_utf8_lossy(&std::fs::read(port(name)).unwrap_or_default()).replace('\r', "");
    Ended { said: read("said"), answer: read("answer"), console: read("console") }
}

/// The machine's file system.
fn archive(folder: &Path, script: &str, files: &[(&str, &str)]) -> PathBuf {
    let root = folder.join("root");
    for below in ["bin", "place", "tmp", "proc", "sys", "dev"] {
        std::fs::create_dir_all(root.join(below)).expect("a folder");
    }
    let bin = root.join("bin");
    let busybox = find(BUSYBOX).expect("found before");
    std::fs::copy(&busybox, bin.join("busybox")).expect("a copy");
    for name in ["awk", "cat", "cut", "date", "grep", "mkdir", "mount", "poweroff", "sh", "sleep"] {
        std::os::unix::fs::symlink("busybox", bin.join(name)).expect("a link");
    }
    let soakd = Path::new(env!("CARGO_BIN_EXE_soakd"));
    succeeds(
        Command::new(find(STRIP).expect("found before"))
            .arg("--strip-debug")
            .arg("-o")
            .args([&bin.join("soakd"), soakd]),
    );
    let setfattr = find(SETFATTR).expect("found before");
    std::fs::copy(&setfattr, bin.join("setfattr")).expect("a copy");
    for library in libraries(soakd).into_iter().chain(libraries(&setfattr)) {
        let copy = root.join(library.strip_prefix("/").expect("an absolute path"));
        std::fs::create_dir_all(copy.parent().expect("a folder")).expect("a folder");
        std::fs::copy(&library, copy).expect("a copy");
    }
    for (name, text) in files.iter().copied().chain([("inside.sh", script)]) {
        std::fs::write(root.join("place").join(name), text).expect("a file");
    }
    let init = root.join("init");
    std::fs::write(&init, INIT).expect("a file");
    succeeds(Command::new("chmod").arg("755").arg(&init));
    let archive = folder.join("archive");
    let pack = "find . | \"$1\" cpio -o -H newc > \"$2\"";
    succeeds(Command::new("sh").args(["-c", pack, "sh"]).args([&busybox, &archive]).current_dir(&root));
    archive
}

/// The shared libraries that `program` is linked with, and their loader.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let linked = Command::new("ldd").arg(program).output().expect("ldd starts");
    let text = String::from_utf8_lossy(&linked.stdout);
    let paths = text.split_whitespace().filter(|word| word.starts_with('/'));
    paths.map(PathBuf::from).collect()
}

fn succeeds(command: &mut Command) {
    let output = command.output().expect("the command starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
