//! The process between soakd and what it starts, so that nothing is ever left running.
//!
//! soakd starts one keeper for each thing it starts (the target, a load driver): its own executable with the hidden
//! subcommand [`SUBCOMMAND`], small, with one thread and no runtime. The keeper starts the thing and adopts every
//! orphan of it (`PR_SET_CHILD_SUBREAPER`), so that double forks and daemons stay its descendants. It speaks with
//! soakd over a socket. When that comes to its end, since soakd was stopped, has crashed or was killed, the keeper
//! ends all descendants and itself. Should the keeper be killed, soakd adopts what it kept, and ends it.
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     // First of all:
//!     if std::env::args_os().nth(1).is_some_and(|first| first == soakd::keeper::SUBCOMMAND) {
//!         return soakd::keeper::run();
//!     }
//!     // What soakd does.
//! #   std::process::ExitCode::SUCCESS
//! }
//! ```

pub(crate) mod family;
pub(crate) mod handle;
mod launch;
pub(crate) mod orphans;
mod own_cgroup;
mod process;
pub(crate) mod process_end;
pub(crate) mod protocol;
mod unit;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub use unit::{UnitError, UnitSpec};

/// The hidden subcommand that makes soakd's executable a keeper.
pub const SUBCOMMAND: &str = "__keeper";

/// Keeps a target until it has ended and soakd has let go of it. To be called before anything else in `main` when
/// [`SUBCOMMAND`] is the first argument: there must be one thread, and no open file but the standard ones.
///
/// The status to exit with is returned.
#[must_use]
pub fn run() -> ExitCode {
    let is_in_unit = std::env::args_os().nth(2).is_some_and(|second| second == unit::IN_UNIT);
    match process::keep(is_in_unit) {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody listens: soakd sees that the socket has ended.
        Err(_) => ExitCode::FAILURE,
    }
}

/// Which executable is started as keeper, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeeperProgram {
    program: PathBuf,
    unit: Option<UnitSpec>,
}

impl Default for KeeperProgram {
    /// The one that is running, also when its file has been replaced or removed since; as a child of soakd.
    fn default() -> Self {
        Self::at("/proc/self/exe")
    }
}

impl KeeperProgram {
    /// This one, which must dispatch [`SUBCOMMAND`] to [`run`]: for programs that use this library.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { program: path.into(), unit: None }
    }

    /// The same, started by systemd in a transient unit of its own: without the sandbox, the user, the limits and the cgroup of soakd.
    ///
    /// Here the file counts, and not the program that is running: where it was replaced by another version, nothing is started.
    #[must_use]
    pub fn in_unit(self, unit: UnitSpec) -> Self {
        Self { unit: Some(unit), ..self }
    }

    /// The units that it is started in; `None`: it is a child of soakd.
    #[must_use]
    pub fn unit(&self) -> Option<&UnitSpec> {
        self.unit.as_ref()
    }

    /// Its file, under a name that means the same to every process.
    fn file(&self) -> std::io::Result<PathBuf> {
        if self.program == Path::new("/proc/self/exe") {
            std::env::current_exe()
        } else {
            std::path::absolute(&self.program)
        }
    }
}
