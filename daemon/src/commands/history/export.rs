//! `soakd history export`: runs as files in an archive folder.

use std::path::Path;

use serde::Serialize;
use soakd_reports::Report;

use super::{safe, stored};
use crate::cli::Format;
use crate::commands::output;
use crate::exit::{Exit, Failure};
use crate::history::archive::{self, Folder, Place};
use crate::history::entry::{self, Entry, Filter};
use crate::recorded;
use crate::store::Store;

#[derive(Debug, Default, Serialize)]
struct Exported {
    written: Vec<String>,
    already_there: usize,
    without_verdict: Vec<String>,
}

pub(super) fn export(
    store: &Store,
    place: &Folder,
    filter: &Filter,
    samples: bool,
    format: Format,
) -> Result<(), Failure> {
    let cannot_write = |path: &Path, error: std::io::Error| {
        Failure::new(Exit::CannotWrite, format!("cannot write `{}`: {error}", place.0.join(path).display()))
            .hint("what was written before is whole; run it again when there is room, and it goes on from there")
    };
    let mut exported = Exported::default();
    for entry in stored(entry::list(store, filter))?.into_iter().filter(|entry| entry::has_ended(&entry.record)) {
        let path = archive::path(&entry);
        let Some(document) = stored(store.verdict(entry.record.key))? else {
            exported.without_verdict.push(entry.record.run.id.to_string());
            continue;
        };
        let mut files = Vec::new();
        // Samples first: where there is a verdict, its samples are there too.
        if samples && entry.verdict.is_some() {
            files.push(path.with_extension("parquet"));
        }
        files.push(path);
        for file in files {
            if place.has(&file) {
                exported.already_there += 1;
                continue;
            }
            let bytes = if file.extension().is_some_and(|extension| extension == "json") {
                output::json(&document)?.into_bytes()
            } else {
                samples_file(store, &entry)?
            };
            place.put(&file, &bytes).map_err(|error| cannot_write(&file, error))?;
            exported.written.push(place.0.join(&file).display().to_string());
        }
    }
    if format == Format::Json {
        return output::result(&output::json(&exported)?);
    }
    for run in &exported.without_verdict {
        output::say(&format!("note: run `{}` has no verdict; `soakd report` makes one", safe(run)));
    }
    let mut text: String = exported.written.iter().map(|file| format!("wrote {}\n", safe(file))).collect();
    text.push_str(&format!(
        "{} files written, {} were there already\n",
        exported.written.len(),
        exported.already_there
    ));
    output::result(&text)
}

/// The samples of a run for engines that read columns.
fn samples_file(store: &Store, entry: &Entry) -> Result<Vec<u8>, Failure> {
    let internal = |error: String| Failure::new(Exit::Internal, format!("samples cannot be written: {error}"));
    let (Some(verdict), Some(parquet)) = (&entry.verdict, soakd_reports::renderer("parquet")) else {
        return Err(internal("there is no such renderer".to_owned()));
    };
    let recording = stored(recorded::recording(store, &entry.record))?;
    let report = Report { recording: Some(&recording), ..Report::new(verdict) };
    parquet.render(&report).map_err(|error| internal(error.to_string()))
}
