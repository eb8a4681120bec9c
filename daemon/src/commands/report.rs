//! `soakd report`: the verdict of a recorded run, or of a verdict file.

use std::path::{Path, PathBuf};

use soakd_reports::{Ended, Report, Run, Verdict, Warning};

use crate::cli::ReportArgs;
use crate::commands::{files, output};
use crate::exit::{Exit, Failure};
use crate::judging::{self, Aside};
use crate::store::{Detail, RunRecord, RunState, Store};
use crate::{exit_of, heap_profile, opening, recorded, source_recording, verdict};

/// Shows what is asked for. `state` gives the state folder, which a verdict file does not need.
///
/// # Errors
/// [`Failure`] where there is nothing to show.
pub fn report(arguments: &ReportArgs, state: impl Fn() -> Result<PathBuf, Failure>) -> Result<u8, Failure> {
    let path = Path::new(&arguments.subject);
    let (verdict, recording) = if path.is_file() {
        if arguments.again {
            return Err(Failure::new(Exit::Usage, "a verdict file holds no samples to judge again")
                .hint("name the run instead; its id stands in the file under `run`"));
        }
        (from_file(path)?, None)
    } else {
        let store = opening::store(&state()?)?;
        let record = store.run(&arguments.subject).map_err(exit_of::store)?;
        let verdict = of_run(&store, &record, arguments.again)?;
        let is_needed = !arguments.files.files.is_empty();
        let recording =
            if is_needed { Some(recorded::recording(&store, &record).map_err(exit_of::store)?) } else { None };
        (verdict, recording)
    };
    let report = Report { recording: recording.as_ref(), ..Report::new(&verdict) };
    for (name, file) in &arguments.files.files {
        files::write(&report, name, file)?;
        output::say(&format!("wrote {}", file.display()));
    }
    if arguments.issue {
        output::result(&String::from_utf8_lossy(&files::rendered(&report, "issue")?))?;
    } else {
        let files = vec![("run".to_owned(), verdict.run.id.clone())];
        output::verdict(&verdict, arguments.format, arguments.quiet, files)?;
    }
    Ok(verdict.exit_code)
}

/// The verdict in a file.
///
/// # Errors
/// [`Exit::NoInput`] and [`Exit::BadData`] where it cannot be read.
pub fn from_file(path: &Path) -> Result<Verdict, Failure> {
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::new(Exit::NoInput, format!("cannot read `{}`: {error}", path.display())))?;
    // What is no text is no verdict either, and is told as that.
    let text = String::from_utf8_lossy(&bytes);
    soakd_reports::read(&text)
        .map_err(|error| Failure::new(Exit::BadData, format!("`{}`: {error}", path.display())).hint(error.hint()))
}

/// The verdict of a run: the one it has, else one made now from its samples and kept with it.
///
/// # Errors
/// [`Failure`] where it goes on still, or cannot be judged.
pub fn of_run(store: &Store, record: &RunRecord, again: bool) -> Result<Verdict, Failure> {
    let id = &record.run.id;
    let kept = store.verdict(record.key).map_err(exit_of::store)?;
    let kept = match kept {
        Some(kept) => Some(
            soakd_reports::read(&kept.to_string())
                .map_err(|error| Failure::new(Exit::BadData, format!("the verdict of run `{id}`: {error}")))?,
        ),
        None => None,
    };
    if record.state == RunState::Running {
        return Err(Failure::new(
            Exit::NoInput,
            format!("run `{id}` is still going on (process {})", record.owner.pid),
        )
        .hint(format!("for an estimate now: kill -USR1 {}", record.owner.pid)));
    }
    if let (Some(kept), false) = (&kept, again) {
        return Ok(kept.clone());
    }
    let policy = judging::policy_of(record).map_err(|error| Failure::new(Exit::BadData, error.to_string()))?;
    let duration_s = record.duration_s.unwrap_or(0.0);
    let mut aside = match &kept {
        Some(kept) => Aside {
            sites: kept.attribution.iter().filter(|part| heap_profile::is_site(part)).cloned().collect(),
            load: kept.load.clone(),
            sources: kept.sources.clone(),
            overhead: kept.overhead.clone(),
            missed_ticks_count: kept.samples.missed_ticks_count,
            warnings: kept.warnings.clone(),
            ..Aside::default()
        },
        None => Aside {
            sources: source_recording::kept(&store.events(record.key).map_err(exit_of::store)?, &policy.plan.profile),
            ..Aside::default()
        },
    };
    if record.detail == Detail::Minutes {
        aside.warnings.push(Warning {
            text: "the samples of this run were thinned to minutes, and it is judged by their medians".to_owned(),
            hint: None,
        });
    }
    let ended = match (kept, record.state) {
        (Some(kept), _) => kept.run.ended,
        (None, RunState::Interrupted) => Ended::SoakdKilled,
        (None, RunState::Running | RunState::Finished) => {
            Ended::Failed { error: record.ended_why.clone().unwrap_or_else(|| "no reason is recorded".to_owned()) }
        }
    };
    let run = Run { id: id.to_string(), ..verdict::run_of(&policy, record.run.started, duration_s, ended) };
    let verdict = verdict::judged(store, record, &policy, run, aside)?;
    store.set_verdict(record.key, &verdict::json(&verdict)?).map_err(exit_of::store)?;
    Ok(verdict)
}
