//! The judgement while a run goes on: a monitor for each judged series, and what it says for people.

use soakd_analysis::{Estimate, Judgement, JudgementKind, Monitor, Quantity, Tolerance, default_tolerance_per_hour};
use soakd_sampler::{Detail, METRICS, Metric, MetricId, ProcessId};

use crate::heap_source;
use crate::members::OF_PROCESSES;
use crate::policy::RunPolicy;
use crate::progress::clock_face;
use crate::sampling::Sample;
use crate::service::status::LiveSeries;
use crate::sources::SourceReading;
use crate::suspicion::{self, Suspicion};

/// The model of a series is looked for when it has so many samples, and again whenever it has grown by so much: a judgement costs
/// milliseconds, and the daemon follows hundreds of series.
const FEWEST_FOR_MODEL: usize = 60;
const MODEL_RENEWED: f64 = 0.5;

/// Follows the judged series of one run.
#[derive(Debug)]
pub struct Watch {
    policy: RunPolicy,
    followed: Vec<Followed>,
    started: bool,
    planned_s: f64,
    /// When the load began, by the first sample under it.
    first_s: f64,
    /// When series are next looked at for a suspicion.
    check_s: f64,
    /// The processes that were last read one by one.
    members: Vec<ProcessId>,
}

#[derive(Debug)]
struct Followed {
    of: Of,
    quantity: Quantity,
    monitor: Monitor,
    level: Option<f64>,
    undecided: bool,
    unsuspected: bool,
    samples_count: usize,
    model: Option<String>,
    /// The model is looked for at so many samples.
    model_at: usize,
}

/// Where the values of a series come from.
#[derive(Debug, Clone, PartialEq)]
enum Of {
    /// The samples of the target.
    Target(MetricId),
    /// A source of the profile.
    Source { name: String, metric: String },
}

impl Of {
    fn metric(&self) -> &str {
        match self {
            Self::Target(metric) => metric.name(),
            Self::Source { metric, .. } => metric,
        }
    }
}

/// The evidence has decided one series before the planned end.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// Its metric.
    pub metric: String,
    /// What was decided, in words.
    pub text: String,
}

impl Watch {
    /// A watch on the metrics that `policy` judges. Which of them can be read shows later.
    #[must_use]
    pub fn new(policy: &RunPolicy) -> Self {
        Self {
            policy: policy.clone(),
            followed: followed(policy, |_| true),
            started: false,
            planned_s: policy.plan.profile.judge.duration.as_secs_f64(),
            first_s: 0.0,
            check_s: 0.0,
            members: Vec::new(),
        }
    }

    /// Takes one sample of the judged part of the run.
    pub fn push(&mut self, sample: &Sample) {
        if !self.started {
            self.started = true;
            self.first_s = sample.t_s;
            self.check_s = sample.t_s + suspicion::NOT_BEFORE * self.planned_s;
            self.leave_out_what_is_not_offered(sample);
        }
        let changed = self.members_changed(sample);
        for followed in &mut self.followed {
            let Of::Target(metric) = followed.of else { continue };
            // Who came is no growth and who went no cure; at the end the processes are judged by their own.
            if changed && OF_PROCESSES.contains(&metric) {
                followed.monitor.restart(sample.t_s);
            }
            if let Some(value) = sample.totals.get(metric) {
                followed.push(sample.t_s, value, sample.operations);
            }
        }
    }

    /// Takes what the source `name` gave in the judged part of the run, with the operations counted by then.
    pub fn push_source(&mut self, name: &str, reading: &SourceReading, operations: Option<f64>) {
        for followed in &mut self.followed {
            let Of::Source { name: source, metric } = &followed.of else { continue };
            let value = reading.values.iter().find(|value| source == name && value.series == *metric);
            if let Some(value) = value {
                followed.push(reading.t_s, value.value, operations);
            }
        }
    }

    /// Whether a process that lives on came or went since they were last read one by one.
    fn members_changed(&mut self, sample: &Sample) -> bool {
        if sample.processes.is_empty() {
            return false;
        }
        let is_known = self.members.len() == sample.processes.len()
            && self.members.iter().zip(&sample.processes).all(|(known, process)| *known == process.id);
        if is_known {
            return false;
        }
        let is_first = self.members.is_empty();
        self.members.clear();
        self.members.extend(sample.processes.iter().map(|process| process.id));
        !is_first
    }

    /// Takes what was recorded of one series before a break: `source` and `metric` name it, the operations are those counted by then.
    pub fn replay(
        &mut self,
        source: Option<&str>,
        metric: &str,
        points: impl Iterator<Item = (f64, f64, Option<f64>)>,
    ) {
        let is_it = |of: &Of| match of {
            Of::Target(id) => source.is_none() && id.name() == metric,
            Of::Source { name, metric: of_source } => source == Some(name.as_str()) && of_source == metric,
        };
        let Some(followed) = self.followed.iter_mut().find(|followed| is_it(&followed.of)) else { return };
        for (t_s, value, operations) in points {
            if !self.started {
                self.started = true;
                self.first_s = t_s;
                self.check_s = t_s + suspicion::NOT_BEFORE * self.planned_s;
            }
            followed.push(t_s, value, operations);
        }
        // What was decided before the break is decided again by the first look after it.
    }

    /// What is known of each series by now. Looks for the model of one series, if one is due.
    #[must_use]
    pub fn live(&mut self) -> Vec<LiveSeries> {
        if let Some(followed) = self.followed.iter_mut().find(|followed| followed.samples_count >= followed.model_at) {
            followed.find_model();
        }
        self.followed.iter().filter_map(|followed| followed.live(&self.policy, self.planned_s)).collect()
    }

    /// The target was replaced.
    pub fn restart(&mut self, t_s: f64) {
        for followed in &mut self.followed {
            followed.monitor.restart(t_s);
        }
    }

    /// Most programs have no probe: where the first sample shows none, the others share the error rate.
    fn leave_out_what_is_not_offered(&mut self, sample: &Sample) {
        let is_there = |row: &Metric| !row.is_offered() || sample.totals.get(row.id).is_some();
        let all = followed(&self.policy, is_there);
        if all.len() < self.followed.len() {
            // What sources have given meanwhile is not lost.
            let mut before = std::mem::take(&mut self.followed).into_iter();
            let known = |of: &Of| matches!(of, Of::Source { .. });
            self.followed = all
                .into_iter()
                .map(|new| if known(&new.of) { before.find(|old| old.of == new.of).unwrap_or(new) } else { new })
                .collect();
        }
    }

    /// The first series that the evidence decides by now and had not before.
    ///
    /// Where the live heap is known, memory that sees less clearly decides nothing on its own: what it shows may be what the
    /// allocator keeps.
    pub fn decision(&mut self) -> Option<Decided> {
        let has_heap = self.followed.iter().any(|followed| followed.is_heap() && followed.level.is_some());
        let (followed, judgement) = self
            .followed
            .iter_mut()
            .filter(|followed| followed.undecided && (!has_heap || followed.sees_as_clearly_as_the_heap()))
            .find_map(|followed| followed.monitor.decision().map(|judgement| (followed, judgement)))?;
        followed.undecided = false;
        let metric = followed.of.metric().to_owned();
        Some(Decided { text: format!("`{metric}` {}", described(followed.quantity, &judgement)), metric })
    }

    /// A series that has become suspicious by `t_s` and had not before. Costs a comparison, but for now and then.
    pub fn suspicion(&mut self, t_s: f64) -> Option<Suspicion> {
        if !self.started || t_s < self.check_s {
            return None;
        }
        self.check_s = t_s + suspicion::CHECKED_EVERY * self.planned_s;
        let unsuspected = self.followed.iter_mut().filter(|followed| followed.unsuspected);
        for followed in unsuspected {
            let Some(rate) = followed.monitor.rate_per_hour() else { continue };
            // The cheap half of the question first: to know the tolerance costs a judgement.
            if !suspicion::is_suspicious(&rate, 0.0) {
                continue;
            }
            let tolerance_per_hour = followed.tolerance_per_hour(&self.policy, self.planned_s);
            if suspicion::is_suspicious(&rate, tolerance_per_hour) {
                followed.unsuspected = false;
                let rate = rate_text(followed.quantity, &rate);
                let tolerance = followed.quantity.show(tolerance_per_hour);
                let after = clock_face(t_s - self.first_s);
                let text = format!(
                    "`{}` seems to grow {rate}, tolerance {tolerance}/h, {after} after the load began",
                    followed.of.metric()
                );
                return Some(Suspicion { text });
            }
        }
        None
    }

    /// Level and estimate of the most important series, short enough for a progress bar.
    #[must_use]
    pub fn state(&self, sample: &Sample) -> String {
        let shown = self.followed.iter().find_map(|followed| match followed.of {
            Of::Target(metric) => Some((followed, sample.totals.get(metric)?)),
            Of::Source { .. } => None,
        });
        let Some((followed, level)) = shown else {
            return String::new();
        };
        let level = format!("{} {}", short(followed.of.metric()), followed.quantity.show(level));
        match followed.monitor.rate_per_hour() {
            Some(rate) if self.started => format!("{level}, {}", rate_text(followed.quantity, &rate)),
            _ => level,
        }
    }

    /// The current estimate of every series, a line each.
    #[must_use]
    pub fn estimate(&self, t_s: f64) -> String {
        let mut text = format!("estimate at {}:", clock_face(t_s));
        for followed in &self.followed {
            let Some(level) = followed.level else { continue };
            let rate = match followed.monitor.rate_per_hour() {
                Some(rate) => rate_text(followed.quantity, &rate),
                None => "too few samples for a rate".to_owned(),
            };
            text.push_str(&format!("\n  {:<18} {:>10}  {rate}", followed.of.metric(), followed.quantity.show(level)));
        }
        if self.followed.iter().all(|followed| followed.level.is_none()) {
            text.push_str(" no samples yet");
        }
        text
    }
}

/// The series that `policy` judges, those of the target as far as `is_there`.
fn followed(policy: &RunPolicy, is_there: impl Fn(&Metric) -> bool) -> Vec<Followed> {
    // What is read now and then is judged at the end, where it has come to enough points.
    let judged = policy.judged(|row| !matches!(row.detail, Detail::Slow | Detail::Paced) && is_there(row));
    let of_sources = policy.judged_of_sources();
    let family = judged.len() + of_sources.len();
    let of_target = METRICS.iter().filter(|row| judged.contains(&row.name)).map(|row| Of::Target(row.id));
    let of_sources = of_sources.into_iter().map(|(name, metric)| Of::Source { name, metric });
    of_target
        .chain(of_sources)
        .map(|of| {
            let quantity = Quantity::of_metric(of.metric());
            let monitor = Monitor::new(quantity, policy.question(of.metric(), family));
            Followed {
                of,
                quantity,
                monitor,
                level: None,
                undecided: true,
                unsuspected: true,
                samples_count: 0,
                model: None,
                model_at: FEWEST_FOR_MODEL,
            }
        })
        .collect()
}

impl Followed {
    fn is_heap(&self) -> bool {
        self.of.metric() == heap_source::METRIC
    }

    fn sees_as_clearly_as_the_heap(&self) -> bool {
        self.is_heap() || self.quantity != Quantity::Bytes || matches!(self.of, Of::Source { .. })
    }

    /// What is tolerated, as far as it is known by now. As long as no operations are counted that it is meant for, a look is worth
    /// its price where the growth is more than is tolerated by default.
    fn tolerance_per_hour(&self, policy: &RunPolicy, planned_s: f64) -> f64 {
        let known = self.monitor.judgement().tolerance_per_hour;
        match policy.question(self.of.metric(), 1).tolerance {
            Tolerance::PerOp(_) if !(known > 0.0) => {
                default_tolerance_per_hour(self.quantity, self.level.unwrap_or(0.0), planned_s)
            }
            _ => known,
        }
    }

    /// `None` as long as nothing was read.
    fn live(&self, policy: &RunPolicy, planned_s: f64) -> Option<LiveSeries> {
        let level = self.level?;
        let metric = self.of.metric();
        let question = policy.question(metric, 1);
        let tolerance_per_hour = match question.tolerance {
            Tolerance::Default => Some(default_tolerance_per_hour(self.quantity, level, planned_s)),
            Tolerance::PerHour(rate) => Some(rate),
            Tolerance::PerRun(growth) => Some(growth / planned_s * 3600.0),
            Tolerance::PerOp(_) => None,
        };
        let rate_per_hour = self.monitor.rate_per_hour();
        Some(LiveSeries {
            metric: metric.to_owned(),
            source: match &self.of {
                Of::Target(_) => None,
                Of::Source { name, .. } => Some(name.clone()),
            },
            unit: self.quantity,
            level,
            time_to_limit_s: rate_per_hour.zip(question.limit).and_then(|(rate, limit)| until(&rate, limit - level)),
            rate_per_hour,
            tolerance_per_hour,
            judgement: if self.undecided { JudgementKind::Inconclusive } else { JudgementKind::Leak },
            model: self.model.clone(),
        })
    }

    fn find_model(&mut self) {
        self.model = self.monitor.judgement().model.map(|model| model.name);
        self.model_at = self.samples_count + (self.samples_count as f64 * MODEL_RENEWED) as usize;
    }

    fn push(&mut self, t_s: f64, value: f64, operations: Option<f64>) {
        self.level = Some(value);
        self.samples_count += 1;
        if let Err(error) = self.monitor.push(t_s, value, operations) {
            tracing::debug!(metric = self.of.metric(), %error, "a sample was left out of the estimate");
        }
    }
}

/// Seconds until so much more has grown; `None` where it does not.
fn until(rate_per_hour: &Estimate, room: f64) -> Option<Estimate> {
    let seconds = |rate: f64| (rate > 0.0).then(|| (room.max(0.0)) / rate * 3600.0);
    Some(Estimate {
        value: seconds(rate_per_hour.value)?,
        low: rate_per_hour.high.and_then(seconds),
        high: rate_per_hour.low.and_then(seconds),
        confidence: rate_per_hour.confidence,
    })
}

/// A metric's name without its unit.
fn short(metric: &str) -> &str {
    metric.rsplit_once('_').map_or(metric, |(name, _)| name)
}

fn rate_text(quantity: Quantity, rate: &Estimate) -> String {
    let sign = if rate.value >= 0.0 { "+" } else { "" };
    match (rate.low, rate.high) {
        (Some(low), Some(high)) => {
            format!("{sign}{}/h ({} to {})", quantity.show(rate.value), quantity.show(low), quantity.show(high))
        }
        _ => format!("{sign}{}/h", quantity.show(rate.value)),
    }
}

fn described(quantity: Quantity, judgement: &Judgement) -> String {
    let rate = judgement.rate_per_hour.map_or_else(String::new, |rate| rate_text(quantity, &rate));
    format!("grows {rate}, tolerance {}/h", quantity.show(judgement.tolerance_per_hour))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use soakd_profiles::{Choice, Surroundings, parse};
    use soakd_sampler::{MetricSet, Reading};

    use super::*;
    use crate::sampling::SampleKind;

    fn watch(judge: &str) -> Watch {
        let text = format!("[judge]\nduration = '200s'\nmetrics = ['anon_swap_bytes']\n{judge}");
        let surroundings = Surroundings { variable: &|_| None, metrics: &["anon_swap_bytes"] };
        let profile = parse(text.as_bytes(), "test", None, surroundings).expect("a valid profile");
        let plan = profile.plan(Choice::default()).expect("a plan");
        Watch::new(&RunPolicy {
            plan,
            limits: BTreeMap::new(),
            limits_of_each_process: BTreeMap::new(),
            limit_sources: BTreeMap::new(),
            limit_sources_of_each_process: BTreeMap::new(),
            attached: None,
            commit: None,
            branch: None,
        })
    }

    /// When a series becomes suspicious that grows by so many bytes a second and does so many operations.
    fn suspected(judge: &str, bytes_per_s: f64, ops_per_s: Option<f64>) -> Option<f64> {
        let mut watch = watch(judge);
        (0..200).map(f64::from).find(|t_s| {
            let mut totals = Reading::default();
            totals.set(MetricId::AnonSwap, 5e7 + bytes_per_s * t_s + f64::from((*t_s as u32 * 7919) % 5) * 4096.0);
            watch.push(&Sample {
                kind: SampleKind::Tick,
                t_s: *t_s,
                totals,
                due: MetricSet::default(),
                host: None,
                processes: Vec::new(),
                operations: ops_per_s.map(|rate| rate * t_s),
                marks: Vec::new(),
                missed_ticks_count: 0,
                suspended_s: 0.0,
                clock_jumped_s: 0.0,
                cgroup_is_shared: false,
                disk: Vec::new(),
                arrivals_count: 0,
                departures_count: 0,
            });
            watch.suspicion(*t_s).is_some()
        })
    }

    #[test]
    fn under_a_tolerance_per_operation_growth_is_suspicious_whether_operations_are_counted_or_not() {
        let judge = "tolerance = '100B/op'";
        assert!(suspected(judge, 50_000.0, Some(100.0)).is_some(), "500 bytes for each");
        assert_eq!(suspected(judge, 50_000.0, Some(10_000.0)), None, "5 bytes for each");
        // Nobody counts: what is tolerated by default is 256 KiB in 200 s.
        assert!(suspected(judge, 50_000.0, None).is_some());
        assert_eq!(suspected(judge, 0.0, None), None);
    }

    #[test]
    fn who_tolerates_nothing_is_told_of_any_growth() {
        assert!(suspected("tolerance = '0B/h'", 10_000.0, None).is_some());
    }
}
