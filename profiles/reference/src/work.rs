//! The work that is worth soaking. Each file is one kind: what a request looks like, and what is done with it.

pub(crate) mod configuration;
pub(crate) mod hex;
pub(crate) mod policy;
pub(crate) mod proofs;
pub(crate) mod telemetry;

use thiserror::Error;

/// Why an operation was not done.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum WorkError {
    /// The request is not of the form that was expected.
    #[error("{0}")]
    Malformed(String),
    /// The request has the right form and says something that cannot be.
    #[error("{0}")]
    Invalid(String),
    /// The service failed.
    #[error("{0}")]
    Internal(String),
}

impl WorkError {
    /// The HTTP status of this error.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::Invalid(_) => 422,
            Self::Internal(_) => 500,
        }
    }
}

/// Reads a JSON request.
fn read_json<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, WorkError> {
    serde_json::from_slice(body).map_err(|error| WorkError::Malformed(format!("the body is not as expected: {error}")))
}

/// Writes an answer as JSON.
fn write_json(answer: &impl serde::Serialize) -> Result<Vec<u8>, WorkError> {
    serde_json::to_vec(answer).map_err(|error| WorkError::Internal(format!("the answer cannot be written: {error}")))
}
