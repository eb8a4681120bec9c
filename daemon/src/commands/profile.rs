//! `soakd profile`: list, show, check and begin profiles.

use std::io::{ErrorKind, Write};

use soakd_profiles::{LoadError, library};

use crate::cli::ProfileCommand;
use crate::commands::output;
use crate::exit::{Exit, Failure};
use crate::surroundings;

/// Does what is asked with profiles.
///
/// # Errors
/// [`Exit::Config`] for faulty profiles, [`Exit::NoInput`] for one that is not there, [`Exit::CannotWrite`] for one that
/// cannot be begun.
pub fn profile(action: &ProfileCommand) -> Result<u8, Failure> {
    match action {
        ProfileCommand::List => list(),
        ProfileCommand::Show { profile, source: true } => show_source(profile),
        ProfileCommand::Show { profile, source: false } => {
            let profile = surroundings::load(profile)?;
            output::result(&output::json(&profile)?)?;
            Ok(0)
        }
        ProfileCommand::Validate { profiles } => validate(profiles),
        ProfileCommand::New { file, from } => begin(file, from),
    }
}

fn list() -> Result<u8, Failure> {
    let widest = library().iter().map(|shipped| shipped.name.len()).max().unwrap_or(0);
    let lines: String =
        library().iter().map(|shipped| format!("{:<widest$}  {}\n", shipped.name, shipped.description)).collect();
    output::result(&lines)?;
    Ok(0)
}

fn show_source(name: &str) -> Result<u8, Failure> {
    if let Some(shipped) = library().iter().find(|shipped| shipped.name == name) {
        output::result(shipped.text)?;
        return Ok(0);
    }
    let text = std::fs::read_to_string(name).map_err(|error| {
        Failure::new(Exit::NoInput, format!("cannot read profile `{name}`: {error}"))
            .hint("`soakd profile list` shows the shipped profiles")
    })?;
    output::result(&text)?;
    Ok(0)
}

fn validate(profiles: &[String]) -> Result<u8, Failure> {
    let mut failures = Vec::new();
    for name in profiles {
        match surroundings::load(name) {
            Ok(profile) => output::result(&format!("`{name}` is valid: profile `{}`\n", profile.name))?,
            Err(failure) => failures.push(failure),
        }
    }
    let Some(mut first) = failures.pop() else {
        return Ok(0);
    };
    for failure in failures.into_iter().rev() {
        output::error(&failure);
    }
    first.exit = if first.exit == Exit::NoInput { Exit::NoInput } else { Exit::Config };
    Err(first)
}

fn begin(file: &std::path::Path, from: &str) -> Result<u8, Failure> {
    let text = soakd_profiles::find_shipped(from).map(|shipped| shipped.text).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("there is no shipped profile `{from}` to begin from"))
            .hint("`soakd profile list` shows them")
    })?;
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .and_then(|mut open| open.write_all(text.as_bytes()).and_then(|()| open.sync_all()));
    match written {
        Ok(()) => {
            output::result(&format!(
                "wrote `{0}`; next: edit it, then `soakd profile validate {0}`\n",
                file.display()
            ))?;
            Ok(0)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(Failure::new(Exit::CannotWrite, format!("`{}` exists, and is left as it is", file.display()))
                .hint("choose another name"))
        }
        Err(error) => Err(Failure::new(Exit::CannotWrite, format!("cannot write `{}`: {error}", file.display()))),
    }
}

/// The failure that a profile which cannot be loaded ends the program with.
#[must_use]
pub fn failure_of(error: &LoadError) -> Failure {
    match error {
        LoadError::Unknown { .. } | LoadError::Read { .. } => {
            let failure = Failure::new(Exit::NoInput, error.to_string());
            match error.hint() {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        }
        // Faults print themselves, one after the other, each with its own `error:`.
        LoadError::Invalid(faults) => {
            Failure { exit: Exit::Config, messages: vec![faults.to_string()], hints: Vec::new() }
        }
    }
}
