//! Reads `[sample]` and `[judge]`.

use std::time::Duration;

use super::target::flag;
use crate::fault::FaultKind;
use crate::judge::{EarlyStop, InconclusiveAs, Judge, Severity, Warmup};
use crate::sample::Sample;
use crate::section::Section;
use crate::units;

pub(super) fn sample(section: &Section<'_>) -> Sample {
    let default = Sample::default();
    let interval =
        section.get("interval").and_then(|field| field.duration(Sample::SHORTEST_INTERVAL, Sample::LONGEST_INTERVAL));
    let interval = interval.unwrap_or(default.interval);
    let slow = section.get("slow_interval").and_then(|field| {
        let slow = field.duration(Sample::SHORTEST_INTERVAL, Sample::LONGEST_INTERVAL)?;
        if slow < interval && !section.reader().alone {
            field.too_small(units::show(interval), true);
        }
        Some(slow)
    });
    Sample {
        interval,
        slow_interval: slow.unwrap_or(default.slow_interval).max(interval),
        metrics: section.get("metrics").and_then(|field| field.metrics()).unwrap_or_default(),
        per_process: flag(section, "per_process", default.per_process),
        looks: flag(section, "looks", default.looks),
        touched: flag(section, "touched", default.touched),
        disk: section.get("disk").and_then(|field| field.paths()).unwrap_or_default(),
    }
}

pub(super) fn judge(section: &Section<'_>) -> Judge {
    let default = Judge::default();
    let word = |key, fallback| section.get(key).and_then(|field| field.word(Severity::ALL)).unwrap_or(fallback);
    let warmup = section.get("warmup").filter(|field| !field.is_word("auto")).and_then(|field| field.any_duration());
    let tolerance =
        section.get("tolerance").filter(|field| !field.is_word("default")).and_then(|field| field.tolerance());
    let tolerances =
        section.get("tolerances").into_iter().flat_map(|field| field.entries()).filter_map(|(metric, field)| {
            let is_known = field.check_metric(metric, field.key_place);
            is_known.then(|| field.tolerance_for(metric))?.map(|tolerance| (metric.clone(), tolerance))
        });
    let early_stop = section.get("early_stop").filter(|field| !field.is_word("auto")).and_then(|field| field.boolean());
    let memory_limit =
        section.get("memory_limit").filter(|field| !field.is_word("auto")).and_then(|field| field.size());
    let fail_on = word("fail_on", default.fail_on);
    // Whoever sets `fail_on = "critical"` need not set `block_on` as well.
    let block_on = word("block_on", default.block_on.max(fail_on));
    check_severities(section, fail_on, block_on);
    Judge {
        duration: section.get("duration").and_then(|field| field.some_duration()).unwrap_or(default.duration),
        warmup: warmup.map_or(Warmup::Auto, Warmup::Fixed),
        tolerance,
        tolerances: tolerances.collect(),
        metrics: section.get("metrics").and_then(|field| field.metrics()).unwrap_or_default(),
        confidence: section.get("confidence").and_then(|field| field.fraction(0.5, 1.0)).unwrap_or(default.confidence),
        horizon: section.get("horizon").and_then(|field| field.some_duration()).unwrap_or(default.horizon),
        fail_on,
        block_on,
        inconclusive: section.get("inconclusive").and_then(|field| field.word(InconclusiveAs::ALL)).unwrap_or_default(),
        early_stop: match early_stop {
            None => EarlyStop::Auto,
            Some(true) => EarlyStop::Always,
            Some(false) => EarlyStop::Never,
        },
        memory_limit_bytes: memory_limit,
        regressions: flag(section, "regressions", default.regressions),
        regression_threshold: section
            .get("regression_threshold")
            .and_then(|field| field.fraction(0.0, 1.0))
            .unwrap_or(default.regression_threshold),
    }
}

/// Reports `block_on` below `fail_on`, at whichever of them stands in `section`.
pub(super) fn check_severities(section: &Section<'_>, fail_on: Severity, block_on: Severity) {
    if block_on >= fail_on {
        return;
    }
    let name = |severity| Severity::ALL.iter().find(|(_, known)| *known == severity).map_or("", |(name, _)| *name);
    if let Some(field) = section.get("block_on").or_else(|| section.get("fail_on")) {
        let quoted = |severity| format!("\"{}\"", name(severity));
        let kind = FaultKind::BlockBelowFail { block_on: quoted(block_on), fail_on: quoted(fail_on) };
        section.reader().report_whole(field.node.place, kind);
    }
}

/// Reports a run that is too short for its interval or its warm-up.
pub(super) fn check_length(section: &Section<'_>, judge: &Judge, interval: Duration) {
    let place = section.get("duration").map_or(section.place, |field| field.node.place);
    too_few_samples(section, place, judge.duration, interval);
    if let (Warmup::Fixed(warmup), Some(field)) = (judge.warmup, section.get("warmup"))
        && warmup >= judge.duration
    {
        let kind = FaultKind::WarmupTooLong { warmup: units::show(warmup), duration: units::show(judge.duration) };
        section.reader().report_whole(field.node.place, kind);
    }
}

/// Reports a run that holds too few samples.
pub(super) fn too_few_samples(
    section: &Section<'_>,
    place: crate::tree::Place,
    duration: Duration,
    interval: Duration,
) {
    let shortest = interval.saturating_mul(Judge::FEWEST_INTERVALS);
    if duration < shortest {
        let kind = FaultKind::TooFewSamples {
            duration: units::show(duration),
            interval: units::show(interval),
            fewest: Judge::FEWEST_INTERVALS,
            shortest: units::show(shortest),
        };
        section.reader().report_whole(place, kind);
    }
}
