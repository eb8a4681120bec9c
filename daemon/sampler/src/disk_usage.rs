//! Disk space below a path: logs and temporary files leak too.
//!
//! What counts is the space that is taken (allocated blocks), not the length of files. Symbolic links are not followed, other
//! file systems below are left out, and a file with several names counts once. Deleted files that somebody has open are not
//! seen here; `deleted_files_bytes` has those of the target.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use thiserror::Error;

/// What a path and all below it take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskUsage {
    /// Space on disk.
    pub bytes: u64,
    /// Files, folders and whatever else has a name; a file with several names counts once.
    pub files_count: u64,
}

/// Why it is not known what a path takes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DiskError {
    /// There is no such path.
    #[error("`{}` is not there", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// A folder may not be listed by this user.
    #[error("permission denied on `{}`", path.display())]
    Denied {
        /// The folder.
        path: PathBuf,
    },
    /// It holds more than is worth counting again and again.
    #[error("`{}` holds more than {most} files", path.display())]
    TooMany {
        /// The path.
        path: PathBuf,
        /// The limit.
        most: u64,
    },
    /// Any other answer of the kernel.
    #[error("cannot look into `{}`: the kernel answers error {errno}", path.display())]
    Kernel {
        /// The path.
        path: PathBuf,
        /// The number, as in `errno(3)`.
        errno: i32,
    },
    /// Whoever asked does not want the answer any more.
    #[error("given up")]
    GivenUp,
}

/// Adds up what `path` and all below it take, and gives up after `most` files, or as soon as `goes_on` says no.
///
/// Costs about 2 µs for each file. What is deleted meanwhile is left out.
///
/// # Errors
/// [`DiskError`]; part of a sum is no sum.
pub fn disk_usage(path: &Path, most: u64, goes_on: &dyn Fn() -> bool) -> Result<DiskUsage, DiskError> {
    let mut usage = DiskUsage::default();
    let mut several_names = HashSet::new();
    // The path itself may be a link: whoever named it meant what it points to.
    let top = rustix::fs::stat(path).map_err(|errno| named(path, errno))?;
    add(&top, &mut several_names, &mut usage);
    let mut folders = Vec::new();
    if FileType::from_raw_mode(top.st_mode) == FileType::Directory {
        let real = std::fs::canonicalize(path);
        folders.push(real.map_err(|_| DiskError::Missing { path: path.to_owned() })?);
    }
    while let Some(folder) = folders.pop() {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = match rustix::fs::open(&folder, flags, Mode::empty()) {
            Ok(handle) => handle,
            // Deleted, or replaced by something else, since it was listed.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => continue,
            Err(errno) => return Err(named(&folder, errno)),
        };
        let entries = Dir::read_from(&handle).map_err(|errno| named(&folder, errno))?;
        for entry in entries {
            let entry = entry.map_err(|errno| named(&folder, errno))?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let facts = match rustix::fs::statat(&handle, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(facts) => facts,
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(named(&folder, errno)),
            };
            if facts.st_dev != top.st_dev {
                continue;
            }
            add(&facts, &mut several_names, &mut usage);
            if usage.files_count > most {
                return Err(DiskError::TooMany { path: path.to_owned(), most });
            }
            if FileType::from_raw_mode(facts.st_mode) == FileType::Directory {
                folders.push(folder.join(OsStr::from_bytes(name.to_bytes())));
            }
        }
        if !goes_on() {
            return Err(DiskError::GivenUp);
        }
    }
    Ok(usage)
}

fn add(facts: &Stat, several_names: &mut HashSet<u64>, usage: &mut DiskUsage) {
    let is_folder = FileType::from_raw_mode(facts.st_mode) == FileType::Directory;
    if facts.st_nlink > 1 && !is_folder && !several_names.insert(facts.st_ino) {
        return;
    }
    // Blocks are counted in 512 bytes, whatever the file system uses.
    usage.bytes += u64::try_from(facts.st_blocks).unwrap_or(0).saturating_mul(512);
    usage.files_count += 1;
}

fn named(path: &Path, errno: Errno) -> DiskError {
    let path = path.to_owned();
    match errno {
        Errno::NOENT | Errno::NOTDIR => DiskError::Missing { path },
        Errno::ACCESS | Errno::PERM => DiskError::Denied { path },
        other => DiskError::Kernel { path, errno: other.raw_os_error() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON: &dyn Fn() -> bool = &|| true;

    fn write(path: PathBuf, kib: usize) {
        std::fs::write(path, vec![7; kib * 1024]).unwrap();
    }

    #[test]
    fn files_are_summed_at_every_depth_and_each_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let empty = disk_usage(folder.path(), 100, ON).unwrap();
        assert_eq!(empty.files_count, 1, "the folder itself");
        std::fs::create_dir_all(at("a/b")).unwrap();
        write(at("one"), 64);
        write(at("a/b/two"), 32);
        std::fs::hard_link(at("one"), at("a/again")).unwrap();
        let usage = disk_usage(folder.path(), 100, ON).unwrap();
        assert_eq!(usage.files_count, 5);
        assert!(usage.bytes - empty.bytes >= 96 * 1024, "{usage:?}");
        assert!(usage.bytes - empty.bytes < 160 * 1024, "counted once: {usage:?}");
        assert_eq!(disk_usage(&at("one"), 100, ON).unwrap().files_count, 1);
    }

    #[test]
    fn holes_take_no_space() {
        let folder = tempfile::tempdir().unwrap();
        let file = std::fs::File::create(folder.path().join("sparse")).unwrap();
        file.set_len(1 << 30).unwrap();
        assert!(disk_usage(folder.path(), 100, ON).unwrap().bytes < 1 << 20);
    }

    #[test]
    fn links_are_not_followed_but_for_the_path_itself() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(elsewhere.path().join("large"), 256);
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("link")).unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("circle")).unwrap();
        let usage = disk_usage(folder.path(), 100, ON).unwrap();
        assert_eq!(usage.files_count, 3);
        assert!(usage.bytes < 256 * 1024);
        assert_eq!(disk_usage(&folder.path().join("link"), 100, ON).unwrap().files_count, 2);
    }

    #[test]
    fn what_cannot_be_counted_has_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing");
        assert_eq!(disk_usage(&path, 100, ON), Err(DiskError::Missing { path: path.clone() }));
        for index in 0..20 {
            write(folder.path().join(index.to_string()), 0);
        }
        let many = disk_usage(folder.path(), 10, ON);
        assert_eq!(many, Err(DiskError::TooMany { path: folder.path().to_owned(), most: 10 }));
        assert_eq!(disk_usage(folder.path(), 100, &|| false), Err(DiskError::GivenUp));
        assert_eq!(many.unwrap_err().to_string(), format!("`{}` holds more than 10 files", folder.path().display()));
    }
}
