//! From what was submitted to the plan of a run: which profiles the daemon takes, and from where.

use std::path::{Path, PathBuf};
use std::time::Duration;

use soakd_profiles::{EarlyStop, Plan, Profile, TargetSource, units};

use super::config::{Commands, Config};
use super::handle::Refusal;
use super::submission::Submission;
use crate::cli::SoakArgs;
use crate::commands::soak;
use crate::exit::{Exit, Failure};
use crate::surroundings;

/// How a profile's file ends.
const SUFFIX: &str = "toml";

/// What is asked of the run of `submission`.
///
/// # Errors
/// [`Refusal::Invalid`] and [`Refusal::Forbidden`], with what to do about it.
pub fn plan(submission: &Submission, config: &Config) -> Result<Plan, Refusal> {
    check(submission)?;
    let any = config.daemon.commands == Commands::Any;
    let mut profile = match (&submission.profile, submission.command.first()) {
        (Some(name), _) => load(name, &config.daemon.profiles, any)?,
        (None, Some(program)) => {
            let name = Path::new(program).file_name().map(|name| name.to_string_lossy().into_owned());
            Profile { name: name.unwrap_or_else(|| "command".to_owned()), ..Profile::default() }
        }
        (None, None) if submission.attach.is_some() => Profile { name: "attach".to_owned(), ..Profile::default() },
        (None, None) => {
            return Err(invalid("nothing to soak: none of `profile`, `command` and `attach` is given", None));
        }
    };
    if !submission.command.is_empty() {
        if !any {
            return Err(Refusal::Forbidden {
                message: "commands are not taken from outside, only those of profiles".to_owned(),
                hint: Some(format!(
                    "put a profile into {}, or set `commands = \"any\"` in `[daemon]`",
                    folders(&config.daemon.profiles)
                )),
            });
        }
        profile.target.source = Some(TargetSource::Command(submission.command.clone()));
        profile.folder = None;
    }
    if let Some(attach) = &submission.attach {
        profile.target.ready = None;
        profile.target.source = Some(TargetSource::Attach(attach.into()));
    }
    let is_named = submission.profile.is_some();
    let arguments = SoakArgs {
        duration: submission.duration.clone(),
        tolerate: submission.tolerate.clone(),
        interval: submission.interval.clone(),
        scenario: submission.scenario.clone(),
        env: submission.environment.clone(),
        stage: submission.stage.clone(),
        ..SoakArgs::default()
    };
    soak::plan_with(profile, is_named, &arguments).map_err(|failure| refused(&failure))
}

/// The plan of one period of a watched target.
///
/// # Errors
/// As [`plan`].
pub fn watch_plan(submission: &Submission, config: &Config) -> Result<Plan, Refusal> {
    let mut plan = plan(submission, config)?;
    // Its history is that of its target, and of no other that is watched by the same profile.
    if let Some(name) = &submission.name {
        plan.profile.name.clone_from(name);
    }
    // A watch goes on whatever it finds, and with whoever takes the target's place.
    plan.profile.judge.early_stop = EarlyStop::Never;
    plan.profile.target.follow = true;
    Ok(plan)
}

/// Length of a duration of a submission.
///
/// # Errors
/// [`Refusal::Invalid`] where it is none.
pub fn duration(key: &str, text: &str) -> Result<Duration, Refusal> {
    units::duration(text).filter(|duration| !duration.is_zero()).ok_or_else(|| {
        invalid(
            format!("`{key}`: `{text}` is not understood"),
            Some("expected a duration such as 90s, 1h30m or 7d".to_owned()),
        )
    })
}

/// What can be told without the profile.
fn check(submission: &Submission) -> Result<(), Refusal> {
    for (key, text) in [("timeout", &submission.timeout), ("retry_after", &submission.retry_after)] {
        if let Some(text) = text {
            duration(key, text)?;
        }
    }
    if submission.attach.is_some() && !submission.command.is_empty() {
        return Err(invalid("`command` and `attach` exclude each other", None));
    }
    Ok(())
}

/// The profile `name`: a file of the folders, with or without its suffix, or a shipped one.
fn load(name: &str, allowed: &[PathBuf], any: bool) -> Result<Profile, Refusal> {
    let path = Path::new(name);
    let is_path = path.extension().is_some_and(|suffix| suffix == SUFFIX) || path.components().count() > 1;
    if !is_path {
        let with_suffix = format!("{name}.{SUFFIX}");
        let found = allowed.iter().map(|folder| folder.join(&with_suffix)).find(|file| file.is_file());
        return match found {
            Some(file) => of_file(&file),
            None => surroundings::load(name).map_err(|failure| refused(&failure)),
        };
    }
    // Relative to the folders, and nothing that leads out of them.
    let candidates = if path.is_absolute() {
        vec![path.to_path_buf()]
    } else {
        allowed.iter().map(|folder| folder.join(path)).collect()
    };
    let Some(real) = candidates.iter().find_map(|file| file.canonicalize().ok()) else {
        return Err(invalid(format!("there is no profile `{name}` in {}", folders(allowed)), None));
    };
    let is_inside =
        allowed.iter().filter_map(|folder| folder.canonicalize().ok()).any(|folder| real.starts_with(folder));
    if any || is_inside {
        return of_file(&real);
    }
    Err(Refusal::Forbidden {
        message: format!("the profile `{name}` lies outside of {}", folders(allowed)),
        hint: Some("put it into one of these folders, or name its folder as `profiles` in `[daemon]`".to_owned()),
    })
}

fn of_file(file: &Path) -> Result<Profile, Refusal> {
    surroundings::load(&file.display().to_string()).map_err(|failure| refused(&failure))
}

fn folders(allowed: &[PathBuf]) -> String {
    match allowed {
        [] => "the profile folders, of which none is configured".to_owned(),
        _ => allowed.iter().map(|folder| format!("`{}`", folder.display())).collect::<Vec<_>>().join(", "),
    }
}

fn invalid(message: impl Into<String>, hint: Option<String>) -> Refusal {
    Refusal::Invalid { message: message.into(), hint }
}

/// A failure of the command line in the words of a submission.
fn refused(failure: &Failure) -> Refusal {
    let message = failure.messages.join("\n").replace("`--", "`");
    let hint = (!failure.hints.is_empty()).then(|| failure.hints.join("\n").replace("`--", "`"));
    if failure.exit == Exit::NoInput { Refusal::NotFound(message) } else { Refusal::Invalid { message, hint } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::submission::Attach;

    fn config(folder: &Path, commands: Commands) -> Config {
        let mut config = Config::default();
        config.daemon.profiles = vec![folder.to_path_buf()];
        config.daemon.commands = commands;
        config
    }

    fn of_profile(name: &str) -> Submission {
        Submission { profile: Some(name.to_owned()), ..Submission::default() }
    }

    const PROFILE: &str = "name = 'api'\n[target]\ncommand = ['sleep', '1']\n[judge]\nduration = '1h'\n";

    #[test]
    fn profiles_are_taken_from_the_folders_and_from_nowhere_else() {
        let home = tempfile::tempdir().expect("a folder");
        let (inside, outside) = (home.path().join("inside"), home.path().join("outside"));
        std::fs::create_dir_all(inside.join("deep")).expect("made");
        std::fs::create_dir_all(&outside).expect("made");
        for file in [inside.join("api.toml"), inside.join("deep/api.toml"), outside.join("api.toml")] {
            std::fs::write(file, PROFILE).expect("written");
        }
        std::os::unix::fs::symlink(outside.join("api.toml"), inside.join("link.toml")).expect("linked");
        let taken = |name: &str, commands| plan(&of_profile(name), &config(&inside, commands));
        let absolute = inside.join("api.toml").display().to_string();
        for name in ["api", "api.toml", "deep/api.toml", absolute.as_str()] {
            let plan = taken(name, Commands::Folders).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(plan.profile.name, "api", "{name}");
        }
        let outer = outside.join("api.toml").display().to_string();
        for name in ["../outside/api.toml", "link.toml", outer.as_str()] {
            let refused = taken(name, Commands::Folders);
            assert!(matches!(refused, Err(Refusal::Forbidden { .. })), "{name}: {refused:?}");
            assert!(taken(name, Commands::Any).is_ok(), "{name}");
        }
        assert!(matches!(taken("nowhere.toml", Commands::Any), Err(Refusal::Invalid { .. })));
        assert!(matches!(taken("nowhere", Commands::Any), Err(Refusal::NotFound(_))));
        assert!(taken("demo", Commands::Folders).is_ok(), "a shipped one");
    }

    #[test]
    fn commands_from_outside_are_for_who_lets_them() {
        let home = tempfile::tempdir().expect("a folder");
        let command = Submission { command: vec!["true".to_owned()], ..Submission::default() };
        assert!(matches!(plan(&command, &config(home.path(), Commands::Folders)), Err(Refusal::Forbidden { .. })));
        let plan = plan(&command, &config(home.path(), Commands::Any)).expect("allowed");
        assert_eq!(plan.profile.target.source, Some(TargetSource::Command(vec!["true".to_owned()])));
    }

    #[test]
    fn a_target_that_runs_needs_no_profile() {
        let home = tempfile::tempdir().expect("a folder");
        let submission = Submission {
            attach: Some(Attach::Unit("x.service".to_owned())),
            duration: Some("24h".to_owned()),
            interval: Some("10s".to_owned()),
            ..Submission::default()
        };
        let plan = watch_plan(&submission, &config(home.path(), Commands::Folders)).expect("a plan");
        assert_eq!(plan.profile.judge.early_stop, EarlyStop::Never);
        assert_eq!(plan.profile.judge.duration, Duration::from_secs(86_400));
        assert!(plan.profile.target.follow);
    }

    #[test]
    fn what_cannot_be_is_told_in_the_words_of_the_submission() {
        let home = tempfile::tempdir().expect("a folder");
        let config = config(home.path(), Commands::Folders);
        let of = |submission: Submission| plan(&submission, &config).expect_err("refused").to_string();
        assert!(of(Submission::default()).contains("nothing to soak"));
        let text = of(Submission { duration: Some("soon".to_owned()), ..of_profile("demo") });
        assert_eq!(text, "`for soon` is not understood");
        assert!(of(Submission { timeout: Some("0s".to_owned()), ..of_profile("demo") }).contains("`timeout`"));
        assert!(of(Submission { scenario: Some("none".to_owned()), ..of_profile("demo") }).contains("none"));
    }
}
