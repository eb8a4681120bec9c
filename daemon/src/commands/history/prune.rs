//! `soakd history prune`: what is kept and for how long.

use jiff::Timestamp;

use super::{safe, stored};
use crate::cli::Format;
use crate::commands::output;
use crate::exit::Failure;
use crate::exit_of;
use crate::history::retention::Retention;
use crate::history::tidy::{Mode, Tidied, tidy};
use crate::store::Store;

pub(super) fn prune(store: &Store, retention: &Retention, dry_run: bool, format: Format) -> Result<(), Failure> {
    let size_bytes = stored(store.size_bytes())?;
    let mode = if dry_run { Mode::DryRun } else { Mode::AtMost(usize::MAX) };
    let Tidied { done, runs, .. } = tidy(store, retention, Timestamp::now(), mode).map_err(exit_of::tidy)?;
    if format == Format::Json {
        return output::result(&output::json(&done)?);
    }
    let mut text: String = done.iter().map(|done| format!("{}: {}\n", safe(&done.run), done.sentence())).collect();
    let after = stored(store.size_bytes())?;
    text.push_str(&match (done.len(), dry_run) {
        (0, _) => format!("nothing to do: {runs} runs, {size_bytes} bytes\n"),
        (count, true) => format!("{count} of {runs} runs would change; nothing was done\n"),
        (count, false) => format!("{count} of {runs} runs changed; {size_bytes} bytes before, {after} after\n"),
    });
    output::result(&text)
}
