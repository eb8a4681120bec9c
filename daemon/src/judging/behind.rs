//! The processes behind the sums of a run: who was there, and what they say of a sum together.

use std::collections::BTreeMap;

use soakd_analysis::{Judgement, Question};
use soakd_sampler::{METRICS, MetricId};

use crate::lives::{self, Told};
use crate::phases::Phases;
use crate::store::{Column, RunRecord, Scope, SeriesNumber, SeriesRecord, Store, StoreError};

/// What is said of a sum that cannot be looked behind.
pub(super) const BARE_SUM: &str = "processes came and went, and none of them is recorded in this metric: the sum alone is judged, which tells a new \
                        process from growth, and the end of one from a cure, by its course only";

/// How the metrics of the target's own cgroup begin.
pub(super) const CGROUP_PREFIX: &str = "cgroup_";

/// The processes behind the sums of a run.
pub(super) struct Behind<'a> {
    store: &'a Store,
    record: &'a RunRecord,
    /// Series of processes, by metric.
    of_processes: BTreeMap<&'a str, Vec<SeriesNumber>>,
    /// How many there were.
    population: Option<Column>,
    phases: &'a Phases,
    operations: Option<&'a Column>,
}

impl<'a> Behind<'a> {
    pub(super) fn of(
        store: &'a Store,
        record: &'a RunRecord,
        all: &'a [SeriesRecord],
        phases: &'a Phases,
        operations: Option<&'a Column>,
    ) -> Result<Self, StoreError> {
        let mut of_processes: BTreeMap<&str, Vec<SeriesNumber>> = BTreeMap::new();
        for series in all.iter().filter(|series| matches!(series.scope, Scope::Process { .. })) {
            of_processes.entry(&series.metric).or_default().push(series.number);
        }
        let is_population =
            |series: &&SeriesRecord| series.scope == Scope::Tree && series.metric == MetricId::Procs.name();
        let population: Vec<SeriesNumber> = all.iter().filter(is_population).map(|series| series.number).collect();
        let population = store.columns(record.key, &population)?.pop();
        Ok(Self { store, record, of_processes, population, phases, operations })
    }

    /// Whether the target was never more than one process.
    pub(super) fn are_one(&self) -> bool {
        let counts = self.population.as_ref().map(|column| &column.values);
        counts.is_some_and(|counts| !counts.is_empty() && counts.iter().all(|count| *count <= 1.0))
    }

    /// Whether `tree` is a sum over processes that came and went of whom none was recorded in this metric.
    pub(super) fn is_bare_sum(&self, tree: &Column) -> bool {
        let metric = tree.series.metric.as_str();
        let counts_processes = metric.starts_with(CGROUP_PREFIX)
            || METRICS.iter().any(|row| row.name == metric && row.scope == soakd_sampler::Scope::Process);
        let population = self.population.iter().flat_map(|column| column.t_s.iter().zip(&column.values));
        let mut counts = population.filter(|(t_s, _)| self.phases.load.holds(**t_s)).map(|(_, count)| count);
        let has_changed = counts.next().is_some_and(|first| counts.any(|count| count != first));
        counts_processes && has_changed && !self.of_processes.contains_key(metric)
    }

    /// What they say of the sum `tree`, of which `sum` was found.
    pub(super) fn judge(
        &self,
        tree: &Column,
        question: &Question,
        sum: &Judgement,
    ) -> Result<Option<Told>, StoreError> {
        let Some(numbers) = self.of_processes.get(tree.series.metric.as_str()) else { return Ok(None) };
        let of_processes = self.store.columns(self.record.key, numbers)?;
        let population = self.population.as_ref();
        Ok(lives::judge_members(tree, &of_processes, population, self.phases, self.operations, question, sum))
    }
}
