//! The system calls that it takes to read each source of each process, with nothing around them.
#![expect(clippy::unwrap_used, reason = "a benchmark ends at the first fault")]

use std::fs::File;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, RawDir};
use soakd_sampler::SamplerId;

/// A process with everything open that stays open.
struct Process {
    folder: OwnedFd,
    /// `statm`, `status`, `stat` and `io`.
    files: [File; 4],
    /// `fd` and `task`.
    folders: [OwnedFd; 2],
}

/// The processes, and a buffer that is long enough for each of their files.
pub(crate) struct Bare {
    processes: Vec<Process>,
    buffer: Vec<u8>,
}

impl Bare {
    pub(crate) fn open(pids: &[String]) -> Self {
        let path = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let process = |pid: &String| {
            let folder = rustix::fs::open(format!("/proc/{pid}"), path, Mode::empty()).unwrap();
            let files =
                ["statm", "status", "stat", "io"].map(|name| File::open(format!("/proc/{pid}/{name}")).unwrap());
            let folders = ["fd", "task"].map(|name| rustix::fs::openat(&folder, name, path, Mode::empty()).unwrap());
            Process { folder, files, folders }
        };
        Self { processes: pids.iter().map(process).collect(), buffer: vec![0; 8192] }
    }

    /// What does the calls of `reads` reads of each source, by its key, within so many ticks.
    pub(crate) fn ticks(&mut self, reads: Vec<u64>, ticks_count: usize) -> impl FnMut() {
        let ticks_count = ticks_count.max(1) as u64;
        let mut done = vec![0_u64; reads.len()];
        let mut tick = 0;
        move || {
            tick += 1;
            for (source, (count, done)) in reads.iter().zip(&mut done).enumerate() {
                let until = count * tick.min(ticks_count) / ticks_count;
                for read in *done..until {
                    let place = usize::try_from(read).unwrap() % self.processes.len();
                    self.processes[place].read(source, &mut self.buffer);
                }
                *done = until;
            }
        }
    }
}

impl Process {
    fn read(&self, source: usize, buffer: &mut [u8]) {
        let kept = |file: usize, buffer: &mut [u8]| black_box(rustix::io::pread(&self.files[file], buffer, 0).unwrap());
        let opened = |name: &str, buffer: &mut [u8]| {
            let file = rustix::fs::openat(&self.folder, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).unwrap();
            black_box(rustix::io::read(&file, buffer).unwrap())
        };
        match source {
            source if source == SamplerId::Statm as usize => drop(kept(0, buffer)),
            source if source == SamplerId::Status as usize => drop(kept(1, buffer)),
            source if source == SamplerId::Stat as usize => drop(kept(2, buffer)),
            source if source == SamplerId::Io as usize => drop(kept(3, buffer)),
            source if source == SamplerId::Descriptors as usize => {
                black_box(rustix::fs::fstat(&self.folders[0]).unwrap());
            }
            source if source == SamplerId::Threads as usize => {
                black_box(rustix::fs::fstat(&self.folders[1]).unwrap());
            }
            source if source == SamplerId::SmapsRollup as usize => drop(opened("smaps_rollup", buffer)),
            source if source == SamplerId::HeapMapping as usize => drop(opened("maps", &mut buffer[..1024])),
            source if source == SamplerId::DescriptorKinds as usize => self.links(),
            // The processes have neither probes nor sockets.
            _ => {}
        }
    }

    fn links(&self) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(&self.folder, "fd", flags, Mode::empty()).unwrap();
        let mut names = [MaybeUninit::<u8>::uninit(); 8192];
        let mut entries = RawDir::new(&folder, &mut names);
        while let Some(entry) = entries.next() {
            let mut link = [MaybeUninit::<u8>::uninit(); 256];
            // The first two are folders.
            let _ = black_box(rustix::fs::readlinkat_raw(&folder, entry.unwrap().file_name(), &mut link));
        }
    }
}
