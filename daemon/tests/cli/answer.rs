//! What soakd answered: exit code, result, messages.

use std::process::ExitStatus;

use serde_json::Value;

/// A finished soakd.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    /// Fails unless it ended with this exit code.
    #[track_caller]
    pub(crate) fn ends_with(&self, code: i32) -> &Self {
        assert_eq!(self.status.code(), Some(code), "{self}");
        self
    }

    /// Fails unless the messages hold this.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "not said: {text}\n{self}");
        self
    }

    /// Fails unless the result holds this.
    #[track_caller]
    pub(crate) fn results_in(&self, text: &str) -> &Self {
        assert!(self.stdout.contains(text), "not in the result: {text}\n{self}");
        self
    }

    /// The result, which is JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{self}"))
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n--- stdout\n{}--- stderr\n{}", self.status, self.stdout, self.stderr)
    }
}
