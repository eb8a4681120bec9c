//! The file with the target's output: bounded, with the beginning and the most recent part.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The beginning goes into the file itself, what follows into two more that take turns. When the output has ended
/// they are joined; until then (also if soakd is killed) they lie beside it as `FILE.older` and `FILE.recent`.
#[derive(Debug)]
pub(super) struct OutputLog {
    path: PathBuf,
    beginning: File,
    /// What may still go into the beginning.
    beginning_left_bytes: u64,
    recent: Option<File>,
    recent_bytes: u64,
    part_limit_bytes: u64,
    older_bytes: u64,
    dropped_bytes: u64,
}

impl OutputLog {
    /// Opens the file for writing at its end.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn open(path: &Path, limit_bytes: u64) -> io::Result<Self> {
        let beginning = OpenOptions::new().create(true).append(true).open(path)?;
        let there = beginning.metadata()?.len();
        Ok(Self {
            path: path.to_owned(),
            beginning,
            beginning_left_bytes: (limit_bytes / 2).saturating_sub(there),
            recent: None,
            recent_bytes: 0,
            part_limit_bytes: limit_bytes / 4,
            older_bytes: 0,
            dropped_bytes: 0,
        })
    }

    /// Whether something has been dropped.
    pub(super) fn has_dropped(&self) -> bool {
        self.dropped_bytes > 0
    }

    /// Adds a line, or a piece of a long one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = bytes.len() as u64;
        if self.recent.is_none() && length <= self.beginning_left_bytes {
            self.beginning_left_bytes -= length;
            return self.beginning.write_all(bytes);
        }
        if length > self.part_limit_bytes {
            self.dropped_bytes += length;
            return Ok(());
        }
        if self.recent.is_some() && self.recent_bytes + length > self.part_limit_bytes {
            self.recent = None;
            fs::rename(self.part("recent"), self.part("older"))?;
            self.dropped_bytes += self.older_bytes;
            self.older_bytes = std::mem::take(&mut self.recent_bytes);
        }
        let recent = match &mut self.recent {
            Some(recent) => recent,
            none => none.insert(File::create(suffixed(&self.path, "recent"))?),
        };
        self.recent_bytes += length;
        recent.write_all(bytes)
    }

    /// Joins the parts.
    ///
    /// # Errors
    /// When that cannot be written; the parts are then left as they are.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.recent.take().is_none() {
            return Ok(());
        }
        if self.dropped_bytes > 0 {
            writeln!(self.beginning, "[soakd: {} bytes of output were dropped here]", self.dropped_bytes)?;
        }
        for part in ["older", "recent"].map(|part| self.part(part)) {
            match File::open(&part) {
                Ok(mut from) => {
                    io::copy(&mut from, &mut self.beginning)?;
                    fs::remove_file(&part)?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn part(&self, which: &str) -> PathBuf {
        suffixed(&self.path, which)
    }
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(limit_bytes: u64, lines: u32) -> (String, bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("target.log");
        let mut log = OutputLog::open(&path, limit_bytes).unwrap();
        for line in 0..lines {
            log.write(format!("line {line:05}\n").as_bytes()).unwrap();
        }
        let dropped = log.has_dropped();
        log.finish().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "parts are left");
        (fs::read_to_string(&path).unwrap(), dropped)
    }

    #[test]
    fn what_fits_is_kept_whole() {
        for lines in [0, 1, 10, 49, 50, 51, 75, 76, 90] {
            // 11 bytes each; a part holds 25 lines, so that up to 100 fit.
            let (text, dropped) = written(11 * 100, lines);
            let expected: String = (0..lines).map(|line| format!("line {line:05}\n")).collect();
            assert_eq!(text, expected);
            assert!(!dropped);
        }
    }

    #[test]
    fn beginning_and_end_are_kept_of_too_much() {
        let (text, dropped) = written(11 * 100, 10_000);
        assert!(dropped);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[49], "line 00049");
        assert!(lines[50].contains("bytes of output were dropped here"), "{}", lines[50]);
        assert_eq!(*lines.last().unwrap(), "line 09999");
        assert!((75..=101).contains(&lines.len()), "{} lines", lines.len());
        let dropped_bytes: usize = lines[50].split(' ').nth(1).unwrap().parse().unwrap();
        assert_eq!(dropped_bytes + (lines.len() - 1) * 11, 10_000 * 11);
    }

    #[test]
    fn a_limit_of_nothing_keeps_nothing_and_says_so() {
        let (text, dropped) = written(0, 3);
        assert_eq!(text, "");
        assert!(dropped);
    }

    #[test]
    fn an_older_file_is_continued() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("target.log");
        for part in ["first\n", "second\n"] {
            let mut log = OutputLog::open(&path, 1000).unwrap();
            log.write(part.as_bytes()).unwrap();
            log.finish().unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "first\nsecond\n");
    }
}
