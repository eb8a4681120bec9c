//! How many operations have been done so far: the counter that growth per operation is laid on.
//!
//! Whoever counts (a watcher of the target's output, a poller of an endpoint, a load driver) writes into an
//! [`OperationCount`]; the sampling thread reads it with every sample.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The cumulative number of operations, shared between who counts and who samples; unknown at first.
#[derive(Debug, Clone)]
pub struct OperationCount(Arc<AtomicU64>);

/// The bits of a NaN: nobody has counted yet.
const UNKNOWN: u64 = f64::NAN.to_bits();

impl Default for OperationCount {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(UNKNOWN)))
    }
}

impl OperationCount {
    /// The number so far; `None` until somebody has counted.
    #[must_use]
    pub fn get(&self) -> Option<f64> {
        Some(f64::from_bits(self.0.load(Ordering::Relaxed))).filter(|count| count.is_finite())
    }

    /// Sets the number. One that is not finite is not known.
    pub fn set(&self, count: f64) {
        self.0.store(count.to_bits(), Ordering::Relaxed);
    }
}

/// The number at the beginning of a file: its first word. `None` where there is no file, or none that begins so.
///
/// Reads no more than a number can be long.
#[must_use]
pub fn read_file(path: &Path) -> Option<f64> {
    beginning(path)?.split_whitespace().next()?.parse().ok().filter(|count: &f64| count.is_finite())
}

/// The word after the number: what a driver says of itself.
#[must_use]
pub fn read_second_word(path: &Path) -> Option<String> {
    beginning(path)?.split_whitespace().nth(1).map(str::to_owned)
}

/// The beginning of a file, where it is text.
fn beginning(path: &Path) -> Option<String> {
    let mut beginning = [0_u8; 64];
    let mut file = std::fs::File::open(path).ok()?;
    let mut length = 0;
    while length < beginning.len() {
        match file.read(&mut beginning[length..]).ok()? {
            0 => break,
            read => length += read,
        }
    }
    std::str::from_utf8(&beginning[..length]).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_known_until_somebody_has_counted() {
        let count = OperationCount::default();
        assert_eq!(count.get(), None);
        count.clone().set(12.0);
        assert_eq!(count.get(), Some(12.0));
        count.set(f64::INFINITY);
        assert_eq!(count.get(), None);
    }

    #[test]
    fn a_file_gives_its_first_word() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("operations");
        assert_eq!(read_file(&file), None);
        for (text, expected) in [("", None), ("42\n", Some(42.0)), (" 1e3 requests", Some(1000.0)), ("many", None)] {
            std::fs::write(&file, text).expect("written");
            assert_eq!(read_file(&file), expected, "{text:?}");
        }
    }
}
