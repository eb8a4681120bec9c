//! From samples to the store: which series there are, and what is written with each sample.

use std::collections::HashMap;

use soakd_analysis::Quantity;
use soakd_profiles as profiles;
use soakd_reports::Warning;
use soakd_sampler::{Detail, METRICS, Metric, MetricId, ProcessId, Reading};

use crate::members::OF_PROCESSES;
use crate::phases;
use crate::sampling::Sample;
use crate::settled;
use crate::source_recording::SourceRecording;
use crate::sources::SourceReading;
use crate::store::{Gap, Notice, Owner, Recorder, Resumed, Scope, SeriesNumber, SeriesRecord};

/// Processes with series of their own in the course of a run. What comes after them is recorded as part of the whole.
const MOST_PROCESSES: usize = 4096;

/// Writes one run.
#[derive(Debug)]
pub struct Recording {
    recorder: Recorder,
    metrics: Vec<MetricId>,
    tree: [Option<SeriesNumber>; MetricId::COUNT],
    /// Since when a metric that is read on every tick has given no value.
    missing_since_s: [Option<f64>; MetricId::COUNT],
    processes: HashMap<ProcessId, [Option<SeriesNumber>; OF_PROCESSES.len()]>,
    operations_series: Option<SeriesNumber>,
    sources: Vec<SourceRecording>,
    readings: Vec<(SeriesNumber, f64)>,
    samples_count: u64,
    last_s: Option<f64>,
    first_operations: Option<f64>,
    last_operations: Option<f64>,
    load_started_s: Option<f64>,
    load_ended_s: Option<f64>,
    /// How long the load rested in between.
    rested_s: f64,
    settled: [Option<SeriesNumber>; MetricId::COUNT],
}

impl Recording {
    /// A recording of what `profile` asks for.
    #[must_use]
    pub fn new(recorder: Recorder, profile: &profiles::Profile) -> Self {
        let sample = &profile.sample;
        let is_wanted = |name: &str| sample.metrics.is_empty() || sample.metrics.iter().any(|wanted| wanted == name);
        // Operations have a series of their own, whoever counts them.
        let is_recorded = |row: &&Metric| is_wanted(row.name) && row.id != MetricId::Operations;
        Self {
            recorder,
            metrics: METRICS.iter().filter(is_recorded).map(|row| row.id).collect(),
            tree: [None; MetricId::COUNT],
            missing_since_s: [None; MetricId::COUNT],
            processes: HashMap::new(),
            operations_series: None,
            sources: profile.sources.iter().map(|(name, source)| SourceRecording::new(name, source)).collect(),
            readings: Vec::new(),
            samples_count: 0,
            last_s: None,
            first_operations: None,
            last_operations: None,
            load_started_s: None,
            load_ended_s: None,
            rested_s: 0.0,
            settled: [None; MetricId::COUNT],
        }
    }

    /// Goes on with a recording that was cut off.
    #[must_use]
    pub fn resume(resumed: Resumed, profile: &profiles::Profile) -> Self {
        let Resumed { recorder, series, samples_count, last_s } = resumed;
        let mut recording = Self { samples_count, last_s, ..Self::new(recorder, profile) };
        for record in series {
            recording.knows(record);
        }
        recording
    }

    /// Takes up a series that the record has.
    fn knows(&mut self, record: SeriesRecord) {
        let SeriesRecord { number, metric, scope, .. } = record;
        match scope {
            Scope::Operations => self.operations_series = Some(number),
            Scope::Source { name } => {
                let last_s = self.last_s.unwrap_or(0.0);
                if let Some(source) = self.sources.iter_mut().find(|source| source.name() == name) {
                    source.knows(metric, number, last_s);
                }
            }
            Scope::Process { pid, start_ticks, .. } => {
                let place = OF_PROCESSES.iter().position(|of_process| of_process.name() == metric);
                let numbers = self.processes.entry(ProcessId { pid, start_ticks }).or_default();
                if let Some(known) = place.and_then(|place| numbers.get_mut(place)) {
                    *known = Some(number);
                }
            }
            Scope::Tree | Scope::Host => {
                for row in METRICS {
                    if row.name == metric {
                        self.tree[row.id as usize] = Some(number);
                    } else if scope == Scope::Tree && settled::name(row.name) == metric {
                        self.settled[row.id as usize] = Some(number);
                    }
                }
            }
        }
    }

    /// The metrics that are recorded.
    #[must_use]
    pub fn metrics(&self) -> &[MetricId] {
        &self.metrics
    }

    /// Number of samples so far.
    #[must_use]
    pub fn samples_count(&self) -> u64 {
        self.samples_count
    }

    /// Operations counted since the load began; `None` where nobody counts.
    #[must_use]
    pub fn operations(&self) -> Option<f64> {
        Some(self.last_operations? - self.first_operations?)
    }

    /// How long the load has lasted, for a run that ends at `end_s`, without the time that it rested.
    #[must_use]
    pub fn load_s(&self, end_s: f64) -> f64 {
        self.load_ended_s.unwrap_or(end_s) - self.load_started_s.unwrap_or(0.0) - self.rested_s
    }

    /// The load has rested for so long.
    pub fn load_rested(&mut self, seconds: f64) {
        self.rested_s += seconds;
    }

    /// The load began at `t_s`, before a break in the recording.
    pub fn load_began(&mut self, t_s: f64) {
        self.load_started_s = Some(t_s);
    }

    /// Writes one settled sample: those of its metrics that are recorded at all, in series of their own.
    pub fn settled(&mut self, t_s: f64, medians: &[(MetricId, f64)]) {
        self.readings.clear();
        for &(metric, value) in medians.iter().filter(|(metric, _)| self.metrics.contains(metric)) {
            let number = *self.settled[metric as usize].get_or_insert_with(|| {
                let quantity = Quantity::of_metric(metric.name());
                self.recorder.series(&settled::name(metric.name()), Scope::Tree, quantity)
            });
            self.readings.push((number, value));
        }
        // It may be complete a little after a sample that is still on its way.
        self.recorder.aside(t_s, &self.readings);
    }

    /// Writes what a source gave at a checkpoint.
    pub fn settled_source(&mut self, t_s: f64, reading: &SourceReading) {
        if let Some(source) = self.sources.get_mut(reading.source) {
            source.settled(&mut self.recorder, t_s, reading);
        }
    }

    /// Writes one sample, and the gap before it where there is one.
    pub fn sample(&mut self, sample: &Sample) {
        if let Some(last_s) = self.last_s {
            let why = if sample.suspended_s > 0.0 {
                Some(format!("the host was suspended for {:.0} s", sample.suspended_s))
            } else if sample.missed_ticks_count > 0 {
                Some(format!("{} ticks were missed", sample.missed_ticks_count))
            } else {
                None
            };
            if let Some(why) = why {
                self.recorder.gap(Gap { series: None, from_s: last_s, to_s: sample.t_s, why });
            }
        }
        if sample.clock_jumped_s != 0.0 {
            let direction = if sample.clock_jumped_s > 0.0 { "forward" } else { "backward" };
            let by_s = sample.clock_jumped_s.abs();
            let text = format!("the wall clock was set {direction} by {by_s:.0} s, which moves no time of the run");
            self.recorder.event(sample.t_s, phases::CLOCK_JUMPED, &text);
        }
        self.note_failed_reads(sample);
        self.last_s = Some(sample.t_s);
        self.samples_count += 1;

        self.readings.clear();
        put(&mut self.recorder, &mut self.readings, &mut self.tree, &self.metrics, &sample.totals, &|row| match row {
            soakd_sampler::Scope::Process | soakd_sampler::Scope::Tree => Scope::Tree,
            soakd_sampler::Scope::Host => Scope::Host,
        });
        if let Some(host) = &sample.host {
            put(&mut self.recorder, &mut self.readings, &mut self.tree, &self.metrics, host, &|_| Scope::Host);
        }
        for process in &sample.processes {
            let is_known = self.processes.contains_key(&process.id);
            if !is_known && self.processes.len() >= MOST_PROCESSES {
                continue;
            }
            let numbers = self.processes.entry(process.id).or_default();
            for ((metric, value), number) in OF_PROCESSES.iter().zip(process.values).zip(numbers) {
                let (Some(value), true) = (value, self.metrics.contains(metric)) else { continue };
                let number = *number.get_or_insert_with(|| {
                    let ProcessId { pid, start_ticks } = process.id;
                    let scope = Scope::Process { pid, start_ticks, name: process.name.to_string() };
                    self.recorder.series(metric.name(), scope, Quantity::of_metric(metric.name()))
                });
                self.readings.push((number, value));
            }
        }
        if let Some(operations) = sample.operations {
            let number = *self
                .operations_series
                .get_or_insert_with(|| self.recorder.series("ops_count", Scope::Operations, Quantity::Count));
            self.readings.push((number, operations));
            if self.load_started_s.is_some() {
                self.first_operations.get_or_insert(operations);
            }
            self.last_operations = Some(operations);
        }
        self.recorder.sample(sample.t_s, &self.readings);
    }

    /// Writes what a source gave. Tells in words what people should hear of at once.
    pub fn source(&mut self, reading: &SourceReading) -> Option<String> {
        let source = self.sources.get_mut(reading.source)?;
        source.take(&mut self.recorder, reading)
    }

    /// The sources, in the order of their numbers.
    #[must_use]
    pub fn sources(&self) -> &[SourceRecording] {
        &self.sources
    }

    /// Operations counted so far, at the last sample.
    #[must_use]
    pub fn last_operations(&self) -> Option<f64> {
        self.last_operations
    }

    /// Records a gap for each series that gives values again after failed reads.
    fn note_failed_reads(&mut self, sample: &Sample) {
        let is_due = |metric: &&MetricId| {
            metric.row().detail == Detail::Fast
                && match metric.row().scope {
                    soakd_sampler::Scope::Process => sample.due.contains(**metric),
                    soakd_sampler::Scope::Host => false,
                    _ => true,
                }
        };
        for &metric in self.metrics.iter().filter(is_due) {
            let Some(number) = self.tree[metric as usize] else { continue };
            let missing_since_s = &mut self.missing_since_s[metric as usize];
            if sample.totals.get(metric).is_none() {
                *missing_since_s = missing_since_s.or(self.last_s);
            } else if let Some(from_s) = missing_since_s.take() {
                let why = format!("`{}` could not be read", metric.name());
                self.recorder.gap(Gap { series: Some(number), from_s, to_s: sample.t_s, why });
            }
        }
    }

    /// Records that something happened.
    pub fn event(&mut self, t_s: f64, kind: &str, text: &str) {
        match kind {
            phases::LOAD_STARTED => self.load_started_s = Some(t_s),
            phases::LOAD_ENDED => self.load_ended_s = Some(t_s),
            _ => {}
        }
        self.recorder.event(t_s, kind, text);
    }

    /// Records which process the target's main process is now.
    pub fn target(&mut self, process: ProcessId) {
        self.recorder.target(Owner::process(process.pid, process.start_ticks));
    }

    /// Records a look at the target, as JSON.
    pub fn look(&mut self, t_s: f64, document: String) {
        self.recorder.look(t_s, document);
    }

    /// Records that nothing comparable lies between the last sample and `t_s`.
    pub fn gap(&mut self, t_s: f64, why: &str) {
        let from_s = self.last_s.unwrap_or(t_s);
        self.recorder.gap(Gap { series: None, from_s, to_s: t_s, why: why.to_owned() });
    }

    /// What became of writing since the last call.
    pub fn warnings(&mut self) -> Vec<Warning> {
        self.recorder
            .notices()
            .into_iter()
            .map(|notice| match notice {
                Notice::WriteFailed { error, hint } => {
                    Warning { text: format!("samples cannot be written and are kept in memory: {error}"), hint }
                }
                Notice::WriteResumed { lost_count: 0 } => {
                    Warning { text: "samples can be written again; none is lost".to_owned(), hint: None }
                }
                Notice::WriteResumed { lost_count } => Warning {
                    text: format!("samples can be written again; {lost_count} are lost"),
                    hint: Some("free some space on the disk of the state folder".to_owned()),
                },
                Notice::Behind { lost_count } => Warning {
                    text: format!("the disk could not keep up; {lost_count} samples are lost"),
                    hint: Some("raise the interval, or put the state folder on a faster disk".to_owned()),
                },
            })
            .collect()
    }

    /// The recorder itself, to end the run with.
    #[must_use]
    pub fn into_recorder(self) -> Recorder {
        self.recorder
    }
}

/// Adds the values of `reading` that are wanted, and makes series known that are new.
fn put(
    recorder: &mut Recorder,
    readings: &mut Vec<(SeriesNumber, f64)>,
    numbers: &mut [Option<SeriesNumber>; MetricId::COUNT],
    wanted: &[MetricId],
    reading: &Reading,
    scope: &dyn Fn(soakd_sampler::Scope) -> Scope,
) {
    for &metric in wanted {
        let Some(value) = reading.get(metric) else { continue };
        let number = *numbers[metric as usize].get_or_insert_with(|| {
            recorder.series(metric.name(), scope(metric.row().scope), Quantity::of_metric(metric.name()))
        });
        readings.push((number, value));
    }
}

#[cfg(test)]
mod tests {
    use soakd_sampler::MetricSet;

    use super::*;
    use crate::sampling::SampleKind;
    use crate::store::{NewRun, RunId, Store};

    fn sample(t_s: f64) -> Sample {
        let mut totals = Reading::default();
        totals.set(MetricId::AnonSwap, 5e7);
        Sample {
            kind: SampleKind::Tick,
            t_s,
            totals,
            due: MetricSet::default(),
            host: None,
            processes: Vec::new(),
            operations: None,
            marks: Vec::new(),
            missed_ticks_count: 0,
            suspended_s: 0.0,
            clock_jumped_s: 0.0,
            cgroup_is_shared: false,
            disk: Vec::new(),
            arrivals_count: 0,
            departures_count: 0,
        }
    }

    #[test]
    fn a_host_that_is_suspended_and_a_clock_that_is_set_have_their_names_in_the_record() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("a store").store;
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
            policy: serde_json::json!({}),
            started,
            commit: None,
            branch: None,
        };
        let mut recording = Recording::new(store.begin(run).expect("a run"), &profiles::Profile::default());
        recording.sample(&sample(1.0));
        recording.sample(&Sample { suspended_s: 7200.4, clock_jumped_s: -3600.2, ..sample(2.0) });
        recording.sample(&Sample { missed_ticks_count: 3, ..sample(6.0) });
        recording.sample(&sample(7.0));
        let mut recorder = recording.into_recorder();
        recorder.flush().expect("written");
        let gaps = store.gaps(recorder.key()).expect("gaps");
        let gaps: Vec<(f64, f64, &str)> = gaps.iter().map(|gap| (gap.from_s, gap.to_s, gap.why.as_str())).collect();
        assert_eq!(gaps, [(1.0, 2.0, "the host was suspended for 7200 s"), (2.0, 6.0, "3 ticks were missed")]);
        let events = store.events(recorder.key()).expect("events");
        assert_eq!((events.len(), events[0].kind.as_str()), (1, phases::CLOCK_JUMPED));
        assert_eq!(events[0].text, "the wall clock was set backward by 3600 s, which moves no time of the run");
    }
}
