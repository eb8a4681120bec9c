//! What is done with the store when runs have ended: compressed, thinned, forgotten. On a thread and a connection of its own, since it may
//! take a while.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use jiff::{SignedDuration, Timestamp};

use super::memory;
use crate::exit::{Exit, Failure};
use crate::history::retention::Retention;
use crate::history::tidy::{self, Mode};
use crate::store::Store;

/// What is kept and for how long, for the next round.
#[derive(Debug)]
struct Round {
    retention: Retention,
}

/// The thread that does it.
#[derive(Debug)]
pub struct Housekeeping {
    rounds: SyncSender<Round>,
}

impl Housekeeping {
    /// Starts it for the state folder `state`.
    ///
    /// # Errors
    /// [`Exit::Internal`] where there is no thread to be had.
    pub fn start(state: PathBuf) -> Result<Self, Failure> {
        // One round that waits is as good as several.
        let (rounds, asked) = sync_channel(1);
        std::thread::Builder::new()
            .name("housekeeping".to_owned())
            .spawn(move || keep(&state, &asked))
            .map_err(|error| Failure::new(Exit::Internal, format!("cannot start the housekeeping: {error}")))?;
        Ok(Self { rounds })
    }

    /// Asks for a round. Returns at once.
    pub fn ask(&self, retention: Retention) {
        // Where one waits already it will see all that there is to do.
        let _ = self.rounds.try_send(Round { retention });
    }
}

fn keep(state: &std::path::Path, rounds: &Receiver<Round>) {
    for Round { retention } in rounds {
        // Opened for each round: between them nothing of it stays in memory.
        let store = match Store::open(state) {
            Ok(opened) => opened.store,
            Err(error) => {
                tracing::warn!(%error, "the store is not tidied for now");
                continue;
            }
        };
        match store.compress() {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "samples were compressed"),
            Err(error) => tracing::warn!(%error, "samples stay uncompressed for now"),
        }
        let now = Timestamp::now();
        match tidy::tidy(&store, &retention, now, Mode::AtMost(tidy::AFTER_A_RUN)) {
            Ok(tidied) => {
                for done in &tidied.done {
                    tracing::info!(run = %done.run, "{}", done.sentence());
                }
            }
            Err(error) => tracing::warn!(%error, "old runs stay as they are for now"),
        }
        let oldest = SignedDuration::try_from(retention.reports).ok().and_then(|age| now.checked_sub(age).ok());
        if let Some(Err(error)) = oldest.map(|oldest| store.forget_jobs(oldest)) {
            tracing::warn!(%error, "old jobs stay for now");
        }
        drop(store);
        memory::give_back();
    }
}
