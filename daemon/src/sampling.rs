//! Samples are taken on a thread of their own, so that neither a busy run nor a slow disk makes them late.
//!
//! The thread owns its files and buffers; it gets commands over one channel and hands samples over another. Where the
//! run falls behind, the thread waits, and the ticks that it misses meanwhile are counted as missed.

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use soakd_sampler::{
    CgroupLayout, CgroupSampler, Detail, DiskUsage, HostSampler, Membership, MetricId, MetricSet, PhaseMark, ProcRoot,
    ReadCost, Reading, SampleError, Sampler, SamplerReport, SamplerStatus, TreeOptions, TreeSampler,
};
use tokio::sync::mpsc as events;

use crate::clock::{self, HostClocks, RunClock, Stopwatch};
use crate::disk_watch::DiskWatch;
use crate::exit::{Exit, Failure};
use crate::members::{Members, ProcessSample};
use crate::operations::{self, OperationCount};
use crate::reading_totals;
use crate::target::LineCounter;
use crate::ticker::Ticker;

/// Samples that may wait for the run.
const WAITING_SAMPLES: usize = 64;
/// The host is read at most this often; it is context.
const HOST_EVERY_S: f64 = 1.0;

/// What to sample, and how often.
#[derive(Debug, Clone)]
pub struct SamplingOptions {
    /// What is asked for.
    pub metrics: Vec<MetricId>,
    /// Time from one sample to the next.
    pub interval: Duration,
    /// Time from one reading of what costs several times as much as memory (CPU time, faults, resident pages of files) to
    /// the next.
    pub full_interval: Duration,
    /// Time from one walk through the address space, and one look at every descriptor, to the next.
    pub slow_interval: Duration,
    /// Whether processes are handed over one by one too, where there are several.
    pub per_process: bool,
    /// How long the run is planned to last, in seconds: a short one reads processes one by one more often.
    pub planned_s: f64,
    /// Files and folders whose disk space is measured.
    pub disk: Vec<PathBuf>,
    /// Where operations are counted.
    pub operations: OperationSource,
}

/// Where the number of operations is read with each sample.
#[derive(Debug, Clone)]
pub enum OperationSource {
    /// The target itself, where it has a probe and says so; nobody otherwise.
    Probe,
    /// Lines of output that matched.
    Lines(LineCounter),
    /// The first word of a file.
    File(PathBuf),
    /// A count that somebody else keeps.
    Shared(OperationCount),
}

impl OperationSource {
    /// The number so far; `totals` is what was just read of the target.
    #[must_use]
    pub fn read(&self, totals: &Reading) -> Option<f64> {
        match self {
            Self::Probe => totals.get(MetricId::Operations),
            Self::Lines(counter) => Some(counter.count() as f64),
            Self::File(path) => operations::read_file(path),
            Self::Shared(count) => count.get(),
        }
    }
}

/// Why a sample was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleKind {
    /// Its tick was due.
    Tick,
    /// It was asked for, between two ticks; see [`Sampling::read_now`].
    Asked,
}

/// All values read at one instant.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Why it was taken.
    pub kind: SampleKind,
    /// When, in seconds of the run.
    pub t_s: f64,
    /// Sums over the target.
    pub totals: Reading,
    /// What was read of the target; the rest of `totals` is missing because it was not its turn.
    pub due: MetricSet,
    /// The host, where it was due.
    pub host: Option<Reading>,
    /// Processes of their own, where there are several and it was due.
    pub processes: Vec<ProcessSample>,
    /// Operations so far.
    pub operations: Option<f64>,
    /// Phases that the target said it began since the sample before: when, in seconds of the run, and how each is called.
    pub marks: Vec<(f64, String)>,
    /// Ticks that were missed since the sample before.
    pub missed_ticks_count: u64,
    /// Seconds that the host was suspended since the sample before; see [`HostClocks`].
    pub suspended_s: f64,
    /// Seconds by which the wall clock was set forward since then, below zero backward.
    pub clock_jumped_s: f64,
    /// The target's own cgroup was found to hold others as well, which it had not before.
    pub cgroup_is_shared: bool,
    /// What each of the named paths takes, in their order, where they were counted since the sample before.
    pub disk: Vec<DiskUsage>,
    /// Processes that came, and went, since the sample before.
    pub arrivals_count: usize,
    /// See `arrivals_count`.
    pub departures_count: usize,
}

/// What is known about the target's own cgroup.
#[derive(Debug, Clone)]
pub struct CgroupReport {
    /// How it did.
    pub status: SamplerStatus,
    /// What it cost. Where it was not the target's own from the beginning it was never read.
    pub cost: ReadCost,
    /// Times that it was due and was left out, so as to stay cheap.
    pub put_off_count: u64,
    /// The longest pause that its cost led to.
    pub longest_pause: Duration,
    /// Which hierarchies there are: v1 alone has no witness of a leak.
    pub layout: CgroupLayout,
}

/// What is known about the sampling when it is over.
#[derive(Debug, Clone)]
pub struct SamplingReport {
    /// How each source did.
    pub samplers: Vec<SamplerReport>,
    /// How the target's own cgroup did; `None` where nothing of it was asked for.
    pub cgroup: Option<CgroupReport>,
    /// Processes that the kernel killed for want of memory in the target's own cgroup; `None` where that is not known.
    pub oom_kills: Option<f64>,
    /// What keeps the named paths from being measured, in words.
    pub disk_faults: Vec<String>,
    /// How long whole samples took.
    pub cost: ReadCost,
    /// Samples that were taken more than a tenth of the interval late.
    pub late_ticks_count: u64,
    /// Processes that could not be looked into; some may belong to the target.
    pub unreadable_count: usize,
}

#[derive(Debug)]
enum Command {
    /// The target is made of other processes from now on.
    Follow(Membership),
    /// A reading beside the ticks.
    Read(Detail),
    Stop,
}

/// The sampling thread, as the run holds it.
#[derive(Debug)]
pub struct Sampling {
    commands: mpsc::Sender<Command>,
    /// In boxes, since a channel has room for dozens from the beginning, and a run hardly ever lets two wait.
    samples: events::Receiver<Box<Sample>>,
    thread: std::thread::JoinHandle<SamplingReport>,
}

impl Sampling {
    /// Starts to sample the processes of `membership`. Ticks count from now.
    ///
    /// # Errors
    /// [`Exit::Internal`] where no thread can be started.
    pub fn start(clock: RunClock, membership: Membership, options: SamplingOptions) -> Result<Self, Failure> {
        let (commands, orders) = mpsc::channel();
        let (hand_over, samples) = events::channel(WAITING_SAMPLES);
        let thread = std::thread::Builder::new()
            .name("sampling".to_owned())
            .spawn(move || Loop::new(clock, membership, options).run(&orders, &hand_over))
            .map_err(|error| Failure::new(Exit::Internal, format!("cannot start the sampling thread: {error}")))?;
        Ok(Self { commands, samples, thread })
    }

    /// The next sample; `None` once sampling has stopped. Cancel-safe.
    pub async fn next(&mut self) -> Option<Sample> {
        self.samples.recv().await.map(|sample| *sample)
    }

    /// The target is made of other processes from now on.
    pub fn follow(&self, membership: Membership) {
        // A thread that has ended has no use for it.
        let _ = self.commands.send(Command::Follow(membership));
    }

    /// Asks for a reading of the target at once, beside the ticks. It comes as a sample like the others, of its own kind.
    pub fn read_now(&self, detail: Detail) {
        // A thread that has ended has no use for it.
        let _ = self.commands.send(Command::Read(detail));
    }

    /// Ends the sampling. Samples that still wait are handed to `last`.
    ///
    /// # Errors
    /// [`Exit::Internal`] where the thread has panicked.
    pub async fn stop(mut self, mut last: impl FnMut(Sample)) -> Result<SamplingReport, Failure> {
        let _ = self.commands.send(Command::Stop);
        // The thread may wait for room: take what it has until it is gone.
        while let Some(sample) = self.samples.recv().await {
            last(*sample);
        }
        // It has let go of its end of the channel, which is the last that it does.
        self.thread.join().map_err(|_| Failure::new(Exit::Internal, "the sampling thread has panicked"))
    }
}

/// A reading of the run took so long, and so did one of the process.
fn record(cost: &mut ReadCost, took: Duration) {
    cost.record(1, took);
    reading_totals::add(took);
}

struct Loop {
    clock: RunClock,
    options: SamplingOptions,
    sampler: TreeSampler,
    host: Option<HostSampler>,
    cgroup: Option<CgroupSampler>,
    disk: Option<DiskWatch>,
    ticker: Ticker,
    cost: ReadCost,
    late_ticks_count: u64,
    clocks: HostClocks,
    host_due_s: f64,
    full_due_s: f64,
    slow_due_s: f64,
    members: Members,
}

impl Loop {
    fn new(clock: RunClock, membership: Membership, options: SamplingOptions) -> Self {
        Self {
            sampler: tree_sampler(clock, membership, &options.metrics),
            host: HostSampler::open(&ProcRoot::default()).ok(),
            cgroup: cgroup_sampler(&options.metrics),
            disk: DiskWatch::start(options.disk.clone(), options.interval),
            ticker: Ticker::new(clock.t_s(), options.interval.as_secs_f64()),
            cost: ReadCost::default(),
            late_ticks_count: 0,
            clocks: HostClocks::read(),
            host_due_s: 0.0,
            full_due_s: 0.0,
            slow_due_s: 0.0,
            members: Members::new(options.planned_s),
            clock,
            options,
        }
    }

    fn run(mut self, orders: &mpsc::Receiver<Command>, hand_over: &events::Sender<Box<Sample>>) -> SamplingReport {
        loop {
            match orders.recv_timeout(self.clock.until(self.ticker.deadline_s())) {
                Ok(Command::Follow(membership)) => {
                    self.sampler = tree_sampler(self.clock, membership, &self.options.metrics);
                    self.cgroup = cgroup_sampler(&self.options.metrics);
                    self.members.restart();
                }
                Ok(Command::Read(detail)) => {
                    if hand_over.blocking_send(Box::new(self.read(detail))).is_err() {
                        break;
                    }
                }
                Ok(Command::Stop) | Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let Some(sample) = self.tick() else { continue };
                    if hand_over.blocking_send(Box::new(sample)).is_err() {
                        break;
                    }
                }
            }
        }
        SamplingReport {
            samplers: self.sampler.reports().to_vec(),
            cgroup: self.cgroup.as_ref().map(|cgroup| CgroupReport {
                status: cgroup.status(),
                cost: cgroup.cost().clone(),
                put_off_count: cgroup.put_off_count(),
                longest_pause: cgroup.longest_pause(),
                layout: cgroup.layout(),
            }),
            oom_kills: self.cgroup.as_mut().and_then(CgroupSampler::oom_kills),
            disk_faults: self.disk.as_ref().map(DiskWatch::faults).unwrap_or_default(),
            cost: self.cost,
            late_ticks_count: self.late_ticks_count,
            unreadable_count: self.sampler.unreadable_count(),
        }
    }

    /// A reading that was asked for. What belongs to ticks is left to them: host, processes one by one, gaps.
    fn read(&mut self, detail: Detail) -> Sample {
        let t_s = self.clock.t_s();
        let watch = Stopwatch::start();
        let reading = self.sampler.tick_at_once(detail);
        let operations = self.options.operations.read(&reading.totals);
        record(&mut self.cost, watch.elapsed());
        Sample {
            kind: SampleKind::Asked,
            t_s,
            totals: reading.totals,
            due: reading.due,
            host: None,
            processes: Vec::new(),
            operations,
            marks: marks(&reading.marks, self.clock.t_s(), clock::monotonic_nanos()),
            missed_ticks_count: 0,
            suspended_s: 0.0,
            clock_jumped_s: 0.0,
            cgroup_is_shared: false,
            disk: Vec::new(),
            arrivals_count: reading.arrivals.len(),
            departures_count: reading.departures.len(),
        }
    }

    /// The sample of the tick that is due, if one is.
    fn tick(&mut self) -> Option<Sample> {
        let t_s = self.clock.t_s();
        let due = self.ticker.due(t_s)?;
        if due.late_s > 0.1 * self.options.interval.as_secs_f64() {
            self.late_ticks_count += 1;
            reading_totals::add_late_tick();
        }
        let interval_s = self.options.interval.as_secs_f64();
        let is_due = |due_s: &mut f64, every_s| is_due(due_s, t_s, every_s, interval_s);
        let detail = if is_due(&mut self.slow_due_s, self.options.slow_interval.as_secs_f64()) {
            Detail::Slow
        } else if is_due(&mut self.full_due_s, self.options.full_interval.as_secs_f64()) {
            Detail::Full
        } else {
            Detail::Fast
        };
        let watch = Stopwatch::start();
        let reading = self.sampler.tick(detail);
        // The counter is read right beside the memory that its operations cost.
        let operations = self.options.operations.read(&reading.totals);
        let mut totals = reading.totals;
        let mut cgroup_is_shared = false;
        if let Some(cgroup) = &mut self.cgroup {
            let clock = self.clock;
            let was_own = matches!(cgroup.status(), SamplerStatus::Active | SamplerStatus::Slowed { .. });
            cgroup.read(&reading.members, &mut totals, &mut || clock.since_start());
            cgroup_is_shared = was_own && cgroup.status() == SamplerStatus::Failed(SampleError::CgroupShared);
        }
        let disk = self.disk.as_ref().and_then(|disk| disk.take(&mut totals)).unwrap_or_default();
        record(&mut self.cost, watch.elapsed());
        let due_metrics = reading.due;
        let processes = if self.options.per_process { self.members.pick(reading, t_s, interval_s) } else { Vec::new() };
        let marks = marks(&reading.marks, self.clock.t_s(), clock::monotonic_nanos());
        let (arrivals_count, departures_count) = (reading.arrivals.len(), reading.departures.len());
        let host = self.host.as_mut().filter(|_| is_due(&mut self.host_due_s, HOST_EVERY_S)).map(|host| {
            let mut reading = Reading::default();
            // What cannot be read is missing from the reading: the host is context, and nobody judges it.
            let _ = host.read(&mut reading);
            reading
        });
        let clocks = HostClocks::read();
        let earlier = std::mem::replace(&mut self.clocks, clocks);
        Some(Sample {
            kind: SampleKind::Tick,
            t_s,
            totals,
            due: due_metrics,
            host,
            processes,
            operations,
            marks,
            missed_ticks_count: due.missed,
            suspended_s: clocks.suspended_s(&earlier),
            clock_jumped_s: clocks.jumped_s(&earlier),
            cgroup_is_shared,
            disk,
            arrivals_count,
            departures_count,
        })
    }
}

/// The marks with their times in the run, those of before it left out. The run is at `now_s` when the clock of the marks is at
/// `now_nanos`. A sample is no measure of that: it is older by what its reading took, and a mark of the first moments would come to lie
/// before the run.
fn marks(marks: &[PhaseMark], now_s: f64, now_nanos: u64) -> Vec<(f64, String)> {
    // The target's word is taken for no time that it cannot have been.
    let ago_s = |mark: &PhaseMark| Duration::from_nanos(now_nanos.saturating_sub(mark.monotonic_nanos)).as_secs_f64();
    marks.iter().map(|mark| (now_s - ago_s(mark), mark.name.clone())).filter(|(at_s, _)| *at_s >= 0.0).collect()
}

/// Whether something that happens every `every_s` seconds is due on the tick at `t_s`; if so, the next time is set.
///
/// Ticks come a little late, each by another amount: of those every `interval_s`, the nearest one is meant.
fn is_due(due_s: &mut f64, t_s: f64, every_s: f64, interval_s: f64) -> bool {
    let due = t_s >= *due_s - 0.5 * interval_s;
    if due {
        *due_s = t_s + every_s;
    }
    due
}

fn tree_sampler(clock: RunClock, membership: Membership, metrics: &[MetricId]) -> TreeSampler {
    let mut options = TreeOptions::new(ProcRoot::default(), membership);
    options.metrics = metrics.to_vec();
    // Growth is laid on operations whatever is recorded.
    options.metrics.push(MetricId::Operations);
    TreeSampler::new(options, Box::new(move || clock.since_start()))
}

/// A reader of the target's own cgroup, where anything of it is asked for.
fn cgroup_sampler(metrics: &[MetricId]) -> Option<CgroupSampler> {
    let is_wanted = metrics.iter().any(|metric| metric.name().starts_with("cgroup_"));
    is_wanted.then(|| CgroupSampler::new(&ProcRoot::default()).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use soakd_sampler::ProcessId;

    use super::*;

    #[test]
    fn a_phase_began_when_the_target_says_if_that_can_be() {
        let process = ProcessId { start_ticks: 1, pid: 2 };
        let mark = |monotonic_nanos| PhaseMark { process, monotonic_nanos, name: "warm".to_owned() };
        let now = 60_000_000_000;
        let told = marks(&[mark(now - 500_000_000), mark(now + 1), mark(1)], 8.0, now);
        assert_eq!(told, [(7.5, "warm".to_owned()), (8.0, "warm".to_owned())]);
    }

    #[test]
    fn what_is_due_on_every_nth_tick_does_not_slip_to_the_next_for_a_tick_that_comes_early() {
        for (interval_s, every_s, expected) in [(1.0, 1.0, 100), (0.1, 1.0, 10), (1.0, 30.0, 4), (5.0, 1.0, 100)] {
            let mut due_s = 0.0;
            let late_s = |tick: u32| if tick.is_multiple_of(3) { 0.02 * interval_s } else { 0.001 * interval_s };
            let ticks = (0..100).map(|tick| f64::from(tick) * interval_s + late_s(tick));
            let count = ticks.filter(|t_s| is_due(&mut due_s, *t_s, every_s, interval_s)).count();
            assert_eq!(count, expected, "every {every_s} s at {interval_s} s");
        }
    }
}
