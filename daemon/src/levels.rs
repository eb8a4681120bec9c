//! The levels that growth of a series is projected to: the limit that stops its target, and the budget that it misses first.

use soakd_analysis::Question;
use soakd_profiles::BudgetLimit;
use soakd_reports::LimitSource;

use crate::policy::RunPolicy;
use crate::settled::median;
use crate::store::Column;

/// A level and what sets it.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// In units of the metric.
    pub value: f64,
    /// What sets it; `None` where that was not recorded.
    pub source: Option<LimitSource>,
}

/// The levels of one series.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Levels {
    /// At this one the target is stopped or refused.
    pub limit: Option<Level>,
    /// At this one nothing happens to it: the lowest budget on a peak or a level that is still kept.
    pub budget: Option<Level>,
}

/// Share of a run in which it shows where it stands at its end.
const LAST: usize = 10;

impl Levels {
    /// Those of `column`, whose budgets are those on `metric`. Limits are those of the target: a series of something else has none.
    #[must_use]
    pub fn of(policy: &RunPolicy, metric: &str, column: &Column, limit: Option<Level>) -> Self {
        let highest = column.values.iter().copied().reduce(f64::max);
        let mut last = column.values[column.values.len() - column.values.len().div_ceil(LAST)..].to_vec();
        let last = median(&mut last);
        // A budget that is missed already is told as such.
        let kept =
            policy.plan.budgets.iter().filter(|(_, budget)| budget.metric == metric).filter_map(|(name, budget)| {
                let (max, now) = match budget.limit {
                    BudgetLimit::Peak { max } => (max, highest),
                    BudgetLimit::Level { max } => (max, last),
                    BudgetLimit::Growth { .. } | BudgetLimit::Rate { .. } | BudgetLimit::Cleanup { .. } => return None,
                };
                let source = Some(LimitSource::Budget { name: name.clone() });
                now.is_none_or(|now| now <= max).then_some(Level { value: max, source })
            });
        let budget = kept.min_by(|one, other| one.value.total_cmp(&other.value));
        Self { limit, budget }
    }

    /// The one that growth reaches first; of two at the same place the limit.
    #[must_use]
    pub fn nearest(&self) -> Option<&Level> {
        match (&self.limit, &self.budget) {
            (Some(limit), Some(budget)) if budget.value < limit.value => Some(budget),
            (limit, budget) => limit.as_ref().or(budget.as_ref()),
        }
    }

    /// `question` with these levels.
    #[must_use]
    pub fn asked(&self, question: Question) -> Question {
        let value = |level: &Option<Level>| level.as_ref().map(|level| level.value);
        Question { limit: value(&self.limit), budget: value(&self.budget), ..question }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(value: f64, source: Option<LimitSource>) -> Option<Level> {
        Some(Level { value, source })
    }

    #[test]
    fn the_lower_of_limit_and_budget_is_nearest_and_of_equals_the_limit() {
        let budget = || Some(LimitSource::Budget { name: "peak".to_owned() });
        let nearest = |limit: Option<f64>, kept: Option<f64>| {
            let levels = Levels {
                limit: limit.and_then(|value| level(value, Some(LimitSource::Cgroup))),
                budget: kept.and_then(|value| level(value, budget())),
            };
            levels.nearest().map(|level| (level.value, level.source.clone()))
        };
        assert_eq!(nearest(Some(9.0), Some(5.0)), Some((5.0, budget())));
        assert_eq!(nearest(Some(5.0), Some(5.0)), Some((5.0, Some(LimitSource::Cgroup))));
        assert_eq!(nearest(Some(5.0), Some(9.0)), Some((5.0, Some(LimitSource::Cgroup))));
        assert_eq!(nearest(None, Some(9.0)), Some((9.0, budget())));
        assert_eq!(nearest(None, None), None);
    }
}
