//! Some of the metrics.

use crate::metric::MetricId;

/// Some of the metrics. By default none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricSet([bool; MetricId::COUNT]);

impl Default for MetricSet {
    fn default() -> Self {
        Self([false; MetricId::COUNT])
    }
}

impl MetricSet {
    /// Whether `metric` is one of them.
    #[must_use]
    pub fn contains(&self, metric: MetricId) -> bool {
        self.0[metric as usize]
    }

    /// Takes `metric` in.
    pub fn insert(&mut self, metric: MetricId) {
        self.0[metric as usize] = true;
    }

    /// Takes all of `other` in.
    pub fn extend(&mut self, other: &Self) {
        for (is_in, is_new) in self.0.iter_mut().zip(other.0) {
            *is_in |= is_new;
        }
    }
}

impl FromIterator<MetricId> for MetricSet {
    fn from_iter<T: IntoIterator<Item = MetricId>>(metrics: T) -> Self {
        let mut set = Self::default();
        metrics.into_iter().for_each(|metric| set.insert(metric));
        set
    }
}
