//! From what a run recorded to what is found about it: series, judgements, budgets.
//!
//! A run that has just ended and one that was interrupted a week ago go the same way: everything comes from the
//! store.

use std::collections::BTreeMap;

use soakd_analysis::{Judgement, JudgementKind, Quantity, Series, SeriesError, judge};
use soakd_reports as reports;
use soakd_reports::{Findings, HeapFrom, Role, SeriesFinding};
use soakd_sampler::{Detail, METRICS, MetricId};
use thiserror::Error;

use crate::attribution;
use crate::budgets;
use crate::levels::{Level, Levels};
use crate::lives::Life;
use crate::looks::Look;
use crate::phases::{self, Phases};
use crate::policy::RunPolicy;
use crate::series::series;
use crate::store::{Column, Gap, RunRecord, Scope, SeriesRecord, Store, StoreError};
use crate::{heap_source, look_findings, settled, source_recording};

mod behind;
mod heap_choice;

use behind::{BARE_SUM, Behind, CGROUP_PREFIX};
use heap_choice::chosen_heap;

/// Why a run could not be judged.
#[derive(Debug, Error)]
pub enum JudgeError {
    /// It could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its record holds no policy that this version understands.
    #[error("run `{run}` was recorded by another version of soakd: {reason}")]
    Policy {
        /// The run.
        run: String,
        /// What is wrong with the policy.
        reason: String,
    },
    /// Its samples are no series, which is a fault of soakd's own.
    #[error("the samples of `{metric}` are no series: {reason}")]
    Series {
        /// The metric.
        metric: String,
        /// What is wrong.
        reason: SeriesError,
    },
}

/// What is known of a run beside its record.
#[derive(Debug, Clone, Default)]
pub struct Aside {
    /// Seconds of the run at which the evidence decided, by metric.
    pub decided_at_s: BTreeMap<String, f64>,
    /// The call stacks that did not free what they allocated, where the target was profiled.
    pub sites: Vec<reports::Attribution>,
    /// What the load did.
    pub load: Option<reports::Load>,
    /// How the sources did.
    pub sources: Vec<reports::Source>,
    /// What soakd itself cost.
    pub overhead: reports::Overhead,
    /// Ticks without a sample.
    pub missed_ticks_count: u64,
    /// What makes the answer weaker than was asked for.
    pub warnings: Vec<reports::Warning>,
}

/// Judges the run `record` as the store holds it; `run` says how it is named in the verdict and why it ended.
///
/// # Errors
/// [`JudgeError`] where the record cannot be read.
pub fn findings(
    store: &Store,
    record: &RunRecord,
    policy: &RunPolicy,
    run: reports::Run,
    aside: Aside,
) -> Result<Findings, JudgeError> {
    let events = store.events(record.key)?;
    let phases = Phases::of(&events, run.duration_s);
    let all = store.series(record.key)?;
    let wanted: Vec<_> = all.iter().filter(|series| is_wanted(policy, series)).map(|series| series.number).collect();
    let columns = store.columns(record.key, &wanted)?;
    let operations = columns.iter().find(|column| column.series.scope == Scope::Operations);
    let points = |column: &Column| column.t_s.iter().filter(|t_s| phases.load.holds(**t_s)).count();
    // From some time on it counted others as well.
    let shared = events.iter().find(|event| event.kind == phases::CGROUP_SHARED);
    let is_of_others = |metric: &str| shared.is_some() && metric.starts_with(CGROUP_PREFIX);
    let judged = policy.judged(|row| {
        let column = columns.iter().find(|column| is_of_target(column, row.name));
        // A series that is read now and then may not come to a judgement in a short run, which says nothing.
        let is_rare = matches!(row.detail, Detail::Slow | Detail::Paced);
        let least = if is_rare { FEWEST_SLOW_POINTS } else { 1 };
        column.is_some_and(|column| points(column) >= least) && !is_of_others(row.name)
    });
    let budgets = &policy.plan.budgets;
    let heap = chosen_heap(store, record, &all, &columns, &events, &phases)?;
    // What a source is asked for in so many words is judged whatever it gave; a heap that it happens to offer, where it
    // came to enough points.
    let is_heap = |column: &Column| heap.as_ref().is_some_and(|(number, _)| *number == column.series.number);
    let is_declared = |name: &str, metric: &str| {
        policy.plan.profile.sources.get(name).is_some_and(|source| source.judge.iter().any(|judged| judged == metric))
    };
    let is_settled_heap = |name: &str, metric: &str| {
        let source = heap.as_ref().and_then(|(_, heap)| heap.source.as_deref());
        metric == heap_source::METRIC && source == Some(name)
    };
    let is_judged = |column: &Column| match &column.series.scope {
        Scope::Tree => match settled::metric_of(&column.series.metric) {
            // A settled series is judged on its own beside the ordinary one, as soon as it has points enough.
            Some(metric) => judged.contains(&metric) && points(column) >= FEWEST_SLOW_POINTS,
            None => judged.contains(&column.series.metric.as_str()) && !is_of_others(&column.series.metric),
        },
        Scope::Source { name } => match settled::metric_of(&column.series.metric) {
            Some(metric) => {
                let is_asked_for = is_declared(name, metric) || (is_settled_heap(name, metric) && policy.judges_heap());
                is_asked_for && points(column) >= FEWEST_SLOW_POINTS
            }
            None => {
                let enough =
                    || points(column) >= FEWEST_SLOW_POINTS || aside.decided_at_s.contains_key(heap_source::METRIC);
                is_declared(name, &column.series.metric) || (is_heap(column) && policy.judges_heap() && enough())
            }
        },
        Scope::Process { .. } | Scope::Host | Scope::Operations => false,
    };
    let missing = missing(policy, &columns);
    // They were named, or paths were, so that somebody relies on them.
    let is_seen = |metric: &str| columns.iter().any(|column| is_of_target(column, metric) && is_judged(column));
    let of_heap =
        |metric: &str| metric == heap_source::METRIC && columns.iter().any(|column| column.series.metric == metric);
    let unseen: Vec<&str> = judged.iter().copied().filter(|metric| !is_seen(metric) && !of_heap(metric)).collect();
    let family = columns.iter().filter(|column| is_judged(column)).count() + missing.len() + unseen.len();
    let mut told: Vec<reports::Warning> =
        unseen.iter().map(|metric| not_measured(metric, is_of_others(metric))).collect();
    told.extend(shared.map(|event| reports::Warning { text: event.text.clone(), hint: None }));

    let few = few_settled(&columns, points, is_judged);
    let behind = Behind::of(store, record, &all, &phases, operations)?;

    let mut found = Vec::new();
    let mut leaking = BTreeMap::new();
    for column in &columns {
        let scope = match &column.series.scope {
            // An API in one process of several does not speak for the others.
            Scope::Tree => match &heap {
                Some((_, heap))
                    if (is_heap(column) || settled::metric_of(&column.series.metric) == Some(heap_source::METRIC))
                        && heap.from == HeapFrom::Api
                        && !heap.whole_target =>
                {
                    reports::Scope::Source { name: "soakd-probe".to_owned() }
                }
                _ => reports::Scope::Tree,
            },
            Scope::Source { name } => match &heap {
                Some((_, heap))
                    if heap.whole_target
                        && (is_heap(column)
                            || settled::metric_of(&column.series.metric)
                                .is_some_and(|metric| is_settled_heap(name, metric))) =>
                {
                    reports::Scope::Tree
                }
                _ => reports::Scope::Source { name: name.clone() },
            },
            Scope::Process { .. } | Scope::Host | Scope::Operations => continue,
        };
        let metric = column.series.metric.as_str();
        let role = if is_judged(column) { Role::Judged } else { Role::Witness };
        let settled_of = settled::metric_of(metric);
        let is_told = match settled_of {
            Some(_) if matches!(column.series.scope, Scope::Source { .. }) => points(column) > 0,
            Some(metric) => judged.contains(&metric) && points(column) > 0,
            None => column.t_s.len() >= FEWEST_SLOW_POINTS,
        };
        if role == Role::Witness && !is_told {
            continue;
        }
        let asked_of = settled_of.unwrap_or(metric);
        let question = policy.question(asked_of, if role == Role::Judged { family } else { 1 });
        let is_one = behind.are_one();
        let limit = (policy.limit(asked_of, is_one).filter(|_| column.series.scope == Scope::Tree))
            .map(|value| Level { value, source: policy.limit_source(asked_of, is_one) });
        let levels = Levels::of(policy, asked_of, column, limit);
        let question = levels.asked(question);
        let mut breaks_s = phases.restarts_s.clone();
        breaks_s.extend(breaks(column));
        let series = series(column, &phases, &breaks_s, operations)
            .map_err(|reason| JudgeError::Series { metric: metric.to_owned(), reason })?;
        let mut judgement = judge(&series, &question);
        if role == Role::Judged && column.series.scope == Scope::Tree {
            let told = behind.judge(column, &question, &judgement)?;
            if let Some(told) = told {
                judgement = told.judgement;
                leaking.extend(told.leaking.map(|life| (metric.to_owned(), life)));
            } else if behind.is_bare_sum(column) {
                judgement.evidence.push(BARE_SUM.to_owned());
            }
        }
        found.push(SeriesFinding {
            metric: metric.to_owned(),
            unit: column.series.quantity,
            scope,
            role,
            limit: levels.nearest().map(|level| level.value),
            limit_source: levels.nearest().and_then(|level| level.source.clone()),
            decided_at_s: aside.decided_at_s.get(metric).copied(),
            judgement,
        });
    }
    for (name, metric) in missing {
        let scope = reports::Scope::Source { name: name.to_owned() };
        found.push(unmeasured(policy, scope, metric, family)?);
    }
    for metric in unseen {
        found.push(unmeasured(policy, reports::Scope::Tree, metric, family)?);
    }
    // Judged ones first, in the order of the metrics table, then those of sources; then the witnesses.
    found.sort_by_key(|finding| {
        let metric = settled::metric_of(&finding.metric).unwrap_or(&finding.metric);
        let place = judged.iter().position(|judged| *judged == metric).unwrap_or(judged.len());
        (finding.role != Role::Judged, place, finding.metric.clone())
    });

    let judgement_of = |metric: &str| -> Option<&Judgement> {
        found.iter().find(|finding| finding.metric == metric).map(|finding| &finding.judgement)
    };
    let column_of = |metric: &str| -> Option<&Column> {
        let of_source = || columns.iter().find(|column| column.series.metric == metric);
        columns.iter().find(|column| is_of_target(column, metric)).or_else(of_source)
    };
    let budgets = budgets
        .iter()
        .map(|(name, budget)| {
            let settled = column_of(&settled::name(&budget.metric));
            budgets::check(name, budget, column_of(&budget.metric), settled, judgement_of(&budget.metric), &phases)
        })
        .collect();
    let grown = found.iter_mut().find(|finding| finding.judgement.judgement == JudgementKind::Leak);
    let grown = match grown {
        Some(grown) => who_grew(store, record, &all, &phases, grown, &leaking)?,
        None => Vec::new(),
    };
    // Call stacks first: nobody says more exactly who it is.
    let mut attribution = aside.sites;
    attribution.extend(grown);

    // A run that is judged again has them already.
    told.extend(few);
    told.retain(|warning| !aside.warnings.contains(warning));
    let gaps = store.gaps(record.key)?.into_iter().filter(|gap| gap.series.is_none());
    Ok(Findings {
        policy: conclusion_policy(policy),
        series: found,
        budgets,
        load: aside.load,
        attribution,
        heap: heap.map(|(_, heap)| heap),
        sources: aside.sources,
        overhead: aside.overhead,
        samples: reports::Samples {
            count: store.samples_count(record.key)?,
            interval_s: record.run.interval_s,
            missed_ticks_count: aside.missed_ticks_count,
            gaps: gaps.map(|gap| reports::Gap { from_s: gap.from_s, to_s: gap.to_s, why: gap.why }).collect(),
            file: Some(store.file().display().to_string()),
        },
        warnings: aside.warnings.into_iter().chain(told).collect(),
        events: events
            .into_iter()
            // Stands in `sources`.
            .filter(|event| event.kind != source_recording::STATUS_EVENT)
            .map(|event| reports::Event { t_s: event.t_s, kind: event.kind, text: event.text })
            .collect(),
        run,
    })
}

/// Who grew in a leaking series: processes first, then what the looks at them name. Its evidence says whether that is in use.
fn who_grew(
    store: &Store,
    record: &RunRecord,
    all: &[SeriesRecord],
    phases: &Phases,
    grown: &mut SeriesFinding,
    leaking: &BTreeMap<String, Life>,
) -> Result<Vec<reports::Attribution>, StoreError> {
    if let Some(life) = leaking.get(&grown.metric) {
        return Ok(vec![attribution::of_life(life, grown.unit)]);
    }
    let metric = settled::metric_of(&grown.metric).unwrap_or(&grown.metric);
    let mut attribution = attribution::by_process(store, record.key, all, metric, phases.load)?;
    // A runtime does not tell the heap of each process; what it takes of memory says who it is.
    let metric = if metric == heap_source::METRIC { MetricId::AnonSwap.name() } else { metric };
    if attribution.is_empty() {
        attribution = attribution::by_process(store, record.key, all, metric, phases.load)?;
    }
    // A look that this version does not understand is none.
    let looks: Vec<Look> = store.looks(record.key)?.iter().filter_map(|look| serde_json::from_str(look).ok()).collect();
    let looked = look_findings::of(&looks, metric);
    attribution.extend(looked.attribution);
    grown.judgement.evidence.extend(looked.evidence);
    Ok(attribution)
}

/// What is said where there are settled samples, and too few for a judgement of any of their series.
fn few_settled(
    columns: &[Column],
    points: impl Fn(&Column) -> usize,
    is_judged: impl Fn(&Column) -> bool,
) -> Option<reports::Warning> {
    let settled = || columns.iter().filter(|column| settled::metric_of(&column.series.metric).is_some());
    let count = settled().map(points).max().filter(|count| *count > 0)?;
    (!settled().any(is_judged)).then(|| reports::Warning {
        text: format!(
            "{count} settled samples were taken, {FEWEST_SLOW_POINTS} are needed to judge the settled series: they are \
             told and decide nothing"
        ),
        hint: Some("shorten `every` in `[checkpoint]`, or run longer".to_owned()),
    })
}

/// Whether the verdict says anything about `series`.
fn is_wanted(policy: &RunPolicy, series: &SeriesRecord) -> bool {
    let metric = settled::metric_of(&series.metric).unwrap_or(&series.metric);
    let profile = &policy.plan.profile;
    let has_budget = policy.plan.budgets.values().any(|budget| budget.metric == metric);
    match &series.scope {
        Scope::Tree => {
            WITNESSES.contains(&metric)
                || profile.judge.metrics.iter().any(|name| name == metric)
                || METRICS.iter().any(|row| row.name == metric && row.judged_by_default)
                || has_budget
        }
        Scope::Source { name } => {
            let is_judged = || {
                let source = profile.sources.get(name);
                source.is_some_and(|source| source.judge.iter().any(|judged| judged == metric))
            };
            metric == heap_source::METRIC || has_budget || is_judged()
        }
        Scope::Operations => true,
        Scope::Process { .. } | Scope::Host => false,
    }
}

fn is_of_target(column: &Column, metric: &str) -> bool {
    column.series.scope == Scope::Tree && column.series.metric == metric
}

/// The series that sources were asked for in so many words and never gave, each with its source.
fn missing<'a>(policy: &'a RunPolicy, columns: &[Column]) -> Vec<(&'a str, &'a str)> {
    let is_there = |name: &str, metric: &str| {
        let is_it = |scope: &Scope| matches!(scope, Scope::Source { name: source } if source == name);
        columns.iter().any(|column| column.series.metric == metric && is_it(&column.series.scope))
    };
    let asked = policy
        .plan
        .profile
        .sources
        .iter()
        .flat_map(|(name, source)| source.judge.iter().map(move |metric| (name.as_str(), metric.as_str())));
    asked.filter(|(name, metric)| !is_there(name, metric)).collect()
}

/// What is said of a metric of the target that is to be judged and cannot be.
fn not_measured(metric: &str, is_of_others: bool) -> reports::Warning {
    let (why, hint) = if is_of_others {
        (
            "the cgroup came to hold others than the target",
            "let soakd start the target, or attach to a unit or a cgroup of its own",
        )
    } else if MetricId::named(metric).is_some_and(|metric| metric.row().is_offered()) {
        ("no process of the target offers it", "leave it out of `metrics` in `[judge]`, or give the target a probe")
    } else {
        (
            "it was never measured in the judged part",
            "leave it out of `metrics` in `[judge]`, or see the other warnings and `soakd doctor` for why",
        )
    };
    reports::Warning { text: format!("`{metric}` is to be judged and is not: {why}"), hint: Some(hint.to_owned()) }
}

/// The finding about a series that was asked for and could not be measured: never a pass.
fn unmeasured(
    policy: &RunPolicy,
    scope: reports::Scope,
    metric: &str,
    family: usize,
) -> Result<SeriesFinding, JudgeError> {
    let unit = Quantity::of_metric(metric);
    let question = policy.question(metric, family);
    let empty = Series::new(unit, Vec::new(), Vec::new())
        .map_err(|reason| JudgeError::Series { metric: metric.to_owned(), reason })?;
    Ok(SeriesFinding {
        metric: metric.to_owned(),
        unit,
        scope,
        role: Role::Judged,
        limit: question.limit,
        limit_source: policy.limit_source(metric, false),
        decided_at_s: None,
        judgement: judge(&empty, &question),
    })
}

/// Times across which nothing can be compared: a counter was set back, another process answers.
fn breaks(column: &Column) -> impl Iterator<Item = f64> {
    let is_break = |gap: &&Gap| {
        gap.series.is_some()
            && [source_recording::COUNTER_RESET, source_recording::STARTED_ANEW].contains(&gap.why.as_str())
    };
    column.gaps.iter().filter(is_break).map(|gap| gap.to_s)
}

/// A series that is read at its own slower rate is judged from this many points on, by default; a witness with fewer
/// says nothing.
const FEWEST_SLOW_POINTS: usize = 60;

/// Series that are told to the reader though they decide nothing.
const WITNESSES: &[&str] =
    &["rss_bytes", "rss_kept_bytes", "swap_bytes", "pss_bytes", "uss_bytes", "brk_bytes", "cgroup_bytes"];

/// The policy of a stored run.
///
/// # Errors
/// [`JudgeError::Policy`] where it is not one.
pub fn policy_of(record: &RunRecord) -> Result<RunPolicy, JudgeError> {
    serde_json::from_value(record.run.policy.clone())
        .map_err(|error| JudgeError::Policy { run: record.run.id.to_string(), reason: error.to_string() })
}

/// The rules of the outcome, as the reports know them.
fn conclusion_policy(policy: &RunPolicy) -> reports::Policy {
    use soakd_profiles::{InconclusiveAs, Severity};
    let judge = &policy.plan.profile.judge;
    let severity = |severity| match severity {
        Severity::Low => reports::Severity::Low,
        Severity::Medium => reports::Severity::Medium,
        Severity::High => reports::Severity::High,
        Severity::Critical => reports::Severity::Critical,
    };
    reports::Policy {
        fail_on: severity(judge.fail_on),
        block_on: severity(judge.block_on),
        inconclusive: match judge.inconclusive {
            InconclusiveAs::Inconclusive => reports::InconclusiveAs::Inconclusive,
            InconclusiveAs::Pass => reports::InconclusiveAs::Pass,
            InconclusiveAs::Warn => reports::InconclusiveAs::Warn,
            InconclusiveAs::Fail => reports::InconclusiveAs::Fail,
        },
        horizon_s: judge.horizon.as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use soakd_profiles::{Choice, Surroundings, parse};
    use soakd_reports::Ended;

    use super::*;
    use crate::host_facts;
    use crate::store::{Ending, NewRun, RunId};

    /// A metric and its level at each time.
    type Recorded = (&'static str, fn(f64) -> f64);

    /// What is found of a run of a minute that recorded these series, a value a second each, and these events.
    fn found(profile: &str, recorded: &[Recorded], events: &[(f64, &str, &str)]) -> Findings {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("a store").store;
        let surroundings =
            Surroundings { variable: &|_| None, metrics: &["anon_swap_bytes", "cgroup_anon_kernel_bytes"] };
        let profile = parse(profile.as_bytes(), "test", None, surroundings).expect("a valid profile");
        let plan = profile.plan(Choice::default()).expect("a plan");
        let policy = RunPolicy {
            plan,
            limits: BTreeMap::new(),
            limits_of_each_process: BTreeMap::new(),
            limit_sources: BTreeMap::new(),
            limit_sources_of_each_process: BTreeMap::new(),
            attached: None,
            commit: None,
            branch: None,
        };
        let started = "2026-11-21T09:30:12Z".parse().expect("a time");
        let run = NewRun {
            id: RunId::new(started, "test"),
            profile: "test".to_owned(),
            profile_text: String::new(),
            command: Vec::new(),
            scenario: None,
            stage: None,
            environment: None,
            host: serde_json::json!({}),
            planned_s: 60.0,
            interval_s: 1.0,
            policy: serde_json::to_value(&policy).expect("JSON"),
            started,
            commit: None,
            branch: None,
        };
        let mut recorder = store.begin(run).expect("a run");
        let numbers: Vec<_> = recorded
            .iter()
            .map(|(metric, _)| recorder.series(metric, Scope::Tree, Quantity::of_metric(metric)))
            .collect();
        for t_s in (0..=120).map(|half| f64::from(half) * 0.5) {
            let values: Vec<_> =
                numbers.iter().zip(recorded).map(|(number, (_, value))| (*number, value(t_s))).collect();
            recorder.sample(t_s, &values);
        }
        for (t_s, kind, text) in events {
            recorder.event(*t_s, kind, text);
        }
        recorder.finish(Ending { duration_s: 60.0, why: String::new(), verdict: None }).expect("written");
        let record = store.run("last").expect("the run");
        let run = reports::Run {
            host: host_facts::host(),
            ..crate::verdict::run_of(&policy, started, 60.0, Ended::PlannedEnd)
        };
        findings(&store, &record, &policy, run, Aside::default()).expect("it can be judged")
    }

    fn role(found: &Findings, metric: &str) -> Option<Role> {
        found.series.iter().find(|series| series.metric == metric).map(|series| series.role)
    }

    const LEVEL: fn(f64) -> f64 = |_| 5e7;
    /// A million bytes a second, to 110 million.
    const GROWS: fn(f64) -> f64 = |t_s| 5e7 + 1e6 * t_s + f64::from(t_s as u32 * 7 % 5) * 4096.0;
    const JUMPS: fn(f64) -> f64 = |t_s| if t_s < 40.0 { 5e7 } else { 9e7 };

    #[test]
    fn a_cgroup_that_came_to_hold_others_is_told_and_not_judged() {
        let recorded = [("anon_swap_bytes", LEVEL), ("cgroup_anon_kernel_bytes", JUMPS)];
        let own = found("[judge]\nduration = '60s'\n", &recorded, &[]);
        assert_eq!(role(&own, "cgroup_anon_kernel_bytes"), Some(Role::Judged));
        let event = (50.0, phases::CGROUP_SHARED, "the cgroup came to hold others");
        let shared = found("[judge]\nduration = '60s'\n", &recorded, &[event]);
        assert_ne!(role(&shared, "cgroup_anon_kernel_bytes"), Some(Role::Judged));
        assert_eq!(role(&shared, "anon_swap_bytes"), Some(Role::Judged));
        assert!(shared.warnings.iter().any(|warning| warning.text.contains("hold others")), "{:?}", shared.warnings);
    }

    #[test]
    fn a_sum_that_cannot_be_looked_behind_is_told_as_one_where_processes_came_and_went() {
        let says_so = |of_procs: fn(f64) -> f64| {
            let recorded =
                [("anon_swap_bytes", LEVEL), ("cgroup_anon_kernel_bytes", LEVEL), (MetricId::Procs.name(), of_procs)];
            let found = found("[judge]\nduration = '60s'\n", &recorded, &[]);
            let finding = found.series.iter().find(|series| series.metric == "cgroup_anon_kernel_bytes");
            finding.expect("it is told").judgement.evidence.iter().any(|sentence| sentence == BARE_SUM)
        };
        assert!(!says_so(|_| 3.0));
        assert!(says_so(|t_s| if (20.0..30.0).contains(&t_s) { 4.0 } else { 3.0 }));
    }

    #[test]
    fn growth_is_projected_to_the_budget_that_it_misses_first_which_stops_nothing() {
        let profile = "[judge]\nduration = '60s'\nhorizon = '1h'\n\
                       [budget.default]\nmost = { peak = '140MB' }\nmore = { level = '200MB' }\nmissed = { peak = '90MB' }\n";
        let found = found(profile, &[("anon_swap_bytes", GROWS)], &[]);
        let series = &found.series[0];
        assert_eq!(series.judgement.judgement, JudgementKind::Leak);
        let budget = reports::LimitSource::Budget { name: "most".to_owned() };
        assert_eq!((series.limit, &series.limit_source), (Some(140e6), &Some(budget)));
        let time_s = series.judgement.time_to_limit_s.expect("it grows").value;
        assert!((time_s - 30.0).abs() < 3.0, "{time_s}");
        assert_eq!(series.judgement.time_to_stop_s, None);
    }

    #[test]
    fn what_was_named_and_never_recorded_is_judged_undecided_and_said() {
        let named = "[judge]\nduration = '60s'\nmetrics = ['cgroup_anon_kernel_bytes']\n";
        let found = found(named, &[("anon_swap_bytes", LEVEL)], &[]);
        let missed =
            found.series.iter().find(|series| series.metric == "cgroup_anon_kernel_bytes").expect("it is told");
        assert_eq!(
            (missed.role, missed.judgement.judgement, missed.judgement.points),
            (Role::Judged, JudgementKind::Inconclusive, 0)
        );
        assert!(
            found.warnings.iter().any(|warning| warning.text.contains("it was never measured")),
            "{:?}",
            found.warnings
        );
    }
}
