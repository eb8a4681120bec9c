//! The service without its transport: takes a request, does the work, counts it, leaks what is due, gives the answer.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::arguments::ServiceArgs;
use crate::error::ReferenceError;
use crate::leak::{Leaks, Truth};
use crate::metrics::Metrics;
use crate::operation::Operation;
use crate::work::policy::PolicyService;
use crate::work::proofs::{Verified, verify_biometric, verify_proof, verify_proofs};
use crate::work::{WorkError, configuration, telemetry};

/// Everything that the service keeps.
pub(crate) struct Service {
    policy: Mutex<PolicyService>,
    metrics: Metrics,
    leaks: Leaks,
}

impl Service {
    /// A service whose leaks begin now.
    pub(crate) fn new(arguments: &ServiceArgs) -> Result<Self, ReferenceError> {
        let policy =
            PolicyService::new(arguments.cache_entries as usize).map_err(|reason| ReferenceError::Policy { reason })?;
        Ok(Self {
            policy: Mutex::new(policy),
            metrics: Metrics::new(),
            leaks: Leaks::new(&arguments.leaks, arguments.leak_limit),
        })
    }

    /// Does one operation. Only one that is done is counted and leaks; a refused request leaves nothing but its count.
    pub(crate) fn perform(&self, operation: Operation, body: &[u8]) -> Result<Vec<u8>, WorkError> {
        let begun = Instant::now();
        match self.work(operation, body) {
            Ok(answer) => {
                self.metrics.operation_done(operation, begun.elapsed().as_secs_f64());
                self.leaks.operation_done();
                soakd_probe::op();
                Ok(answer)
            }
            Err(error) => {
                self.metrics.request_refused(operation);
                Err(error)
            }
        }
    }

    /// Counts a request that was refused before it came here.
    pub(crate) fn count_refused(&self, operation: Operation) {
        self.metrics.request_refused(operation);
    }

    /// The metrics as they stand. Looking at them is no operation.
    pub(crate) fn metrics_text(&self) -> Result<String, WorkError> {
        self.metrics.encode(&self.leaks.truth()).map_err(|error| WorkError::Internal(error.to_string()))
    }

    /// What has leaked so far.
    pub(crate) fn truth(&self) -> Truth {
        self.leaks.truth()
    }

    /// Takes and releases what is due by now.
    pub(crate) fn tick(&self) {
        self.leaks.tick();
    }

    /// How many operations were done.
    pub(crate) fn operations(&self) -> u64 {
        self.metrics.operations()
    }

    fn work(&self, operation: Operation, body: &[u8]) -> Result<Vec<u8>, WorkError> {
        match operation {
            Operation::Evaluate => self.evaluate(body),
            Operation::Verify => verify_proof(body).map(|verified| self.verified(verified)),
            Operation::Biometric => verify_biometric(body).map(|verified| self.verified(verified)),
            Operation::Batch => verify_proofs(body).map(|verified| self.verified(verified)),
            Operation::Decode => telemetry::decode(body),
            Operation::Configure => configuration::configure(body),
            Operation::Metrics => self.metrics_text().map(String::into_bytes),
        }
    }

    fn evaluate(&self, body: &[u8]) -> Result<Vec<u8>, WorkError> {
        // The engine sets its state anew for each evaluation, so one that was broken off does no harm.
        let mut policy = self.policy.lock().unwrap_or_else(PoisonError::into_inner);
        let evaluated = policy.evaluate(body)?;
        self.metrics.cache_asked(evaluated.from_cache, policy.cached_count());
        self.metrics.decided(evaluated.allow);
        Ok(evaluated.answer)
    }

    fn verified(&self, verified: Verified) -> Vec<u8> {
        self.metrics.decided(verified.is_valid);
        verified.answer
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::Workload;
    use crate::requests::RequestGenerator;

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        service: ServiceArgs,
    }

    fn service(arguments: &[&str]) -> Service {
        let arguments = std::iter::once(&"service").chain(arguments);
        Service::new(&Arguments::parse_from(arguments).service).expect("a service")
    }

    #[test]
    fn every_generated_request_is_served() {
        let service = service(&[]);
        let mut requests = RequestGenerator::new(3);
        for operation in Operation::ALL {
            for _ in 0..200 {
                let body = requests.request(operation);
                if let Err(error) = service.perform(operation, &body) {
                    panic!("{}: {error}: {}", operation.name(), String::from_utf8_lossy(&body));
                }
            }
        }
        assert_eq!(service.operations(), 1400);
        let text = service.metrics_text().expect("text");
        let value = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the metric");
            line.trim().parse().expect("a number")
        };
        let compliance = value("soakd_reference_compliance_ratio");
        assert!(compliance > 0.3 && compliance < 0.95, "some are allowed and some are not: {compliance}");
        assert!(value("soakd_reference_cache_hits_total") > 0.0);
        assert_eq!(service.truth().leaked_bytes, 0);
    }

    #[test]
    fn refused_requests_are_counted_and_do_not_leak() {
        let service = service(&["--leak", "linear:64B/op"]);
        for operation in Operation::ALL.into_iter().filter(|&operation| operation != Operation::Metrics) {
            assert!(service.perform(operation, b"\xff nonsense").is_err(), "{}", operation.name());
        }
        assert_eq!((service.operations(), service.truth().leaked_bytes), (0, 0));
        let body = RequestGenerator::new(1).request(Operation::Verify);
        service.perform(Operation::Verify, &body).expect("an answer");
        assert_eq!(service.truth().leaked_bytes, 64);
    }

    #[test]
    fn the_cache_stays_within_its_bound() {
        let service = service(&["--cache-entries", "10"]);
        let mut requests = RequestGenerator::new(3);
        for _ in 0..500 {
            let operation = requests.pick(Workload::Evaluate);
            let body = requests.request(operation);
            service.perform(operation, &body).expect("an answer");
        }
        assert!(service.metrics_text().expect("text").contains("soakd_reference_cache_entries 10\n"));
    }
}
