//! Which series of a run is its live heap, as the store has it.

use soakd_reports as reports;
use soakd_sampler::MetricId;

use crate::heap_source;
use crate::phases::Phases;
use crate::store::{Column, Event, RunRecord, Scope, SeriesNumber, SeriesRecord, Store, StoreError};

/// The series of the live heap, and where it comes from.
pub(super) fn chosen_heap(
    store: &Store,
    record: &RunRecord,
    all: &[SeriesRecord],
    columns: &[Column],
    events: &[Event],
    phases: &Phases,
) -> Result<Option<(SeriesNumber, reports::Heap)>, StoreError> {
    // Who else is there matters only where somebody tells a heap; the series of many processes are much to read.
    let is_told = columns.iter().any(|column| column.series.metric == heap_source::METRIC);
    let who_else = |series: &&SeriesRecord| match series.scope {
        Scope::Process { .. } => is_told && series.metric == MetricId::AnonSwap.name(),
        _ => false,
    };
    let of_processes: Vec<SeriesNumber> = all.iter().filter(who_else).map(|series| series.number).collect();
    let of_processes = store.columns(record.key, &of_processes)?;
    let procs: Vec<SeriesNumber> = all
        .iter()
        .filter(|series| series.scope == Scope::Tree && series.metric == MetricId::Procs.name())
        .map(|series| series.number)
        .collect();
    let procs = store.columns(record.key, &procs)?.pop();
    let tells =
        |series: &&SeriesRecord| matches!(series.scope, Scope::Process { .. }) && series.metric == heap_source::METRIC;
    let probed: Vec<Scope> = all.iter().filter(tells).map(|series| series.scope.clone()).collect();
    let beside = heap_source::Beside { procs: procs.as_ref(), of_processes: &of_processes, probed: &probed, events };
    let chosen = heap_source::choose(columns, &beside, phases.load);
    Ok(chosen.map(|(column, heap)| (column.series.number, heap)))
}
