//! Reports as files: written whole or not at all, beside the verdict or where the user wants them.

use std::io::Write;
use std::path::{Path, PathBuf};

use soakd_reports::{RenderError, Report, renderer};

use crate::commands::output;
use crate::exit::{Exit, Failure};
use crate::verdict::write_whole;

/// Renders `report` by the renderer `name` into `file`.
///
/// # Errors
/// [`Exit::Usage`] where the report lacks what the format shows, [`Exit::CannotWrite`] where the disk refuses; a file
/// that was there before is then left as it was.
pub fn write(report: &Report<'_>, name: &str, file: &Path) -> Result<(), Failure> {
    let bytes = rendered(report, name)?;
    write_whole(file, &bytes).map_err(|error| {
        Failure::new(Exit::CannotWrite, format!("cannot write `{}`: {error}", file.display()))
            .hint("an earlier file of that name is as it was")
    })?;
    Ok(())
}

/// `report` by the renderer `name`.
///
/// # Errors
/// [`Exit::Usage`] where the report lacks what the format shows.
pub fn rendered(report: &Report<'_>, name: &str) -> Result<Vec<u8>, Failure> {
    let found = renderer(name).ok_or_else(|| Failure::new(Exit::Internal, format!("there is no renderer `{name}`")))?;
    found.render(report).map_err(|error| match error {
        error @ RenderError::NoSamples { .. } => Failure::new(Exit::Usage, error.to_string())
            .hint("name the run instead; its id stands in the file under `run`"),
        error => Failure::new(Exit::Internal, format!("the verdict cannot be shown: {error}")),
    })
}

/// Writes the reports `names` into `folder`, each under its usual name, and says where they are.
///
/// # Errors
/// As [`write`]. Those that come before in the list are written by then.
pub fn write_into(report: &Report<'_>, names: &[String], folder: &Path) -> Result<Vec<(String, String)>, Failure> {
    let mut written = Vec::new();
    for name in names {
        let usual = renderer(name).and_then(soakd_reports::Renderer::file_name);
        let Some(usual) = usual else {
            return Err(Failure::new(Exit::Internal, format!("`{name}` is no report that is kept in a file")));
        };
        let file = folder.join(usual);
        write(report, name, &file)?;
        written.push((name.clone(), file.display().to_string()));
    }
    Ok(written)
}

/// The file to which a job on GitHub appends what its summary shows.
const JOB_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Appends the report in Markdown to the summary of the job, where there is one. That it cannot be written is a
/// warning: the verdict stands without.
pub fn append_to_job_summary(report: &Report<'_>) {
    let Some(file) = std::env::var_os(JOB_SUMMARY).filter(|file| !file.is_empty()).map(PathBuf::from) else { return };
    let appended = rendered(report, "markdown").map_err(|failure| failure.to_string()).and_then(|bytes| {
        let open = std::fs::OpenOptions::new().create(true).append(true).open(&file);
        open.and_then(|mut open| open.write_all(&bytes)).map_err(|error| error.to_string())
    });
    if let Err(error) = appended {
        output::say(&format!("warning: the summary of the job (`${JOB_SUMMARY}`) is not written: {error}"));
    }
}
