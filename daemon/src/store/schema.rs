//! The tables, and how a connection to them is opened.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error::StoreError;

/// Marks the file as soakd's (`soak` in ASCII), so that another program's database is not written to.
const APPLICATION_ID: i64 = 0x736f_616b;

/// How long to wait for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

/// The write-ahead log is cut back to this once it has been copied into the file.
const JOURNAL_LIMIT_BYTES: i64 = 16 * 1024 * 1024;

/// Each entry brings the schema one version further; the version is `user_version`. Entries are never changed.
const MIGRATIONS: &[&str] = &[include_str!("schema_1.sql")];

/// The version that this program reads and writes.
pub(super) fn version() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Makes `folder` and the file in it, readable for this user alone: profiles and commands may hold secrets.
pub(super) fn create(folder: &Path, file: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| StoreError::Folder { folder: folder.to_owned(), error })?;
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(file);
    let file = file.to_owned();
    match opened.map_err(|error| (error.kind(), error)) {
        Ok(_) => Ok(()),
        Err((io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem, _)) => {
            Err(StoreError::ReadOnly { file })
        }
        Err((io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded, _)) => Err(StoreError::DiskFull { file }),
        Err((_, error)) => Err(StoreError::Open { file, error }),
    }
}

/// Opens `file`, which exists, and brings its schema up to date.
pub(super) fn connect(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(file, flags).map_err(|error| StoreError::of(file, error))?;
    let mut connection = opened;
    prepare(&mut connection, file)?;
    Ok(connection)
}

/// Refuses what is not ours before anything is written.
fn prepare(connection: &mut Connection, file: &Path) -> Result<(), StoreError> {
    let sqlite = |error| StoreError::of(file, error);
    connection.busy_timeout(BUSY).map_err(sqlite)?;
    let found = stored_version(connection).map_err(sqlite)?;
    if found > version() {
        return Err(StoreError::Newer { file: file.to_owned(), found, known: version() });
    }
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(sqlite)?;
    if application != APPLICATION_ID && !is_empty(connection).map_err(sqlite)? {
        return Err(StoreError::NotAStore { file: file.to_owned(), found: "a database of another program" });
    }
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = NORMAL;
             PRAGMA journal_size_limit = {JOURNAL_LIMIT_BYTES};
             PRAGMA foreign_keys = ON;
             PRAGMA cell_size_check = ON;"
        ))
        .map_err(sqlite)?;
    if found < version() {
        migrate(connection).map_err(sqlite)?;
    }
    Ok(())
}

fn stored_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))
}

/// All steps in one transaction: another process sees the old schema or the new one.
fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been here since the version was read.
    let from = usize::try_from(stored_version(&transaction)?).unwrap_or(usize::MAX);
    for step in MIGRATIONS.iter().skip(from) {
        transaction.execute_batch(step)?;
    }
    if from < MIGRATIONS.len() {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", version())?;
    }
    transaction.commit()
}
