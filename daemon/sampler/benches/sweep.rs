//! One sweep over 1, 100 and 1,000 processes, against the bare system calls. What others cost beside it, at which rate: `beside`.

#![expect(clippy::unwrap_used, reason = "a benchmark ends at the first fault")]

mod herd;

use std::fs::File;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use rustix::fs::AtFlags;
use soakd_sampler::{Detail, MetricId};

use crate::herd::{Herd, raise_limit_on_open_files};

fn sweeps(criterion: &mut Criterion, counts: &[usize]) {
    for &count in counts {
        let herd = Herd::new(count);
        let folders: Vec<_> = herd.pids().iter().map(|pid| File::open(format!("/proc/{pid}")).unwrap()).collect();
        let files: Vec<_> = herd.pids().iter().map(|pid| File::open(format!("/proc/{pid}/statm")).unwrap()).collect();
        let mut buffer = [0_u8; 256];
        let mut group = criterion.benchmark_group(format!("{count} processes"));
        let mut bench = |name: &str, body: &mut dyn FnMut()| {
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| bencher.iter(&mut *body));
        };
        bench("statm: bare pread", &mut || {
            for file in &files {
                black_box(rustix::io::pread(file, &mut buffer, 0).unwrap());
            }
        });
        let mut sampler = herd.sampler(Some(vec![MetricId::Rss, MetricId::Anon]));
        bench("statm: tick", &mut || {
            black_box(sampler.tick(Detail::Fast));
        });
        // Two samplers of a thousand keep more files than many hosts allow.
        drop(sampler);
        let mut buffer = [0_u8; 256];
        bench("fast: bare pread and two statat", &mut || {
            for (file, folder) in files.iter().zip(&folders) {
                black_box(rustix::io::pread(file, &mut buffer, 0).unwrap());
                black_box(rustix::fs::statat(folder, "fd", AtFlags::empty()).unwrap());
                black_box(rustix::fs::statat(folder, "task", AtFlags::empty()).unwrap());
            }
        });
        let mut sampler = herd.sampler(None);
        bench("fast: tick with all metrics", &mut || {
            black_box(sampler.tick(Detail::Fast));
        });
        bench("full: tick with all metrics", &mut || {
            black_box(sampler.tick(Detail::Full));
        });
        group.finish();
    }
}

fn main() {
    raise_limit_on_open_files();
    // `cargo test --benches` only wants to know that it runs.
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let counts: &[usize] = if is_bench { &[1, 100, 1000] } else { &[1] };
    let settings =
        Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    let mut criterion = settings.configure_from_args();
    sweeps(&mut criterion, counts);
    criterion.final_summary();
}
