//! `soakd history prune`: what is kept and for how long.

use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use super::{safe, stored};
use crate::cli::Format;
use crate::commands::output;
use crate::exit::{Exit, Failure};
use crate::history::entry;
use crate::history::retention::{self, Kept, Retention, What, Why};
use crate::store::Store;

/// Something that was done, or would be.
#[derive(Debug, Serialize)]
struct Pruned {
    run: String,
    what: What,
    why: Why,
    done: bool,
    bytes: u64,
}

pub(super) fn prune(
    store: &Store,
    state: &Path,
    retention: &Retention,
    dry_run: bool,
    format: Format,
) -> Result<(), Failure> {
    let pinned = stored(store.pinned())?;
    let mut kept = Vec::new();
    for record in stored(store.runs())?.into_iter().filter(entry::has_ended) {
        let samples_bytes = stored(store.samples_bytes(record.key))?;
        let is_pinned = pinned.iter().any(|id| id == record.run.id.as_str());
        kept.push(Kept { record, samples_bytes, is_pinned });
    }
    let size_bytes = stored(store.size_bytes())?;
    let mut done = Vec::new();
    for step in retention::plan(&kept, size_bytes, Timestamp::now(), retention) {
        let Kept { record, samples_bytes, .. } = &kept[step.run];
        let id = record.run.id.to_string();
        if !dry_run {
            match step.what {
                What::Thin => stored(store.thin(record.key))?,
                What::Remove => {
                    stored(store.remove(record.key))?;
                    remove_folder(&state.join("runs").join(&id))?;
                }
            }
        }
        let left = if step.what == What::Thin && !dry_run { stored(store.samples_bytes(record.key))? } else { 0 };
        let bytes = samples_bytes.saturating_sub(left);
        done.push(Pruned { run: id, what: step.what, why: step.why, done: !dry_run, bytes });
    }
    if format == Format::Json {
        return output::result(&output::json(&done)?);
    }
    let mut text = String::new();
    for pruned in &done {
        let what = match (pruned.what, dry_run) {
            (What::Thin, false) => "thinned to minutes",
            (What::Thin, true) => "would be thinned to minutes",
            (What::Remove, false) => "removed",
            (What::Remove, true) => "would be removed",
        };
        let why = match pruned.why {
            Why::Age => "it is older than its kind is kept",
            Why::Size => "the store is larger than it may be",
        };
        text.push_str(&format!("{}: {what}, since {why}\n", safe(&pruned.run)));
    }
    let after = stored(store.size_bytes())?;
    text.push_str(&match (done.len(), dry_run) {
        (0, _) => format!("nothing to do: {} runs, {size_bytes} bytes\n", kept.len()),
        (count, true) => format!("{count} of {} runs would change; nothing was done\n", kept.len()),
        (count, false) => format!("{count} of {} runs changed; {size_bytes} bytes before, {after} after\n", kept.len()),
    });
    output::result(&text)
}

/// Removes the folder that a removed run had in the state folder; folders that the user named are the user's.
fn remove_folder(folder: &Path) -> Result<(), Failure> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::new(Exit::CannotWrite, format!("cannot remove `{}`: {error}", folder.display())))
        }
        _ => Ok(()),
    }
}
