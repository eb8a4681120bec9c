//! The loop of the daemon, which does all of its work but the sampling: orders, signals, schedule, queue, watches, the ends of runs.
//!
//! One thread, so that nothing happens at the same time as something else. The service manager's watchdog is fed at the end of each turn:
//! a loop that hangs, or a run that hangs in it, is not fed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use soakd_profiles::Plan;
use soakd_reports::{Ended as EndedWhy, Outcome, Verdict};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::config::{Config, WhenMissing};
use super::facts;
use super::handle::{Handle, Order, Refusal};
use super::headroom::{Room, Wanted};
use super::housekeeping::Housekeeping;
use super::jobs::Jobs;
use super::keepers;
use super::notify::Notify;
use super::planned::{Remark, Schedules};
use super::planning;
use super::queue::{Beside, Next};
use super::recovery::{self, Recovered};
use super::runs::{Ended, Of, Runs, Start};
use super::showing::Found;
use super::signals::{DaemonSignals, Told};
use super::standing::Stand;
use super::standings::Standings;
use super::status::{Job, LiveEvent};
use super::submission::Submission;
use super::watches::Watches;
use crate::clock;
use crate::commands::soak;
use crate::exit::Failure;
use crate::history::retention::Retention;
use crate::limits;
use crate::logging;
use crate::policy::RunPolicy;
use crate::run::{Ran, Soaked};
use crate::store::{RunId, Store};

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

    fn look_at_schedule(&mut self, now: Timestamp) {
        let looked = self.schedules.look(now);
        for Remark { name, text, is_missed } in looked.told {
            tracing::warn!(schedule = name, "{text}");
            if is_missed {
                self.standings.missed(&name, &text, &self.config.alerts, now);
            }
        }
        for due in looked.due {
            let name = due.scheduled.name.clone();
            match self.jobs.add(due.submission, name.clone(), Some(due.scheduled), now) {
                Ok(Some(job)) => self.schedules.queued(&name, job.id),
                Ok(None) => tracing::info!(schedule = name, "this start was queued before and is not queued again"),
                Err(error) => tracing::error!(schedule = name, %error, "what is due cannot be queued"),
            }
        }
    }

    fn look_at_watches(&mut self, now: Timestamp) {
        for period in self.watches.due(now) {
            let policy = planning::watch_plan(&period.submission, &self.config).map(limits::policy);
            match policy {
                Ok(policy) => {
                    let id = self.new_id(&policy.plan);
                    self.start_watch(
                        &period.name,
                        Start {
                            of: Of::Watch(period.name.clone()),
                            id,
                            keeper: self.keeper(&policy),
                            policy,
                            resumes: None,
                        },
                    );
                }
                Err(refusal) => self.watches.ended(&period.name, Some(refusal.to_string()), now),
            }
        }
    }

    fn start_watch(&mut self, name: &str, start: Start) {
        if let Some(standing) = self.watches.began(name, start.id.as_str()) {
            self.standings.keep(name, &standing);
        }
        self.runs.start(start);
    }

    fn look_at_deadlines(&mut self) {
        let now = Instant::now();
        let passed: Vec<u64> = self.deadlines.iter().filter(|(_, at)| **at <= now).map(|(job, _)| *job).collect();
        for job in passed {
            self.deadlines.remove(&job);
            tracing::warn!(job, "{TIMED_OUT}");
            self.runs.end(&Of::Job(job), TIMED_OUT);
        }
    }

    /// Starts jobs as far as there is room.
    fn admit(&mut self, now: Timestamp) {
        self.held_back = None;
        let limits = &self.config.limits;
        let wanted = Wanted { memory_bytes: limits.memory_headroom_bytes, cpu_ratio: limits.cpu_headroom_ratio };
        let slots = usize::try_from(limits.slots).unwrap_or(usize::MAX);
        loop {
            let beside = Beside {
                running_count: self.jobs.running().len(),
                is_exclusive: self.jobs.running().iter().any(|job| job.submission.exclusive),
            };
            let lacks = || Room::read(Path::new("/proc")).lacks(&wanted);
            match self.jobs.queue().next(now, slots, beside, lacks) {
                Next::Start(job) => self.start(*job, now),
                Next::NoRoom(lacking) => {
                    self.held_back = Some(lacking);
                    return;
                }
                Next::NotBefore(_) | Next::Nothing => return,
            }
        }
    }

    fn start(&mut self, job: Job, now: Timestamp) {
        let planned = planning::plan(&job.submission, &self.config);
        let id = match &planned {
            Ok(plan) => self.new_id(plan),
            Err(_) => RunId::new(now, &job.name),
        };
        let job = match self.jobs.starting(job, &id, now) {
            Ok(job) => job,
            Err(error) => {
                tracing::error!(%error, "a job cannot be started now");
                self.held_back = Some(error.to_string());
                return;
            }
        };
        match planned {
            Ok(plan) => {
                let policy = limits::policy(plan);
                let timeout = job.submission.timeout.as_deref();
                if let Some(timeout) = timeout.and_then(|text| planning::duration("timeout", text).ok()) {
                    self.deadlines.insert(job.id, Instant::now() + timeout);
                }
                let keeper = self.keeper(&policy);
                self.runs.start(Start { of: Of::Job(job.id), id, policy, keeper, resumes: None });
            }
            Err(refusal) => {
                // What was right when it was queued need not be so by now.
                let failure = Failure::new(crate::exit::Exit::Config, refusal.to_string());
                self.job_failed(job.id, &failure, now);
            }
        }
    }

    fn keeper(&self, policy: &RunPolicy) -> crate::keeper::KeeperProgram {
        keepers::of(&self.config.target, &policy.plan.profile.name, self.notify.is_heard())
    }

    /// A name for a run that nobody has.
    fn new_id(&self, plan: &Plan) -> RunId {
        RunId::new(clock::now(), &plan.profile.name)
    }

    fn ended(&mut self, ended: Ended) {
        let now = clock::now();
        let Ended { of, id, reports, result } = ended;
        match of {
            Of::Job(job) => {
                self.deadlines.remove(&job);
                match result {
                    Ok(Ran::Concluded(soaked)) => self.job_concluded(job, &soaked, &reports, now),
                    // It stays as it is in the store, and the next daemon goes on with it.
                    Ok(Ran::Suspended) => {}
                    Err(failure) => self.job_failed(job, &failure, now),
                }
            }
            Of::Watch(name) => match result {
                Ok(Ran::Concluded(soaked)) => self.period_concluded(&name, &soaked.verdict, now),
                Ok(Ran::Suspended) => {}
                Err(failure) => {
                    let why = failure.messages.join("; ");
                    tracing::info!(watch = name, run = %id, "not watched for now: {why}");
                    self.watch_lost(&name, &why, now);
                    self.watches.ended(&name, Some(why), now);
                }
            },
        }
        self.tidy();
    }

    fn job_concluded(&mut self, id: u64, soaked: &Soaked, reports: &[String], now: Timestamp) {
        if let Err(failure) = soak::write_reports_of(soaked, &self.store, reports) {
            tracing::warn!(run = soaked.verdict.run.id, "reports are missing: {}", failure.messages.join("; "));
        }
        self.conclude_job(id, &soaked.verdict, now);
    }

    fn conclude_job(&mut self, id: u64, verdict: &Verdict, now: Timestamp) {
        let Some(job) = self.jobs.concluded(id, verdict, now) else { return };
        if let Some(by) = self.cancelled.remove(&id) {
            self.mark_cancelled(job, &by);
            return;
        }
        let subject = job.schedule.as_deref().unwrap_or(&job.name);
        let stand = Stand::Verdict { outcome: verdict.outcome };
        let run = Some(verdict.run.id.as_str());
        self.standings.take(subject, stand, &verdict.summary, run, &self.config.alerts, now);
    }

    fn job_failed(&mut self, id: u64, failure: &Failure, now: Timestamp) {
        if let Some(by) = self.cancelled.remove(&id) {
            if let Some(job) = self.jobs.cancelled(id, Some(failure), now) {
                self.mark_cancelled(job, &by);
            }
            return;
        }
        let Some(job) = self.jobs.failed(id, failure, now) else { return };
        if job.state == super::status::JobState::Failed {
            let subject = job.schedule.as_deref().unwrap_or(&job.name);
            let (summary, run) = (failure.messages.join("; "), job.run.as_deref());
            self.standings.take(subject, Stand::Failed, &summary, run, &self.config.alerts, now);
        }
    }

    /// A job that somebody has taken back says so, whatever its run came to.
    fn mark_cancelled(&mut self, mut job: Job, by: &str) {
        job.state = super::status::JobState::Cancelled;
        let came_to = job.message.take();
        job.message = Some(match came_to {
            Some(came_to) => format!("cancelled by {by}: {came_to}"),
            None => format!("cancelled by {by}"),
        });
        if let Err(error) = self.store.set_job(&job) {
            tracing::error!(job = job.id, %error, "what became of the job is not kept");
        }
        self.handle.board().tell(LiveEvent::Job { job: Box::new(job) });
    }

    fn period_concluded(&mut self, name: &str, verdict: &Verdict, now: Timestamp) {
        tracing::info!(watch = name, run = verdict.run.id, "a period has ended");
        logging::verdict(verdict);
        // An inconclusive period says nothing new: what stood before it goes on to stand.
        if verdict.outcome != Outcome::Inconclusive || self.standings.of(name).stand.is_none() {
            let stand = Stand::Verdict { outcome: verdict.outcome };
            let run = Some(verdict.run.id.as_str());
            let standing = self.standings.take(name, stand, &verdict.summary, run, &self.config.alerts, now);
            self.watches.stands(name, standing);
        }
        if matches!(verdict.run.ended, EndedWhy::TargetExited { .. }) {
            // What comes next tells whether it comes back.
            self.watches.ended(name, Some("the target has ended".to_owned()), now);
        } else {
            self.watches.ended(name, None, now);
        }
    }

    /// The target of a watch that was there is not there.
    fn watch_lost(&mut self, name: &str, why: &str, now: Timestamp) {
        let was_seen = self.watches.standing(name).is_some_and(|standing| standing.stand.is_some());
        if was_seen {
            let standing = self.standings.take(name, Stand::Lost, why, None, &self.config.alerts, now);
            self.watches.stands(name, standing);
        }
    }

    /// The evidence has decided in a run that goes on.
    fn decided(&mut self, found: &Found) {
        let Some(Of::Watch(name)) = self.runs.whose(&found.run).cloned() else { return };
        let now = clock::now();
        let summary = format!("`{}` leaks, as the period that goes on shows by now", found.metric);
        let stand = Stand::Verdict { outcome: Outcome::Fail };
        let standing = self.standings.take(&name, stand, &summary, Some(&found.run), &self.config.alerts, now);
        self.watches.stands(&name, standing);
    }

    fn obey(&mut self, order: Order) {
        let now = clock::now();
        match order {
            Order::Submit { submission, reply } => answer(reply, self.submit(*submission, now)),
            Order::Cancel { which, by, reply } => answer(reply, self.cancel(&which, &by, now)),
            Order::Trigger { name, reply } => answer(reply, self.trigger(&name, now)),
            Order::Reload { reply } => {
                let reloaded = self.reload();
                answer(reply, reloaded);
            }
        }
    }

    fn submit(&mut self, submission: Submission, now: Timestamp) -> Result<Job, Refusal> {
        self.refuse_if_full()?;
        // What cannot run is refused at once, rather than when nobody looks any more.
        let plan = planning::plan(&submission, &self.config)?;
        let name = submission.name.clone().unwrap_or_else(|| plan.profile.name.clone());
        let job = self.jobs.add(submission, name, None, now)?;
        job.ok_or_else(|| Refusal::Conflict("it was queued before".to_owned()))
    }

    fn trigger(&mut self, name: &str, now: Timestamp) -> Result<Job, Refusal> {
        self.refuse_if_full()?;
        let due = self.schedules.besides(name);
        let due = due.ok_or_else(|| Refusal::NotFound(format!("the schedule has no entry `{name}`")))?;
        let job = self.jobs.add(due.submission, name.to_owned(), Some(due.scheduled), now)?;
        let job = job.ok_or_else(|| Refusal::Conflict("it was queued before".to_owned()))?;
        self.schedules.queued(name, job.id);
        Ok(job)
    }

    fn refuse_if_full(&self) -> Result<(), Refusal> {
        let waiting = self.jobs.waiting().len() as u64;
        if waiting >= u64::from(self.config.limits.queued) { Err(Refusal::QueueFull(waiting)) } else { Ok(()) }
    }

    fn cancel(&mut self, which: &str, by: &str, now: Timestamp) -> Result<Job, Refusal> {
        let job = self.jobs.find(which)?.ok_or_else(|| Refusal::NotFound(format!("there is no job `{which}`")))?;
        if let Some(job) = self.jobs.cancel_queued(job.id, by, now) {
            return Ok(job);
        }
        if self.runs.end(&Of::Job(job.id), &format!("cancelled by {by}")) {
            tracing::info!(job = job.id, name = job.name, "the run is ended, cancelled by {by}");
            self.cancelled.insert(job.id, by.to_owned());
            return Ok(job);
        }
        Err(Refusal::Conflict(format!("job {} has ended", job.id)))
    }

    /// Reads the configuration again; where the new one is wrong the old one goes on.
    fn reload(&mut self) -> Result<Vec<String>, Refusal> {
        let new = Config::load(&self.config_file, self.when_missing).map_err(|error| Refusal::Invalid {
            message: error.to_string(),
            hint: Some("the configuration as it was before goes on to hold".to_owned()),
        })?;
        let changes: Vec<String> = Config::difference(&self.config, &new).iter().map(ToString::to_string).collect();
        self.config = new;
        self.handle.board().set_profile_folders(self.config.daemon.profiles.clone());
        self.schedules = Schedules::new(Rc::clone(&self.store), &self.config, &self.host);
        self.configure_watches();
        for change in &changes {
            tracing::info!("reloaded: {change}");
        }
        if changes.is_empty() {
            tracing::info!("reloaded: nothing has changed");
        }
        self.handle.board().tell(LiveEvent::Reloaded);
        Ok(changes)
    }

    fn reload_for_manager(&mut self) {
        self.notify.reloading();
        let refused = self.reload().err();
        let mut remarks = Vec::new();
        if let Some(refusal) = &refused {
            tracing::error!("the new configuration is refused and the old one goes on: {refusal}");
            remarks.push(format!("a new configuration was refused: {refusal}"));
        }
        self.handle.board().update(|status| {
            status.daemon.remarks.retain(|remark| !remark.starts_with("a new configuration"));
            status.daemon.remarks.extend(remarks);
        });
        self.notify.ready(&self.status);
    }

    fn configure_watches(&mut self) {
        let now = clock::now();
        let standings = &self.standings;
        for name in self.watches.configure(&self.config, now, |name| standings.of(name)) {
            self.runs.end(&Of::Watch(name), "it is no longer watched");
        }
    }

    /// Takes up, judges or queues again what the last daemon left.
    fn recover(&mut self, running: Vec<Job>) -> Result<(), Failure> {
        let now = clock::now();
        for job in running {
            let Some(run) = job.run.clone() else {
                self.jobs.again(job);
                continue;
            };
            let id = job.id;
            match recovery::recover(&self.store, &run)? {
                Recovered::NeverBegan => {
                    tracing::warn!(job = id, "had not begun when the daemon ended, and waits again");
                    self.jobs.again(job);
                }
                Recovered::GoesOn(record, policy) => {
                    tracing::info!(job = id, run, "goes on after a break");
                    self.jobs.goes_on(job);
                    self.resume(Of::Job(id), *record, *policy);
                }
                Recovered::Judged(verdict) => {
                    tracing::warn!(job = id, run, "was cut off, and is judged on what there is");
                    self.jobs.goes_on(job);
                    self.conclude_job(id, &verdict, now);
                }
                Recovered::Failed(failure) => {
                    self.jobs.goes_on(job);
                    self.job_failed(id, &failure, now);
                }
            }
        }
        let watches: Vec<(String, String)> = self
            .config
            .watches
            .iter()
            .filter_map(|entry| Some((entry.name.clone(), self.watches.standing(&entry.name)?.run.clone()?)))
            .collect();
        for (name, run) in watches {
            match recovery::recover(&self.store, &run)? {
                Recovered::GoesOn(record, policy) => {
                    tracing::info!(watch = name, run, "goes on after a break");
                    self.resume(Of::Watch(name), *record, *policy);
                }
                Recovered::Judged(verdict) => {
                    // A period that had ended before has been told.
                    if verdict.run.ended == EndedWhy::SoakdKilled {
                        self.period_concluded(&name, &verdict, now);
                    }
                }
                Recovered::NeverBegan | Recovered::Failed(_) => {}
            }
        }
        Ok(())
    }

    fn resume(&mut self, of: Of, record: crate::store::RunRecord, policy: RunPolicy) {
        let id = record.run.id.clone();
        let keeper = self.keeper(&policy);
        let start = Start { of: of.clone(), id, keeper, policy, resumes: Some(record) };
        match of {
            Of::Watch(name) => self.start_watch(&name, start),
            Of::Job(_) => self.runs.start(start),
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

fn answer<T>(reply: oneshot::Sender<Result<T, Refusal>>, result: Result<T, Refusal>) {
    // Who asked may have gone.
    let _ = reply.send(result);
}

fn refuse(order: Order) {
    match order {
        Order::Submit { reply, .. } | Order::Cancel { reply, .. } | Order::Trigger { reply, .. } => {
            answer(reply, Err(Refusal::Stopping));
        }
        Order::Reload { reply } => answer(reply, Err(Refusal::Stopping)),
    }
}

fn unreadable(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Store(error) => crate::exit_of::store(error),
        other => Failure::new(crate::exit::Exit::Internal, other.to_string()),
    }
}
