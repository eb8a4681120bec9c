//! Exit codes other than a verdict's, and what they mean.
//!
//! Outcomes 0 to 4 belong to the verdict (`soakd_reports`). The numbers here are those of `sysexits.h`, so that a
//! script can tell "the program leaks" from "soakd could not look".

use std::fmt;

/// Why there is no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 64: the command line is wrong.
    Usage,
    /// 65: a file given as input holds something else than expected.
    BadData,
    /// 66: a file or run given as input is not there.
    NoInput,
    /// 69: the target, or what is needed to soak it, is not available.
    Unavailable,
    /// 70: a fault of soakd's own.
    Internal,
    /// 73: an output cannot be written.
    CannotWrite,
    /// 77: not permitted.
    NoPermission,
    /// 78: the profile or the configuration is wrong.
    Config,
    /// 128+N: ended by signal N before a verdict could be made.
    Signal(u8),
}

impl Exit {
    /// The number that the process ends with.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Usage => 64,
            Self::BadData => 65,
            Self::NoInput => 66,
            Self::Unavailable => 69,
            Self::Internal => 70,
            Self::CannotWrite => 73,
            Self::NoPermission => 77,
            Self::Config => 78,
            Self::Signal(number) => 128_u8.saturating_add(number),
        }
    }
}

/// A failed command: what to say, what to do about it, and the exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The code to end with.
    pub exit: Exit,
    /// What happened, as lower-case fragments that read well after `error:`; most failures have one.
    pub messages: Vec<String>,
    /// Something to do, each on a line of its own.
    pub hints: Vec<String>,
}

impl Failure {
    /// A failure with one message and no hint.
    #[must_use]
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, messages: vec![message.into()], hints: Vec::new() }
    }

    /// The same with one hint more.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for message in &self.messages {
            if !first {
                writeln!(f)?;
            }
            first = false;
            write!(f, "error: {message}")?;
        }
        for hint in &self.hints {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_has_a_number_of_its_own() {
        let all = [
            Exit::Usage,
            Exit::BadData,
            Exit::NoInput,
            Exit::Unavailable,
            Exit::Internal,
            Exit::CannotWrite,
            Exit::NoPermission,
            Exit::Config,
            Exit::Signal(15),
        ];
        let mut codes: Vec<u8> = all.iter().map(|exit| exit.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes, [64, 65, 66, 69, 70, 73, 77, 78, 143]);
    }

    #[test]
    fn a_failure_prints_its_hints_on_lines_of_their_own() {
        let failure = Failure::new(Exit::NoInput, "no run `x`").hint("`soakd report last` shows the newest");
        assert_eq!(failure.to_string(), "error: no run `x`\n  hint: `soakd report last` shows the newest");
    }
}
