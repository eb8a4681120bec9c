//! Pausing the load for a checkpoint, each driver in its own way.
//!
//! A driver that can be asked to finish what it has under way and to wait is asked: half an operation would leave its traces in
//! the settled sample. Any other one is stopped where it stands.

use std::time::Duration;

use rustix::process::Signal;
use soakd_profiles::LoadDriver;

use super::{Load, progress_file};
use crate::keeper::family::descendants_of;
use crate::operations;
use crate::target::{Membership, Target};

/// What a pause of the load means for this driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// There is no driver: the traffic of the target goes on.
    NotOurs,
    /// It waits once it has finished what is under way; see [`Load::is_held`].
    Asked,
    /// It has been stopped with what was under way.
    Stopped,
}

/// Rounds in which the processes of a driver are stopped: each may find some that were born during the one before.
const STOPPING_ROUNDS: u32 = 50;
const ROUND_PAUSE: Duration = Duration::from_millis(2);

impl Load {
    /// Asks the driver to pause.
    ///
    /// # Errors
    /// Why it goes on, in words.
    pub async fn hold(&mut self) -> Result<Held, String> {
        match &self.driver {
            LoadDriver::None => Ok(Held::NotOurs),
            LoadDriver::Command { .. } => self.stop_in_place().await.map(|()| Held::Stopped),
            LoadDriver::Repeat { .. } => {
                self.workers.iter().for_each(|worker| worker.hold(true));
                Ok(Held::Asked)
            }
            LoadDriver::Reference { .. } => self.signal_drivers(Signal::USR1).map(|()| Held::Asked),
        }
    }

    /// Whether a driver that was asked to wait does so, with nothing under way.
    #[must_use]
    pub fn is_held(&self) -> bool {
        match &self.driver {
            LoadDriver::Repeat { .. } => self.workers.iter().all(Target::rests),
            LoadDriver::Reference { .. } => {
                self.workers.is_empty() || operations::read_second_word(&progress_file(&self.folder)).is_some()
            }
            LoadDriver::None | LoadDriver::Command { .. } => true,
        }
    }

    /// Stops all processes of the driver where they stand.
    ///
    /// # Errors
    /// Why some go on, in words.
    pub async fn stop_in_place(&mut self) -> Result<(), String> {
        for _ in 0..STOPPING_ROUNDS {
            let mut all_stand = true;
            for process in self.keepers().flat_map(descendants_of) {
                if process.has_ended() || process.state == 'T' {
                    continue;
                }
                all_stand = false;
                process.signal(Signal::STOP).map_err(|error| {
                    format!("process {} `{}` cannot be stopped: {error}", process.pid, process.name)
                })?;
            }
            if all_stand {
                return Ok(());
            }
            tokio::time::sleep(ROUND_PAUSE).await;
        }
        self.release();
        Err("its processes do not all stop".to_owned())
    }

    /// Lets the driver go on, however it was paused.
    pub fn release(&mut self) {
        match &self.driver {
            LoadDriver::None => return,
            LoadDriver::Command { .. } => {}
            LoadDriver::Repeat { .. } => self.workers.iter().for_each(|worker| worker.hold(false)),
            LoadDriver::Reference { .. } => {
                if let Err(why) = self.signal_drivers(Signal::USR2) {
                    tracing::warn!(why, "the load driver was not told to go on");
                }
            }
        }
        for process in self.keepers().flat_map(descendants_of) {
            if process.state == 'T'
                && let Err(error) = process.signal(Signal::CONT)
            {
                tracing::warn!(process.pid, %error, "a process of the load driver stays stopped");
            }
        }
    }

    fn signal_drivers(&self, signal: Signal) -> Result<(), String> {
        for worker in &self.workers {
            let id = worker.process();
            let Some(process) = crate::keeper::family::Relative::read(id.pid) else { continue };
            if process.start_ticks == id.start_ticks {
                process.signal(signal).map_err(|error| format!("process {} cannot be signalled: {error}", id.pid))?;
            }
        }
        Ok(())
    }

    /// The pids of the keepers: what descends from them is the driver.
    fn keepers(&self) -> impl Iterator<Item = u32> {
        let of = self.workers.iter().flat_map(|worker| match worker.membership() {
            Membership::Descendants { of, .. } => of,
            Membership::Cgroup(_) => Vec::new(),
        });
        of.map(|keeper| keeper.pid).collect::<Vec<_>>().into_iter()
    }
}
