//! What recording costs: a tick of 20 series, a day read back, bytes for each reading.
//!
//! The alternative in the same run is one row for each reading, keyed so that a series is quick to read.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark that fails says so and tells its figures")]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rusqlite::{Connection, params};
use soakd::store::{Ending, NewRun, Recorder, RunId, RunKey, Scope, SeriesNumber, Store};
use soakd_analysis::Quantity;

const SERIES: u32 = 20;

/// A day of samples at 1 s.
const DAY: u32 = 86_400;

fn new_run() -> NewRun {
    let started = "2026-11-21T09:30:12Z".parse().unwrap();
    NewRun {
        id: RunId::new(started, "bench"),
        profile: "bench".to_owned(),
        profile_text: String::new(),
        command: Vec::new(),
        scenario: None,
        stage: None,
        environment: None,
        host: serde_json::json!({}),
        planned_s: f64::from(DAY),
        interval_s: 1.0,
        policy: serde_json::json!({}),
        started,
        commit: None,
        branch: None,
    }
}

/// Memory that moves by pages around a level, as resident memory does.
fn value(series: u32, tick: u32) -> f64 {
    let noise = (tick.wrapping_mul(2_654_435_761).wrapping_add(series * 97) >> 20) % 64;
    f64::from(25_600 * (series + 1) + noise) * 4096.0
}

fn readings(numbers: &[SeriesNumber], tick: u32) -> Vec<(SeriesNumber, f64)> {
    numbers.iter().map(|&number| (number, value(number.get(), tick))).collect()
}

fn begin(store: &Store) -> (Recorder, Vec<SeriesNumber>) {
    let mut recorder = store.begin(new_run()).unwrap();
    let numbers = (0..SERIES).map(|_| recorder.series("rss_bytes", Scope::Tree, Quantity::Bytes)).collect();
    (recorder, numbers)
}

/// One row for each reading, in the order of the series.
fn rows_table(file: &Path) -> Connection {
    let connection = Connection::open(file).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
             CREATE TABLE readings (run INTEGER NOT NULL, series INTEGER NOT NULL, t_s REAL NOT NULL,
                 value REAL NOT NULL, PRIMARY KEY (run, series, t_s)) STRICT, WITHOUT ROWID;",
        )
        .unwrap();
    connection
}

fn insert_rows(connection: &Connection, ticks: std::ops::Range<u32>) {
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut insert = connection.prepare("INSERT INTO readings VALUES (1, ?1, ?2, ?3)").unwrap();
    for tick in ticks {
        for series in 0..SERIES {
            insert.execute(params![series, f64::from(tick), value(series, tick)]).unwrap();
        }
    }
    connection.execute_batch("COMMIT").unwrap();
}

fn file_bytes(folder: &Path) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

fn one_tick(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one tick of 20 series");
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    let (mut recorder, numbers) = begin(&store);
    let mut tick = 0;
    group.bench_function("soakd, until committed", |bencher| {
        bencher.iter(|| {
            recorder.sample(f64::from(tick), &readings(&numbers, tick));
            recorder.flush().unwrap();
            tick += 1;
        });
    });
    group.bench_function("soakd, what the run waits for", |bencher| {
        bencher.iter_custom(|count| {
            let mut spent = Duration::ZERO;
            for _ in 0..count {
                tick += 1;
                // Room in the channel, so that nothing is left out.
                if tick % 256 == 0 {
                    recorder.flush().unwrap();
                }
                let readings = readings(&numbers, tick);
                let start = Instant::now();
                recorder.sample(f64::from(tick), black_box(&readings));
                spent += start.elapsed();
            }
            spent
        });
    });
    let rows = rows_table(&folder.path().join("rows.sqlite"));
    let mut tick = 0;
    group.bench_function("one row for each reading, until committed", |bencher| {
        bencher.iter(|| {
            insert_rows(&rows, tick..tick + 1);
            tick += 1;
        });
    });
    group.finish();
    recorder.finish(Ending { duration_s: 0.0, why: "done".to_owned(), verdict: None }).unwrap();
}

fn record_a_day(store: &Store) -> (RunKey, Vec<SeriesNumber>) {
    let (mut recorder, numbers) = begin(store);
    for tick in 0..DAY {
        recorder.sample(f64::from(tick), &readings(&numbers, tick));
        if tick % 256 == 0 {
            recorder.flush().unwrap();
        }
    }
    let key = recorder.key();
    recorder.finish(Ending { duration_s: f64::from(DAY), why: "done".to_owned(), verdict: None }).unwrap();
    (key, numbers)
}

fn a_day(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a day of 20 series at 1 s");
    group.sample_size(10);
    group.throughput(Throughput::Elements(u64::from(DAY)));
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    let (key, numbers) = record_a_day(&store);
    let rows_folder = tempfile::tempdir().unwrap();
    let rows = rows_table(&rows_folder.path().join("rows.sqlite"));
    insert_rows(&rows, 0..DAY);

    group.bench_function("soakd, one series read", |bencher| {
        bencher.iter(|| store.columns(key, &numbers[..1]).unwrap());
    });
    group.bench_function("soakd, all series read", |bencher| bencher.iter(|| store.columns(key, &numbers).unwrap()));
    group.bench_function("one row for each reading, one series read", |bencher| {
        let mut select = rows.prepare("SELECT t_s, value FROM readings WHERE run = 1 AND series = 7").unwrap();
        bencher.iter(|| {
            let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, f64>(0)?, row.get::<_, f64>(1)?));
            select.query_map([], read).unwrap().map(|pair| pair.unwrap()).unzip::<_, _, Vec<_>, Vec<_>>()
        });
    });
    group.finish();

    rows.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(rows);
    let checkpoint = Connection::open(store.file()).unwrap();
    checkpoint.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let each = f64::from(SERIES) * f64::from(DAY);
    for (name, folder) in [("soakd", folder.path()), ("one row for each reading", rows_folder.path())] {
        let bytes = file_bytes(folder);
        let million_bytes = bytes as f64 / 1e6;
        println!("{name}: {million_bytes:.1} MB for the day, {:.2} bytes for each reading", bytes as f64 / each);
    }
}

criterion_group!(benches, one_tick, a_day);
criterion_main!(benches);
