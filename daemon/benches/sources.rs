//! What it takes to read what a source answers: 10,000 lines for Prometheus, the same as JSON; and a close look at a process.
//!
//! Beside the answers, in the same run, what is the least that anybody has to do: to go through the lines, to parse the document.
#![expect(clippy::unwrap_used, reason = "a benchmark ends at the first fault")]

use std::fmt::Write;
use std::hint::black_box;
use std::process::{Child, Command, Stdio};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use soakd::exposition;
use soakd_sampler::{ProcRoot, ProcessId, ProcessLook};

const LINES: usize = 10_000;

/// An answer of so many samples: mostly histograms with labels, as services have them.
fn answer() -> String {
    let mut text = String::new();
    for family in 0..LINES / 20 {
        writeln!(text, "# HELP http_request_duration_{family}_seconds How long requests took.").unwrap();
        writeln!(text, "# TYPE http_request_duration_{family}_seconds histogram").unwrap();
        for bucket in 0..18 {
            let labels = format!("method=\"GET\",path=\"/api/v{family}/items\",le=\"0.{bucket:03}\"");
            writeln!(text, "http_request_duration_{family}_seconds_bucket{{{labels}}} {}", bucket * 1013).unwrap();
        }
        let labels = format!("method=\"GET\",path=\"/api/v{family}/items\"");
        writeln!(text, "http_request_duration_{family}_seconds_sum{{{labels}}} 1.25e+{}", family % 9).unwrap();
        writeln!(text, "http_request_duration_{family}_seconds_count{{{labels}}} {}", family * 1013).unwrap();
    }
    text
}

/// As many numbers in a document.
fn document() -> String {
    let numbers: Vec<_> = (0..LINES)
        .map(|number| serde_json::json!({ "name": format!("pool_{number}"), "used_bytes": number * 4096, "ratio": 0.25 }))
        .collect();
    serde_json::json!({ "pools": numbers, "heap": { "used_bytes": 123_456_789 } }).to_string()
}

fn answers(criterion: &mut Criterion) {
    let text = answer();
    let mut group = criterion.benchmark_group("prometheus, 10,000 lines");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("the lines alone", |bencher| {
        bencher.iter(|| black_box(&text).lines().map(str::len).sum::<usize>())
    });
    group.bench_function("samples", |bencher| bencher.iter(|| exposition::samples(black_box(&text)).count()));
    let labels = std::collections::BTreeMap::from([("method".to_owned(), "GET".to_owned())]);
    group.bench_function("the sum of one metric", |bencher| {
        bencher
            .iter(|| exposition::sum_of(black_box(&text), "http_request_duration_7_seconds_count", &labels).unwrap());
    });
    group.finish();

    let text = document();
    let mut group = criterion.benchmark_group("JSON, 10,000 objects");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("passed over", |bencher| {
        bencher.iter(|| serde_json::from_str::<serde::de::IgnoredAny>(black_box(&text)).unwrap());
    });
    group.bench_function("a number by its pointer", |bencher| {
        bencher.iter(|| {
            let document: serde_json::Value = serde_json::from_str(black_box(&text)).unwrap();
            document.pointer("/heap/used_bytes").unwrap().as_f64().unwrap()
        });
    });
    group.finish();
}

/// A process that waits for the end of its input.
struct Idle(Child);

impl Drop for Idle {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn looks(criterion: &mut Criterion) {
    let idle = Idle(Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap());
    let root = ProcRoot::default();
    let id = ProcessId::of(&root, idle.0.id()).unwrap();
    let mut group = criterion.benchmark_group("look at an idle process");
    group.bench_function("`smaps` alone", |bencher| {
        bencher.iter(|| std::fs::read(format!("/proc/{}/smaps", id.pid)).unwrap().len());
    });
    group.bench_function("mappings, descriptors, threads", |bencher| {
        bencher.iter(|| ProcessLook::take(&root, id, u64::MAX).unwrap());
    });
    group.finish();
}

criterion_group!(benches, answers, looks);
criterion_main!(benches);
