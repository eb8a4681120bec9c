//! What was recorded is what is read back.

#![expect(clippy::unwrap_used, reason = "a test that fails says so by its panic")]

mod store_runs;

use proptest::prelude::*;
use soakd::store::{Ending, Event, Gap, Recorder, RunId, RunState, Scope, Store, StoreError};
use soakd_analysis::Quantity;
use store_runs::{new_run, open};

fn process(pid: u32) -> Scope {
    Scope::Process { pid, start_ticks: 987_654_321, name: "server (old) \"x\"".to_owned() }
}

fn ending(verdict: Option<serde_json::Value>) -> Ending {
    Ending { duration_s: 12.5, why: "the time was up".to_owned(), verdict }
}

#[test]
fn a_run_comes_back_as_it_was_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let run = new_run("demo");
    let mut recorder = store.begin(run.clone()).unwrap();
    let key = recorder.key();
    let tree = recorder.series("rss_bytes", Scope::Tree, Quantity::Bytes);
    let one = recorder.series("fds_count", process(4711), Quantity::Count);
    let host = recorder.series("load_ratio", Scope::Host, Quantity::Other);
    let ops = recorder.series("ops_count", Scope::Operations, Quantity::Count);
    recorder.event(0.0, "phase", "soaking");
    recorder.sample(0.0, &[(tree, 4096.0), (one, 3.0), (host, 0.1), (ops, 0.0)]);
    recorder.gap(Gap { series: Some(one), from_s: 1.0, to_s: 2.0, why: "permission denied".to_owned() });
    recorder.sample(1.0, &[(tree, 8192.0), (ops, 17.0)]);
    recorder.gap(Gap { series: None, from_s: 1.5, to_s: 2.5, why: "a tick was missed".to_owned() });
    recorder.sample(3.0, &[(tree, f64::NAN), (one, 4.0)]);
    recorder.event(3.0, "restart", "the target restarted");
    assert!(recorder.notices().is_empty());

    let running = store.run("last").unwrap();
    assert_eq!((running.key, running.state, &running.run), (key, RunState::Running, &run));
    let verdict = serde_json::json!({"schema": "soakd.verdict/1", "outcome": "pass"});
    recorder.finish(ending(Some(verdict.clone()))).unwrap();

    let finished = store.run(run.id.as_str()).unwrap();
    assert_eq!((finished.state, finished.duration_s), (RunState::Finished, Some(12.5)));
    assert_eq!(finished.ended_why.as_deref(), Some("the time was up"));
    assert_eq!(finished.run, run);
    assert_eq!(store.verdict(key).unwrap(), Some(verdict));
    assert_eq!(store.samples_count(key).unwrap(), 3);

    let series = store.series(key).unwrap();
    let scopes: Vec<_> = series.iter().map(|series| series.scope.clone()).collect();
    assert_eq!(scopes, [Scope::Tree, process(4711), Scope::Host, Scope::Operations]);
    let quantities: Vec<_> = series.iter().map(|series| series.quantity).collect();
    assert_eq!(quantities, [Quantity::Bytes, Quantity::Count, Quantity::Other, Quantity::Count]);

    let columns = store.columns(key, &[one, tree]).unwrap();
    assert_eq!(columns[0].series, series[1]);
    assert_eq!((columns[0].t_s.as_slice(), columns[0].values.as_slice()), (&[0.0, 3.0][..], &[3.0, 4.0][..]));
    let why: Vec<_> = columns[0].gaps.iter().map(|gap| gap.why.as_str()).collect();
    assert_eq!(why, ["permission denied", "a tick was missed"]);
    assert_eq!((columns[1].t_s.as_slice(), columns[1].values.as_slice()), (&[0.0, 1.0][..], &[4096.0, 8192.0][..]));
    let why: Vec<_> = columns[1].gaps.iter().map(|gap| gap.why.as_str()).collect();
    assert_eq!(why, ["a tick was missed", "the reading was NaN, not a finite number"]);

    let event = |t_s, kind: &str, text: &str| Event { t_s, kind: kind.to_owned(), text: text.to_owned() };
    let expected = [event(0.0, "phase", "soaking"), event(3.0, "restart", "the target restarted")];
    assert_eq!(store.events(key).unwrap(), expected);
}

#[test]
fn what_is_read_beside_the_samples_has_its_own_times_and_is_no_sample() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut recorder = store.begin(new_run("demo")).unwrap();
    let rss = recorder.series("rss_bytes", Scope::Tree, Quantity::Bytes);
    let app = Scope::Source { name: "app \"one\"".to_owned() };
    let entries = recorder.series("cache_entries_count", app.clone(), Quantity::Count);
    recorder.sample(1.0, &[(rss, 4096.0)]);
    recorder.aside(0.9, &[(entries, 17.0)]);
    recorder.sample(2.0, &[(rss, 8192.0)]);
    recorder.aside(2.4, &[(entries, 18.0)]);
    recorder.flush().unwrap();
    let key = recorder.key();
    assert_eq!(store.samples_count(key).unwrap(), 2);
    assert_eq!(store.series(key).unwrap()[1].scope, app);
    let column = store.column(key, entries).unwrap().unwrap();
    assert_eq!((column.t_s.as_slice(), column.values.as_slice()), (&[0.9, 2.4][..], &[17.0, 18.0][..]));
    // A run that is given up ends with its last sample.
    drop(recorder);
    store.begin(new_run("next")).unwrap().finish(ending(None)).unwrap();
    let given_up = store.runs().unwrap().into_iter().find(|run| run.key == key).unwrap();
    assert_eq!(given_up.duration_s, Some(2.0));
}

#[test]
fn a_run_is_found_by_id_by_prefix_and_as_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    assert!(matches!(store.run("last"), Err(StoreError::NoRuns { .. })));
    // Recorded in another order than they started.
    let later = new_run("demo");
    let mut earlier = new_run("nightly");
    earlier.started = "2025-01-01T00:00:00Z".parse().unwrap();
    earlier.id = RunId::new(earlier.started, "nightly");
    for run in [&later, &earlier] {
        store.begin(run.clone()).unwrap().finish(ending(None)).unwrap();
    }
    let id = |which: &str| store.run(which).unwrap().run.id;
    assert_eq!(id("last"), later.id);
    assert_eq!(id("2025"), earlier.id);
    assert_eq!(id(later.id.as_str()), later.id);
    let in_order: Vec<_> = store.runs().unwrap().into_iter().map(|run| run.run.id).collect();
    assert_eq!(in_order, [earlier.id.clone(), later.id.clone()]);

    let error = store.run("202").unwrap_err();
    assert_eq!(error.to_string(), format!("`202` fits 2 runs, such as `{}` and `{}`", earlier.id, later.id));
    // A percent sign or an underscore is no wildcard.
    for missing in ["%", "2026_", "", "3000"] {
        assert!(matches!(store.run(missing), Err(StoreError::NoSuchRun { .. })), "{missing}");
    }
}

#[test]
fn an_id_that_is_taken_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let run = new_run("demo");
    let first = store.begin(run.clone()).unwrap();
    let error = store.begin(run.clone()).unwrap_err();
    assert_eq!(error.to_string(), format!("there is a run `{}` already", run.id));
    first.finish(ending(None)).unwrap();
}

#[test]
fn a_recorder_that_is_dropped_leaves_its_run_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut recorder = store.begin(new_run("demo")).unwrap();
    let key = recorder.key();
    let rss = recorder.series("rss_bytes", Scope::Tree, Quantity::Bytes);
    recorder.sample(2.5, &[(rss, 1.0)]);
    drop(recorder);
    // The writer takes things in order: what comes after has been written after.
    store.begin(new_run("next")).unwrap().finish(ending(None)).unwrap();
    let run = store.runs().unwrap().into_iter().find(|run| run.key == key).unwrap();
    assert_eq!((run.state, run.duration_s), (RunState::Interrupted, Some(2.5)));
}

#[test]
fn a_verdict_made_afterwards_replaces_the_earlier_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let recorder = store.begin(new_run("demo")).unwrap();
    let key = recorder.key();
    recorder.finish(ending(Some(serde_json::json!({"outcome": "inconclusive"})))).unwrap();
    let later = serde_json::json!({"outcome": "pass"});
    store.set_verdict(key, &later).unwrap();
    assert_eq!(store.verdict(key).unwrap(), Some(later));
}

#[test]
fn runs_recorded_at_the_same_time_are_kept_apart() {
    const TICKS: u32 = 500;
    let folder = tempfile::tempdir().unwrap();
    // Two stores stand for two processes: each has connections and a writer of its own.
    let stores = [open(folder.path()), open(folder.path())];
    let value = |index: u32, tick: u32| f64::from(tick * 10 + index);
    let record = |store: &Store, index: u32| {
        let mut recorder = store.begin(new_run(&format!("run-{index}"))).unwrap();
        let rss = recorder.series("rss_bytes", Scope::Tree, Quantity::Bytes);
        for tick in 0..TICKS {
            recorder.sample(f64::from(tick), &[(rss, value(index, tick))]);
        }
        let key = recorder.key();
        recorder.finish(ending(None)).unwrap();
        (key, rss)
    };
    let record = &record;
    let runs: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).zip(stores.iter().cycle()).map(|(index, store)| scope.spawn(move || record(store, index))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (index, &(key, rss)) in (0..4).zip(&runs) {
        let column = stores[0].column(key, rss).unwrap().unwrap();
        assert_eq!(column.values, (0..TICKS).map(|tick| value(index, tick)).collect::<Vec<_>>());
        assert!(column.gaps.is_empty());
    }
    stores[0].check().unwrap();
}

#[test]
fn a_run_longer_than_a_page_of_the_reader_is_whole() {
    const TICKS: u32 = 45_000;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut recorder = store.begin(new_run("demo")).unwrap();
    let key = recorder.key();
    let rss = recorder.series("rss_bytes", Scope::Tree, Quantity::Bytes);
    for tick in 0..TICKS {
        recorder.sample(f64::from(tick), &[(rss, f64::from(tick))]);
        // Faster than any run: leave the writer time.
        if tick % 500 == 0 {
            recorder.flush().unwrap();
        }
    }
    recorder.finish(ending(None)).unwrap();
    let column = store.column(key, rss).unwrap().unwrap();
    assert_eq!(column.values, (0..TICKS).map(f64::from).collect::<Vec<_>>());
}

#[test]
fn a_store_can_be_shared_and_a_recorder_moved_between_threads() {
    fn shared<T: Send + Sync>() {}
    fn moved<T: Send>() {}
    shared::<Store>();
    moved::<Recorder>();
}

/// A run of `ticks` samples at 1 s, of memory that wanders, a count, and something that is read beside them.
fn long_run(store: &Store, ticks: u32) -> (soakd::store::RunKey, [soakd::store::SeriesNumber; 3]) {
    let mut recorder = store.begin(new_run("demo")).unwrap();
    let key = recorder.key();
    let rss = recorder.series("rss_bytes", Scope::Tree, Quantity::Bytes);
    let fds = recorder.series("fds_count", Scope::Tree, Quantity::Count);
    let app = recorder.series("entries_count", Scope::Source { name: "app".to_owned() }, Quantity::Count);
    for tick in 0..ticks {
        let t_s = f64::from(tick) + 1e-9 * f64::from(tick.wrapping_mul(7919) % 100_000);
        let pages = f64::from(tick.wrapping_mul(2_654_435) % 977);
        recorder.sample(t_s, &[(rss, (5000.0 + pages) * 4096.0), (fds, f64::from(12 + tick % 3))]);
        if tick % 10 == 0 {
            recorder.aside(t_s - 0.25, &[(app, f64::from(tick))]);
        }
        if tick % 500 == 0 {
            recorder.flush().unwrap();
        }
    }
    recorder.finish(ending(None)).unwrap();
    (key, [rss, fds, app])
}

#[test]
fn compressed_samples_are_read_as_rows_were_and_take_less_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (key, numbers) = long_run(&store, 10_000);
    let rows = store.columns(key, &numbers).unwrap();
    let before_bytes = store.samples_bytes(key).unwrap();
    assert_eq!(store.compress().unwrap(), 11_000);
    assert_eq!(store.columns(key, &numbers).unwrap(), rows);
    assert_eq!(store.columns(key, &numbers[1..2]).unwrap(), rows[1..2]);
    assert_eq!(store.samples_count(key).unwrap(), 10_000);
    let after_bytes = store.samples_bytes(key).unwrap();
    assert!(after_bytes * 3 < before_bytes, "{before_bytes} bytes became {after_bytes}");
    store.check().unwrap();
}

#[test]
fn what_compression_frees_is_given_back_to_the_file_system() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    long_run(&store, 20_000);
    // Bytes of the file, and pages in it that hold nothing.
    let settled = || {
        let connection = rusqlite::Connection::open(store.file()).unwrap();
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        let free: i64 = connection.query_row("PRAGMA freelist_count", [], |row| row.get(0)).unwrap();
        (std::fs::metadata(store.file()).unwrap().len(), free)
    };
    let (before, _) = settled();
    assert!(store.compress().unwrap() > 0);
    let (after, free) = settled();
    assert_eq!(free, 0);
    assert!(2 * after < before, "{after} of {before} bytes");
}

#[test]
fn samples_of_a_run_that_goes_on_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut recorder = store.begin(new_run("demo")).unwrap();
    let rss = recorder.series("rss_bytes", Scope::Tree, Quantity::Bytes);
    recorder.sample(0.0, &[(rss, 4096.0)]);
    recorder.flush().unwrap();
    assert_eq!(store.compress().unwrap(), 0);
    recorder.finish(ending(None)).unwrap();
    assert_eq!(store.compress().unwrap(), 1);
}

#[test]
fn several_processes_may_compress_and_read_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (key, numbers) = long_run(&store, 30_000);
    let rows = store.columns(key, &numbers).unwrap();
    let others: Vec<_> = (0..3).map(|_| open(folder.path())).collect();
    std::thread::scope(|scope| {
        let compressing: Vec<_> = others[..2].iter().map(|store| scope.spawn(|| store.compress().unwrap())).collect();
        while !compressing.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            assert_eq!(others[2].columns(key, &numbers).unwrap(), rows);
            assert_eq!(others[2].samples_count(key).unwrap(), 30_000);
        }
        let done: u64 = compressing.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(done, 33_000);
    });
    assert_eq!(store.columns(key, &numbers).unwrap(), rows);
}

#[test]
fn a_thinned_run_keeps_median_low_and_high_of_each_minute() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (key, numbers) = long_run(&store, 600);
    let rows = store.columns(key, &numbers).unwrap();
    store.thin(key).unwrap();
    assert_eq!(store.run("last").unwrap().detail, soakd::store::Detail::Minutes);
    assert_eq!(store.samples_count(key).unwrap(), 600, "how many there were is still known");
    let thinned = store.columns(key, &numbers).unwrap();
    for (thinned, rows) in thinned.iter().zip(&rows) {
        let extremes = thinned.extremes.as_ref().unwrap();
        // The first reading beside the samples lies before the run's begin.
        assert!((10..=11).contains(&thinned.values.len()), "{}", thinned.values.len());
        let minute: Vec<f64> = rows
            .t_s
            .iter()
            .zip(&rows.values)
            .filter(|(t_s, _)| (60.0..120.0).contains(*t_s))
            .map(|(_, v)| *v)
            .collect();
        let place = thinned.t_s.iter().position(|t_s| (60.0..120.0).contains(t_s)).unwrap();
        assert_eq!(extremes.low[place], minute.iter().copied().fold(f64::MAX, f64::min));
        assert_eq!(extremes.high[place], minute.iter().copied().fold(f64::MIN, f64::max));
        assert!(minute.contains(&thinned.values[place]));
    }
    store.thin(key).unwrap();
    assert_eq!(store.columns(key, &numbers).unwrap(), thinned, "minutes are thinned no further");
    store.remove(key).unwrap();
    assert!(store.runs().unwrap().is_empty());
    store.check().unwrap();
}

/// For each sample the readings of up to four series, or none.
fn samples() -> impl Strategy<Value = Vec<[Option<f64>; 4]>> {
    let value = prop_oneof![
        (0_u32..1 << 20).prop_map(|pages| f64::from(pages) * 4096.0),
        any::<f64>().prop_filter("finite", |value| value.is_finite()),
    ];
    let reading = proptest::option::weighted(0.8, value);
    proptest::collection::vec([reading.clone(), reading.clone(), reading.clone(), reading], 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

    #[test]
    fn series_come_back_bit_for_bit(samples in samples()) {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let mut recorder = store.begin(new_run("demo")).unwrap();
        let key = recorder.key();
        let numbers = ["a_bytes", "b_count", "c_s", "d_ratio"]
            .map(|metric| recorder.series(metric, Scope::Tree, Quantity::of_metric(metric)));
        let time = |index: usize| index as f64 * 0.1;
        for (index, sample) in samples.iter().enumerate() {
            let readings: Vec<_> =
                numbers.iter().zip(sample).filter_map(|(&number, value)| Some((number, (*value)?))).collect();
            recorder.sample(time(index), &readings);
        }
        recorder.finish(ending(None)).unwrap();

        let rows = store.columns(key, &numbers).unwrap();
        prop_assert_eq!(store.compress().unwrap(), store.samples_count(key).unwrap());
        prop_assert_eq!(store.compress().unwrap(), 0);
        let columns = store.columns(key, &numbers).unwrap();
        prop_assert_eq!(&columns, &rows);
        for (place, column) in columns.iter().enumerate() {
            let expected = samples.iter().enumerate().filter_map(|(index, sample)| Some((time(index), sample[place]?)));
            let bits = |(t_s, value): (f64, f64)| (t_s.to_bits(), value.to_bits());
            let found = column.t_s.iter().copied().zip(column.values.iter().copied());
            prop_assert_eq!(found.map(bits).collect::<Vec<_>>(), expected.map(bits).collect::<Vec<_>>());
        }
    }
}
