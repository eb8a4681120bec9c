//! Why a source gave no number: one variant for each thing that can be wrong with it.

use std::time::Duration;

use thiserror::Error;

use crate::http::HttpError;

/// Why a source gave no number, or one of its series none.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SourceFailure {
    /// Nobody listens there, or the name is not known.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// Not all of the answer came in time.
    #[error("no full answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// It refuses to answer.
    #[error("it answers with status {0}")]
    Status(u16),
    /// It sends the reader elsewhere, where nobody follows.
    #[error("it answers with status {status}, a redirection{}", to.as_ref().map_or_else(String::new, |to| format!(" to `{to}`")))]
    Redirect {
        /// The status.
        status: u16,
        /// Where it leads.
        to: Option<String>,
    },
    /// More than is read.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// What came is no HTTP, or the connection broke.
    #[error("no valid HTTP answer: {0}")]
    NotHttp(String),
    /// What came makes no sense.
    #[error("the answer is not {expected}: {found}")]
    Garbage {
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// A number that was asked for is not in the answer.
    #[error("it has no `{0}`")]
    Missing(String),
    /// A number that is none.
    #[error("`{name}` is {value}, not a finite number")]
    NotFinite {
        /// Its name there.
        name: String,
        /// NaN, or an infinity.
        value: f64,
    },
    /// A command that cannot be started.
    #[error("{0}")]
    CannotStart(String),
    /// A command that failed.
    #[error("`{program}` ended with {status}{}", said.as_ref().map_or_else(String::new, |said| format!(": {said}")))]
    CommandFailed {
        /// The program.
        program: String,
        /// How it ended.
        status: String,
        /// The last thing it said.
        said: Option<String>,
    },
    /// A Java virtual machine that does not answer.
    #[error("the virtual machine {pid} does not answer: {why}")]
    JvmRefuses {
        /// Its pid.
        pid: u32,
        /// What it said, or what the system says.
        why: String,
    },
    /// No process of the target is a Java virtual machine.
    #[error("no process of the target is a Java virtual machine")]
    NoJvm,
    /// It was asked at a checkpoint while it has to pause.
    #[error("it pauses for {:.1} s more, since asking it takes long", .0.as_secs_f64())]
    Pauses(Duration),
}

impl SourceFailure {
    /// Its name in the verdict.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut(_) => "timed_out",
            Self::Status(_) => "http_status",
            Self::Redirect { .. } => "redirect",
            Self::TooLong(_) => "too_long",
            Self::NotHttp(_) => "not_http",
            Self::Garbage { .. } => "garbage",
            Self::Missing(_) => "missing",
            Self::NotFinite { .. } => "not_finite",
            Self::CannotStart(_) => "cannot_start",
            Self::CommandFailed { .. } => "command_failed",
            Self::JvmRefuses { .. } => "jvm_refuses",
            Self::NoJvm => "no_jvm",
            Self::Pauses(_) => "pauses",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "check its address, and that the target listens there while it runs",
            Self::TimedOut(_) => "raise its `timeout`, or ask for something that is answered faster",
            Self::Status(_) | Self::NotHttp(_) => "check its address against what the target serves",
            Self::Redirect { .. } => "name the address that it leads to",
            Self::TooLong(_) => "name an endpoint with fewer metrics",
            Self::Garbage { .. } => "check its kind against what it answers: `curl` shows it",
            Self::Missing(_) => {
                "check the name against what it answers; names that it has only later are gaps until then"
            }
            Self::NotFinite { .. } => "nothing, where the target has no such number yet",
            Self::CannotStart(_) | Self::CommandFailed { .. } => "try the command by hand, as the user of soakd",
            Self::JvmRefuses { .. } => {
                "run soakd as the user of the target, or as root, and let the machine take questions"
            }
            Self::Pauses(_) => "let checkpoints settle for longer, or ask for something that is answered faster",
            Self::NoJvm => "leave the source out, or check what the target is",
        }
    }
}

impl From<HttpError> for SourceFailure {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Connect(error) => Self::Unreachable(plain(&error)),
            HttpError::TimedOut(timeout) => Self::TimedOut(timeout),
            HttpError::Protocol(error) => Self::NotHttp(error.to_string()),
            HttpError::TooLong(bytes) => Self::TooLong(bytes),
        }
    }
}

/// The system's words without its number, in lower case as the rest of a message.
pub(super) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

/// The beginning of something that makes no sense, for a message.
#[must_use]
pub fn beginning(text: &str) -> String {
    const LONGEST: usize = 60;
    let line = text.trim().lines().next().unwrap_or_default();
    if line.is_empty() {
        return "nothing".to_owned();
    }
    let cut: String = line.chars().take(LONGEST).collect();
    let mark = if cut.len() < text.trim().len() { "…" } else { "" };
    format!("`{}{mark}`", cut.escape_debug())
}
