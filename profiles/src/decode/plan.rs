//! Reads `[scenario.NAME]` and `[stage.NAME]`.

use std::collections::BTreeMap;

use super::{judge as judging, load, named};
use crate::fault::{FaultKind, nearest, one_of};
use crate::judge::{InconclusiveAs, Judge, Severity};
use crate::keys;
use crate::merge;
use crate::plan::{Scenario, Stage};
use crate::profile::DEFAULT_ENVIRONMENT;
use crate::sample::Sample;
use crate::section::Section;
use crate::tree::Table;

/// The scenarios, each with what it leaves out filled in from the profile in `table`.
pub(super) fn scenarios(
    top: &Section<'_>,
    table: &Table,
    sample: &Sample,
    judge: &Judge,
) -> BTreeMap<String, Scenario> {
    let Some(field) = top.get("scenario") else { return BTreeMap::new() };
    let sections = named(&field, "scenario", keys::SCENARIO).into_iter().map(|(name, section)| {
        let interval = section
            .get("interval")
            .and_then(|field| field.duration(Sample::SHORTEST_INTERVAL, Sample::LONGEST_INTERVAL));
        let duration = section.get("duration").and_then(|field| field.some_duration());
        if duration.is_some() || interval.is_some() {
            let place = section.get("duration").map_or(section.place, |field| field.node.place);
            let (duration, interval) = (duration.unwrap_or(judge.duration), interval.unwrap_or(sample.interval));
            judging::too_few_samples(&section, place, duration, interval);
        }
        let mut merged = table.table("load").cloned().unwrap_or_default();
        if let Some(field) = section.get("load")
            && let Some(own) =
                field.section(keys::LOAD, format!("scenario.{name}.load")).and_then(|section| section.table())
        {
            merged = merge::load(&merged, own);
        }
        let operations = section.get("operations").filter(|field| field.integer(0, i64::MAX.unsigned_abs()).is_some());
        if let (Some(field), Some(entry)) = (operations, section.table().and_then(|table| table.get("operations"))) {
            let driver = merged.get("driver").map(|entry| &entry.node.value);
            let key = match driver {
                Some(crate::tree::Value::Text { text, .. }) if text == "repeat" => Some("times"),
                Some(crate::tree::Value::Text { text, .. }) if text == "reference" => Some("operations"),
                _ => None,
            };
            match key {
                Some(key) => {
                    merged.0.insert(key.to_owned(), entry.clone());
                }
                None => section.needs(field.key, "`driver = \"repeat\"` or `driver = \"reference\"`"),
            }
        }
        let load = load::load(&Section::new(
            section.reader(),
            Some(&merged),
            section.place,
            keys::LOAD,
            format!("scenario.{name}.load"),
        ));
        let scenario = Scenario {
            description: section.get("description").and_then(|field| field.free_text()).unwrap_or_default(),
            duration: duration.unwrap_or(judge.duration),
            interval: interval.unwrap_or(sample.interval),
            load,
        };
        (name.clone(), scenario)
    });
    sections.collect()
}

pub(super) fn stages(top: &Section<'_>, judge: &Judge) -> BTreeMap<String, Stage> {
    let names = |key| -> Vec<String> {
        top.get(key).into_iter().flat_map(|field| field.entries()).map(|(name, _)| name.clone()).collect()
    };
    let scenarios = names("scenario");
    let mut environments = names("budget");
    if !environments.iter().any(|name| name == DEFAULT_ENVIRONMENT) {
        environments.push(DEFAULT_ENVIRONMENT.to_owned());
    }
    let Some(field) = top.get("stage") else { return BTreeMap::new() };
    let sections = named(&field, "stage", keys::STAGE).into_iter().map(|(name, section)| {
        let severity = |key| section.get(key).and_then(|field| field.word(Severity::ALL));
        let (fail_on, block_on) = (severity("fail_on"), severity("block_on"));
        judging::check_severities(&section, fail_on.unwrap_or(judge.fail_on), block_on.unwrap_or(judge.block_on));
        let stage = Stage {
            scenario: reference(&section, "scenario", "scenario", &scenarios),
            environment: reference(&section, "environment", "environment", &environments),
            fail_on,
            block_on,
            inconclusive: section.get("inconclusive").and_then(|field| field.word(InconclusiveAs::ALL)),
        };
        (name.clone(), stage)
    });
    sections.collect()
}

/// The name that `key` refers to. Reports one that is not among `known`.
fn reference(section: &Section<'_>, key: &str, what: &'static str, known: &[String]) -> Option<String> {
    let field = section.get(key)?;
    let name = field.text()?;
    if !known.contains(&name) {
        let words = || known.iter().map(String::as_str);
        let kind = FaultKind::UnknownName {
            what,
            name: name.clone(),
            expected: one_of(words()),
            nearest: nearest(&name, words()),
        };
        section.reader().report_whole(field.node.place, kind);
    }
    Some(name)
}
