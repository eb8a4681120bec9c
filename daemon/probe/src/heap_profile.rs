//! The dhat profiler in the target (feature `dhat`): which call stacks allocated what was not freed.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::ending;
use crate::layout::{COUNTS_HEAP, PROFILED};
use crate::region::Live;
use crate::system::{self, Access};

/// Name of the profile.
const FILE_NAME: &str = "dhat-heap.json";
/// The variable by which soakd tells what it starts where the files of the run are.
const FOLDER_VARIABLE: &str = "SOAKD_RUN_FOLDER";
/// How often the statistics are published, and how late a signal may be noticed.
const PUBLISH_EVERY: Duration = Duration::from_millis(50);
/// Frames of each call stack; more make each allocation dearer still.
const FRAMES_MAX_COUNT: usize = 20;

/// The profiler that runs. There is one in a process at most.
static RUNNING: Mutex<Option<dhat::Profiler>> = Mutex::new(None);

/// Ends the profile when it is dropped; keep it until the end of `main`.
#[derive(Debug)]
#[must_use = "the profile ends as soon as this is dropped"]
pub struct HeapProfile {
    /// Of two in a process only the first one ends the profile.
    is_first: bool,
}

/// Begins the profile of a program whose global allocator is [`crate::DhatProbe`].
///
/// Until it ends its statistics are published for soakd twenty times a second; at the end `dhat-heap.json` is written, into the
/// folder of soakd's run, or into the working folder where there is none.
///
/// It ends when the guard is dropped, when the process exits in order (`std::process::exit` as well), and at a SIGTERM for
/// which the program has no handler of its own, which then ends the program as it would have without the profile. A program
/// that has one has to come to its own end. After SIGKILL, `abort`, or `_exit` there is no file.
pub fn profile_heap() -> HeapProfile {
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if running.is_some() {
        return HeapProfile { is_first: false };
    }
    let file = file();
    let profiler = dhat::Profiler::builder().file_name(file).trim_backtraces(Some(FRAMES_MAX_COUNT)).build();
    *running = Some(profiler);
    drop(running);
    let thread = std::thread::Builder::new().name("soakd-probe".to_owned()).spawn(|| {
        while publish() {
            std::thread::sleep(PUBLISH_EVERY);
            ending::end_if_asked(end);
        }
    });
    // Without the thread nobody would look whether the signal has come.
    ending::watch(end, thread.is_ok());
    HeapProfile { is_first: true }
}

impl Drop for HeapProfile {
    fn drop(&mut self) {
        if self.is_first {
            end();
        }
    }
}

/// Publishes what is live by now; `false` once the profile has ended.
fn publish() -> bool {
    // The profiler cannot end meanwhile, which the statistics would not survive.
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if running.is_none() {
        return false;
    }
    publish_now();
    true
}

fn publish_now() {
    let stats = dhat::HeapStats::get();
    if let Access::Ready(region) = system::region() {
        let total = Live { bytes: stats.total_bytes, blocks: stats.total_blocks };
        region.publish(total, Live { bytes: stats.curr_bytes as u64, blocks: stats.curr_blocks as u64 });
        region.set_flags(COUNTS_HEAP | PROFILED);
    }
}

/// Ends the profile and writes the file, once.
fn end() {
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(profiler) = running.take() {
        publish_now();
        drop(profiler);
    }
}

/// Where the profile goes. Of several processes of one run each has a file of its own.
fn file() -> PathBuf {
    let folder = std::env::var_os(FOLDER_VARIABLE).map(PathBuf::from).filter(|folder| folder.is_dir());
    let Some(folder) = folder else { return PathBuf::from(FILE_NAME) };
    let file = folder.join(FILE_NAME);
    // Taken right away, so that a process that starts a moment later takes another.
    match std::fs::File::create_new(&file) {
        Ok(_) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            folder.join(format!("dhat-heap-{}.json", std::process::id()))
        }
        // soakd's folder is not for this user.
        Err(_) => PathBuf::from(FILE_NAME),
    }
}
