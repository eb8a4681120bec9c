//! What the store is given instead of a store: each is refused in plain words, and left as it was.

#![expect(clippy::unwrap_used, reason = "a test that fails says so by its panic")]

mod store_runs;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rusqlite::Connection;
use soakd::store::{Ending, Scope, Store, StoreError};
use soakd_analysis::Quantity;
use store_runs::{new_run, open};

/// Message and hint of the refusal, with the folder named `STATE`.
fn refusal(folder: &Path) -> String {
    let error = Store::open(folder).unwrap_err();
    let hint = error.hint().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
    format!("error: {error}{hint}").replace(&folder.display().to_string(), "STATE")
}

/// A store with one run of 2,000 samples, all of it in the file itself.
fn store_with_a_run(folder: &Path) {
    let store = open(folder);
    let mut recorder = store.begin(new_run("demo")).unwrap();
    let rss = recorder.series("rss_bytes", Scope::Tree, Quantity::Bytes);
    for tick in 0..2000 {
        recorder.sample(f64::from(tick), &[(rss, f64::from(tick) + 0.5)]);
        if tick % 500 == 0 {
            recorder.flush().unwrap();
        }
    }
    recorder.finish(Ending { duration_s: 2000.0, why: "done".to_owned(), verdict: None }).unwrap();
    let connection = Connection::open(store.file()).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

#[test]
fn folder_and_files_are_for_this_user_alone() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("state/soakd");
    let store = open(&folder);
    let recorder = store.begin(new_run("demo")).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    drop(recorder);
}

#[test]
fn a_store_of_the_first_version_is_brought_up_to_date_with_all_that_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("soakd.sqlite");
    let connection = Connection::open(&file).unwrap();
    connection.execute_batch(include_str!("../src/store/schema_1.sql")).unwrap();
    connection
        .execute_batch(
            "PRAGMA application_id = 0x736f616b; PRAGMA user_version = 1;
             INSERT INTO runs VALUES (7, '20260101-000000-old-0000', 'old', '', '[]', NULL, NULL, NULL, '{}', 60.0, 1.0,
                 '{\"commit\": \"3f9a2c1\"}', '2026-01-01T00:00:00Z', 'finished', 1, 1, 'boot', 'done', 2.0);
             INSERT INTO series VALUES (7, 0, 'rss_bytes', 'tree', NULL, NULL, NULL, 'bytes'),
                 (7, 1, 'fds_count', 'process', 42, 43, 'server', 'count');
             INSERT INTO samples VALUES (7, 0, 0.5, x'0004'), (7, 1, 1.5, x'0008');",
        )
        .unwrap();
    drop(connection);
    let opened = Store::open(folder.path()).unwrap();
    let migrated = opened.migrated.unwrap();
    assert_eq!((migrated.from, migrated.backup.clone()), (1, folder.path().join("soakd.schema-1.sqlite")));
    assert_eq!(fs::metadata(&migrated.backup).unwrap().permissions().mode() & 0o777, 0o600);
    let backup = Connection::open(&migrated.backup).unwrap();
    let kept: (i64, i64) = backup
        .query_row("SELECT (SELECT count(*) FROM samples), user_version FROM pragma_user_version", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(kept, (2, 1), "as it was");
    assert_eq!(Store::open(folder.path()).unwrap().migrated, None, "once");
    let store = opened.store;
    let run = store.run("last").unwrap();
    assert_eq!(run.run.commit.as_deref(), Some("3f9a2c1"));
    let series = store.series(run.key).unwrap();
    assert_eq!(series[0].scope, Scope::Tree);
    assert_eq!(series[1].scope, Scope::Process { pid: 42, start_ticks: 43, name: "server".to_owned() });
    assert_eq!(store.samples_count(run.key).unwrap(), 2);
    assert_eq!(store.column(run.key, series[0].number).unwrap().unwrap().t_s, [0.5, 1.5]);
    assert_eq!(store.compress().unwrap(), 2);
    assert_eq!(store.column(run.key, series[0].number).unwrap().unwrap().t_s, [0.5, 1.5]);
}

/// A store as a soakd wrote it that knew neither compressed samples nor branches: one run of four seconds with its verdict. Its
/// samples stand beside it as that soakd exported them. Names of the host were made up afterwards, nothing else.
#[test]
fn a_store_that_an_earlier_soakd_wrote_is_read_whole() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store_runs");
    let folder = tempfile::tempdir().unwrap();
    fs::copy(fixtures.join("schema-3.sqlite"), folder.path().join("soakd.sqlite")).unwrap();
    let exported = fs::read_to_string(fixtures.join("schema-3.csv")).unwrap();
    let mut lines = exported.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().unwrap();
    let rows: Vec<Vec<&str>> = lines.collect();

    let opened = Store::open(folder.path()).unwrap();
    assert_eq!(opened.migrated.unwrap().from, 3);
    assert_eq!(opened.interrupted, []);
    let store = opened.store;
    let run = store.run("last").unwrap();
    assert_eq!(run.run.commit.as_deref(), Some("3f9a2c1"), "lifted out of its policy");
    let verdict = soakd_reports::read(&store.verdict(run.key).unwrap().unwrap().to_string()).unwrap();
    assert_eq!((verdict.run.id.as_str(), verdict.run.branch.as_deref()), (run.run.id.as_str(), None));

    let read = || {
        let series = store.series(run.key).unwrap();
        let of = |scope: fn(&Scope) -> bool| series.iter().filter(move |series| scope(&series.scope));
        let tree: Vec<_> = of(|scope| matches!(scope, Scope::Tree)).cloned().collect();
        let numbers: Vec<_> = tree.iter().map(|series| series.number).collect();
        store.columns(run.key, &numbers).unwrap()
    };
    let before = read();
    assert!(before.len() > 5, "{}", before.len());
    for column in &before {
        let place = names.iter().position(|name| *name == column.series.metric).unwrap();
        let exported = rows.iter().filter(|row| !row[place].is_empty());
        let exported: Vec<(f64, f64)> =
            exported.map(|row| (row[0].parse().unwrap(), row[place].parse().unwrap())).collect();
        let read: Vec<(f64, f64)> = column.t_s.iter().copied().zip(column.values.iter().copied()).collect();
        assert_eq!(read, exported, "{}", column.series.metric);
    }
    assert!(store.compress().unwrap() > 30);
    assert_eq!(read(), before);
    store.check().unwrap();
}

#[test]
fn a_block_that_was_changed_is_named_as_damage_and_harms_no_other_run() {
    let folder = tempfile::tempdir().unwrap();
    store_with_a_run(folder.path());
    let store = open(folder.path());
    store.compress().unwrap();
    let run = store.run("last").unwrap();
    let sql = "UPDATE chunks SET data = CAST(substr(data, 1, 40) || x'00' || substr(data, 42) AS BLOB)";
    Connection::open(store.file()).unwrap().execute(sql, []).unwrap();
    let error = store.column(run.key, store.series(run.key).unwrap()[0].number).unwrap_err();
    let message = error.to_string().replace(&folder.path().display().to_string(), "STATE");
    insta::assert_snapshot!(message, @"the store `STATE/soakd.sqlite` is damaged: the samples from number 0 on are not what was written");
}

#[test]
fn damaged_rows_are_left_as_they_are_and_the_others_are_compressed() {
    let folder = tempfile::tempdir().unwrap();
    store_with_a_run(folder.path());
    let store = open(folder.path());
    let sql = "UPDATE samples SET readings = substr(readings, 1, 4) WHERE number = 7";
    Connection::open(store.file()).unwrap().execute(sql, []).unwrap();
    let mut recorder = store.begin(new_run("other")).unwrap();
    let rss = recorder.series("rss_bytes", Scope::Tree, Quantity::Bytes);
    recorder.sample(0.0, &[(rss, 1.0)]);
    recorder.finish(Ending { duration_s: 1.0, why: "done".to_owned(), verdict: None }).unwrap();
    assert!(matches!(store.compress(), Err(StoreError::Damaged { .. })));
    let left: i64 = Connection::open(store.file())
        .unwrap()
        .query_row("SELECT count(*) FROM samples", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 2000);
}

#[test]
fn a_folder_below_a_file_is_refused() {
    let outer = tempfile::tempdir().unwrap();
    let file = outer.path().join("file");
    fs::write(&file, "x").unwrap();
    insta::assert_snapshot!(refusal(&file.join("state")), @"
    error: cannot create the state folder `STATE`: Not a directory (os error 20)
      hint: give a folder that you may write to with `--state DIR`, or set `STATE_DIRECTORY`
    ");
}

#[test]
fn a_folder_that_nobody_may_write_to_is_refused() {
    insta::assert_snapshot!(refusal(Path::new("/proc/soakd")), @"
    error: cannot create the state folder `STATE`: No such file or directory (os error 2)
      hint: give a folder that you may write to with `--state DIR`, or set `STATE_DIRECTORY`
    ");
}

#[test]
fn a_folder_in_place_of_the_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("soakd.sqlite")).unwrap();
    insta::assert_snapshot!(refusal(folder.path()), @"
    error: `STATE/soakd.sqlite` is not a soakd store: not an SQLite file
      hint: move `STATE/soakd.sqlite` out of the way, or give another folder with `--state DIR`
    ");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_kept() {
    for content in ["t_s,rss_bytes\n".repeat(400), "x".to_owned(), "x".repeat(99), "x".repeat(100), "x".repeat(511)] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("soakd.sqlite");
        fs::write(&file, &content).unwrap();
        insta::allow_duplicates! {
            insta::assert_snapshot!(refusal(folder.path()), @"
            error: `STATE/soakd.sqlite` is not a soakd store: not an SQLite file
              hint: move `STATE/soakd.sqlite` out of the way, or give another folder with `--state DIR`
            ");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), content);
    }
}

#[test]
fn a_database_of_another_program_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("soakd.sqlite");
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE bookmarks (url TEXT)").unwrap();
    let before = fs::read(&file).unwrap();
    insta::assert_snapshot!(refusal(folder.path()), @"
    error: `STATE/soakd.sqlite` is not a soakd store: a database of another program
      hint: move `STATE/soakd.sqlite` out of the way, or give another folder with `--state DIR`
    ");
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn a_store_of_a_newer_soakd_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    store_with_a_run(folder.path());
    let file = folder.path().join("soakd.sqlite");
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&file).unwrap();
    insta::assert_snapshot!(refusal(folder.path()), @"
    error: the store `STATE/soakd.sqlite` has schema 99, this soakd knows up to 5: a newer soakd made it
      hint: use the newer soakd, or give another folder with `--state DIR`; nothing was changed
    ");
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn a_store_with_a_damaged_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    store_with_a_run(folder.path());
    let file = folder.path().join("soakd.sqlite");
    let mut bytes = fs::read(&file).unwrap();
    bytes[100..4096].fill(0xa5);
    fs::write(&file, bytes).unwrap();
    insta::assert_snapshot!(refusal(folder.path()), @"
    error: the store `STATE/soakd.sqlite` is damaged: database disk image is malformed
      hint: save what is left with `sqlite3 STATE/soakd.sqlite .recover`, then move the file out of the way
    ");
}

#[test]
fn damage_in_the_middle_is_named_when_it_is_met() {
    let folder = tempfile::tempdir().unwrap();
    store_with_a_run(folder.path());
    let file = folder.path().join("soakd.sqlite");
    let mut bytes = fs::read(&file).unwrap();
    // Behind the pages in which the tables begin.
    let middle = bytes.len() * 3 / 4;
    bytes[middle..].fill(0xa5);
    fs::write(&file, bytes).unwrap();
    let store = open(folder.path());
    let run = store.run("last").unwrap();
    let rss = store.series(run.key).unwrap()[0].number;
    let error = store.column(run.key, rss).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(matches!(store.check(), Err(StoreError::Damaged { .. })));
}

#[test]
fn a_store_that_was_cut_off_is_named_as_damaged() {
    let folder = tempfile::tempdir().unwrap();
    store_with_a_run(folder.path());
    let file = folder.path().join("soakd.sqlite");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let damaged = match Store::open(folder.path()) {
        Err(error) => matches!(error, StoreError::Damaged { .. }),
        Ok(opened) => matches!(opened.store.check(), Err(StoreError::Damaged { .. })),
    };
    assert!(damaged);
}

#[test]
fn readings_that_end_in_the_middle_are_damage() {
    let folder = tempfile::tempdir().unwrap();
    store_with_a_run(folder.path());
    let file = folder.path().join("soakd.sqlite");
    let sql = "UPDATE samples SET readings = substr(readings, 1, 4) WHERE number = 7";
    Connection::open(&file).unwrap().execute(sql, []).unwrap();
    let store = open(folder.path());
    let run = store.run("last").unwrap();
    let error = store.column(run.key, store.series(run.key).unwrap()[0].number).unwrap_err();
    let message = error.to_string().replace(&folder.path().display().to_string(), "STATE");
    insta::assert_snapshot!(message, @"the store `STATE/soakd.sqlite` is damaged: the readings of sample 7 end in the middle");
}

#[test]
fn many_processes_may_make_the_store_at_once() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| open(folder.path()));
        }
    });
    open(folder.path()).check().unwrap();
}
