//! The mechanisms, a file for each family.

mod allocators;
mod caches;
mod collectors;
mod counts;
mod leaks;
mod loads;
mod restarts;

use crate::scene::{Scene, Trace};

/// What a mechanism moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Memory.
    Bytes,
    /// Descriptors, threads, processes.
    Count,
}

/// One way in which a series comes about.
pub struct Mechanism {
    /// Its name.
    pub name: &'static str,
    /// What happens, in a sentence.
    pub description: &'static str,
    /// What it moves.
    pub kind: Kind,
    /// The metric it gives.
    pub metric: &'static str,
    /// Whether it grows for ever; single seeds of it may do so below the tolerance.
    pub leaks: bool,
    pub(crate) trace: fn(&mut Scene) -> Trace,
}

const fn bounded(name: &'static str, trace: fn(&mut Scene) -> Trace, description: &'static str) -> Mechanism {
    Mechanism { name, description, kind: Kind::Bytes, metric: "rss_bytes", leaks: false, trace }
}

const fn leak(name: &'static str, trace: fn(&mut Scene) -> Trace, description: &'static str) -> Mechanism {
    Mechanism { leaks: true, ..bounded(name, trace, description) }
}

const fn count(
    name: &'static str,
    metric: &'static str,
    trace: fn(&mut Scene) -> Trace,
    description: &'static str,
) -> Mechanism {
    Mechanism { kind: Kind::Count, metric, ..bounded(name, trace, description) }
}

/// Every mechanism: bounded memory, bounded counts, leaking memory, leaking counts, targets that are replaced.
pub static MECHANISMS: &[Mechanism] = &[
    bounded("quiet", loads::quiet, "a service that does the same all the time"),
    bounded("generational_gc", collectors::generational, "young collections, promotion, a full collection at times"),
    bounded("pacer_with_scavenger", collectors::pacer, "heap to twice its live size; freed pages go back slowly"),
    bounded("jvm_heap_steps", collectors::heap_steps, "a committed heap that expands in ever rarer steps"),
    bounded("arena_high_water", allocators::high_water, "RSS holds the largest sum of requests so far"),
    bounded("dirty_page_decay", allocators::dirty_decay, "bursts whose pages are given back by a decay curve"),
    bounded("fragmentation_levels", allocators::levels, "residence switches between a few levels"),
    bounded("retained_bursts", allocators::retained_bursts, "bursts that leave ever less behind"),
    bounded("touched_pages", allocators::touched_pages, "a large mapping whose pages are touched at random"),
    bounded("doubling_table", allocators::doubling_table, "a table that doubles until its keys are all seen"),
    bounded("idle_pages_swapped", allocators::swapped, "pages that are swapped out while idle, and come back"),
    bounded("connection_pool", loads::pool, "a pool that grows with the largest concurrency so far"),
    bounded("skewed_lru_fill", caches::skewed_lru, "a cache that fills by Zipf-distributed keys until it evicts"),
    bounded("linear_cache_fill", caches::linear_fill, "a cache that fills evenly until 30 to 80 % of the run"),
    bounded("mixed_time_constants", caches::mixture, "several warm-ups from fast to slow"),
    bounded("ttl_waves", caches::ttl_waves, "entries that expire, under a load in waves"),
    bounded("compaction", caches::compaction, "write buffers that are flushed, and merges now and then"),
    bounded("worker_recycling", loads::recycling, "workers that grow and are replaced one by one"),
    bounded("load_in_waves", loads::waves, "memory in proportion to a load with a daily cycle"),
    bounded("load_ramp", loads::ramp, "memory in proportion to a load that rises in steps and stays"),
    count("descriptor_pool", "fds_count", counts::pool, "descriptors of a pool that fills and is reused"),
    count("connection_churn", "fds_count", counts::churn, "connections that come and go"),
    count("thread_pool", "threads_count", counts::threads, "threads started on demand up to a limit"),
    leak("leak_under_quiet", leaks::under_quiet, "even growth of a quiet service"),
    leak("leak_under_generational_gc", leaks::under_generational, "even growth on top of a collected heap"),
    leak("leak_under_pacer", leaks::under_pacer, "even growth on top of a paced heap"),
    leak("leak_under_ttl_waves", leaks::under_ttl_waves, "even growth under expiring entries"),
    leak("leak_under_warmup", leaks::under_warmup, "even growth beside several warm-ups"),
    leak("leak_under_fill", leaks::under_fill, "even growth beside a cache that fills until 20 to 50 %"),
    leak("leak_under_levels", leaks::under_levels, "even growth under switching residence"),
    leak("leak_under_pool", leaks::under_pool, "even growth beside a pool"),
    leak("leak_under_load", leaks::under_load, "even growth under memory in proportion to the load"),
    leak("leak_in_steps", leaks::in_steps, "growth by blocks of one size"),
    leak("leak_in_waves", leaks::in_waves, "growth while the load is high"),
    leak("leak_in_batches", leaks::in_batches, "growth by random amounts at random times"),
    leak("leak_per_operation", leaks::per_operation, "growth with every operation, under a changing load"),
    leak("late_leak", leaks::late, "growth that begins at 10 to 60 % of the run"),
    leak("exponential_leak", leaks::exponential, "growth that feeds on itself"),
    leak("quadratic_leak", leaks::quadratic, "growth whose pace rises evenly"),
    Mechanism {
        leaks: true,
        ..count(
            "descriptor_per_1000_ops",
            "fds_count",
            counts::leaked_descriptors,
            "one descriptor lost in a thousand operations",
        )
    },
    Mechanism {
        leaks: true,
        ..count(
            "thread_per_request",
            "threads_count",
            counts::leaked_threads,
            "a thread that never ends for some requests",
        )
    },
    bounded(
        "few_collections",
        collectors::few_collections,
        "a large heap with few collections and a live set that wanders",
    ),
    bounded(
        "few_collections_retaining",
        collectors::few_collections_retaining,
        "a large heap with few collections, and bursts that leave ever less behind",
    ),
    leak("leak_under_few_collections", leaks::under_few_collections, "even growth on top of few collections"),
    bounded("restarting_steady", restarts::steady, "processes that warm up, level off and are replaced"),
    bounded("restarting_fill", restarts::fill, "processes that each fill a cache"),
    bounded("restarting_walk", restarts::walk, "processes whose memory wanders like a random walk"),
    bounded("restarting_gc", restarts::gc, "processes with a collected heap"),
    bounded("restarting_crash_loop", restarts::crash_loop, "processes that crash while they warm up, or soon after"),
    leak("restarting_leak", restarts::leak, "even growth in every process beside its warm-up"),
    leak(
        "restarting_leak_under_gc",
        restarts::leak_under_gc,
        "even growth in every process on top of a collected heap",
    ),
    leak("restarting_killed", restarts::killed, "processes that leak until they are killed"),
];
