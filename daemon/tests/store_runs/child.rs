//! This test binary once more, as a process that records runs and can be killed.

use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Says which part a child plays; the binary's `main` looks at it first.
pub(crate) const PART: &str = "SOAKD_TEST_STORE_PART";

/// The state folder that a child uses.
pub(crate) const FOLDER: &str = "SOAKD_TEST_STORE_FOLDER";

/// A child; killed and reaped when dropped.
pub(crate) struct Recording(pub(crate) Child);

impl Recording {
    /// Starts a child that plays `part` in `folder`; it is not killed by a limit on file sizes.
    pub(crate) fn start(part: &str, folder: &Path) -> Self {
        let child = Command::new("/bin/sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\""])
            .arg(std::env::current_exe().unwrap())
            .env(PART, part)
            .env(FOLDER, folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
