//! What the target or its surroundings tell by themselves: endpoints, commands, the heaps of runtimes.
//!
//! Each source of the profile is asked at its own interval, on a thread that has nothing else to do: one that hangs, floods or
//! lies holds up neither the samples nor the run. What it answers is stamped with the time at which the answer was there, and
//! goes to the run over a bounded channel. What it does not answer has a name: see [`failure::SourceFailure`].
//!
//! | module | what it holds |
//! |---|---|
//! | `asking` | one question and its answer, by kind |
//! | `command` | commands that end whatever happens |
//! | `jvm`, `jvm_attach` | Java virtual machines, asked as `jcmd` asks them |
//! | `offer` | from an answer's text to numbers with names |
//! | `selection` | from these to series |
//! | [`failure`] | what can be wrong with a source |

mod asking;
mod command;
pub mod failure;
mod jvm;
mod jvm_attach;
mod offer;
mod selection;

use std::time::Duration;

use soakd_profiles::Profile;
use soakd_sampler::Membership;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use self::asking::Asking;
use self::failure::SourceFailure;
use self::selection::Selection;
use crate::clock::{RunClock, Stopwatch};
use crate::exit::{Exit, Failure};
use crate::exposition::Kind;
use crate::keeper::KeeperProgram;
use crate::target_spec;

/// Readings that may wait for the run.
const WAITING_READINGS: usize = 64;
/// A source is asked for no more than one part in so many of the time: what is dear is asked less often.
const DUTY_CYCLE: u32 = 20;

/// One number of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceValue {
    /// Name of its series, with its unit.
    pub series: String,
    /// The number; always finite.
    pub value: f64,
    /// What it is.
    pub kind: Kind,
}

/// What came of asking a source once.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceReading {
    /// Which source: its place among those of the profile.
    pub source: usize,
    /// When the answer was there, or the attempt was given up, in seconds of the run.
    pub t_s: f64,
    /// How long that took.
    pub took: Duration,
    /// The numbers; none where it did not answer.
    pub values: Vec<SourceValue>,
    /// What went wrong with all or some of them.
    pub failures: Vec<SourceFailure>,
    /// The number from which the heap is taken, where that shows for the first time.
    pub heap: Option<String>,
    /// Names that it offers and that are not recorded: there are too many, or two are spelled alike.
    pub left_out_count: usize,
    /// One of these names.
    pub left_out_example: Option<String>,
    /// The time between two readings, where that is longer than the interval since one takes so long.
    pub slowed_to: Option<Duration>,
    /// It was asked for beside the interval; see [`Sources::ask_now`].
    pub is_asked: bool,
}

/// What the thread has to know.
#[derive(Debug, Clone)]
struct Orders {
    membership: Membership,
    /// How often all were asked for a reading at once.
    asked_count: u64,
    is_over: bool,
}

/// The sources of a run, as the run holds them.
#[derive(Debug)]
pub struct Sources {
    orders: watch::Sender<Orders>,
    readings: mpsc::Receiver<SourceReading>,
    thread: std::thread::JoinHandle<()>,
}

/// The sources of a profile, ready to be asked.
#[derive(Debug)]
pub struct SourceSpecs(Vec<Following>);

impl SourceSpecs {
    /// Those of `profile`, in the order of their names; `keeper` keeps the commands among them.
    ///
    /// # Errors
    /// [`Exit::Config`] where one cannot be asked at all: an address that is none.
    pub fn of(profile: &Profile, keeper: &KeeperProgram) -> Result<Self, Failure> {
        let specs = profile.sources.iter().enumerate().map(|(number, (name, source))| {
            let spec = |command: &[String]| target_spec::command_spec(profile, command, keeper);
            Ok(Following {
                number,
                asking: Asking::new(name, source, spec)?,
                selection: Selection::new(source.clone()),
                interval: source.interval,
                timeout: source.timeout,
            })
        });
        specs.collect::<Result<_, Failure>>().map(Self)
    }
}

impl Sources {
    /// Starts to ask `specs`; `None` where there are none. `membership` is the target.
    ///
    /// # Errors
    /// [`Exit::Internal`] where no thread can be started.
    pub fn start(clock: RunClock, membership: Membership, specs: SourceSpecs) -> Result<Option<Self>, Failure> {
        if specs.0.is_empty() {
            return Ok(None);
        }
        let refused =
            |error: std::io::Error| Failure::new(Exit::Internal, format!("cannot start to ask the sources: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(refused)?;
        let (orders, hear) = watch::channel(Orders { membership, asked_count: 0, is_over: false });
        let (hand_over, readings) = mpsc::channel(WAITING_READINGS);
        let thread = std::thread::Builder::new()
            .name("sources".to_owned())
            .spawn(move || {
                let following = specs.0.into_iter().map(|spec| spec.follow(clock, hear.clone(), hand_over.clone()));
                runtime.block_on(futures_util::future::join_all(following));
                // A name that nobody resolves keeps a thread busy; nobody waits for that.
                runtime.shutdown_background();
            })
            .map_err(refused)?;
        Ok(Some(Self { orders, readings, thread }))
    }

    /// The next reading; waits for ever once all have stopped. Cancel-safe.
    pub async fn next(&mut self) -> SourceReading {
        match self.readings.recv().await {
            Some(reading) => reading,
            None => std::future::pending().await,
        }
    }

    /// The target is made of other processes from now on.
    pub fn follow(&self, membership: Membership) {
        self.orders.send_modify(|orders| orders.membership = membership);
    }

    /// Asks each source for one reading at once, beside its interval. It comes like the others, marked as asked for. One that has to
    /// pause, since it takes long, gives [`SourceFailure::Pauses`] instead.
    pub fn ask_now(&self) {
        self.orders.send_modify(|orders| orders.asked_count += 1);
    }

    /// Stops asking, and ends what was started for it. Readings that still wait are handed to `last`.
    ///
    /// # Errors
    /// [`Exit::Internal`] where the thread has panicked.
    pub async fn stop(mut self, mut last: impl FnMut(SourceReading)) -> Result<(), Failure> {
        self.orders.send_modify(|orders| orders.is_over = true);
        // The thread may wait for room: take what it has until it is gone.
        while let Some(reading) = self.readings.recv().await {
            last(reading);
        }
        self.thread.join().map_err(|_| Failure::new(Exit::Internal, "the thread that asks the sources has panicked"))
    }
}

/// One source that is asked again and again.
#[derive(Debug)]
struct Following {
    number: usize,
    asking: Asking,
    selection: Selection,
    interval: Duration,
    timeout: Duration,
}

impl Following {
    async fn follow(
        mut self,
        clock: RunClock,
        orders: watch::Receiver<Orders>,
        hand_over: mpsc::Sender<SourceReading>,
    ) {
        let interval_s = self.interval.as_secs_f64();
        let first_s = clock.t_s();
        let (mut due_s, mut paused_until_s, mut asked_count) = (first_s, first_s, 0);
        loop {
            let is_asked = tokio::select! {
                biased;
                () = over(orders.clone()) => return,
                count = asked(orders.clone(), asked_count) => {
                    asked_count = count;
                    true
                }
                () = sleep_until(Instant::from_std(clock.instant(due_s))) => false,
            };
            let membership = orders.borrow().membership.clone();
            let watch = Stopwatch::start();
            let pauses_s = paused_until_s - clock.t_s();
            let answer = if is_asked && pauses_s > 0.0 {
                Some(Err(SourceFailure::Pauses(Duration::try_from_secs_f64(pauses_s).unwrap_or_default())))
            } else {
                self.asking.ask(&membership, self.timeout, over(orders.clone())).await
            };
            let (took, t_s) = (watch.elapsed(), clock.t_s());
            let Some(answer) = answer else { return };
            let pause = if answer.is_ok() { took * DUTY_CYCLE } else { Duration::ZERO };
            let reading = SourceReading { is_asked, ..self.reading(t_s, took, pause, answer) };
            let sent = tokio::select! {
                biased;
                sent = hand_over.send(reading) => sent.is_ok(),
                () = over(orders.clone()) => false,
            };
            if !sent {
                return;
            }
            // The next of the times that the interval names, and not before the pause is over.
            paused_until_s = paused_until_s.max(t_s - took.as_secs_f64() + pause.as_secs_f64());
            let earliest_s = clock.t_s().max(paused_until_s);
            due_s = first_s + ((earliest_s - first_s) / interval_s).floor().mul_add(interval_s, interval_s);
        }
    }

    fn reading(
        &mut self,
        t_s: f64,
        took: Duration,
        pause: Duration,
        answer: Result<offer::Offer, SourceFailure>,
    ) -> SourceReading {
        let selected = match answer {
            Ok(offer) => self.selection.select(&offer),
            Err(failure) => selection::Selected { failures: vec![failure], ..selection::Selected::default() },
        };
        let left_out = self.selection.left_out();
        SourceReading {
            source: self.number,
            t_s,
            took,
            values: selected.values,
            failures: selected.failures,
            heap: selected.heap,
            left_out_count: left_out.len(),
            left_out_example: left_out.first().cloned(),
            slowed_to: (pause > self.interval).then_some(pause),
            is_asked: false,
        }
    }
}

/// Resolves once readings were asked for more often than `known`; gives how often.
async fn asked(mut orders: watch::Receiver<Orders>, known: u64) -> u64 {
    match orders.wait_for(|orders| orders.asked_count > known).await {
        Ok(orders) => orders.asked_count,
        // A run that is gone asks for nothing; that it is over is seen elsewhere.
        Err(_) => std::future::pending().await,
    }
}

/// Resolves once the run wants no more.
async fn over(mut orders: watch::Receiver<Orders>) {
    // A run that is gone wants no more either.
    let _ = orders.wait_for(|orders| orders.is_over).await;
}
