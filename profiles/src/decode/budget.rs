//! Reads `[budget.ENV]`.

use std::collections::BTreeMap;

use super::named;
use crate::budget::{Budget, BudgetLimit, Budgets};
use crate::field::Field;
use crate::keys;
use crate::section::Section;
use crate::tolerance::Per;

pub(super) fn environments(field: &Field<'_>) -> BTreeMap<String, Budgets> {
    let environments = field.entries().into_iter().map(|(environment, field)| {
        let budgets = named(&field, &format!("budget.{environment}"), keys::BUDGET);
        let budgets = budgets.into_iter().filter_map(|(name, section)| Some((name.clone(), budget(&section)?)));
        (environment.clone(), budgets.collect())
    });
    environments.collect()
}

fn budget(section: &Section<'_>) -> Option<Budget> {
    let metric = match section.get("metric") {
        Some(field) => field.metric()?,
        None => Budget::DEFAULT_METRIC.to_owned(),
    };
    let per_operations = section.get("per_operations").and_then(|field| field.integer(1, i64::MAX.unsigned_abs()));
    let settle = section.get("settle").and_then(|field| field.any_duration());
    let choice = section.one_of(&["growth", "rate", "peak", "level", "cleanup"]);
    if choice != Some("growth") {
        section.needs("per_operations", "`growth`");
    }
    if choice != Some("cleanup") {
        section.needs("settle", "`cleanup`");
    }
    let Some(choice) = choice else {
        section.missing("limit: `growth`, `rate`, `peak`, `level` or `cleanup`");
        return None;
    };
    let field = section.get(choice)?;
    let limit = match choice {
        "growth" => BudgetLimit::Growth { max: field.amount(&metric)?, per_operations },
        "rate" => {
            let rate = field.tolerance_for(&metric)?;
            match rate.per {
                Per::Hour => BudgetLimit::Rate { max_per_hour: rate.amount },
                Per::Operation => {
                    return field.unreadable(
                        "growth per time such as `1MB/h`; per operation it is `growth` with `per_operations`",
                    );
                }
                Per::Run => {
                    return field.unreadable("growth per time such as `1MB/h`; for the whole run it is `growth`");
                }
            }
        }
        "peak" => BudgetLimit::Peak { max: field.amount(&metric)? },
        "level" => BudgetLimit::Level { max: field.amount(&metric)? },
        _ => BudgetLimit::Cleanup {
            within: field.amount(&metric)?,
            settle: settle.unwrap_or(BudgetLimit::DEFAULT_SETTLE),
        },
    };
    Some(Budget { metric, limit })
}
