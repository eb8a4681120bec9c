//! A folder that looks like `/proc`, for bad luck that real processes do not have on command.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use soakd_sampler::{Membership, MetricId, ProcRoot, ProcessId, TreeOptions, TreeSampler};

pub(crate) const MIB: f64 = 1024.0 * 1024.0;

/// A folder that looks like `/proc`.
pub(crate) struct Proc(pub(crate) tempfile::TempDir);

impl Proc {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn root(&self) -> ProcRoot {
        ProcRoot::new(self.0.path())
    }

    pub(crate) fn file(&self, pid: u32, name: &str) -> PathBuf {
        self.0.path().join(pid.to_string()).join(name)
    }

    pub(crate) fn write(&self, pid: u32, name: &str, text: &str) {
        std::fs::write(self.file(pid, name), text).unwrap();
    }

    /// A process with `mib` MiB of anonymous memory and `cpu` ticks of CPU time.
    pub(crate) fn process(&self, pid: u32, parent: u32, start_ticks: u64) -> ProcessId {
        std::fs::create_dir_all(self.file(pid, &format!("task/{pid}"))).unwrap();
        self.stat(pid, parent, start_ticks, 'S', 0);
        self.memory(pid, 1);
        self.write(
            pid,
            "status",
            &format!("Tgid:\t{pid}\nVmSize:\t 1 kB\nRssFile:\t 0 kB\nRssShmem:\t 0 kB\nVmSwap:\t 2048 kB\n"),
        );
        self.write(pid, "maps", "555555577000-555555598000 rw-p 00000000 00:00 0 [heap]\n");
        ProcessId { pid, start_ticks }
    }

    pub(crate) fn stat(&self, pid: u32, parent: u32, start_ticks: u64, state: char, cpu_ticks: u64) {
        let text = format!(
            "{pid} (p{pid}) {state} {parent} 0 0 0 -1 0 7 0 0 0 {cpu_ticks} 0 0 0 20 0 1 0 {start_ticks} 0 0\n"
        );
        self.write(pid, "stat", &text);
    }

    pub(crate) fn memory(&self, pid: u32, mib: u64) {
        // The address space differs from process to process, as it does after `exec`.
        let pages = mib * MIB as u64 / rustix::param::page_size() as u64;
        self.write(pid, "statm", &format!("{} {} 0 0 0 0 0\n", pages + u64::from(pid), pages));
    }

    pub(crate) fn rollup(&self, pid: u32, kib: u64) {
        let text =
            format!("Rss: {kib} kB\nPss: {kib} kB\nPrivate_Clean: 0 kB\nPrivate_Dirty: {kib} kB\nSwapPss: 0 kB\n");
        self.write(pid, "smaps_rollup", &text);
    }

    pub(crate) fn end(&self, pid: u32) {
        std::fs::remove_dir_all(self.0.path().join(pid.to_string())).unwrap();
    }

    /// A sampler of the tree below `root`, and its clock in milliseconds.
    pub(crate) fn sampler(&self, root: ProcessId) -> (TreeSampler, Arc<AtomicU64>) {
        let membership = Membership::Descendants { of: vec![root], include_roots: true };
        let mut options = TreeOptions::new(self.root(), membership);
        options.walk_limit_bytes = 100 << 20;
        // A folder on disk has a size that is no number of descriptors.
        options.metrics.retain(|metric| *metric != MetricId::Fds);
        let millis = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&millis);
        (TreeSampler::new(options, Box::new(move || Duration::from_millis(clock.load(Ordering::SeqCst)))), millis)
    }
}
