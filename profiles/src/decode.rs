//! From a tree of values to a [`Profile`]. What is missing or wrong becomes the default, and what is wrong is reported.

use crate::field::Field;
use crate::keys;
use crate::profile::{Profile, Report};
use crate::section::{Reader, Section};
use crate::tree::{Place, Table};

mod budget;
mod checkpoint;
mod judge;
mod load;
mod plan;
pub(crate) mod source;
mod target;

/// Reads the whole of a profile. `place` is where the file begins.
pub(crate) fn profile(reader: &Reader<'_>, table: &Table, place: Place) -> Profile {
    let top = Section::new(reader, Some(table), place, keys::PROFILE, "");
    if let Some(field) = top.get("fault") {
        reader.report(field.key_place, crate::fault::FaultKind::NotYet { section: "`[[fault]]`" });
    }
    let section = |key, keys| top.section(key, keys);
    let load = load::load(&section("load", keys::LOAD));
    let sample = judge::sample(&section("sample", keys::SAMPLE));
    let judge = judge::judge(&section("judge", keys::JUDGE));
    judge::check_length(&section("judge", keys::JUDGE), &judge, sample.interval);
    let budgets = top.get("budget").map(|field| budget::environments(&field)).unwrap_or_default();
    let scenarios = plan::scenarios(&top, table, &sample, &judge);
    let stages = plan::stages(&top, &judge);
    // Read by whoever loads the file; here for its type.
    top.get("extends").and_then(|field| field.text());
    Profile {
        name: top.get("name").and_then(|field| field.text()).unwrap_or_default(),
        description: top.get("description").and_then(|field| field.free_text()).unwrap_or_default(),
        folder: None,
        target: target::target(&section("target", keys::TARGET)),
        load,
        sample,
        sources: top.get("source").map(|field| source::sources(&field)).unwrap_or_default(),
        judge,
        checkpoint: checkpoint::checkpoint(&section("checkpoint", keys::CHECKPOINT)),
        budgets,
        scenarios,
        stages,
        report: report(&section("report", keys::REPORT)),
    }
}

fn report(section: &Section<'_>) -> Report {
    Report {
        out: section.get("out").and_then(|field| field.path()),
        formats: section.get("formats").and_then(|field| field.strings("a list of reports")).unwrap_or_default(),
    }
}

/// The fields of the tables in `field`, each with its name, and the path of each in messages.
fn named<'a>(field: &Field<'a>, path: &str, keys: &'static [keys::Key]) -> Vec<(&'a String, Section<'a>)> {
    let sections = field.entries().into_iter().filter_map(|(name, entry)| {
        let section = entry.section(keys, format!("{path}.{name}"))?;
        Some((name, section))
    });
    sections.collect()
}
