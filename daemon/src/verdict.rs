//! The end of a run: judged, concluded, written.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use soakd_profiles::Attach;
use soakd_reports::{Ended, Run, Verdict};

use crate::exit::{Exit, Failure};
use crate::exit_of;
use crate::history::regression;
use crate::host_facts;
use crate::judging::{self, Aside, JudgeError};
use crate::phases;
use crate::policy::RunPolicy;
use crate::run::Soaked;
use crate::store::{Ending, Recorder, RunId, RunKey, RunRecord, Store};

/// Name of the verdict in the folder of a run.
pub const FILE_NAME: &str = "verdict.json";

/// `value` as JSON.
///
/// # Errors
/// [`Exit::Internal`] where it has none, which is a fault of ours.
pub fn json<T: Serialize>(value: &T) -> Result<serde_json::Value, Failure> {
    serde_json::to_value(value)
        .map_err(|error| Failure::new(Exit::Internal, format!("cannot be written as JSON: {error}")))
}

/// Makes the folder of a run, and makes sure that its verdict can be written there, before anything is started.
///
/// # Errors
/// [`Exit::CannotWrite`] where that is not so, or where it holds the verdict of an earlier run.
pub fn prepare_folder(folder: &Path) -> Result<(), Failure> {
    if folder.join(FILE_NAME).exists() {
        return Err(Failure::new(
            Exit::CannotWrite,
            format!("`{}` holds the verdict of an earlier run", folder.display()),
        )
        .hint("name another folder with `--out`, or move the verdict away"));
    }
    let refused = |error: io::Error| {
        Failure::new(Exit::CannotWrite, format!("cannot write into `{}`: {error}", folder.display()))
            .hint("name another folder with `--out`")
    };
    std::fs::create_dir_all(folder).map_err(refused)?;
    let probe = folder.join(".soakd-writes-here");
    std::fs::write(&probe, b"").map_err(refused)?;
    std::fs::remove_file(&probe).map_err(refused)
}

/// Writes `verdict` into `folder`: complete, or not at all.
///
/// # Errors
/// [`Exit::CannotWrite`] where the disk refuses; an earlier verdict is then left as it was.
pub fn write(verdict: &Verdict, folder: &Path) -> Result<PathBuf, Failure> {
    let text = verdict.to_json().map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
    let file = folder.join(FILE_NAME);
    write_whole(&file, text.as_bytes()).map_err(|error| {
        Failure::new(Exit::CannotWrite, format!("cannot write `{}`: {error}", file.display()))
            .hint(format!("the run is recorded: `soakd report {}` shows it", verdict.run.id))
    })?;
    Ok(file)
}

/// Writes beside `file` and renames, so that no reader sees half of it. A device or a pipe of that name is written to: it is
/// not to be replaced by a file.
///
/// # Errors
/// What the system says.
pub fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    if std::fs::metadata(file).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        return std::fs::OpenOptions::new()
            .write(true)
            .open(file)
            .and_then(|mut open| io::Write::write_all(&mut open, bytes));
    }
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let written = std::fs::File::create(&beside).and_then(|mut open| {
        io::Write::write_all(&mut open, bytes)?;
        open.sync_all()
    });
    let done = written.and_then(|()| std::fs::rename(&beside, file));
    if done.is_err() {
        // What is left of the attempt is of no use to anybody.
        let _ = std::fs::remove_file(&beside);
    }
    done
}

/// What is needed to conclude a run that has just ended.
pub(crate) struct Concluding<'a> {
    pub(crate) store: &'a Store,
    pub(crate) policy: &'a RunPolicy,
    pub(crate) key: RunKey,
    pub(crate) id: &'a RunId,
    pub(crate) recorder: Recorder,
    pub(crate) started: Timestamp,
    pub(crate) duration_s: f64,
    pub(crate) ended: Ended,
    pub(crate) aside: Aside,
    /// What the target printed last, for the message if it died.
    pub(crate) last_lines: Vec<String>,
    pub(crate) folder: PathBuf,
}

/// Judges a run that has just ended, from what the store holds of it, and ends its record.
pub(crate) fn conclude(concluding: Concluding<'_>) -> Result<Soaked, Failure> {
    let Concluding { store, policy, key, id, mut recorder, started, duration_s, ended, mut aside, last_lines, folder } =
        concluding;
    let mut ended = ended;
    if let Err(error) = recorder.flush() {
        let hint = error.hint();
        let text = format!("samples could not be written and are not judged: {error}");
        aside.warnings.push(soakd_reports::Warning { text, hint });
        // Of a target that died it is known why; every other end would claim more than what was recorded.
        if !ended.target_died() {
            ended = Ended::RecordingFailed { error: error.to_string() };
        }
    }
    let died = ended.target_died().then(|| ended.clone());
    let why = ended_text(&ended);
    let run = Run { id: id.to_string(), ..run_of(policy, started, duration_s, ended) };
    let record = store.run(id.as_str()).map_err(exit_of::store)?;
    debug_assert_eq!(record.key, key, "ids are unique");
    let verdict = judged(store, &record, policy, run, aside)?;
    let undecided = !verdict.series.iter().any(|series| {
        series.role == soakd_reports::Role::Judged && series.judgement.judgement == soakd_analysis::JudgementKind::Leak
    });
    if let (Some(died), true) = (died, undecided) {
        // A target that dies has not been soaked: no verdict about its memory is given out, and `soakd report` shows
        // what is known.
        let failure = target_died(&verdict, &died, &last_lines);
        let ending = Ending { duration_s, why, verdict: Some(json(&verdict)?) };
        recorder.finish(ending).map_err(exit_of::store)?;
        return Err(failure);
    }
    write(&verdict, &folder)?;
    if let Err(error) = recorder.finish(Ending { duration_s, why, verdict: Some(json(&verdict)?) }) {
        // The verdict is on disk and holds; that the samples behind it are not all kept is said in it.
        tracing::warn!(%error, "the record of the run could not be completed");
    }
    Ok(Soaked { verdict, folder })
}

/// The verdict of a run that the store holds.
///
/// # Errors
/// [`Failure`] where it cannot be judged.
pub fn judged(
    store: &Store,
    record: &RunRecord,
    policy: &RunPolicy,
    run: Run,
    aside: Aside,
) -> Result<Verdict, Failure> {
    let mut findings = judging::findings(store, record, policy, run, aside).map_err(|error| match error {
        JudgeError::Store(error) => exit_of::store(error),
        error @ JudgeError::Policy { .. } => Failure::new(Exit::BadData, error.to_string()),
        error @ JudgeError::Series { .. } => Failure::new(Exit::Internal, error.to_string()),
    })?;
    let not_finite = |error: soakd_reports::NotFinite| Failure::new(Exit::Internal, error.to_string());
    let judge = &policy.plan.profile.judge;
    if judge.regressions {
        let alone = Verdict::new(findings.clone()).map_err(not_finite)?;
        regression::add(store, record, &alone, judge.regression_threshold, &mut findings).map_err(exit_of::store)?;
    }
    Verdict::new(findings).map_err(not_finite)
}

/// The run as the verdict names it, but for its id.
#[must_use]
pub fn run_of(policy: &RunPolicy, started: Timestamp, duration_s: f64, ended: Ended) -> Run {
    let plan = &policy.plan;
    let source = &plan.profile.target.source;
    let length = jiff::SignedDuration::try_from_secs_f64(duration_s).unwrap_or_default();
    Run {
        id: String::new(),
        soakd_version: env!("CARGO_PKG_VERSION").to_owned(),
        profile: plan.profile.name.clone(),
        scenario: plan.scenario.clone(),
        stage: plan.stage.clone(),
        environment: Some(plan.environment.clone()),
        command: match source {
            Some(soakd_profiles::TargetSource::Command(command)) => command.clone(),
            Some(soakd_profiles::TargetSource::Attach(_)) | None => Vec::new(),
        },
        attached: policy.attached.clone(),
        host: host_facts::host(),
        commit: policy.commit.clone(),
        branch: policy.branch.clone(),
        start: started,
        end: started.checked_add(length).unwrap_or(started),
        duration_s,
        planned_s: plan.profile.judge.duration.as_secs_f64(),
        ended,
    }
}

/// How an attached target is named.
#[must_use]
pub fn attached_name(attach: &Attach) -> String {
    match attach {
        Attach::Pid(pid) => format!("pid {pid}"),
        Attach::Name(name) => format!("name {name}"),
        Attach::Unit(unit) => format!("unit {unit}"),
        Attach::Cgroup(path) => format!("cgroup {}", path.display()),
    }
}

/// Why a run ended, for the record.
fn ended_text(ended: &Ended) -> String {
    match ended {
        Ended::PlannedEnd => "planned end".to_owned(),
        Ended::DecidedEarly => "decided early".to_owned(),
        Ended::OperationsDone { operations } => format!("{operations} operations done"),
        Ended::TargetExited { status: Some(status), .. } => format!("target ended with status {status}"),
        Ended::TargetExited { signal: Some(signal), .. } => {
            format!("target ended by {}", crate::signals::name(*signal))
        }
        Ended::TargetExited { .. } => "target ended".to_owned(),
        Ended::LoadEnded { status: Some(status), .. } => format!("load ended with status {status}"),
        Ended::LoadEnded { .. } => "load ended".to_owned(),
        Ended::Interrupted { signal } => format!("interrupted by {}", crate::signals::name(*signal)),
        Ended::Stopped { reason } => reason.clone(),
        Ended::SoakdKilled => "soakd was killed".to_owned(),
        Ended::RecordingFailed { error } => format!("recording failed: {error}"),
        Ended::Failed { error } => error.clone(),
    }
}

/// What is said when the target died without having been found to leak.
fn target_died(verdict: &Verdict, died: &Ended, last_lines: &[String]) -> Failure {
    let mut how = ended_text(died);
    let run = &verdict.run;
    if let Some(event) = verdict.events.iter().find(|event| event.kind == phases::OOM_KILL) {
        how = format!("{how} ({})", event.text);
    }
    let printed = match last_lines {
        [] => String::new(),
        lines => format!("; its last output:\n    {}", lines.join("\n    ")),
    };
    Failure::new(
        Exit::Unavailable,
        format!(
            "{how} after {:.1} s of a run of {}; {} samples kept, no leak seen in them{printed}",
            run.duration_s,
            crate::progress::clock_face(run.planned_s),
            verdict.samples.count
        ),
    )
    .hint(format!("`soakd report {}` shows what was sampled; `target.log` in its folder what it printed", run.id))
}
