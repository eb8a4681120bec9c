//! From recorded columns to the series that analysis judges.

use soakd_analysis::{Series, SeriesError};

use crate::phases::Phases;
use crate::settled;
use crate::store::Column;

/// The part of a run whose growth is judged, in seconds of the run: from readiness to the end of the load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Where it begins.
    pub from_s: f64,
    /// Where it ends.
    pub to_s: f64,
}

impl Window {
    /// Whether `t_s` lies inside.
    #[must_use]
    pub fn holds(&self, t_s: f64) -> bool {
        self.from_s <= t_s && t_s <= self.to_s
    }
}

/// The readings of `column` under load, with the operations counted so far at each of them. What was read during a checkpoint is
/// left out, since a load that rests is no load; a column of settled samples has nothing but that.
///
/// A reading that is not finite or not later than the one before is left out; readers see it as a gap. Operations are
/// interpolated between their own readings; where they are not known for every reading they are left out altogether,
/// since growth cannot be laid on operations that nobody counted. What lies on two sides of one of `breaks_s` is not compared.
///
/// # Errors
/// [`SeriesError`] only where times or values slipped through that are no numbers, which is a fault of ours.
pub fn series(
    column: &Column,
    phases: &Phases,
    breaks_s: &[f64],
    operations: Option<&Column>,
) -> Result<Series, SeriesError> {
    let window = phases.load;
    let is_settled = settled::metric_of(&column.series.metric).is_some();
    let mut t_s = Vec::with_capacity(column.t_s.len());
    let mut values = Vec::with_capacity(column.t_s.len());
    for (&t, &value) in column.t_s.iter().zip(&column.values) {
        let later = t_s.last().is_none_or(|&last| t > last);
        let left_out = !is_settled && phases.is_checkpoint(t);
        if t.is_finite() && value.is_finite() && window.holds(t) && later && !left_out {
            t_s.push(t);
            values.push(value);
        }
    }
    let counted = operations.and_then(|operations| interpolated(operations, &t_s));
    let inside: Vec<f64> = breaks_s.iter().copied().filter(|&t| window.holds(t)).collect();
    let series = Series::new(column.series.quantity, t_s, values)?.with_restarts(inside)?;
    match counted {
        Some(counted) => series.with_ops(counted),
        None => Ok(series),
    }
}

/// How much of a series may lie before the first or after the last reading of the counter, as a share of its length:
/// a counter that is polled on its own starts a little later.
const UNCOUNTED_SHARE: f64 = 0.05;

/// `operations` at the times `t_s`, straight between its readings and level beyond them; `None` where more than
/// [`UNCOUNTED_SHARE`] lies beyond them.
fn interpolated(operations: &Column, t_s: &[f64]) -> Option<Vec<f64>> {
    let known: Vec<(f64, f64)> = operations
        .t_s
        .iter()
        .copied()
        .zip(operations.values.iter().copied())
        .filter(|(t, value)| t.is_finite() && value.is_finite())
        .collect();
    let (&(first_t, first), &(last_t, last)) = (known.first()?, known.last()?);
    let (&from, &to) = (t_s.first()?, t_s.last()?);
    let uncounted = (first_t - from).max(0.0) + (to - last_t).max(0.0);
    if !(uncounted <= UNCOUNTED_SHARE * (to - from)) {
        return None;
    }
    let mut next = 0;
    let at = |t: f64| {
        if t <= first_t {
            return first;
        }
        if t >= last_t {
            return last;
        }
        while known[next].0 < t {
            next += 1;
        }
        let (after_t, after) = known[next];
        if after_t <= t {
            return after;
        }
        let (before_t, before) = known[next - 1];
        before + (after - before) * (t - before_t) / (after_t - before_t)
    };
    Some(t_s.iter().copied().map(at).collect())
}

/// A column for tests.
#[cfg(test)]
pub(crate) fn test_column(quantity: soakd_analysis::Quantity, points: &[(f64, f64)]) -> Column {
    use crate::store::{Scope, SeriesNumber, SeriesRecord};
    Column {
        series: SeriesRecord {
            number: SeriesNumber::default(),
            metric: "rss_bytes".to_owned(),
            scope: Scope::Tree,
            quantity,
        },
        t_s: points.iter().map(|point| point.0).collect(),
        values: points.iter().map(|point| point.1).collect(),
        extremes: None,
        gaps: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use soakd_analysis::Quantity;

    use super::*;

    fn phases(from_s: f64, to_s: f64) -> Phases {
        let load = Window { from_s, to_s };
        Phases { ready_s: 0.0, load, checkpoints: Vec::new(), restarts_s: Vec::new(), end_s: to_s }
    }

    #[test]
    fn what_was_read_during_a_checkpoint_belongs_to_the_settled_series_alone() {
        let mut column = test_column(Quantity::Bytes, &[(0.0, 9.0), (1.0, 3.0), (2.0, 3.0), (3.0, 9.0)]);
        let phases = Phases { checkpoints: vec![Window { from_s: 0.5, to_s: 2.0 }], ..phases(0.0, 3.0) };
        assert_eq!(series(&column, &phases, &[], None).expect("a series").values(), [9.0, 9.0]);
        column.series.metric = settled::name(&column.series.metric);
        assert_eq!(series(&column, &phases, &[], None).expect("a series").values(), [9.0, 3.0, 3.0, 9.0]);
    }

    #[test]
    fn readings_outside_the_window_and_out_of_order_are_left_out() {
        let column = test_column(
            Quantity::Bytes,
            &[(0.0, 1.0), (1.0, 2.0), (1.0, 3.0), (2.0, f64::NAN), (3.0, 4.0), (4.0, 5.0)],
        );
        let series = series(&column, &phases(0.5, 3.5), &[], None).expect("a series");
        assert_eq!((series.t_s(), series.values()), (&[1.0, 3.0][..], &[2.0, 4.0][..]));
    }

    #[test]
    fn operations_are_interpolated_between_their_readings() {
        let column = test_column(Quantity::Bytes, &[(0.0, 1.0), (10.0, 1.0), (20.0, 1.0)]);
        let operations = test_column(Quantity::Count, &[(0.5, 0.0), (19.5, 190.0)]);
        let series = series(&column, &phases(0.0, 100.0), &[], Some(&operations)).expect("a series");
        assert_eq!(series.ops(), Some(&[0.0, 95.0, 190.0][..]));
    }

    #[test]
    fn operations_that_were_counted_for_a_part_only_are_left_out() {
        let column = test_column(Quantity::Bytes, &[(0.0, 1.0), (10.0, 1.0), (20.0, 1.0)]);
        let operations = test_column(Quantity::Count, &[(9.0, 0.0), (20.0, 190.0)]);
        let series = series(&column, &phases(0.0, 100.0), &[], Some(&operations)).expect("a series");
        assert_eq!(series.ops(), None);
    }
}
