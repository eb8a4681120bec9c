//! Any bytes, to every reader.

#![no_main]

use libfuzzer_sys::fuzz_target;
use soakd_analysis::formats::{self, FORMATS, Table};

fn check(table: &Table) {
    assert!(table.t_s.windows(2).all(|pair| pair[0] < pair[1]));
    for column in &table.columns {
        assert_eq!(column.values.len(), table.t_s.len());
        assert!(column.values.iter().flatten().all(|value| value.is_finite()));
        assert!(table.series(&column.name).is_ok());
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(table) = formats::read(bytes) {
        check(&table);
    }
    for format in FORMATS {
        if let Ok(table) = formats::read_as(format.name, bytes) {
            check(&table);
        }
    }
});
