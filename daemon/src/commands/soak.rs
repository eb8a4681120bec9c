//! `soakd check`, `soakd run`, `soakd attach`: from arguments to a plan, and from its verdict to the exit code.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use soakd_profiles::{
    Attach, Choice, Counter, OutputStream, Plan, Profile, Ready, ReadyWhen, Sample, Source, SourceKind, TargetSource,
    Warmup, units,
};
use soakd_reports::Report;

use crate::cli::{AttachArgs, CheckArgs, RunArgs, SoakArgs, StartArgs};
use crate::commands::{files, output};
use crate::exit::{Exit, Failure};
use crate::http::HttpUrl;
use crate::keeper::{KeeperProgram, UnitSpec};
use crate::limits;
use crate::policy::RunPolicy;
use crate::progress::Audience;
use crate::requests::Requests;
use crate::run::{Ran, Soak, Soaked};
use crate::signals::Signals;
use crate::store::Store;
use crate::{commit, exit_of, logging, opening, recorded, report_files, surroundings, verdict};

/// Length of a check whose length nobody names.
const CHECK_LENGTH: Duration = Duration::from_secs(120);

/// `soakd check`.
///
/// # Errors
/// [`Failure`] where there is no verdict.
pub fn check(arguments: &CheckArgs, state: &Path) -> Result<u8, Failure> {
    let profile = profile(arguments.profile.as_deref(), &arguments.start)?;
    soak(profile, &arguments.soak, state, true)
}

/// `soakd run`.
///
/// # Errors
/// [`Failure`] where there is no verdict.
pub fn run(arguments: &RunArgs, state: &Path) -> Result<u8, Failure> {
    let profile = profile(arguments.profile.as_deref(), &arguments.start)?;
    soak(profile, &arguments.soak, state, false)
}

/// `soakd attach`.
///
/// # Errors
/// [`Failure`] where there is no verdict.
pub fn attach(arguments: &AttachArgs, state: &Path) -> Result<u8, Failure> {
    let whom = &arguments.whom;
    let attach = match (whom.pid, &whom.name, &whom.unit, &whom.cgroup) {
        (Some(pid), ..) => Attach::Pid(u32::try_from(pid).ok().filter(|pid| *pid > 0).ok_or_else(|| {
            Failure::new(Exit::Usage, format!("`{pid}` is no process id, expected a number above 0"))
        })?),
        (_, Some(name), ..) => Attach::Name(name.clone()),
        (_, _, Some(unit), _) => Attach::Unit(unit.clone()),
        (_, _, _, Some(path)) => Attach::Cgroup(path.clone()),
        (None, None, None, None) => {
            return Err(Failure::new(Exit::Usage, "nothing to attach to is named")
                .hint("name it by --pid, --name, --unit or --cgroup"));
        }
    };
    let named = arguments.profile.is_some();
    let mut profile = match &arguments.profile {
        Some(name) => surroundings::load(name)?,
        None => Profile { name: "attach".to_owned(), ..Profile::default() },
    };
    // What a profile says about starting a target has no meaning for one that runs.
    profile.target.ready = None;
    profile.target.source = Some(TargetSource::Attach(attach));
    profile.target.follow |= arguments.follow;
    if let Some(counter) = &arguments.operations {
        profile.load.counter = Some(counter_of(counter)?);
    }
    soak(Chosen { profile, is_named: named }, &arguments.soak, state, false)
}

/// A profile, and whether the user named one.
struct Chosen {
    profile: Profile,
    is_named: bool,
}

fn profile(name: Option<&str>, start: &StartArgs) -> Result<Chosen, Failure> {
    let command = command_of(&start.command)?;
    let mut profile = match (name, command.first()) {
        (Some(name), _) => surroundings::load(name)?,
        (None, Some(program)) => {
            let name = Path::new(program).file_name().map(|name| name.to_string_lossy().into_owned());
            Profile { name: name.unwrap_or_else(|| "command".to_owned()), ..Profile::default() }
        }
        (None, None) => {
            return Err(Failure::new(Exit::Usage, "nothing to soak: neither a profile nor a command is given")
                .hint("`soakd check -- ./server` soaks a command, `soakd check demo` the bundled demo"));
        }
    };
    if !command.is_empty() {
        profile.target.source = Some(TargetSource::Command(command));
        // A command on the command line means what it means in the shell that it was typed into.
        profile.folder = None;
    }
    if let Some(ready) = &start.ready {
        profile.target.ready = Some(ready_of(ready)?);
    }
    if let Some(counter) = &start.operations {
        profile.load.counter = Some(counter_of(counter)?);
    }
    Ok(Chosen { profile, is_named: name.is_some() })
}

fn command_of(words: &[OsString]) -> Result<Vec<String>, Failure> {
    words
        .iter()
        .map(|word| {
            word.to_str().map(str::to_owned).ok_or_else(|| {
                Failure::new(Exit::Usage, format!("the argument `{}` is not UTF-8", word.to_string_lossy()))
                    .hint("name a script that passes it on")
            })
        })
        .collect()
}

/// What `--ready` says.
fn ready_of(text: &str) -> Result<Ready, Failure> {
    let wrong = |why: String| {
        Failure::new(Exit::Usage, format!("`--ready {text}`: {why}"))
            .hint("expected http://…, tcp:HOST:PORT, line:REGEX, or a delay such as 2s")
    };
    let when = if text.starts_with("http://") {
        ReadyWhen::Http { url: text.to_owned(), status_low: 200, status_high: 399 }
    } else if let Some(address) = text.strip_prefix("tcp:") {
        ReadyWhen::Tcp(address.to_owned())
    } else if let Some(pattern) = text.strip_prefix("line:") {
        regex::bytes::Regex::new(pattern).map_err(|error| wrong(error.to_string()))?;
        ReadyWhen::Line(pattern.to_owned())
    } else {
        ReadyWhen::Delay(units::duration(text).ok_or_else(|| wrong("not understood".to_owned()))?)
    };
    Ok(Ready { when, timeout: Ready::DEFAULT_TIMEOUT })
}

/// What `--operations` says.
fn counter_of(text: &str) -> Result<Counter, Failure> {
    let wrong = |why: String| {
        Failure::new(Exit::Usage, format!("`--operations {text}`: {why}"))
            .hint("expected line:REGEX, file:PATH, or METRIC@http://HOST:PORT/metrics")
    };
    if let Some(pattern) = text.strip_prefix("line:") {
        regex::bytes::Regex::new(pattern).map_err(|error| wrong(error.to_string()))?;
        return Ok(Counter::Line { pattern: pattern.to_owned(), stream: OutputStream::Both });
    }
    if let Some(path) = text.strip_prefix("file:") {
        return Ok(Counter::File(PathBuf::from(path)));
    }
    match text.split_once('@') {
        Some((metric, url)) if url.starts_with("http://") && !metric.is_empty() => Ok(Counter::Prometheus {
            url: url.to_owned(),
            metric: metric.to_owned(),
            labels: std::collections::BTreeMap::new(),
        }),
        _ => Err(wrong("not understood".to_owned())),
    }
}

/// What `--metrics-url` says.
fn source_of(url: &str) -> Result<Source, Failure> {
    if let Err(error) = url.parse::<HttpUrl>() {
        return Err(Failure::new(Exit::Usage, format!("`--metrics-url {url}`: {error}"))
            .hint("expected an address such as http://127.0.0.1:8080/metrics"));
    }
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let url = url.to_owned();
    let is_expvar = path.trim_end_matches('/').ends_with("/debug/vars");
    Ok(Source::new(if is_expvar { SourceKind::Expvar { url } } else { SourceKind::Prometheus { url } }))
}

/// A name for a source of the command line that the profile does not use.
fn free_name(profile: &Profile) -> String {
    let names = std::iter::once("metrics".to_owned()).chain((2_u32..).map(|number| format!("metrics-{number}")));
    names.into_iter().find(|name| !profile.sources.contains_key(name)).unwrap_or_default()
}

/// The plan of `profile` with the options of a command line; where no profile was named, what it leaves open fits the length of the run.
///
/// # Errors
/// [`Failure`] where the options are faulty, or the profile has no such scenario, environment or stage.
pub fn plan_with(profile: Profile, is_named: bool, arguments: &SoakArgs) -> Result<Plan, Failure> {
    plan(Chosen { profile, is_named }, arguments, false)
}

/// The plan: profile, then scenario and stage, then the command line.
fn plan(chosen: Chosen, arguments: &SoakArgs, is_check: bool) -> Result<Plan, Failure> {
    let Chosen { profile, is_named } = chosen;
    let choice = Choice {
        scenario: arguments.scenario.as_deref(),
        environment: arguments.env.as_deref(),
        stage: arguments.stage.as_deref(),
    };
    let mut profile = profile;
    for url in &arguments.metrics_url {
        let name = free_name(&profile);
        profile.sources.insert(name, source_of(url)?);
    }
    let mut plan = profile.plan(choice).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    let profile = &mut plan.profile;
    if let Some(text) = &arguments.duration {
        profile.judge.duration = duration("--for", text)?;
    } else if !is_named && is_check {
        profile.judge.duration = CHECK_LENGTH;
    }
    match &arguments.interval {
        Some(text) => {
            let interval = duration("--interval", text)?;
            if !(Sample::SHORTEST_INTERVAL..=Sample::LONGEST_INTERVAL).contains(&interval) {
                return Err(Failure::new(Exit::Usage, format!("`--interval {text}` is out of range"))
                    .hint("expected 10ms to 10min"));
            }
            profile.sample.interval = interval;
        }
        None if !is_named => profile.sample.interval = fitting_interval(profile.judge.duration),
        None => {}
    }
    profile.sample.slow_interval = profile.sample.slow_interval.max(profile.sample.interval);
    if let Some(text) = &arguments.tolerate {
        let tolerance = units::tolerance(text).ok_or_else(|| {
            Failure::new(Exit::Usage, format!("`--tolerate {text}` is not understood"))
                .hint("expected growth such as 1MiB/h, 64B/op, 10/h, or 1MiB for the whole run")
        })?;
        profile.judge.tolerance = Some(tolerance);
        profile.judge.tolerances.clear();
    }
    if let Some(text) = &arguments.warmup {
        profile.judge.warmup = Warmup::Fixed(duration("--warmup", text)?);
    }
    let fewest = profile.sample.interval.saturating_mul(soakd_profiles::Judge::FEWEST_INTERVALS);
    if profile.judge.duration < fewest {
        return Err(Failure::new(
            Exit::Usage,
            format!(
                "a run of {:?} holds too few samples {:?} apart to say anything",
                profile.judge.duration, profile.sample.interval
            ),
        )
        .hint(format!("run for at least {fewest:?}, or sample more often with `--interval`")));
    }
    if let Warmup::Fixed(warmup) = profile.judge.warmup
        && warmup >= profile.judge.duration
    {
        return Err(Failure::new(
            Exit::Usage,
            format!("a warm-up of {warmup:?} leaves nothing of a run of {:?}", profile.judge.duration),
        )
        .hint("run longer with `--for`, or name a shorter `--warmup`"));
    }
    Ok(plan)
}

/// The plan of a profile that is run as `soakd run` does.
///
/// # Errors
/// [`Failure`] where there is no such profile, or it is faulty.
pub fn plan_of(name: &str, arguments: &SoakArgs) -> Result<Plan, Failure> {
    plan(profile(Some(name), &StartArgs::default())?, arguments, false)
}

fn duration(flag: &str, text: &str) -> Result<Duration, Failure> {
    units::duration(text).filter(|duration| !duration.is_zero()).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("`{flag} {text}` is not understood"))
            .hint("expected a duration such as 90s, 1h30m or 7d")
    })
}

/// Some 600 samples over the run, and neither more often than ten times a second nor less often than every ten seconds: with fewer the
/// evidence could not decide long before the end.
fn fitting_interval(duration: Duration) -> Duration {
    (duration / 600).clamp(Duration::from_millis(100), Duration::from_secs(10))
}

fn soak(chosen: Chosen, arguments: &SoakArgs, state: &Path, is_check: bool) -> Result<u8, Failure> {
    let plan = plan(chosen, arguments, is_check)?;
    let store = opening::store(state)?;
    let out = arguments.out.clone().or_else(|| plan.profile.report.out.clone());
    let names = reports(&plan, arguments)?;
    let keeper = keeper_of(&plan.profile, arguments);
    let soaked = soak_plan(plan, &store, keeper, out, is_check, arguments.quiet)?;
    let mut named = vec![
        ("verdict".to_owned(), soaked.folder.join(verdict::FILE_NAME).display().to_string()),
        ("run".to_owned(), soaked.verdict.run.id.clone()),
    ];
    let written = write_reports(&soaked, &store, &names);
    named.extend(written.iter().flatten().cloned());
    // A report that could not be written takes nothing from the verdict: it is shown, and the failure told after it.
    logging::verdict(&soaked.verdict);
    output::verdict(&soaked.verdict, arguments.format, arguments.quiet, named)?;
    // The answer first: who waits for it need not wait for this.
    opening::tidy(&store);
    written.map(|_| soaked.verdict.exit_code)
}

/// What keeps the target, its load and the commands beside them.
fn keeper_of(profile: &Profile, arguments: &SoakArgs) -> KeeperProgram {
    match &arguments.in_unit {
        None => KeeperProgram::default(),
        Some(user) => KeeperProgram::default().in_unit(UnitSpec {
            user: Some(user.clone()),
            ..UnitSpec::new(format!("soakd: target of `{}`", profile.name))
        }),
    }
}

/// Names of the reports to write: those of the profile, or of the command line in their place.
fn reports(plan: &Plan, arguments: &SoakArgs) -> Result<Vec<String>, Failure> {
    if !arguments.report.is_empty() {
        return Ok(arguments.report.clone());
    }
    let formats = &plan.profile.report.formats;
    let known = report_files::names();
    match formats.iter().find(|format| !known.contains(&format.as_str())) {
        None => Ok(formats.clone()),
        Some(unknown) => Err(Failure::new(
            Exit::Config,
            format!("profile `{}`: `{unknown}` in `[report]`, `formats` is no report", plan.profile.name),
        )
        .hint(format!("there are {}", known.join(", ")))),
    }
}

/// Writes the reports that the profile of a run asks for into its folder.
///
/// # Errors
/// [`Failure`] where one cannot be written.
pub fn write_reports_of(soaked: &Soaked, store: &Store, formats: &[String]) -> Result<(), Failure> {
    write_reports(soaked, store, formats).map(drop)
}

/// Writes the reports of a run into its folder, and the summary of the job that it ran in.
fn write_reports(soaked: &Soaked, store: &Store, names: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let verdict = &soaked.verdict;
    let recording = if names.is_empty() {
        None
    } else {
        let record = store.run(&verdict.run.id).map_err(exit_of::store)?;
        Some(recorded::recording(store, &record).map_err(exit_of::store)?)
    };
    let report = Report { recording: recording.as_ref(), ..Report::new(verdict) };
    files::append_to_job_summary(&report);
    files::write_into(&report, names, &soaked.folder)
}

/// Runs a plan to its verdict; `keeper` keeps what it starts.
///
/// # Errors
/// [`Failure`] where there is no verdict.
pub fn soak_plan(
    plan: Plan,
    store: &Store,
    keeper: KeeperProgram,
    out: Option<PathBuf>,
    is_check: bool,
    quiet: bool,
) -> Result<Soaked, Failure> {
    let commit = commit::of(|name| std::env::var(name).ok(), std::env::current_dir().ok().as_deref());
    let policy = RunPolicy { commit: commit.id, branch: commit.branch, ..limits::policy(plan) };
    let audience = if quiet { Audience::PersonWhoWantsQuiet } else { Audience::Person };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Internal, format!("cannot start the runtime: {error}")))?;
    let soak = Soak { keeper, out, is_check, audience, ..Soak::new(store, policy) };
    let ran = runtime.block_on(async {
        // Signals arrive through the runtime: they are listened to inside of it.
        let mut requests = Requests::Signals(Signals::listen()?);
        crate::run::run(soak, &mut requests).await
    });
    match ran? {
        Ran::Concluded(soaked) => Ok(*soaked),
        Ran::Suspended => Err(Failure::new(Exit::Internal, "the run was suspended, which nobody can have asked for")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_fit_the_length_of_the_run() {
        assert_eq!(fitting_interval(Duration::from_secs(20)), Duration::from_millis(100));
        assert_eq!(fitting_interval(Duration::from_secs(120)), Duration::from_millis(200));
        assert_eq!(fitting_interval(Duration::from_secs(8 * 3600)), Duration::from_secs(10));
    }

    #[test]
    fn readiness_is_told_in_a_word() {
        assert_eq!(ready_of("2s").map(|ready| ready.when), Ok(ReadyWhen::Delay(Duration::from_secs(2))));
        assert_eq!(ready_of("tcp:[::1]:80").map(|ready| ready.when), Ok(ReadyWhen::Tcp("[::1]:80".to_owned())));
        assert_eq!(ready_of("line:^up$").map(|ready| ready.when), Ok(ReadyWhen::Line("^up$".to_owned())));
        for wrong in ["", "soon", "line:(", "https://x"] {
            assert_eq!(ready_of(wrong).map_err(|failure| failure.exit), Err(Exit::Usage), "{wrong}");
        }
    }

    #[test]
    fn endpoints_are_told_by_their_address() {
        let kind = |url: &str| source_of(url).map(|source| source.kind.name()).map_err(|failure| failure.exit);
        assert_eq!(kind("http://127.0.0.1:8080/metrics"), Ok("prometheus"));
        assert_eq!(kind("http://127.0.0.1:8080/debug/vars?x=1"), Ok("expvar"));
        for wrong in ["", "localhost:8080/metrics", "https://x/metrics"] {
            assert_eq!(kind(wrong), Err(Exit::Usage), "{wrong}");
        }
        let mut profile = Profile::default();
        for name in ["metrics", "metrics-2"] {
            assert_eq!(free_name(&profile), name);
            profile.sources.insert(name.to_owned(), source_of("http://x/").expect("a source"));
        }
    }

    #[test]
    fn counters_are_told_in_a_word() {
        assert_eq!(counter_of("file:/run/n"), Ok(Counter::File(PathBuf::from("/run/n"))));
        let metric = counter_of("requests_total@http://127.0.0.1:1/metrics");
        assert!(matches!(metric, Ok(Counter::Prometheus { ref metric, .. }) if metric == "requests_total"));
        for wrong in ["", "@http://x/", "requests", "line:("] {
            assert_eq!(counter_of(wrong).map_err(|failure| failure.exit), Err(Exit::Usage), "{wrong}");
        }
    }
}
