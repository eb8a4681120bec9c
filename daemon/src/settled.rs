//! Settled samples: the series that they make, and when a target counts as settled.

use soakd_sampler::{METRICS, MetricId, Reading, Scope, TreeSum};

/// How the metrics of settled samples begin; the rest is the metric itself, unit included.
const PREFIX: &str = "settled_";

/// The name of the settled series of `metric`.
#[must_use]
pub fn name(metric: &str) -> String {
    format!("{PREFIX}{metric}")
}

/// The metric of which `name` is the settled series; `None` where it is none.
#[must_use]
pub fn metric_of(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)
}

/// The metrics that a settled sample has: levels of the target. What is counted since the start of a process, and what the host
/// has, does not settle.
pub fn metrics() -> impl Iterator<Item = MetricId> {
    METRICS.iter().filter(|row| row.scope != Scope::Host && row.tree_sum != TreeSum::Cumulative).map(|row| row.id)
}

/// The median of each metric over a few readings; of two in the middle their mean. What was never read is left out.
#[must_use]
pub fn medians(readings: &[Reading]) -> Vec<(MetricId, f64)> {
    metrics()
        .filter_map(|metric| {
            let mut values: Vec<f64> = readings.iter().filter_map(|reading| reading.get(metric)).collect();
            Some((metric, median(&mut values)?))
        })
        .collect()
}

/// The median; of two in the middle their mean. `None` for no values.
#[must_use]
pub fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2).copied()?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    Some((values[values.len() / 2 - 1] + upper) / 2.0)
}

/// Readings over which memory has to stand still.
const QUIET_READINGS: usize = 5;
/// What memory at rest may move by: sixteen pages, or a thousandth.
const QUIET_BYTES: f64 = 64.0 * 1024.0;
const QUIET_SHARE: f64 = 0.001;

/// Tells when memory stands still.
#[derive(Debug, Default)]
pub struct Quiet {
    last: std::collections::VecDeque<f64>,
}

impl Quiet {
    /// Whether memory has stood still over the last readings, this one included. A reading without memory begins anew.
    pub fn push(&mut self, reading: &Reading) -> bool {
        let Some(level) = reading.get(MetricId::AnonSwap).or_else(|| reading.get(MetricId::Rss)) else {
            self.last.clear();
            return false;
        };
        self.last.push_back(level);
        if self.last.len() > QUIET_READINGS {
            self.last.pop_front();
        }
        let highest = self.last.iter().copied().fold(f64::MIN, f64::max);
        let lowest = self.last.iter().copied().fold(f64::MAX, f64::min);
        self.last.len() == QUIET_READINGS && highest - lowest <= QUIET_BYTES.max(QUIET_SHARE * highest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(bytes: f64) -> Reading {
        let mut reading = Reading::default();
        reading.set(MetricId::AnonSwap, bytes);
        reading
    }

    #[test]
    fn a_name_leads_to_its_metric_and_back() {
        for metric in metrics() {
            assert_eq!(metric_of(&name(metric.name())), Some(metric.name()));
        }
        assert_eq!(metric_of("anon_swap_bytes"), None);
        assert!(!metrics().any(|metric| metric == MetricId::Cpu || metric == MetricId::HostLoad));
    }

    #[test]
    fn one_reading_that_was_off_does_not_move_the_median() {
        let readings: Vec<Reading> = [5e6, 1e9, 5.1e6, 4.9e6, 5e6].map(reading).to_vec();
        assert_eq!(medians(&readings), [(MetricId::AnonSwap, 5e6)]);
        assert_eq!(medians(&readings[..2]), [(MetricId::AnonSwap, 5.025e8)]);
        assert!(medians(&[]).is_empty());
    }

    #[test]
    fn memory_is_quiet_once_it_has_stood_still_for_some_readings() {
        let mut quiet = Quiet::default();
        let levels = [9e6, 8e6, 7e6, 7e6, 7.01e6, 7e6, 7e6];
        let answers: Vec<bool> = levels.iter().map(|level| quiet.push(&reading(*level))).collect();
        assert_eq!(answers, [false, false, false, false, false, false, true]);
        assert!(!quiet.push(&Reading::default()));
        assert!(!quiet.push(&reading(7e6)), "it begins anew");
    }
}
