//! Which number is the live heap of the target: recognised by name where a runtime tells it, and chosen among all that offer
//! one.
//!
//! From the best to the last resort: the API in the target itself (exact, of every process that has it), what a runtime says
//! at an endpoint or to a tool (`[source.NAME]`), the size of the heap mapping, which is a witness at most.

use soakd_reports::{Heap, HeapFrom};
use soakd_sampler::MetricId;

use crate::exposition::Sample;
use crate::series::Window;
use crate::store::{Column, Event, Scope};

/// The metric.
pub const METRIC: &str = "heap_live_bytes";
/// Kind of the event that tells from which number of a source the heap is taken.
pub const EVENT: &str = "heap_source";

/// A number by which a runtime tells its heap.
#[derive(Debug, PartialEq, Eq)]
pub struct Runtime {
    /// Its name in an exposition.
    pub metric: &'static str,
    /// A label that its samples must have.
    pub label: Option<(&'static str, &'static str)>,
    /// What it counts.
    pub about: &'static str,
}

const fn runtime(metric: &'static str, label: Option<(&'static str, &'static str)>, about: &'static str) -> Runtime {
    Runtime { metric, label, about }
}

/// The numbers that are known, the clearest one of each runtime first.
pub static RUNTIMES: &[Runtime] = &[
    runtime("go_gc_heap_live_bytes", None, "Go: what the last collection found alive"),
    runtime("go_memstats_heap_alloc_bytes", None, "Go: objects that live or are not swept yet"),
    runtime("go_memory_classes_heap_objects_bytes", None, "Go: objects that live or are not swept yet"),
    runtime("go_memstats_heap_inuse_bytes", None, "Go: spans in use"),
    runtime("jvm_memory_used_bytes", Some(("area", "heap")), "JVM: heap in use, garbage included"),
    runtime("jvm_memory_bytes_used", Some(("area", "heap")), "JVM: heap in use, garbage included"),
    runtime("nodejs_heap_size_used_bytes", None, "Node.js: heap in use, garbage included"),
    runtime("dotnet_gc_last_collection_heap_size_bytes", None, ".NET: heap after the last collection"),
    runtime("process_runtime_dotnet_gc_heap_size_bytes", None, ".NET: heap, garbage included"),
    runtime("dotnet_total_memory_bytes", None, ".NET: heap, garbage included"),
    runtime("jemalloc_allocated_bytes", None, "jemalloc: what the program holds"),
    runtime("redis_memory_used_bytes", None, "Redis: what its allocator holds"),
];

/// The live heap among the samples of one answer: its number, and by which name it is known.
#[must_use]
pub fn recognise(samples: &[&Sample]) -> Option<(f64, &'static Runtime)> {
    RUNTIMES.iter().find_map(|row| {
        let has_label = |sample: &Sample| {
            row.label.is_none_or(|(key, value)| sample.labels.iter().any(|(known, is)| known == key && is == value))
        };
        let mut found = samples.iter().filter(|sample| sample.name == row.metric && has_label(sample)).peekable();
        found.peek()?;
        Some((found.map(|sample| sample.value).sum(), row))
    })
}

/// How much of the target's memory the largest process must hold for a heap of one process to speak for all of it.
const WHOLE_SHARE: f64 = 0.9;

/// What is known besides the columns that may be the heap.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// Number of processes of the target.
    pub procs: Option<&'a Column>,
    /// Anonymous memory of each process, where there are several.
    pub of_processes: &'a [Column],
    /// The processes that tell their own heap, where there are several.
    pub probed: &'a [Scope],
    /// What happened.
    pub events: &'a [Event],
}

/// The column of the live heap, and what the verdict says about it; `None` where nothing offers one.
///
/// The heap of one process among several says nothing about the others: it speaks for the whole target only where the target
/// is one process, or nearly all of its anonymous memory is in one, or in processes that each tell their heap.
#[must_use]
pub fn choose<'a>(columns: &'a [Column], beside: &Beside<'_>, window: Window) -> Option<(&'a Column, Heap)> {
    let points = |column: &Column| column.t_s.iter().filter(|t_s| window.holds(**t_s)).count();
    let called = |metric: &'static str| {
        columns.iter().filter(move |column| column.series.metric == metric && points(column) > 0)
    };
    let of_target = |column: &&Column| column.series.scope == Scope::Tree;
    let whole_target = is_one_process(columns, beside);
    if let Some(column) = called(METRIC).find(of_target) {
        let whole_target = is_alone(beside) || are_all_probed(columns, beside);
        return Some((column, Heap { from: HeapFrom::Api, source: None, metric: None, whole_target }));
    }
    // The one with most readings; of equals the first.
    if let Some(column) = called(METRIC).rev().max_by_key(|column| points(column))
        && let Scope::Source { name } = &column.series.scope
    {
        let told = format!("` of `{name}`");
        let metric = beside.events.iter().filter(|event| event.kind == EVENT).find_map(|event| {
            let metric = event.text.strip_suffix(&told)?.rsplit('`').next()?;
            Some(metric.to_owned())
        });
        return Some((column, Heap { from: HeapFrom::Runtime, source: Some(name.clone()), metric, whole_target }));
    }
    let column = called(MetricId::Brk.name()).find(of_target)?;
    let metric = Some(MetricId::Brk.name().to_owned());
    Some((column, Heap { from: HeapFrom::Mapping, source: None, metric, whole_target }))
}

/// How the choice of a number is told in an event of kind [`EVENT`].
#[must_use]
pub fn told(metric: &str, source: &str) -> String {
    format!("`{METRIC}` is `{metric}` of `{source}`")
}

fn is_one_process(columns: &[Column], beside: &Beside<'_>) -> bool {
    let last = beside.of_processes.iter().filter_map(|column| column.values.last()).copied();
    is_alone(beside) || is_nearly_all(columns, last.fold(0.0, f64::max))
}

fn is_alone(beside: &Beside<'_>) -> bool {
    beside.procs.is_some_and(|procs| procs.values.iter().all(|count| *count <= 1.0))
}

/// Whether nearly all anonymous memory is in processes that tell their own heap.
fn are_all_probed(columns: &[Column], beside: &Beside<'_>) -> bool {
    let key = |scope: &Scope| match scope {
        Scope::Process { pid, start_ticks, .. } => Some((*pid, *start_ticks)),
        Scope::Tree | Scope::Host | Scope::Operations | Scope::Source { .. } => None,
    };
    let is_probed = |column: &&Column| beside.probed.iter().any(|scope| key(scope) == key(&column.series.scope));
    let last = beside.of_processes.iter().filter(is_probed).filter_map(|column| column.values.last());
    is_nearly_all(columns, last.sum())
}

fn is_nearly_all(columns: &[Column], bytes: f64) -> bool {
    let is_it =
        |column: &&Column| column.series.scope == Scope::Tree && column.series.metric == MetricId::AnonSwap.name();
    let all = columns.iter().find(is_it).and_then(|column| column.values.last());
    all.is_some_and(|all| bytes >= WHOLE_SHARE * all)
}

#[cfg(test)]
mod tests {
    use soakd_analysis::Quantity;

    use super::*;
    use crate::exposition;
    use crate::series::test_column;

    fn column(metric: &str, scope: Scope, points: &[(f64, f64)]) -> Column {
        let mut column = test_column(Quantity::of_metric(metric), points);
        column.series.metric = metric.to_owned();
        column.series.scope = scope;
        column
    }

    const NOTHING: Beside<'static> = Beside { procs: None, of_processes: &[], probed: &[], events: &[] };

    const ALL: Window = Window { from_s: 0.0, to_s: 100.0 };

    #[test]
    fn the_clearest_number_of_a_runtime_is_taken_with_its_label() {
        let heap = |text: &str| {
            let samples: Vec<_> = exposition::samples(text).collect();
            let samples: Vec<&Sample> = samples.iter().map(|(sample, _)| sample).collect();
            recognise(&samples).map(|(value, row)| (value, row.metric))
        };
        let go = "go_memstats_heap_inuse_bytes 4096\ngo_memstats_heap_alloc_bytes 1000\n";
        assert_eq!(heap(go), Some((1000.0, "go_memstats_heap_alloc_bytes")));
        let jvm = "jvm_memory_used_bytes{area=\"heap\",id=\"Eden\"} 10\njvm_memory_used_bytes{area=\"heap\",id=\"Old\"} 20\n\
            jvm_memory_used_bytes{area=\"nonheap\",id=\"Metaspace\"} 500\n";
        assert_eq!(heap(jvm), Some((30.0, "jvm_memory_used_bytes")));
        assert_eq!(heap("jvm_memory_used_bytes{area=\"nonheap\"} 500\napp_heap_bytes 3\n"), None);
    }

    #[test]
    fn every_known_number_is_in_bytes_and_named_once() {
        for row in RUNTIMES {
            assert!(row.metric.contains("bytes"), "{}", row.metric);
            assert_eq!(RUNTIMES.iter().filter(|other| other.metric == row.metric).count(), 1, "{}", row.metric);
        }
    }

    #[test]
    fn what_the_target_itself_counts_comes_before_what_its_runtime_tells() {
        let source = Scope::Source { name: "app".to_owned() };
        let columns = [column(METRIC, source, &[(1.0, 5.0), (2.0, 6.0)]), column(METRIC, Scope::Tree, &[(1.0, 7.0)])];
        let (chosen, heap) = choose(&columns, &NOTHING, ALL).expect("a heap");
        assert_eq!((chosen.values.as_slice(), heap.from), (&[7.0][..], HeapFrom::Api));
        let (chosen, heap) = choose(&columns[..1], &NOTHING, ALL).expect("a heap");
        assert_eq!((chosen.values.len(), heap.from), (2, HeapFrom::Runtime));
    }

    #[test]
    fn the_heap_mapping_is_the_last_resort() {
        let brk = column("brk_bytes", Scope::Tree, &[(1.0, 4096.0)]);
        let heap = choose(std::slice::from_ref(&brk), &NOTHING, ALL).map(|(_, heap)| heap.from);
        assert_eq!(heap, Some(HeapFrom::Mapping));
        let source = Scope::Source { name: "app".to_owned() };
        let columns = [brk, column(METRIC, source, &[(1.0, 5.0)])];
        assert_eq!(choose(&columns, &NOTHING, ALL).map(|(_, heap)| heap.from), Some(HeapFrom::Runtime));
    }

    #[test]
    fn the_heap_of_one_process_among_several_does_not_speak_for_all() {
        let source = Scope::Source { name: "app".to_owned() };
        let heap = || column(METRIC, source.clone(), &[(1.0, 5.0)]);
        let of = |procs: f64, largest: f64| {
            let process = Scope::Process { pid: 1, start_ticks: 1, name: "app".to_owned() };
            let procs = column("procs_count", Scope::Tree, &[(1.0, procs)]);
            let columns = [heap(), column("anon_swap_bytes", Scope::Tree, &[(1.0, 100.0)])];
            let event = Event { t_s: 1.0, kind: EVENT.to_owned(), text: told("x_bytes", "app") };
            let processes = [column("anon_swap_bytes", process, &[(1.0, largest)])];
            let beside = Beside { procs: Some(&procs), of_processes: &processes, probed: &[], events: &[event] };
            let chosen = choose(&columns, &beside, ALL);
            chosen.map(|(_, heap)| heap).expect("a heap")
        };
        assert!(of(1.0, 0.0).whole_target);
        assert!(of(2.0, 95.0).whole_target, "a shell around it holds nearly nothing");
        assert!(!of(2.0, 60.0).whole_target);
        assert_eq!(of(2.0, 60.0).metric.as_deref(), Some("x_bytes"));
        assert_eq!(choose(&[], &NOTHING, ALL).map(|(_, heap)| heap), None);
    }

    #[test]
    fn what_some_processes_tell_speaks_for_all_only_where_these_hold_nearly_all() {
        let process = |pid: u32| Scope::Process { pid, start_ticks: 1, name: format!("p{pid}") };
        let of = |probed: &[Scope]| {
            let anon = |pid, bytes| column("anon_swap_bytes", process(pid), &[(1.0, bytes)]);
            let of_processes = [anon(1, 50.0), anon(2, 45.0), anon(3, 5.0)];
            let columns =
                [column(METRIC, Scope::Tree, &[(1.0, 9.0)]), column("anon_swap_bytes", Scope::Tree, &[(1.0, 100.0)])];
            let procs = column("procs_count", Scope::Tree, &[(1.0, 3.0)]);
            let beside = Beside { procs: Some(&procs), of_processes: &of_processes, probed, events: &[] };
            choose(&columns, &beside, ALL).expect("a heap").1.whole_target
        };
        assert!(of(&[process(1), process(2)]));
        assert!(!of(&[process(1), process(3)]) && !of(&[]));
    }
}
