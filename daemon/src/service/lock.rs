//! One daemon for each state folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::exit::{Exit, Failure};

/// Name of the file in the state folder.
const FILE: &str = "daemon.lock";

/// Held as long as the daemon lives; the system lets go of it however that ends.
#[derive(Debug)]
pub struct DaemonLock(File);

impl DaemonLock {
    /// Takes the state folder for this daemon.
    ///
    /// # Errors
    /// [`Exit::Unavailable`] where another one has it, [`Exit::CannotWrite`] where it cannot be taken.
    pub fn take(state: &Path) -> Result<Self, Failure> {
        let path = state.join(FILE);
        let refused = |error: std::io::Error| {
            Failure::new(Exit::CannotWrite, format!("cannot write `{}`: {error}", path.display()))
                .hint("give a state folder that may be written to with `--state DIR`")
        };
        std::fs::create_dir_all(state).map_err(refused)?;
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(refused)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who it is only helps to find it.
                let _ = file.read_to_string(&mut holder);
                let holder = holder.trim();
                let who = if holder.is_empty() { String::new() } else { format!(" (process {holder})") };
                let text = format!("another daemon{who} works on the state folder `{}`", state.display());
                return Err(Failure::new(Exit::Unavailable, text)
                    .hint("`soakd ctl status` asks that one; give this one a folder of its own with `--state DIR`"));
            }
            Err(TryLockError::Error(error)) => return Err(refused(error)),
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "{}", std::process::id()));
        written.map_err(refused)?;
        Ok(Self(file))
    }

    /// Lets go of it at once.
    pub fn release(self) {
        // The system would do it with the end of the process.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_is_told_who_has_the_folder() {
        let state = tempfile::tempdir().expect("a folder");
        let first = DaemonLock::take(state.path()).expect("nobody has it");
        let second = DaemonLock::take(state.path()).expect_err("the first one has it");
        assert_eq!(second.exit, Exit::Unavailable);
        assert!(second.to_string().contains(&format!("process {}", std::process::id())), "{second}");
        first.release();
        assert!(DaemonLock::take(state.path()).is_ok());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told() {
        let state = tempfile::NamedTempFile::new().expect("a file");
        let refused = DaemonLock::take(&state.path().join("below")).expect_err("a file is no folder");
        assert_eq!(refused.exit, Exit::CannotWrite);
    }
}
