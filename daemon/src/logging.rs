//! The log: on standard error, or in the journal where that is what standard error is connected to.

use std::io::IsTerminal;

use soakd_reports::{Outcome, Verdict};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::journal::{self, Journal};

/// What verdicts are logged under.
const VERDICTS: &str = "soakd::verdict";

/// Sets up the log: warnings by default, more with each `-v`, and verdicts in the journal in any case; `filter` (from
/// `$SOAKD_LOG`) replaces all of that.
///
/// Called once, before anything is logged; a second call changes nothing.
pub fn set_up(verbose: u8, filter: Option<&str>) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let is_journal = journal::is_standard_error(std::env::var("JOURNAL_STREAM").ok().as_deref());
    let journal = is_journal.then(Journal::connect).and_then(Result::ok);
    // Elsewhere standard output has them.
    let verdicts = if journal.is_some() || verbose > 0 { "info" } else { "off" };
    let filter = filter
        .and_then(|text| EnvFilter::try_new(text).ok())
        .unwrap_or_else(|| EnvFilter::new(format!("soakd={level},soakd_sampler={level},{VERDICTS}={verdicts}")));
    let text = journal.is_none().then(|| {
        tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
            .with_target(false)
    });
    // Fails only where a log is set up already.
    let _ = tracing_subscriber::registry().with(filter).with(journal).with(text).try_init();
}

/// Logs what a run came to: a line in the journal, with fields to ask for, such as `SOAKD_OUTCOME=fail`.
pub fn verdict(verdict: &Verdict) {
    let outcome = verdict.outcome.as_str();
    let (run, profile) = (verdict.run.id.as_str(), verdict.run.profile.as_str());
    let summary = &verdict.summary;
    match verdict.outcome {
        Outcome::Pass => tracing::info!(target: VERDICTS, outcome, profile, run, "{summary}"),
        Outcome::Warn | Outcome::Inconclusive => tracing::warn!(target: VERDICTS, outcome, profile, run, "{summary}"),
        Outcome::Fail | Outcome::Block => tracing::error!(target: VERDICTS, outcome, profile, run, "{summary}"),
    }
}
