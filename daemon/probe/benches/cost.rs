//! What counting costs: an allocation and its release through the probe, against the allocator of the system alone and against
//! a wrapper with one pair of shared atomic counters; on one thread and on several at once. And what `op` costs.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use soakd_probe::Probe;

/// Two shared counters: what is written first when one needs the live bytes of a program.
struct SharedCounters {
    bytes: AtomicU64,
    blocks: AtomicU64,
}

// SAFETY: every call is passed on as it came.
unsafe impl GlobalAlloc for SharedCounters {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.bytes.fetch_add(layout.size() as u64, Ordering::Relaxed);
        self.blocks.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.bytes.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        self.blocks.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: the caller's promises.
        unsafe { System.dealloc(block, layout) };
    }
}

/// The time that `count` pairs take on each of `threads` threads at once.
fn pairs(allocator: &(impl GlobalAlloc + Sync), threads: usize, count: u64) -> Duration {
    each_thread(threads, count, |count| {
        let layout = Layout::new::<[u64; 8]>();
        for _ in 0..count {
            // SAFETY: the layout has a size, and the block goes back with the layout it came with.
            unsafe {
                let block = black_box(allocator.alloc(black_box(layout)));
                allocator.dealloc(block, layout);
            }
        }
    })
}

/// The longest time that `work` takes on one of `threads` threads at once.
fn each_thread(threads: usize, count: u64, work: impl Fn(u64) + Sync) -> Duration {
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        let timed = || {
            start.wait();
            let begun = Instant::now();
            work(count);
            begun.elapsed()
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(timed)).collect();
        running.into_iter().filter_map(|thread| thread.join().ok()).max().unwrap_or_default()
    })
}

fn allocation(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("allocate_and_free_64_bytes");
    group.throughput(Throughput::Elements(1));
    let probe = Probe::system();
    let shared = SharedCounters { bytes: AtomicU64::new(0), blocks: AtomicU64::new(0) };
    for threads in [1, 2, 4] {
        let id = |name| BenchmarkId::new(name, threads);
        group.bench_function(id("system"), |bencher| bencher.iter_custom(|count| pairs(&System, threads, count)));
        group.bench_function(id("probe"), |bencher| bencher.iter_custom(|count| pairs(&probe, threads, count)));
        group.bench_function(id("shared_counters"), |bencher| {
            bencher.iter_custom(|count| pairs(&shared, threads, count));
        });
    }
    group.finish();
}

fn operation(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("operation");
    for threads in [1, 2, 4] {
        let counted = |count| {
            each_thread(threads, count, |count| {
                for _ in 0..count {
                    soakd_probe::op();
                    // Otherwise the compiler makes one addition of them all.
                    black_box(count);
                }
            })
        };
        group.bench_function(BenchmarkId::new("op", threads), |bencher| bencher.iter_custom(counted));
    }
    group.bench_function("phase", |bencher| bencher.iter(|| soakd_probe::phase("bench")));
    group.finish();
}

criterion_group!(benches, allocation, operation);
criterion_main!(benches);
