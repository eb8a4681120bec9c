//! Recordings of real tools are read, and no text makes a reader panic.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use proptest::prelude::*;
use soakd_analysis::formats::{self, FORMATS, Table};

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("fixtures/", $name)).as_slice()
    };
}

fn read(bytes: &[u8]) -> Table {
    formats::read(bytes).unwrap_or_else(|error| panic!("{error}"))
}

fn names(table: &Table) -> Vec<&str> {
    table.names().collect()
}

/// Values of a column at its first and last row.
fn ends(table: &Table, name: &str) -> (Option<f64>, Option<f64>) {
    let values = &table.column(name).unwrap().values;
    (values[0], values[values.len() - 1])
}

const MIB: f64 = 1024.0 * 1024.0;

#[test]
fn mprof_of_one_process() {
    let table = read(fixture!("mprof_plain.dat"));
    assert_eq!(names(&table), ["rss_bytes"]);
    assert!(table.t_s.len() >= 15 && table.start_unix_s.is_some());
    assert_eq!(ends(&table, "rss_bytes").0, Some(0.175_781 * MIB));
    assert_eq!(table.restarts_s, [0.0; 0]);
}

#[test]
fn mprof_of_a_process_with_a_child() {
    let table = read(fixture!("mprof_multi.dat"));
    assert_eq!(names(&table), ["rss_bytes", "child_17616_rss_bytes"]);
    let child = table.series("child_17616_rss_bytes").unwrap();
    assert!(child.len() < table.t_s.len() && child.values().iter().all(|value| *value > 0.0));
}

#[test]
fn mprof_that_wrote_twice_into_one_file() {
    let table = read(fixture!("mprof_twice.dat"));
    assert_eq!(table.restarts_s.len(), 1);
    assert_eq!(table.series("rss_bytes").unwrap().restarts_s().len(), 1);
}

#[test]
fn psrecord_with_an_interval_with_counters_and_at_full_speed() {
    for bytes in [fixture!("psrecord.log"), fixture!("psrecord_io.log")] {
        let table = read(bytes);
        assert_eq!(names(&table), ["rss_bytes", "virtual_bytes"]);
        assert!(table.t_s.len() >= 14 && table.t_s[1] > 0.2);
    }
    assert_eq!(ends(&read(fixture!("psrecord.log")), "rss_bytes").0, Some(1.648 * MIB));
    // Over a hundred lines within 8 ms.
    assert_eq!(read(fixture!("psrecord_fast.log")).t_s.len(), 8);
}

#[test]
fn pidstat_in_every_way_it_writes_the_time() {
    let twelve = read(fixture!("pidstat_12.txt"));
    assert_eq!(names(&twelve), ["rss_bytes", "virtual_bytes"]);
    assert_eq!(twelve.t_s, [0.0, 1.0, 2.0, 3.0]);
    assert_eq!(ends(&twelve, "rss_bytes"), (Some(15864.0 * 1024.0), Some(24696.0 * 1024.0)));
    assert_eq!(read(fixture!("pidstat_24.txt")).t_s.len(), 6);
    assert_eq!(read(fixture!("pidstat_12h.txt")).t_s, [0.0, 1.0, 2.0]);
    assert_eq!(read(fixture!("pidstat_24h.txt")).t_s, [0.0, 1.0, 2.0, 3.0]);
    assert_eq!(read(fixture!("pidstat_iso.txt")).t_s, [0.0, 1.0, 2.0]);
    let epoch = read(fixture!("pidstat_epoch.txt"));
    assert_eq!(epoch.start_unix_s, Some(1_795_249_927.0));
}

#[test]
fn pidstat_of_two_processes_of_other_activities_and_for_people() {
    let two = read(fixture!("pidstat_two.txt"));
    assert_eq!(
        names(&two),
        [
            "python3_18269_rss_bytes",
            "python3_18269_virtual_bytes",
            "python3_18270_rss_bytes",
            "python3_18270_virtual_bytes"
        ]
    );
    assert_eq!(two.t_s.len(), 5);
    let mixed = read(fixture!("pidstat_ru.txt"));
    assert_eq!((names(&mixed), mixed.t_s.len()), (vec!["rss_bytes", "virtual_bytes"], 3));
    let human = read(fixture!("pidstat_human.txt"));
    assert_eq!(names(&human), ["rss_bytes", "virtual_bytes", "threads_count", "fds_count"]);
    assert_eq!(ends(&human, "rss_bytes").0, Some(35.4 * MIB));
    assert_eq!(ends(&human, "fds_count").0, Some(5.0));
}

#[test]
fn prometheus_with_several_metrics_with_several_labels_and_with_an_error() {
    let table = read(fixture!("prometheus_range.json"));
    assert_eq!(
        names(&table),
        ["go_memstats_heap_inuse_bytes", "process_open_fds_count", "process_resident_memory_bytes"]
    );
    assert!(table.t_s.windows(2).all(|pair| pair[1] - pair[0] == 5.0));
    assert_eq!(ends(&table, "go_memstats_heap_inuse_bytes").0, Some(19_857_408.0));
    let table = read(fixture!("prometheus_labels.json"));
    assert_eq!(names(&table), ["{quantile=\"0.5\"}go_gc_duration_seconds", "{quantile=\"1\"}go_gc_duration_seconds"]);
    let error = formats::read(fixture!("prometheus_error.json")).unwrap_err();
    assert_eq!(error.to_string(), "Prometheus answered `bad_data`: 1:5: parse error: unclosed left parenthesis");
}

#[test]
fn every_fixture_is_read_by_the_format_that_wrote_it() {
    for (format, bytes) in [
        ("mprof", fixture!("mprof_plain.dat")),
        ("psrecord", fixture!("psrecord.log")),
        ("pidstat", fixture!("pidstat_12.txt")),
        ("prometheus", fixture!("prometheus_range.json")),
    ] {
        assert_eq!(formats::read(bytes), formats::read_as(format, bytes));
    }
}

/// Texts near enough to a format to get past its first checks.
fn almost(seeds: Vec<&'static [u8]>) -> impl Strategy<Value = Vec<u8>> {
    (proptest::sample::select(seeds), proptest::collection::vec((any::<u16>(), any::<u8>()), 0..12), any::<u16>())
        .prop_map(|(seed, changes, length)| {
            let mut bytes = seed.to_vec();
            for (at, byte) in changes {
                let at = usize::from(at) % bytes.len();
                bytes[at] = byte;
            }
            bytes.truncate(1 + usize::from(length) % seed.len());
            bytes
        })
}

fn seeds() -> Vec<&'static [u8]> {
    vec![
        b"t_s,rss_bytes,\"fds_count\",ops\n0,4096,1,0\n1.5,NaN,,5\n2e3,0,\"2\",1\n",
        b"time;a\r\n2026-01-31T12:00:00Z;1\r\n2026-01-31T12:00:01+02:00;-1e308\r\n",
        b"{\"t_s\":1,\"rss_bytes\":2,\"x\":\"NaN\"}\n{\"t_s\":2,\"rss_bytes\":null,\"ops\":3}\n",
        fixture!("mprof_multi.dat"),
        fixture!("psrecord_io.log"),
        fixture!("pidstat_two.txt"),
        fixture!("pidstat_human.txt"),
        fixture!("prometheus_labels.json"),
    ]
}

/// Every promise of a table that was read.
fn check(table: &Table) {
    assert!(table.t_s.iter().all(|t_s| t_s.is_finite()));
    assert!(table.t_s.windows(2).all(|pair| pair[0] < pair[1]));
    for column in &table.columns {
        assert_eq!(column.values.len(), table.t_s.len());
        assert!(column.values.iter().flatten().all(|value| value.is_finite()));
        let series = table.series(&column.name).unwrap();
        assert!(series.len() <= table.t_s.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(table) = formats::read(&bytes) {
            check(&table);
        }
        for format in FORMATS {
            if let Ok(table) = formats::read_as(format.name, &bytes) {
                check(&table);
            }
        }
    }

    #[test]
    fn no_damage_makes_a_reader_panic(bytes in almost(seeds())) {
        if let Ok(table) = formats::read(&bytes) {
            check(&table);
        }
        for format in FORMATS {
            if let Ok(table) = formats::read_as(format.name, &bytes) {
                check(&table);
            }
        }
    }

    #[test]
    fn what_is_written_as_csv_or_json_lines_is_read_back(
        rows in proptest::collection::vec((1_u32..100_000, proptest::option::of(-1e15_f64..1e15)), 1..60),
    ) {
        let mut t_ms = 0_u64;
        let mut csv = String::from("t_s,a_bytes\n");
        let mut json = String::new();
        let mut expected = Vec::new();
        for (step_ms, value) in &rows {
            t_ms += u64::from(*step_ms);
            let t_s = t_ms as f64 / 1000.0;
            let cell = value.map(|value| value.to_string());
            csv.push_str(&format!("{t_s},{}\n", cell.clone().unwrap_or_default()));
            json.push_str(&format!("{{\"t_s\":{t_s},\"a_bytes\":{}}}\n", cell.unwrap_or("null".to_owned())));
            expected.push(*value);
        }
        let table = formats::read(csv.as_bytes()).unwrap();
        prop_assert_eq!(&table.column("a_bytes").unwrap().values, &expected);
        let again = formats::read(json.as_bytes()).unwrap();
        prop_assert_eq!(&again.t_s, &table.t_s);
        if expected.iter().any(Option::is_some) {
            prop_assert_eq!(&again.column("a_bytes").unwrap().values, &expected);
        }
    }
}
