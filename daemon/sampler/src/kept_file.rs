//! A file of `/proc` that stays open and is read in place.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};

use crate::error::SampleError;

/// Most bytes of one file that are looked at; the longest real one, `status` with 65,536 groups, is half as long.
const MOST_BYTES: usize = 1 << 20;

/// An open file whose text usually fits into `N` bytes.
///
/// `statm`, `stat`, `status` and `meminfo` give new values at each read from the start, and follow the process through `exec`.
/// `smaps_rollup`, `smaps` and `maps` do not: they must be opened every time.
#[derive(Debug)]
pub(crate) struct KeptFile<const N: usize> {
    file: OwnedFd,
    /// Used only when `N` bytes did not do.
    longer: Vec<u8>,
}

impl<const N: usize> KeptFile<N> {
    pub(crate) fn open(folder: &OwnedFd, name: &str) -> Result<Self, SampleError> {
        let file = rustix::fs::openat(folder, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { file, longer: Vec::new() })
    }

    /// Whether it is a file of the kernel's own `/proc`, and not one that was mounted over it.
    pub(crate) fn is_of_the_kernel(&self) -> bool {
        rustix::fs::fstatfs(&self.file).is_ok_and(|facts| facts.f_type == rustix::fs::PROC_SUPER_MAGIC)
    }

    /// Reads the file once and hands its text to `parse`, with whether the text is whole. When `parse` answers `None` for a
    /// text that is not, it is called again with more of it.
    pub(crate) fn read<T>(&mut self, mut parse: impl FnMut(&[u8], bool) -> Option<T>) -> Result<T, SampleError> {
        let mut buffer = [MaybeUninit::<u8>::uninit(); N];
        if self.longer.is_empty() {
            let (text, rest) = rustix::io::pread(&self.file, &mut buffer, 0)?;
            let is_whole = !rest.is_empty();
            if let Some(parsed) = parse(text, is_whole) {
                return Ok(parsed);
            }
            if is_whole {
                return Err(SampleError::Garbled { expected: "the known fields" });
            }
            self.longer.resize(N * 4, 0);
        }
        loop {
            // Text like this comes in pieces: each read gives as much as fits the kernel's own buffer.
            let mut filled = 0;
            while filled < self.longer.len() {
                let count = rustix::io::pread(&self.file, &mut self.longer[filled..], filled as u64)?;
                if count == 0 {
                    break;
                }
                filled += count;
            }
            let is_whole = filled < self.longer.len();
            if let Some(parsed) = parse(&self.longer[..filled], is_whole) {
                return Ok(parsed);
            }
            if is_whole || self.longer.len() >= MOST_BYTES {
                return Err(SampleError::Garbled { expected: "the known fields" });
            }
            self.longer.resize(self.longer.len() * 4, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &[u8]) -> (tempfile::TempDir, KeptFile<16>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), text).unwrap();
        let handle = OwnedFd::from(std::fs::File::open(folder.path()).unwrap());
        let file = KeptFile::open(&handle, "file").unwrap();
        (folder, file)
    }

    #[test]
    fn a_short_text_is_read_at_once_and_anew_each_time() {
        let (folder, mut file) = kept(b"one\n");
        assert_eq!(file.read(|text, whole| Some((text.to_vec(), whole))), Ok((b"one\n".to_vec(), true)));
        std::fs::write(folder.path().join("file"), b"other\n").unwrap();
        assert_eq!(file.read(|text, _| Some(text.to_vec())), Ok(b"other\n".to_vec()));
    }

    #[test]
    fn a_long_text_is_read_on_until_it_will_do() {
        let long = "x".repeat(1000) + "end\n";
        let (_folder, mut file) = kept(long.as_bytes());
        let mut calls = 0;
        let found = file.read(|text, _| {
            calls += 1;
            text.ends_with(b"end\n").then_some(text.len())
        });
        assert_eq!(found, Ok(1004));
        assert!(calls > 1);
    }

    #[test]
    fn a_text_that_never_will_do_is_garbled() {
        let (_folder, mut file) = kept("x".repeat(1000).as_bytes());
        assert!(matches!(file.read(|_, _| None::<()>), Err(SampleError::Garbled { .. })));
    }
}
