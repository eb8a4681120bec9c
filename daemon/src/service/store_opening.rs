//! The daemon's store: a damaged one is set aside, and the service goes on with a new one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::exit::Failure;
use crate::exit_of;
use crate::store::{Store, StoreError};

/// A larger store is not looked over before the daemon is ready.
const LOOKED_OVER_BYTES: u64 = 256 << 20;

/// The store, and what somebody should know about it.
#[derive(Debug)]
pub struct DaemonStore {
    /// The store.
    pub store: Store,
    /// In sentences.
    pub remarks: Vec<String>,
}

/// Opens the store in the state folder.
///
/// # Errors
/// [`Failure`] where it cannot be opened for another reason than that it is damaged.
pub fn open(state: &Path, now: Timestamp) -> Result<DaemonStore, Failure> {
    let mut remarks = Vec::new();
    let opened = match looked_over(state) {
        Err(StoreError::Damaged { file, detail }) => {
            let kept = set_aside(&file, now).map_err(|error| {
                exit_of::store(StoreError::Damaged { file: file.clone(), detail: detail.clone() })
                    .hint(format!("besides, it cannot be set aside: {error}"))
            })?;
            let text = format!(
                "the store was damaged ({detail}) and is kept aside as `{}`; history, queue and schedule begin anew",
                kept.display()
            );
            tracing::error!("{text}");
            remarks.push(text);
            Store::open(state)
        }
        other => other,
    }
    .map_err(exit_of::store)?;
    if let Some(migrated) = &opened.migrated {
        tracing::info!(from = migrated.from, backup = %migrated.backup.display(), "the store was brought up to date");
    }
    Ok(DaemonStore { store: opened.store, remarks })
}

fn looked_over(state: &Path) -> Result<crate::store::Opened, StoreError> {
    let opened = Store::open(state)?;
    if opened.store.size_bytes()? <= LOOKED_OVER_BYTES {
        opened.store.check()?;
    }
    Ok(opened)
}

/// Gives the store and what belongs to it another name; nothing of it is lost.
fn set_aside(file: &Path, now: Timestamp) -> std::io::Result<PathBuf> {
    let mark = format!(".damaged-{}", now.strftime("%Y%m%d-%H%M%S"));
    let with = |end: &str, more: &str| {
        let mut name = OsString::from(file.as_os_str());
        name.push(more);
        name.push(end);
        PathBuf::from(name)
    };
    let kept = with("", &mark);
    std::fs::rename(file, &kept)?;
    // The write-ahead log and its index, where there are any.
    for end in ["-wal", "-shm"] {
        let beside = with(end, "");
        if beside.exists() {
            std::fs::rename(beside, with(end, &mark))?;
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-26T01:02:03Z";

    #[test]
    fn a_damaged_store_is_kept_aside_and_a_new_one_is_made() {
        let state = tempfile::tempdir().expect("a folder");
        let now = NOW.parse().expect("a time");
        let opened = open(state.path(), now).expect("a new store");
        assert!(opened.remarks.is_empty());
        drop(opened);
        let file = state.path().join("soakd.sqlite");
        let mut bytes = std::fs::read(&file).expect("there");
        // Behind the header, where the tables are.
        let length = bytes.len();
        bytes[200..length].fill(0xa5);
        std::fs::write(&file, &bytes).expect("damaged");
        let opened = open(state.path(), now).expect("another new store");
        assert_eq!(opened.remarks.len(), 1, "{:?}", opened.remarks);
        assert!(opened.store.runs().expect("readable").is_empty());
        let kept = state.path().join("soakd.sqlite.damaged-20261126-010203");
        assert_eq!(std::fs::read(kept).expect("kept"), bytes);
    }
}
