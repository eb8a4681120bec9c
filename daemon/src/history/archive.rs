//! Runs as files in a folder: `YYYY/MM/DD/COMMIT-RUN.json`, and the samples beside it.
//!
//! The seam for other stores of archives is [`Place`]: it is given the path of a file inside the archive and its bytes.

use std::io;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::entry::Entry;
use super::trend::short;
use crate::verdict::write_whole;

/// Where an archive is kept.
pub trait Place {
    /// Whether there is such a file already.
    fn has(&self, path: &Path) -> bool;

    /// Writes a file: whole, or not at all.
    ///
    /// # Errors
    /// What the system says.
    fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
}

/// A folder on this host.
#[derive(Debug, Clone)]
pub struct Folder(pub PathBuf);

impl Place for Folder {
    fn has(&self, path: &Path) -> bool {
        self.0.join(path).exists()
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let file = self.0.join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        write_whole(&file, bytes)
    }
}

/// The path of a run's verdict inside an archive; that of its samples has another extension.
#[must_use]
pub fn path(entry: &Entry) -> PathBuf {
    let run = &entry.record.run;
    let day = run.started.to_zoned(TimeZone::UTC).strftime("%Y/%m/%d").to_string();
    // A commit from outside may hold anything; a path must not.
    let commit =
        run.commit.as_deref().map(short).filter(|commit| commit.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let commit = commit.filter(|commit| !commit.is_empty()).unwrap_or_else(|| "unknown".to_owned());
    Path::new(&day).join(format!("{commit}-{}.json", run.id))
}
