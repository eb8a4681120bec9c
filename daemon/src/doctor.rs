//! What this host lets soakd measure, what is missing, and what to do about it.
//!
//! A check looks at one thing and gives a [`Finding`]; [`CHECKS`] is the list of them. What is read lies below a
//! [`Host`]'s root, so that a folder can stand for a host.
//!
//! ```
//! use std::path::Path;
//! use soakd::doctor::{CHECKS, Host, doctor, render};
//!
//! let report = doctor(&Host::this(Path::new("/tmp")));
//! assert_eq!(report.checks.len(), CHECKS.len());
//! print!("{}", render::text(&report));
//! ```
//!
//! | module | what it checks |
//! |---|---|
//! | `processes` | `/proc`, `smaps_rollup`, processes of others, `pidfd`, debuggers |
//! | `cgroup` | the cgroup hierarchy, and whether a target can have one of its own |
//! | `memory` | huge pages, swap, how memory in use is told |
//! | `surroundings` | containers, systemd, clock source, `perf` |
//! | `limits` | limits of this process |
//! | `state` | the state folder and the disk below it |
//! | [`render`] | the report for people and as JSON |

mod cgroup;
mod host;
mod limits;
mod memory;
mod processes;
pub mod render;
mod state;
mod surroundings;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use host::{Disk, Host, Kernel};

/// How much of what soakd can do this host allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All of it.
    Ok,
    /// Less than all; soakd works around it and says so.
    Limited,
    /// Nothing that needs it works.
    Missing,
}

impl Status {
    /// As it is shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Limited => "limited",
            Self::Missing => "missing",
        }
    }
}

/// What a check found, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much of it is there.
    pub status: Status,
    /// What was found.
    pub found: String,
    /// What that means for soakd; `None` where all is well and nothing needs to be known.
    pub meaning: Option<String>,
    /// What to do about it; `None` where there is nothing to do.
    pub action: Option<String>,
}

impl Finding {
    fn ok(found: impl Into<String>) -> Self {
        Self { status: Status::Ok, found: found.into(), meaning: None, action: None }
    }

    fn limited(found: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self { status: Status::Limited, found: found.into(), meaning: Some(meaning.into()), action: None }
    }

    fn missing(found: impl Into<String>, meaning: impl Into<String>) -> Self {
        Self { status: Status::Missing, found: found.into(), meaning: Some(meaning.into()), action: None }
    }

    /// The same, with what to do.
    fn action(self, action: impl Into<String>) -> Self {
        Self { action: Some(action.into()), ..self }
    }
}

/// Whether soakd can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Need {
    /// Nothing works without it.
    Essential,
    /// Some things are weaker or absent without it.
    Useful,
}

/// One thing to look at.
#[derive(Debug)]
pub struct Check {
    /// Its name, in a word.
    pub name: &'static str,
    /// Whether soakd can do without.
    pub need: Need,
    run: fn(&Host) -> Finding,
}

/// All checks, in the order of the report.
pub static CHECKS: &[Check] = &[
    Check { name: "proc", need: Need::Essential, run: processes::proc },
    Check { name: "smaps_rollup", need: Need::Useful, run: processes::smaps_rollup },
    Check { name: "hidepid", need: Need::Useful, run: processes::hidepid },
    Check { name: "other_users", need: Need::Useful, run: processes::other_users },
    Check { name: "ptrace_scope", need: Need::Useful, run: processes::ptrace_scope },
    Check { name: "pidfd", need: Need::Useful, run: processes::pidfd },
    Check { name: "children", need: Need::Useful, run: processes::children },
    Check { name: "cgroup", need: Need::Useful, run: cgroup::cgroup },
    Check { name: "container", need: Need::Useful, run: surroundings::container },
    Check { name: "systemd", need: Need::Useful, run: surroundings::systemd },
    Check { name: "perf", need: Need::Useful, run: surroundings::perf },
    Check { name: "clock_source", need: Need::Useful, run: surroundings::clock_source },
    Check { name: "huge_pages", need: Need::Useful, run: memory::huge_pages },
    Check { name: "idle_pages", need: Need::Useful, run: memory::idle_pages },
    Check { name: "swap", need: Need::Useful, run: memory::swap },
    Check { name: "open_files", need: Need::Useful, run: limits::open_files },
    Check { name: "processes", need: Need::Useful, run: limits::processes },
    Check { name: "file_size", need: Need::Useful, run: limits::file_size },
    Check { name: "state_folder", need: Need::Essential, run: state::state_folder },
    Check { name: "disk", need: Need::Essential, run: state::disk },
];

/// A finding with the name of its check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Name of the check.
    pub name: &'static str,
    /// Whether nothing works without it.
    pub essential: bool,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
}

/// What all checks found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In the order of [`CHECKS`].
    pub checks: Vec<Checked>,
}

impl Report {
    /// Whether soakd works here at all.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !self.checks.iter().any(|checked| checked.essential && checked.finding.status == Status::Missing)
    }

    /// Exit code of `soakd doctor`: 0, or 69 (unavailable) where soakd cannot work.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if self.is_usable() { 0 } else { 69 }
    }

    /// Number of checks with this status.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        self.checks.iter().filter(|checked| checked.finding.status == status).count()
    }
}

/// Runs all checks. Besides reading, it makes an empty cgroup and an empty folder in the state folder, and removes
/// both: what may be done is only known by doing it.
#[must_use]
pub fn doctor(host: &Host) -> Report {
    let checked = |check: &Check| Checked {
        name: check.name,
        essential: check.need == Need::Essential,
        finding: (check.run)(host),
    };
    Report { checks: CHECKS.iter().map(checked).collect() }
}
