//! Where soakd keeps its store and the folders of its runs.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::exit::{Exit, Failure};

/// The state folder: what the user names, else `$STATE_DIRECTORY`, else `$XDG_STATE_HOME/soakd`, else
/// `~/.local/state/soakd`.
///
/// `variable` looks up the environment. A `$STATE_DIRECTORY` of several folders (systemd separates them by colons)
/// means its first.
///
/// # Errors
/// [`Exit::Usage`] where none of these is known.
pub fn state_folder(named: Option<PathBuf>, variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, Failure> {
    if let Some(folder) = named {
        return Ok(folder);
    }
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if let Some(folders) = set("STATE_DIRECTORY") {
        let folder = std::env::split_paths(&folders).next().unwrap_or_else(|| PathBuf::from(&folders));
        return Ok(folder);
    }
    if let Some(folder) = set("XDG_STATE_HOME") {
        return Ok(PathBuf::from(folder).join("soakd"));
    }
    if let Some(home) = set("HOME") {
        return Ok(PathBuf::from(home).join(".local/state/soakd"));
    }
    Err(Failure::new(Exit::Usage, "no state folder: none of `$STATE_DIRECTORY`, `$XDG_STATE_HOME` and `$HOME` is set")
        .hint("name one with `--state DIR`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(named: Option<&str>, set: &[(&str, &str)]) -> Option<PathBuf> {
        let lookup = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        state_folder(named.map(PathBuf::from), lookup).ok()
    }

    #[test]
    fn the_most_explicit_place_wins() {
        let all = [("STATE_DIRECTORY", "/var/lib/soakd:/other"), ("XDG_STATE_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(folder(Some("/named"), &all), Some("/named".into()));
        assert_eq!(folder(None, &all), Some("/var/lib/soakd".into()));
        assert_eq!(folder(None, &all[1..]), Some("/x/soakd".into()));
        assert_eq!(folder(None, &all[2..]), Some("/h/.local/state/soakd".into()));
        assert_eq!(folder(None, &[("HOME", "")]), None);
    }
}
