//! Idle processes to sample, which end with the benchmark.
#![expect(clippy::unwrap_used, reason = "a benchmark ends at the first fault")]

use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use soakd_sampler::{Detail, Membership, MetricId, ProcRoot, ProcessId, TreeOptions, TreeSampler};

/// Processes that wait for the end of their input, which comes when this is dropped or this process ends.
pub(crate) struct Herd {
    children: Vec<Child>,
    input: Option<OwnedFd>,
}

impl Herd {
    pub(crate) fn new(count: usize) -> Self {
        let (reader, writer) = std::io::pipe().unwrap();
        let spawn = |_| Command::new("cat").stdin(reader.try_clone().unwrap()).stdout(Stdio::null()).spawn().unwrap();
        let children = (0..count).map(spawn).collect();
        Self { children, input: Some(writer.into()) }
    }

    pub(crate) fn sampler(&self, metrics: Option<Vec<MetricId>>) -> TreeSampler {
        let root = ProcRoot::default();
        let of = self.children.iter().map(|child| ProcessId::of(&root, child.id()).unwrap()).collect();
        let mut options = TreeOptions::new(root, Membership::Descendants { of, include_roots: true });
        options.metrics = metrics.unwrap_or(options.metrics);
        let start = Instant::now();
        let mut sampler = TreeSampler::new(options, Box::new(move || start.elapsed()));
        assert_eq!(sampler.tick(Detail::Full).members.len(), self.children.len());
        assert_eq!(sampler.reopened_members_count(), 0, "the limit on open files (`ulimit -Hn`) is too low");
        sampler
    }

    pub(crate) fn pids(&self) -> Vec<String> {
        self.children.iter().map(|child| child.id().to_string()).collect()
    }
}

impl Drop for Herd {
    fn drop(&mut self) {
        drop(self.input.take());
        for child in &mut self.children {
            let _ = child.wait();
        }
    }
}

/// Thousands of kept files need more than the usual 1,024.
pub(crate) fn raise_limit_on_open_files() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, raised);
}
