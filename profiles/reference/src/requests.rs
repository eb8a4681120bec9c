//! Requests to work on: endless, random, and the same for the same seed.
//!
//! The service's own traffic, `run` without HTTP and the examples at `GET /examples/…` are made here; a load driver can
//! use it to send the same to a service over HTTP.

use std::collections::HashMap;

use ed25519_dalek::{Signer, SigningKey};
use prost::Message;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde::Serialize;

use crate::arguments::Workload;
use crate::operation::Operation;
use crate::work::hex::HexBytes;
use crate::work::policy::{AccessRequest, Context, Principal, Resource};
use crate::work::proofs::{BatchRequest, BiometricRequest, Proof};
use crate::work::telemetry::{Event, Payload, Reading, Readings, Telemetry};

/// Signed proofs that are made in advance: signing is the client's work, verification the service's.
const PROOFS: usize = 64;

/// Signed biometric templates that are made in advance.
const TEMPLATES: usize = 16;

/// Features of a template.
const FEATURES: usize = 128;

/// Proofs in one batch.
const BATCH: usize = 16;

/// One proof in so many is spoiled.
const SPOILED_ONE_IN: u32 = 16;

/// Makes requests. One from the same seed makes the same ones.
///
/// ```
/// use soakd_reference::{Operation, RequestGenerator};
///
/// let mut requests = RequestGenerator::new(7);
/// assert_eq!(requests.request(Operation::Verify), RequestGenerator::new(7).request(Operation::Verify));
/// ```
#[derive(Debug)]
pub struct RequestGenerator {
    random: Pcg64,
    proofs: Vec<Proof>,
    templates: Vec<Proof>,
}

impl RequestGenerator {
    /// Makes keys and signs what needs to be signed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut random = Pcg64::seed_from_u64(seed);
        let keys: Vec<SigningKey> = (0..8).map(|_| SigningKey::from_bytes(&random.random())).collect();
        let mut signed = |index: usize, bytes: usize| {
            let key = &keys[index % keys.len()];
            let message: Vec<u8> = (0..bytes).map(|_| random.random()).collect();
            Proof {
                public_key: HexBytes(key.verifying_key().to_bytes().to_vec()),
                signature: HexBytes(key.sign(&message).to_bytes().to_vec()),
                message: HexBytes(message),
            }
        };
        let proofs = (0..PROOFS).map(|index| signed(index, 64 + 8 * index)).collect();
        let templates = (0..TEMPLATES).map(|index| signed(index, FEATURES)).collect();
        Self { random, proofs, templates }
    }

    /// Decides what kind comes next.
    pub fn pick(&mut self, workload: Workload) -> Operation {
        workload.pick(&mut self.random)
    }

    /// The body of the next request of one kind; empty for [`Operation::Metrics`].
    pub fn request(&mut self, operation: Operation) -> Vec<u8> {
        match operation {
            Operation::Evaluate => json(&self.access_request()),
            Operation::Verify => json(&self.proof()),
            Operation::Biometric => json(&self.biometric_request()),
            Operation::Batch => {
                let proofs = (0..BATCH).map(|_| self.proof()).collect();
                json(&BatchRequest { proofs })
            }
            Operation::Decode => self.telemetry().encode_to_vec(),
            Operation::Configure => self.configuration().into_bytes(),
            Operation::Metrics => Vec::new(),
        }
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.random.random_range(0..choices.len())]
    }

    /// Some thousand different ones: more than the cache holds, few enough for hits.
    fn access_request(&mut self) -> AccessRequest {
        // Some come far more often than others, as people do.
        let principal = self.random.random_range(0..40_u8).min(self.random.random_range(0..40));
        // What a principal is depends on who it is, so that the same comes again.
        let role = ["guest", "member", "operator", "manager", "admin"][usize::from(principal % 5)];
        let groups: &[&str] = match principal % 4 {
            0 => &["finance", "audit"],
            1 => &["support"],
            2 => &["engineering", "support", "audit"],
            _ => &[],
        };
        let action = match self.random.random_range(0..10) {
            0..5 => self.one_of(&["read", "list", "search"]),
            5..9 => self.one_of(&["update", "approve", "transfer", "share"]),
            _ => self.one_of(&["purge", "impersonate", "disable-audit"]),
        };
        let resource = self.random.random_range(0..6_u8);
        AccessRequest {
            principal: Principal {
                id: format!("user-{principal}"),
                role: role.to_owned(),
                clearance: principal % 4,
                groups: groups.iter().map(|&group| group.to_owned()).collect(),
            },
            action: action.to_owned(),
            resource: Resource {
                kind: ["report", "account", "record", "contract"][usize::from(resource % 4)].to_owned(),
                owner: format!("user-{}", resource * 5),
                sensitivity: resource % 5,
                tags: if resource % 3 == 0 { vec!["payroll".to_owned(), "internal".to_owned()] } else { Vec::new() },
            },
            context: Context {
                hour: if self.random.random_bool(0.9) { 11 } else { 22 },
                mfa: self.random.random_bool(0.8),
                amount: if action == "transfer" { 500 } else { 0 },
            },
        }
    }

    fn proof(&mut self) -> Proof {
        let mut proof = self.proofs[self.random.random_range(0..PROOFS)].clone();
        if self.random.random_ratio(1, SPOILED_ONE_IN)
            && let Some(first) = proof.message.0.first_mut()
        {
            *first ^= 1;
        }
        proof
    }

    fn biometric_request(&mut self) -> BiometricRequest {
        let template = self.templates[self.random.random_range(0..TEMPLATES)].clone();
        // Another person's sample is as good as noise; the same person's differs a little each time.
        let is_same_person = self.random.random_bool(0.9);
        let sample = template.message.0.iter().map(|&feature| {
            if is_same_person { feature.saturating_add(self.random.random_range(0..16)) } else { self.random.random() }
        });
        BiometricRequest {
            sample: HexBytes(sample.collect()),
            public_key: template.public_key,
            template: template.message,
            signature: template.signature,
            threshold: 0.95,
        }
    }

    fn telemetry(&mut self) -> Telemetry {
        let device = self.random.random_range(0..100_u32);
        let payload = if self.random.random_bool(0.8) {
            let readings = (0..self.random.random_range(4..32))
                .map(|sensor| Reading {
                    sensor,
                    unix_ms: 1_700_000_000_000 + i64::from(self.random.random_range(0..1_000_000_u32)),
                    values: (0..8).map(|_| self.random.random_range(-40.0..120.0)).collect(),
                })
                .collect();
            Payload::Readings(Readings { readings })
        } else {
            let attachment = (0..self.random.random_range(0..2048)).map(|_| self.random.random()).collect();
            let text = self.one_of(&["door opened", "pressure above the mark", "restarted after a power cut"]);
            Payload::Event(Event { severity: self.random.random_range(0..4), text: text.to_owned(), attachment })
        };
        Telemetry {
            device: format!("device-{device}"),
            sequence: self.random.random_range(0..1_000_000),
            labels: HashMap::from([("site".to_owned(), format!("site-{}", device % 7))]),
            payload: Some(payload),
        }
    }

    fn configuration(&mut self) -> String {
        let backends = self.random.random_range(1..8_u32);
        let routes = self.random.random_range(1..24_u32);
        let mut text = format!(
            "name = \"gateway-{routes}\"\nlisten = \"127.0.0.1:8080\"\nworkers = {}\n\n[limits]\ntimeout_ms = {}\n",
            self.random.random_range(1..64),
            self.random.random_range(100..30_000),
        );
        for backend in 0..backends {
            text.push_str(&format!(
                "\n[backend.b{backend}]\naddress = \"10.0.0.{backend}:8000\"\nweight = {}\n",
                self.random.random_range(1..10)
            ));
        }
        for route in 0..routes {
            let first = self.random.random_range(0..backends);
            text.push_str(&format!(
                "\n[[route]]\npath = \"/service-{route}\"\nbackends = [\"b{first}\", \"b{}\"]\n",
                (first + 1) % backends
            ));
        }
        text
    }
}

/// The JSON of a request. Our own requests are plain data, which always has a JSON form.
#[expect(clippy::expect_used, reason = "text keys and finite numbers only: a failure is a bug of this file")]
fn json(request: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(request).expect("requests are plain data")
}
