//! The kinds of operation: their names, where they are served, and what they take.

use rand::RngExt;
use rand_pcg::Pcg64;

use crate::arguments::Workload;

/// One kind of work that the service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Policy evaluation.
    Evaluate,
    /// Verification of one signed proof.
    Verify,
    /// Verification of a signed biometric template, and comparison with a fresh sample.
    Biometric,
    /// Verification of many signed proofs at once.
    Batch,
    /// Decoding of a telemetry message.
    Decode,
    /// Configuration instantiation.
    Configure,
    /// Collection and encoding of the metrics.
    Metrics,
}

impl Operation {
    /// All kinds, in the order of their declaration.
    pub const ALL: [Self; 7] =
        [Self::Evaluate, Self::Verify, Self::Biometric, Self::Batch, Self::Decode, Self::Configure, Self::Metrics];

    /// Name on the command line and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Evaluate => "evaluate",
            Self::Verify => "verify",
            Self::Biometric => "biometric",
            Self::Batch => "batch",
            Self::Decode => "decode",
            Self::Configure => "configure",
            Self::Metrics => "metrics",
        }
    }

    /// The operation of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }

    /// Where it is served: by `POST`, except [`Operation::Metrics`], which is a `GET`.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Evaluate => "/api/v1/evaluate",
            Self::Verify => "/api/verify-proof",
            Self::Biometric => "/api/verify-biometric-proof",
            Self::Batch => "/api/batch-verify-proofs",
            Self::Decode => "/api/decode",
            Self::Configure => "/api/configure",
            Self::Metrics => "/metrics",
        }
    }

    /// Content type of the request.
    #[must_use]
    pub fn request_content_type(self) -> &'static str {
        match self {
            Self::Evaluate | Self::Verify | Self::Biometric | Self::Batch | Self::Metrics => "application/json",
            Self::Decode => "application/x-protobuf",
            Self::Configure => "application/toml",
        }
    }
}

impl Workload {
    /// The next kind of operation.
    pub fn pick(self, random: &mut Pcg64) -> Operation {
        match self {
            Self::Evaluate => Operation::Evaluate,
            Self::Verify => Operation::Verify,
            Self::Biometric => Operation::Biometric,
            Self::Batch => Operation::Batch,
            Self::Decode => Operation::Decode,
            Self::Configure => Operation::Configure,
            Self::Metrics => Operation::Metrics,
            Self::Mixed => Operation::ALL[random.random_range(0..Operation::ALL.len())],
        }
    }
}
