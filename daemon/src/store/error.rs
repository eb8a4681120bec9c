//! What can go wrong with the store, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use thiserror::Error;

/// Why the store could not be opened, read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The state folder could not be made or entered.
    #[error("cannot create the state folder `{}`: {error}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Folder or file may not be written.
    #[error("cannot write to the store `{}`: no permission, or a read-only file system", file.display())]
    ReadOnly {
        /// The store's file.
        file: PathBuf,
    },
    /// The file system, or the process's limit on file sizes, is exhausted.
    #[error("cannot write to the store `{}`: the disk is full or a file size limit is reached", file.display())]
    DiskFull {
        /// The store's file.
        file: PathBuf,
    },
    /// The file could not be opened for another reason.
    #[error("cannot open the store `{}`: {error}", file.display())]
    Open {
        /// The store's file.
        file: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file holds something else.
    #[error("`{}` is not a soakd store: {found}", file.display())]
    NotAStore {
        /// The file.
        file: PathBuf,
        /// What it is instead.
        found: &'static str,
    },
    /// A later soakd made the store.
    #[error("the store `{}` has schema {found}, this soakd knows up to {known}: a newer soakd made it", file.display())]
    Newer {
        /// The store's file.
        file: PathBuf,
        /// Its schema version.
        found: i64,
        /// The latest version that this program knows.
        known: i64,
    },
    /// The file is a store, but damaged.
    #[error("the store `{}` is damaged: {detail}", file.display())]
    Damaged {
        /// The store's file.
        file: PathBuf,
        /// What was found.
        detail: String,
    },
    /// Another process kept the store locked for longer than we wait.
    #[error("the store `{}` is locked by another process", file.display())]
    Busy {
        /// The store's file.
        file: PathBuf,
    },
    /// The disk failed, or took the file away.
    #[error("cannot read or write the store `{}`: {detail}", file.display())]
    Disk {
        /// The store's file.
        file: PathBuf,
        /// What SQLite said.
        detail: String,
    },
    /// Anything else that SQLite reports.
    #[error("cannot use the store `{}`: {error}", file.display())]
    Sqlite {
        /// The store's file.
        file: PathBuf,
        /// What SQLite said.
        error: rusqlite::Error,
    },
    /// The writer thread could not be started.
    #[error("cannot start the thread that writes the store: {0}")]
    Thread(io::Error),
    /// The writer thread ended before its time.
    #[error("the thread that writes the store has ended")]
    WriterGone,
    /// Samples could not be compressed.
    #[error("cannot compress samples: {0}")]
    Compress(io::Error),
    /// A run of that id exists.
    #[error("there is a run `{0}` already")]
    RunExists(String),
    /// No run has that id.
    #[error("there is no run `{which}` in the store `{}`", file.display())]
    NoSuchRun {
        /// What was asked for.
        which: String,
        /// The store's file.
        file: PathBuf,
    },
    /// The store holds no run at all.
    #[error("there is no run yet in the store `{}`", file.display())]
    NoRuns {
        /// The store's file.
        file: PathBuf,
    },
    /// The run is not one that was cut off, or another process goes on with it.
    #[error("the run cannot be gone on with: it has ended, or another process records it")]
    NotToBeResumed,
    /// Several runs begin like that.
    #[error("`{prefix}` fits {count} runs, such as `{}` and `{}`", examples[0], examples[1])]
    Ambiguous {
        /// What was asked for.
        prefix: String,
        /// How many runs begin with it.
        count: usize,
        /// Two of them.
        examples: [String; 2],
    },
}

impl StoreError {
    /// Something to do about it, where there is something; a line of its own after the message.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Folder { .. } | Self::Open { .. } | Self::ReadOnly { .. } => {
                "give a folder that you may write to with `--state DIR`, or set `STATE_DIRECTORY`".to_owned()
            }
            Self::DiskFull { file } => format!(
                "free space below `{}`, or give a folder on another disk with `--state DIR`",
                folder_of(file).display()
            ),
            Self::NotAStore { file, .. } => {
                format!("move `{}` out of the way, or give another folder with `--state DIR`", file.display())
            }
            Self::Newer { .. } => {
                "use the newer soakd, or give another folder with `--state DIR`; nothing was changed".to_owned()
            }
            Self::Damaged { file, .. } => format!(
                "save what is left with `sqlite3 {} .recover`, then move the file out of the way",
                file.display()
            ),
            Self::Busy { .. } => {
                "wait for the other process (a backup, a long query) or end it, then try again".to_owned()
            }
            Self::NoSuchRun { .. } => {
                "`soakd report last` shows the newest run; the folders below `runs` bear the ids of all".to_owned()
            }
            Self::NoRuns { .. } => "`soakd check -- COMMAND` makes one; `--state DIR` names another folder".to_owned(),
            Self::Ambiguous { .. } => "type more of the id, or `last`".to_owned(),
            Self::Disk { file, .. } => format!(
                "see whether the disk is full or failing: `df {}`, and the kernel's log",
                folder_of(file).display()
            ),
            Self::Sqlite { .. }
            | Self::Thread(_)
            | Self::WriterGone
            | Self::Compress(_)
            | Self::NotToBeResumed
            | Self::RunExists(_) => {
                return None;
            }
        };
        Some(hint)
    }

    /// What SQLite reported about `file`, sorted by what can be done about it.
    pub(super) fn of(file: &Path, error: rusqlite::Error) -> Self {
        use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};

        let file = file.to_owned();
        let Some(code) = error.sqlite_error_code() else {
            return match error {
                FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) | Utf8Error(..) => {
                    Self::Damaged { file, detail: error.to_string() }
                }
                error => Self::Sqlite { file, error },
            };
        };
        match code {
            ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => Self::ReadOnly { file },
            ErrorCode::DiskFull => Self::DiskFull { file },
            ErrorCode::NotADatabase => Self::NotAStore { file, found: "not an SQLite file" },
            ErrorCode::DatabaseCorrupt => Self::Damaged { file, detail: error.to_string() },
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy { file },
            ErrorCode::SystemIoFailure => Self::Disk { file, detail: error.to_string() },
            _ => Self::Sqlite { file, error },
        }
    }
}

fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or(file)
}
