//! The samples as Parquet, for SQL engines and data frames.
//!
//! The format is written here rather than by the `parquet` crate: one flat table of doubles needs one page kind, one
//! encoding and a footer, while the crate brings 67 packages into every build. An independent reader checks the file in
//! the tests. Values are plain, missing ones have no value, pages are compressed by gzip, which every reader has.
//!
//! The layout is that of the Parquet format 2.10 (`parquet.thrift`); the footer is in Thrift's compact protocol.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::thrift::{Kind, Struct};
use super::{RenderError, Renderer, Report};
use crate::verdict::Verdict;

/// A column for each series, `t_s` first.
#[derive(Debug, Clone, Copy)]
pub struct Parquet;

impl Renderer for Parquet {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn about(&self) -> &'static str {
        "the samples as Parquet, for SQL engines and data frames"
    }

    fn file_name(&self) -> Option<&'static str> {
        Some("samples.parquet")
    }

    fn render(&self, report: &Report<'_>) -> Result<Vec<u8>, RenderError> {
        let table = report.recorded(self.name())?.table();
        let times = table.t_s.iter().map(|t_s| Some(*t_s)).collect();
        let mut columns = vec![Column { name: "t_s".to_owned(), values: times, repetition: REQUIRED }];
        columns.extend(table.columns.into_iter().map(|(name, values)| Column { name, values, repetition: OPTIONAL }));
        Ok(file(&columns, table.t_s.len(), report.verdict))
    }
}

struct Column {
    name: String,
    values: Vec<Option<f64>>,
    repetition: i64,
}

/// What is known of a column once it is written.
struct Written {
    offset: usize,
    raw_size: usize,
    size: usize,
    nulls: usize,
}

const MAGIC: &[u8] = b"PAR1";
const REQUIRED: i64 = 0;
const OPTIONAL: i64 = 1;
const DOUBLE: i64 = 5;
const PLAIN: i64 = 0;
const RUN_LENGTHS: i64 = 3;
const GZIP: i64 = 2;
const DATA_PAGE: i64 = 0;
/// Rows of a page: a reader unpacks a page at a time.
const PAGE_ROWS: usize = 65_536;

fn file(columns: &[Column], rows: usize, verdict: &Verdict) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    let written: Vec<Written> = columns.iter().map(|column| push_column(&mut bytes, column)).collect();
    let footer = footer(columns, &written, rows, verdict);
    bytes.extend_from_slice(&footer);
    bytes.extend_from_slice(&length(footer.len()));
    bytes.extend_from_slice(MAGIC);
    bytes
}

fn push_column(bytes: &mut Vec<u8>, column: &Column) -> Written {
    let offset = bytes.len();
    let mut raw_size = 0;
    for values in column.values.chunks(PAGE_ROWS) {
        let mut page = Vec::with_capacity(8 * values.len() + 16);
        if column.repetition == OPTIONAL {
            let levels = definition_levels(values);
            page.extend_from_slice(&length(levels.len()));
            page.extend_from_slice(&levels);
        }
        for value in values.iter().flatten() {
            page.extend_from_slice(&value.to_le_bytes());
        }
        let packed = gzip(&page);
        let mut data = Struct::new();
        data.int(1, Kind::I32, number(values.len()));
        data.int(2, Kind::I32, PLAIN);
        data.int(3, Kind::I32, RUN_LENGTHS);
        data.int(4, Kind::I32, RUN_LENGTHS);
        let mut header = Struct::new();
        header.int(1, Kind::I32, DATA_PAGE);
        header.int(2, Kind::I32, number(page.len()));
        header.int(3, Kind::I32, number(packed.len()));
        header.inner(5, data);
        let header = header.finish();
        raw_size += header.len() + page.len();
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(&packed);
    }
    let nulls = column.values.iter().filter(|value| value.is_none()).count();
    Written { offset, raw_size, size: bytes.len() - offset, nulls }
}

/// Whether each value is there (1) or not (0), as runs of equal ones.
fn definition_levels(values: &[Option<f64>]) -> Vec<u8> {
    let mut levels = Vec::new();
    for run in values.chunk_by(|a, b| a.is_some() == b.is_some()) {
        super::thrift::push_varint(&mut levels, (run.len() as u64) << 1);
        levels.push(u8::from(run[0].is_some()));
    }
    levels
}

fn gzip(page: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing into memory cannot fail.
    let _ = encoder.write_all(page);
    encoder.finish().unwrap_or_default()
}

fn footer(columns: &[Column], written: &[Written], rows: usize, verdict: &Verdict) -> Vec<u8> {
    let mut root = Struct::new();
    root.text(4, "samples");
    root.int(5, Kind::I32, number(columns.len()));
    let leaves = columns.iter().map(|column| {
        let mut leaf = Struct::new();
        leaf.int(1, Kind::I32, DOUBLE);
        leaf.int(3, Kind::I32, column.repetition);
        leaf.text(4, &column.name);
        leaf
    });
    let schema: Vec<Struct> = std::iter::once(root).chain(leaves).collect();
    let chunks = columns.iter().zip(written).map(|(column, written)| chunk(column, written)).collect();
    let mut group = Struct::new();
    group.list(1, chunks);
    group.int(2, Kind::I64, number(written.iter().map(|column| column.raw_size).sum()));
    group.int(3, Kind::I64, number(rows));
    let mut meta = Struct::new();
    meta.int(1, Kind::I32, 1);
    meta.list(2, schema);
    meta.int(3, Kind::I64, number(rows));
    meta.list(4, vec![group]);
    let run = &verdict.run;
    let facts = [
        ("soakd.run", run.id.clone()),
        ("soakd.profile", run.profile.clone()),
        ("soakd.start", run.start.to_string()),
        ("soakd.outcome", verdict.outcome.to_string()),
        ("soakd.commit", run.commit.clone().unwrap_or_default()),
        ("soakd.branch", run.branch.clone().unwrap_or_default()),
    ];
    let facts = facts.into_iter().map(|(key, value)| {
        let mut fact = Struct::new();
        fact.text(1, key);
        fact.text(2, &value);
        fact
    });
    meta.list(5, facts.collect());
    meta.text(6, &format!("soakd version {}", run.soakd_version));
    meta.finish()
}

fn chunk(column: &Column, written: &Written) -> Struct {
    let mut statistics = Struct::new();
    statistics.int(3, Kind::I64, number(written.nulls));
    let range = column.values.iter().flatten().fold(None, |range: Option<(f64, f64)>, value| {
        range.map_or(Some((*value, *value)), |(low, high)| Some((low.min(*value), high.max(*value))))
    });
    if let Some((low, high)) = range {
        // By the format, a zero at the end of a range stands for both zeros.
        let low = if low == 0.0 { -0.0_f64 } else { low };
        let high = if high == 0.0 { 0.0 } else { high };
        statistics.bytes(5, &high.to_le_bytes());
        statistics.bytes(6, &low.to_le_bytes());
    }
    let mut meta = Struct::new();
    meta.int(1, Kind::I32, DOUBLE);
    meta.ints(2, &[PLAIN, RUN_LENGTHS]);
    meta.texts(3, &[&column.name]);
    meta.int(4, Kind::I32, GZIP);
    meta.int(5, Kind::I64, number(column.values.len()));
    meta.int(6, Kind::I64, number(written.raw_size));
    meta.int(7, Kind::I64, number(written.size));
    meta.int(9, Kind::I64, number(written.offset));
    meta.inner(12, statistics);
    let mut chunk = Struct::new();
    chunk.int(2, Kind::I64, number(written.offset));
    chunk.inner(3, meta);
    chunk
}

fn number(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// A length of four bytes, as it stands before levels and at the end of the file.
fn length(size: usize) -> [u8; 4] {
    u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes()
}
