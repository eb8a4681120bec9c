//! The loop of the daemon, which does all of its work but the sampling: orders, signals, schedule, queue, watches, the ends of runs.
//!
//! One thread, so that nothing happens at the same time as something else. The service manager's watchdog is fed at the end of each turn:
//! a loop that hangs, or a run that hangs in it, is not fed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::config::{Config, WhenMissing};
use super::facts;
use super::handle::{Handle, Order, Refusal};
use super::housekeeping::Housekeeping;
use super::jobs::Jobs;
use super::notify::Notify;
use super::planned::Schedules;
use super::runs::{Of, Runs};
use super::showing::Found;
use super::signals::{DaemonSignals, Told};
use super::standings::Standings;
use super::status::{Job, LiveEvent};
use super::watches::Watches;
use crate::clock;
use crate::exit::Failure;
use crate::history::retention::Retention;
use crate::store::Store;

mod endings;
mod leftovers;
mod orders;
mod starts;

use orders::refuse;

/// A turn of the loop comes at least this often.
const TURN: Duration = Duration::from_secs(5);
/// While something holds the queue back it is looked again this soon.
const HELD_BACK: Duration = Duration::from_secs(2);
/// What the daemon costs is measured this often.
const FACTS_EVERY: Duration = Duration::from_secs(10);
/// The store is tidied at least this often, and after each run.
const TIDY_EVERY: Duration = Duration::from_secs(3600);
/// So many of the jobs that wait are shown at once; the store has all of them.
const SHOWN_JOBS: usize = 100;
/// Why a run of a job ended that was taken too long.
const TIMED_OUT: &str = "its time limit was reached";
/// Why runs end with the daemon.
const STOPPED: &str = "the daemon was stopped";

/// What the loop is started with.
#[derive(Debug)]
pub struct Setting {
    /// Its configuration.
    pub config: Config,
    /// Where that is read again from.
    pub config_file: PathBuf,
    /// What it means where that file is not there.
    pub when_missing: WhenMissing,
    /// The store.
    pub store: Rc<Store>,
    /// What it shows, and where it is asked.
    pub handle: Handle,
    /// What it is asked.
    pub orders: mpsc::Receiver<Order>,
    /// Who is told how it is.
    pub notify: Notify,
}

/// The loop, and all that it holds.
#[derive(Debug)]
pub struct Supervisor {
    config: Config,
    config_file: PathBuf,
    when_missing: WhenMissing,
    store: Rc<Store>,
    handle: Handle,
    orders: mpsc::Receiver<Order>,
    notify: Notify,
    signals: DaemonSignals,
    jobs: Jobs,
    schedules: Schedules,
    watches: Watches,
    runs: Runs,
    found: mpsc::UnboundedReceiver<Found>,
    standings: Standings,
    housekeeping: Housekeeping,
    /// Who wanted the run of a job to end.
    cancelled: BTreeMap<u64, String>,
    /// When the run of a job has to have ended.
    deadlines: BTreeMap<u64, Instant>,
    held_back: Option<String>,
    facts_due: Instant,
    tidy_due: Instant,
    host: String,
    status: String,
}

impl Supervisor {
    /// Takes up what the last daemon left. To be called inside of a [`tokio::task::LocalSet`].
    ///
    /// # Errors
    /// [`Failure`] where the store cannot be read, or something cannot be started.
    pub fn new(setting: Setting) -> Result<Self, Failure> {
        let Setting { config, config_file, when_missing, store, handle, orders, notify } = setting;
        let signals = DaemonSignals::listen()?;
        let (found_sender, found) = mpsc::unbounded_channel();
        let board = handle.board().clone();
        let (jobs, running) = Jobs::load(Rc::clone(&store), board.clone()).map_err(unreadable)?;
        let host = crate::host_facts::host().name.unwrap_or_default();
        let now = Instant::now();
        let mut supervisor = Self {
            schedules: Schedules::new(Rc::clone(&store), &config, &host),
            watches: Watches::default(),
            runs: Runs::new(Rc::clone(&store), board, found_sender),
            standings: Standings::new(Rc::clone(&store))?,
            housekeeping: Housekeeping::start(store.folder().to_path_buf())?,
            cancelled: BTreeMap::new(),
            deadlines: BTreeMap::new(),
            held_back: None,
            facts_due: now,
            tidy_due: now,
            status: String::new(),
            config,
            config_file,
            when_missing,
            store,
            handle,
            orders,
            notify,
            signals,
            jobs,
            found,
            host,
        };
        supervisor.configure_watches();
        supervisor.recover(running)?;
        Ok(supervisor)
    }

    /// Works until it is told to stop, and then until all that it started has ended.
    ///
    /// # Errors
    /// None by now: what fails is told and goes on.
    pub async fn work(mut self) -> Result<(), Failure> {
        self.turn();
        self.notify.ready(&self.status);
        tracing::info!(state = %self.store.folder().display(), "the daemon is ready");
        loop {
            let wake = self.next_wake();
            tokio::select! {
                biased;
                told = self.signals.next() => match told {
                    Told::Stop => break,
                    Told::Reload => self.reload_for_manager(),
                },
                ended = self.runs.next_ended() => self.ended(ended),
                order = self.orders.recv() => match order {
                    Some(order) => self.obey(order),
                    None => break,
                },
                found = self.found.recv() => if let Some(found) = found { self.decided(&found) },
                () = sleep_until(wake) => {}
            }
            self.turn();
        }
        self.stop().await;
        Ok(())
    }

    /// When the next turn has to come.
    fn next_wake(&self) -> Instant {
        let now = Instant::now();
        let mut pause = self.notify.watchdog_interval().map_or(TURN, |interval| interval.min(TURN));
        if self.held_back.is_some() {
            pause = pause.min(HELD_BACK);
        }
        let wall = clock::now();
        let waits = self.jobs.waiting().iter().filter_map(|job| job.not_before);
        let times = waits.chain(self.schedules.next()).chain(self.watches.next());
        for time in times {
            // A time that has come is for this turn, and where nothing could be done about it, not for the very next moment.
            let until = Duration::try_from(time.duration_since(wall)).unwrap_or(HELD_BACK);
            pause = pause.min(until.max(Duration::from_millis(10)));
        }
        let deadline = self.deadlines.values().min().copied();
        deadline.into_iter().fold(now + pause, Instant::min)
    }

    /// All that is due by now.
    fn turn(&mut self) {
        let now = clock::now();
        self.look_at_schedule(now);
        self.look_at_watches(now);
        self.look_at_deadlines();
        self.admit(now);
        if Instant::now() >= self.facts_due {
            self.facts_due = Instant::now() + FACTS_EVERY;
            let store = Rc::clone(&self.store);
            self.handle.board().update(|status| facts::refresh(&mut status.daemon, &store));
        }
        if Instant::now() >= self.tidy_due {
            self.tidy();
        }
        self.show();
        self.notify.fed();
    }

    fn tidy(&mut self) {
        self.tidy_due = Instant::now() + TIDY_EVERY;
        match Retention::of_environment(|name| std::env::var(name).ok()) {
            Ok(retention) => self.housekeeping.ask(self.config.retention.over(retention)),
            Err(wrong) => tracing::warn!(variable = wrong.what.variable(), "not understood: nothing is tidied"),
        }
    }

    /// What everybody may see.
    fn show(&mut self) {
        let (schedule, watches) = (self.schedules.shown(), self.watches.shown());
        let waiting = self.jobs.waiting();
        let (queued, queue): (usize, Vec<Job>) = (waiting.len(), waiting.iter().take(SHOWN_JOBS).cloned().collect());
        let taken = self.jobs.running().len();
        let status = format!("{taken} running, {queued} waiting, {} watched", watches.len());
        if status != self.status {
            self.notify.status(&status);
            self.status = status;
        }
        let (slots, held_back) = (self.config.limits.slots, self.held_back.clone());
        let mut changed = Vec::new();
        self.handle.board().update(|status| {
            status.daemon.slots_count = slots;
            status.daemon.slots_taken_count = u32::try_from(taken).unwrap_or(u32::MAX);
            status.daemon.queued_count = queued as u64;
            status.daemon.held_back = held_back;
            status.queue = queue;
            status.schedule = schedule;
            changed = watches.iter().filter(|watch| !status.watches.contains(watch)).cloned().collect();
            status.watches = watches;
        });
        for watch in changed {
            self.handle.board().tell(LiveEvent::Watch { watch: Box::new(watch) });
        }
    }

    fn configure_watches(&mut self) {
        let now = clock::now();
        let standings = &self.standings;
        for name in self.watches.configure(&self.config, now, |name| standings.of(name)) {
            self.runs.end(&Of::Watch(name), "it is no longer watched");
        }
    }

    /// Ends in good order: attached targets are let go, what was started is ended and judged.
    async fn stop(&mut self) {
        tracing::info!("stopping");
        self.notify.stopping();
        self.handle.board().update(|status| status.daemon.is_stopping = true);
        // Nobody is heard any more, and who waits for an answer is told so.
        self.orders.close();
        while let Ok(order) = self.orders.try_recv() {
            refuse(order);
        }
        self.runs.stop_all(STOPPED);
        let timeout = self.config.daemon.stop_timeout;
        let end = Instant::now() + timeout;
        let mut skip_grace = Some(Instant::now() + timeout / 2);
        while !self.runs.is_empty() {
            tokio::select! {
                biased;
                ended = self.runs.next_ended() => self.ended(ended),
                told = self.signals.next() => if told == Told::Stop { self.runs.stop_all(STOPPED) },
                () = sleep_until(skip_grace.unwrap_or(end)) => {
                    if skip_grace.take().is_some() {
                        self.runs.stop_all(STOPPED);
                    } else {
                        tracing::error!("not all runs have ended in time: what is left is ended and judged at the next start");
                        break;
                    }
                }
            }
            self.notify.fed();
        }
        tracing::info!("stopped");
    }
}

fn unreadable(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Store(error) => crate::exit_of::store(error),
        other => Failure::new(crate::exit::Exit::Internal, other.to_string()),
    }
}
