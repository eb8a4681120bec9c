//! What a command prints on standard output, kept up to a bound: for those whose output is their answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::output::{OutputLine, Stream};

/// Keeps lines of standard output, from the first one on. Clones are the same.
#[derive(Debug, Clone)]
pub struct Printed {
    limit_bytes: usize,
    kept: Arc<Mutex<Kept>>,
    is_full: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    is_too_long: bool,
}

impl Printed {
    /// One that keeps at most `limit_bytes`. Put it into [`SpawnSpec::printed`](super::SpawnSpec::printed).
    #[must_use]
    pub fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, kept: Arc::default(), is_full: Arc::default() }
    }

    /// All that was printed so far; `None` where that is more than the limit.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let kept = self.lock();
        (!kept.is_too_long).then(|| String::from_utf8_lossy(&kept.bytes).into_owned())
    }

    /// Resolves once more was printed than is kept.
    pub async fn overflow(&self) {
        self.is_full.notified().await;
    }

    pub(super) fn look(&self, line: OutputLine<'_>) {
        let mut kept = self.lock();
        if line.stream != Stream::Output || kept.is_too_long {
            return;
        }
        if kept.bytes.len() + line.bytes.len() + 1 > self.limit_bytes {
            *kept = Kept { bytes: Vec::new(), is_too_long: true };
            self.is_full.notify_one();
            return;
        }
        kept.bytes.extend_from_slice(line.bytes);
        kept.bytes.push(b'\n');
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_up_to_the_limit_and_errors_are_not() {
        let printed = Printed::new(8);
        let look = |stream, bytes: &[u8]| printed.look(OutputLine { stream, bytes });
        look(Stream::Output, b"1");
        look(Stream::Errors, b"a warning that is longer than the limit");
        look(Stream::Output, b"23");
        assert_eq!(printed.text().as_deref(), Some("1\n23\n"));
        look(Stream::Output, b"456");
        assert_eq!(printed.text(), None);
    }
}
