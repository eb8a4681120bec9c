//! How the API speaks with the daemon: orders go to its loop and are answered there, what it shows is read from a board.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{broadcast, mpsc, oneshot};

use super::status::{Job, LiveEvent, LiveRun, Status};
use super::submission::Submission;
use crate::store::StoreError;

/// Events that a follower may be behind before it misses some.
const EVENTS: usize = 256;

/// Orders that may wait for the loop.
const ORDERS: usize = 64;

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// What was asked for cannot be: a profile with faults, a duration that is none.
    #[error("{message}")]
    Invalid {
        /// What is wrong with it.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The configuration does not let it happen.
    #[error("{message}")]
    Forbidden {
        /// What is not allowed.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// There is no such job, run, profile.
    #[error("{0}")]
    NotFound(String),
    /// It is too late for that: the job has ended.
    #[error("{0}")]
    Conflict(String),
    /// As many jobs wait as may.
    #[error("the queue is full: {0} jobs wait")]
    QueueFull(u64),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The daemon is about to end.
    #[error("the daemon is stopping")]
    Stopping,
}

/// An order to the daemon's loop.
#[derive(Debug)]
pub enum Order {
    /// Queue a soak.
    Submit {
        /// What to soak.
        submission: Box<Submission>,
        /// Takes the job, or why there is none.
        reply: oneshot::Sender<Result<Job, Refusal>>,
    },
    /// Take a job back, or end the run that goes on for it and judge what there is.
    Cancel {
        /// Number of the job, or (the beginning of) the id of its run.
        which: String,
        /// Who wants that, in words.
        by: String,
        /// Takes the job as it is then.
        reply: oneshot::Sender<Result<Job, Refusal>>,
    },
    /// Start an entry of the schedule now, besides its times.
    Trigger {
        /// Its name.
        name: String,
        /// Takes the job.
        reply: oneshot::Sender<Result<Job, Refusal>>,
    },
    /// Read the configuration again.
    Reload {
        /// Takes what has changed, in sentences.
        reply: oneshot::Sender<Result<Vec<String>, Refusal>>,
    },
}

/// The daemon, for those who ask it. Cheap to clone, to be used from any thread.
#[derive(Debug, Clone)]
pub struct Handle {
    orders: mpsc::Sender<Order>,
    board: Board,
}

impl Handle {
    /// A handle, and where the daemon's loop receives the orders.
    #[must_use]
    pub fn new(status: Status) -> (Self, mpsc::Receiver<Order>) {
        let (orders, received) = mpsc::channel(ORDERS);
        (Self { orders, board: Board::new(status) }, received)
    }

    /// What the daemon shows.
    #[must_use]
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Queues a soak.
    ///
    /// # Errors
    /// [`Refusal`], with what to do about it.
    pub async fn submit(&self, submission: Submission) -> Result<Job, Refusal> {
        self.order(|reply| Order::Submit { submission: Box::new(submission), reply }).await
    }

    /// Takes a job back, or ends its run with a verdict on what there is.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] and [`Refusal::Conflict`] where there is nothing to cancel.
    pub async fn cancel(&self, which: String, by: String) -> Result<Job, Refusal> {
        self.order(|reply| Order::Cancel { which, by, reply }).await
    }

    /// Starts an entry of the schedule now.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] where there is no such entry.
    pub async fn trigger(&self, name: String) -> Result<Job, Refusal> {
        self.order(|reply| Order::Trigger { name, reply }).await
    }

    /// Reads the configuration again. Gives what has changed, in sentences.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] where the new one is wrong; the old one then goes on.
    pub async fn reload(&self) -> Result<Vec<String>, Refusal> {
        self.order(|reply| Order::Reload { reply }).await
    }

    async fn order<T>(&self, order: impl FnOnce(oneshot::Sender<Result<T, Refusal>>) -> Order) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(order(reply)).await.map_err(|_| Refusal::Stopping)?;
        answer.await.unwrap_or(Err(Refusal::Stopping))
    }
}

/// What the daemon shows of itself: written by its loop and by runs, read by whoever asks.
#[derive(Debug, Clone)]
pub struct Board {
    status: Arc<Mutex<Status>>,
    events: broadcast::Sender<Arc<LiveEvent>>,
    profile_folders: Arc<Mutex<Vec<PathBuf>>>,
}

impl Board {
    fn new(status: Status) -> Self {
        let (events, _) = broadcast::channel(EVENTS);
        Self { status: Arc::new(Mutex::new(status)), events, profile_folders: Arc::default() }
    }

    /// Folders whose profiles can be named, as they are configured by now.
    #[must_use]
    pub fn profile_folders(&self) -> Vec<PathBuf> {
        self.profile_folders.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells which folders these are.
    pub fn set_profile_folders(&self, folders: Vec<PathBuf>) {
        *self.profile_folders.lock().unwrap_or_else(PoisonError::into_inner) = folders;
    }

    /// All of it, as it is now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.lock().clone()
    }

    /// The run of this id, if it goes on.
    #[must_use]
    pub fn run(&self, id: &str) -> Option<LiveRun> {
        self.lock().running.iter().find(|run| run.id == id).cloned()
    }

    /// What happens from now on. Who is too slow to take it all misses the oldest.
    #[must_use]
    pub fn follow(&self) -> broadcast::Receiver<Arc<LiveEvent>> {
        self.events.subscribe()
    }

    /// Changes what is shown.
    pub fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.lock());
    }

    /// Tells those who follow.
    pub fn tell(&self, event: LiveEvent) {
        // Nobody follows: nobody misses it.
        let _ = self.events.send(Arc::new(event));
    }

    /// A thread that panicked in the middle has left a status that is whole, field by field.
    fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::service::status::DaemonStatus;

    /// A daemon that has nothing to do.
    pub(crate) fn idle() -> Status {
        Status {
            daemon: DaemonStatus {
                slots_count: 2,
                ..DaemonStatus::beginning(
                    "0.1.0",
                    42,
                    "2026-11-26T00:00:00Z".parse().expect("a time"),
                    "/var/lib/soakd".to_owned(),
                )
            },
            running: Vec::new(),
            queue: Vec::new(),
            schedule: Vec::new(),
            watches: Vec::new(),
        }
    }

    #[tokio::test]
    async fn who_asks_a_daemon_that_is_gone_is_told_so() {
        let (handle, orders) = Handle::new(idle());
        drop(orders);
        assert!(matches!(handle.reload().await, Err(Refusal::Stopping)));
        assert!(matches!(handle.cancel("1".to_owned(), "me".to_owned()).await, Err(Refusal::Stopping)));
    }

    #[tokio::test]
    async fn an_order_is_answered_by_who_takes_it() {
        let (handle, mut orders) = Handle::new(idle());
        let asked = tokio::spawn(async move { handle.reload().await });
        match orders.recv().await {
            Some(Order::Reload { reply }) => reply.send(Ok(vec!["slots: 2 to 4".to_owned()])).expect("still asked"),
            other => panic!("{other:?}"),
        }
        assert_eq!(asked.await.expect("no panic").expect("an answer"), ["slots: 2 to 4"]);
    }

    #[test]
    fn who_follows_hears_and_the_board_shows() {
        let (handle, _orders) = Handle::new(idle());
        let mut follower = handle.board().follow();
        handle.board().update(|status| status.daemon.queued_count = 3);
        handle.board().tell(LiveEvent::Reloaded);
        assert_eq!(handle.board().status().daemon.queued_count, 3);
        assert_eq!(*follower.try_recv().expect("told"), LiveEvent::Reloaded);
        assert_eq!(handle.board().run("x"), None);
    }
}
