//! What is asked of a run: kept with it in the store, so that it can be judged again.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use soakd_analysis::{Question, Tolerance};
use soakd_profiles::{Per, Plan, Source, Warmup};
use soakd_reports::LimitSource;
use soakd_sampler::{Detail, METRICS, Metric, MetricId};

use crate::heap_source;

/// What a run was asked, and what was found out about its limits when it began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunPolicy {
    /// The profile with scenario, stage, environment and command line applied.
    pub plan: Plan,
    /// Levels that must not be reached, by metric, in units of the metric.
    pub limits: BTreeMap<String, f64>,
    /// Such levels that hold for each process of the target by itself.
    #[serde(default)]
    pub limits_of_each_process: BTreeMap<String, f64>,
    /// What sets the limits, by metric; a run of an older version does not know.
    #[serde(default)]
    pub limit_sources: BTreeMap<String, LimitSource>,
    /// What sets those of each process.
    #[serde(default)]
    pub limit_sources_of_each_process: BTreeMap<String, LimitSource>,
    /// How an attached target was named; `None` where it was started.
    pub attached: Option<String>,
    /// Commit of the target, where the environment tells.
    pub commit: Option<String>,
    /// Branch of that commit, where the environment tells.
    #[serde(default)]
    pub branch: Option<String>,
}

impl RunPolicy {
    /// Names of the metrics whose judgement counts, in the order of [`METRICS`].
    ///
    /// Those that the profile names count whether they were recorded or not: what was asked for and is missing is no
    /// pass. Where it names none these are the witnesses of a leak, as far as `is_known` says that there are samples
    /// enough to judge them by, and disk space where paths are named; resident memory takes the place of anonymous memory where the latter could not be read.
    #[must_use]
    pub fn judged(&self, is_known: impl Fn(&'static Metric) -> bool) -> Vec<&'static str> {
        let named = &self.plan.profile.judge.metrics;
        if !named.is_empty() {
            return METRICS.iter().map(|row| row.name).filter(|row| named.iter().any(|name| name == row)).collect();
        }
        let names_disk = !self.plan.profile.sample.disk.is_empty();
        let is_judged = |row: &'static Metric| match row.id {
            MetricId::Disk | MetricId::DiskFiles => names_disk,
            _ => is_known(row),
        };
        let mut judged: Vec<&'static str> =
            METRICS.iter().filter(|row| row.judged_by_default && is_judged(row)).map(|row| row.name).collect();
        let rss = MetricId::Rss.row();
        if !judged.iter().any(|name| name.ends_with("_bytes")) && is_known(rss) {
            judged.insert(0, rss.name);
        }
        judged
    }

    /// The series of sources whose judgement counts, each with the name of its source: those that the profile names, and
    /// the live heap that each may turn out to offer.
    #[must_use]
    pub fn judged_of_sources(&self) -> Vec<(String, String)> {
        let sources = &self.plan.profile.sources;
        let named = |(name, source): (&String, &Source)| -> Vec<(String, String)> {
            let heap = self.judges_heap().then(|| heap_source::METRIC.to_owned());
            let judged = source.judge.iter().cloned().chain(heap.filter(|heap| !source.judge.contains(heap)));
            judged.map(|metric| (name.clone(), metric)).collect()
        };
        sources.iter().flat_map(named).collect()
    }

    /// Whether the live heap is judged where there is one.
    #[must_use]
    pub fn judges_heap(&self) -> bool {
        let named = &self.plan.profile.judge.metrics;
        named.is_empty() || named.iter().any(|name| name == heap_source::METRIC)
    }

    /// Whether the profile speaks of a metric whose name begins like this.
    #[must_use]
    pub fn names_metric(&self, prefix: &str) -> bool {
        let profile = &self.plan.profile;
        let budgets = self.plan.budgets.values().map(|budget| &budget.metric);
        let mut named = profile.sample.metrics.iter().chain(&profile.judge.metrics).chain(budgets);
        named.any(|name| name.starts_with(prefix))
    }

    /// Time from one reading of [`Detail::Full`] to the next: at most once a second, and rarely where nobody names a metric
    /// that comes with it, since it costs several times as much as memory.
    #[must_use]
    pub fn full_interval(&self) -> Duration {
        let profile = &self.plan.profile;
        let budgets = self.plan.budgets.values().map(|budget| &budget.metric);
        let mut named = profile.sample.metrics.iter().chain(&profile.judge.metrics).chain(budgets);
        let is_full = |name: &String| METRICS.iter().any(|row| row.name == name && row.detail == Detail::Full);
        Duration::from_secs(if named.any(is_full) { 1 } else { 10 })
    }

    /// The level that the series of `metric` must not reach; one that holds for each process counts where the target `is_one_process`.
    #[must_use]
    pub fn limit(&self, metric: &str, is_one_process: bool) -> Option<f64> {
        let of_it = self.limits_of_each_process.get(metric).filter(|_| is_one_process);
        self.limits.get(metric).into_iter().chain(of_it).copied().reduce(f64::min)
    }

    /// What sets that level.
    #[must_use]
    pub fn limit_source(&self, metric: &str, is_one_process: bool) -> Option<LimitSource> {
        let limit = self.limit(metric, is_one_process)?;
        match self.limits.get(metric) {
            Some(of_all) if *of_all == limit => self.limit_sources.get(metric).cloned(),
            _ => self.limit_sources_of_each_process.get(metric).cloned(),
        }
    }

    /// The question asked of the series of `metric`, one of `family` that are judged together.
    #[must_use]
    pub fn question(&self, metric: &str, family: usize) -> Question {
        let judge = &self.plan.profile.judge;
        let tolerance = judge.tolerance_of(metric).map_or(Tolerance::Default, |tolerance| match tolerance.per {
            Per::Hour => Tolerance::PerHour(tolerance.amount),
            Per::Operation => Tolerance::PerOp(tolerance.amount),
            Per::Run => Tolerance::PerRun(tolerance.amount),
        });
        Question {
            tolerance,
            confidence: judge.confidence,
            warmup_s: match judge.warmup {
                Warmup::Auto => None,
                Warmup::Fixed(warmup) => Some(warmup.as_secs_f64()),
            },
            limit: self.limit(metric, false),
            horizon_s: judge.horizon.as_secs_f64(),
            family: family.max(1),
            ..Question::new(judge.duration.as_secs_f64())
        }
    }
}

/// What the profile in `text` asks, of a target that is started.
#[cfg(test)]
pub(crate) fn test_policy(text: &str) -> RunPolicy {
    use soakd_profiles::{Choice, Profile, Surroundings, parse};

    let surroundings = Surroundings { variable: &|_| None, metrics: &[] };
    let profile: Profile = parse(text.as_bytes(), "test", None, surroundings).expect("a valid profile");
    let plan = profile.plan(Choice::default()).expect("a plan");
    RunPolicy {
        plan,
        limits: BTreeMap::new(),
        limits_of_each_process: BTreeMap::new(),
        limit_sources: BTreeMap::new(),
        limit_sources_of_each_process: BTreeMap::new(),
        attached: None,
        commit: None,
        branch: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_more_than_memory_is_read_often_only_for_who_asks_for_it() {
        let every_s = |text: &str| test_policy(text).full_interval().as_secs();
        assert_eq!(every_s(""), 10);
        assert_eq!(every_s("[sample]\nmetrics = ['rss_bytes', 'anon_swap_bytes']"), 10);
        assert_eq!(every_s("[sample]\nmetrics = ['cpu_s', 'anon_swap_bytes']"), 1);
        assert_eq!(every_s("[judge]\nmetrics = ['rss_shmem_bytes']"), 1);
        assert_eq!(every_s("[budget.default]\nfiles = { metric = 'rss_file_bytes', peak = '1MiB' }"), 1);
    }
}
