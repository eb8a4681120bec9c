//! What recording costs: a tick of 20 series, a day read back, and a day once its run has ended, in bytes and in time.
//!
//! The alternative to rows while a run lasts is one row for each reading, keyed so that a series is quick to read; to
//! what becomes of them afterwards that, CSV and Parquet. `$SOAKD_BENCH_PYTHON` names a Python with `duckdb`, which reads
//! the Parquet file; without it that is not timed.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark that fails says so and tells its figures")]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rusqlite::{Connection, params};
use soakd::store::{Ending, NewRun, Recorder, RunId, RunKey, Scope, SeriesNumber, Store};
use soakd_analysis::Quantity;
use soakd_reports::{Origin, Recorded, Recording, Report};

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
}

/// A generator of numbers that is the same each time: the high half of a linear congruence (Knuth, TAOCP 2, 3.3.4).
struct Chance(u64);

impl Chance {
    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 32).unwrap()) / f64::from(u32::MAX)
    }

    /// About normal, of variance 1: the sum of twelve shares.
    fn noise(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }
}

/// What a service under load shows in a day, in the resolution in which it is read: pages, counts, clock ticks, seconds of
/// an endpoint in decimal digits, and times as the clock gives them.
fn a_service() -> (Vec<f64>, Vec<(&'static str, Vec<f64>)>) {
    let mut chance = Chance(7);
    let ticks = || 0..DAY;
    // Due each second, and read some microseconds later, in nanoseconds.
    let t_s = ticks().map(|tick| f64::from(tick) + (6e4 + 4e4 * chance.share()).round() * 1e-9).collect();
    let mut series: Vec<(&'static str, Vec<f64>)> = Vec::new();
    // Resident memory: moves by some pages in every other second, is given back now and then.
    for (name, pages, busy) in [
        ("rss_bytes", 60_000.0, 0.6),
        ("anon_bytes", 52_000.0, 0.6),
        ("anon_swap_bytes", 52_000.0, 0.6),
        ("pss_bytes", 55_000.0, 0.6),
        ("uss_bytes", 51_000.0, 0.6),
        ("file_bytes", 8_000.0, 0.02),
        ("shmem_bytes", 400.0, 0.001),
        ("swap_bytes", 120.0, 0.01),
        ("brk_bytes", 20_000.0, 0.05),
    ] {
        let mut now = pages;
        let values = ticks().map(|_| {
            if chance.share() < busy {
                now += (0.02 * (pages - now) / 10.0 + 6.0 * chance.noise()).round();
            }
            4096.0 * f64::max(now, 0.0)
        });
        series.push((name, values.collect()));
    }
    // The live heap, to the byte.
    series.push(("heap_live_bytes", ticks().map(|_| (1.8e8 + 4e5 * chance.noise()).round()).collect()));
    for (name, level, busy) in [("fds_count", 140.0, 0.2), ("threads_count", 24.0, 0.003), ("sockets_count", 90.0, 0.3)]
    {
        let mut now: f64 = level;
        let values = ticks().map(|_| {
            if chance.share() < busy {
                now = (level + 4.0 * chance.noise()).round();
            }
            now
        });
        series.push((name, values.collect()));
    }
    // Counters that only grow.
    for (name, each, unit) in [("cpu_s", 31.0, 0.01), ("faults_count", 45.0, 1.0), ("ops_count", 210.0, 1.0)] {
        let mut total = 0.0;
        let values = ticks().map(|_| {
            total += f64::max(each + f64::sqrt(each) * chance.noise(), 0.0).round();
            total * unit
        });
        series.push((name, values.collect()));
    }
    // Of the host and of an endpoint.
    series.push(("host_available_bytes", ticks().map(|_| 1024.0 * (9e6 + 3e3 * chance.noise()).round()).collect()));
    series.push(("host_pressure_ratio", ticks().map(|_| (80.0 * chance.share().powi(3)).round() / 1e4).collect()));
    series.push(("latency_p50_s", ticks().map(|_| (1200.0 + 40.0 * chance.noise()).round() / 1e6).collect()));
    series.push(("latency_p99_s", ticks().map(|_| (8000.0 + 900.0 * chance.noise()).round() / 1e6).collect()));
    assert_eq!(series.len(), SERIES as usize);
    (t_s, series)
}

/// One way to keep a day: what it takes, and the seconds to write and to read it.
fn told(name: &str, bytes: u64, write_s: f64, read_s: Option<f64>) {
    let read = read_s.map_or_else(|| "not measured".to_owned(), |read_s| format!("{read_s:.2} s"));
    let each = bytes as f64 / (f64::from(SERIES) * f64::from(DAY));
    println!(
        "{name:28} {:>8.2} MB  {each:>6.2} bytes each  written in {write_s:.2} s, read in {read}",
        bytes as f64 / 1e6
    );
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed().as_secs_f64(), done)
}

fn a_day_that_has_ended(_: &mut Criterion) {
    let (t_s, series) = a_service();
    println!("\na day of 20 series at 1 s, once its run has ended:");
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    let mut recorder = store.begin(new_run()).unwrap();
    let numbers: Vec<SeriesNumber> =
        series.iter().map(|(name, _)| recorder.series(name, Scope::Tree, Quantity::of_metric(name))).collect();
    for (place, t_s) in t_s.iter().enumerate() {
        let readings: Vec<_> =
            numbers.iter().zip(&series).map(|(number, (_, values))| (*number, values[place])).collect();
        recorder.sample(*t_s, &readings);
        if place % 256 == 0 {
            recorder.flush().unwrap();
        }
    }
    let key = recorder.key();
    recorder.finish(Ending { duration_s: f64::from(DAY), why: "done".to_owned(), verdict: None }).unwrap();
    let settle = || {
        let connection = Connection::open(store.file()).unwrap();
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    };
    settle();
    let before = file_bytes(folder.path());
    let (write_s, _) = timed(|| store.compress().unwrap());
    settle();
    let after = file_bytes(folder.path());
    let (read_s, columns) = timed(|| store.columns(key, &numbers).unwrap());
    for (column, (name, values)) in columns.iter().zip(&series) {
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert!(
            bits(&column.values) == bits(values) && bits(&column.t_s) == bits(&t_s),
            "`{name}` is read back bit for bit"
        );
    }
    told("soakd, compressed", after, write_s, Some(read_s));
    println!("  the whole file; {:.2} MB while the run lasts", before as f64 / 1e6);

    let rows_folder = tempfile::tempdir().unwrap();
    let rows = rows_table(&rows_folder.path().join("rows.sqlite"));
    let (write_s, ()) = timed(|| {
        rows.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut insert = rows.prepare("INSERT INTO readings VALUES (1, ?1, ?2, ?3)").unwrap();
        for (number, (_, values)) in (0_u32..).zip(&series) {
            for (t_s, value) in t_s.iter().zip(values) {
                insert.execute(params![number, t_s, value]).unwrap();
            }
        }
        rows.execute_batch("COMMIT").unwrap();
    });
    let (read_s, count) = timed(|| {
        let mut select = rows.prepare("SELECT t_s, value FROM readings WHERE run = 1").unwrap();
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, f64>(0)?, row.get::<_, f64>(1)?));
        black_box(select.query_map([], read).unwrap().map(|pair| pair.unwrap()).collect::<Vec<_>>()).len()
    });
    assert_eq!(count, series.len() * t_s.len());
    rows.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(rows);
    told("SQLite, a row each", file_bytes(rows_folder.path()), write_s, Some(read_s));

    let verdict = soakd_reports::read(include_str!("../../reports/examples/pass.json")).unwrap();
    let recording = Recording {
        judged: None,
        series: series
            .iter()
            .map(|(name, values)| Recorded {
                metric: (*name).to_owned(),
                unit: Quantity::of_metric(name),
                origin: Origin::Tree,
                t_s: t_s.clone(),
                values: values.clone(),
            })
            .collect(),
    };
    let report = Report { recording: Some(&recording), ..Report::new(&verdict) };
    for format in ["csv", "parquet"] {
        let file = folder.path().join(format!("day.{format}"));
        let (write_s, bytes) = timed(|| {
            let bytes = soakd_reports::renderer(format).unwrap().render(&report).unwrap();
            std::fs::write(&file, &bytes).unwrap();
            bytes
        });
        let read_s = match format {
            "csv" => Some(
                timed(|| {
                    let text = std::fs::read_to_string(&file).unwrap();
                    let cells = text.lines().skip(1).flat_map(|line| line.split(','));
                    black_box(cells.map(|cell| cell.parse::<f64>().unwrap()).collect::<Vec<_>>())
                })
                .0,
            ),
            _ => read_by_duckdb(&file),
        };
        told(&format!("{format}, as soakd writes it"), bytes.len() as u64, write_s, read_s);
    }
}

/// Seconds that a SQL engine takes to read a Parquet file whole.
fn read_by_duckdb(file: &Path) -> Option<f64> {
    let python = std::env::var_os("SOAKD_BENCH_PYTHON")?;
    let script = "import sys, time, duckdb\nduckdb.sql('SELECT 1').fetchall()\nstart = time.perf_counter()\n\
                  duckdb.sql(f\"SELECT * FROM '{sys.argv[1]}'\").fetchnumpy()\nprint(time.perf_counter() - start)";
    let output = std::process::Command::new(python).args(["-c", script]).arg(file).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

criterion_group!(benches, one_tick, a_day, a_day_that_has_ended);
criterion_main!(benches);
