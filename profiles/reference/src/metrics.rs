//! What the service counts. Every set of labels exists from the start and none is ever added.

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelKey, EncodeLabelSet, EncodeLabelValue, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::atomic::AtomicU64;

use crate::leak::Truth;
use crate::operation::Operation;

/// Content type of the encoded metrics.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Label of an endpoint; closed, so that no request can add one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Endpoint(Operation);

impl EncodeLabelSet for Endpoint {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), fmt::Error> {
        let mut label = encoder.encode_label();
        let mut key = label.encode_label_key()?;
        EncodeLabelKey::encode(&"endpoint", &mut key)?;
        let mut value = key.encode_label_value()?;
        EncodeLabelValue::encode(&self.0.name(), &mut value)?;
        value.finish()
    }
}

/// The metrics of one service.
pub(crate) struct Metrics {
    registry: Registry,
    operations: Counter,
    latency_s: Family<Endpoint, Histogram>,
    refused: Family<Endpoint, Counter>,
    cache_hits: Counter,
    cache_misses: Counter,
    cache_entries: Gauge,
    decisions: Counter,
    compliant: Counter,
    compliance: Gauge<f64, AtomicU64>,
    leaked_bytes: Gauge,
    leaked_descriptors: Gauge,
    leaked_threads: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("soakd_reference");
        let metrics = Self {
            operations: Counter::default(),
            latency_s: Family::new_with_constructor(|| Histogram::new(exponential_buckets(10e-6, 2.0, 18))),
            refused: Family::default(),
            cache_hits: Counter::default(),
            cache_misses: Counter::default(),
            cache_entries: Gauge::default(),
            decisions: Counter::default(),
            compliant: Counter::default(),
            compliance: Gauge::default(),
            leaked_bytes: Gauge::default(),
            leaked_descriptors: Gauge::default(),
            leaked_threads: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("operations", "Operations done", metrics.operations.clone());
        registry.register("request_duration_seconds", "Time an operation took", metrics.latency_s.clone());
        registry.register("refused_requests", "Requests that were refused or failed", metrics.refused.clone());
        registry.register("cache_hits", "Decisions taken from the cache", metrics.cache_hits.clone());
        registry.register("cache_misses", "Decisions taken by the policy engine", metrics.cache_misses.clone());
        registry.register("cache_entries", "Decisions in the cache", metrics.cache_entries.clone());
        registry.register("decisions", "Decisions and verifications", metrics.decisions.clone());
        registry.register("compliant_decisions", "Those that were allowed or valid", metrics.compliant.clone());
        registry.register(
            "compliance_ratio",
            "Share of decisions that were allowed or valid",
            metrics.compliance.clone(),
        );
        registry.register("leaked_bytes", "Heap memory that the leaks hold", metrics.leaked_bytes.clone());
        registry.register("leaked_descriptors", "Descriptors that the leaks hold", metrics.leaked_descriptors.clone());
        registry.register("leaked_threads", "Threads that the leaks hold", metrics.leaked_threads.clone());
        for operation in Operation::ALL {
            drop(metrics.latency_s.get_or_create(&Endpoint(operation)));
            drop(metrics.refused.get_or_create(&Endpoint(operation)));
        }
        Self { registry, ..metrics }
    }

    /// One more operation, which took that long.
    pub(crate) fn operation_done(&self, operation: Operation, took_s: f64) {
        self.operations.inc();
        self.latency_s.get_or_create(&Endpoint(operation)).observe(took_s);
    }

    /// One more request that was not served.
    pub(crate) fn request_refused(&self, operation: Operation) {
        self.refused.get_or_create(&Endpoint(operation)).inc();
    }

    /// One more look into the cache, which holds so many entries by now.
    pub(crate) fn cache_asked(&self, is_hit: bool, entries: usize) {
        if is_hit {
            self.cache_hits.inc()
        } else {
            self.cache_misses.inc()
        };
        self.cache_entries.set(signed(entries as u64));
    }

    /// One more decision of the policy or verification of a proof.
    pub(crate) fn decided(&self, is_compliant: bool) {
        self.decisions.inc();
        if is_compliant {
            self.compliant.inc();
        }
    }

    /// How many operations were done.
    pub(crate) fn operations(&self) -> u64 {
        self.operations.get()
    }

    /// Everything in the OpenMetrics text format.
    pub(crate) fn encode(&self, truth: &Truth) -> Result<String, fmt::Error> {
        let decisions = self.decisions.get();
        // Nothing was decided yet, so nothing was against the rules.
        let ratio = if decisions == 0 { 1.0 } else { self.compliant.get() as f64 / decisions as f64 };
        self.compliance.set(ratio);
        self.leaked_bytes.set(signed(truth.leaked_bytes));
        self.leaked_descriptors.set(signed(truth.leaked_descriptors));
        self.leaked_threads.set(signed(truth.leaked_threads));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leak::{ByteCount, Leaks};

    #[test]
    fn the_metrics_keep_their_lines_whatever_is_done() {
        let metrics = Metrics::new();
        let truth = Leaks::new(&[], ByteCount(1)).truth();
        let names = |text: &str| -> Vec<String> {
            text.lines().map(|line| line.rsplit_once(' ').map_or(line, |(name, _)| name).to_owned()).collect()
        };
        let before = metrics.encode(&truth).expect("text");
        for operation in Operation::ALL {
            metrics.operation_done(operation, 0.001);
            metrics.request_refused(operation);
        }
        metrics.cache_asked(true, 3);
        metrics.decided(true);
        metrics.decided(false);
        let after = metrics.encode(&truth).expect("text");
        assert_eq!(names(&before), names(&after));
        for line in [
            "soakd_reference_operations_total 7",
            "soakd_reference_cache_hits_total 1",
            "soakd_reference_cache_misses_total 0",
            "soakd_reference_cache_entries 3",
            "soakd_reference_compliance_ratio 0.5",
            "soakd_reference_leaked_bytes 0",
            "soakd_reference_request_duration_seconds_count{endpoint=\"batch\"} 1",
            "soakd_reference_refused_requests_total{endpoint=\"decode\"} 1",
        ] {
            assert!(after.lines().any(|found| found == line), "{line} in {after}");
        }
        assert!(after.ends_with("# EOF\n"));
    }
}
