//! What pages and metrics show besides the status: what was sampled of runs that go on, and runs of the past.

use jiff::Timestamp;
use soakd_analysis::Quantity;
use soakd_reports::{Outcome, TrendChart};

/// A series of a run that goes on, as it is drawn.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Points {
    /// Times in seconds from the start of the run, in order.
    pub t_s: Vec<f64>,
    /// The lowest reading of each point.
    pub low: Vec<f64>,
    /// The highest reading of each point.
    pub high: Vec<f64>,
}

impl Points {
    /// The points one by one: time, lowest, highest.
    #[must_use]
    pub fn triples(&self) -> Vec<(f64, f64, f64)> {
        let values = self.low.iter().zip(&self.high);
        self.t_s.iter().zip(values).map(|(t_s, (low, high))| (*t_s, *low, *high)).collect()
    }
}

/// A series with its points.
#[derive(Debug, Clone, PartialEq)]
pub struct DrawnSeries {
    /// Name of the metric.
    pub metric: String,
    /// The source that it comes from, where it is not the target itself.
    pub source: Option<String>,
    /// What one unit of it is.
    pub unit: Quantity,
    /// What was sampled, thinned to no more points than are to be seen.
    pub points: Points,
}

/// What was sampled of a run that goes on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DrawnRun {
    /// Its id.
    pub run: String,
    /// Its series: on the overview the main one is enough (see [`main_series`](crate::words::main_series)).
    pub series: Vec<DrawnSeries>,
    /// Stretches without samples, in seconds of the run.
    pub gaps: Vec<(f64, f64)>,
}

impl DrawnRun {
    /// The series of that metric and source.
    #[must_use]
    pub fn of(&self, metric: &str, source: Option<&str>) -> Option<&DrawnSeries> {
        self.series.iter().find(|series| series.metric == metric && series.source.as_deref() == source)
    }
}

/// Something that happened during a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Happened {
    /// When, in seconds of the run.
    pub t_s: f64,
    /// What sort of thing, in a word.
    pub kind: String,
    /// What happened.
    pub text: String,
}

/// A run that has ended, in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct PastRun {
    /// Its id.
    pub id: String,
    /// When it started.
    pub started: Timestamp,
    /// Its length in seconds, where known.
    pub duration_s: Option<f64>,
    /// What it came to; `None` where there is no verdict.
    pub outcome: Option<Outcome>,
    /// The verdict in a sentence, or why there is none.
    pub summary: Option<String>,
    /// Commit of the target, where known.
    pub commit: Option<String>,
}

/// The last runs of a profile.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Nights {
    /// The profile.
    pub profile: String,
    /// Its runs, oldest first; the last [`MOST_NIGHTS`] are shown.
    pub runs: Vec<PastRun>,
}

/// Runs that a strip of outcomes shows.
pub const MOST_NIGHTS: usize = 30;

/// What is known of a profile by its runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProfileHistory {
    /// Its runs.
    pub nights: Nights,
    /// What it is for; empty where it does not say.
    pub description: String,
    /// Its numbers over the runs.
    pub trends: Vec<TrendChart>,
    /// Changes of level, in sentences.
    pub changes: Vec<String>,
}
