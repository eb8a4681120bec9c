//! Whether anything on this host is swapped out at all.
//!
//! While no swap area holds a page, no process has anything swapped out: its `VmSwap` is zero, and there is no need to
//! read `status`, which costs six times as much as `statm`.

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};

use crate::fields::{number, whole_lines, words};
use crate::kept_file::KeptFile;
use crate::proc_root::ProcRoot;

/// Reads `/proc/swaps`, which it keeps open.
#[derive(Debug)]
pub(crate) struct SwapAreas {
    file: Option<KeptFile<1024>>,
}

impl SwapAreas {
    pub(crate) fn open(root: &ProcRoot) -> Self {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(root.path(), flags, Mode::empty()).ok();
        let file = folder.and_then(|folder: OwnedFd| KeptFile::open(&folder, "swaps").ok());
        // A container may have a list of its own mounted there, which says nothing about its processes.
        Self { file: file.filter(KeptFile::is_of_the_kernel) }
    }

    /// Whether it is certain that nothing is swapped out.
    pub(crate) fn are_idle(&mut self) -> bool {
        let Some(file) = &mut self.file else { return false };
        file.read(|text, is_whole| is_whole.then(|| are_unused(text))) == Ok(true)
    }
}

/// Whether the text of `/proc/swaps` lists no area with a page in use. Areas that are being emptied are listed, too.
fn are_unused(text: &[u8]) -> bool {
    let mut lines = whole_lines(text);
    lines.next().is_some_and(|header| header.starts_with(b"Filename"))
        && lines.all(|line| words(line).nth(3).and_then(number) == Some(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_list_without_a_used_area_is_idle() {
        let header = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        let unused = "/dev/sda2                               partition\t8388604\t\t0\t\t-2\n";
        let used = "/swap\\040file                            file\t\t1048572\t\t256\t\t-3\n";
        assert!(are_unused(header.as_bytes()));
        assert!(are_unused(format!("{header}{unused}").as_bytes()));
        assert!(!are_unused(format!("{header}{unused}{used}").as_bytes()));
        assert!(!are_unused(b""));
        assert!(!are_unused(format!("{header}odd\n").as_bytes()));
    }

    #[test]
    fn a_list_that_is_not_the_kernels_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("swaps"), "Filename Type Size Used Priority\n").unwrap();
        assert!(!SwapAreas::open(&ProcRoot::new(folder.path())).are_idle());
    }
}
