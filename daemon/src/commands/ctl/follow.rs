//! What happens as it happens: a job until it has ended, and all of it as lines.

use std::ops::ControlFlow;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::client::{Client, understood};
use super::sent_events::SentEvent;
use super::text;
use crate::cli::Format;
use crate::commands::output;
use crate::exit::{Exit, Failure};
use crate::service::status::{Job, JobState, LiveEvent, Status};

/// Time between two looks at the job.
const PAUSE: Duration = Duration::from_millis(500);
/// How often in turn a daemon may be missing: an upgrade takes a moment, and this is two minutes at least.
const MOST_ATTEMPTS: u32 = 240;

/// Waits until job `id` has ended, also while the daemon is started anew.
///
/// # Errors
/// Where the daemon stays away, or does not know the job.
pub(super) fn wait(client: &Client, id: u64) -> Result<Job, Failure> {
    let mut missing = 0;
    loop {
        let waited = client.get(&format!("/jobs/{id}")).and_then(understood).and_then(|job: Job| {
            if has_ended(&job) {
                return Ok(Some(job));
            }
            client.follow(|event| may_go_on(event, id)).map(|()| None)
        });
        match waited {
            Ok(Some(job)) => return Ok(job),
            Ok(None) => missing = 0,
            Err(failure) if failure.exit == Exit::Unavailable && missing < MOST_ATTEMPTS => missing += 1,
            Err(failure) => return Err(failure),
        }
        // Also a stream that has ended at once is not asked for again at once.
        std::thread::sleep(PAUSE);
    }
}

fn has_ended(job: &Job) -> bool {
    match job.state {
        JobState::Queued | JobState::Running => false,
        JobState::Done | JobState::Failed | JobState::Cancelled => true,
    }
}

/// Breaks where it is time to look at job `id`.
fn may_go_on(event: &SentEvent, id: u64) -> ControlFlow<()> {
    let look = match event.event.as_str() {
        // It may have ended before the stream began.
        "status" => serde_json::from_str(&event.data).is_ok_and(|status: Status| {
            let waits = status.queue.iter().any(|job| job.id == id && !has_ended(job));
            !waits && status.running.iter().all(|run| run.job != Some(id))
        }),
        "job" => match serde_json::from_str(&event.data) {
            Ok(LiveEvent::Job { job }) => job.id == id && has_ended(&job),
            _ => false,
        },
        "start_over" => true,
        _ => false,
    };
    if look { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Prints what happens until the daemon ends: a line for each event, the status first.
///
/// # Errors
/// Where no daemon answers, or standard output cannot be written.
pub(super) fn watch(client: &Client, format: Format, zone: &TimeZone) -> Result<u8, Failure> {
    let mut failed = None;
    client.follow(|event| {
        let shown = match format {
            Format::Json => Some(format!("{}\n", event.data)),
            Format::Text => line(event, zone),
        };
        match shown.map_or(Ok(()), |shown| output::result(&shown)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                failed = Some(failure);
                ControlFlow::Break(())
            }
        }
    })?;
    match failed {
        Some(failure) => Err(failure),
        None => Ok(0),
    }
}

/// An event for people; `None` for one of a newer daemon.
fn line(event: &SentEvent, zone: &TimeZone) -> Option<String> {
    match event.event.as_str() {
        "status" => serde_json::from_str(&event.data).ok().map(|status: Status| text::status(&status, zone)),
        "start_over" => Some("too much happened to be told; ask again\n".to_owned()),
        _ => serde_json::from_str(&event.data).ok().map(|event: LiveEvent| text::event(&event)),
    }
}
