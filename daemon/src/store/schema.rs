//! The tables, and how a connection to them is opened.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error::StoreError;

/// Marks the file as soakd's (`soak` in ASCII), so that another program's database is not written to.
const APPLICATION_ID: i64 = 0x736f_616b;

/// Every SQLite file has at least this header.
const HEADER_BYTES: u64 = 100;

/// How long to wait for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

/// The write-ahead log is cut back to this once it has been copied into the file.
const JOURNAL_LIMIT_BYTES: i64 = 16 * 1024 * 1024;

/// Each entry brings the schema one version further; the version is `user_version`. Entries are never changed.
const MIGRATIONS: &[&str] = &[
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
];

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
    if is_made(file)? {
        return Ok(());
    }
    let _making = lock(file)?;
    if is_made(file)? {
        return Ok(());
    }
    open_private(file).map(drop).map_err(|error| of_system(file, error))
}

/// Whether there is a file that SQLite can be left to look into, or none at all. SQLite takes a short file of any
/// content for an empty database and writes over it.
///
/// Does not open the file: closing it again would take away the locks that another connection of this process has.
fn is_made(file: &Path) -> Result<bool, StoreError> {
    match fs::metadata(file) {
        Ok(found) if found.is_file() && !(1..HEADER_BYTES).contains(&found.len()) => Ok(true),
        Ok(_) => Err(StoreError::NotAStore { file: file.to_owned(), found: "not an SQLite file" }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(of_system(file, error)),
    }
}

/// Keeps other processes from making or migrating the store until it is dropped. SQLite does not wait for another
/// process that turns the write-ahead log on at the same moment.
fn lock(file: &Path) -> Result<File, StoreError> {
    let locked = open_private(&file.with_extension("lock")).and_then(|lock| lock.lock().map(|()| lock));
    // Where the lock cannot be made the store cannot either, and that is what the user knows by name.
    locked.map_err(|error| of_system(file, error))
}

fn open_private(file: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(file)
}

fn of_system(file: &Path, error: io::Error) -> StoreError {
    let file = file.to_owned();
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly { file },
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::DiskFull { file },
        _ => StoreError::Open { file, error },
    }
}

/// A store that was brought up to date when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// The version of its schema until now.
    pub from: i64,
    /// Where the store is kept as it was.
    pub backup: PathBuf,
}

/// Opens `file`, which exists, and brings its schema up to date.
pub(super) fn connect(file: &Path) -> Result<(Connection, Option<Migrated>), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(file, flags).map_err(|error| StoreError::of(file, error))?;
    let mut connection = opened;
    let migrated = prepare(&mut connection, file)?;
    Ok((connection, migrated))
}

/// Refuses what is not ours before anything is written.
fn prepare(connection: &mut Connection, file: &Path) -> Result<Option<Migrated>, StoreError> {
    let sqlite = |error| StoreError::of(file, error);
    connection.busy_timeout(BUSY).map_err(sqlite)?;
    let Found { version: found, ours } = look(connection).map_err(sqlite)?;
    if found > version() {
        return Err(StoreError::Newer { file: file.to_owned(), found, known: version() });
    }
    if !ours {
        return Err(StoreError::NotAStore { file: file.to_owned(), found: "a database of another program" });
    }
    let mut migrated = None;
    if found < version() {
        let _migrating = lock(file)?;
        // Another process may have been here since the version was read.
        let found = stored_version(connection).map_err(sqlite)?;
        if found == 0 {
            // Before anything is written, or never: pages that are no longer used can be given back one by one.
            connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL").map_err(sqlite)?;
        } else if found < version() {
            migrated = Some(Migrated { from: found, backup: back_up(connection, file, found)? });
        }
        connection.execute_batch("PRAGMA journal_mode = WAL").map_err(sqlite)?;
        migrate(connection).map_err(sqlite)?;
        if migrated.is_some()
            && let Err(error) = connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM")
        {
            // The file then keeps its size and uses it again: nothing is wrong with that.
            tracing::debug!(%error, "the migrated store was not rewritten");
        }
    }
    connection
        .execute_batch(&format!(
            "PRAGMA synchronous = NORMAL;
             PRAGMA journal_size_limit = {JOURNAL_LIMIT_BYTES};
             PRAGMA foreign_keys = ON;
             PRAGMA cell_size_check = ON;"
        ))
        .map_err(sqlite)?;
    Ok(migrated)
}

/// Copies the store as it is, whole or not at all, beside itself. The copy replaces one of an earlier attempt.
fn back_up(connection: &Connection, file: &Path, from: i64) -> Result<PathBuf, StoreError> {
    let backup = file.with_extension(format!("schema-{from}.sqlite"));
    let unfinished = backup.with_extension("new");
    let made = (|| {
        let _ = fs::remove_file(&unfinished);
        // SQLite writes into an empty file that is there, and leaves its permissions as they are.
        open_private(&unfinished).map_err(|error| of_system(&unfinished, error))?;
        connection
            .execute("VACUUM INTO ?1", [unfinished.to_string_lossy()])
            .map_err(|error| StoreError::of(&unfinished, error))?;
        File::open(&unfinished)
            .and_then(|copy| copy.sync_all())
            .and_then(|()| fs::rename(&unfinished, &backup))
            .map_err(|error| of_system(&backup, error))
    })();
    if made.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    made.map(|()| backup)
}

/// What a database says of itself.
struct Found {
    version: i64,
    /// Whether soakd made it, or nobody has yet.
    ours: bool,
}

/// All in one transaction: another process may be making the store at this moment.
fn look(connection: &mut Connection) -> rusqlite::Result<Found> {
    let transaction = connection.transaction()?;
    let version = stored_version(&transaction)?;
    let application: i64 = transaction.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)";
    let empty: bool = transaction.query_row(sql, [], |row| row.get(0))?;
    transaction.commit()?;
    Ok(Found { version, ours: empty || application == APPLICATION_ID })
}

fn stored_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
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
