//! Soaks that were asked for.

use super::documents::{Jobs, JobsQuery, Nothing};
use super::numbers::within;
use super::problem::Problem;
use super::route::{Asked, Placed};
use super::shared::Shared;
use crate::service::status::{Job, JobState};
use crate::service::submission::Submission;
use crate::store::JobFilter;

/// How many are listed where nobody says.
pub(super) const USUAL: u32 = 100;
/// How many are listed at most.
pub(super) const MOST: u32 = 1000;

/// Longest text of a submission that means something.
const LONGEST_TEXT_BYTES: usize = 4096;
/// Most arguments of a command.
const MOST_ARGUMENTS: usize = 1000;

pub(super) async fn list(asked: Asked, query: JobsQuery) -> Result<Jobs, Problem> {
    let limit = within("limit", query.limit, USUAL, 1..=MOST)?;
    // One more tells whether there are more.
    let filter = JobFilter { state: query.state, before: query.before, limit: limit + 1 };
    let mut jobs = asked.shared.read(move |store| Ok(store.jobs(filter)?)).await?;
    let limit = limit as usize;
    let before = if jobs.len() > limit { jobs.get(limit - 1).map(|job| job.id) } else { None };
    jobs.truncate(limit);
    Ok(Jobs { jobs, before })
}

pub(super) async fn show(asked: Asked, _: Nothing) -> Result<Job, Problem> {
    let id = number(&asked)?;
    let found = asked.shared.read(move |store| Ok(store.job(id)?)).await?;
    found.ok_or_else(|| no_job(&id.to_string()))
}

/// The jobs that ended last, newest first, of as many as are looked through.
pub(super) async fn ended(shared: &Shared, most: u32) -> Result<Vec<Job>, Problem> {
    let has_ended = |job: &Job| match job.state {
        JobState::Queued | JobState::Running => false,
        JobState::Done | JobState::Failed | JobState::Cancelled => true,
    };
    let filter = JobFilter { limit: most, ..JobFilter::default() };
    let mut jobs = shared.read(move |store| Ok(store.jobs(filter)?)).await?;
    jobs.retain(has_ended);
    Ok(jobs)
}

pub(super) async fn submit(asked: Asked, submission: Submission) -> Result<Job, Problem> {
    check(&submission)?;
    Ok(asked.shared.handle.submit(submission).await?)
}

pub(super) async fn cancel(asked: Asked, _: Nothing) -> Result<Job, Problem> {
    let id = number(&asked)?;
    Ok(asked.shared.handle.cancel(id.to_string(), asked.caller.to_string()).await?)
}

fn number(asked: &Asked) -> Result<u64, Problem> {
    let text = asked.part("job");
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number).ok_or_else(|| no_job(text))
}

fn no_job(which: &str) -> Problem {
    Problem::not_found(format!("there is no job `{which}`")).hint("`GET /api/v1/jobs` lists them")
}

/// What no soak can mean, whatever the daemon is told: text without end, and bytes that no command line or file name has.
fn check(submission: &Submission) -> Result<(), Problem> {
    let texts = [
        ("name", &submission.name),
        ("profile", &submission.profile),
        ("scenario", &submission.scenario),
        ("environment", &submission.environment),
        ("stage", &submission.stage),
        ("for", &submission.duration),
        ("tolerate", &submission.tolerate),
        ("interval", &submission.interval),
        ("timeout", &submission.timeout),
        ("retry_after", &submission.retry_after),
    ];
    let fields = texts.iter().filter_map(|(name, text)| Some((*name, text.as_deref()?)));
    let arguments = submission.command.iter().map(|argument| ("command", argument.as_str()));
    for (name, text) in fields.chain(arguments) {
        if text.len() > LONGEST_TEXT_BYTES {
            return Err(Problem::invalid(format!("`{name}` is longer than {LONGEST_TEXT_BYTES} bytes")));
        }
        if text.contains('\0') {
            return Err(Problem::invalid(format!("`{name}` holds a NUL byte")));
        }
    }
    if submission.command.len() > MOST_ARGUMENTS {
        return Err(Problem::invalid(format!("`command` has more than {MOST_ARGUMENTS} arguments")));
    }
    Ok(())
}

impl Placed for Job {
    fn place(&self) -> Option<String> {
        Some(format!("/api/v1/jobs/{}", self.id))
    }
}
