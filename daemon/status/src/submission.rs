//! What somebody wants soaked: the body of a submission, and what a schedule asks for.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One soak to be queued.
///
/// Durations are written as in profiles (`90s`, `8h`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// What it is called in lists; the profile's name where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Profile: the name of one in the daemon's profile folders, of a shipped one, or a file in one of those folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Program and arguments to soak in place of the profile's; only where the daemon lets any command run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// What to attach to in place of starting a target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attach: Option<Attach>,
    /// Size and length of the load, as named in the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// Whose budgets apply, as named in the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Gate of the delivery pipeline, as named in the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Planned length of the run, in place of the profile's.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// Growth that is accepted, in place of the profile's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerate: Option<String>,
    /// Time between samples, in place of the profile's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// What starts first: higher before lower, and of equals who came first.
    #[serde(default)]
    pub priority: i32,
    /// Whether it runs with no other soak beside it.
    #[serde(default)]
    pub exclusive: bool,
    /// The run is ended and judged after this time, however far it has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// How often it is tried again where it came to no verdict.
    #[serde(default)]
    pub retries: u32,
    /// Time before it is tried again; a minute where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<String>,
}

/// A running program to attach to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Attach {
    /// The process of this number.
    Pid(u32),
    /// The process, or executable, of this name.
    Name(String),
    /// A systemd unit.
    Unit(String),
    /// The folder of a cgroup.
    Cgroup(PathBuf),
}

impl From<&Attach> for soakd_profiles::Attach {
    fn from(attach: &Attach) -> Self {
        match attach {
            Attach::Pid(pid) => Self::Pid(*pid),
            Attach::Name(name) => Self::Name(name.clone()),
            Attach::Unit(unit) => Self::Unit(unit.clone()),
            Attach::Cgroup(folder) => Self::Cgroup(folder.clone()),
        }
    }
}
