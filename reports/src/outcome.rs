//! What a run came to, and the exit code that says so.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a run came to. Each outcome has an exit code of its own: [`Outcome::exit_code`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every judged series is within its tolerance, every budget is kept.
    Pass,
    /// Minor: a leak below `fail_on`, growth below the tolerance that will matter, retention.
    Warn,
    /// A leak, a violated budget, or a target that did not survive the run.
    Fail,
    /// Critical: do not deploy.
    Block,
    /// The run worked and could not decide.
    Inconclusive,
}

impl Outcome {
    /// Every outcome, in the order of the exit codes.
    pub const ALL: [Self; 5] = [Self::Pass, Self::Warn, Self::Fail, Self::Block, Self::Inconclusive];

    /// The exit code that means this outcome and nothing else: 0 to 4.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Warn => 1,
            Self::Fail => 2,
            Self::Block => 3,
            Self::Inconclusive => 4,
        }
    }

    /// The outcome as it stands in the verdict: `pass`, `warn`, …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Block => "block",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How much the growth comes to: projected growth as a share of the settled baseline.
///
/// How far growth is projected, and from which end of the interval, is explained at [`conclude`](mod@crate::conclude).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Below 5 %, or not shown to grow.
    #[default]
    None,
    /// 5 to 15 %; the least that a leak has.
    Low,
    /// 15 to 30 %.
    Medium,
    /// 30 to 50 %.
    High,
    /// Above 50 %, or a limit is reached.
    Critical,
}

impl Severity {
    /// The class of a projected growth, given as a share of the settled baseline (0.05 = 5 %). NaN has no severity.
    #[must_use]
    pub fn of_ratio(growth_ratio: f64) -> Self {
        match growth_ratio {
            ratio if ratio > 0.5 => Self::Critical,
            ratio if ratio >= 0.3 => Self::High,
            ratio if ratio >= 0.15 => Self::Medium,
            ratio if ratio >= 0.05 => Self::Low,
            _ => Self::None,
        }
    }

    /// The severity as it stands in the verdict: `none`, `low`, …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_an_exit_code_of_its_own() {
        let codes: Vec<u8> = Outcome::ALL.iter().map(|outcome| outcome.exit_code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn names_are_those_of_the_document() {
        for outcome in Outcome::ALL {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.as_str());
        }
        for severity in [Severity::None, Severity::Low, Severity::Medium, Severity::High, Severity::Critical] {
            assert_eq!(serde_json::to_value(severity).unwrap(), severity.as_str());
        }
    }

    #[test]
    fn classes_begin_at_their_lower_bound() {
        let classes = [
            (-1.0, Severity::None),
            (0.049, Severity::None),
            (0.05, Severity::Low),
            (0.15, Severity::Medium),
            (0.3, Severity::High),
            (0.5, Severity::High),
            (0.501, Severity::Critical),
            (f64::NAN, Severity::None),
            (f64::INFINITY, Severity::Critical),
        ];
        for (ratio, severity) in classes {
            assert_eq!(Severity::of_ratio(ratio), severity, "{ratio}");
        }
    }
}
