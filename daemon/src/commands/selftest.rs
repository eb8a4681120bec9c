//! `soakd selftest`: proof that the gate on this host can pass and can fail.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use soakd_profiles::{Choice, EarlyStop, Per, Profile, Ready, ReadyWhen, Target, TargetSource, Tolerance, Unit, units};
use soakd_reports::{Outcome, Verdict};

use crate::cli::{Format, SelftestArgs};
use crate::commands::{output, soak};
use crate::exit::{Exit, Failure};
use crate::keeper::KeeperProgram;
use crate::store::Store;
use crate::{exit_of, surroundings};

/// What the two runs tolerate: growth over the whole run. The leak is twice as much.
const TOLERATED_BYTES: f64 = 1024.0 * 1024.0;
/// Operations per second of the service's own traffic.
const TRAFFIC_PER_S: u32 = 200;
/// Shorter runs hold too few samples.
const SHORTEST: Duration = Duration::from_secs(15);

/// One of the two runs, and what came of it.
#[derive(Debug, Serialize)]
struct Part {
    name: &'static str,
    expected: &'static str,
    outcome: Outcome,
    summary: String,
    passed: bool,
}

/// Soaks the reference service once clean and once with a leak of twice the tolerance.
///
/// # Errors
/// [`Exit::Internal`] unless the clean run passes and the leak is caught; any other where a run has no verdict.
pub fn selftest(arguments: &SelftestArgs) -> Result<u8, Failure> {
    let duration = units::duration(&arguments.duration).filter(|duration| *duration >= SHORTEST).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("`--for {}` is not understood, or shorter than 15s", arguments.duration))
            .hint("expected a duration such as 30s or 2m")
    })?;
    // Its runs are no history of anybody's program, so they get a store of their own that goes away with them.
    let folder = std::env::temp_dir().join(format!("soakd-selftest-{}", std::process::id()));
    let result = both(arguments, duration, &folder);
    if let Err(error) = std::fs::remove_dir_all(&folder) {
        tracing::warn!(folder = %folder.display(), %error, "the folder of the selftest is left behind");
    }
    result
}

fn both(arguments: &SelftestArgs, duration: Duration, folder: &Path) -> Result<u8, Failure> {
    let store = Store::open(folder).map_err(exit_of::store)?.store;
    let per_second = 2.0 * TOLERATED_BYTES / duration.as_secs_f64();
    let leak = format!("linear:{}B/s", per_second.ceil());
    let mut parts = Vec::new();
    for (name, expected, leak) in [("clean", "pass", None), ("leaking", "fail or block", Some(leak))] {
        if !arguments.quiet {
            output::say(&format!("selftest: soaking the {name} reference service for {duration:?}"));
        }
        let verdict = soak_once(name, leak, duration, &store, arguments.quiet)?;
        let passed = match verdict.outcome {
            Outcome::Pass => name == "clean",
            Outcome::Fail | Outcome::Block => name == "leaking",
            Outcome::Warn | Outcome::Inconclusive => false,
        };
        parts.push(Part { name, expected, outcome: verdict.outcome, summary: verdict.summary, passed });
    }
    match arguments.format {
        Format::Json => output::result(&output::json(&parts)?)?,
        Format::Text => output::result(&text(&parts))?,
    }
    if parts.iter().all(|part| part.passed) {
        return Ok(0);
    }
    Err(Failure::new(Exit::Internal, "the gate on this host does not work: a run was not judged as it had to be")
        .hint("run it again for longer (`--for 2m`) when the host is quiet; `soakd doctor` says what is missing here"))
}

fn text(parts: &[Part]) -> String {
    let mut text = String::new();
    for part in parts {
        let mark = if part.passed { "ok" } else { "WRONG" };
        text.push_str(&format!(
            "{mark:<5}  {:<8} {} (expected {})\n       {}\n",
            part.name, part.outcome, part.expected, part.summary
        ));
    }
    if parts.iter().all(|part| part.passed) {
        text.push_str("selftest passed: on this host a clean run passes and a leak is caught\n");
    }
    text
}

fn soak_once(
    name: &str,
    leak: Option<String>,
    duration: Duration,
    store: &Store,
    quiet: bool,
) -> Result<Verdict, Failure> {
    let mut command = vec![surroundings::program()?];
    // A small cache has filled before the judged part has begun in earnest.
    command.extend(["reference", "serve", "--cache-entries", "64", "--traffic"].map(str::to_owned));
    command.push(TRAFFIC_PER_S.to_string());
    if let Some(leak) = leak {
        command.extend(["--leak".to_owned(), leak]);
    }
    let mut profile = Profile {
        name: format!("selftest-{name}"),
        target: Target {
            source: Some(TargetSource::Command(command)),
            ready: Some(Ready { when: ReadyWhen::Line("^listening on ".to_owned()), timeout: Ready::DEFAULT_TIMEOUT }),
            ..Target::default()
        },
        ..Profile::default()
    };
    profile.sample.interval = (duration / 300).clamp(Duration::from_millis(50), Duration::from_secs(1));
    profile.judge.duration = duration;
    profile.judge.early_stop = EarlyStop::Never;
    profile.judge.tolerance = Some(Tolerance { amount: TOLERATED_BYTES, unit: Unit::Bytes, per: Per::Run });
    let plan = profile.plan(Choice::default()).map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
    soak::soak_plan(plan, store, KeeperProgram::default(), None, true, quiet).map(|soaked| soaked.verdict)
}
