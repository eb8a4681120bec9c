//! What profiles are read against: this process's environment, the path of the program, the metrics there are.

use soakd_profiles::{Profile, Surroundings};
use soakd_sampler::METRICS;

use crate::commands::profile::failure_of;
use crate::exit::{Exit, Failure};

/// The profile that a user names.
///
/// # Errors
/// [`Exit::NoInput`] where there is none, [`Exit::Config`] where it is faulty.
pub fn load(name: &str) -> Result<Profile, Failure> {
    let program = program()?;
    let variable = |name: &str| if name == "SOAKD" { Some(program.clone()) } else { std::env::var(name).ok() };
    let metrics: Vec<&str> = METRICS.iter().map(|row| row.name).collect();
    soakd_profiles::load(name, Surroundings { variable: &variable, metrics: &metrics })
        .map_err(|error| failure_of(&error))
}

/// The path of this program, which shipped profiles know as `${SOAKD}`.
///
/// # Errors
/// [`Exit::Internal`] where the system does not tell.
pub fn program() -> Result<String, Failure> {
    std::env::current_exe()
        .map(|path| path.display().to_string())
        .map_err(|error| Failure::new(Exit::Internal, format!("cannot find out where soakd is installed: {error}")))
}
