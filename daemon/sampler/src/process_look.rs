//! The expensive look at one process: which mappings it has, what its descriptors stand for, how its threads are called. It is
//! taken a few times in a run, so that what grew can be named.
//!
//! Every file is opened anew: `smaps` belongs to the address space of its opening, and goes silent after `exec`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::os::unix::ffi::OsStrExt;

use crate::descriptor_kind::{DescriptorKind, socket_inode};
use crate::error::SampleError;
use crate::fields::number;
use crate::proc_root::ProcRoot;
use crate::process_id::{Liveness, ProcessId};
use crate::smaps::{self, Mappings};
use crate::socket_table::{SocketState, SocketTable};
use crate::statm::Statm;

/// What one look at one process has found. A part that could not be read is missing, with the reason in `failures`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProcessLook {
    /// Memory by mapping.
    pub mappings: Option<Mappings>,
    /// Number of descriptors by what they stand for: ``descriptors of `/var/log/app.log` ``, `sockets in CLOSE_WAIT`.
    pub descriptors: Option<BTreeMap<String, u64>>,
    /// Number of threads by name, digits replaced: `worker-…`.
    pub threads: Option<BTreeMap<String, u64>>,
    /// Why a part is missing: the file and the reason.
    pub failures: Vec<String>,
}

/// Descriptors and threads beyond these are not looked at one by one.
const MOST_ENTRIES: usize = 50_000;
/// Paths that are told apart; the files of others are counted by their folder.
const MOST_PATHS: usize = 2000;

impl ProcessLook {
    /// Looks at `process`. Its address space is not walked where it is larger than `walk_limit_bytes`.
    ///
    /// # Errors
    /// [`SampleError::Vanished`] when it is not there any more, before or after the look; what was read is then of no use.
    pub fn take(root: &ProcRoot, process: ProcessId, walk_limit_bytes: u64) -> Result<Self, SampleError> {
        alive(root, process)?;
        let mut look = Self::default();
        let mut failures = Vec::new();
        look.mappings = kept("smaps", read_mappings(root, process, walk_limit_bytes), &mut failures);
        look.descriptors = kept("fd", read_descriptors(root, process), &mut failures);
        look.threads = kept("task", read_threads(root, process), &mut failures);
        look.failures = failures;
        // What was read of a process that took over the pid in between is somebody else's.
        alive(root, process)?;
        Ok(look)
    }
}

/// Makes sure that it is there, and no other behind its pid.
pub(crate) fn alive(root: &ProcRoot, process: ProcessId) -> Result<(), SampleError> {
    match process.liveness(root)? {
        Liveness::Alive => Ok(()),
        Liveness::Zombie | Liveness::Gone => Err(SampleError::Vanished),
    }
}

fn kept<T>(file: &str, read: Result<T, SampleError>, failures: &mut Vec<String>) -> Option<T> {
    read.map_err(|why| failures.push(format!("`{file}`: {why}"))).ok()
}

/// Clears the referenced bits of `process`, so that what is touched from now on can be told from what is not. The target pays for
/// it with flushed address translations and with bits that are set again.
///
/// # Errors
/// Why it could not be done.
pub fn clear_referenced(root: &ProcRoot, process: ProcessId) -> Result<(), SampleError> {
    alive(root, process)?;
    let mut file = File::options().write(true).open(root.process_file(process.pid, "clear_refs"))?;
    Ok(file.write_all(b"1")?)
}

/// Resident memory of `process`, from `statm`.
///
/// # Errors
/// Why it could not be read.
pub fn resident_bytes(root: &ProcRoot, process: ProcessId) -> Result<u64, SampleError> {
    let text = fs::read(root.process_file(process.pid, "statm"))?;
    let page_bytes = rustix::param::page_size() as u64;
    Ok(Statm::parse(&text)?.resident_pages.saturating_mul(page_bytes))
}

fn read_mappings(root: &ProcRoot, process: ProcessId, walk_limit_bytes: u64) -> Result<Mappings, SampleError> {
    if resident_bytes(root, process)? > walk_limit_bytes {
        return Err(SampleError::TooLarge);
    }
    let file = File::open(root.process_file(process.pid, "smaps"))?;
    match smaps::parse(BufReader::with_capacity(64 * 1024, file)) {
        Ok(mappings) if mappings.is_empty() => Err(SampleError::NoMemory),
        Ok(mappings) => Ok(mappings),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(SampleError::Garbled { expected: "the lines of `smaps`" })
        }
        Err(error) => Err(error.into()),
    }
}

fn read_descriptors(root: &ProcRoot, process: ProcessId) -> Result<BTreeMap<String, u64>, SampleError> {
    let folder = root.process_file(process.pid, "fd");
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut sockets = Vec::new();
    let mut count = |name: String| *counts.entry(name).or_default() += 1;
    let mut paths_count = 0_usize;
    for entry in fs::read_dir(&folder)?.take(MOST_ENTRIES) {
        // Closed since it was listed.
        let Ok(link) = fs::read_link(entry?.path()) else { continue };
        let target = link.as_os_str().as_bytes();
        match DescriptorKind::of_link(target) {
            DescriptorKind::Socket => sockets.extend(socket_inode(target)),
            DescriptorKind::File if paths_count < MOST_PATHS => {
                paths_count += 1;
                count(format!("descriptors of `{}`", link.display()));
            }
            DescriptorKind::File => {
                let folder = link.parent().unwrap_or(&link);
                count(format!("descriptors of files in `{}`", folder.display()));
            }
            DescriptorKind::AnonInode => count(format!("descriptors of `{}`", link.display())),
            kind => count(kind.name().to_owned()),
        }
    }
    if !sockets.is_empty() {
        let mut table = SocketTable::default();
        // Without its tables they are sockets all the same.
        let has_table = root.open_process(process.pid).and_then(|folder| table.read(&folder)).is_ok();
        for inode in sockets {
            let state = if has_table { table.find(inode).map(|socket| socket.state) } else { None };
            count(match state {
                Some(SocketState::Established) => "sockets in ESTABLISHED".to_owned(),
                Some(SocketState::CloseWait) => "sockets in CLOSE_WAIT".to_owned(),
                Some(SocketState::TimeWait) => "sockets in TIME_WAIT".to_owned(),
                Some(SocketState::Listen) => "sockets in LISTEN".to_owned(),
                Some(SocketState::TcpOther) => "TCP sockets that open or close".to_owned(),
                Some(SocketState::Udp) => "UDP sockets".to_owned(),
                Some(SocketState::Unix) => "UNIX sockets".to_owned(),
                None => DescriptorKind::Socket.name().to_owned(),
            });
        }
    }
    Ok(counts)
}

fn read_threads(root: &ProcRoot, process: ProcessId) -> Result<BTreeMap<String, u64>, SampleError> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for entry in fs::read_dir(root.process_file(process.pid, "task"))?.take(MOST_ENTRIES) {
        let entry = entry?;
        if number(entry.file_name().as_bytes()).is_none() {
            continue;
        }
        // Ended since it was listed.
        let Ok(name) = fs::read(entry.path().join("comm")) else { continue };
        *counts.entry(thread_family(&String::from_utf8_lossy(name.trim_ascii_end()))).or_default() += 1;
    }
    Ok(counts)
}

/// The name of a thread with each run of digits replaced, so that `worker-1` and `worker-22` are of one family.
fn thread_family(name: &str) -> String {
    let mut family = String::with_capacity(name.len());
    let mut in_digits = false;
    for letter in name.chars() {
        let is_digit = letter.is_ascii_digit();
        match (is_digit, in_digits) {
            (false, _) => family.push(letter),
            (true, false) => family.push('…'),
            (true, true) => {}
        }
        in_digits = is_digit;
    }
    family
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_LIMIT: u64 = u64::MAX;

    fn this() -> ProcessId {
        ProcessId::of(&ProcRoot::default(), std::process::id()).unwrap()
    }

    #[test]
    fn numbered_threads_are_one_family() {
        for (name, family) in
            [("worker-12", "worker-…"), ("GC#3 of 4", "GC#… of …"), ("main", "main"), ("7", "…"), ("", "")]
        {
            assert_eq!(thread_family(name), family);
        }
    }

    #[test]
    fn a_look_at_this_process_names_what_it_has() {
        let root = ProcRoot::default();
        let file = tempfile::NamedTempFile::new().unwrap();
        let again = file.reopen().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let closed = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut kept_open, _) = listener.accept().unwrap();
        drop(closed);
        // Once the end has been read, the other side is known to have closed.
        assert_eq!(io::Read::read(&mut kept_open, &mut [0; 1]).unwrap(), 0);
        let (stop, wait) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name("worker-17".to_owned()).spawn(move || wait.recv()).unwrap();
        let look = || ProcessLook::take(&root, this(), NO_LIMIT).unwrap();
        let mut seen = look();
        // A thread has the name of its creator until it runs.
        while !seen.threads.as_ref().unwrap().contains_key("worker-…") {
            seen = look();
        }
        drop(stop);
        let _ = thread.join();
        assert_eq!(seen.failures, Vec::<String>::new());
        assert!(seen.mappings.unwrap()["[heap]"].rss_bytes > 0);
        let descriptors = seen.descriptors.unwrap();
        assert_eq!(descriptors[&format!("descriptors of `{}`", file.path().display())], 2);
        assert!(descriptors["sockets in CLOSE_WAIT"] >= 1 && descriptors["sockets in LISTEN"] >= 1, "{descriptors:?}");
        drop(again);
    }

    #[test]
    fn a_process_that_is_gone_or_too_large_is_named() {
        let root = ProcRoot::default();
        let gone = ProcessId { start_ticks: this().start_ticks + 1, ..this() };
        assert_eq!(ProcessLook::take(&root, gone, NO_LIMIT), Err(SampleError::Vanished));
        assert_eq!(clear_referenced(&root, gone), Err(SampleError::Vanished));
        let look = ProcessLook::take(&root, this(), 1).unwrap();
        assert!(look.mappings.is_none() && look.descriptors.is_some());
        assert_eq!(look.failures.len(), 1, "{:?}", look.failures);
    }

    #[test]
    fn memory_that_is_not_touched_again_stays_unreferenced() {
        let root = ProcRoot::default();
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let process = ProcessId::of(&root, child.id()).unwrap();
        let referenced = || {
            let look = ProcessLook::take(&root, process, NO_LIMIT).unwrap();
            look.mappings.unwrap().get("[heap]").map(|heap| heap.referenced_bytes)
        };
        // While it starts it touches what it maps; then it sleeps.
        while referenced().unwrap_or(0) == 0 {
            std::thread::yield_now();
        }
        while referenced() != Some(0) {
            clear_referenced(&root, process).unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
