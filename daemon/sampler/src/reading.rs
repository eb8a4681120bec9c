//! All values read at one instant, by metric.

use std::fmt;

use crate::metric::MetricId;

/// One value for each metric, or `None` where it was not read. Never zero for "not read".
#[derive(Clone, Copy)]
pub struct Reading {
    /// NaN stands for `None`: half the size of an `Option`, which a tick over 1,000 members feels.
    values: [f64; MetricId::COUNT],
}

impl Default for Reading {
    fn default() -> Self {
        Self { values: [f64::NAN; MetricId::COUNT] }
    }
}

impl PartialEq for Reading {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(metric, value)| (metric.name(), value))).finish()
    }
}

impl Reading {
    /// The value of `metric`, in the unit that its name says; always finite.
    #[must_use]
    pub fn get(&self, metric: MetricId) -> Option<f64> {
        Some(self.values[metric as usize]).filter(|value| !value.is_nan())
    }

    /// Sets `metric`. A value that is not finite is left out: it is no reading.
    pub fn set(&mut self, metric: MetricId, value: f64) {
        self.values[metric as usize] = if value.is_finite() { value } else { f64::NAN };
    }

    /// Forgets the value of `metric`.
    pub fn unset(&mut self, metric: MetricId) {
        self.values[metric as usize] = f64::NAN;
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The metrics that were read, with their values, in the order of [`crate::METRICS`].
    pub fn iter(&self) -> impl Iterator<Item = (MetricId, f64)> {
        MetricId::all().filter_map(|metric| Some((metric, self.get(metric)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_read_is_none_and_never_zero() {
        let mut reading = Reading::default();
        assert_eq!(reading.get(MetricId::Rss), None);
        reading.set(MetricId::Rss, 0.0);
        assert_eq!(reading.get(MetricId::Rss), Some(0.0));
        reading.set(MetricId::Rss, f64::NAN);
        assert_eq!(reading.get(MetricId::Rss), None);
        reading.set(MetricId::Swap, 4096.0);
        assert_eq!(reading.iter().collect::<Vec<_>>(), [(MetricId::Swap, 4096.0)]);
        reading.clear();
        assert_eq!(reading.iter().count(), 0);
    }
}
