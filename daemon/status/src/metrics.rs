//! What the daemon tells Prometheus and its kin: its runs, its watches, its profiles, itself.
//!
//! A run is there under its id while it goes on and vanishes with its end; what lasts is told by watch and by profile. So
//! the number of time series at any moment is bounded by what goes on and what is configured. Names of runs that go on
//! begin with `soakd_live_`, apart from those of the file that a finished run leaves (`--report openmetrics`).

use jiff::Timestamp;
use soakd_analysis::{Estimate, JudgementKind, Quantity};
use soakd_reports::Outcome;
pub use soakd_reports::render::exposition::Form;
use soakd_reports::render::exposition::{Exposition, Family, Kind, Labels};
use soakd_reports::sentence::judgement_word;

use crate::status::{LiveRun, LiveSeries, Status, WatchStatus};

/// What is told besides the status.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The last run of each profile.
    pub last_runs: Vec<LastRun>,
    /// Time spent with reading targets since the start of the daemon, in seconds, where known.
    pub reading_s: Option<f64>,
    /// Times at which targets were read more than a tenth of their interval late.
    pub late_ticks_count: Option<u64>,
}

/// The last run of a profile.
#[derive(Debug, Clone, PartialEq)]
pub struct LastRun {
    /// The profile.
    pub profile: String,
    /// What it came to; `None` where there is no verdict.
    pub outcome: Option<Outcome>,
    /// When it ended.
    pub ended: Timestamp,
    /// Its length in seconds.
    pub duration_s: f64,
}

/// The form that a scraper asks for in its `Accept` header; the older text where it does not say.
#[must_use]
pub fn form_for(accept: Option<&str>) -> Form {
    match accept {
        Some(accept) if accept.contains("application/openmetrics-text") => Form::OpenMetrics,
        _ => Form::Text,
    }
}

/// All metrics as text.
#[must_use]
pub fn metrics(status: &Status, facts: &Facts, form: Form) -> String {
    let mut page = Page { exposition: Exposition::new(form, Vec::new()) };
    page.daemon(status, facts);
    page.runs(status);
    page.series(status);
    page.watches(&status.watches);
    page.schedule(status);
    page.profiles(&facts.last_runs);
    page.exposition.finish()
}

struct Page {
    exposition: Exposition,
}

const JUDGEMENTS: [JudgementKind; 4] =
    [JudgementKind::Leak, JudgementKind::NoLeak, JudgementKind::Inconclusive, JudgementKind::Retention];

impl Page {
    fn gauge(&mut self, name: &str, unit: &str, help: &str, samples: Vec<(Labels, f64)>) {
        self.exposition.family(Family { name, unit, help, kind: Kind::Gauge }, samples);
    }

    fn one(&mut self, name: &str, unit: &str, help: &str, value: Option<f64>) {
        self.gauge(name, unit, help, single(value));
    }

    fn counter(&mut self, name: &str, unit: &str, help: &str, value: Option<f64>) {
        self.exposition.family(Family { name, unit, help, kind: Kind::Counter }, single(value));
    }

    fn daemon(&mut self, status: &Status, facts: &Facts) {
        let daemon = &status.daemon;
        let version = vec![(vec![("version", daemon.version.clone())], 1.0)];
        self.gauge("build_info", "", "The version of soakd: always 1.", version);
        self.one("start_time", "seconds", "When the daemon started, in seconds since 1970.", Some(at(daemon.started)));
        let [soaks, watched] = [false, true]
            .map(|is_watch| status.running.iter().filter(|run| run.watch.is_some() == is_watch).count() as f64);
        let kinds = vec![(label("kind", "soak"), soaks), (label("kind", "watch"), watched)];
        self.gauge("runs", "", "Runs that go on.", kinds);
        self.one("slots", "", "Soaks that may run at once; watches do not count.", Some(daemon.slots_count.into()));
        self.one("slots_taken", "", "Slots that are taken.", Some(daemon.slots_taken_count.into()));
        self.one("queue_jobs", "", "Jobs that wait.", Some(count(daemon.queued_count)));
        let held = flag(daemon.held_back.is_some());
        self.one("held_back", "", "Whether nothing is started though there are free slots: 1 yes.", Some(held));
        self.one("stopping", "", "Whether the daemon is about to end: 1 yes.", Some(flag(daemon.is_stopping)));
        let remarks = daemon.remarks.len() as f64;
        self.one("remarks", "", "Things that somebody should know; the status says what.", Some(remarks));
        self.counter("ticks", "", "Times at which targets were read.", Some(count(daemon.ticks_count)));
        let missed = Some(count(daemon.missed_ticks_count));
        self.counter("missed_ticks", "", "Times at which targets should have been read and were not.", missed);
        let late = facts.late_ticks_count.map(count);
        self.counter(
            "late_ticks",
            "",
            "Times at which targets were read late, by more than a tenth of the interval.",
            late,
        );
        self.counter("reading", "seconds", "Time that reading targets took.", facts.reading_s);
        let help = "Resident memory of the daemon.";
        self.one("resident_memory", "bytes", help, daemon.rss_bytes.map(count));
        self.counter("cpu", "seconds", "Processor time that the daemon has taken.", daemon.cpu_s);
        self.one("open_files", "", "Files that the daemon has open.", daemon.open_files_count.map(count));
        self.one("store_size", "bytes", "Size of the store.", daemon.store_bytes.map(count));
    }

    fn runs(&mut self, status: &Status) {
        let each = |value: &dyn Fn(&LiveRun) -> Option<f64>| -> Vec<(Labels, f64)> {
            status.running.iter().filter_map(|run| value(run).map(|value| (run_labels(run), value))).collect()
        };
        let started = each(&|run| Some(at(run.started)));
        self.gauge("live_start_time", "seconds", "When a run started, in seconds since 1970.", started);
        let help = "Time of the last sample of a run, from its start.";
        self.gauge("live_elapsed", "seconds", help, each(&|run| Some(run.t_s)));
        self.gauge("live_planned", "seconds", "Planned length of a run.", each(&|run| Some(run.planned_s)));
        self.gauge("live_samples", "", "Samples of a run so far.", each(&|run| Some(count(run.samples_count))));
        let warnings = each(&|run| Some(run.warnings.len() as f64));
        self.gauge("live_warnings", "", "Warnings of a run so far.", warnings);
    }

    fn series(&mut self, status: &Status) {
        let each = |value: &dyn Fn(&LiveSeries) -> Option<f64>| -> Vec<(Labels, f64)> {
            let of = |run: &LiveRun| -> Vec<(Labels, f64)> {
                let named = |series: &LiveSeries| value(series).map(|value| (series_labels(run, series), value));
                run.series.iter().filter_map(named).collect()
            };
            status.running.iter().flat_map(of).collect()
        };
        let rate = |end: &dyn Fn(Estimate) -> Option<f64>| each(&|series| series.rate_per_hour.and_then(end));
        self.gauge("live_level", "", "The last value of a series, in its unit.", each(&|series| Some(series.level)));
        let help = "Growth of a series in an hour, in its unit.";
        self.gauge("live_rate_per_hour", "", help, rate(&|rate| Some(rate.value)));
        let help = "Lower end of the interval of that growth, which holds whenever it is looked at.";
        self.gauge("live_rate_low_per_hour", "", help, rate(&|rate| rate.low));
        let help = "Upper end of the interval of that growth, which holds whenever it is looked at.";
        self.gauge("live_rate_high_per_hour", "", help, rate(&|rate| rate.high));
        let help = "Growth of a series in an hour that is tolerated.";
        self.gauge("live_tolerance_per_hour", "", help, each(&|series| series.tolerance_per_hour));
        let help = "Time until the nearest limit of a series is reached at this growth.";
        let time = |end: &dyn Fn(Estimate) -> Option<f64>| each(&|series| series.time_to_limit_s.and_then(end));
        self.gauge("live_time_to_limit", "seconds", help, time(&|time| Some(time.value)));
        let help = "The same at the earliest.";
        self.gauge("live_time_to_limit_low", "seconds", help, time(&|time| time.low));
        let judged = status.running.iter().flat_map(|run| {
            let states = |series: &LiveSeries| states(&series_labels(run, series), Some(series.judgement));
            run.series.iter().flat_map(states).collect::<Vec<_>>()
        });
        let help = "What the evidence says of a series by now: 1 for that judgement, 0 for the others.";
        self.gauge("live_judgement", "", help, judged.collect());
    }

    fn watches(&mut self, watches: &[WatchStatus]) {
        let name = |watch: &WatchStatus| label("watch", &watch.name);
        let help = "What stands for a watch: 1 for that judgement, 0 for the others; all 0 before the first.";
        let judged = watches.iter().flat_map(|watch| states(&name(watch), watch.judgement)).collect();
        self.gauge("watch_judgement", "", help, judged);
        let since = watches.iter().filter_map(|watch| watch.since.map(|since| (name(watch), at(since)))).collect();
        let help = "Since when the judgement of a watch stands, in seconds since 1970.";
        self.gauge("watch_since_timestamp", "seconds", help, since);
        let waiting = watches.iter().map(|watch| (name(watch), flag(watch.waiting.is_some()))).collect();
        self.gauge(
            "watch_waiting",
            "",
            "Whether the target of a watch is not there or cannot be read: 1 yes.",
            waiting,
        );
    }

    fn schedule(&mut self, status: &Status) {
        let next = status.schedule.iter().filter_map(|entry| {
            let name = label("schedule", &entry.name);
            entry.next.map(|next| (name, at(next)))
        });
        let help = "When an entry of the schedule starts next, in seconds since 1970.";
        self.gauge("schedule_next_timestamp", "seconds", help, next.collect());
        let enabled =
            status.schedule.iter().map(|entry| (label("schedule", &entry.name), flag(entry.is_enabled))).collect();
        self.gauge("schedule_enabled", "", "Whether an entry of the schedule is switched on: 1 yes.", enabled);
    }

    fn profiles(&mut self, last_runs: &[LastRun]) {
        let outcomes = last_runs.iter().flat_map(|last| {
            let one = |outcome: Option<Outcome>| {
                let word = outcome.map_or("none", Outcome::as_str);
                let labels = vec![("profile", last.profile.clone()), ("outcome", word.to_owned())];
                (labels, flag(last.outcome == outcome))
            };
            Outcome::ALL.into_iter().map(Some).chain([None]).map(one).collect::<Vec<_>>()
        });
        let help = "What the last run of a profile came to: 1 for its outcome, 0 for the others; none is no verdict.";
        self.gauge("profile_last_outcome", "", help, outcomes.collect());
        let each = |value: &dyn Fn(&LastRun) -> f64| {
            last_runs.iter().map(|last| (label("profile", &last.profile), value(last))).collect::<Vec<_>>()
        };
        let help = "When the last run of a profile ended, in seconds since 1970.";
        self.gauge("profile_last_end_timestamp", "seconds", help, each(&|last| at(last.ended)));
        let help = "How long the last run of a profile lasted.";
        self.gauge("profile_last_duration", "seconds", help, each(&|last| last.duration_s));
    }
}

fn single(value: Option<f64>) -> Vec<(Labels, f64)> {
    value.map(|value| (Vec::new(), value)).into_iter().collect()
}

fn label(name: &'static str, value: &str) -> Labels {
    vec![(name, value.to_owned())]
}

fn run_labels(run: &LiveRun) -> Labels {
    vec![("run", run.id.clone()), ("profile", run.profile.clone()), ("watch", run.watch.clone().unwrap_or_default())]
}

fn series_labels(run: &LiveRun, series: &LiveSeries) -> Labels {
    let unit = match series.unit {
        Quantity::Bytes => "bytes",
        Quantity::Count => "count",
        Quantity::Other => "other",
    };
    let mut labels = run_labels(run);
    labels.extend([
        ("metric", series.metric.clone()),
        ("source", series.source.clone().unwrap_or_default()),
        ("unit", unit.to_owned()),
    ]);
    labels
}

/// A sample for each judgement.
fn states(labels: &Labels, judgement: Option<JudgementKind>) -> Vec<(Labels, f64)> {
    let one = |kind: JudgementKind| {
        let mut labels = labels.clone();
        labels.push(("judgement", judgement_word(kind).to_owned()));
        (labels, flag(judgement == Some(kind)))
    };
    JUDGEMENTS.into_iter().map(one).collect()
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

fn at(moment: Timestamp) -> f64 {
    moment.as_duration().as_secs_f64()
}

/// A count as a sample; beyond 2^53 its rounding does not matter.
#[expect(clippy::cast_precision_loss, reason = "samples are floats")]
fn count(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
