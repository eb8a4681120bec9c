//! What is kept and for how long: samples in full, then as minutes, then nothing.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use soakd_profiles::units;

use crate::store::{Detail, RunRecord};

/// How long samples of short runs are kept in full where nobody says otherwise.
pub const USUAL_SHORT: &str = "30d";
/// And those of other runs.
pub const USUAL_NORMAL: &str = "90d";
/// And verdicts.
pub const USUAL_REPORTS: &str = "365d";

/// A run that was planned shorter than this is a short one: a check rather than a soak.
pub const SHORT_RUN: Duration = Duration::from_secs(3600);

/// How long things are kept. A fixed baseline is kept for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Samples of short runs in full.
    pub short: Duration,
    /// Samples of other runs in full.
    pub normal: Duration,
    /// Verdicts and minutes.
    pub reports: Duration,
    /// What the store may take; `None`: as much as it needs.
    pub most_bytes: Option<u64>,
}

/// Retention in the words of a command line or of the environment.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// For [`Retention::short`].
    pub short: &'a str,
    /// For [`Retention::normal`].
    pub normal: &'a str,
    /// For [`Retention::reports`].
    pub reports: &'a str,
    /// For [`Retention::most_bytes`].
    pub most_bytes: Option<&'a str>,
}

/// One of the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Of [`Told::short`].
    Short,
    /// Of [`Told::normal`].
    Normal,
    /// Of [`Told::reports`].
    Reports,
    /// Of [`Told::most_bytes`].
    MostBytes,
}

impl Word {
    /// Its option of `soakd history prune`.
    #[must_use]
    pub fn flag(self) -> &'static str {
        match self {
            Self::Short => "--short",
            Self::Normal => "--normal",
            Self::Reports => "--reports",
            Self::MostBytes => "--max-size",
        }
    }

    /// Its variable of the environment.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::Short => "SOAKD_KEEP_SHORT",
            Self::Normal => "SOAKD_KEEP_NORMAL",
            Self::Reports => "SOAKD_KEEP_REPORTS",
            Self::MostBytes => "SOAKD_KEEP_SIZE",
        }
    }

    /// What it has to be like, for people.
    #[must_use]
    pub fn expected(self) -> &'static str {
        match self {
            Self::Short | Self::Normal | Self::Reports => "expected a duration such as 30d or 12h",
            Self::MostBytes => "expected a size such as 500MB or 2GiB",
        }
    }
}

/// A word that is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotUnderstood {
    /// Which.
    pub what: Word,
    /// What it says.
    pub text: String,
}

impl Retention {
    /// What the words say.
    ///
    /// # Errors
    /// The first that is not understood.
    pub fn told(told: Told<'_>) -> Result<Self, NotUnderstood> {
        let age = |what, text: &str| units::duration(text).ok_or_else(|| NotUnderstood { what, text: text.to_owned() });
        let size = |text: &str| {
            units::size(text).ok_or_else(|| NotUnderstood { what: Word::MostBytes, text: text.to_owned() })
        };
        Ok(Self {
            short: age(Word::Short, told.short)?,
            normal: age(Word::Normal, told.normal)?,
            reports: age(Word::Reports, told.reports)?,
            most_bytes: told.most_bytes.map(size).transpose()?,
        })
    }

    /// What the environment says (`variable` looks it up), and the default for the rest.
    ///
    /// # Errors
    /// The first that is not understood.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, NotUnderstood> {
        let set = |word: Word| variable(word.variable()).filter(|text| !text.is_empty());
        let or = |word: Word, default: &str| set(word).unwrap_or_else(|| default.to_owned());
        Self::told(Told {
            short: &or(Word::Short, USUAL_SHORT),
            normal: &or(Word::Normal, USUAL_NORMAL),
            reports: &or(Word::Reports, USUAL_REPORTS),
            most_bytes: set(Word::MostBytes).as_deref(),
        })
    }
}

/// A run as retention looks at it.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The run.
    pub record: RunRecord,
    /// What its samples take.
    pub samples_bytes: u64,
    /// Whether a fixed baseline needs it.
    pub is_pinned: bool,
}

/// What is done to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Its samples become minutes: median, lowest and highest.
    Thin,
    /// It goes, with all that there is of it.
    Remove,
}

/// Why it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It is older than its kind is kept.
    Age,
    /// The store takes more than it may.
    Size,
}

/// What is to be done, and to which of the runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Place of the run.
    pub run: usize,
    /// What.
    pub what: What,
    /// Why.
    pub why: Why,
}

/// What there is to do now. `runs` in order of their start; `size_bytes` is what the store takes.
///
/// By age first. Where the store is still too large, samples of the oldest runs are thinned, then the oldest runs are
/// removed; how much that frees is an estimate.
#[must_use]
pub fn plan(runs: &[Kept], size_bytes: u64, now: Timestamp, retention: &Retention) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut freed_bytes = 0;
    let age = |record: &RunRecord| Duration::try_from(now.duration_since(record.run.started)).unwrap_or_default();
    for (run, kept) in runs.iter().enumerate().filter(|(_, kept)| !kept.is_pinned) {
        let age = age(&kept.record);
        let full = if kept.record.run.planned_s < SHORT_RUN.as_secs_f64() { retention.short } else { retention.normal };
        if age > retention.reports {
            steps.push(Step { run, what: What::Remove, why: Why::Age });
            freed_bytes += kept.samples_bytes;
        } else if age > full && kept.record.detail == Detail::Full {
            steps.push(Step { run, what: What::Thin, why: Why::Age });
            freed_bytes += thinned_frees(kept);
        }
    }
    let Some(most_bytes) = retention.most_bytes else { return steps };
    for what in [What::Thin, What::Remove] {
        for (run, kept) in runs.iter().enumerate().filter(|(_, kept)| !kept.is_pinned) {
            if size_bytes.saturating_sub(freed_bytes) <= most_bytes {
                return steps;
            }
            let planned = steps.iter().position(|step| step.run == run);
            match (what, planned) {
                (What::Thin, None) if kept.record.detail == Detail::Full && thinned_frees(kept) > 0 => {
                    steps.push(Step { run, what, why: Why::Size });
                    freed_bytes += thinned_frees(kept);
                }
                (What::Remove, Some(place)) if steps[place].what == What::Thin => {
                    steps[place] = Step { run, what, why: Why::Size };
                    freed_bytes += kept.samples_bytes.saturating_sub(thinned_frees(kept));
                }
                (What::Remove, None) => {
                    steps.push(Step { run, what, why: Why::Size });
                    freed_bytes += kept.samples_bytes;
                }
                _ => {}
            }
        }
    }
    steps
}

/// Three numbers for a minute in place of all that were read in it.
fn thinned_frees(kept: &Kept) -> u64 {
    let in_a_minute = (60.0 / kept.record.run.interval_s).max(1.0);
    let left = (kept.samples_bytes as f64 * (3.0 / in_a_minute).min(1.0)) as u64;
    kept.samples_bytes - left
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::store::{NewRun, Owner, RunId, RunKey, RunState};

    fn run(age_days: i64, planned_s: f64, detail: Detail, samples_bytes: u64) -> Kept {
        let started = now() - jiff::SignedDuration::from_hours(24 * age_days);
        let run = NewRun {
            id: RunId::new(started, "x"),
            profile: "x".to_owned(),
            profile_text: String::new(),
            command: Vec::new(),
            scenario: None,
            stage: None,
            environment: None,
            host: serde_json::Value::Null,
            planned_s,
            interval_s: 1.0,
            policy: serde_json::Value::Null,
            started,
            commit: None,
            branch: None,
        };
        let record = RunRecord {
            key: RunKey::default(),
            run,
            state: RunState::Finished,
            owner: Owner { pid: 1, start_ticks: 1, boot_id: String::new() },
            ended_why: None,
            duration_s: Some(planned_s),
            detail,
        };
        Kept { record, samples_bytes, is_pinned: false }
    }

    /// Retention where nobody says otherwise.
    pub(crate) fn usual() -> Retention {
        Retention::of_environment(|_| None).unwrap()
    }

    /// Some run.
    pub(crate) fn kept() -> Kept {
        run(1, 60.0, Detail::Full, 10)
    }

    fn now() -> Timestamp {
        "2026-11-21T00:00:00Z".parse().unwrap()
    }

    fn steps(runs: &[Kept], most_bytes: Option<u64>) -> Vec<(usize, What, Why)> {
        let retention = Retention { most_bytes, ..usual() };
        let size_bytes = runs.iter().map(|run| run.samples_bytes).sum();
        plan(runs, size_bytes, now(), &retention).into_iter().map(|step| (step.run, step.what, step.why)).collect()
    }

    #[test]
    fn each_kind_has_its_age() {
        let runs = [
            run(400, 60.0, Detail::Minutes, 10),
            run(366, 28_800.0, Detail::Full, 10),
            run(91, 28_800.0, Detail::Full, 10),
            run(89, 28_800.0, Detail::Full, 10),
            run(31, 60.0, Detail::Full, 10),
            run(31, 60.0, Detail::Minutes, 10),
            run(29, 60.0, Detail::Full, 10),
        ];
        let aged = [(0, What::Remove), (1, What::Remove), (2, What::Thin), (4, What::Thin)];
        assert_eq!(steps(&runs, None), aged.map(|(run, what)| (run, what, Why::Age)));
    }

    #[test]
    fn the_environment_says_how_long_things_are_kept() {
        let says = |name: &'static str, value: &'static str| {
            Retention::of_environment(move |asked| (asked == name).then(|| value.to_owned()))
        };
        let usual = usual();
        assert_eq!((usual.short.as_secs(), usual.normal.as_secs()), (30 * 86_400, 90 * 86_400));
        assert_eq!((usual.reports.as_secs(), usual.most_bytes), (365 * 86_400, None));
        assert_eq!(says("SOAKD_KEEP_SHORT", "7d"), Ok(Retention { short: Duration::from_secs(604_800), ..usual }));
        assert_eq!(says("SOAKD_KEEP_SIZE", "1KiB"), Ok(Retention { most_bytes: Some(1024), ..usual }));
        assert_eq!(says("SOAKD_KEEP_NORMAL", ""), Ok(usual));
        let wrong = says("SOAKD_KEEP_REPORTS", "for ever").unwrap_err();
        assert_eq!((wrong.what.variable(), wrong.text.as_str()), ("SOAKD_KEEP_REPORTS", "for ever"));
    }

    #[test]
    fn a_pinned_run_stays_as_it_is() {
        let mut runs = [run(400, 60.0, Detail::Full, 1000)];
        runs[0].is_pinned = true;
        assert_eq!(steps(&runs, Some(0)), []);
    }

    #[test]
    fn what_is_too_large_is_thinned_before_anything_is_removed() {
        let runs =
            [run(20, 60.0, Detail::Full, 1000), run(10, 60.0, Detail::Full, 1000), run(5, 60.0, Detail::Full, 1000)];
        assert_eq!(steps(&runs, Some(3000)), []);
        assert_eq!(steps(&runs, Some(2100)), [(0, What::Thin, Why::Size)]);
        assert_eq!(
            steps(&runs, Some(120)),
            [(0, What::Remove, Why::Size), (1, What::Thin, Why::Size), (2, What::Thin, Why::Size)]
        );
    }
}
