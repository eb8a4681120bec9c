//! One metric over time.

use thiserror::Error;

use crate::quantity::Quantity;

/// Why points do not make a series.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SeriesError {
    /// The columns differ in length.
    #[error("{name} has {found} entries where the times have {expected}")]
    Length {
        /// The column that does not fit.
        name: &'static str,
        /// Its length.
        found: usize,
        /// The number of times.
        expected: usize,
    },
    /// A time, value or operation count that is not a finite number.
    #[error("{name} at index {index} is {value}, expected a finite number")]
    NotFinite {
        /// The column at fault.
        name: &'static str,
        /// Where, from 0.
        index: usize,
        /// What was found.
        value: f64,
    },
    /// A time that is not later than the one before.
    #[error("time stands still or goes backwards at index {index}: {before} s, then {after} s")]
    Time {
        /// Where, from 0.
        index: usize,
        /// The time before.
        before: f64,
        /// The time at `index`.
        after: f64,
    },
}

/// One metric over time: strictly growing times, finite values, gaps simply absent.
///
/// A *restart* is a time at which the target was replaced: growth across it is not growth of one process, so
/// every analysis keeps the two sides apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    quantity: Quantity,
    t_s: Vec<f64>,
    values: Vec<f64>,
    ops: Option<Vec<f64>>,
    restarts_s: Vec<f64>,
}

fn finite(name: &'static str, column: &[f64]) -> Result<(), SeriesError> {
    match column.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(SeriesError::NotFinite { name, index, value: column[index] }),
        None => Ok(()),
    }
}

impl Series {
    /// A series of `values` at the times `t_s` (seconds). Empty is allowed; it is judged `inconclusive`.
    ///
    /// # Errors
    /// [`SeriesError`] where the columns differ in length, a number is not finite, or time does not grow.
    pub fn new(quantity: Quantity, t_s: Vec<f64>, values: Vec<f64>) -> Result<Self, SeriesError> {
        if values.len() != t_s.len() {
            return Err(SeriesError::Length { name: "values", found: values.len(), expected: t_s.len() });
        }
        finite("time", &t_s)?;
        finite("value", &values)?;
        // Written so that a NaN could not pass.
        if let Some(index) = t_s.windows(2).position(|pair| pair[1].total_cmp(&pair[0]).is_le()) {
            return Err(SeriesError::Time { index: index + 1, before: t_s[index], after: t_s[index + 1] });
        }
        Ok(Self { quantity, t_s, values, ops: None, restarts_s: Vec::new() })
    }

    /// The same series with the cumulative operation count at each of its times.
    ///
    /// # Errors
    /// [`SeriesError::Length`] or [`SeriesError::NotFinite`]. A count that falls is allowed: it was reset.
    pub fn with_ops(mut self, ops: Vec<f64>) -> Result<Self, SeriesError> {
        if ops.len() != self.t_s.len() {
            return Err(SeriesError::Length { name: "operations", found: ops.len(), expected: self.t_s.len() });
        }
        finite("operations", &ops)?;
        self.ops = Some(ops);
        Ok(self)
    }

    /// The same series with the times at which the target was replaced; each starts a new segment.
    ///
    /// # Errors
    /// [`SeriesError::NotFinite`] for a time that is not finite.
    pub fn with_restarts(mut self, mut restarts_s: Vec<f64>) -> Result<Self, SeriesError> {
        finite("restart", &restarts_s)?;
        restarts_s.sort_by(f64::total_cmp);
        self.restarts_s = restarts_s;
        Ok(self)
    }

    /// What the series counts.
    #[must_use]
    pub fn quantity(&self) -> Quantity {
        self.quantity
    }

    /// The times, in seconds, strictly growing.
    #[must_use]
    pub fn t_s(&self) -> &[f64] {
        &self.t_s
    }

    /// The values, one for each time.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The cumulative operation counts, one for each time.
    #[must_use]
    pub fn ops(&self) -> Option<&[f64]> {
        self.ops.as_deref()
    }

    /// The times at which the target was replaced, in order.
    #[must_use]
    pub fn restarts_s(&self) -> &[f64] {
        &self.restarts_s
    }

    /// Number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.t_s.len()
    }

    /// Whether there is no point at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.t_s.is_empty()
    }

    /// Seconds from the first to the last point; 0 below two points.
    #[must_use]
    pub fn duration_s(&self) -> f64 {
        match (self.t_s.first(), self.t_s.last()) {
            (Some(first), Some(last)) => last - first,
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_stands_still_is_refused() {
        let error = Series::new(Quantity::Bytes, vec![0.0, 1.0, 1.0], vec![1.0; 3]);
        assert_eq!(error, Err(SeriesError::Time { index: 2, before: 1.0, after: 1.0 }));
    }

    #[test]
    fn numbers_that_are_not_finite_are_refused() {
        for bad in [f64::NAN, f64::INFINITY] {
            assert!(Series::new(Quantity::Bytes, vec![0.0, 1.0], vec![0.0, bad]).is_err());
            assert!(Series::new(Quantity::Bytes, vec![0.0, bad], vec![0.0, 1.0]).is_err());
        }
    }
}
