//! Reads `[checkpoint]`.

use std::time::Duration;

use crate::checkpoint::{
    Checkpoint, CheckpointWhen, Collect, CollectBy, CollectMethod, CollectOf, CollectSignal, Settle,
};
use crate::field::Field;
use crate::keys;
use crate::section::Section;
use crate::units;

/// What a checkpoint takes beside its settling: between two of them the load must run too.
const LEAST_BETWEEN: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn checkpoint(section: &Section<'_>) -> Checkpoint {
    let settle =
        section.get("settle").and_then(|field| settle(&field)).unwrap_or(Settle::For(Checkpoint::DEFAULT_SETTLE));
    let every = section.get("every").and_then(|field| {
        let every = field.duration(Checkpoint::SHORTEST_EVERY, 366 * DAY)?;
        let least = settle.at_most() + LEAST_BETWEEN;
        if every < least && !section.reader().alone {
            field.too_small(format!("{}`, a second more than `settle", units::show(least)), true);
            return None;
        }
        Some(CheckpointWhen::Every(every))
    });
    let count =
        section.get("count").and_then(|field| field.integer_u32(1, Checkpoint::MOST)).map(CheckpointWhen::Count);
    section.one_of(&["every", "count"]);
    Checkpoint { when: every.or(count), collect: section.get("collect").and_then(|field| collect(&field)), settle }
}

fn settle(field: &Field<'_>) -> Option<Settle> {
    if field.is_word(Settle::QUIET) {
        return Some(Settle::Quiet);
    }
    field.duration(Duration::ZERO, DAY).map(Settle::For)
}

fn collect(field: &Field<'_>) -> Option<Collect> {
    let section = field.section(keys::COLLECT, "checkpoint.collect")?;
    let timeout = section.get("timeout").and_then(|field| field.duration(Duration::from_millis(1), DAY));
    let of = section.get("of").and_then(|field| field.word(CollectOf::ALL)).unwrap_or_default();
    let method = section.get("method").and_then(|field| field.word(CollectMethod::ALL)).unwrap_or_default();
    let choice = section.one_of(&["command", "signal", "http"]);
    match choice {
        Some("http") => section.needs("of", "`command` or `signal`"),
        _ => section.needs("method", "`http`"),
    }
    let Some(choice) = choice else {
        section.missing("`command`, `signal` or `http`");
        return None;
    };
    let field = section.get(choice)?;
    let by = match choice {
        "command" => CollectBy::Command(field.command()?),
        "signal" => CollectBy::Signal(signal(&field)?),
        _ => CollectBy::Http { url: field.http_url()?, method },
    };
    Some(Collect { by, of, timeout: timeout.unwrap_or(Collect::DEFAULT_TIMEOUT) })
}

/// Both usual ways to write a signal.
fn signal(field: &Field<'_>) -> Option<CollectSignal> {
    let long = |(name, signal): &(&str, CollectSignal)| field.is_word(&format!("SIG{name}")).then_some(*signal);
    CollectSignal::ALL.iter().find_map(long).or_else(|| field.word(CollectSignal::ALL))
}
