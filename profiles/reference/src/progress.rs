//! The count of operations, for whoever watches.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::ReferenceError;

/// How often the progress file is rewritten.
const FILE_INTERVAL: Duration = Duration::from_millis(100);
/// How often the count is printed.
const LINE_INTERVAL: Duration = Duration::from_secs(1);

/// Makes a file, and keeps its path for messages.
pub(crate) fn create(path: &Path) -> Result<(File, PathBuf), ReferenceError> {
    let path = path.to_owned();
    match File::create(&path) {
        Ok(file) => Ok((file, path)),
        Err(source) => Err(ReferenceError::File { path, source }),
    }
}

/// Where the count is told.
pub(crate) struct Progress {
    file: Option<(File, PathBuf)>,
    last_file: Instant,
    /// Whether the file says that nothing is under way.
    rests: bool,
    last_line: Instant,
}

impl Progress {
    /// Tells it in a file, if one is named, and on standard output.
    pub(crate) fn new(path: Option<&Path>) -> Result<Self, ReferenceError> {
        let now = Instant::now();
        let progress = Self { file: path.map(create).transpose()?, last_file: now, rests: false, last_line: now };
        progress.write_file(0)?;
        Ok(progress)
    }

    /// Tells the count, if it is time to, and at once whether nothing is under way on purpose.
    pub(crate) fn show(&mut self, now: Instant, operations: u64, rests: bool) -> Result<(), ReferenceError> {
        if now - self.last_file >= FILE_INTERVAL || rests != self.rests {
            self.last_file = now;
            self.rests = rests;
            self.write_file(operations)?;
        }
        if now - self.last_line >= LINE_INTERVAL {
            self.last_line = now;
            print_line(operations)?;
        }
        Ok(())
    }

    /// Tells the last count.
    pub(crate) fn finish(&self, operations: u64) -> Result<(), ReferenceError> {
        self.write_file(operations)?;
        print_line(operations)
    }

    /// One write of constant length, so that a reader never finds half a number or a rest of the last one.
    fn write_file(&self, operations: u64) -> Result<(), ReferenceError> {
        let Some((file, path)) = &self.file else { return Ok(()) };
        let state = if self.rests { "resting" } else { "" };
        file.write_all_at(format!("{operations:<20} {state:<7}\n").as_bytes(), 0)
            .map_err(|source| ReferenceError::File { path: path.clone(), source })
    }
}

fn print_line(operations: u64) -> Result<(), ReferenceError> {
    let mut output = io::stdout().lock();
    writeln!(output, "operations {operations}").and_then(|()| output.flush()).map_err(ReferenceError::Output)
}
