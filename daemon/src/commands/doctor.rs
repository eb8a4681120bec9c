//! `soakd doctor`: what this host lets soakd measure.

use std::path::Path;

use crate::cli::{DoctorArgs, Format};
use crate::commands::output;
use crate::doctor::{self, Host, render};
use crate::exit::Failure;

/// Looks at this host, with its state in `state`, and says what it found.
///
/// # Errors
/// [`Failure`] where it cannot be printed.
pub fn doctor(arguments: &DoctorArgs, state: &Path) -> Result<u8, Failure> {
    let report = doctor::doctor(&Host::this(state));
    match arguments.format {
        Format::Text => output::result(&render::text(&report))?,
        Format::Json => output::result(&output::json(&render::json(&report))?)?,
    }
    Ok(report.exit_code())
}
