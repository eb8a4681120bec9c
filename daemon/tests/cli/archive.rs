//! What an archive holds, read by engines that are not ours.

use std::path::PathBuf;
use std::process::Command;

use crate::place::{Place, SHORT};

/// Prints a Parquet file as CSV.
const READER: &str = "
import sys, duckdb
table = duckdb.sql(f\"SELECT * FROM '{sys.argv[1]}' ORDER BY t_s\")
print(','.join(table.columns))
for row in table.fetchall():
    print(','.join('' if value is None else repr(value) for value in row))
";

/// A Python with `duckdb`, if there is one.
fn python() -> Option<String> {
    let python = std::env::var("SOAKD_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python).args(["-c", "import duckdb"]).output().is_ok_and(|output| output.status.success());
    let is_required = std::env::var("SOAKD_TEST_REQUIRE").is_ok_and(|required| required == "all");
    assert!(has || !is_required, "`duckdb` for Python is missing: `.ci/run` installs it and sets SOAKD_TEST_PYTHON");
    has.then_some(python)
}

fn cells(text: &str) -> Vec<Vec<String>> {
    let cell = |cell: &str| cell.parse::<f64>().map_or_else(|_| cell.to_owned(), |number| number.to_string());
    text.lines().map(|line| line.split(',').map(cell).collect()).collect()
}

#[test]
fn a_sql_engine_reads_from_the_archive_what_stands_in_the_samples() {
    let Some(python) = python() else { return };
    let place = Place::new();
    place.run([&["run", "--quiet"], SHORT, &["--", "sleep", "600"]].concat()).ends_with(0);
    place.run(["report", "last", "--csv", "samples.csv"]).ends_with(0);
    let exported = place.run(["history", "export", "archive", "--format", "json"]).ends_with(0).json();
    let files = exported["written"].as_array().expect("a list").iter().filter_map(|file| file.as_str());
    let parquet: Vec<PathBuf> =
        files.map(PathBuf::from).filter(|file| file.extension().is_some_and(|kind| kind == "parquet")).collect();
    assert_eq!(parquet.len(), 1, "{exported:#}");
    let read =
        Command::new(python).args(["-c", READER]).arg(place.path("").join(&parquet[0])).output().expect("it runs");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let (read, csv) = (String::from_utf8_lossy(&read.stdout), std::fs::read_to_string(place.path("samples.csv")));
    let (read, csv) = (cells(&read), cells(&csv.expect("a table")));
    assert!(read.len() > 10 && read[0].len() > 3, "{read:?}");
    assert_eq!(read, csv);
}
