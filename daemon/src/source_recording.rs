//! What a source gave, into the store: its series, their gaps and breaks, and how the source did.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use soakd_analysis::Quantity;
use soakd_profiles as profiles;
use soakd_profiles::SourceKind;
use soakd_reports as reports;
use soakd_reports::{SourceFailures, SourceStatus, Warning};
use soakd_sampler::ReadCost;

use crate::exposition::Kind;
use crate::heap_source;
use crate::settled;
use crate::sources::SourceReading;
use crate::store::{Event, Gap, Recorder, Scope, SeriesNumber};

/// Why nothing can be compared across a time: the counter was set back.
pub const COUNTER_RESET: &str = "the counter started again from below";
/// The same for all series of a source: another process answers.
pub const STARTED_ANEW: &str = "the process behind the source started anew";

/// Kind of the events of sources.
const EVENT: &str = "source";
/// Kind of the events that hold how a source did so far, as the verdict has it: for a run whose end nobody saw.
pub const STATUS_EVENT: &str = "source_status";
/// Events of one source at most: one that comes and goes must not fill the record.
const MOST_EVENTS: u32 = 20;
/// An endpoint may be there a little later than the target: so many failures in a row are told, before it has ever answered.
const FAILURES_TOLD: u32 = 3;
/// The series that tells which process answers, as the clients of Prometheus have it.
const START_TIME: &str = "process_start_time_s";

/// Records one source.
#[derive(Debug)]
pub struct SourceRecording {
    name: String,
    kind: SourceKind,
    interval: Duration,
    series: HashMap<String, Followed>,
    reads_count: u64,
    answers_count: u64,
    failures: BTreeMap<&'static str, SourceFailures>,
    hint: Option<&'static str>,
    failures_in_a_row: u32,
    is_told: bool,
    events_count: u32,
    left_out: Option<(usize, String)>,
    slowed_to: Option<Duration>,
    cost: ReadCost,
    /// The settled series of its gauges, by the name of the ordinary one.
    settled: HashMap<String, SeriesNumber>,
    /// What of it was last kept in the record: status, number of different failures, size of the number of readings.
    kept: Option<(SourceStatus, usize, u32)>,
}

#[derive(Debug)]
struct Followed {
    number: SeriesNumber,
    last_s: f64,
    last: f64,
    /// Why it gave nothing since.
    missing: Option<String>,
}

impl SourceRecording {
    /// A recording of the source `name` of the profile.
    #[must_use]
    pub fn new(name: &str, source: &profiles::Source) -> Self {
        Self {
            name: name.to_owned(),
            kind: source.kind.clone(),
            interval: source.interval,
            series: HashMap::new(),
            reads_count: 0,
            answers_count: 0,
            failures: BTreeMap::new(),
            hint: None,
            failures_in_a_row: 0,
            is_told: false,
            events_count: 0,
            left_out: None,
            slowed_to: None,
            cost: ReadCost::default(),
            settled: HashMap::new(),
            kept: None,
        }
    }

    /// Takes up a series that the record has, with nothing read since `last_s`.
    pub fn knows(&mut self, series: String, number: SeriesNumber, last_s: f64) {
        if let Some(ordinary) = settled::metric_of(&series) {
            self.settled.insert(ordinary.to_owned(), number);
        } else {
            // Nothing is below what is not a number: a counter that was set back meanwhile shows by its values alone.
            self.series.insert(series, Followed { number, last_s, last: f64::NAN, missing: None });
        }
    }

    /// Its name in the profile.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes one reading. Tells in words what people should hear of at once.
    pub fn take(&mut self, recorder: &mut Recorder, reading: &SourceReading) -> Option<String> {
        self.reads_count += 1;
        self.cost.record(1, reading.took);
        self.slowed_to = self.slowed_to.max(reading.slowed_to);
        if let Some(example) = &reading.left_out_example {
            self.left_out = Some((reading.left_out_count, example.clone()));
        }
        for failure in &reading.failures {
            self.count(failure.name(), failure.to_string());
            self.hint = Some(failure.hint());
        }
        if let Some(metric) = &reading.heap {
            recorder.event(reading.t_s, heap_source::EVENT, &heap_source::told(metric, &self.name));
        }
        self.write(recorder, reading);
        let why = reading.failures.first().filter(|_| reading.values.is_empty()).map(ToString::to_string);
        let news = self.tell(recorder, reading.t_s, why);
        self.keep_status(recorder, reading.t_s);
        news
    }

    /// Keeps in the record how it did so far, whenever that is another status, another failure or twice as many readings: a few dozen
    /// times in a run of any length.
    fn keep_status(&mut self, recorder: &mut Recorder, t_s: f64) {
        let kept = (self.status(), self.failures.len(), self.reads_count.checked_ilog2().unwrap_or(0));
        if self.kept == Some(kept) {
            return;
        }
        self.kept = Some(kept);
        match serde_json::to_string(&self.report()) {
            Ok(document) => recorder.event(t_s, STATUS_EVENT, &document),
            Err(error) => tracing::warn!(%error, "how a source does cannot be kept"),
        }
    }

    fn status(&self) -> SourceStatus {
        match (self.reads_count, self.answers_count, self.failures.is_empty()) {
            (0, ..) => SourceStatus::NotAsked,
            (_, 0, _) => SourceStatus::Failed,
            (.., false) => SourceStatus::Partly,
            (.., true) => SourceStatus::Active,
        }
    }

    /// Writes what it gave at a checkpoint, stamped as the settled sample of the target: gauges in series of their own. What is counted
    /// since the start of a process does not settle.
    pub fn settled(&mut self, recorder: &mut Recorder, t_s: f64, reading: &SourceReading) {
        self.cost.record(1, reading.took);
        let gauges = reading.values.iter().filter(|value| value.kind == Kind::Gauge && value.series != START_TIME);
        let readings: Vec<(SeriesNumber, f64)> = gauges
            .map(|value| {
                let number = *self.settled.entry(value.series.clone()).or_insert_with(|| {
                    let scope = Scope::Source { name: self.name.clone() };
                    recorder.series(&settled::name(&value.series), scope, Quantity::of_metric(&value.series))
                });
                (number, value.value)
            })
            .collect();
        recorder.aside(t_s, &readings);
    }

    fn count(&mut self, why: &'static str, last: String) {
        let entry = self.failures.entry(why).or_insert_with(|| SourceFailures {
            why: why.to_owned(),
            count: 0,
            last: String::new(),
        });
        entry.count += 1;
        entry.last = last;
    }

    fn write(&mut self, recorder: &mut Recorder, reading: &SourceReading) {
        let t_s = reading.t_s;
        let starts_anew = reading.values.iter().any(|value| {
            value.series == START_TIME && self.series.get(START_TIME).is_some_and(|known| known.last != value.value)
        });
        let mut readings = Vec::with_capacity(reading.values.len());
        let mut reset = None;
        for value in &reading.values {
            let Some(known) = self.series.get_mut(&value.series) else {
                let scope = Scope::Source { name: self.name.clone() };
                let number = recorder.series(&value.series, scope, Quantity::of_metric(&value.series));
                readings.push((number, value.value));
                let followed = Followed { number, last_s: t_s, last: value.value, missing: None };
                self.series.insert(value.series.clone(), followed);
                continue;
            };
            let is_reset = value.kind == Kind::Counter && value.value < known.last;
            let broken = if starts_anew {
                Some(STARTED_ANEW.to_owned())
            } else if is_reset {
                Some(COUNTER_RESET.to_owned())
            } else {
                known.missing.take()
            };
            if is_reset {
                reset = Some(value.series.as_str());
            }
            if let Some(why) = broken {
                recorder.gap(Gap { series: Some(known.number), from_s: known.last_s, to_s: t_s, why });
            }
            known.missing = None;
            (known.last_s, known.last) = (t_s, value.value);
            readings.push((known.number, value.value));
        }
        recorder.aside(t_s, &readings);
        if let Some(series) = reset {
            self.count("counter_reset", format!("`{series}` started again from below"));
            self.event(recorder, t_s, &format!("`{}`: `{series}` started again from below", self.name));
        }
        let given: BTreeSet<&str> = reading.values.iter().map(|value| value.series.as_str()).collect();
        let why = reading.failures.first().map_or_else(|| "it is not offered".to_owned(), ToString::to_string);
        for (_, followed) in self.series.iter_mut().filter(|(series, _)| !given.contains(series.as_str())) {
            followed.missing.get_or_insert_with(|| why.clone());
        }
    }

    /// Records that the source has fallen silent or speaks again.
    fn tell(&mut self, recorder: &mut Recorder, t_s: f64, why: Option<String>) -> Option<String> {
        let Some(why) = why else {
            self.answers_count += 1;
            self.failures_in_a_row = 0;
            if std::mem::take(&mut self.is_told) {
                self.event(recorder, t_s, &format!("`{}` answers again", self.name));
            }
            return None;
        };
        self.failures_in_a_row += 1;
        let is_news = self.answers_count > 0 || self.failures_in_a_row >= FAILURES_TOLD;
        if self.is_told || !is_news {
            return None;
        }
        self.is_told = true;
        let text = format!("`{}` gives nothing: {why}", self.name);
        self.event(recorder, t_s, &text);
        // Once is enough; the rest stands in the verdict.
        (self.answers_count == 0).then(|| format!("source {text}"))
    }

    fn event(&mut self, recorder: &mut Recorder, t_s: f64, text: &str) {
        self.events_count += 1;
        match self.events_count {
            1..MOST_EVENTS => recorder.event(t_s, EVENT, text),
            MOST_EVENTS => recorder.event(t_s, EVENT, &format!("{text}; what follows of it is only counted")),
            _ => {}
        }
    }

    /// How it did, for the verdict.
    #[must_use]
    pub fn report(&self) -> reports::Source {
        let asked = match &self.kind {
            SourceKind::Prometheus { url } | SourceKind::Expvar { url } | SourceKind::Json { url } => Some(url.clone()),
            SourceKind::Command { command } => Some(command.join(" ")),
            SourceKind::Jvm(_) => None,
        };
        reports::Source {
            name: self.name.clone(),
            kind: self.kind.name().to_owned(),
            asked,
            status: self.status(),
            reads_count: self.reads_count,
            failures: self.failures.values().cloned().collect(),
            series_count: self.series.len() as u64,
            left_out_count: self.left_out.as_ref().map_or(0, |(count, _)| *count as u64),
            interval_s: self.interval.as_secs_f64(),
            slowed_to_s: self.slowed_to.map(|pause| pause.as_secs_f64()),
            read_p50_s: self.cost.quantile(0.5).map(|took| took.as_secs_f64()),
            read_max_s: Some(self.cost.longest().as_secs_f64()).filter(|_| self.reads_count > 0),
        }
    }

    /// What it could not do, so that the answer is weaker than was asked for.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let report = self.report();
        let last = report.failures.iter().max_by_key(|failure| failure.count).map(|failure| failure.last.as_str());
        match (report.status, last) {
            (SourceStatus::Failed, Some(last)) => warnings.push(Warning {
                text: format!("source `{}` gave nothing in {} readings: {last}", self.name, self.reads_count),
                hint: self.hint.map(str::to_owned),
            }),
            (SourceStatus::NotAsked, _) => warnings.push(Warning {
                text: format!("source `{}` was not asked: the target was never ready", self.name),
                hint: None,
            }),
            _ => {}
        }
        if let Some((count, example)) = &self.left_out {
            warnings.push(Warning {
                text: format!(
                    "source `{}` offers more than the {} series that are recorded: {count} are left out, `{example}` \
                     among them",
                    self.name, report.series_count
                ),
                hint: Some("name those that you want with `record` or `series` in its section".to_owned()),
            });
        }
        warnings
    }
}

/// How the sources of `profile` did, as the record of a run tells whose end nobody saw: what was last kept of each.
#[must_use]
pub fn kept(events: &[Event], profile: &profiles::Profile) -> Vec<reports::Source> {
    let kept: Vec<reports::Source> = events
        .iter()
        .rev()
        .filter(|event| event.kind == STATUS_EVENT)
        // One that this version does not understand is none.
        .filter_map(|event| serde_json::from_str(&event.text).ok())
        .collect();
    let of = |(name, source): (&String, &profiles::Source)| {
        let last = kept.iter().find(|report| report.name == *name).cloned();
        last.unwrap_or_else(|| SourceRecording::new(name, source).report())
    };
    profile.sources.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use crate::sources::SourceValue;
    use crate::sources::failure::SourceFailure;
    use crate::store::{NewRun, RunId, RunKey, Store};

    use super::*;

    /// A source whose readings go into a store.
    struct Bench {
        folder: tempfile::TempDir,
        store: Store,
        recorder: Recorder,
        source: SourceRecording,
    }

    impl Bench {
        fn new() -> Self {
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
            let recorder = store.begin(run).expect("a run");
            let kind = SourceKind::Prometheus { url: "http://127.0.0.1:1/metrics".to_owned() };
            let source = SourceRecording::new("app", &profiles::Source::new(kind));
            Self { folder, store, recorder, source }
        }

        fn take(&mut self, t_s: f64, values: &[(&str, f64, Kind)], failures: Vec<SourceFailure>) -> Option<String> {
            let value = |(series, value, kind): &(&str, f64, Kind)| SourceValue {
                series: (*series).to_owned(),
                value: *value,
                kind: *kind,
            };
            let reading = SourceReading {
                source: 0,
                t_s,
                took: Duration::from_millis(2),
                values: values.iter().map(value).collect(),
                failures,
                heap: None,
                left_out_count: 0,
                left_out_example: None,
                slowed_to: None,
                is_asked: false,
            };
            self.source.take(&mut self.recorder, &reading)
        }

        fn key(&mut self) -> RunKey {
            self.recorder.flush().expect("written");
            assert!(self.folder.path().exists());
            self.recorder.key()
        }

        fn gaps(&mut self) -> Vec<(Option<u32>, f64, f64, String)> {
            let key = self.key();
            let gaps = self.store.gaps(key).expect("gaps").into_iter();
            gaps.map(|gap| (gap.series.map(SeriesNumber::get), gap.from_s, gap.to_s, gap.why)).collect()
        }

        fn events(&mut self) -> Vec<String> {
            let key = self.key();
            let events = self.store.events(key).expect("events").into_iter();
            events.filter(|event| event.kind == EVENT).map(|event| event.text).collect()
        }
    }

    const GAUGE: Kind = Kind::Gauge;

    #[test]
    fn what_is_missing_for_a_while_is_one_gap_with_its_reason() {
        let mut bench = Bench::new();
        bench.take(1.0, &[("a_count", 1.0, GAUGE), ("b_count", 1.0, GAUGE)], Vec::new());
        let late = SourceFailure::TimedOut(Duration::from_secs(5));
        bench.take(2.0, &[], vec![late.clone()]);
        bench.take(3.0, &[], vec![SourceFailure::Status(503)]);
        bench.take(4.0, &[("a_count", 2.0, GAUGE)], Vec::new());
        let why = late.to_string();
        assert_eq!(bench.gaps(), [(Some(0), 1.0, 4.0, why)]);
        assert_eq!(bench.events(), ["`app` gives nothing: no full answer within 5 s", "`app` answers again"]);
        let report = bench.source.report();
        assert_eq!((report.status, report.reads_count, report.series_count), (SourceStatus::Partly, 4, 2));
        let why: Vec<(&str, u64)> = report.failures.iter().map(|one| (one.why.as_str(), one.count)).collect();
        assert_eq!(why, [("http_status", 1), ("timed_out", 1)]);
    }

    #[test]
    fn a_counter_that_is_set_back_breaks_its_series_and_a_new_process_all_of_them() {
        let mut bench = Bench::new();
        let values = |start: f64, hits: f64| {
            [
                ("process_start_time_s", start, GAUGE),
                ("hits_total_count", hits, Kind::Counter),
                ("open_count", hits, GAUGE),
            ]
        };
        bench.take(1.0, &values(1.7e9, 50.0), Vec::new());
        bench.take(2.0, &values(1.7e9, 40.0), Vec::new());
        assert_eq!(bench.gaps(), [(Some(1), 1.0, 2.0, COUNTER_RESET.to_owned())]);
        bench.take(3.0, &values(1.8e9, 60.0), Vec::new());
        let anew: Vec<_> = bench.gaps().into_iter().filter(|gap| gap.3 == STARTED_ANEW).map(|gap| gap.0).collect();
        assert_eq!(anew, [Some(0), Some(1), Some(2)]);
        assert_eq!(bench.source.report().failures[0].why, "counter_reset");
    }

    #[test]
    fn an_endpoint_that_is_there_a_little_later_is_no_news_and_one_that_never_comes_is() {
        let mut bench = Bench::new();
        let refused = || vec![SourceFailure::Unreachable("connection refused".to_owned())];
        assert_eq!((bench.take(1.0, &[], refused()), bench.take(2.0, &[], refused())), (None, None));
        let told = bench.take(3.0, &[], refused());
        assert_eq!(told.as_deref(), Some("source `app` gives nothing: cannot connect: connection refused"));
        assert_eq!(bench.take(4.0, &[], refused()), None);
        assert_eq!(bench.events().len(), 1);
        let warnings = bench.source.warnings();
        assert_eq!(warnings[0].text, "source `app` gave nothing in 4 readings: cannot connect: connection refused");
    }

    #[test]
    fn a_source_that_comes_and_goes_does_not_fill_the_record() {
        let mut bench = Bench::new();
        for second in 0..200_u32 {
            let t_s = f64::from(second);
            if second.is_multiple_of(2) {
                bench.take(t_s, &[("a_count", t_s, GAUGE)], Vec::new());
            } else {
                bench.take(t_s, &[], vec![SourceFailure::Status(500)]);
            }
        }
        assert_eq!(bench.events().len(), MOST_EVENTS as usize);
        assert_eq!(bench.source.report().failures[0].count, 100);
    }

    #[test]
    fn how_it_did_is_in_the_record_before_the_run_has_ended() {
        let mut bench = Bench::new();
        for second in 0..100_u32 {
            let failures = if second == 70 { vec![SourceFailure::Status(500)] } else { Vec::new() };
            let values: &[(&str, f64, Kind)] = if second == 70 { &[] } else { &[("a_count", 1.0, GAUGE)] };
            bench.take(f64::from(second), values, failures);
        }
        let key = bench.key();
        let events = bench.store.events(key).expect("events");
        let documents = events.iter().filter(|event| event.kind == STATUS_EVENT).count();
        assert!(documents < 12, "{documents}");
        let kind = SourceKind::Prometheus { url: "http://127.0.0.1:1/metrics".to_owned() };
        let mut profile = profiles::Profile::default();
        for name in ["app", "other"] {
            profile.sources.insert(name.to_owned(), profiles::Source::new(kind.clone()));
        }
        let [app, other] = <[reports::Source; 2]>::try_from(kept(&events, &profile)).expect("both of them");
        assert_eq!((app.status, app.failures[0].why.as_str()), (SourceStatus::Partly, "http_status"));
        assert!(app.reads_count >= 64 && app.reads_count <= 100, "{}", app.reads_count);
        assert_eq!((other.name.as_str(), other.status), ("other", SourceStatus::NotAsked));
    }
}
