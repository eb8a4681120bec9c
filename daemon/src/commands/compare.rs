//! `soakd compare`: two builds held against each other.

use std::path::{Path, PathBuf};

use soakd_analysis::runs::Direction;
use soakd_reports::render::escape::escape;
use soakd_reports::{Charset, Ended, Verdict};

use crate::cli::history::CompareArgs;
use crate::cli::{Format, SoakArgs};
use crate::commands::{output, report, soak};
use crate::compare::{self, Basis, Comparison, Side};
use crate::exit::{Exit, Failure};
use crate::history::entry::Entry;
use crate::history::measure::{self, Number};
use crate::history::{baseline, regression};
use crate::keeper::KeeperProgram;
use crate::store::{Store, StoreError};
use crate::{exit_of, opening};

/// What a word on the command line names.
enum Named {
    /// A verdict file.
    File(PathBuf),
    /// A profile, shipped or in a file.
    Profile,
    /// A run, or nothing at all.
    Run,
}

fn named(word: &str) -> Named {
    let path = Path::new(word);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => Named::Profile,
        _ if path.is_file() => Named::File(path.to_owned()),
        _ if soakd_profiles::library().iter().any(|shipped| shipped.name == word) => Named::Profile,
        _ => Named::Run,
    }
}

/// Compares what is named; the exit code is that of the outcome.
///
/// # Errors
/// [`Failure`] where there is nothing to compare.
pub fn compare(arguments: &CompareArgs, state: impl Fn() -> Result<PathBuf, Failure>) -> Result<u8, Failure> {
    if !(0.0 < arguments.threshold && arguments.threshold < 1.0) {
        return Err(Failure::new(Exit::Usage, format!("`--threshold {}` is out of range", arguments.threshold))
            .hint("expected a share above 0 and below 1, such as 0.1"));
    }
    let names = [arguments.baseline.as_str(), arguments.candidate.as_str()];
    let comparison = match names.map(named) {
        [Named::Profile, Named::Profile] => {
            let store = opening::store(&state()?)?;
            let rounds = in_rounds(arguments, names, &store)?;
            opening::tidy(&store);
            compare::compare(names, &rounds, &[], arguments.threshold)
        }
        [Named::Profile, _] | [_, Named::Profile] => {
            return Err(Failure::new(Exit::Usage, "a profile can only be compared with a profile")
                .hint("give two profiles, to be run in turns, or two runs or verdict files"));
        }
        [a, b] => {
            let needs_store = matches!(a, Named::Run) || matches!(b, Named::Run);
            let state = state();
            // Two files can be compared without a store; with one, its runs tell the noise.
            let has_store = needs_store || state.as_ref().is_ok_and(|state| state.join("soakd.sqlite").exists());
            let store = if has_store { Some(opening::store(&state?)?) } else { None };
            let sides = (side(&a, names[0], store.as_ref())?, side(&b, names[1], store.as_ref())?);
            let noise = store.as_ref().map_or(Ok(Vec::new()), |store| noise(store, &sides.0.verdict))?;
            compare::compare(names, &[sides], &noise, arguments.threshold)
        }
    };
    match (arguments.format, arguments.quiet) {
        (Format::Json, _) => output::result(&output::json(&comparison)?)?,
        (Format::Text, true) => {
            output::result(&format!("{}: {}\n", comparison.outcome, safe(&comparison.summary)))?;
        }
        (Format::Text, false) => output::result(&text(&comparison))?,
    }
    Ok(comparison.exit_code)
}

fn side(named: &Named, word: &str, store: Option<&Store>) -> Result<Side, Failure> {
    if let Named::File(path) = named {
        let verdict = report::from_file(path)?;
        let numbers = measure::of_verdict(&verdict);
        return Ok(Side { verdict, numbers });
    }
    let Some(store) = store else { return Err(Failure::new(Exit::NoInput, format!("there is no run `{word}`"))) };
    let record = store.run(word).map_err(exit_of::store)?;
    let verdict = report::of_run(store, &record, false)?;
    let entry = Entry { record, verdict: Some(verdict.clone()) };
    let numbers = measure::numbers(store, &entry).map_err(exit_of::store)?;
    Ok(Side { verdict, numbers })
}

/// Numbers of earlier runs like that of `verdict`.
fn noise(store: &Store, verdict: &Verdict) -> Result<Vec<Vec<Number>>, Failure> {
    let run = &verdict.run;
    let numbers = || -> Result<Vec<Vec<Number>>, StoreError> {
        let like = baseline::Like { host: Some(&run.host), planned_s: Some(run.planned_s), before: None };
        let runs = baseline::runs(store, &run.profile, run.scenario.as_deref(), like)?;
        runs.noise.iter().map(|entry| measure::numbers(store, entry)).collect()
    };
    numbers().map_err(exit_of::store)
}

/// Runs both profiles once in each round. Which of them comes first changes from round to round, so that what drifts on
/// the host falls out.
fn in_rounds(arguments: &CompareArgs, names: [&str; 2], store: &Store) -> Result<Vec<(Side, Side)>, Failure> {
    let soak_arguments = SoakArgs { duration: arguments.duration.clone(), ..SoakArgs::default() };
    // Both are read before anything is started.
    for name in names {
        soak::plan_of(name, &soak_arguments)?;
    }
    let once = |name: &str, quiet: bool| -> Result<Side, Failure> {
        let plan = soak::plan_of(name, &soak_arguments)?;
        let verdict = soak::soak_plan(plan, store, KeeperProgram::default(), None, false, quiet)?.verdict;
        if let Ended::Interrupted { signal } = verdict.run.ended {
            let number = u8::try_from(signal).unwrap_or(0);
            return Err(Failure::new(Exit::Signal(number), "the comparison was ended by a signal")
                .hint("the runs up to then are kept: `soakd history list`"));
        }
        let record = store.run(&verdict.run.id).map_err(exit_of::store)?;
        let entry = Entry { record, verdict: Some(verdict.clone()) };
        let numbers = measure::numbers(store, &entry).map_err(exit_of::store)?;
        Ok(Side { verdict, numbers })
    };
    let mut rounds = Vec::new();
    for round in 0..arguments.rounds {
        if !arguments.quiet {
            let how = if arguments.side_by_side { "side by side" } else { "in turns" };
            output::say(&format!("round {} of {}, {how}", round + 1, arguments.rounds));
        }
        let (baseline, candidate) = if arguments.side_by_side {
            std::thread::scope(|scope| {
                let other = scope.spawn(|| once(names[1], true));
                let baseline = once(names[0], true);
                let gone = || Failure::new(Exit::Internal, "the thread of the candidate's run ended by a panic");
                (baseline, other.join().unwrap_or_else(|_| Err(gone())))
            })
        } else if round % 2 == 0 {
            let baseline = once(names[0], arguments.quiet);
            if baseline.is_err() { (baseline, Err(skipped())) } else { (baseline, once(names[1], arguments.quiet)) }
        } else {
            let candidate = once(names[1], arguments.quiet);
            if candidate.is_err() { (Err(skipped()), candidate) } else { (once(names[0], arguments.quiet), candidate) }
        };
        match (baseline, candidate) {
            (Ok(baseline), Ok(candidate)) => rounds.push((baseline, candidate)),
            (Err(failure), Ok(_)) => return Err(of_side(failure, names[0])),
            (Ok(_), Err(failure)) => return Err(of_side(failure, names[1])),
            (Err(first), Err(second)) => {
                let is_first = first != skipped();
                let (failure, name) = if is_first { (first, names[0]) } else { (second, names[1]) };
                return Err(of_side(failure, name));
            }
        }
    }
    Ok(rounds)
}

/// In place of a run that was not started, since the other one of its round failed.
fn skipped() -> Failure {
    Failure::new(Exit::Internal, "not started")
}

fn of_side(failure: Failure, name: &str) -> Failure {
    let messages = failure.messages.iter().map(|message| format!("`{}`: {message}", safe(name))).collect();
    Failure { messages, ..failure }
}

fn safe(text: &str) -> String {
    escape(text, Charset::Unicode)
}

fn text(comparison: &Comparison) -> String {
    let mut text = format!("{}: {}\n", comparison.outcome, safe(&comparison.summary));
    let rounds = match comparison.runs.len() {
        1 => "one run each".to_owned(),
        count => format!("{count} rounds"),
    };
    text.push_str(&format!(
        "  baseline `{}`, candidate `{}`, {rounds}; changes from {} on count\n",
        safe(&comparison.baseline),
        safe(&comparison.candidate),
        regression::percent(comparison.threshold)
    ));
    for one in &comparison.differences {
        let show = |value: f64| measure::show(one.subject.measure, one.unit, one.per, value);
        let word = match (one.direction, one.is_worse) {
            (Direction::Alike, _) => "alike",
            (Direction::Undecided, _) => "undecided",
            (_, true) => "worse",
            (_, false) => "better",
        };
        let signed = |share: f64| format!("{:+.1} %", 100.0 * share);
        let interval = match (one.change.low, one.change.high) {
            (Some(low), Some(high)) => format!("{} to {}", signed(low), signed(high)),
            (Some(low), None) => format!("at least {}", signed(low)),
            (None, Some(high)) => format!("at most {}", signed(high)),
            (None, None) => "no interval".to_owned(),
        };
        let basis = match one.basis {
            Basis::Rounds | Basis::OwnIntervals => "",
            Basis::EarlierRuns => ", noise of earlier runs",
            Basis::None => ", the noise between runs is not known",
        };
        text.push_str(&format!(
            "  {word:<9}  {}: {} against {}, {} ({interval}{basis})\n",
            safe(&one.subject.to_string()),
            show(one.candidate),
            show(one.baseline),
            signed(one.change.value)
        ));
    }
    if comparison.differences.iter().any(|one| one.basis == Basis::None) {
        text.push_str(
            "  hint: compare two profiles, which are run in turns, or collect ten good runs of the profile\n",
        );
    }
    text
}
