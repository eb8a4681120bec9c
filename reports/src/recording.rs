//! What a run recorded, as the renderers of samples and charts are given it. They know no store.

use soakd_analysis::Quantity;

use crate::series::{Scope, SeriesVerdict};

/// The series of a run over time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recording {
    /// The part whose growth was judged, in seconds of the run; `None` where all of it was.
    pub judged: Option<Span>,
    /// The series, in the order in which files show them.
    pub series: Vec<Recorded>,
}

/// From one time to another, in seconds of the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Where it begins.
    pub from_s: f64,
    /// Where it ends.
    pub to_s: f64,
}

/// What a recorded series counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The whole target.
    Tree,
    /// The host.
    Host,
    /// Operations counted so far.
    Operations,
    /// A source that the profile names.
    Source {
        /// Its name in the profile.
        name: String,
    },
}

/// One series over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Name of the metric, with its unit suffix.
    pub metric: String,
    /// What one unit of the values is.
    pub unit: Quantity,
    /// What it counts.
    pub origin: Origin,
    /// Times of the readings, in seconds of the run.
    pub t_s: Vec<f64>,
    /// One reading for each time.
    pub values: Vec<f64>,
}

impl Recorded {
    /// The readings in order of time; a time or a value that is no finite number is left out.
    pub fn points(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let pairs = self.t_s.iter().copied().zip(self.values.iter().copied());
        pairs.filter(|(t_s, value)| t_s.is_finite() && value.is_finite())
    }
}

/// Samples as rows: a value of each series for each time, where there is one.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Table {
    /// Times in seconds of the run, growing.
    pub(crate) t_s: Vec<f64>,
    /// Name of each column, no two alike, and its values.
    pub(crate) columns: Vec<(String, Vec<Option<f64>>)>,
}

impl Recording {
    /// What was recorded of a series of the verdict.
    #[must_use]
    pub fn of(&self, series: &SeriesVerdict) -> Option<&Recorded> {
        let is_of = |recorded: &&Recorded| match (&series.scope, &recorded.origin) {
            (Scope::Tree, Origin::Tree) | (Scope::Host, Origin::Host) => true,
            (Scope::Source { name }, Origin::Source { name: other }) => name == other,
            _ => false,
        };
        self.series.iter().filter(is_of).find(|recorded| recorded.metric == series.metric)
    }

    /// The operations counted so far.
    pub(crate) fn operations(&self) -> Option<&Recorded> {
        self.series.iter().find(|series| series.origin == Origin::Operations)
    }

    /// Whether there is no reading at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.points().next().is_none())
    }

    /// A name for each series that no other has: that of its metric, behind that of its source where two are called alike.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::with_capacity(self.series.len());
        for series in &self.series {
            let mut name = series.metric.clone();
            while name == "t_s" || names.contains(&name) {
                // Two sources may call their numbers alike.
                let before = match &series.origin {
                    Origin::Source { name } => name.as_str(),
                    Origin::Host => "host",
                    Origin::Tree | Origin::Operations => "other",
                };
                let before = before.replace(|character: char| !character.is_ascii_alphanumeric(), "_");
                name = format!("{before}_{name}");
            }
            names.push(name);
        }
        names
    }

    /// The samples as rows.
    pub(crate) fn table(&self) -> Table {
        // Times are recorded once for each sample, so equal times are equal to the bit.
        let mut t_s: Vec<f64> = self.series.iter().flat_map(|series| series.points().map(|(t_s, _)| t_s)).collect();
        t_s.sort_by(f64::total_cmp);
        t_s.dedup();
        let column = |series: &Recorded| {
            let mut values = vec![None; t_s.len()];
            for (time, value) in series.points() {
                if let Ok(row) = t_s.binary_search_by(|other| other.total_cmp(&time)) {
                    values[row] = Some(value);
                }
            }
            values
        };
        let columns = self.names().into_iter().zip(self.series.iter().map(column)).collect();
        Table { t_s, columns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(metric: &str, origin: Origin, points: &[(f64, f64)]) -> Recorded {
        Recorded {
            metric: metric.to_owned(),
            unit: Quantity::of_metric(metric),
            origin,
            t_s: points.iter().map(|point| point.0).collect(),
            values: points.iter().map(|point| point.1).collect(),
        }
    }

    #[test]
    fn rows_hold_what_was_read_at_their_time_and_nothing_else() {
        let recording = Recording {
            judged: None,
            series: vec![
                series("rss_bytes", Origin::Tree, &[(0.0, 1.0), (1.0, 2.0), (3.0, f64::NAN)]),
                series("rss_bytes", Origin::Host, &[(1.0, 9.0), (2.0, 8.0)]),
            ],
        };
        let table = recording.table();
        assert_eq!(table.t_s, [0.0, 1.0, 2.0]);
        assert_eq!(table.columns[0], ("rss_bytes".to_owned(), vec![Some(1.0), Some(2.0), None]));
        assert_eq!(table.columns[1], ("host_rss_bytes".to_owned(), vec![None, Some(9.0), Some(8.0)]));
    }

    #[test]
    fn a_recording_without_readings_is_empty() {
        assert!(Recording::default().is_empty());
        let blind = Recording { judged: None, series: vec![series("rss_bytes", Origin::Tree, &[(0.0, f64::NAN)])] };
        assert!(blind.is_empty());
        assert!(blind.table().t_s.is_empty());
    }
}
