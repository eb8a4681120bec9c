//! Limits that a run had to keep.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soakd_analysis::Quantity;

use crate::series::Per;

/// One limit, and what was observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Budget {
    /// Its name in the profile: `rss_growth`, `cleanup`, …
    pub name: String,
    /// The metric that it limits.
    pub metric: String,
    /// What one unit of limit and observation is.
    pub unit: Quantity,
    /// Per hour or per operation, where it limits a rate; `None` where it limits a level or an amount.
    pub per: Option<Per>,
    /// On which side of the limit the observation has to stay.
    pub bound: Bound,
    /// The limit itself, still allowed.
    pub limit: f64,
    /// What was observed; `None` where it could not be measured.
    pub observed: Option<f64>,
    /// Whether it was kept.
    pub status: BudgetStatus,
    /// Why the status is `unknown`, or what led to another one; a sentence for people.
    pub reason: Option<String>,
}

/// On which side of a limit an observation has to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// At the limit or below.
    AtMost,
    /// At the limit or above.
    AtLeast,
}

/// Whether a budget was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BudgetStatus {
    /// Kept.
    Ok,
    /// Not kept.
    Violated,
    /// Not kept, in so few runs in a row that chance may have made it: a warning until further runs confirm it. Only budgets
    /// whose limits come from earlier runs have it.
    Unconfirmed,
    /// It could not be measured; never a pass.
    Unknown,
}

impl Budget {
    /// The budget of a level or an amount, with what was observed. For a rate, set [`Budget::per`] afterwards.
    ///
    /// `Err(why)` makes it `unknown`, and so does an observation that is not a finite number.
    #[must_use]
    pub fn observed(
        name: impl Into<String>,
        metric: impl Into<String>,
        bound: Bound,
        limit: f64,
        observed: Result<f64, String>,
    ) -> Self {
        let metric = metric.into();
        let observed = observed.and_then(|value| match value.is_finite() {
            true => Ok(value),
            false => Err(format!("the observed value is {value}, which is no finite number")),
        });
        let (observed, status, reason) = match observed {
            Ok(value) => {
                let kept = match bound {
                    Bound::AtMost => value <= limit,
                    Bound::AtLeast => value >= limit,
                };
                (Some(value), if kept { BudgetStatus::Ok } else { BudgetStatus::Violated }, None)
            }
            Err(why) => (None, BudgetStatus::Unknown, Some(why)),
        };
        Self {
            name: name.into(),
            unit: Quantity::of_metric(&metric),
            metric,
            per: None,
            bound,
            limit,
            observed,
            status,
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(bound: Bound, observed: Result<f64, String>) -> BudgetStatus {
        Budget::observed("growth", "rss_bytes", bound, 10.0, observed).status
    }

    #[test]
    fn the_limit_itself_is_allowed() {
        assert_eq!(status(Bound::AtMost, Ok(10.0)), BudgetStatus::Ok);
        assert_eq!(status(Bound::AtMost, Ok(10.5)), BudgetStatus::Violated);
        assert_eq!(status(Bound::AtLeast, Ok(10.0)), BudgetStatus::Ok);
        assert_eq!(status(Bound::AtLeast, Ok(9.5)), BudgetStatus::Violated);
    }

    #[test]
    fn what_was_not_measured_is_unknown_and_says_why() {
        assert_eq!(status(Bound::AtMost, Err("no samples".to_owned())), BudgetStatus::Unknown);
        let budget = Budget::observed("growth", "rss_bytes", Bound::AtMost, 10.0, Ok(f64::NAN));
        assert_eq!((budget.status, budget.observed), (BudgetStatus::Unknown, None));
        assert!(budget.reason.unwrap().contains("NaN"));
    }
}
