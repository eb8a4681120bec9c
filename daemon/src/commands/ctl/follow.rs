//! What happens as it happens: a job until it has ended, and all of it as lines.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::time::Duration;

use jiff::tz::TimeZone;
use soakd_status::terminal::{Screen, frame};

use super::client::{Client, understood};
use super::screen::Scene;
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

/// Shows what happens: on a terminal as a picture that is drawn again and again until it is interrupted, else a line for each
/// event until the daemon ends, the status first.
///
/// # Errors
/// Where no daemon answers, or standard output cannot be written.
pub(super) fn watch(client: &Client, format: Format, zone: &TimeZone) -> Result<u8, Failure> {
    if format == Format::Text && std::io::stdout().is_terminal() { view(client) } else { lines(client, format, zone) }
}

/// What stands below the picture.
const NOTE: &str = "Ctrl-C ends the view";

fn view(client: &Client) -> Result<u8, Failure> {
    let mut scene: Option<Scene> = None;
    loop {
        let mut failed = None;
        let followed = client.follow(|event| {
            match event.event.as_str() {
                "status" => match serde_json::from_str(&event.data) {
                    Ok(status) => scene = Some(Scene::new(status, scene.take())),
                    Err(_) => return ControlFlow::Continue(()),
                },
                // What has changed, or was missed, is in the next status.
                "start_over" | "reloaded" => return ControlFlow::Break(()),
                _ => {
                    if let (Some(scene), Ok(event)) = (&mut scene, serde_json::from_str(&event.data)) {
                        scene.take(event);
                    }
                }
            }
            failed = scene.as_ref().and_then(|scene| draw(scene, NOTE).err());
            if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        match (failed, followed, &scene) {
            (Some(failure), _, _) | (None, Err(failure), None) => return Err(failure),
            (None, Err(_), Some(scene)) => {
                draw(scene, "no daemon answers; it is looked for again; Ctrl-C ends the view")?
            }
            (None, Ok(()), _) => {}
        }
        std::thread::sleep(PAUSE);
    }
}

/// Draws over what was drawn before.
fn draw(scene: &Scene, note: &str) -> Result<(), Failure> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    let rows = size.map_or(24, |size| usize::from(size.ws_row));
    let (status, levels) = (&scene.status, &scene.levels);
    let screen = Screen { status, levels, now: jiff::Timestamp::now(), look: output::look(), rows, note };
    output::result(&format!("\x1b[H\x1b[2J{}", frame(&screen)))
}

fn lines(client: &Client, format: Format, zone: &TimeZone) -> Result<u8, Failure> {
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
