//! A value that never travels without its interval.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An estimated value with the interval that holds the truth with the stated confidence.
///
/// `low` or `high` is `None` where the data give no bound on that side. Every number is finite.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The best single value.
    pub value: f64,
    /// Lower end of the interval.
    pub low: Option<f64>,
    /// Upper end of the interval.
    pub high: Option<f64>,
    /// Probability (0 to 1) that the interval covers the truth.
    pub confidence: f64,
}

impl Estimate {
    /// Whether every number of it is finite.
    pub(crate) fn is_finite(&self) -> bool {
        [Some(self.value), self.low, self.high].into_iter().flatten().all(f64::is_finite)
    }

    /// The estimate in another unit: every number times `factor` (which may be negative).
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        let (low, high) = if factor < 0.0 { (self.high, self.low) } else { (self.low, self.high) };
        Self {
            value: self.value * factor,
            low: low.map(|bound| bound * factor),
            high: high.map(|bound| bound * factor),
            confidence: self.confidence,
        }
    }
}
