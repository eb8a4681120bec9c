//! A profile with its scenario, stage and environment chosen: what one run does.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::budget::Budgets;
use crate::judge::{InconclusiveAs, Severity};
use crate::load::Load;
use crate::profile::{DEFAULT_ENVIRONMENT, Profile};

/// `[scenario.NAME]`: size and length of the load. What the file leaves out is that of the profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// What it is for.
    pub description: String,
    /// Planned length of the run.
    pub duration: Duration,
    /// Time from one sample to the next.
    pub interval: Duration,
    /// The load.
    pub load: Load,
}

/// `[stage.NAME]`: a gate of the delivery pipeline. `None` leaves what the profile or the command line says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stage {
    /// The scenario it runs.
    pub scenario: Option<String>,
    /// The environment whose budgets apply.
    pub environment: Option<String>,
    /// Replaces [`crate::Judge::fail_on`].
    pub fail_on: Option<Severity>,
    /// Replaces [`crate::Judge::block_on`].
    pub block_on: Option<Severity>,
    /// Replaces [`crate::Judge::inconclusive`].
    pub inconclusive: Option<InconclusiveAs>,
}

/// What the command line chooses. What it names wins over what the stage names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Choice<'a> {
    /// `--scenario`
    pub scenario: Option<&'a str>,
    /// `--env`
    pub environment: Option<&'a str>,
    /// `--stage`
    pub stage: Option<&'a str>,
}

/// What one run does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The profile, with scenario and stage applied to its load, interval, duration and thresholds.
    pub profile: Profile,
    /// The scenario that was chosen.
    pub scenario: Option<String>,
    /// The stage that was chosen.
    pub stage: Option<String>,
    /// The environment that was chosen; [`DEFAULT_ENVIRONMENT`] if none was.
    pub environment: String,
    /// The budgets that apply: those of [`DEFAULT_ENVIRONMENT`], with those of the chosen one added to them or put in
    /// place of those with the same name.
    pub budgets: Budgets,
}

/// The command line names something that the profile does not have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("profile `{profile}` has no {what} `{name}`, expected {}", one_of(.known))]
pub struct UnknownChoice {
    /// Name of the profile.
    pub profile: String,
    /// What was chosen: `scenario`, `stage`, `environment`.
    pub what: &'static str,
    /// The name that was given.
    pub name: String,
    /// The names that there are.
    pub known: Vec<String>,
}

fn one_of(known: &[String]) -> String {
    if known.is_empty() {
        return "none, since it defines none".to_owned();
    }
    let quoted: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(" or ")
}

impl Profile {
    /// The plan of a run: this profile with scenario, stage and environment applied.
    ///
    /// # Errors
    /// [`UnknownChoice`] if the profile does not have one of the names.
    pub fn plan(&self, choice: Choice<'_>) -> Result<Plan, UnknownChoice> {
        let unknown = |what, name: &str, known: Vec<&String>| UnknownChoice {
            profile: self.name.clone(),
            what,
            name: name.to_owned(),
            known: known.into_iter().cloned().collect(),
        };
        let mut profile = self.clone();
        let stage = match choice.stage {
            Some(name) => {
                Some(self.stages.get(name).ok_or_else(|| unknown("stage", name, self.stages.keys().collect()))?)
            }
            None => None,
        };
        let scenario = choice.scenario.or_else(|| stage.and_then(|stage| stage.scenario.as_deref()));
        if let Some(name) = scenario {
            let scenario =
                self.scenarios.get(name).ok_or_else(|| unknown("scenario", name, self.scenarios.keys().collect()))?;
            profile.judge.duration = scenario.duration;
            profile.sample.interval = scenario.interval;
            profile.sample.slow_interval = profile.sample.slow_interval.max(scenario.interval);
            profile.load = scenario.load.clone();
        }
        if let Some(stage) = stage {
            profile.judge.fail_on = stage.fail_on.unwrap_or(profile.judge.fail_on);
            profile.judge.block_on = stage.block_on.unwrap_or(profile.judge.block_on);
            profile.judge.inconclusive = stage.inconclusive.unwrap_or(profile.judge.inconclusive);
        }
        let environment = choice.environment.or_else(|| stage.and_then(|stage| stage.environment.as_deref()));
        let mut budgets = self.budgets.get(DEFAULT_ENVIRONMENT).cloned().unwrap_or_default();
        if let Some(name) = environment.filter(|name| *name != DEFAULT_ENVIRONMENT) {
            let own =
                self.budgets.get(name).ok_or_else(|| unknown("environment", name, self.budgets.keys().collect()))?;
            budgets.extend(own.iter().map(|(name, budget)| (name.clone(), budget.clone())));
        }
        Ok(Plan {
            profile,
            scenario: scenario.map(str::to_owned),
            stage: choice.stage.map(str::to_owned),
            environment: environment.unwrap_or(DEFAULT_ENVIRONMENT).to_owned(),
            budgets,
        })
    }
}
