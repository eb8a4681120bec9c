//! Idle page tracking: which pages of a process were touched since they were marked, without clearing what the kernel knows of them
//! for its own use. It takes a kernel that has it (`CONFIG_IDLE_PAGE_TRACKING`) and the rights of root; elsewhere
//! [`crate::clear_referenced`] serves.
//!
//! Each page of memory has a bit in `/sys/kernel/mm/page_idle/bitmap`. Which pages a process has tells its `pagemap`. Of a
//! transparent huge page the kernel tracks the first page alone, so that the others count as touched: what is called idle is.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::SampleError;
use crate::proc_root::ProcRoot;
use crate::process_id::ProcessId;
use crate::process_look::alive;
use crate::smaps::name_of;

/// Where the bits are, below `/sys`.
const BITMAP: &str = "kernel/mm/page_idle/bitmap";
/// An entry of `pagemap`: the page is in memory.
const PRESENT: u64 = 1 << 63;
/// The number of its page frame; 0 for who may not know.
const FRAME: u64 = (1 << 55) - 1;
/// Frames in one word of the bitmap.
const IN_WORD: u64 = 64;
/// Bytes of a word of the bitmap, and of an entry of `pagemap`.
const WORD_BYTES: u64 = 8;
/// Entries of `pagemap` that are read at once.
const AT_ONCE: usize = 4096;
/// Words of the bitmap that are read or written at once: the kernel looks at every page in between.
const WORDS_AT_ONCE: usize = 64;

/// The page frames of a process, in order, each with the place of its mapping's name among the names.
struct Frames {
    frames: Vec<(u64, usize)>,
    names: Vec<String>,
}

/// Idle page tracking of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdlePages {
    bitmap: PathBuf,
    root: ProcRoot,
}

impl IdlePages {
    /// That of the host whose `/sys` and `/proc` these are; `None` where its kernel has none.
    #[must_use]
    pub fn open(sys: &Path, root: &ProcRoot) -> Option<Self> {
        let bitmap = sys.join(BITMAP);
        bitmap.exists().then(|| Self { bitmap, root: root.clone() })
    }

    /// Marks what `process` has in memory as idle: what is not touched from now on stays so.
    ///
    /// # Errors
    /// Why it could not be done; [`SampleError::PermissionDenied`] without the rights of root.
    pub fn mark(&self, process: ProcessId) -> Result<(), SampleError> {
        let mut words: BTreeMap<u64, u64> = BTreeMap::new();
        for (frame, _) in self.frames(process)?.frames {
            *words.entry(frame / IN_WORD).or_default() |= 1 << (frame % IN_WORD);
        }
        let file = File::options().write(true).open(&self.bitmap)?;
        let mut chunk: Vec<u8> = Vec::with_capacity(WORDS_AT_ONCE * WORD_BYTES as usize);
        let mut first = 0;
        for (word, bits) in words {
            let is_next = word == first + chunk.len() as u64 / WORD_BYTES;
            if !chunk.is_empty() && (!is_next || chunk.len() == chunk.capacity()) {
                file.write_all_at(&chunk, first * WORD_BYTES)?;
                chunk.clear();
            }
            if chunk.is_empty() {
                first = word;
            }
            chunk.extend_from_slice(&bits.to_ne_bytes());
        }
        if !chunk.is_empty() {
            file.write_all_at(&chunk, first * WORD_BYTES)?;
        }
        alive(&self.root, process)
    }

    /// How many bytes of each mapping of `process` are idle still.
    ///
    /// # Errors
    /// Why it is not known.
    pub fn idle_bytes(&self, process: ProcessId) -> Result<BTreeMap<String, u64>, SampleError> {
        let Frames { frames, names } = self.frames(process)?;
        let file = File::open(&self.bitmap)?;
        let page_bytes = rustix::param::page_size() as u64;
        let mut idle: BTreeMap<String, u64> = BTreeMap::new();
        let mut chunk = [0_u8; WORDS_AT_ONCE * WORD_BYTES as usize];
        let (mut first, mut words) = (0, 0);
        for (frame, name) in frames {
            let word = frame / IN_WORD;
            if word < first || word >= first + words {
                first = word;
                words = read_some(&file, &mut chunk, word * WORD_BYTES)? as u64 / WORD_BYTES;
            }
            let at = (word - first) as usize * WORD_BYTES as usize;
            // Beyond the end of the bitmap nothing is idle.
            let bits = chunk.get(at..at + WORD_BYTES as usize).and_then(|bytes| bytes.try_into().ok());
            let bits = bits.filter(|_| word < first + words).map_or(0, u64::from_ne_bytes);
            if bits >> (frame % IN_WORD) & 1 == 1
                && let Some(name) = names.get(name)
            {
                *idle.entry(name.clone()).or_default() += page_bytes;
            }
        }
        alive(&self.root, process)?;
        Ok(idle)
    }

    fn frames(&self, process: ProcessId) -> Result<Frames, SampleError> {
        alive(&self.root, process)?;
        let maps = std::fs::read(self.root.process_file(process.pid, "maps"))?;
        let pagemap = File::open(self.root.process_file(process.pid, "pagemap"))?;
        let page_bytes = rustix::param::page_size() as u64;
        let (mut frames, mut names) = (Vec::new(), Vec::new());
        let mut entries = vec![0_u8; AT_ONCE * WORD_BYTES as usize];
        for line in maps.split(|byte| *byte == b'\n') {
            let (Some(name), Some((from, to))) = (name_of(line), range_of(line)) else { continue };
            names.push(name);
            let (mut page, end) = (from / page_bytes, to / page_bytes);
            while page < end {
                let wanted = usize::try_from(end - page).unwrap_or(AT_ONCE).min(AT_ONCE) * WORD_BYTES as usize;
                let read = read_some(&pagemap, &mut entries[..wanted], page.saturating_mul(WORD_BYTES))?;
                if read == 0 {
                    // Addresses of the kernel itself (`[vsyscall]`) have no entries.
                    break;
                }
                for entry in entries[..read].chunks_exact(WORD_BYTES as usize) {
                    let entry = u64::from_ne_bytes(entry.try_into().unwrap_or_default());
                    if entry & PRESENT == 0 {
                        continue;
                    }
                    match entry & FRAME {
                        0 => return Err(SampleError::PermissionDenied),
                        frame => frames.push((frame, names.len() - 1)),
                    }
                }
                page += (read as u64 / WORD_BYTES).max(1);
            }
        }
        frames.sort_unstable();
        Ok(Frames { frames, names })
    }
}

/// Reads into `buffer` from `offset` on: as much as there is, 0 at the end.
fn read_some(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// The addresses of a mapping, from the line that begins it.
fn range_of(line: &[u8]) -> Option<(u64, u64)> {
    let (from, to) = std::str::from_utf8(line.split(|byte| *byte == b' ').next()?).ok()?.split_once('-')?;
    let address = |text: &str| u64::from_str_radix(text, 16).ok();
    Some((address(from)?, address(to)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smaps::ANONYMOUS;

    /// A host whose kernel has idle page tracking, with one process.
    struct Host {
        folder: tempfile::TempDir,
        process: ProcessId,
    }

    impl Host {
        /// The entries of `pagemap` are those of the pages from address 0 on.
        fn new(maps: &str, pagemap: &[u64]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let process = folder.path().join("proc/10");
            std::fs::create_dir_all(&process).unwrap();
            let fields = "0 ".repeat(30);
            let stat = format!("10 (server) S 1 10 10 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 100 {fields}");
            std::fs::write(process.join("stat"), stat).unwrap();
            std::fs::write(process.join("maps"), maps).unwrap();
            let bytes: Vec<u8> = pagemap.iter().flat_map(|entry| entry.to_ne_bytes()).collect();
            std::fs::write(process.join("pagemap"), bytes).unwrap();
            let bitmap = folder.path().join("sys").join(BITMAP);
            std::fs::create_dir_all(bitmap.parent().unwrap()).unwrap();
            std::fs::write(bitmap, [0_u8; 4096]).unwrap();
            Self { folder, process: ProcessId { start_ticks: 100, pid: 10 } }
        }

        fn idle_pages(&self) -> IdlePages {
            let root = ProcRoot::new(self.folder.path().join("proc"));
            IdlePages::open(&self.folder.path().join("sys"), &root).unwrap()
        }

        /// What the kernel does when a page is touched.
        fn touch(&self, frame: u64) {
            let bitmap = self.folder.path().join("sys").join(BITMAP);
            let mut bytes = std::fs::read(&bitmap).unwrap();
            bytes[frame as usize / 8] &= !(1 << (frame % 8));
            std::fs::write(bitmap, bytes).unwrap();
        }

        fn marked(&self) -> u32 {
            let bitmap = self.folder.path().join("sys").join(BITMAP);
            std::fs::read(bitmap).unwrap().iter().map(|byte| byte.count_ones()).sum()
        }
    }

    /// A heap of four pages, one of them not there, and two anonymous pages.
    fn host() -> Host {
        let page = rustix::param::page_size();
        let maps = format!(
            "{:x}-{:x} rw-p 00000000 00:00 0    [heap]\n{:x}-{:x} rw-p 00000000 00:00 0 \n\
             ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0    [vsyscall]\n",
            page,
            5 * page,
            8 * page,
            10 * page
        );
        let mut pagemap = [0; 10];
        // Far apart, next to each other, and not in order.
        for (page, frame) in [(1, 70), (2, 3), (4, 20_000), (8, 4), (9, 5)] {
            pagemap[page] = PRESENT | frame;
        }
        Host::new(&maps, &pagemap)
    }

    #[test]
    fn what_is_not_touched_after_it_was_marked_is_idle_by_mapping() {
        let host = host();
        let idle_pages = host.idle_pages();
        let page = rustix::param::page_size() as u64;
        assert!(idle_pages.idle_bytes(host.process).unwrap().is_empty(), "nothing is marked yet");
        idle_pages.mark(host.process).unwrap();
        assert_eq!(host.marked(), 5, "the pages of the process and no others");
        let idle = |name: &str| idle_pages.idle_bytes(host.process).unwrap().get(name).copied().unwrap_or(0);
        assert_eq!((idle("[heap]"), idle(ANONYMOUS)), (3 * page, 2 * page));
        for frame in [3, 4, 5] {
            host.touch(frame);
        }
        assert_eq!((idle("[heap]"), idle(ANONYMOUS)), (2 * page, 0));
    }

    #[test]
    fn who_may_not_know_the_pages_and_who_is_gone_are_named() {
        let page = rustix::param::page_size();
        let host = Host::new(&format!("{page:x}-{:x} rw-p 0 00:00 0 [heap]\n", 2 * page), &[0, PRESENT]);
        assert_eq!(host.idle_pages().mark(host.process), Err(SampleError::PermissionDenied));
        assert_eq!(host.idle_pages().idle_bytes(host.process), Err(SampleError::PermissionDenied));
        let gone = ProcessId { start_ticks: 101, ..host.process };
        assert_eq!(host.idle_pages().mark(gone), Err(SampleError::Vanished));
        let elsewhere = tempfile::tempdir().unwrap();
        assert_eq!(IdlePages::open(elsewhere.path(), &ProcRoot::default()), None, "a kernel without it");
    }
}
