//! The daemon itself: its health, its status, its schedule, its watches, its configuration.

use super::documents::{Health, Nothing, Reloaded, Schedule, Watches};
use super::problem::Problem;
use super::route::{Asked, Placed};
use crate::service::status::{Job, Status};

pub(super) async fn health(asked: Asked, _: Nothing) -> Result<Health, Problem> {
    let daemon = asked.shared.board().status().daemon;
    Ok(Health { version: daemon.version, is_stopping: daemon.is_stopping })
}

pub(super) async fn status(asked: Asked, _: Nothing) -> Result<Status, Problem> {
    Ok(asked.shared.board().status())
}

pub(super) async fn schedule(asked: Asked, _: Nothing) -> Result<Schedule, Problem> {
    Ok(Schedule { schedule: asked.shared.board().status().schedule })
}

pub(super) async fn watches(asked: Asked, _: Nothing) -> Result<Watches, Problem> {
    Ok(Watches { watches: asked.shared.board().status().watches })
}

pub(super) async fn trigger(asked: Asked, _: Nothing) -> Result<Job, Problem> {
    Ok(asked.shared.handle.trigger(asked.part("entry").to_owned()).await?)
}

pub(super) async fn reload(asked: Asked, _: Nothing) -> Result<Reloaded, Problem> {
    Ok(Reloaded { changes: asked.shared.handle.reload().await? })
}

impl Placed for Reloaded {}
