//! `soakd ctl`: what a daemon is asked and told.
//!
//! | module | what it holds |
//! |---|---|
//! | `client` | the daemon, as it is asked |
//! | `place` | where it is |
//! | `sent_events` | server-sent events, read piece by piece |
//! | `follow` | waiting for a job, and what happens as lines |
//! | `text` | answers for people |

mod client;
mod follow;
mod place;
mod sent_events;
mod text;

use std::path::PathBuf;

use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use soakd_reports::Verdict;

pub(crate) use self::client::Client;
use self::client::encoded;
use crate::cli::Format;
use crate::cli::ctl::{AttachArgs, CtlArgs, CtlCommand, DaemonPlace, SubmitArgs};
use crate::commands::history::trend_text;
use crate::commands::{output, watch};
use crate::exit::{Exit, Failure};
use crate::service::api::documents::{
    Jobs, ProfileDocument, Profiles, Reloaded, RunDocument, RunEvents, Runs, Schedule, TrendDocument, Watches,
};
use crate::service::status::{Job, Status};
use crate::service::submission::{Attach, Submission};
use crate::verdict::write_whole;

/// Does what is asked for. `named` is the state folder that the user names, `state` the one that counts otherwise.
///
/// # Errors
/// [`Failure`]: [`Exit::Unavailable`] where no daemon answers, else what the daemon says.
pub fn ctl(
    arguments: &CtlArgs,
    named: Option<&PathBuf>,
    state: impl Fn() -> Result<PathBuf, Failure>,
) -> Result<u8, Failure> {
    let client = daemon(&arguments.place, named.is_some(), state)?;
    if matches!(arguments.action, CtlCommand::Watch) && arguments.format == Format::Text && output::is_terminal() {
        return watch::watch_daemon(client);
    }
    let ask = Ask { client: &client, format: arguments.format, zone: TimeZone::system() };
    match &arguments.action {
        CtlCommand::Status => ask.show("/status", |status: &Status, zone| text::status(status, zone)),
        CtlCommand::Watch => follow::watch(&client, arguments.format, &ask.zone),
        CtlCommand::Submit(submit) => ask.start("/jobs", &submission(submit), submit.wait),
        CtlCommand::List { only, last } => {
            let only = only.map(|only| format!("&state={}", only.as_str())).unwrap_or_default();
            ask.show(&format!("/jobs?limit={last}{only}"), |jobs: &Jobs, zone| text::jobs(&jobs.jobs, zone))
        }
        CtlCommand::Show { which } if which.bytes().all(|byte| byte.is_ascii_digit()) => {
            ask.show(&format!("/jobs/{}", encoded(which)), text::job)
        }
        CtlCommand::Show { which } => {
            ask.show(&format!("/runs/{}", encoded(which)), |run: &RunDocument, zone| text::run(run, zone))
        }
        CtlCommand::Cancel { job } => ask.tell(&format!("/jobs/{job}/cancel"), text::job),
        CtlCommand::Schedule => {
            ask.show("/schedule", |schedule: &Schedule, zone| text::schedule(&schedule.schedule, zone))
        }
        CtlCommand::RunSchedule { name, wait } => {
            ask.start(&format!("/schedule/{}/run", encoded(name)), &json!({}), *wait)
        }
        CtlCommand::Profiles { name: None } => ask.show("/profiles", |profiles: &Profiles, _| text::profiles(profiles)),
        CtlCommand::Profiles { name: Some(name) } => {
            ask.show(&format!("/profiles/{}", encoded(name)), |profile: &ProfileDocument, _| text::profile(profile))
        }
        CtlCommand::Watches => ask.show("/watches", |watches: &Watches, zone| text::watches(&watches.watches, zone)),
        CtlCommand::History { profile, outcome, since, last } => {
            let outcome = outcome.map(|outcome| outcome.outcome().as_str().to_owned());
            let query = query(&[("profile", profile), ("outcome", &outcome), ("since", since)]);
            ask.show(&format!("/runs?limit={last}{query}"), |runs: &Runs, zone| text::runs(runs, zone))
        }
        CtlCommand::Trend { profile, scenario, branch, since, last } => {
            let query = query(&[("profile", profile), ("scenario", scenario), ("branch", branch), ("since", since)]);
            ask.show(&format!("/history/trend?limit={last}{query}"), |trend: &TrendDocument, _| {
                trend_text(&trend.profile, trend.runs_count, &trend.trends)
            })
        }
        CtlCommand::Verdict { run } => ask.verdict(run),
        CtlCommand::Report { run, report, out } => ask.report(run, report, out.as_ref()),
        CtlCommand::Samples { run, series, points } => {
            let points = points.map(|points| points.to_string());
            let form = if arguments.format == Format::Json { "json" } else { "csv" };
            let query = query(&[("series", series), ("points", &points)]);
            let bytes = client.bytes(&format!("/runs/{}/samples?format={form}{query}", encoded(run)))?;
            output::bytes(&bytes)?;
            Ok(0)
        }
        CtlCommand::Events { run } => {
            ask.show(&format!("/runs/{}/events", encoded(run)), |events: &RunEvents, _| text::events(events))
        }
        CtlCommand::Reload => ask.tell("/reload", |reloaded: &Reloaded, _| text::reloaded(reloaded)),
        CtlCommand::Openapi => {
            output::result(&output::json(&client.get("/openapi.json")?)?)?;
            Ok(0)
        }
    }
}

/// The daemon that is meant. Whether it answers shows when it is asked.
pub(crate) fn daemon(
    place: &DaemonPlace,
    is_state_named: bool,
    state: impl Fn() -> Result<PathBuf, Failure>,
) -> Result<Client, Failure> {
    Client::new(place::place(place, is_state_named, state)?)
}

/// Parameters that are there, behind the first.
fn query(parameters: &[(&str, &Option<String>)]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    given.map(|(name, value)| format!("&{name}={}", encoded(value))).collect()
}

fn submission(arguments: &SubmitArgs) -> Submission {
    let AttachArgs { attach_pid, attach_name, attach_unit, attach_cgroup } = arguments.attach.clone();
    Submission {
        name: arguments.name.clone(),
        profile: arguments.profile.clone(),
        command: arguments.command.clone(),
        attach: attach_pid
            .map(Attach::Pid)
            .or(attach_name.map(Attach::Name))
            .or(attach_unit.map(Attach::Unit))
            .or(attach_cgroup.map(Attach::Cgroup)),
        scenario: arguments.scenario.clone(),
        environment: arguments.env.clone(),
        stage: arguments.stage.clone(),
        duration: arguments.duration.clone(),
        tolerate: arguments.tolerate.clone(),
        interval: arguments.interval.clone(),
        priority: arguments.priority,
        exclusive: arguments.exclusive,
        timeout: arguments.timeout.clone(),
        retries: arguments.retries,
        retry_after: arguments.retry_after.clone(),
    }
}

/// A question, and how its answer is to be shown.
struct Ask<'a> {
    client: &'a Client,
    format: Format,
    zone: TimeZone,
}

impl Ask<'_> {
    /// Shows what is at `path`.
    fn show<T: DeserializeOwned>(&self, path: &str, text: impl Fn(&T, &TimeZone) -> String) -> Result<u8, Failure> {
        self.print(self.client.get(path)?, text)
    }

    /// Tells the daemon to do something that needs no more words.
    fn tell<T: DeserializeOwned>(&self, path: &str, text: impl Fn(&T, &TimeZone) -> String) -> Result<u8, Failure> {
        self.print(self.client.post(path, &json!({}))?, text)
    }

    fn print<T: DeserializeOwned>(&self, answer: Value, text: impl Fn(&T, &TimeZone) -> String) -> Result<u8, Failure> {
        match self.format {
            Format::Json => output::result(&output::json(&answer)?)?,
            Format::Text => output::result(&text(&client::understood(answer)?, &self.zone))?,
        }
        Ok(0)
    }

    /// Starts a job, and waits for its end if that is wanted.
    fn start(&self, path: &str, body: &impl serde::Serialize, wait: bool) -> Result<u8, Failure> {
        let answer = self.client.post(path, body)?;
        if !wait {
            return self.print(answer, text::job);
        }
        let job: Job = client::understood(answer)?;
        output::say(&format!("job {} is queued", job.id));
        let job = follow::wait(self.client, job.id)?;
        let code = job.exit_code;
        if self.format == Format::Json {
            output::result(&output::json(&job)?)?;
        } else if let (Some(run), Some(_)) = (&job.run, &job.outcome) {
            output::bytes(&self.client.bytes(&format!("/runs/{}/report/text", encoded(run)))?)?;
        } else {
            output::result(&text::job(&job, &self.zone))?;
        }
        code.ok_or_else(|| {
            let message = job.message.as_deref().unwrap_or("no reason is known");
            Failure::new(Exit::Unavailable, format!("job {} ended without a verdict: {}", job.id, text::safe(message)))
        })
    }

    fn verdict(&self, run: &str) -> Result<u8, Failure> {
        let answer = self.client.get(&format!("/runs/{}/verdict", encoded(run)))?;
        let verdict = soakd_reports::read(&answer.to_string())
            .map_err(|error| Failure::new(Exit::BadData, format!("the verdict of the daemon: {error}")))?;
        let Verdict { exit_code, run, .. } = &verdict;
        output::verdict(&verdict, self.format, false, vec![("run".to_owned(), run.id.clone())])?;
        Ok(*exit_code)
    }

    fn report(&self, run: &str, report: &str, out: Option<&PathBuf>) -> Result<u8, Failure> {
        let bytes = self.client.bytes(&format!("/runs/{}/report/{report}", encoded(run)))?;
        let Some(file) = out else {
            output::bytes(&bytes)?;
            return Ok(0);
        };
        write_whole(file, &bytes).map_err(|error| {
            Failure::new(Exit::CannotWrite, format!("cannot write `{}`: {error}", file.display()))
                .hint("an earlier file of that name is as it was")
        })?;
        output::say(&format!("wrote {}", file.display()));
        Ok(0)
    }
}
