//! The lines of a picture, in seconds of the run and units of the series.

use super::curve::Curve;
use super::thin::thin;
use crate::recording::{Recording, Span};
use crate::sentence::outlook;
use crate::series::SeriesVerdict;
use crate::verdict::Verdict;

/// Points on a line: seconds of the run, value.
pub(crate) type Points = Vec<(f64, f64)>;

/// What is drawn of one series.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines {
    pub(crate) sampled: Points,
    pub(crate) model: Points,
    /// The model with its rate at either end of the interval, turned about the middle of the judged part.
    pub(crate) low: Points,
    pub(crate) high: Points,
    pub(crate) tolerance: Points,
    /// The same beyond the end of the run, at the rate that was found.
    pub(crate) ahead: Points,
    pub(crate) ahead_low: Points,
    pub(crate) ahead_high: Points,
    pub(crate) warmup: Option<(f64, f64)>,
    pub(crate) gaps: Vec<(f64, f64)>,
    pub(crate) events: Vec<(f64, String)>,
}

/// Columns to which samples are thinned; a picture has fewer.
const COLUMNS: usize = 800;
/// Points of a smooth line.
const SMOOTH: usize = 120;
/// How far ahead a picture shows, as a share of the run.
const AHEAD: f64 = 0.25;
/// A limit that is reached within this many lengths of the run is shown.
const FARTHEST_AHEAD: f64 = 2.0;
/// Events that only say that a run takes its course. Of a checkpoint the end is marked, at which the sample was taken.
const COURSE: [&str; 7] =
    ["started", "ready", "load_started", "load_ended", "load_stopped", "stopped", "checkpoint_began"];

impl Lines {
    /// The lines of `series`; `None` where nothing was sampled of it.
    pub(crate) fn of(series: &SeriesVerdict, verdict: &Verdict, recording: &Recording) -> Option<Self> {
        let points: Points = recording.of(series)?.points().collect();
        let judgement = &series.judgement;
        let (first, last) = (points.first()?.0, points.last()?.0);
        let whole = Span { from_s: first, to_s: last };
        let judged = recording.judged.unwrap_or(whole);
        let inside: Points =
            points.iter().copied().filter(|(t_s, _)| judged.from_s <= *t_s && *t_s <= judged.to_s).collect();
        let mut lines = Self {
            sampled: thin(&points, COLUMNS),
            gaps: verdict.samples.gaps.iter().map(|gap| (gap.from_s, gap.to_s)).collect(),
            events: verdict
                .events
                .iter()
                .filter(|event| !COURSE.contains(&event.kind.as_str()))
                .map(|event| (event.t_s, event.kind.clone()))
                .collect(),
            ..Self::default()
        };
        // Words are laid one after the other, which asks for their order; looks are recorded when they are done.
        lines.events.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (Some((from_s, _)), Some((to_s, _))) = (inside.first().copied(), inside.last().copied()) else {
            return Some(lines);
        };
        let settled_s = (from_s + judgement.warmup_s).min(to_s);
        lines.warmup = (judgement.warmup_s > 0.0).then_some((first, settled_s));
        if let Some(baseline) = judgement.settled_baseline {
            let per_s = judgement.tolerance_per_hour / 3600.0;
            lines.tolerance = vec![(settled_s, baseline), (to_s, baseline + per_s * (to_s - settled_s))];
        }
        let curve = Curve::of(judgement, series.unit, &inside, recording.operations());
        if let (Some(curve), Some(rate)) = (curve, judgement.rate_per_hour) {
            lines.add_model(&curve, rate, Span { from_s, to_s }, series);
        }
        Some(lines)
    }

    fn add_model(&mut self, curve: &Curve, rate: soakd_analysis::Estimate, span: Span, series: &SeriesVerdict) {
        let length_s = span.to_s - span.from_s;
        let middle_s = span.from_s + length_s / 2.0;
        // The first moments were left out of the fit.
        let times = curve.times(curve.from_s, span.to_s, SMOOTH, COLUMNS);
        self.model = times.into_iter().map(|t_s| (t_s, curve.at(t_s))).collect();
        let value_per_s = rate.value / 3600.0;
        let off = |end: Option<f64>| end.map(|end| (end - rate.value) / 3600.0);
        if let (Some(low), Some(high)) = (off(rate.low), off(rate.high)) {
            let turned = |per_s: f64| self.model.iter().map(|(t_s, v)| (*t_s, v + per_s * (t_s - middle_s))).collect();
            (self.low, self.high) = (turned(low), turned(high));
            if outlook(series).is_some() {
                let at_end = curve.at(span.to_s);
                let reached_s = series.judgement.time_to_limit_s.map(|time| 1.05 * time.value);
                let near_s = reached_s.filter(|reached_s| *reached_s <= FARTHEST_AHEAD * length_s);
                let until_s = span.to_s + near_s.unwrap_or(0.0).max(AHEAD * length_s);
                let along = |off: f64| {
                    let at = |t_s: f64| at_end + value_per_s * (t_s - span.to_s) + off * (t_s - middle_s);
                    vec![(span.to_s, at(span.to_s)), (until_s, at(until_s))]
                };
                (self.ahead, self.ahead_low, self.ahead_high) = (along(0.0), along(low), along(high));
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = &(f64, f64)> {
        [&self.sampled, &self.model, &self.tolerance, &self.ahead, &self.ahead_low, &self.ahead_high]
            .into_iter()
            .flatten()
    }

    /// From the first to the last time that is shown.
    pub(crate) fn extent(&self) -> (f64, f64) {
        let times = self.all().map(|point| point.0);
        times.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), t_s| (low.min(t_s), high.max(t_s)))
    }

    /// From the lowest to the highest value that is shown. A warm-up from far below would press the rest flat: what
    /// came before the program settled counts only where nothing came after.
    pub(crate) fn range(&self) -> (f64, f64) {
        let settled_s = self.warmup.map_or(f64::NEG_INFINITY, |(_, settled_s)| settled_s);
        let of = |from_s: f64| {
            let values = self.all().filter(|point| point.0 >= from_s).map(|point| point.1);
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
        };
        let (low, high) = of(settled_s);
        if low <= high { (low, high) } else { of(f64::NEG_INFINITY) }
    }

    /// The samples between gaps.
    pub(crate) fn pieces(&self) -> Vec<&[(f64, f64)]> {
        let is_gap = |a: &(f64, f64), b: &(f64, f64)| {
            let holds = |gap: &(f64, f64)| a.0 <= gap.0 + 1e-9 && b.0 >= gap.1 - 1e-9;
            !self.gaps.iter().any(holds)
        };
        self.sampled.chunk_by(is_gap).collect()
    }
}
